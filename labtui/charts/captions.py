"""Title and legend of a figure drawn as text, and what tells its curves apart there."""

from __future__ import annotations

from labtui.charts.grid import cut, in_cells
from labtui.charts.overlay import FAINT_DOT
from labtui.charts.palette import ANSI_256
from labtui.charts.signs import Sign, line_signs
from labtui.charts.spec import ChartSpec, Series

GREY = 244
"""Whatever is dimmed, in the 256-colour table."""

RED = 160
"""Infeasible points, in the 256-colour table."""

_ASCII_LINES = "*+o#@%&="
_CLOUDS = "•×+○△□"


def title(spec: ChartSpec, width: int) -> list[str]:
    """The line above the figure, in cells; none where there is nothing to say."""
    parts = [spec.title, spec.y.label if spec.y.label != spec.title else ""]
    text = cut(in_cells(" · ".join(part for part in parts if part)), width)
    return [text] if text else []


def ascii_line(index: int) -> str:
    """The character that draws a curve where there is only ASCII."""
    return _ASCII_LINES[index % len(_ASCII_LINES)]


def cloud(spec: ChartSpec, series: Series, color: bool) -> str:
    """The glyph of a cloud of points; without colour every cloud has its own."""
    if series.marker:
        return series.marker
    if not series.emphasis:
        return FAINT_DOT
    clouds = [one for one in spec.series if one.role == "points" and one.emphasis]
    return _CLOUDS[0 if color else clouds.index(series) % len(_CLOUDS)]


def signed(spec: ChartSpec, colours: tuple[int, ...], color: bool, ascii: bool) -> dict[int, Sign]:
    """The signs of curves; in ASCII each is drawn with a character of its own instead."""
    return {} if ascii else line_signs(spec.series, colours, dimmed=not color)


def legend(
    spec: ChartSpec, colours: tuple[int, ...], width: int, color: bool, ascii: bool
) -> list[str]:
    """The legend below the plot, as many entries a line as fit.

    Args:
        spec: The figure.
        colours: The palette slot of every series.
        width: Cells of a line.
        color: Whether to write colour escapes.
        ascii: Whether curves are drawn in ASCII.
    """
    lines: list[str] = []
    signs = signed(spec, colours, color, ascii)
    used = width
    for index, series in enumerate(spec.series):
        if not series.label:
            continue
        swatch = _swatch(spec, series, index, color, ascii, signs)
        code = RED if series.role == "infeasible" else ANSI_256[colours[index]]
        code = GREY if series.role == "band" else code
        painted = f"\x1b[38;5;{code}m{swatch}\x1b[0m" if color else swatch
        label = cut(in_cells(series.label), max(1, width - len(swatch) - 3))
        size = len(swatch) + 1 + len(label)
        if used + 3 + size > width:
            lines.append(f" {painted} {label}")
            used = 1 + size
        else:
            lines[-1] += f"   {painted} {label}"
            used += 3 + size
    return lines


def _swatch(
    spec: ChartSpec,
    series: Series,
    index: int,
    color: bool,
    ascii: bool,
    signs: dict[int, Sign],
) -> str:
    if series.role == "points":
        return cloud(spec, series, color)
    if series.role != "line":
        if series.role == "band":
            return "▒" if series.emphasis else "░"
        return "✗" if series.role == "infeasible" else "█"
    if ascii:
        return ascii_line(index)
    return f"━{signs[index].glyph}" if index in signs else "━━"
