"""Studies as they are exported: under the objective that was asked for, with their verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from labtui.interop.experiment_log import Exported, Told
from labtui.store.lab import Lab
from labtui.store.records import StudyRecord
from labtui.verdicts.objective import Asked, reselect
from labtui.verdicts.summary import Entry, counts_text, entries

if TYPE_CHECKING:
    from labtui.verdicts.check import StudyCheck

MOST_NAMED = 8
"""Findings that the verdict of a study names, notes aside: what fits into a cell that is read."""


def exported(
    lab: Lab, names: Sequence[str], asked: Asked, *, judged: bool = True
) -> Iterator[Exported]:
    """Give studies one at a time, so that only one of them is in memory.

    Args:
        lab: Where they are.
        names: Which, in this order.
        asked: Another objective, if any (P27).
        judged: Whether their verdicts are wanted, which takes the time of `labtui check`.

    Raises:
        UnknownName: A study's trials did not log the metric that was asked for.
        GoalUnknown: It cannot be told which way the metric is better.
    """
    for name in names:
        study, trials = reselect(lab, lab.study(name), asked)
        if not judged:
            yield Exported(study, trials)
            continue
        from labtui.analysis.luck import retrained
        from labtui.verdicts.check import check_study

        check = check_study(lab, study, trials)
        reruns = retrained(check.table)
        yield Exported(
            study,
            trials,
            metric_goals(lab, study),
            check.verdict.findings,
            [_told(one) for one in entries(check.verdict, len(check.table))],
            verdict_line(check),
            reruns.best if reruns else None,
        )


def metric_goals(lab: Lab, study: StudyRecord) -> dict[str, str]:
    """Give ``minimize`` or ``maximize`` of a study's metrics, those left out that do not tell."""
    from labtui.interop.importing.goals import goal_of
    from labtui.verdicts.loading import declared_metrics

    found = {name: goal for name in lab.metrics(study.name) if (goal := goal_of(name))}
    declared = declared_metrics(lab, study).items()
    found |= {name: entry.goal for name, entry in declared if entry.goal}
    return found | lab.metric_goals() | {study.metric: study.direction}


def verdict_line(check: StudyCheck) -> str:
    """Write a verdict in a line: ``1 alert, 1 note: search-boundary learning_rate, high``.

    Alerts and warnings are named; empty while no trial has ended.
    """
    if not len(check.table):
        return ""
    grave = [one for one in entries(check.verdict, len(check.table)) if one.severity != "info"]
    named = [_named(one) for one in grave[:MOST_NAMED]]
    if len(grave) > MOST_NAMED:
        named.append(f"and {len(grave) - MOST_NAMED} more")
    counts = counts_text(check.verdict)
    return f"{counts}: {'; '.join(named)}" if named else counts


def _told(entry: Entry) -> Told:
    first = entry.first
    return Told(
        entry.severity, entry.code, entry.headline, first.message, first.advice, first.procedure
    )


def _named(entry: Entry) -> str:
    return f"{entry.code} {entry.headline}".strip()
