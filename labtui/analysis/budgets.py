"""The best of fewer trials: what the same search would have found on a smaller budget (P31).

Drawn from the finished trials *without replacement*, exactly: with y ascending,
P(best of k > y_j) = C(n - j, k) / C(n, k). It describes random search over the same space; nothing
is said beyond the n trials there are. `budget_bands` draws *with replacement* and says how far the
study determines that curve, which is what may be said about larger budgets.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labtui.analysis.runs import Floats, Ints

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""A box with its whiskers (P31): the middle half, and the central nine tenths."""

MOST_BUDGETS = 200
"""Most budgets of one curve: more than a screen has columns. Larger studies get that many, spread
evenly in their logarithm."""

TIE = 1e-9
"""How far below its quantile a probability may fall and still reach it, so that one that is exactly
a half in fractions is a half in floating point; far below the 1/n that tells trials apart."""


@dataclass(frozen=True, eq=False)
class BudgetCurve:
    """Quantiles of the best found with each budget; lower is better.

    Attributes:
        budgets: Numbers of trials, ascending, shape (m,).
        quantiles: Which quantiles, ascending; 0.5 is the median.
        values: Best objective, shape (quantiles, m); NaN where that share of draws has no feasible
            trial at all.
        none_feasible: Probability that a draw has no feasible trial, shape (m,).
        trials: How many trials the curve was computed from, n.
    """

    budgets: Ints
    quantiles: tuple[float, ...]
    values: Floats
    none_feasible: Floats
    trials: int


def budget_curve(
    values: Floats,
    feasible: npt.NDArray[np.bool_] | None = None,
    *,
    quantiles: Sequence[float] = QUANTILES,
) -> BudgetCurve:
    """Compute what the best of k of these trials would have been, for every k up to all of them.

    Args:
        values: Objective of every trial, lower is better, shape (n,); one that is not finite is
            infeasible, and worse than every other.
        feasible: Which count as feasible, shape (n,); all by default.
        quantiles: Which quantiles of the best.
    """
    ordered, total = _ascending(values, feasible)
    budgets = _budgets(total)
    result = np.full((len(quantiles), budgets.size), np.nan)
    none = np.ones(budgets.size)
    logs = _log_factorials(total)
    for column, k in enumerate(budgets.tolist()):
        reached = 1.0 - _none_below(logs, total, ordered.size, k)
        none[column] = 1.0 - (reached[-1] if reached.size else 0.0)
        for row, quantile in enumerate(quantiles):
            at = int(np.searchsorted(reached, quantile - TIE))
            if at < ordered.size:
                result[row, column] = ordered[at]
    return BudgetCurve(budgets, tuple(quantiles), result, none, total)


def _ascending(values: Floats, feasible: npt.NDArray[np.bool_] | None) -> tuple[Floats, int]:
    """Sort the feasible values; also how many trials there are."""
    given = np.asarray(values, dtype=np.float64)
    kept = np.isfinite(given) if feasible is None else np.isfinite(given) & feasible
    return np.sort(given[kept]), int(given.size)


def _budgets(total: int) -> Ints:
    if total <= MOST_BUDGETS:
        return np.arange(1, total + 1, dtype=np.int64)
    spread = np.rint(np.geomspace(1, total, MOST_BUDGETS)).astype(np.int64)
    return np.unique(spread)


def _log_factorials(total: int) -> Floats:
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, total + 1, dtype=np.float64)))])


def _none_below(logs: Floats, total: int, places: int, k: int) -> Floats:
    """P(best of k > y_j) for j = 1 … places, as ratios of binomials in logarithms, shape (places,).

    Args:
        logs: Logarithms of the factorials up to `total`.
        total: Trials drawn from.
        places: How many of them are feasible.
        k: Trials drawn.
    """
    left = total - np.arange(1, places + 1)
    result = np.zeros(places)
    able = left >= k
    left = left[able]
    result[able] = np.exp(logs[left] - logs[left - k] - logs[total] + logs[total - k])
    return result


@dataclass(frozen=True, eq=False)
class BudgetBands:
    """The median best of k trials of the same random search, and how far the study determines it.

    The whole band holds at once with the probability `level`, whatever the distribution.

    Attributes:
        budgets: Numbers of trials, shape (m,).
        middle: Median best, with replacement, shape (m,); NaN where it is infeasible.
        low: No better than this, shape (m,); -inf where the study sets no limit.
        high: No worse than this, shape (m,); inf where it may be infeasible, or unseen.
        level: Probability that the band holds everywhere.
        quantile: Which quantile of the best; 0.5 is the median.
        trials: How many trials it was computed from, n.
    """

    budgets: Ints
    middle: Floats
    low: Floats
    high: Floats
    level: float
    quantile: float
    trials: int


def budget_bands(
    values: Floats,
    level: float = 0.95,
    *,
    feasible: npt.NDArray[np.bool_] | None = None,
    budgets: Sequence[int] | None = None,
    quantile: float = 0.5,
) -> BudgetBands:
    """Compute the best of k independent trials with a simultaneous band, k beyond n included.

    The band is that of the distribution function (Massart's constant in the inequality of
    Dvoretzky, Kiefer and Wolfowitz), mapped to the best of k: the quantile p of the best of k is
    the quantile 1 - (1 - p)^(1/k) of one trial. After "Show Your Work with Confidence" (arXiv
    2311.09480), whose package `opda` has narrower bands.

    Args:
        values: Objective of independently drawn trials, shape (n,); not finite: infeasible.
        level: Probability that the band holds everywhere, in (0, 1).
        feasible: Which count as feasible, shape (n,); all by default.
        budgets: Numbers of trials; those of `budget_curve` by default.
        quantile: Which quantile of the best.
    """
    ordered, total = _ascending(values, feasible)
    chosen = _budgets(total) if budgets is None else np.asarray(budgets, dtype=np.int64)
    wide = math.sqrt(math.log(2 / (1 - level)) / (2 * total)) if total else 1.0
    needed = -np.expm1(np.log1p(-quantile) / chosen)
    padded = np.concatenate([[-np.inf], ordered, np.full(total - ordered.size + 1, np.inf)])
    middle = padded[_place(needed, total)]
    low = padded[np.maximum(_place(needed - wide, total), 0)]
    high = padded[_place(needed + wide, total)]
    return BudgetBands(
        chosen, np.where(np.isfinite(middle), middle, np.nan), low, high, level, quantile, total
    )


def _place(probability: Floats, total: int) -> Ints:
    """Which ascending trial, from 1, first reaches a probability; 0: none needed, n + 1: none."""
    place = np.ceil(probability * total - TIE)
    return np.clip(place, 0, total + 1).astype(np.int64)
