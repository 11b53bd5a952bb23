"""The command that says the same as a tab of a study, with what was chosen there."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING

from labtui.tui import trial_columns
from labtui.verdicts.filters import BadFilter
from labtui.verdicts.text import clean
from labtui.verdicts.trial_fields import PARAMETER, metric_of

if TYPE_CHECKING:
    from labtui.store.records import TrialRecord
    from labtui.tui.feeds import StudyView
    from labtui.tui.trial_columns import Known

TWINS = {
    "verdict": "labtui check {}",
    "curves": "labtui plot {} curves",
    "axes": "labtui plot {} axis",
    "isolation": "labtui plot {} isolation",
    "budget": "labtui plot {} budget",
    "stability": "labtui plot {} stability",
    "design": "labtui plan {}",
}
"""Where it is not ``labtui show``."""

USUAL = ("best", False)
"""How the table is sorted until somebody sorts it."""

MOST = 32
"""Trials whose numbers a command lists; more make no line that anybody reads."""


def tab_twin(name: str, tab: str) -> str:
    """Give the command of a tab where nothing was chosen."""
    return TWINS.get(tab, "labtui show {}").format(shlex.quote(clean(name)))


def chosen_twin(name: str, tab: str, trials: Iterable[TrialRecord]) -> str:
    """Give the command of the curves or axes of certain trials; of too many, that of the tab."""
    option = {"curves": "--trials", "axes": "--mark"}.get(tab, "")
    listed = numbers(trials) if option else ""
    return " ".join(filter(None, (tab_twin(name, tab), listed and f"{option} {listed}")))


def numbers(trials: Iterable[TrialRecord]) -> str:
    """Write the numbers of trials, ``9,11``; empty for none, or too many."""
    found = [str(trial.number) for trial in trials]
    return ",".join(found) if len(found) <= MOST else ""


def table_twin(
    view: StudyView,
    known: Known,
    text: str,
    sorting: tuple[str, bool],
    shown: tuple[list[str], Iterable[TrialRecord]],
) -> str:
    """Give the command that prints the trials as the table shows them.

    Args:
        view: The study.
        known: What is known of its trials.
        text: The filter.
        sorting: The key of the column that it is sorted by, and whether the other way round.
        shown: The keys of its columns, and its rows.
    """
    keys, rows = shown
    parts = [tab_twin(view.study.name, "trials")]
    terms, marks = _terms(view, known, text)
    if marks and (listed := numbers(rows)):
        parts.append(f"--trials {listed}")
    elif terms:
        parts.append(f"--filter {shlex.quote(clean(terms))}")
    if sorting != USUAL:
        parts.append(f"--sort {shlex.quote(clean(named(sorting[0])))}")
        parts += ["--reverse"] * sorting[1]
    if keys != trial_columns.usual(view) and not any("," in key for key in keys):
        parts.append(f"--columns {shlex.quote(clean(','.join(map(named, keys))))}")
    return " ".join(parts)


def named(key: str) -> str:
    """Give the name that a filter has for a column."""
    return key if metric_of(key) else key.removeprefix(PARAMETER)


def _terms(view: StudyView, known: Known, text: str) -> tuple[str, bool]:
    """Give the terms that a command understands, and whether there are others, about marks."""
    language, more = trial_columns.language(view, known)
    terms, marks = [], False
    for word in text.split():
        try:
            language.parse(word, more)
            about = language.asked(word, more)
        except BadFilter:
            continue  # it is being typed: the table goes by the line before
        if "marked" in about:
            marks = True
        else:
            terms.append(word)
    return " ".join(terms), marks
