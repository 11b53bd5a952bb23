"""The spread of reruns of one configuration, with what so few of them leave open (P28)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from labtui.analysis.course import HUGE
from labtui.analysis.luck import ROUNDING
from labtui.analysis.runs import Floats

CONFIDENCE = 0.90
"""Of the interval of a deviation: from five reruns it reaches from 0.65 to 2.4 times what was
measured, wide enough to see that a deviation is a rough number."""


@dataclass(frozen=True)
class Spread:
    """What reruns of one configuration came to.

    Attributes:
        reruns: How many ended, infeasible ones among them.
        infeasible: How many gave no finite value.
        mean: Of the feasible ones; None without any.
        deviation: Their sample standard deviation (n - 1), exactly 0 where all are equal; None
            for fewer than two.
        low: Lower end of the 90 % interval of the deviation, for normal noise; None where there is
            no deviation, or it is 0.
        high: Its upper end.
        least: The least value.
        most: The greatest value.
    """

    reruns: int
    infeasible: int
    mean: float | None
    deviation: float | None
    low: float | None
    high: float | None
    least: float | None
    most: float | None

    @property
    def feasible(self) -> int:
        """How many gave a finite value."""
        return self.reruns - self.infeasible


def spread(values: Floats) -> Spread:
    """Measure the spread of reruns.

    Args:
        values: Objective of every rerun that ended, shape (n,); what is not finite, or beyond
            1e100, could not be trained.
    """
    usable = values[np.abs(values) <= HUGE]
    count, infeasible = int(values.size), int(values.size - usable.size)
    mean, deviation = moments(usable)
    if mean is None:
        return Spread(count, infeasible, None, None, None, None, None, None)
    low = high = None
    if deviation:
        low, high = deviation_interval(deviation, int(usable.size) - 1)
    ends = float(usable.min()), float(usable.max())
    return Spread(count, infeasible, mean, deviation, low, high, *ends)


def moments(values: Floats) -> tuple[float | None, float | None]:
    """Give mean and sample deviation of finite values, None where there are too few.

    Values that differ by rounding alone deviate by exactly 0.
    """
    if not values.size:
        return None, None
    away = values - values[0]  # so that equal values deviate by nothing, and huge ones survive
    mean = float(values[0] + away.mean())
    if values.size < 2:
        return mean, None
    deviation = float(away.std(ddof=1))
    return mean, 0.0 if deviation <= ROUNDING * abs(mean) else deviation


def deviation_interval(
    deviation: float, freedom: int, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Give the interval of a standard deviation of normal noise.

    Args:
        deviation: As measured, n - 1 in the divisor.
        freedom: Its degrees of freedom, at least 1.
        confidence: Chance that it holds the true deviation, the same missing on both sides.
    """
    rest = (1 - confidence) / 2
    low, high = (
        deviation * math.sqrt(freedom / chi_square_quantile(level, freedom))
        for level in (1 - rest, rest)
    )
    return low, high


def chi_square_quantile(level: float, freedom: int) -> float:
    """Give the value that chi-square stays below with probability `level`, to 10 digits.

    Args:
        level: Between 0 and 1, both excluded.
        freedom: Degrees of freedom, at least 1.
    """
    low, high = 0.0, float(freedom)
    while _below(high, freedom) < level:
        low, high = high, 2 * high
    while high - low > 1e-10 * high:
        between = (low + high) / 2
        low, high = (between, high) if _below(between, freedom) < level else (low, between)
    return high


def _below(x: float, freedom: int) -> float:
    """Compute P(chi-square <= x): the series of the incomplete gamma function."""
    a, half = freedom / 2, x / 2
    term = total = 1 / a
    n = a
    while term > 1e-17 * total:
        n += 1
        term *= half / n
        total += term
    return min(1.0, math.exp(a * math.log(half) - half - math.lgamma(a)) * total) if x else 0.0
