"""The best of fewer trials: what the same search would have found on a smaller budget (P31).

Drawn from the finished trials *without replacement*, exactly: with y ascending,
P(best of k > y_j) = C(n - j, k) / C(n, k). It describes random search over the same space; nothing
is said beyond the n trials there are.
"""

from __future__ import annotations

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
