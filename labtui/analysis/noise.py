"""Scales of noisy curves that need no unit: running medians, noise, ends, the way travelled."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from labtui.analysis.runs import Floats, Ints

TO_DEVIATION = 1.4826
"""Of a normal distribution: its median absolute deviation in standard deviations."""

LONG = 40
"""A curve of so many evaluations can be smoothed over five of them without losing its shape."""


def deviation(values: Floats) -> float:
    """Estimate the noise of a curve from second differences, which ignore slope and bends.

    Args:
        values: (n,), finite; 0 for fewer than three.
    """
    if values.size < 3:
        return 0.0
    slopes = values[1:] - values[:-1]
    bends = np.abs(slopes[1:] - slopes[:-1])
    return TO_DEVIATION * middle(bends) / math.sqrt(6)


def smoothed(values: Floats) -> Floats:
    """Take running medians of three values, of five from `LONG` values on.

    Args:
        values: (n,), finite.
    """
    half = 2 if values.size >= LONG else 1
    return window_median(values, half, half + 1)


def residual_deviation(places: Floats, values: Floats, degree: int = 1) -> float:
    """Compute the standard deviation of values about their least-squares line or parabola.

    Args:
        places: (n,), where the values lie.
        values: (n,); 0 for too few.
        degree: 1 for a line, 2 for a parabola.
    """
    freedom = values.size - degree - 1
    if freedom < 1:
        return 0.0
    rest, along = values - mean(values), places - mean(places)
    used: list[Floats] = []
    for power in range(1, degree + 1):
        part = along if power == 1 else along**power
        part = part - mean(part)
        for before in used:
            part = part - float(part @ before) * before
        length = math.sqrt(float(part @ part))
        if length > 0:
            used.append(part / length)
            rest = rest - float(rest @ used[-1]) * used[-1]
    return math.sqrt(float(rest @ rest) / freedom)


def mean(values: Floats) -> float:
    """Compute the mean of some values: numpy's, at a third of its price for few of them.

    Args:
        values: (n,), at least one.
    """
    return float(np.add.reduce(values)) / values.size


def middle(values: Floats) -> float:
    """Compute the median of some values: numpy's, at a fifth of its price for few of them.

    Args:
        values: (n,), finite, at least one.
    """
    ordered = values.copy()
    ordered.sort()
    half, odd = divmod(ordered.size, 2)
    upper = float(ordered[half])
    lower = upper if odd else float(ordered[half - 1])
    return lower if lower == upper else (lower + upper) / 2


def quantile(values: Floats, share: float) -> float:
    """Compute a quantile of some values, between two of them on a line: numpy's, but cheaper.

    Args:
        values: (n,), finite, at least one.
        share: 0.9 for the 90th percentile.
    """
    ordered = values.copy()
    ordered.sort()
    place = share * (ordered.size - 1)
    below = int(place)
    part, lower = place - below, float(ordered[below])
    upper = float(ordered[min(below + 1, ordered.size - 1)])
    if part >= 0.5:  # as numpy: exact at both ends
        return upper - (upper - lower) * (1 - part)
    return lower + (upper - lower) * part


NETWORK = (3, 5)
"""Widths whose medians are found by comparing neighbours, without a sort."""

REMEMBERED = 4096
"""Places of medians are remembered for curves of up to so many values: many trials, one length."""


def window_median(values: Floats, before: int, after: int) -> Floats:
    """Compute the median of each value with those around it, fewer at the ends.

    Args:
        values: (n,), finite.
        before: How many values before each one are in its window.
        after: How many from it on are, itself included; 0 looks at what came before only, and the
            first value is then its own.
    """
    size = values.size
    if not size:
        return values.astype(np.float64)
    if before + after in NETWORK and size > before + after:
        return _compared(values, before, after)
    before, after = min(before, size), min(after, size)
    padded = np.empty(before + size + after)
    padded[:before] = padded[before + size :] = np.inf  # sorts behind everything, never a middle
    padded[before : before + size] = values
    width = before + after
    # A view of all windows; numpy's own costs more than the sort of a short curve.
    windows = np.ndarray((size, width), np.float64, padded, 0, (padded.itemsize, padded.itemsize))
    ordered = windows.copy()
    ordered.sort(axis=1)
    places = _places if size <= REMEMBERED else _places.__wrapped__
    lower_at, upper_at = places(size, before, after)
    flat = ordered.ravel()
    medians = _between(flat[lower_at], flat[upper_at])
    if not after:
        medians[0] = values[0]
    return medians


@lru_cache(maxsize=32)
def _places(size: int, before: int, after: int) -> tuple[Ints, Ints]:
    """Say where the two middles of each window lie among sorted windows laid end to end."""
    index = np.arange(size)
    rows = index * (before + after)
    inside = np.maximum(np.minimum(index, before) + np.minimum(size - index, after), 1)
    return rows + (inside - 1) // 2, rows + inside // 2


def _between(lower: Floats, upper: Floats) -> Floats:
    medians: Floats = np.where(lower == upper, lower, (lower + upper) / 2)
    return medians


def _compared(values: Floats, before: int, after: int) -> Floats:
    """Compute medians over three or five values, of which there are more."""
    least, most = np.minimum, np.maximum
    low, high = least(values[:-1], values[1:]), most(values[:-1], values[1:])
    if before + after == 3:
        one, other, third = low[:-1], high[:-1], values[2:]
    else:  # the median of five lies between two middles of the outer pairs and the value amid them
        one, other = most(low[:-3], low[3:]), least(high[:-3], high[3:])
        one, other, third = least(one, other), most(one, other), values[2:-2]
    medians = np.empty(values.size)
    whole = values.size - max(after - 1, 0)  # the first whose window goes over the end
    medians[before:whole] = most(one, least(other, third))[: whole - before]
    ends = (*range(before), *range(whole, values.size))
    for index in ends:  # at most four values each: a sort of numpy's is dear for so few
        few = sorted(values[max(index - before, 0) : max(index + after, 1)].tolist())
        lower, upper = few[(len(few) - 1) // 2], few[len(few) // 2]
        medians[index] = lower if lower == upper else (lower + upper) / 2
    return medians
