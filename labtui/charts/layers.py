"""The series of a figure as curves in drawing order, and the scales that show them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from labtui.charts.reduce import (
    PADDING,
    Curve,
    chosen_limits,
    curve,
    decay_for,
    ema,
    limits,
    paired,
)
from labtui.charts.scale import LARGEST, Floats, Scale, View, coordinates
from labtui.charts.spec import Axis, ChartSpec, Mark, Role, Series

Paint: TypeAlias = Literal["series", "raw"]


@dataclass(frozen=True, eq=False)
class Layer:
    """One thing to draw.

    Attributes:
        series: The series it belongs to.
        kind: How it is drawn.
        curve: Its points in axis coordinates; y is 0 for infeasible points.
        role: The role key of its cells; made of `paint` and the place of the series.
        main: Whether it is what the crosshair reads, not a raw curve behind it.
        low: The lower edge of a band in axis coordinates, a value a point of `curve`.
        paint: Whether it has the full colour of its series or the faint one.
        place: The place of its series in the figure.
    """

    series: Series
    kind: Role
    curve: Curve
    role: str = ""
    main: bool = True
    low: Floats | None = None
    paint: Paint = "series"
    place: int = -1


def is_log(axis: Axis, wanted: bool | None) -> bool:
    """Whether an axis is logarithmic, given what the person chose."""
    if axis.categories is not None:
        return False
    return axis.scale == "log" if wanted is None else wanted


def layers(
    spec: ChartSpec,
    *,
    log_x: bool = False,
    log_y: bool = False,
    smoothing: float = 0.0,
    hidden: frozenset[str | int] = frozenset(),
) -> list[Layer]:
    """Everything to draw, lowest first.

    Args:
        spec: The figure.
        log_x: Whether x is on a log axis.
        log_y: Whether y is on a log axis.
        smoothing: Smoothing of the lines, see `decay_for`.
        hidden: Identities of series that are left out.

    Returns:
        Bands, bars, dimmed series, raw curves, series, infeasible points, in this order.
    """
    drawn = [
        (_height(layer), layer)
        for index, series in enumerate(spec.series)
        if series.ident not in hidden
        for layer in _of_series(series, index, log_x, log_y, smoothing)
    ]
    return [layer for _, layer in sorted(drawn, key=lambda pair: pair[0])]


def _height(layer: Layer) -> int:
    if layer.kind == "band":
        return -1 if layer.series.emphasis else -2
    if layer.kind in ("bars", "infeasible"):
        return 0 if layer.kind == "bars" else 4
    if not layer.series.emphasis:
        return 1
    return 3 if layer.main else 2


VARIANTS = 3
"""Scales and smoothings of a series that are kept: as it came, on the other axis, unsmoothed."""


def _of_series(
    series: Series, index: int, log_x: bool, log_y: bool, smoothing: float
) -> Iterator[Layer]:
    key = log_x, log_y, smoothing
    made = series.made.get(key)
    if made is None:
        made = tuple(_make(series, log_x, log_y, smoothing))
        for old in list(series.made)[: 1 - VARIANTS]:
            series.made.pop(old, None)
        series.made[key] = made
    for layer in made:
        role = layer.role if layer.role else f"{layer.paint}:{index}"
        yield replace(layer, role=role, place=index)


def _make(series: Series, log_x: bool, log_y: bool, smoothing: float) -> Iterator[Layer]:
    """What is drawn of a series, whatever is looked at and whichever place it has."""
    paint: Paint = "series" if series.emphasis else "raw"
    if series.role == "infeasible":
        x = coordinates(series.x, log_x)
        x = np.sort(x[np.isfinite(x)])
        yield Layer(series, "infeasible", curve(x, np.zeros_like(x)), "infeasible", main=False)
        return
    if series.role == "band":
        yield _band(series, log_x, log_y)
        return
    x, y = paired(series.x, series.y, log_x=log_x, log_y=log_y)
    if series.raw is not None:
        raw_x, raw_y = paired(*series.raw, log_x=log_x, log_y=log_y)
        yield Layer(series, "line", curve(raw_x, raw_y), main=False, paint="raw")
    elif series.role == "line":
        decay = decay_for(smoothing, x.size)
        if decay > 0 and series.emphasis:
            yield Layer(series, "line", curve(x, y), main=False, paint="raw")
        y = ema(y, decay)
    yield Layer(series, series.role, curve(x, y), paint=paint)


def _band(series: Series, log_x: bool, log_y: bool) -> Layer:
    """The area between two curves, a gap where either has one."""
    count = min(len(series.x), len(series.low), len(series.y))
    positions = series.x[:count]
    x, low = paired(positions, series.low, log_x=log_x, log_y=log_y)
    _, y = paired(positions, series.y, log_x=log_x, log_y=log_y)
    y = np.where(np.isfinite(low), y, np.nan)
    low = low[np.isfinite(y)]
    return Layer(series, "band", curve(x, y), main=False, low=low, paint="raw")


def x_scale(spec: ChartSpec, view: View, drawn: list[Layer]) -> Scale:
    """The horizontal scale: lines reach from edge to edge, everything else gets a margin."""
    log = is_log(spec.x, view.log_x)
    marks = _mark_values(spec.marks, "x", log)
    loose = marks.size or any(layer.kind not in ("line", "band") for layer in drawn)
    values = [_with_slots(layer) for layer in drawn]
    fitted = limits([*values, marks], log=log, padding=PADDING if loose else 0.0)
    return _scale(spec.x, view.x, fitted, log)


def y_scale(spec: ChartSpec, view: View, drawn: list[Layer], x: Scale) -> Scale:
    """The vertical scale: fits what is inside the horizontal one."""
    log = is_log(spec.y, view.log_y)
    values = [
        edge[layer.curve.inside(x.low, x.high)]
        for layer in drawn
        if layer.kind != "infeasible"
        for edge in (layer.curve.y, layer.low)
        if edge is not None
    ]
    standing = not log and any(layer.kind == "bars" for layer in drawn)
    if standing:
        values.append(np.zeros(1))
    low, high = limits([*values, _mark_values(spec.marks, "y", log)], log=log)
    if standing and low < 0 and not any(np.any(part < 0) for part in values):
        low = 0.0
    fitted = low, high
    return _scale(spec.y, view.y, fitted, log)


def _scale(
    axis: Axis, wanted: tuple[float, float] | None, fitted: tuple[float, float], log: bool
) -> Scale:
    if axis.categories is not None:
        fitted = -0.5, max(len(axis.categories), 1) - 0.5
    if axis.limits is not None:
        fitted = chosen_limits(axis.limits, fitted, log=log)
    low, high = chosen_limits(wanted, fitted, log=log)
    return Scale(low, high, log, axis.categories)


def _mark_values(marks: tuple[Mark, ...], axis: str, log: bool) -> Floats:
    return coordinates([mark.value for mark in marks if mark.axis == axis], log)


def slot(layer: Layer) -> float:
    """The width of a bar in axis coordinates: the least distance of two neighbours."""
    gaps = np.diff(layer.curve.x)
    gaps = gaps[gaps > 0]
    return float(gaps.min()) if gaps.size else 1.0


def _with_slots(layer: Layer) -> Floats:
    x = layer.curve.x
    if layer.kind != "bars" or not x.size:
        return x
    half = slot(layer) / 2
    edges: Floats = np.clip(np.array([x[0] - half, x[-1] + half]), -LARGEST, LARGEST)
    return edges
