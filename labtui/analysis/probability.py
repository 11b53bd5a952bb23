"""Tail probabilities that decisions rest on: Student's t, rank sums with ties, failures out of n.

Student's t comes from the continued fraction of the incomplete beta function (Press et al.,
Numerical Recipes, 6.4), the others are counted: all are exact but for rounding.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from labtui.analysis.runs import Floats

_TINY = 1e-300
_TERMS = 300
_STEPS = 100
_MIDDLE = 3.0


def student_tail(t: float, freedom: float) -> float:
    """Compute P(T >= t) for Student's t; its degrees of freedom need not be whole."""
    if math.isinf(t):
        return 0.0 if t > 0 else 1.0
    # Each of the two forms keeps its digits where the other would lose them.
    if t * t < _MIDDLE:
        middle = _beta(0.5, freedom / 2, t * t / (freedom + t * t))
        return 0.5 - math.copysign(middle, t) / 2
    half = _beta(freedom / 2, 0.5, freedom / (freedom + t * t)) / 2
    return half if t > 0 else 1 - half


@lru_cache(maxsize=4096)
def student_quantile(level: float, freedom: float) -> float:
    """Give the t that Student's t exceeds with probability `level`, to 10 digits.

    Args:
        level: Between 0 and 0.5, both excluded.
        freedom: Degrees of freedom, at least 1.
    """
    # The tail is convex there, so that Newton's steps from below never go too far.
    scale = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)
    scale -= math.log(freedom * math.pi) / 2
    t = -NormalDist().inv_cdf(level)
    for _ in range(_STEPS):
        density = math.exp(scale - (freedom + 1) / 2 * math.log1p(t * t / freedom))
        step = (student_tail(t, freedom) - level) / density
        t += step
        if abs(step) <= 1e-12 * t:
            break
    return t


def _beta(a: float, b: float, x: float) -> float:
    """Compute the regularized incomplete beta function."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(b, a, 1 - x)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return math.exp(front + a * math.log(x) + b * math.log1p(-x)) * _fraction(a, b, x) / a


def _fraction(a: float, b: float, x: float) -> float:
    """Sum the continued fraction by Lentz's method."""
    c, d = 1.0, 1 / _nonzero(1 - (a + b) * x / (a + 1))
    total = d
    for m in range(1, _TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _nonzero(1 + term * d)
            c = _nonzero(1 + term / c)
            total *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return total


def _nonzero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def rank_tail(better: Floats, worse: Floats) -> float:
    """Compute how likely chance ranks `worse` so far above `better`, or further (Wilcoxon 1945).

    Exact given the ties, whatever the values are distributed as, where both are distributed alike.

    Args:
        better: (m,), expected lower; infinities are values like others and tie with each other.
        worse: (n,), expected higher.

    Returns:
        P(rank sum of `worse` >= the observed one), over all assignments of the ranks.
    """
    everything = np.concatenate([worse, better])
    ordered = np.sort(everything)
    # Twice the mean rank of what ties, so that sums stay whole.
    doubled = (
        np.searchsorted(ordered, everything, "left")
        + np.searchsorted(ordered, everything, "right")
        + 1
    )
    observed, n = int(doubled[: worse.size].sum()), int(worse.size)
    ways = np.zeros((n + 1, int(doubled.sum()) + 1))
    ways[0, 0] = 1
    for rank in doubled.tolist():
        ways[1:, rank:] += ways[:-1, : ways.shape[1] - rank]
    return float(ways[n, observed:].sum() / ways[n].sum())


def failures_tail(failed: int, of: int, other: int, other_of: int) -> float:
    """Compute how likely so many of the failures, or more, fall on one side by chance (Fisher).

    Args:
        failed: Failures of this side.
        of: Attempts of this side.
        other: Failures of the other.
        other_of: Attempts of the other.
    """
    total, attempts = failed + other, of + other_of
    ways = sum(
        math.comb(of, k) * math.comb(other_of, total - k) for k in range(failed, min(of, total) + 1)
    )
    return ways / math.comb(attempts, total)
