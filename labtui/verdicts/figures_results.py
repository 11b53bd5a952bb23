"""What the trials of a study reached: isolation plots, the budget curve, the best steps."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from labtui.analysis.budgets import budget_curve
from labtui.analysis.isolation import Isolation, IsolationColumn, isolate, isolate_arms
from labtui.charts.spec import Axis, ChartSpec, Mark, Series
from labtui.verdicts.figures import objective_label, scale_of
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from labtui.analysis.runs import Ints
    from labtui.analysis.table import StudyTable
    from labtui.store.records import StudyRecord, TrialRecord

MOST_ARMS = 4
"""Budget curves are drawn for each arm up to here: more bands hide one another."""

BOTH_BANDS = 2
"""Arms up to which the 5-95 % band is drawn around the quartiles, for the same reason."""

SHORT_NOTES = 6
"""Columns above which `n=12` is written `12`, so that eight notes fit into 80 columns."""

BINS = 20
"""Of the best-step histogram: one has 5 % of the run, so that its marks lie between bins."""

FIRST, LAST = 0.10, 0.75
"""Best steps below the first, or above the last, speak for another length of training (P33)."""


# -- isolation (P24) ------------------------------------------------------------------------


def isolations(table: StudyTable, name: str | None = None) -> list[Isolation]:
    """Give what isolation plots are drawn of: the arms, then the scientific hyperparameters.

    Args:
        table: A study.
        name: Only this hyperparameter, whatever its role; one under two conditions gives two.
    """
    if name is not None:
        return [isolate(table, axis) for axis in table.axes if axis.name == name]
    found = [isolate_arms(table)] if len(table.arm_names) > 1 else []
    compared = [isolate(table, axis) for axis in table.axes if axis.role == "scientific"]
    # One scientific hyperparameter that is a list: its values are the arms.
    if found and len(compared) == 1 and len(compared[0].columns) == len(found[0].columns):
        return compared
    return [*found, *compared] or [isolate(table, axis) for axis in table.axes]


def isolation_plot(study: StudyRecord, table: StudyTable, found: Isolation) -> ChartSpec:
    """Describe the best of each column, before all feasible trials of it.

    Args:
        study: The study of the table.
        table: Says which way values were turned.
        found: One of `isolations`.
    """
    xs = [place for place, column in enumerate(found.columns) if column.best is not None]
    best = [table.shown(c.best) for c in found.columns if c.best is not None]
    cloud_x = [place for place, column in enumerate(found.columns) for _ in column.values]
    cloud_y = [table.shown(float(v)) for column in found.columns for v in column.values]
    crosses = [place for place, column in enumerate(found.columns) if column.infeasible]
    series = []
    if found.bucketed or _numeric(found.columns):
        series.append(Series(xs, best, key="best"))
    series.append(Series(xs, best, "best of its column", "points", key="best"))
    series.append(Series(cloud_x, cloud_y, "all feasible", "points", key="all", emphasis=False))
    if crosses:
        gaps = [math.nan] * len(crosses)
        series.append(Series(crosses, gaps, "infeasible", "infeasible", key="infeasible"))
    axis = clean(found.name) + (", from" if found.bucketed else "")
    name = clean(found.name) + (f" ({clean(found.condition)})" if found.condition else "")
    return ChartSpec(
        title=f"{name}: best of each",
        x=Axis(
            f"{axis}  (n ✗infeasible)",
            categories=_labels(found),
            notes=tuple(_note(column, len(found.columns)) for column in found.columns),
        ),
        y=Axis(objective_label(study), scale=scale_of(cloud_y)),
        series=tuple(series),
        worst="top" if study.minimize else "bottom",
        empty="no trial has ended with a value",
    )


def _numeric(columns: Sequence[IsolationColumn]) -> bool:
    numbers = all(
        isinstance(column.low, (int, float)) and not isinstance(column.low, bool)
        for column in columns
    )
    return numbers and len(columns) > 2


def _labels(found: Isolation) -> tuple[str, ...]:
    """Name the columns, parts of a range by where they begin, as short as tells numbers apart."""
    labels = tuple(clean(column.label) for column in found.columns)
    if not found.bucketed and not _numeric(found.columns):
        return labels
    numbers = [float(column.low) for column in found.columns]
    for digits in range(1 if found.bucketed else 4, 17):
        short = tuple(_digits(one, digits) for one in numbers)
        if len(set(short)) == len(short):
            return short
    return labels


def _digits(value: float, digits: int) -> str:
    """Write a number with so many digits, in the shorter of its two ways."""
    plain = f"{value:.{digits}g}"
    mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
    short = f"{mantissa}e{int(power)}"
    shorter = digits == 1 and len(short) < len(plain)
    return short if "e" in plain or shorter else plain


def _note(column: IsolationColumn, columns: int) -> str:
    count = str(column.feasible) if columns > SHORT_NOTES else f"n={column.feasible}"
    return f"{count} ✗{column.infeasible}" if column.infeasible else count


# -- the budget (P31) -----------------------------------------------------------------------


def budget_plot(study: StudyRecord, table: StudyTable) -> ChartSpec:
    """Describe what a search of fewer trials would have found: the median and its bands."""
    arms = table.arm_names
    apart = 1 < len(arms) <= MOST_ARMS
    series: list[Series] = []
    for arm in () if table.adaptive else arms if apart else [""]:
        rows = table.of_arm(arm) if apart else np.arange(len(table))
        series += _of_arm(table, rows, arm if apart else "", wide=len(arms) <= BOTH_BANDS)
    wide = ", 5–95 %" if any(not one.emphasis for one in series) else ""
    edges = (value for one in series for side in (one.low, one.y) for value in side)
    return ChartSpec(
        title=f"best of k: median, quartiles{wide}",
        x=Axis("k (exact, without replacement; nothing beyond n)"),
        y=Axis(objective_label(study), scale=scale_of(edges)),
        series=tuple(series),
        worst="top" if study.minimize else "bottom",
        empty="a model chose the trials: fewer of them would have been others"
        if table.adaptive
        else "no trial has ended with a value",
    )


def _of_arm(table: StudyTable, rows: Ints, arm: str, *, wide: bool) -> list[Series]:
    values, feasible = table.values[rows], table.feasible[rows]
    counted = feasible | table.infeasible[rows]  # those that a person stopped say nothing
    curve = budget_curve(values[counted], feasible[counted])
    if not np.isfinite(curve.values).any():
        return []
    key = arm or "budget"

    def at(quantile: float) -> list[float]:
        return [table.shown(float(v)) for v in curve.values[curve.quantiles.index(quantile)]]

    quartiles = Series(curve.budgets, at(0.75), role="band", key=key, low=at(0.25))
    outer = Series(curve.budgets, at(0.95), role="band", key=key, emphasis=False, low=at(0.05))
    label = f"{clean(arm)} (n={curve.trials})" if arm else f"n={curve.trials}"
    middle = Series(curve.budgets, at(0.5), label, key=key)
    return [outer, quartiles, middle] if wide else [quartiles, middle]


# -- best steps (P33) -----------------------------------------------------------------------


def best_step_plot(study: StudyRecord, trials: Iterable[TrialRecord]) -> ChartSpec:
    """Describe when trials were best, as a share of the steps they trained.

    Args:
        study: The study of the trials.
        trials: Its trials; those that did not complete are left out.
    """
    shares = [
        min(trial.best_step / end, 1.0)
        for trial in trials
        if trial.state == "completed" and trial.best_step is not None
        if (end := trial.step or trial.last_step)
    ]
    counts, edges = np.histogram(shares, bins=BINS, range=(0.0, 1.0))
    first, last = (sum(s <= FIRST for s in shares), sum(s >= LAST for s in shares))
    return ChartSpec(
        title=f"when {len(shares)} feasible trials were best",
        x=Axis("best step / last step", limits=(0.0, 1.0)),
        y=Axis("trials"),
        series=(Series((edges[:-1] + edges[1:]) / 2, counts, role="bars", key="steps"),)
        if shares
        else (),
        marks=(
            Mark("x", FIRST, f"{first} in the first {FIRST:.0%}", "reference"),
            Mark("x", LAST, f"{last} in the last {1 - LAST:.0%}", "reference"),
        ),
        empty="no trial has completed",
    )
