"""Scales of noisy curves that need no unit: running medians, noise, ends, the way travelled."""

from __future__ import annotations

import math

import numpy as np

from labtui.analysis.runs import Floats

TO_DEVIATION = 1.4826
"""Of a normal distribution: its median absolute deviation in standard deviations."""


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
    return TO_DEVIATION * float(np.median(bends)) / math.sqrt(6) if bends.size else 0.0
