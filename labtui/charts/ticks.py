"""Where the ticks of an axis go and what they are called."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from labtui.charts.scale import Scale

_PLAIN_EXPONENTS = range(-2, 4)


class Tick(NamedTuple):
    """A tick: its place in axis coordinates and its label."""

    at: float
    label: str


def axis_ticks(scale: Scale, count: int) -> list[Tick]:
    """Choose about `count` ticks inside a scale, whatever its kind.

    Args:
        scale: The axis.
        count: The most ticks there is room for; two are kept where possible.

    Returns:
        Ticks in ascending order, their labels all different.
    """
    if scale.categories is not None:
        return category_ticks(scale.categories, count)
    if scale.log:
        return log_ticks(scale.low, scale.high, count)
    return linear_ticks(scale.low, scale.high, count)


def linear_ticks(low: float, high: float, count: int) -> list[Tick]:
    """Ticks at multiples of 1, 2 or 5 times a power of ten.

    Args:
        low: Low end of the axis.
        high: High end, above low.
        count: The most ticks there is room for.
    """
    mantissa, exponent, multiples = _linear_step(low, high, max(count, 2))
    values = [_product(multiple * mantissa, exponent) for multiple in multiples]
    return [
        Tick(value, label)
        for value, label in zip(values, _linear_labels(values, exponent), strict=True)
    ]


def _linear_step(low: float, high: float, count: int) -> tuple[int, int, range]:
    """The finest step with at most `count` ticks; a finer one if fewer than two are left."""
    top = math.floor(math.log10(high - low))
    best: tuple[int, int, range] | None = None
    for exponent in range(top, top - 4, -1):
        for mantissa in (5, 2, 1):
            step = _product(mantissa, exponent)
            multiples = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
            if best is not None and len(best[2]) >= 2 and len(multiples) > count:
                return best
            best = mantissa, exponent, multiples
    return best or (1, top, range(0))


def _product(mantissa: int, exponent: int) -> float:
    """Mantissa times a power of ten, as exact as the decimal literal would be."""
    if exponent >= 0:
        return mantissa * 10.0**exponent
    return mantissa / 10.0**-exponent


def _linear_labels(values: Sequence[float], exponent: int) -> list[str]:
    largest = max(map(abs, values), default=0.0)
    decimals = max(0, -exponent)
    if largest >= 1e6 and 4 <= exponent <= 8 and largest < 1e9:
        return [_scaled(value, 1e6, "M", 6 - exponent) for value in values]
    if largest >= 1e4 and 2 <= exponent <= 5:
        return [_scaled(value, 1e3, "k", 3 - exponent) for value in values]
    if largest < 1e9 and decimals <= 4:
        return [f"{value:.{decimals}f}" if value else "0" for value in values]
    digits = max(0, (math.floor(math.log10(largest)) if largest else 0) - exponent)
    return [_scientific(value, digits) for value in values]


def _scaled(value: float, unit: float, suffix: str, decimals: int) -> str:
    return f"{value / unit:.{max(0, decimals)}f}{suffix}" if value else "0"


def _scientific(value: float, digits: int) -> str:
    if not value:
        return "0"
    mantissa, exponent = f"{value:.{digits}e}".split("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(exponent)}"


def log_ticks(low: float, high: float, count: int) -> list[Tick]:
    """Ticks of a log axis: decades, or 1-2-5, or nearly linear ones, by its length.

    Args:
        low: Low end of the axis, the log10 of a value.
        high: High end, above low.
        count: The most ticks there is room for.
    """
    count = max(count, 2)
    decades = range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1)
    if high - low < 2:
        fine = _one_two_five(low, high) if high - low > 0.5 else []
        if len(fine) > count and len(decades) < 2:
            fine = fine[:: -(-len(fine) // count)]
        if 2 <= len(fine) <= count:
            return fine
    if len(decades) < 2:
        return _nearly_linear(low, high, count)
    stride = -(-len(decades) // count)
    chosen = range(-(-decades.start // stride) * stride, decades.stop, stride)
    if len(chosen) < 2:
        chosen = range(decades.start, decades.stop, stride)
    return [Tick(float(at), decade_label(1, at)) for at in chosen]


def _one_two_five(low: float, high: float) -> list[Tick]:
    return [
        Tick(at, decade_label(mantissa, exponent))
        for exponent in range(math.floor(low), math.ceil(high) + 1)
        for mantissa in (1, 2, 5)
        if low - 1e-9 <= (at := exponent + math.log10(mantissa)) <= high + 1e-9
    ]


def _nearly_linear(low: float, high: float, count: int) -> list[Tick]:
    first, last = 10.0 ** max(low, -290.0), 10.0 ** min(high, 300.0)
    if not last > first * (1 + 1e-12):
        return []
    return [Tick(math.log10(at), label) for at, label in linear_ticks(first, last, count) if at > 0]


def decade_label(mantissa: int, exponent: int) -> str:
    """Name a value of a log axis: `0.02`, `1000`, `5e-4`."""
    if exponent in _PLAIN_EXPONENTS:
        return f"{_product(mantissa, exponent):g}"
    return f"{mantissa}e{exponent}"


def category_ticks(categories: Sequence[str], count: int) -> list[Tick]:
    """One tick for every category, or for every second, third … where there is no room."""
    stride = max(1, -(-len(categories) // max(count, 1)))
    return [Tick(float(at), categories[at]) for at in range(0, len(categories), stride)]


def short_number(value: float) -> str:
    """Write a value in four digits and as few characters as possible."""
    if not math.isfinite(value):
        return {math.inf: "inf", -math.inf: "-inf"}.get(value, "NaN")
    text = f"{value:.4g}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        return f"{mantissa}e{int(exponent)}"
    return "0" if text == "-0" else text
