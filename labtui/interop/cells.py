"""Cells of tables for other programs: what a spreadsheet would run is told from what it shows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from labtui.store.records import TrialRecord

EXECUTED = tuple("=+-@\t\r\n＝＋－＠")
"""A spreadsheet runs a text cell that begins with one of these."""

TRIAL_COLUMNS = (
    "study",
    "trial",
    "arm",
    "state",
    "reason",
    "best_value",
    "best_step",
    "last_value",
    "last_step",
    "seed",
    "point",
    "step",
    "max_steps",
    "seconds",
    "device",
    "source",
    "started",
    "finished",
)
"""What every table of trials says of a trial, before its hyperparameters."""


def guarded(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would run when it reads it from a CSV."""
    return f"'{text}" if text.startswith(EXECUTED) else text


def plain_text(value: Any) -> str:
    """Write a value in full: numbers exact, ``true``, ``nan``, ``inf``; empty for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, (int, float)) else str(value)


def trial_cells(trial: TrialRecord) -> list[Any]:
    """Give the values of `TRIAL_COLUMNS`; a last value that was not a number is NaN."""
    cells = {column: getattr(trial, column, None) for column in TRIAL_COLUMNS}
    cells["trial"] = trial.name
    if trial.last_value is None and trial.last_step is not None:
        cells["last_value"] = math.nan
    return list(cells.values())


def param_names(trials: Iterable[TrialRecord]) -> list[str]:
    """Give the hyperparameters of some trials in the order in which they come."""
    return list(dict.fromkeys(name for trial in trials for name in trial.params))


def param_value(params: Mapping[str, Any], name: str) -> Any:
    """Give a hyperparameter's value: None where a trial has none, ``null`` where it is null."""
    value = params.get(name)
    return "null" if name in params and value is None else value
