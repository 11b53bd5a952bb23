"""The tables of a study's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labtui.analysis.ranking import ranked
from labtui.store.lab import Lab
from labtui.store.records import StudyRecord, TrialRecord
from labtui.verdicts.documents import last_value
from labtui.verdicts.html import Markup, markup, table, tag
from labtui.verdicts.tables import arms, selected_step
from labtui.verdicts.text import (
    MISSING,
    condition_text,
    domain_text,
    duration,
    number,
    share_text,
    value_text,
)

MOST_TRIALS = 1000
"""Rows of the table of trials: more belong into an export."""


def arms_table(study: StudyRecord, trials: Sequence[TrialRecord]) -> Markup:
    """Compare the arms."""
    headers = ("arm", "trials", "completed", "infeasible", "failed", "best", "gap", "step",
               "trial", "median")  # fmt: skip
    rows = [
        (
            row.arm or "all",
            *(number(n) for n in (row.trials, row.completed)),
            *(share_text(n, row.ended) for n in (row.infeasible, row.failed)),
            number(row.best_value),
            number(row.gap),
            number(row.best_step),
            number(row.best_trial),
            number(row.median_value),
        )
        for row in arms(study, trials)
    ]
    return table(headers, rows, right=" ".join(headers[1:]))


def roles_table(definitions: Sequence[Mapping[str, Any]]) -> Markup:
    """Give the role and the values of every hyperparameter."""
    rows = [
        (tag("code", str(d["name"])), d["role"], domain_text(d), condition_text(d) or "always")
        for d in definitions
    ]
    return table(("hyperparameter", "role", "values", "when"), rows)


def trials_table(lab: Lab, study: StudyRecord, trials: Sequence[TrialRecord]) -> Markup:
    """List the trials: completed ones from best to worst, then the others by number."""
    names = _columns(lab.hyperparameters(study.name), trials)
    headers = ("trial", "arm", "state", "objective", "step", "last", *names, "time")
    ordered = _ordered(study, trials)
    rows = [_row(trial, names) for trial in ordered[:MOST_TRIALS]]
    right = " ".join(("trial", "objective", "step", "last", "time", *names))
    said = "Completed trials from best to worst, then the others."
    left_out = len(ordered) - len(rows)
    if left_out:
        said += (
            f" {left_out} of {len(ordered)} are left out here; "
            f"`labtui export {study.name} --what trials` writes them all."
        )
    return markup(tag("p", said, class_="quiet"), table(headers, rows, right=right))


def _columns(definitions: Sequence[Mapping[str, Any]], trials: Sequence[TrialRecord]) -> list[str]:
    """Name the hyperparameters that vary, but for those that the arms name."""
    arms_say = all(trial.arm for trial in trials)
    hidden = ("fixed", "scientific") if arms_say else ("fixed",)
    return list(dict.fromkeys(str(d["name"]) for d in definitions if d["role"] not in hidden))


def _ordered(study: StudyRecord, trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    completed = [trial for trial in trials if trial.state == "completed"]
    order = ranked([trial.value for trial in completed], study.minimize)
    best = [completed[index] for index in order]
    first = {trial.id for trial in best}
    return [*best, *(trial for trial in trials if trial.id not in first)]


def _row(trial: TrialRecord, names: Sequence[str]) -> tuple[str, ...]:
    return (
        str(trial.number),
        trial.arm,
        f"{trial.state}: {trial.reason}" if trial.reason else trial.state,
        number(trial.value),
        number(selected_step(trial)),
        number(last_value(trial)),
        *(value_text(trial.params[n]) if n in trial.params else MISSING for n in names),
        duration(trial.seconds),
    )
