"""The series of an SVG figure: lines with gaps, clouds of points, bars, bands."""

from __future__ import annotations

import numpy as np

from labtui.charts.layers import Layer, slot
from labtui.charts.reduce import Curve, envelope, pieces
from labtui.charts.scale import Floats, Scale
from labtui.charts.signs import Sign, along, spread
from labtui.charts.svg_layout import Box
from labtui.charts.svg_parts import caption, dots_path, element, line_path, short, stroked

_SQUARE, _DIAMOND = "m-4-4h8v8h-8z", "m0-5.2l5.2 5.2l-5.2 5.2l-5.2-5.2z"
_UP, _DOWN = "m0-5l4.8 8.6h-9.6z", "m0 5l4.8-8.6h-9.6z"
_ROUND = "m-4.2 0a4.2 4.2 0 1 0 8.4 0a4.2 4.2 0 1 0-8.4 0"
_STAR = "m0-6l1.8 4h4.2l-3.3 2.7l1.3 4.3l-4-2.6l-4 2.6l1.3-4.3l-3.3-2.7h4.2z"
_SHAPES = {"■": _SQUARE, "◆": _DIAMOND, "▲": _UP, "▼": _DOWN, "●": _ROUND, "★": _STAR}
_HOLLOW = {"□": _SQUARE, "△": _UP, "○": _ROUND, "+": "m-4.5 0h9m-4.5-4.5v9"}

_FEW, _COLUMN = 300, 8
"""Points up to which each is drawn large; pixels that a sign on a curve takes."""


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


def draw_sign(
    layer: Layer, data: Box, x: Scale, y: Scale, colour: int, sign: Sign, count: int
) -> str:
    """Draw the sign of a curve along it; `count` curves of the figure have one."""
    at = along(layer.curve, x, y, int(data.width) // _COLUMN, sign.turn, count)
    left, top = at[0] * data.width, (1 - at[1]) * data.height
    faint = layer.role.startswith("raw:")
    return shape(f"s{colour}", sign.glyph, left, top, **({"opacity": 0.4} if faint else {}))


def has_shape(glyph: str) -> bool:
    """Say whether a sign is drawn as a shape, which looks the same in every font."""
    return glyph in _SHAPES or glyph in _HOLLOW


def shape(name: str, glyph: str, left: Floats, top: Floats, **look: str | float) -> str:
    """Draw a sign at places in pixels: filled, hollow or, where it has no shape, as text."""
    if glyph in _SHAPES:
        path = dots_path(left, top, _SHAPES[glyph])
        return element("path", class_=name, d=path, fill="currentColor", **look) if path else ""
    if glyph in _HOLLOW:
        return stroked(name, dots_path(left, top, _HOLLOW[glyph]), stroke_width=1.8, **look)
    return "".join(
        caption(
            glyph, across, down + 4, class_=name, fill="currentColor", text_anchor="middle",
            font_weight="bold", **look,
        )
        for across, down in zip(left.tolist(), top.tolist(), strict=True)
    )  # fmt: skip


def _pixels(across: Floats, up: Floats, data: Box, x: Scale, y: Scale) -> tuple[Floats, Floats]:
    """Axis coordinates as pixels from the upper left corner of the data."""
    return x.unit(across) * data.width, (1 - y.unit(up)) * data.height


def _points(layer: Layer, data: Box, x: Scale, y: Scale, name: str) -> str:
    left, top = _pixels(layer.curve.x, layer.curve.y, data, x, y)
    seen = (left >= 0) & (left <= data.width) & (top >= 0) & (top <= data.height)
    few = int(seen.sum()) <= _FEW
    opacity = 0.85 if layer.series.emphasis else 0.5
    glyph = layer.series.marker
    signed = has_shape(glyph)
    signs = ""
    if signed:
        chosen = np.flatnonzero(seen) if few else spread(seen)
        signs = shape(name, glyph, left[chosen], top[chosen], opacity=opacity)
    if signed and few:
        return signs
    return signs + stroked(
        name, dots_path(left[seen], top[seen]), stroke_width=6.5 if few else 3.5,
        stroke_linecap="round", opacity=opacity,
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
