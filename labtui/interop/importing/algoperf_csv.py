"""One measurements.csv of AlgoPerf: training rows, evaluations and a trailing row in one table.

The files were written by pandas: NaN is an empty cell, and looks like "not logged". Which of the
two it is follows from the kind of its row, and from whether the column is ever filled.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from labtui.interop.importing.types import BadTrial
from labtui.interop.importing.values import MOST_STEPS
from labtui.store.summaries import Columns

STEP = "global_step"
SPLITS = ("train/", "validation/", "test/")
BOOKKEEPING = (
    "score",
    "total_duration",
    "accumulated_submission_time",
    "accumulated_eval_time",
    "accumulated_logging_time",
    "preemption_count",
)
"""Columns that are no metrics: times in seconds, and how often the run was preempted."""

LOSSES = {"loss": "ctc_loss", "ctc_loss": "loss"}
"""The two names of a loss at evaluations: a file fills one of them."""

NAMES = {"lr": "learning_rate"}
"""Their names → labtui's; ``X/ctc_loss`` is ``X/loss`` besides."""


@dataclass(frozen=True)
class Measured:
    """What one file holds.

    Attributes:
        columns: Metric → steps, ascending, and values.
        last_step: The last step of any row.
        seconds: Training time, without evaluations and logging.
    """

    columns: Columns
    last_step: int
    seconds: float
    notes: tuple[str, ...] = ()


@dataclass
class _Rows:
    """The rows of one kind: their steps and cells."""

    steps: list[int] = field(default_factory=list)
    cells: list[list[str]] = field(default_factory=list)


def read_measurements(data: bytes, where: str) -> Measured:
    """Read a file.

    Args:
        data: The file.
        where: What messages call it.

    Raises:
        BadTrial: It is no such table, or a cell cannot be what its column says.
    """
    text = data.decode("utf-8-sig", "replace")
    lines = csv.reader(io.StringIO(text, newline=""))
    try:
        rows = [row for row in lines if any(row)]
    except csv.Error as error:
        raise BadTrial(f"{where}:{lines.line_num}", f"is no CSV: {error}") from error
    if not rows:
        return Measured({}, 0, 0.0, ("an empty file",))
    header, rows = [name.strip() for name in rows[0]], rows[1:]
    if STEP not in header:
        raise BadTrial(f"{where}:1", f"found no column {STEP!r}")
    if len(set(header)) < len(header):
        raise BadTrial(f"{where}:1", "found a column twice")
    notes: tuple[str, ...] = ()
    if rows and _cut_off(rows[-1], len(header), ended=text.endswith(("\n", "\r"))):
        rows, notes = rows[:-1], ("last row cut off",)
    return _measured(header, rows, where, notes)


def _cut_off(row: Sequence[str], cells: int, *, ended: bool) -> bool:
    """Say whether a program ended while it wrote this row."""
    if len(row) != cells:
        return len(row) < cells or not ended
    try:
        float(row[-1] or "nan")
    except ValueError:
        return not ended
    return False


def _measured(
    header: Sequence[str], rows: list[list[str]], where: str, notes: tuple[str, ...]
) -> Measured:
    index = {name: place for place, name in enumerate(header)}
    evaluated = [index[n] for n in header if n.startswith(SPLITS)]
    booked = [index[n] for n in BOOKKEEPING if n in index]
    evaluations, training = _Rows(), _Rows()
    last_step, seconds = 0, 0.0
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise BadTrial(f"{where}:{number}", f"found {len(row)} cells; expected {len(header)}")
        told = any(row[place] for place in evaluated)
        ended = any(row[place] for place in booked)
        if ended and not told and not row[index[STEP]]:
            continue  # a trailing row that has lost its step
        step = _step(row[index[STEP]], f"{where}:{number}")
        last_step = max(last_step, step)
        kind = evaluations if told else training
        if told or not ended:  # else the trailing row: neither training nor evaluation
            kind.steps.append(step)
            kind.cells.append(row)
    for name in ("accumulated_submission_time", "score"):
        filled = [row[index[name]] for row in rows if name in index and row[index[name]]]
        seconds = max(seconds, _number(filled[-1], where) if filled else 0.0)
    columns: Columns = {}
    for name in header:
        if name.startswith(SPLITS) and not name.endswith("/num_examples"):
            _add(columns, name, _always(evaluations, name, index, f"{where}: {name}"))
    alive, lost = _finite_until(columns)
    for name in header:
        if name != STEP and name not in BOOKKEEPING and not name.startswith(SPLITS):
            others = [index[n] for n in header if n != STEP]
            found = _logged(
                training, index[name], others, f"{where}: {name}", alive=alive, lost=lost
            )
            _add(columns, name, found)
    return Measured(columns, last_step, seconds if math.isfinite(seconds) else 0.0, notes)


def _finite_until(columns: Columns) -> tuple[int, bool]:
    """Give the last step whose evaluation had a finite loss (-1), and whether any had none."""
    alive, lost = -1, False
    for name in ("train/loss", "validation/loss"):
        for step, value in zip(*columns.get(name, ((), ())), strict=True):
            alive = max(alive, step) if math.isfinite(value) else alive
            lost = lost or not math.isfinite(value)
    return alive, lost


def _always(
    rows: _Rows, name: str, index: Mapping[str, int], where: str
) -> tuple[list[int], list[float]]:
    """Read a column that every evaluation of its split has: an empty cell is NaN.

    A loss that is never filled is NaN throughout: its column is there because it was logged. It was
    not logged where the file fills its other name, or nothing at all of its split; neither was any
    other metric that is never filled.
    """
    split, _, leaf = name.rpartition("/")
    counts = index.get(f"{split}/num_examples")
    at = list(range(len(rows.steps)))
    if counts is not None and any(rows.cells[i][counts] for i in at):
        place = index[name]
        at = [i for i in at if rows.cells[i][counts] or rows.cells[i][place]]
    cells = [rows.cells[i][index[name]] for i in at]
    if not any(cells):
        twin = index.get(f"{split}/{LOSSES.get(leaf, '')}")
        inside = [place for other, place in index.items() if other.startswith(f"{split}/")]
        told = any(row[place] for row in rows.cells for place in inside)
        named = twin is not None and any(row[twin] for row in rows.cells)
        if leaf not in LOSSES or named or not told:
            return [], []
    return [rows.steps[i] for i in at], _numbers(cells, where)


def _logged(
    rows: _Rows, place: int, others: Sequence[int], where: str, *, alive: int, lost: bool
) -> tuple[list[int], list[float]]:
    """Read a column of training rows.

    A row that is empty but for its step was written for something that was not a number: NaN. In a
    row with other cells, such as the learning rate alone, an empty one is NaN where the column
    usually stands beside them: where it is filled at least as often as it is missing there. Where
    it is not filled again it is NaN unless a later evaluation has a finite loss, and where it is
    never filled if evaluations lost theirs. Else it is logged at steps of its own.

    Args:
        rows: The training rows.
        place: The column.
        others: All columns but the step.
        where: What messages call it.
        alive: Last step whose evaluation had a finite loss.
        lost: Whether the loss of an evaluation was not finite.
    """
    cells = [row[place] for row in rows.cells]
    filled = [i for i, cell in enumerate(cells) if cell]
    if len(filled) == len(cells):
        return rows.steps, _numbers(cells, where)
    missing = [(i, row) for i, row in enumerate(rows.cells) if not row[place]]
    blank = {i for i, row in missing if not any(row[o] for o in others)}
    gaps = [(i, row) for i, row in missing if i not in blank]
    if not filled:
        first = rows.steps[missing[0][0]]
        gone = gaps and not (lost and first > alive)
        kept = [] if gone else [i for i, _ in missing]
        return [rows.steps[i] for i in kept], [math.nan] * len(kept)
    beside = {o for i in filled for o in others if rows.cells[i][o]} - {place}
    usual = [i for i, row in gaps if any(row[o] for o in beside)]
    between = [i for i in usual if i < filled[-1]]
    after = [i for i in usual if i > filled[-1]]
    if len(between) > len(filled):
        usual = []
    elif after and rows.steps[after[0]] <= alive:
        usual = between
    kept = sorted({*filled, *blank, *usual})
    return [rows.steps[i] for i in kept], _numbers([cells[i] for i in kept], where)


def _add(columns: Columns, name: str, found: tuple[list[int], list[float]]) -> None:
    """Keep a column that has points; where a step is repeated, the newest counts."""
    steps, values = found
    if not steps:
        return
    if any(b <= a for a, b in pairwise(steps)):
        newest = dict(zip(steps, values, strict=True))
        steps = sorted(newest)
        values = [newest[step] for step in steps]
    split, slash, leaf = name.rpartition("/")
    leaf = "loss" if leaf == "ctc_loss" else leaf
    columns[NAMES.get(name, f"{split}{slash}{leaf}")] = steps, values


def _numbers(cells: Iterable[str], where: str) -> list[float]:
    try:
        return [float(cell) if cell else math.nan for cell in cells]
    except ValueError as error:
        raise BadTrial(where, f"{error}; expected a number") from error


def _number(cell: str, where: str) -> float:
    return _numbers([cell], where)[0]


def _step(cell: str, where: str) -> int:
    try:
        found = float(cell)
        step = int(cell) if cell.strip().isdecimal() else int(found)
    except (ValueError, OverflowError) as error:
        raise BadTrial(where, f"{STEP}: found {cell[:40]!r}; expected a whole number") from error
    if float(step) != found or not 0 <= step <= MOST_STEPS:
        raise BadTrial(where, f"{STEP}: found {cell[:40]!r}; expected a whole number from 0")
    return step
