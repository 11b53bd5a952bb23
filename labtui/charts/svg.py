"""A figure as SVG: for a page, a mail or a paper, without scripts and without anything outside it.

It shows what the text renderer shows. Coordinates are pixels of its view box; it grows and shrinks
with the place it is put.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np

from labtui.charts.layers import Layer, is_log, layers, x_scale, y_scale
from labtui.charts.palette import series_slots
from labtui.charts.scale import Scale, View
from labtui.charts.signs import Sign, line_signs
from labtui.charts.spec import Axis, ChartSpec, Mark, Series
from labtui.charts.svg_layers import draw_layer, draw_sign, has_shape, shape
from labtui.charts.svg_layout import LINE, SMALLEST, Places, arrange, name_for, y_label
from labtui.charts.svg_parts import (
    FONT,
    LABEL,
    TITLE,
    Theme,
    caption,
    dots_path,
    element,
    fitted,
    plain,
    short,
    stroked,
    style,
    text_width,
)
from labtui.charts.ticks import short_number

_CROSS = "m-3.5-3.5l7 7m0-7l-7 7"
_DASHES = ("", "6 3", "2 3", "9 3 2 3")
_MARK_DASHES = {"bound": "4 3", "best": "", "step": "2 3", "reference": "2 3", "proposal": "8 3"}


def to_svg(
    spec: ChartSpec,
    width: int = 720,
    height: int = 360,
    *,
    theme: Theme = "auto",
    smoothing: float = 0.0,
    slots: tuple[int, ...] | None = None,
) -> str:
    """Draw a figure as one SVG element.

    Args:
        spec: The figure.
        width: Pixels across, at least `SMALLEST`.
        height: Pixels down.
        theme: Its colours; ``auto`` follows the reader's preference.
        smoothing: Smoothing of lines in 0 … 1: the raw curve is dimmed below its average.
        slots: The palette slot of every series; None for those it has without knowing of others.

    Returns:
        Well-formed XML that refers to nothing outside itself.
    """
    width, height = max(width, SMALLEST[0]), max(height, SMALLEST[1])
    with np.errstate(all="ignore"):
        drawn = layers(
            spec,
            log_x=is_log(spec.x, None),
            log_y=is_log(spec.y, None),
            smoothing=smoothing,
        )
        colours = series_slots(spec.series) if slots is None else slots
        if any(len(layer.curve) for layer in drawn):
            content = _figure(spec, drawn, colours, width, height)
        else:
            content = _nothing(spec, width, height)
    return element(
        "svg",
        element("title", escape(plain(spec.title or spec.y.label or "figure"))),
        element("desc", escape(describe(spec))),
        style(theme, colours),
        element("rect", class_="paper", fill="currentColor", width=width, height=height),
        content,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        class_=f"lab-{theme}",
        role="img",
        font_family=FONT,
        font_size=LABEL,
    )


def describe(spec: ChartSpec) -> str:
    """Say in words what a figure shows, for those who cannot see it."""
    axes = [_axis_words("horizontal", spec.x), _axis_words("vertical", spec.y)]
    parts = [_series_words(one) for one in spec.series if one.label]
    unnamed = sum(not one.label for one in spec.series)
    parts += [f"{unnamed} more without a name"] if unnamed else []
    marks = [f"{mark.kind} {plain(mark.label)}".strip() for mark in spec.marks]
    return ". ".join([*axes, *([", ".join(parts)] if parts else []), *marks]) + "."


def _axis_words(name: str, axis: Axis) -> str:
    log = ", logarithmic" if axis.scale == "log" else ""
    return f"{name} axis: {plain(axis.label) or 'unnamed'}{log}"


def _series_words(series: Series) -> str:
    values = np.asarray(series.y, dtype=np.float64).ravel()
    values = values[np.isfinite(values)]
    if series.role == "infeasible" or not values.size:
        return f"{plain(series.label)} ({series.role}, {len(series.x)} points)"
    low, high = short_number(float(values.min())), short_number(float(values.max()))
    return f"{plain(series.label)} ({series.role}, {values.size} points from {low} to {high})"


# -- the parts, from the back to the front ---------------------------------------------------


def _figure(
    spec: ChartSpec, drawn: list[Layer], colours: tuple[int, ...], width: int, height: int
) -> str:
    x = x_scale(spec, View(), drawn)
    y = y_scale(spec, View(), drawn, x)
    lane = any(layer.kind == "infeasible" and len(layer.curve) for layer in drawn)
    places = arrange(spec, x, y, width, height, lane=lane)
    dashes = _dashes(spec, colours)
    signs = line_signs(spec.series, colours)
    data = places.data
    # An inner figure cuts off what lies outside the window, and needs no name to do so.
    inside = "".join(
        draw_layer(layer, data, x, y, colours[layer.place], dashes[layer.place])
        for layer in drawn
        if layer.kind != "infeasible" and len(layer.curve)
    )
    inside += "".join(
        draw_sign(layer, data, x, y, colours[layer.place], signs[layer.place], len(signs))
        for layer in drawn
        if layer.main and layer.place in signs and len(layer.curve)
    )
    return "".join(
        [
            _frame(places),
            _text(spec, places),
            _marks(spec, places, x, y),
            element("svg", inside, x=data.left, y=data.top, width=data.width, height=data.height),
            *(_crosses(layer, places, x) for layer in drawn if layer.kind == "infeasible"),
            _legend(spec, places, colours, dashes, signs),
        ]
    )


def _dashes(spec: ChartSpec, colours: tuple[int, ...]) -> list[str]:
    """Tell apart bright lines that have to share a colour, since there are more than colours."""
    owners: dict[int, list[str | int]] = {}
    found = []
    for series, colour in zip(spec.series, colours, strict=True):
        sharing = owners.setdefault(colour, [])
        bright = series.role == "line" and series.emphasis
        if bright and series.ident not in sharing:
            sharing.append(series.ident)
        found.append(_DASHES[sharing.index(series.ident) % len(_DASHES)] if bright else "")
    return found


def _frame(places: Places) -> str:
    plot, data = places.plot, places.data
    levels = "".join(
        f"M{short(plot.left)} {short(tick.at)}h{short(plot.width)}" for tick in places.y_ticks
    )
    ticks = "".join(f"M{short(tick.at)} {short(plot.bottom)}v4" for tick in places.x_ticks)
    edge = f"M{short(plot.left)} {short(plot.top)}V{short(plot.bottom)}H{short(plot.right)}"
    lane = ""
    if data.height < plot.height:
        border = data.top if data.top > plot.top else data.bottom
        lane = f"M{short(plot.left)} {short(border)}h{short(plot.width)}"
    return stroked("grid", levels + lane) + stroked("axis", edge + ticks)


def _text(spec: ChartSpec, places: Places) -> str:
    plot, down = places.plot, places.plot.bottom
    title = caption(
        places.title, 8, 8 + TITLE, class_="ink", fill="currentColor", font_size=TITLE,
        font_weight="bold",
    )  # fmt: skip
    parts = [
        caption(tick.text, plot.left - 6, tick.at + 4, text_anchor="end") for tick in places.y_ticks
    ]
    parts += [caption(tick.text, tick.x, down + LABEL + 5) for tick in places.x_ticks]
    parts += [caption(note.text, note.x, down + LABEL + 5 + LINE) for note in places.notes]
    name = fitted(spec.x.label, places.width - 16)
    # From the centre, and back from an edge that it would pass.
    left = (2 * plot.left + plot.width - text_width(name)) / 2
    left = max(4, min(left, places.width - 4 - text_width(name)))
    line = down + LABEL + 5 + LINE * (1 + bool(places.notes))
    parts.append(caption(name, left, line, class_="ink"))
    middle = plot.top + plot.height / 2
    room = 2 * min(middle - (28 if places.title else 4), line - middle)
    parts.append(_upright(name_for(y_label(spec), room), middle))
    return title + element("g", *parts, class_="quiet", fill="currentColor")


def _upright(name: str, middle: float) -> str:
    return caption(
        name, 0, 0, class_="ink", text_anchor="middle",
        transform=f"translate({8 + LABEL - 2} {short(middle)}) rotate(-90)",
    )  # fmt: skip


def _marks(spec: ChartSpec, places: Places, x: Scale, y: Scale) -> str:
    plot, data, parts = places.plot, places.data, []
    for mark in spec.marks:
        share = (x if mark.axis == "x" else y).place(mark.value)
        if not 0 <= share <= 1:
            continue
        if mark.axis == "x":
            at = data.left + share * data.width
            path = f"M{short(at)} {short(plot.top)}V{short(plot.bottom)}"
        else:
            at = data.bottom - share * data.height
            path = f"M{short(plot.left)} {short(at)}H{short(plot.right)}"
        parts.append(_mark_line(mark, path))
    parts += [_mark_text(label.text, label.x, plot.top - 5, mark) for label, mark in places.marks]
    parts += [
        _mark_text(label.text, plot.right + 6, label.x + 4, mark) for label, mark in places.levels
    ]
    return "".join(parts)


def _mark_line(mark: Mark, path: str) -> str:
    return stroked(mark.kind, path, stroke_dasharray=_MARK_DASHES[mark.kind] or "none")


def _mark_text(text: str, x: float, y: float, mark: Mark) -> str:
    return caption(text, x, y, class_=mark.kind, fill="currentColor")


def _crosses(layer: Layer, places: Places, x: Scale) -> str:
    across = x.unit(layer.curve.x)
    left = places.across(across[(across >= 0) & (across <= 1)])
    path = dots_path(left, np.full_like(left, places.lane), _CROSS) if left.size else ""
    return stroked("bad", path, stroke_width=1.6)


def _legend(
    spec: ChartSpec,
    places: Places,
    colours: tuple[int, ...],
    dashes: list[str],
    signs: Mapping[int, Sign],
) -> str:
    parts = []
    for entry in places.legend:
        if entry.what is None:
            parts.append(caption(entry.text, entry.x, entry.y, class_="quiet", fill="currentColor"))
            continue
        if isinstance(entry.what, Mark):
            path = f"M{short(entry.x)} {short(entry.y - 4)}h16"
            parts.append(_mark_line(entry.what, path))
        else:
            index = spec.series.index(entry.what)
            colour, x, y = colours[index], entry.x, entry.y - 4
            parts.append(_swatch(entry.what, x, y, colour, dashes[index]))
            if index in signs:
                parts.append(
                    shape(f"s{colour}", signs[index].glyph, np.array([x + 8.0]), np.array([y]))
                )
        parts.append(caption(entry.text, entry.x + 22, entry.y, class_="ink", fill="currentColor"))
    return "".join(parts)


def _swatch(series: Series, x: float, y: float, colour: int, dash: str) -> str:
    name, opacity = f"s{colour}", 1.0 if series.emphasis else 0.4
    if series.role == "infeasible":
        return stroked("bad", f"M{short(x + 8)} {short(y)}{_CROSS}", stroke_width=1.6)
    if series.role == "points":
        if has_shape(series.marker):
            at = np.array([x + 8]), np.array([y])
            return shape(name, series.marker, *at, opacity=opacity)
        path = f"M{short(x + 8)} {short(y)}h0"
        return stroked(name, path, stroke_width=7, stroke_linecap="round", opacity=opacity)
    if series.role in ("bars", "band"):
        faint = {"bars": 0.8, "band": 0.3 if series.emphasis else 0.16}[series.role]
        return element(
            "rect", class_=name, x=x, y=y - 5, width=16, height=10, fill="currentColor",
            opacity=faint if series.emphasis or series.role == "band" else 0.35,
        )  # fmt: skip
    return stroked(
        name, f"M{short(x)} {short(y)}h16", stroke_width=2, opacity=opacity,
        stroke_dasharray=dash or "none",
    )  # fmt: skip


def _nothing(spec: ChartSpec, width: int, height: int) -> str:
    """Say that there is nothing to draw, or why it cannot be seen."""
    text = spec.empty
    if any(len(layer.curve) for layer in layers(spec)):
        text = "no value above zero, so nothing on a log axis"
    title = fitted(spec.title, width - 16, TITLE * 1.1)
    return caption(
        title, 8, 8 + TITLE, class_="ink", fill="currentColor", font_size=TITLE, font_weight="bold"
    ) + caption(
        fitted(text, width - 16), width / 2, height / 2, class_="quiet", fill="currentColor",
        text_anchor="middle",
    )  # fmt: skip
