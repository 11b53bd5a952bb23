"""What lies over the curves: marks, the legend, the crosshair."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from labtui.charts.grid import Canvas, LegendRow, Reading, Region, cut, in_cells
from labtui.charts.layers import Layer
from labtui.charts.layout import Frame, column_of, row_of
from labtui.charts.scale import Scale, coordinates
from labtui.charts.signs import Sign
from labtui.charts.spec import ChartSpec, Mark, Series
from labtui.charts.ticks import short_number

UPRIGHT = {"bound": "┊", "best": "╎", "step": "┆", "reference": "┆", "proposal": "╏"}
"""The glyph of a vertical mark, by its kind."""
DOT, FAINT_DOT = "•", "◦"
"""A point where there are few, and one of a series without emphasis."""
_LEVEL = "╌"
_SWATCHES = {"line": "━━", "points": f" {DOT}", "bars": " █", "infeasible": " ✗", "band": "▒▒"}
_NARROWEST_PLOT = 20
_WIDEST, _WIDEST_READING = 0.45, 0.6


class Row(NamedTuple):
    """A row of the legend before it has a place."""

    swatch: str
    swatch_role: str
    label: str
    role: str
    value: str
    ident: str | int | None


def draw_marks(canvas: Canvas, spec: ChartSpec, frame: Frame, x: Scale, y: Scale) -> None:
    """Draw the marks behind whatever is already there, and their labels."""
    upright = [
        (column_of(x, mark.value, frame.plot), mark) for mark in spec.marks if mark.axis == "x"
    ]
    seen = sorted(
        ((column, mark) for column, mark in upright if column is not None),
        key=lambda pair: pair[0],
    )
    for column, mark in seen:
        _draw_column(canvas, frame.plot, column, UPRIGHT[mark.kind], mark.kind)
    if frame.marks is not None:
        for start, label, mark in spread_labels(seen, canvas.width):
            canvas.text(frame.marks, start, label, mark.kind)
    for mark in spec.marks:
        row = row_of(y, mark.value, frame.data) if mark.axis == "y" else None
        if row is not None:
            _draw_level(canvas, frame.data, row, mark)


def _draw_column(canvas: Canvas, plot: Region, column: int, glyph: str, role: str) -> None:
    codes = np.full((plot.height, 1), ord(glyph), dtype=np.uint32)
    canvas.cells(Region(column, plot.top, 1, plot.height), codes, role, over=False)


def spread_labels(marks: list[tuple[int, Mark]], width: int) -> list[tuple[int, str, Mark]]:
    """Put the labels of vertical marks side by side in one row, each near its column.

    Args:
        marks: Columns and marks, ascending.
        width: Cells in the row.

    Returns:
        First column, text in cells, and mark; what finds no room is cut or left out.
    """
    free, placed = 0, []
    for column, mark in marks:
        label = in_cells(mark.label)
        start = max(min(column - (len(label) - 1) // 2, width - len(label)), free)
        label = cut(label, width - start)
        if label:
            placed.append((start, label, mark))
            free = start + len(label) + 2
    return placed


def _draw_level(canvas: Canvas, plot: Region, row: int, mark: Mark) -> None:
    codes = np.full((1, plot.width), ord(_LEVEL), dtype=np.uint32)
    label = cut(f" {in_cells(mark.label)} ", plot.width // 2) if mark.label else ""
    size = len(label)
    places = (
        plot.left + plot.width - size - 1,
        plot.left + 1,
        plot.left + (plot.width - size) // 2,
    )
    start = min(places, key=lambda left: canvas.ink(Region(left, row, size, 1)))
    canvas.cells(Region(plot.left, row, plot.width, 1), codes, mark.kind, over=False)
    canvas.text(row, start, label, mark.kind)


def readings(
    drawn: Sequence[Layer], x: Scale, y: Scale, cursor: float, columns: int
) -> list[Reading]:
    """Read every main curve at the crosshair.

    Between two joined points it is the nearer one; in a gap and beyond the ends only points
    within a column count, and y is NaN otherwise.

    Args:
        drawn: The layers.
        x: The horizontal scale.
        y: The vertical scale.
        cursor: Where, in data units.
        columns: Columns of the plot.
    """
    at = float(coordinates([cursor], x.log)[0])
    column = (x.high - x.low) / max(columns, 1)
    found = []
    for layer in drawn:
        if not layer.main or not layer.series.emphasis:
            continue
        place = _nearest(layer, at, column) if np.isfinite(at) else None
        if place is None:
            found.append(Reading(layer.series.ident, cursor, float("nan")))
            continue
        where, height = float(layer.curve.x[place]), float(layer.curve.y[place])
        found.append(Reading(layer.series.ident, _data(where, x.log), _data(height, y.log)))
    return found


def _data(coordinate: float, log: bool) -> float:
    return float(np.power(10.0, coordinate)) if log else coordinate


def _nearest(layer: Layer, at: float, column: float) -> int | None:
    points = layer.curve
    if not len(points):
        return None
    after = int(np.searchsorted(points.x, at))
    sides = [side for side in (after - 1, after) if 0 <= side < len(points)]
    nearest = min(sides, key=lambda side: abs(points.x[side] - at))
    joined = len(sides) == 2 and points.run[sides[0]] == points.run[sides[1]]
    if joined and layer.kind == "line":
        return nearest
    return nearest if abs(points.x[nearest] - at) <= column else None


def legend_rows(
    spec: ChartSpec,
    hidden: frozenset[str | int],
    read: list[Reading] | None,
    signs: Mapping[int, Sign],
) -> list[Row]:
    """The rows of the legend: one a labelled series, with its sign, and its value if one is read.

    Args:
        spec: The figure.
        hidden: Identities of series that are left out.
        read: Values under the crosshair; None without one.
        signs: As of `line_signs`.
    """
    values = {reading.ident: reading.y for reading in read or ()}
    rows = []
    if read:
        shown = [reading.x for reading in read if np.isfinite(reading.y)] or [read[0].x]
        name = in_cells(spec.x.label) or "x"
        rows.append(Row("", "", name, "label", short_number(shown[0]), None))
    labels = short_labels([series.label for series in spec.series])
    for index, series in enumerate(spec.series):
        value = _written(values[series.ident]) if series.ident in values else ""
        if series.label or (value and series.emphasis):
            row = _legend_row(series, index, in_cells(labels[index]), value, hidden)
            sign = signs.get(index) if series.ident not in hidden else None
            rows.append(row._replace(swatch=f"━{sign.glyph}") if sign else row)
    return rows


_NAMED = re.compile(r"(#\d+ )?([^=,]+)=([^=,]+)")


def short_labels(labels: Sequence[str]) -> list[str]:
    """Leave out of ``#7 optimizer=adam`` the name that all share, where their values are words.

    Numbers keep it: ``#7 128`` says nothing.
    """
    found = [_NAMED.fullmatch(label) for label in labels if "=" in label]
    known = [match for match in found if match]
    names = {match[2] for match in known}
    if len(known) < max(len(found), 2) or len(names) > 1:
        return list(labels)
    if any(not match[3][:1].isalpha() for match in known):
        return list(labels)
    return [_NAMED.sub(r"\1\3", label) if "=" in label else label for label in labels]


def _legend_row(
    series: Series, index: int, label: str, value: str, hidden: frozenset[str | int]
) -> Row:
    if series.ident in hidden:
        return Row("╌╌", "dim", label, "dim", "", series.ident)
    bright = series.emphasis and series.role != "band"
    role = f"series:{index}" if bright else f"raw:{index}"
    role = "infeasible" if series.role == "infeasible" else role
    text = "legend" if series.emphasis else "dim"
    faint = {"band": "░░", "points": f" {FAINT_DOT}"} if not series.emphasis else {}
    swatch = faint.get(series.role, _SWATCHES[series.role])
    swatch = f" {series.marker}" if series.marker else swatch
    return Row(swatch, role, label, text, value, series.ident)


def _written(value: float) -> str:
    return short_number(value) if np.isfinite(value) else "–"


def legend_region(canvas: Canvas, plot: Region, rows: list[Row]) -> Region | None:
    """Find the place at the edge with the least drawn in it, faint curves counting least.

    Corners come first, the top right one before the others, then the middles of the edges.
    """
    if not rows or plot.width < _NARROWEST_PLOT or plot.height < 3:
        return None
    label = max(len(row.label) for row in rows)
    value = max(len(row.value) for row in rows)
    wanted = 4 + label + (value + 2 if value else 0)
    width = min(wanted, max(14, int(plot.width * (_WIDEST_READING if value else _WIDEST))))
    height = min(len(rows), max(1, plot.height - 1))
    right, bottom = plot.left + plot.width - width, plot.top + plot.height - height
    corners = [(right, plot.top), (right, bottom), (plot.left, plot.top), (plot.left, bottom)]
    across, down = plot.left + (plot.width - width) // 2, plot.top + (plot.height - height) // 2
    middles = [(across, plot.top), (right, down), (across, bottom), (plot.left, down)]
    regions = [Region(left, top, width, height) for left, top in corners + middles]
    return min(regions, key=canvas.ink)


def draw_legend(canvas: Canvas, region: Region, rows: list[Row]) -> list[LegendRow]:
    """Write the legend over what is there; rows that do not fit are counted in the last one."""
    placed = []
    if len(rows) > region.height:
        left_out = len(rows) - region.height + 1
        more = Row("", "", f"+{left_out} more", "dim", "", None)
        rows = [*rows[: region.height - 1], more]
    for offset, row in enumerate(rows):
        line, left = region.top + offset, region.left
        canvas.text(line, left, " " * region.width, "label")
        canvas.text(line, left + 1, row.swatch, row.swatch_role)
        room = region.width - 4 - (len(row.value) + 2 if row.value else 0)
        canvas.text(line, left + 4, cut(row.label, room), row.role)
        canvas.text(line, left + region.width - len(row.value) - 1, row.value, row.role)
        if row.ident is not None:
            placed.append(LegendRow(line, left, left + region.width, row.ident))
    return placed


def draw_crosshair(canvas: Canvas, plot: Region, x: Scale, cursor: float) -> None:
    """Draw the crosshair's line where nothing else is."""
    column = column_of(x, cursor, plot)
    if column is not None:
        _draw_column(canvas, plot, column, "│", "cursor")
