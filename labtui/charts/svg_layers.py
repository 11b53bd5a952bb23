"""The series of an SVG figure: lines with gaps, clouds of points, bars, bands."""

from __future__ import annotations

import numpy as np

from labtui.charts.layers import Layer, slot
from labtui.charts.reduce import Curve, envelope, pieces
from labtui.charts.scale import Floats, Scale
from labtui.charts.svg_layout import Box
from labtui.charts.svg_parts import dots_path, element, line_path, short, stroked


def draw_layer(layer: Layer, data: Box, x: Scale, y: Scale, colour: int, dash: str) -> str:
    """Draw a line, points, bars or a band; coordinates begin at the upper left corner of the data.

    Args:
        layer: What to draw, not empty.
        data: Its place.
        x: The horizontal scale.
        y: The vertical scale.
        colour: The slot of the palette.
        dash: Dashes and gaps of a line; empty for none.
    """
    name = f"s{colour}"
    if layer.kind == "band":
        return _band(layer, data, x, y, name)
    if layer.kind == "bars":
        return _bars(layer, data, x, y, name)
    if layer.kind == "points":
        return _points(layer, data, x, y, name)
    dimmed = layer.role.startswith("raw:")
    shown = envelope(layer.curve, x, max(int(data.width), 1))
    lone: list[str] = []
    joined: list[str] = []
    for across, up in pieces(shown):
        left, top = _pixels(across, up, data, x, y)
        (lone if across.size == 1 else joined).append(line_path(left, top))
    look: dict[str, str | float] = {"opacity": 0.4} if dimmed else {}
    lines = stroked(
        name, "".join(joined), stroke_width=1 if dimmed else 1.8, stroke_linejoin="round",
        **look, **({"stroke_dasharray": dash} if dash else {}),
    )  # fmt: skip
    return lines + stroked(name, "".join(lone), stroke_width=4, stroke_linecap="round", **look)


def _pixels(across: Floats, up: Floats, data: Box, x: Scale, y: Scale) -> tuple[Floats, Floats]:
    """Axis coordinates as pixels from the upper left corner of the data."""
    return x.unit(across) * data.width, (1 - y.unit(up)) * data.height


def _points(layer: Layer, data: Box, x: Scale, y: Scale, name: str) -> str:
    left, top = _pixels(layer.curve.x, layer.curve.y, data, x, y)
    seen = (left >= 0) & (left <= data.width) & (top >= 0) & (top <= data.height)
    size = 6.5 if int(seen.sum()) <= 300 else 3.5
    return stroked(
        name, dots_path(left[seen], top[seen]), stroke_width=size, stroke_linecap="round",
        opacity=0.85 if layer.series.emphasis else 0.5,
    )  # fmt: skip


def _bars(layer: Layer, data: Box, x: Scale, y: Scale, name: str) -> str:
    curve = _one_a_column(layer.curve, x, max(int(data.width), 1))
    left, top = _pixels(curve.x, curve.y, data, x, y)
    foot = data.height if y.log else data.height * (1 - float(y.unit(np.zeros(1))[0]))
    foot = _near(np.array([foot]))[0]
    half = 0.45 * slot(layer) / (x.high - x.low) * data.width
    half = min(max(half, 0.5), data.width)
    path = "".join(
        f"M{short(at - half)} {short(foot)}V{short(height)}h{short(2 * half)}V{short(foot)}z"
        for at, height in zip(_near(left), _near(top), strict=True)
    )
    opacity = 0.8 if layer.series.emphasis else 0.35
    return element("path", class_=name, d=path, fill="currentColor", opacity=opacity)


def _near(places: Floats) -> list[float]:
    return [float(at) for at in np.clip(places, -1e5, 1e5)]


def _one_a_column(curve: Curve, x: Scale, columns: int) -> Curve:
    """Keep the highest bar of every pixel where there are more bars than pixels."""
    if len(curve) <= columns:
        return curve
    column = np.floor(x.unit(curve.x) * columns)
    order = np.lexsort((-np.abs(curve.y), column))
    first = np.ones(len(curve), dtype=bool)
    first[1:] = np.diff(column[order]) > 0
    return curve.take(order[first])


def _band(layer: Layer, data: Box, x: Scale, y: Scale, name: str) -> str:
    assert layer.low is not None
    upper = envelope(layer.curve, x, max(int(data.width), 1))
    kept = np.isin(layer.curve.x, upper.x)
    curve = layer.curve.take(np.flatnonzero(kept))
    low = Curve(curve.x, layer.low[kept], curve.run)
    path = ""
    for (across, up), (back, down) in zip(pieces(curve), pieces(low), strict=True):
        there, top = _pixels(across, up, data, x, y)
        here, foot = _pixels(back, down, data, x, y)
        outline = np.concatenate([there, here[::-1]]), np.concatenate([top, foot[::-1]])
        path += line_path(*outline) + "z"
    opacity = 0.25 if layer.series.emphasis else 0.14
    return element("path", class_=name, d=path, fill="currentColor", opacity=opacity)
