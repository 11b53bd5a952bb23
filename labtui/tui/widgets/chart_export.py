"""A chart as files: a picture, plain text, and the numbers that are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from labtui.charts.layers import is_log
from labtui.charts.spec import Axis, ChartSpec
from labtui.tui.exporting import as_csv

if TYPE_CHECKING:
    from labtui.charts.scale import View
    from labtui.tui.exporting import Exports

COLUMNS = ("series", "x", "y")
"""Of the table: a row a point, so that any number of curves has the same columns."""


@dataclass(frozen=True)
class Looked:
    """A figure as it is looked at.

    Attributes:
        spec: The figure.
        view: Window and scales.
        smoothing: Smoothing of its lines.
        hidden: Identities of what is left out.
        slots: The palette slot of every series.
    """

    spec: ChartSpec
    view: View
    smoothing: float
    hidden: frozenset[str | int]
    slots: Sequence[int]


def exports(looked: Looked) -> Exports:
    """Give the figure as it is looked at, and the points of the curves that are shown."""
    if not looked.spec.series:
        return {}
    return {
        "chart.svg": lambda: _svg(looked),
        "chart.txt": lambda: _text(looked),
        "chart.csv": lambda: as_csv(COLUMNS, _rows(looked)),
    }


def seen(looked: Looked) -> tuple[ChartSpec, tuple[int, ...]]:
    """Give the figure without its hidden curves, on the axes and in the window that were chosen.

    Returns:
        The figure, and the palette slot of each of its series.
    """
    spec, view = looked.spec, looked.view
    shown = [place for place, one in enumerate(spec.series) if one.ident not in looked.hidden]
    found = replace(
        spec,
        x=_axis(spec.x, view.log_x, view.x),
        y=_axis(spec.y, view.log_y, view.y),
        series=tuple(spec.series[place] for place in shown),
    )
    return found, tuple(looked.slots[place] for place in shown)


def _axis(axis: Axis, log: bool | None, window: tuple[float, float] | None) -> Axis:
    scale = replace(axis, scale="log" if is_log(axis, log) else "linear")
    return scale if window is None else replace(scale, limits=window)


def _svg(looked: Looked) -> str:
    from labtui.charts.svg import to_svg

    spec, slots = seen(looked)
    return to_svg(spec, smoothing=looked.smoothing, slots=slots)


def _text(looked: Looked) -> str:
    from labtui.charts.plotext_text import to_text

    spec, slots = seen(looked)
    return to_text(spec, smoothing=looked.smoothing, slots=slots)


def _rows(looked: Looked) -> list[tuple[str, object, object]]:
    from labtui.charts.table import points

    return points(seen(looked)[0])
