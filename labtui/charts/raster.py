"""A figure drawn into cells: braille lines, dots, bars, axes, legend."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from labtui.charts import braille
from labtui.charts.grid import Canvas, Grid, LegendRow, Reading, Region, cut, in_cells
from labtui.charts.layers import Layer, is_log, layers, slot, x_scale, y_scale
from labtui.charts.layout import Frame, arrange, draw_frame
from labtui.charts.overlay import (
    DOT,
    FAINT_DOT,
    draw_crosshair,
    draw_legend,
    draw_marks,
    legend_region,
    legend_rows,
    readings,
)
from labtui.charts.scale import Floats, Scale, View
from labtui.charts.signs import Sign, along, line_signs, spread
from labtui.charts.spec import ChartSpec

__all__ = ["Drawing", "Grid", "LegendRow", "Reading", "Region", "View", "draw", "render"]

SMALLEST = 16, 6
"""Fewer columns or rows than these hold no figure."""

FEW_POINTS = 150
"""Points that are drawn as signs, one a cell; of more, only their density can be seen."""

_FEW_MARKED = 12


KEPT = 2
"""Drawings of a figure that are kept: as it is looked at, and as it was a moment ago."""


@dataclass(frozen=True, eq=False)
class Drawing:
    """A figure without what lies over its curves.

    Attributes:
        canvas: The cells; not to be drawn on.
        frame: Where everything is; None where nothing was drawn.
        x: The horizontal scale.
        y: The vertical scale.
        layers: What was drawn, lowest first.
        signs: The signs of curves by the place of their series.
    """

    canvas: Canvas
    frame: Frame | None = None
    x: Scale | None = None
    y: Scale | None = None
    layers: tuple[Layer, ...] = ()
    signs: Mapping[int, Sign] = field(default_factory=dict)


def render(
    spec: ChartSpec,
    width: int,
    height: int,
    *,
    view: View | None = None,
    smoothing: float = 0.0,
    cursor_x: float | None = None,
    hidden: frozenset[str | int] = frozenset(),
    badge: str = "",
    slots: tuple[int, ...] | None = None,
) -> Grid:
    """Draw a figure; never raises, whatever the numbers in it.

    The curves are drawn once for each size, view, smoothing and choice of series; a crosshair that
    moves costs what lies over them.

    Args:
        spec: The figure.
        width: Cells across; 0 and less give an empty grid.
        height: Rows.
        view: Window and scales chosen by the person.
        smoothing: Smoothing of lines in 0 … 1: the raw curve is dimmed below its average.
        cursor_x: Where the crosshair stands, in data units.
        hidden: Identities (`Series.ident`) of series left out; the legend still names them.
        badge: What is said at the right end of the title's line.
        slots: The palette slot of every series, which has its sign too; None for those it has
            without knowing of other figures.

    Returns:
        A grid of exactly the given size.
    """
    with np.errstate(all="ignore"):
        drawing = draw(
            spec, width, height, view=view, smoothing=smoothing, hidden=hidden, slots=slots
        )
        return _overlaid(spec, drawing, cursor_x, hidden, badge)


def draw(
    spec: ChartSpec,
    width: int,
    height: int,
    *,
    view: View | None = None,
    smoothing: float = 0.0,
    hidden: frozenset[str | int] = frozenset(),
    slots: tuple[int, ...] | None = None,
) -> Drawing:
    """Draw the curves of a figure, and keep them with it; arguments as of `render`.

    It may be called on another thread, so that `render` finds them drawn.
    """
    key = width, height, view or View(), smoothing, hidden, slots
    found = spec.drawn.get(key)
    if found is None:
        with np.errstate(all="ignore"):
            found = _drawn(spec, *key)
        for old in list(spec.drawn)[: 1 - KEPT]:
            spec.drawn.pop(old, None)
        spec.drawn[key] = found
    assert isinstance(found, Drawing)
    return found


def _drawn(
    spec: ChartSpec,
    width: int,
    height: int,
    view: View,
    smoothing: float,
    hidden: frozenset[str | int],
    slots: tuple[int, ...] | None,
) -> Drawing:
    canvas = Canvas(width, height)
    if width < SMALLEST[0] or height < SMALLEST[1]:
        _write_centred(canvas, "needs {}x{}".format(*SMALLEST))
        return Drawing(canvas)
    drawn = layers(
        spec,
        log_x=is_log(spec.x, view.log_x),
        log_y=is_log(spec.y, view.log_y),
        smoothing=smoothing,
        hidden=hidden,
    )
    if not hidden and not any(len(layer.curve) for layer in drawn):
        return _nothing(canvas, spec)
    x = x_scale(spec, view, drawn)
    y = y_scale(spec, view, drawn, x)
    lane = any(layer.kind == "infeasible" and len(layer.curve) for layer in drawn)
    frame = arrange(spec, x, y, canvas.width, canvas.height, lane=lane)
    draw_frame(canvas, spec, frame)
    few = sum(len(layer.curve) for layer in drawn if layer.kind == "points") <= FEW_POINTS
    for layer in drawn:
        _draw_layer(canvas, frame, layer, x, y, few)
    for layer in drawn:
        if layer.kind == "points" and layer.series.marker and not few:
            _draw_signs(canvas, frame.data, layer, x, y)
    signs = line_signs(spec.series, slots)
    _draw_line_signs(canvas, frame.data, drawn, signs, x, y)
    draw_marks(canvas, spec, frame, x, y)
    return Drawing(canvas, frame, x, y, tuple(drawn), signs)


def _overlaid(
    spec: ChartSpec,
    drawing: Drawing,
    cursor_x: float | None,
    hidden: frozenset[str | int],
    badge: str,
) -> Grid:
    """Draw the crosshair, the legend and the badge over a copy of the curves."""
    frame, x, y = drawing.frame, drawing.x, drawing.y
    if frame is None or x is None or y is None:
        return _grid(drawing.canvas)
    canvas = drawing.canvas.copy()
    drawn = drawing.layers
    read = None if cursor_x is None else readings(drawn, x, y, cursor_x, frame.plot.width)
    rows = legend_rows(spec, hidden, read, drawing.signs)
    place = legend_region(canvas, frame.data, rows)
    if cursor_x is not None:
        draw_crosshair(canvas, frame.plot, x, cursor_x)
    legend = draw_legend(canvas, place, rows) if place else []
    if badge and frame.title is not None:
        text = cut(f"  {in_cells(badge)}", canvas.width)
        canvas.text(frame.title, canvas.width - len(text), text, "badge")
    return Grid(
        canvas.codes,
        canvas.roles,
        canvas.names,
        frame.plot,
        x,
        y,
        tuple(legend),
        tuple(read or ()),
    )


def _draw_layer(canvas: Canvas, frame: Frame, layer: Layer, x: Scale, y: Scale, few: bool) -> None:
    if not len(layer.curve):
        return
    if layer.kind == "infeasible":
        _draw_infeasible(canvas, frame, layer, x)
    elif layer.kind == "bars":
        _draw_bars(canvas, frame.data, layer, x, y)
    elif layer.kind == "band":
        codes = band(layer, x, y, frame.data.width, frame.data.height)
        canvas.cells(frame.data, codes, layer.role)
    elif layer.kind == "points":
        _draw_points(canvas, frame.data, layer, x, y, few)
    else:
        _draw_line(canvas, frame.data, layer, x, y)


def _draw_line(canvas: Canvas, region: Region, layer: Layer, x: Scale, y: Scale) -> None:
    points = layer.curve.near(x.low, x.high)
    across, up = x.unit(points.x), y.unit(points.y)
    joined = points.run[1:] == points.run[:-1]
    codes = braille.line_cells(across, up, joined, region.width, region.height)
    canvas.cells(region, codes, layer.role)
    if len(points) > 1 and points.run[0] == points.run[-1]:
        return
    alone = np.ones(len(points), dtype=bool)
    alone[:-1] &= ~joined
    alone[1:] &= ~joined
    seen = alone & _inside(across) & _inside(up)
    if seen.any():
        few = int(seen.sum()) <= FEW_POINTS
        canvas.cells(region, _dots(across[seen], up[seen], region, few), layer.role)


def _draw_points(
    canvas: Canvas, region: Region, layer: Layer, x: Scale, y: Scale, few: bool
) -> None:
    across, up = x.unit(layer.curve.x), y.unit(layer.curve.y)
    seen = _inside(across) & _inside(up)
    glyph = layer.series.marker or (DOT if layer.series.emphasis else FAINT_DOT)
    few = few or (bool(layer.series.marker) and len(layer.curve) <= _FEW_MARKED)
    canvas.cells(region, _dots(across[seen], up[seen], region, few, glyph), layer.role)


def _draw_signs(canvas: Canvas, region: Region, layer: Layer, x: Scale, y: Scale) -> None:
    across, up = x.unit(layer.curve.x), y.unit(layer.curve.y)
    chosen = spread(_inside(across) & _inside(up))
    glyph = layer.series.marker
    codes = braille.glyph_cells(across[chosen], up[chosen], glyph, region.width, region.height)
    canvas.cells(region, codes, layer.role)


def _draw_line_signs(
    canvas: Canvas,
    region: Region,
    drawn: list[Layer],
    signs: Mapping[int, Sign],
    x: Scale,
    y: Scale,
) -> None:
    """Draw the signs of curves over all of them."""
    for layer in drawn:
        place = layer.place
        if layer.main and place in signs and len(layer.curve):
            glyph, turn = signs[place]
            across, up = along(layer.curve, x, y, region.width, turn, len(signs))
            cells = braille.cells_of(across, up, region.width, region.height)
            canvas.glyphs(region, *cells, glyph, layer.role)


def _draw_infeasible(canvas: Canvas, frame: Frame, layer: Layer, x: Scale) -> None:
    across = x.unit(layer.curve.x)
    across = across[_inside(across)]
    region = Region(frame.plot.left, frame.lane, frame.plot.width, 1)
    codes = braille.glyph_cells(across, np.zeros_like(across), "✗", region.width, 1)
    canvas.cells(region, codes, layer.role)


def _draw_bars(canvas: Canvas, region: Region, layer: Layer, x: Scale, y: Scale) -> None:
    base = 0.0 if y.log else float(y.unit(np.zeros(1))[0])
    width = slot(layer) / (x.high - x.low)
    across, up = x.unit(layer.curve.x), y.unit(layer.curve.y)
    codes = braille.bar_cells(across, up, base, width, region.width, region.height)
    canvas.cells(region, codes, layer.role)


def band(layer: Layer, x: Scale, y: Scale, width: int, height: int) -> npt.NDArray[np.uint32]:
    """Shade a band; the result is as of `braille.band_cells`."""
    assert layer.low is not None
    edges = y.unit(layer.low), y.unit(layer.curve.y)
    joined = np.diff(layer.curve.run) == 0
    shading = braille.BAND if layer.series.emphasis else braille.THIN_BAND
    return braille.band_cells(x.unit(layer.curve.x), *edges, joined, shading, width, height)


def _inside(share: Floats) -> npt.NDArray[np.bool_]:
    return (share >= 0) & (share <= 1)


def _dots(
    across: Floats, up: Floats, region: Region, few: bool, glyph: str = DOT
) -> npt.NDArray[np.uint32]:
    """A single braille dot is too faint where there are few of them."""
    if few:
        return braille.glyph_cells(across, up, glyph, region.width, region.height)
    return braille.dot_cells(across, up, region.width, region.height)


def _nothing(canvas: Canvas, spec: ChartSpec) -> Drawing:
    """Say that there is nothing to draw, or why it cannot be seen."""
    text = spec.empty
    if any(len(layer.curve) for layer in layers(spec)):
        text = "no value above zero, so nothing on a log axis"
    canvas.text(0, 0, cut(in_cells(spec.title), canvas.width), "title")
    _write_centred(canvas, text)
    return Drawing(canvas)


def _write_centred(canvas: Canvas, text: str) -> None:
    lines = textwrap.wrap(in_cells(text), max(canvas.width, 1))[: canvas.height]
    top = (canvas.height - len(lines)) // 2
    for offset, line in enumerate(lines):
        canvas.text(top + offset, (canvas.width - len(line)) // 2, line, "dim")


def _grid(canvas: Canvas) -> Grid:
    return Grid(canvas.codes, canvas.roles, canvas.names)
