"""The table of a study's trials."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import BindingType
from textual.message import Message

from labtui.tui.actions import bindings
from labtui.tui.states import state_text
from labtui.tui.widgets.columns import Column
from labtui.tui.widgets.table import Table
from labtui.verdicts.text import clean, number, value_text

if TYPE_CHECKING:
    from labtui.store.records import StudyRecord, TrialRecord

RANKED = frozenset({"completed", "running", "interrupted", "stopped"})
"""States whose objective counts in the order; a diverged trial's best value does not."""


class TrialTable(Table["TrialRecord"]):
    """Trials that can be marked, to compare their curves."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("trials")

    @dataclass
    class Marked(Message):
        """The marked trials are others now."""

        table: TrialTable

    def __init__(self, *, id: str) -> None:
        """Create an empty table."""
        super().__init__(lambda trial: trial.id, place="trials", id=id)

    def action_mark(self) -> None:
        """Mark the trial under the cursor, or take its mark away."""
        self.toggle_mark()
        self.post_message(self.Marked(self))

    def action_unmark(self) -> None:
        """Take all marks away."""
        self.marked.clear()
        self.refresh()
        self.post_message(self.Marked(self))


def columns(
    study: StudyRecord, trials: Sequence[TrialRecord], definitions: Sequence[Mapping[str, Any]]
) -> list[Column[TrialRecord]]:
    """Give the columns for a study: what came out, then the hyperparameters that were varied."""
    arms = {trial.arm for trial in trials} - {""}
    tuned = dict.fromkeys(str(d["name"]) for d in definitions if d["role"] == "nuisance")
    if not arms:
        tuned |= dict.fromkeys(str(d["name"]) for d in definitions if d["role"] == "scientific")
    return [
        *_head(arms),
        *_outcome(study),
        *(_parameter(name) for name in tuned),
    ]


def _head(arms: Collection[str]) -> list[Column[TrialRecord]]:
    found: list[Column[TrialRecord]] = [
        Column("number", "#", 4, lambda t: (str(t.number), "dim"), lambda t: t.number, right=True)
    ]
    if arms:
        found.append(_arm(arms))
    found.append(
        Column("state", "state", 13, lambda t: (state_text(t.state), t.state), lambda t: t.state)
    )
    return found


def _arm(arms: Collection[str]) -> Column[TrialRecord]:
    """Give the column of the arm; of ``optimizer=adam`` the name moves into the header."""
    names = {arm.partition("=")[0] if arm.count("=") == 1 else "" for arm in arms}
    label = names.pop() if len(names) == 1 else ""
    skip = len(label) + 1 if label else 0
    longest = max(len(clean(arm[skip:])) for arm in arms)
    width = min(max(longest, len(clean(label)), 6), 28)

    def cell(trial: TrialRecord) -> tuple[str, str]:
        return clean(trial.arm[skip:]), ""

    return Column("arm", clean(label) or "arm", width, cell, lambda t: t.arm)


def _outcome(study: StudyRecord) -> list[Column[TrialRecord]]:
    sign = 1 if study.minimize else -1

    def order(trial: TrialRecord) -> float | None:
        value = trial.value
        return sign * value if value is not None and trial.state in RANKED else None

    def best(trial: TrialRecord) -> tuple[str, str]:
        dim = trial.best_value is None or trial.state not in RANKED
        return number(trial.best_value), "dim" if dim else ""

    return [
        Column("best", "best", 9, best, order, right=True),
        Column("step", "at step", 7, _step, lambda t: t.best_step, right=True),
        Column("last", "last", 9, _last, lambda t: t.last_value, right=True),
    ]


def _step(trial: TrialRecord) -> tuple[str, str]:
    return number(trial.best_step), "" if trial.best_step is not None else "dim"


def _last(trial: TrialRecord) -> tuple[str, str]:
    return number(trial.last_value), "" if trial.last_value is not None else "dim"


def _parameter(name: str) -> Column[TrialRecord]:
    label = clean(name)

    def cell(trial: TrialRecord) -> tuple[str, str]:
        return (value_text(trial.params[name]), "") if name in trial.params else ("", "")

    def order(trial: TrialRecord) -> tuple[int, Any] | None:
        value = trial.params.get(name)
        if value is None:
            return None
        return (0, value) if isinstance(value, (int, float)) else (1, str(value))

    return Column(f"param:{name}", label, min(max(len(label), 9), 14), cell, order, right=True)
