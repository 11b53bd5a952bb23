"""The numbers of a figure as rows, a point each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from labtui.charts.spec import Axis, ChartSpec, Series

if TYPE_CHECKING:
    from labtui.charts.spec import Numbers

Row = tuple[str, object, object]


def points(spec: ChartSpec) -> list[Row]:
    """List the points of every series, as they were given: unsmoothed, unrounded, in their order.

    Returns:
        Rows (series, x, y). Of a categorical axis x is the name; y is NaN at a gap, and None where
        there is only a place, as of an infeasible trial. A band is two series: its edges.
    """
    labels = {one.ident: one.label for one in spec.series if one.label}
    return [row for one in spec.series for row in _rows(one, _name(one, labels), spec.x)]


def _name(series: Series, labels: dict[str | int, str]) -> str:
    """Name a series as the legend does; the dimmed twin of a named one after it."""
    named = series.label or labels.get(series.ident, str(series.ident))
    return named if series.label or series.emphasis else f"{named} (dimmed)"


def _rows(series: Series, name: str, axis: Axis) -> Iterator[Row]:
    if series.role == "band":
        yield from _pairs(f"{name} (lower edge)", series.x, series.low, axis)
        yield from _pairs(f"{name} (upper edge)", series.x, series.y, axis)
    elif series.role == "infeasible":
        yield from ((name, _placed(x, axis), None) for x in _listed(series.x))
    else:
        x, y = series.raw or (series.x, series.y)
        yield from _pairs(name, x, y, axis)


def _pairs(name: str, x: Numbers, y: Numbers, axis: Axis) -> Iterator[Row]:
    for across, up in zip(_listed(x), _listed(y), strict=False):
        yield name, _placed(across, axis), up


def _listed(numbers: Numbers) -> list[float]:
    found: list[float] = np.asarray(numbers).ravel().tolist()
    return found


def _placed(x: float, axis: Axis) -> object:
    names = axis.categories or ()
    return names[int(x)] if x in range(len(names)) else x
