"""Studies as they are exported: under the objective that was asked for, with their verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from labtui.interop.experiment_log import Exported, Told
from labtui.store.lab import Lab
from labtui.store.records import ENDED, StudyRecord, TrialRecord
from labtui.verdicts.judged import KeptVerdicts
from labtui.verdicts.objective import Asked, reselect
from labtui.verdicts.summary import Entry, counts_text, entries

if TYPE_CHECKING:
    from labtui.analysis.table import StudyTable
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
        from labtui.verdicts.check import check_study

        check = check_study(lab, study, trials)
        yield Exported(
            study,
            trials,
            metric_goals(lab, study),
            check.verdict.findings,
            [_told(one) for one in entries(check.verdict, len(check.table))],
            verdict_line(check),
            retrain_deviation(lab, study, check.table),
            check.answer.sentence,
        )


Tell: TypeAlias = Callable[[str], object]
"""Is told the name of a study before it is judged."""


def logged(
    lab: Lab, studies: Iterable[StudyRecord], *, judged: bool = True, tell: Tell | None = None
) -> Iterator[Exported]:
    """Give studies for the experiment log: with no more of their verdicts than a line.

    Such a line is kept, so that a log is quick when it is asked for again.

    Args:
        lab: Where they are.
        studies: Which, in this order.
        judged: Whether their verdicts are wanted.
        tell: Is told before one is judged, which takes a moment.
    """
    kept = KeptVerdicts(lab.paths)
    for study in studies:
        trials = lab.trials(study.name)
        if not judged:
            yield Exported(study, trials)
            continue
        from labtui.verdicts.answer import answer_of
        from labtui.verdicts.loading import study_table

        judge = _judge(lab, study, trials, tell)
        line = kept.verdict(study, _grounds(lab, study, trials), judge)
        table = study_table(lab, study, trials)
        yield Exported(
            study,
            trials,
            verdict=line,
            retrain_deviation=retrain_deviation(lab, study, table),
            answer=answer_of(lab, study, trials, table).sentence,
        )


def retrain_deviation(lab: Lab, study: StudyRecord, table: StudyTable) -> float | None:
    """Give the retrain deviation that holds for a study: its own, else its workload's."""
    from labtui.analysis.luck import retrained
    from labtui.verdicts.reruns import known_deviation

    reruns = retrained(table)
    if reruns is not None:
        return reruns.best
    known, _ = known_deviation(lab, study, lab.trials(study.name))
    return known.deviation if known is not None else None


def _grounds(lab: Lab, study: StudyRecord, trials: Sequence[TrialRecord]) -> object:
    """What a verdict rests on: its ended trials, the studies after it, what is known of luck."""
    from labtui.verdicts.reruns import known_deviation

    of = lab.workload(study.workload)
    ended = [(one.id, one.revision, one.state) for one in trials if one.state in ENDED]
    launches = [(one.id, one.updated) for one in lab.launches(study=study.name)]
    objective = (study.metric, study.direction, study.selection)
    after = [
        (one.id, one.revision, sorted(one.counts.items()))
        for one in lab.studies()
        if one.parent == study.name
    ]
    luck, _ = known_deviation(lab, study, trials)
    workload = of.card, of.baseline, launches
    return objective, study.total, study.spec_json, ended, after, luck, workload


def _judge(
    lab: Lab, study: StudyRecord, trials: Sequence[TrialRecord], tell: Tell | None
) -> Callable[[], str]:
    def judge() -> str:
        if tell is not None:
            tell(study.name)
        from labtui.verdicts.arm_names import arm_names, renamed
        from labtui.verdicts.check import check_study

        check = check_study(lab, study, trials)
        names = arm_names(lab, study, trials)
        return verdict_line(replace(check, verdict=renamed(check.verdict, names)))

    return judge


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
