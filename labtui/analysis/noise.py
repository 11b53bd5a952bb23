"""Scales of noisy curves that need no unit: running medians, noise, ends, the way travelled."""

from __future__ import annotations

import math

import numpy as np

from labtui.analysis.runs import Floats

TO_DEVIATION = 1.4826
"""Of a normal distribution: its median absolute deviation in standard deviations."""

LONG = 40
"""A curve of so many evaluations can be smoothed over five of them without losing its shape."""


def running_median(values: Floats, width: int) -> Floats:
    """Compute centred medians of `width` (odd) values; fewer at the ends.

    Args:
        values: (n,).
        width: How many values each median sees.
    """
    half = width // 2
    if values.size <= 2 * half:
        parts = [values[max(0, i - half) : i + half + 1] for i in range(values.size)]
        return np.array([np.median(part) for part in parts])
    inner = np.median(np.lib.stride_tricks.sliding_window_view(values, 2 * half + 1), axis=1)
    head = [float(np.median(values[: i + half + 1])) for i in range(half)]
    tail = [float(np.median(values[-(i + half + 1) :])) for i in reversed(range(half))]
    return np.concatenate([head, inner, tail])


def deviation(values: Floats) -> float:
    """Estimate the noise of a curve from second differences, which ignore slope and bends.

    Args:
        values: (n,), finite; 0 for fewer than three.
    """
    bends = np.abs(np.diff(values, 2))
    return TO_DEVIATION * middle(bends) / math.sqrt(6) if bends.size else 0.0


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
    rest, along = values - values.mean(), places - places.mean()
    used: list[Floats] = []
    for power in range(1, degree + 1):
        part = along**power
        part = part - part.mean()
        for before in used:
            part = part - float(part @ before) * before
        length = math.sqrt(float(part @ part))
        if length > 0:
            used.append(part / length)
            rest = rest - float(rest @ used[-1]) * used[-1]
    return math.sqrt(float(rest @ rest) / freedom)


def middle(values: Floats) -> float:
    """Compute the median of some values: numpy's, at a fifth of its price for few of them.

    Args:
        values: (n,), finite, at least one.
    """
    ordered = np.sort(values)
    lower, upper = float(ordered[(ordered.size - 1) // 2]), float(ordered[ordered.size // 2])
    return lower if lower == upper else (lower + upper) / 2


def window_median(values: Floats, before: int, after: int) -> Floats:
    """Compute the median of each value with those around it, fewer at the ends; in one sort.

    Args:
        values: (n,), finite.
        before: How many values before each one are in its window.
        after: How many from it on are, itself included; 0 looks at what came before only, and the
            first value is then its own.
    """
    size = values.size
    if not size:
        return values.astype(np.float64)
    before, after = min(before, size), min(after, size)
    padded = np.full(before + size + after, np.inf)  # sorts behind everything, is never a middle
    padded[before : before + size] = values
    width = before + after
    # A view of all windows; numpy's own costs more than the sort of a short curve.
    windows = np.ndarray((size, width), np.float64, padded, 0, (padded.itemsize, padded.itemsize))
    ordered = np.sort(windows, axis=1)
    index = np.arange(size)
    inside = np.maximum(np.minimum(index, before) + np.minimum(size - index, after), 1)
    flat, rows = ordered.ravel(), index * width
    lower, upper = flat[rows + (inside - 1) // 2], flat[rows + inside // 2]
    medians: Floats = np.where(lower == upper, lower, (lower + upper) / 2)
    if not after:
        medians[0] = values[0]
    return medians
