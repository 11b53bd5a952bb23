"""A figure as lines of text for a terminal, a file or a mail, drawn by plotext."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from labtui.charts import braille, captions
from labtui.charts.grid import Region, cut, in_cells, without_fillers
from labtui.charts.layers import Layer, is_log, layers, slot, x_scale, y_scale
from labtui.charts.layout import Placed, column_of, notes_below, row_of, x_ticks, y_ticks
from labtui.charts.overlay import UPRIGHT, spread_labels
from labtui.charts.palette import ANSI_256, series_slots
from labtui.charts.plain import TABLE
from labtui.charts.raster import FEW_POINTS, SMALLEST, band, render
from labtui.charts.reduce import envelope, pieces
from labtui.charts.scale import Floats, Scale, View
from labtui.charts.signs import along, spread
from labtui.charts.spec import ChartSpec, Mark

_GREY = captions.GREY
_MARK_COLOURS = {"bound": 172, "best": 35, "step": _GREY, "reference": _GREY, "proposal": 33}
_TO_ASCII = str.maketrans(TABLE)


@dataclass(frozen=True)
class _Page:
    """The figure's place on the page; coordinates are cells, counted from the lower left one."""

    spec: ChartSpec
    drawn: list[Layer]
    x: Scale
    y: Scale
    plot: Region
    lane: int
    marks: int | None
    noted: bool
    x_ticks: list[Placed]
    y_ticks: list[Placed]
    colours: tuple[int, ...]
    color: bool
    ascii: bool

    @property
    def rows(self) -> int:
        """Rows of the data alone."""
        return self.plot.height - (self.lane >= 0) - (self.marks is not None)

    @property
    def base(self) -> int:
        """The lowest row of the data."""
        return 1 if self.lane == 0 else 0

    def across(self, share: Floats) -> list[float]:
        """Shares of the horizontal axis as columns."""
        return [float(at) for at in np.clip(share, -0.5, 1.5) * (self.plot.width - 1)]

    def up(self, share: Floats) -> list[float]:
        """Shares of the vertical axis as rows."""
        return [float(at) for at in self.base + np.clip(share, -0.5, 1.5) * (self.rows - 1)]


def to_text(
    spec: ChartSpec,
    width: int = 100,
    height: int = 24,
    color: bool = False,
    *,
    ascii: bool = False,
    smoothing: float = 0.0,
    slots: tuple[int, ...] | None = None,
) -> str:
    """Draw a figure as text.

    Args:
        spec: The figure.
        width: Cells of every line.
        height: Lines.
        color: Whether to write colour escapes; with and without them each has a sign.
        ascii: Whether to use ASCII only, for terminals without UTF-8.
        smoothing: Smoothing of lines in 0 … 1.
        slots: The palette slot of every series; None for those it has without knowing of others.

    Returns:
        `height` lines joined by newlines, without one at the end.
    """
    with np.errstate(all="ignore"):
        drawn = layers(
            spec,
            log_x=is_log(spec.x, None),
            log_y=is_log(spec.y, None),
            smoothing=smoothing,
        )
        small = width < SMALLEST[0] or height < SMALLEST[1]
        if small or not any(len(layer.curve) for layer in drawn):
            lines = [in_cells(line) for line in render(spec, width, height).lines]
            return _finished(lines, width, color, ascii)
        colours = series_slots(spec.series) if slots is None else slots
        lines = _composed(spec, drawn, width, height, colours, color, ascii)
        return _finished(lines, width, color, ascii)


def _composed(
    spec: ChartSpec,
    drawn: list[Layer],
    width: int,
    height: int,
    colours: tuple[int, ...],
    color: bool,
    ascii: bool,
) -> list[str]:
    title = captions.title(spec, width)
    legend = captions.legend(spec, colours, width, color, ascii)[: max(0, (height - 5) // 3)]
    page = _page(spec, drawn, width, height - len(title) - len(legend), colours, color, ascii)
    return [*title, *_plotted(page, width), *legend]


def _page(
    spec: ChartSpec,
    drawn: list[Layer],
    width: int,
    height: int,
    colours: tuple[int, ...],
    color: bool,
    ascii: bool,
) -> _Page:
    x = x_scale(spec, View(), drawn)
    y = y_scale(spec, View(), drawn, x)
    rows = height - 2 - bool(spec.x.label)
    noted = rows > 4 and bool(spec.x.notes) and spec.x.categories is not None
    rows -= noted
    infeasible = any(layer.kind == "infeasible" and len(layer.curve) for layer in drawn)
    marked = rows > 4 and any(mark.axis == "x" and mark.label for mark in spec.marks)
    data_rows = max(1, rows - infeasible - marked)
    left_ticks = y_ticks(y, 0, data_rows, width // 4)
    left = max((len(tick.label) for tick in left_ticks), default=0) + 1
    plot = Region(left, 0, width - left, rows)
    lane = -1 if not infeasible else rows - 1 - marked if spec.worst == "top" else 0
    return _Page(
        spec, drawn, x, y, plot, lane, rows - 1 if marked else None, noted,
        x_ticks(x, plot, width), left_ticks, colours, color, ascii,
    )  # fmt: skip


def _plotted(page: _Page, width: int) -> list[str]:
    """Build the plot exactly once: a second build of the same figure would be wrong."""
    import plotext

    plotext.clear_figure()
    try:
        _prepare(plotext, page, width)
        _draw_marks(plotext, page)
        for layer in page.drawn:
            _draw_layer(plotext, page, layer)
        for layer in page.drawn:
            if layer.kind == "points" and layer.series.marker:
                _draw_signs(plotext, page, layer)
        _draw_line_signs(plotext, page)
        text: str = plotext.build()
    finally:
        plotext.clear_figure()
    text = text if page.color else plotext.uncolorize(text)
    lines = text.rstrip("\n").split("\n")
    if page.noted:
        lines.insert(page.plot.height + 2, _notes(page, width))
    return lines


def _notes(page: _Page, width: int) -> str:
    """The line under the names of the categories."""
    line = ""
    for start, note in notes_below(page.spec, page.x_ticks, width):
        line += " " * (start - len(line)) + note
    return line


def _prepare(plotext: Any, page: _Page, width: int) -> None:
    plotext.limit_size(False, False)
    plotext.plot_size(width, page.plot.height + 2 + bool(page.spec.x.label))
    plotext.theme("clear")
    plotext.xaxes(True, False)
    plotext.yaxes(True, False)
    plotext.xlim(0, page.plot.width - 1)
    plotext.ylim(0, page.plot.height - 1)
    columns = [tick.cell - page.plot.left for tick in page.x_ticks]
    plotext.xticks(columns, [tick.label for tick in page.x_ticks])
    rows = [page.base + page.rows - 1 - tick.cell for tick in page.y_ticks]
    plotext.yticks(rows, [tick.label for tick in page.y_ticks])
    if page.spec.x.label:
        plotext.xlabel(cut(in_cells(page.spec.x.label), page.plot.width))
    # Without a point plotext draws no axis: this one lies on the corner and is drawn over.
    plotext.scatter([0], [0], marker=" ")


def _draw_marks(plotext: Any, page: _Page) -> None:
    seen: list[tuple[int, Mark]] = []
    whole = Region(0, 0, page.plot.width, page.rows)
    for mark in page.spec.marks:
        colour = _colour(page, _MARK_COLOURS[mark.kind])
        if mark.axis == "x" and (column := column_of(page.x, mark.value, whole)) is not None:
            seen.append((column, mark))
            rows = list(range(page.plot.height - (page.marks is not None)))
            marker = UPRIGHT[mark.kind]
            plotext.scatter([column] * len(rows), rows, marker=marker, color=colour)
        elif mark.axis == "y" and (row := row_of(page.y, mark.value, whole)) is not None:
            level = page.base + page.rows - 1 - row
            columns = list(range(page.plot.width))
            plotext.scatter(columns, [level] * len(columns), marker="╌", color=colour)
            label = cut(f" {in_cells(mark.label)} ", page.plot.width // 2)
            _write(plotext, label, page.plot.width - len(label), level, colour)
    if page.marks is not None:
        seen.sort(key=lambda pair: pair[0])
        for start, label, mark in spread_labels(seen, page.plot.width):
            _write(plotext, label, start, page.marks, _colour(page, _MARK_COLOURS[mark.kind]))


def _write(plotext: Any, text: str, column: int, row: int, colour: int | None) -> None:
    if text.strip():
        plotext.text(text, column, row, color=colour, alignment="left")


def _colour(page: _Page, code: int) -> int | None:
    return code if page.color else None


def _draw_layer(plotext: Any, page: _Page, layer: Layer) -> None:
    if not len(layer.curve):
        return
    index = layer.place
    dimmed = layer.role.startswith("raw:")
    colour = _colour(page, _GREY if dimmed else ANSI_256[page.colours[index]])
    across = page.x.unit(layer.curve.x)
    up = page.y.unit(layer.curve.y)
    inside = (across >= 0) & (across <= 1)
    if layer.kind == "infeasible":
        columns = page.across(across[inside])
        plotext.scatter(
            columns, [page.lane] * len(columns), marker="✗", color=_colour(page, captions.RED)
        )
    elif layer.kind == "bars":
        _draw_bars(plotext, page, layer, colour)
    elif layer.kind == "band":
        _draw_band(plotext, page, layer, colour)
    elif layer.kind == "points":
        inside &= (up >= 0) & (up <= 1)
        few = int(inside.sum()) <= FEW_POINTS or page.ascii
        glyph = captions.cloud(page.spec, layer.series, page.color)
        marker = glyph if few else "braille"
        plotext.scatter(
            page.across(across[inside]), page.up(up[inside]), marker=marker, color=colour
        )
    elif layer.main or page.color:
        _draw_line(plotext, page, layer, index, colour)


def _draw_signs(plotext: Any, page: _Page, layer: Layer) -> None:
    """Draw the sign of some points of a cloud, over the density of all."""
    across, up = page.x.unit(layer.curve.x), page.y.unit(layer.curve.y)
    chosen = spread((across >= 0) & (across <= 1) & (up >= 0) & (up <= 1))
    if len(chosen):
        colour = _colour(page, ANSI_256[page.colours[layer.place]])
        glyph = captions.cloud(page.spec, layer.series, page.color)
        plotext.scatter(
            page.across(across[chosen]), page.up(up[chosen]), marker=glyph, color=colour
        )


def _draw_line(plotext: Any, page: _Page, layer: Layer, index: int, colour: int | None) -> None:
    """Draw the connected pieces one by one, as plotext knows no gaps off the axes' limits."""
    shown = envelope(layer.curve, page.x, 2 * page.plot.width)
    marker = captions.ascii_line(index) if page.ascii else "braille"
    for x, y in pieces(shown):
        across, up = page.x.unit(x), page.y.unit(y)
        if not np.any((across >= 0) & (across <= 1)):
            continue
        glyph = "•" if x.size == 1 and not page.ascii else marker
        plotext.plot(page.across(across), page.up(up), marker=glyph, color=colour)


def _draw_bars(plotext: Any, page: _Page, layer: Layer, colour: int | None) -> None:
    base = 0.0 if page.y.log else float(page.y.unit(np.zeros(1))[0])
    share = slot(layer) / (page.x.high - page.x.low)
    x, y = page.x.unit(layer.curve.x), page.y.unit(layer.curve.y)
    codes = braille.bar_cells(x, y, base, share, page.plot.width, page.rows)
    _draw_cells(plotext, page, codes, "#", colour)


def _draw_band(plotext: Any, page: _Page, layer: Layer, colour: int | None) -> None:
    codes = band(layer, page.x, page.y, page.plot.width, page.rows)
    _draw_cells(plotext, page, codes, ":" if layer.series.emphasis else ".", colour)


def _draw_cells(
    plotext: Any, page: _Page, codes: npt.NDArray[np.uint32], ascii: str, colour: int | None
) -> None:
    rows, columns = np.nonzero(codes)
    markers = [ascii if page.ascii else chr(code) for code in codes[rows, columns]]
    if markers:
        heights = [page.base + page.rows - 1 - int(row) for row in rows]
        colours = None if colour is None else [colour] * len(markers)
        plotext.scatter(columns.tolist(), heights, marker=markers, color=colours)


def _draw_line_signs(plotext: Any, page: _Page) -> None:
    """Draw the signs of the curves over all of them."""
    signs = captions.signed(page.spec, page.colours, page.color, page.ascii)
    for layer in page.drawn:
        if not (layer.main and layer.place in signs and len(layer.curve)):
            continue
        glyph, turn = signs[layer.place]
        across, up = along(layer.curve, page.x, page.y, page.plot.width, turn, len(signs))
        dimmed = layer.role.startswith("raw:")
        colour = _colour(page, _GREY if dimmed else ANSI_256[page.colours[layer.place]])
        plotext.scatter(page.across(across), page.up(up), marker=glyph, color=colour)


def _finished(lines: list[str], width: int, color: bool, ascii: bool) -> str:
    """Make every line exactly as wide as asked for."""
    import plotext

    done = []
    for line in lines:
        plain = plotext.uncolorize(line) if color else line
        line += " " * (width - len(plain))
        done.append(_in_ascii(line) if ascii else without_fillers(line))
    return "\n".join(done)


def _in_ascii(line: str) -> str:
    return line.translate(_TO_ASCII).encode("ascii", "replace").decode()
