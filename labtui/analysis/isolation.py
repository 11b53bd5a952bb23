"""The best trial of each value of one hyperparameter, the others tuned away (P24)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from labtui.analysis.runs import Floats
from labtui.analysis.table import AxisColumn, StudyTable
from labtui.study.fields import scalar_text

BUCKETS = 8
"""Columns of a continuous axis. The best of few trials is mostly luck: eight leave two or three
trials a column at the playbook's 20 trials, and are half a decade each on four decades."""

MOST_VALUES = 12
"""Most columns of a list of numbers; longer lists are bucketed as a range is. It is where
`AxisColumn.kind` also stops listing whole numbers."""


@dataclass(frozen=True, eq=False)
class IsolationColumn:
    """What was reached at one value, or within one bucket; lower is better.

    Attributes:
        label: As an axis writes it: ``adam``, ``0.001 to 0.01``.
        low: The value, or where the bucket begins, in the units of the study file.
        high: The same value, or where the bucket ends.
        center: Position on the axis, in [0, 1].
        best: Objective of the best feasible trial; None without one.
        best_trial: Its name.
        best_index: Its row in the table.
        feasible: How many feasible trials there are.
        infeasible: How many could not be trained.
        values: Objective of the feasible ones, in the order of the table, shape (feasible,).
    """

    label: str
    low: Any
    high: Any
    center: float
    best: float | None
    best_trial: str | None
    best_index: int | None
    feasible: int
    infeasible: int
    values: Floats


@dataclass(frozen=True, eq=False)
class Isolation:
    """An isolation plot: the columns of one hyperparameter, or of the arms.

    Attributes:
        name: Of the hyperparameter; of arms the scientific ones, joined by commas.
        condition: When the hyperparameter is in force; empty for always.
        role: ``scientific`` or ``nuisance``.
        columns: In the order of the axis; those without a trial too.
        bucketed: Whether columns are parts of a range.
    """

    name: str
    condition: str
    role: str
    columns: tuple[IsolationColumn, ...]
    bucketed: bool


def isolate(table: StudyTable, axis: AxisColumn, *, buckets: int = BUCKETS) -> Isolation:
    """Give the best trial along one axis, and how many it was chosen from (P24).

    Args:
        table: A study.
        axis: One of its axes.
        buckets: Equal parts of a continuous axis, in unit coordinates.
    """
    choices = axis.dimension.count
    listed = axis.kind != "continuous" and choices is not None and choices <= MOST_VALUES
    columns = (
        _values(table, axis)
        if listed or axis.kind == "categorical"
        else _buckets(table, axis, max(1, buckets))
    )
    bucketed = not (listed or axis.kind == "categorical")
    return Isolation(axis.name, axis.condition, axis.role, columns, bucketed)


def isolate_arms(table: StudyTable) -> Isolation:
    """Give the best trial of every arm, in the order of their first trials (P24)."""
    arms = table.arm_names
    columns = []
    for index, arm in enumerate(arms):
        members = np.zeros(len(table), dtype=np.bool_)
        members[table.of_arm(arm)] = True
        label = arm or "all trials"
        columns.append(_column(table, members, label, arm, arm, (index + 0.5) / len(arms)))
    return Isolation(", ".join(table.scientific) or "arm", "", "scientific", tuple(columns), False)


def _values(table: StudyTable, axis: AxisColumn) -> tuple[IsolationColumn, ...]:
    """One column a declared value; values that the study does not declare come last."""
    choices = list(axis.dimension.choices or ())
    centers = [axis.dimension.position(choice) for choice in choices]
    members = [np.isclose(axis.unit, center, rtol=0, atol=1e-9) for center in centers]
    strays = _strays(axis)
    if strays:
        choices += [value for value, _ in strays]
        members += [mask for _, mask in strays]
        centers = [(index + 0.5) / len(choices) for index in range(len(choices))]
    return tuple(
        _column(table, mask, scalar_text(choice), choice, choice, center)
        for choice, mask, center in zip(choices, members, centers, strict=True)
    )


def _strays(axis: AxisColumn) -> list[tuple[Any, npt.NDArray[np.bool_]]]:
    """Collect values that occur without a place on the axis: edited by hand, or imported."""
    found: dict[str, tuple[Any, npt.NDArray[np.bool_]]] = {}
    for index in np.flatnonzero(~axis.in_force):
        value = axis.values[index]
        if value is not None:
            unseen = (value, np.zeros(axis.unit.size, dtype=np.bool_))
            found.setdefault(scalar_text(value), unseen)[1][index] = True
    return list(found.values())


def _buckets(table: StudyTable, axis: AxisColumn, count: int) -> tuple[IsolationColumn, ...]:
    placed = np.where(axis.in_force, axis.unit, 0.0)
    bucket = np.where(axis.in_force, np.minimum((placed * count).astype(np.int64), count - 1), -1)
    columns = []
    for index in range(count):
        low, high = axis.dimension.value(index / count), axis.dimension.value((index + 1) / count)
        label = f"{_number(low)} to {_number(high)}"
        center = (index + 0.5) / count
        columns.append(_column(table, bucket == index, label, low, high, center))
    return tuple(columns)


def _number(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else scalar_text(value)


def _column(
    table: StudyTable,
    members: npt.NDArray[np.bool_],
    label: str,
    low: Any,
    high: Any,
    center: float,
) -> IsolationColumn:
    rows = np.flatnonzero(members & table.feasible)
    best = int(rows[np.argmin(table.values[rows])]) if rows.size else None
    return IsolationColumn(
        label=label,
        low=low,
        high=high,
        center=center,
        best=None if best is None else float(table.values[best]),
        best_trial=None if best is None else table.trials[best],
        best_index=best,
        feasible=int(rows.size),
        infeasible=int((members & table.infeasible).sum()),
        values=table.values[rows],
    )
