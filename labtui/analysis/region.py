"""The good region of a search space: where its best trials lie, with a margin (P13, P15)."""

from __future__ import annotations

import math

import numpy as np

from labtui.analysis.runs import Ints
from labtui.analysis.table import AxisColumn, StudyTable
from labtui.study.fields import Scalar, same
from labtui.study.space import Dimension

Place = tuple[str, str]
"""A hyperparameter, and the condition of its definition; empty for always."""

SHARE, LEAST_BEST = 0.25, 4
"""The best quarter of an arm's trained trials, four at least, show its region. Of fewer the extent
is chance: four points at random span 60 % of a range, two 33 %. Of 60 parents on each surface of
`benchmarks/exploitation.py` nine in ten kept a point within 2 % of the best of the full space."""

FEWEST = 8
"""Fewest trained trials of an arm: with fewer, four are half of them and no selection at all."""

LEAST_MARGIN = 0.1
"""Least margin beyond the outermost of the best, in shares of the range: points of 16 to 20 trials
lie a twentieth of a range apart, and their values err as well."""

MOST_KEPT = 0.85
"""A range that would keep more than this stays as it is: a cut of less gains nothing, and would say
that the trials tell of this hyperparameter."""

FEWEST_TRIED = 10
"""Trials of a value, none of them among the best quarter, that let it go: where values make no
difference ten such happen with 0.75 ** 10, one in 18."""

DIGITS = 2
"""Significant digits of a bound; it is rounded outwards."""


def good_region(table: StudyTable) -> dict[Place, tuple[float, float]]:
    """Give the part of every range that contains the best region, in the study file's units.

    The best of every arm count. Beyond the outermost of k of them lies a margin of their extent
    over k - 1, which makes the ends unbiased where the region is filled evenly; `LEAST_MARGIN` at
    least. Diverged trials have no value and are not among them, so that what always diverges goes.

    Args:
        table: All ended trials of a study; of a joint one too.

    Returns:
        (low, high) by hyperparameter and condition: of the ranges that are cut, and no others. None
        is where too few trials trained.
    """
    best = best_trials(table)
    found: dict[Place, tuple[float, float]] = {}
    for axis in table.axes:
        if axis.definition.range is None or (bounds := _bounds(axis, best)) is None:
            continue
        found[axis.name, axis.condition] = bounds
    return found


def good_values(table: StudyTable) -> dict[Place, list[Scalar]]:
    """Give the values of every nuisance list without those that were tried and never won.

    Returns:
        The values that stay by hyperparameter and condition: of the lists that lose some. Lists of
        scientific values stay: they are what the study compares.
    """
    best = best_trials(table)
    found: dict[Place, list[Scalar]] = {}
    for axis in table.axes:
        values = axis.definition.values
        if values is None or axis.role == "scientific" or not len(best):
            continue
        kept = [value for value in values if not _never_wins(axis, value, best)]
        if kept and len(kept) < len(values):
            found[axis.name, axis.condition] = kept
    return found


def best_trials(table: StudyTable) -> Ints:
    """Give the indices of the best quarter of each arm's trained trials; of no small arm."""
    found: list[int] = []
    for arm in table.arm_names:
        ranked = [int(index) for index in table.ranked if table.arms[index] == arm]
        if len(ranked) >= FEWEST:
            found += ranked[: max(LEAST_BEST, math.ceil(SHARE * len(ranked)))]
    return np.array(found, dtype=np.int64)


def _bounds(axis: AxisColumn, best: Ints) -> tuple[float, float] | None:
    """Give the part of a range around the best trials; None where it is hardly a part."""
    units = axis.unit[best]
    units = units[np.isfinite(units)]
    if len(units) < LEAST_BEST:
        return None
    low, high = float(units.min()), float(units.max())
    margin = max(LEAST_MARGIN, (high - low) / (len(units) - 1))
    low, high = max(0.0, low - margin), min(1.0, high + margin)
    if high - low > MOST_KEPT:
        return None
    bounds = _outward(axis, low, up=False), _outward(axis, high, up=True)
    return bounds if bounds[0] < bounds[1] else None


def _outward(axis: AxisColumn, unit: float, *, up: bool) -> float:
    """Round a bound away from the region, within the range."""
    low, high = axis.definition.range or (0.0, 1.0)
    found = Dimension(axis.definition).value(unit)
    assert isinstance(found, (int, float))  # the value of a range is a number
    if axis.definition.integer or axis.definition.step is not None:
        return found
    if axis.definition.one_minus:
        return min(max(1 - _rounded(1 - found, up=not up), low), high)
    return min(max(_rounded(found, up=up), low), high)


def _rounded(value: float, *, up: bool) -> float:
    if value == 0:
        return 0.0
    power = DIGITS - 1 - math.floor(math.log10(abs(value)))
    turn = math.ceil if up else math.floor
    return float(f"{turn(value * 10.0**power)}e{-power}")


def _never_wins(axis: AxisColumn, value: Scalar, best: Ints) -> bool:
    tried = [index for index, one in enumerate(axis.values) if one is not None and same(one, value)]
    return len(tried) >= FEWEST_TRIED and not set(tried) & {int(index) for index in best}
