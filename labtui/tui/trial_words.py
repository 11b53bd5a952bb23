"""The trial under the cursor in two rows, below the table whose columns leave most of it out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from textual.content import Content

from labtui.tui.states import state_content
from labtui.verdicts.beside import DIFFERS, UNSET, alike, value_cell
from labtui.verdicts.text import MISSING, clean, number

if TYPE_CHECKING:
    from labtui.store.records import TrialRecord
    from labtui.tui.feeds import StudyView

ROWS = 2
"""Rows that they take: the reason and what came out, and what differs from the best one."""


def best_of(view: StudyView) -> TrialRecord | None:
    """Give the best trial of a study, as far as it was read.

    Trials stand by number once all were read: then it is found without looking through 10,000.
    """
    best, trials = view.study.best_trial, view.trials
    if best is None:
        return None
    if best < len(trials) and trials[best].number == best:
        return trials[best]
    return next((one for one in trials if one.number == best), None)


def trial_words(trial: TrialRecord, view: StudyView, width: int) -> Content:
    """Write a trial in two rows: state with its reason, arm, best and last value; differences.

    Args:
        trial: The one under the cursor.
        view: Its study.
        width: Columns of a row; what does not fit is cut off.
    """
    reason = f": {clean(trial.reason)}" if trial.reason else ""
    first = Content.assemble(
        (f"{trial.number} ", "bold"),
        state_content(trial.state),
        f"{reason}  ",
        ("  ".join(filter(None, (clean(trial.arm), *_values(trial)))), "$faded"),
    )
    rows = (first, Content.styled(_differences(trial, view), "$faded"))
    return Content("\n").join([row.truncate(width, ellipsis=True) for row in rows])


def _values(trial: TrialRecord) -> Iterator[str]:
    if trial.best_step is not None:
        yield f"best {number(trial.best_value)} at {trial.best_step}"
    if trial.last_step is not None:
        yield f"last {number(trial.last_value)} at {trial.last_step}"


def _differences(trial: TrialRecord, view: StudyView) -> str:
    best = best_of(view)
    if best is None:
        return "no trial has completed" if view.study.best_trial is None else MISSING
    if best.number == trial.number:
        return f"the best of {view.study.ended} that ended"
    mine, other = trial.params, best.params
    names = dict.fromkeys([*(str(one["name"]) for one in view.definitions), *mine, *other])
    pairs = ((name, mine.get(name, UNSET), other.get(name, UNSET)) for name in names)
    said = [
        f"{clean(name)} {value_cell(left)} {DIFFERS} {value_cell(right)}"
        for name, left, right in pairs
        if not alike(left, right)
    ]
    return f"best is {best.number}: {'  '.join(said) or 'only the seed differs'}"
