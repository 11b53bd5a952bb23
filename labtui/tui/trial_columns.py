"""Every column that a table of trials can have; the filter line asks for what they show."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from labtui.tui.states import state_text
from labtui.tui.widgets.columns import Column
from labtui.verdicts import trial_fields
from labtui.verdicts.text import MISSING, clean, number, value_text
from labtui.verdicts.trial_fields import (
    BEST,
    PARAMETER,
    RANKED,
    WRITE,
    BestAndLast,
    Field,
    Known,
    metric_of,
    read_metric,
)

if TYPE_CHECKING:
    from labtui.store.records import TrialRecord
    from labtui.tui.feeds import StudyView
    from labtui.verdicts.filters import Language

    Columns: TypeAlias = list[Column[TrialRecord]]

__all__ = [
    "BestAndLast",
    "Known",
    "columns",
    "language",
    "metric_of",
    "parameters",
    "read_metric",
    "usual",
]

WIDEST, WIDEST_METRIC, WIDEST_ARM = 14, 24, 28
"""Cells of the widest column of a hyperparameter, of a metric, and of the arms."""

LABELS = {
    "number": "#",
    "step": "at step",
    "updates": "steps done",
    "seconds": "time",
    "step_time": "a step",
    "tag": "tags",
}
"""Headers that are not the key."""

WIDTHS = {
    "number": 4,
    "state": 13,
    "reason": 28,
    "best": 9,
    "step": 7,
    "last": 9,
    "seed": 10,
    "point": 5,
    "repetition": 10,
    "updates": 10,
    "seconds": 8,
    "step_time": 8,
    "device": 10,
    "attempt": 7,
    "started": 8,
    "tag": 16,
}
"""Cells of the columns."""


def columns(view: StudyView, known: Known) -> Columns:
    """Give every column that there can be, in the order in which they are offered."""
    arms = {trial.arm for trial in view.trials} - {""}
    found = _fields(view, known)
    return [_column(key, one, arms) for key, one in found.items() if key != "arm" or arms]


def _fields(view: StudyView, known: Known) -> Mapping[str, Field]:
    return trial_fields.fields(view.study, parameters(view), known)


def usual(view: StudyView) -> list[str]:
    """Give the keys of the columns that are shown until others are chosen.

    What came out, and the hyperparameters that were varied; those that the arm names are left out.
    """
    arms = any(trial.arm for trial in view.trials)
    roles = ("nuisance",) if arms else ("nuisance", "scientific")
    tuned = [d["name"] for role in roles for d in view.definitions if d["role"] == role]
    head = ["number", "arm", "state"] if arms else ["number", "state"]
    shown = dict.fromkeys(f"{PARAMETER}{name}" for name in tuned)
    return [*head, "best", "step", "last", *shown]


def parameters(view: StudyView) -> list[str]:
    """Name the hyperparameters of a study, those that it has from its baseline included."""
    return trial_fields.parameters(view.definitions, view.study)


def language(
    view: StudyView, known: Known
) -> tuple[Language[TrialRecord], dict[str, Callable[[TrialRecord], Any]]]:
    """Give what the filter line can ask for; see `labtui.verdicts.trial_fields.language`."""
    return trial_fields.language(_fields(view, known), known)


def _column(key: str, one: Field, arms: Collection[str]) -> Column[TrialRecord]:
    if key == "arm":
        return _arm(one, arms)
    if key.startswith(PARAMETER):
        return _parameter(key.removeprefix(PARAMETER), one)
    if metric := metric_of(key):
        label = f"{'best' if key.startswith(BEST) else 'last'} {clean(metric)}"
        return _plain(key, label, min(len(label), WIDEST_METRIC), one)
    label, width = LABELS.get(key, key), WIDTHS[key]
    if key == "state":
        return Column(key, label, width, _state, one.order, value=one.value)
    if key == "best":
        return Column(key, label, width, _best, one.order, right=True, value=one.value)
    if key in ("reason", "device", "tag"):
        return Column(
            key, label, width, lambda t: (clean(one.value(t)), ""), one.order, value=one.value
        )
    return _plain(key, label, width, one, dim=key == "number")


def _state(trial: TrialRecord) -> tuple[str, str]:
    return state_text(trial.state), trial.state


def _best(trial: TrialRecord) -> tuple[str, str]:
    dim = trial.best_value is None or trial.state not in RANKED
    return number(trial.best_value), "dim" if dim else ""


def _arm(one: Field, arms: Collection[str]) -> Column[TrialRecord]:
    """Give the column of the arm; of ``optimizer=adam`` the name moves into the header."""
    names = {arm.partition("=")[0] if arm.count("=") == 1 else "" for arm in arms}
    label = names.pop() if len(names) == 1 else ""
    skip = len(label) + 1 if label else 0
    longest = max(len(clean(arm[skip:])) for arm in arms)
    width = min(max(longest, len(clean(label)), 6), WIDEST_ARM)

    def cell(trial: TrialRecord) -> tuple[str, str]:
        return clean(trial.arm[skip:]), ""

    return Column("arm", clean(label) or "arm", width, cell, one.order, value=one.value)


def _parameter(name: str, one: Field) -> Column[TrialRecord]:
    def cell(trial: TrialRecord) -> tuple[str, str]:
        return (value_text(trial.params[name]), "") if name in trial.params else ("", "")

    width = min(max(len(clean(name)), 9), WIDEST)
    key = f"{PARAMETER}{name}"
    return Column(key, clean(name), width, cell, one.order, right=True, value=one.value)


def _plain(
    key: str, label: str, width: int, one: Field, *, dim: bool = False
) -> Column[TrialRecord]:
    """Give a column of numbers."""
    write = WRITE.get(key, number)
    cell = partial(_cell, one.value, write, "dim" if dim else "")
    return Column(key, label, width, cell, one.order, right=True, value=one.value)


def _cell(
    value: Callable[[TrialRecord], Any],
    write: Callable[[Any], str],
    role: str,
    trial: TrialRecord,
) -> tuple[str, str]:
    found = value(trial)
    return (MISSING, "dim") if found is None else (write(found), role)
