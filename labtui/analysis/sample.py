"""How much of a result is the chance of its validation sample (P30)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from labtui.analysis.findings import Outcome, cannot_judge, finding

if TYPE_CHECKING:
    from labtui.analysis.table import StudyTable

RATES = frozenset(
    {"acc", "accuracy", "err", "error", "error_rate", "top_1", "top_5", "top1", "top5"}
)
"""Last parts of the names of metrics that count examples: the share of a validation sample. A word
error rate is none: its words are not independent, and it may exceed 1."""

FAVOURABLE_EXAMPLES = 4
"""A gain of fewer examples is no gain even where predictions agree everywhere else: of g examples
that differ, all in favour of one, the sign test has z = sqrt(g), and 2 needs four of them."""

APART = 2 * math.sqrt(2)
"""Gain, in binomial standard errors, from which the sample is large enough whatever the
predictions: two standard errors of a difference of independent samples."""


def sample_error(metric: str, value: float | None, examples: int | None) -> float | None:
    """Give the standard error of a rate over another validation sample as large.

    Args:
        metric: Its name: only shares of examples have one.
        value: The rate.
        examples: Validation examples behind it; None where unknown.
    """
    if value is None or not examples or metric.rpartition("/")[2].lower() not in RATES:
        return None
    return _binomial_error(value, examples) if 0 <= value <= 1 else None


def judge_sample(table: StudyTable) -> list[Outcome]:
    """Hold the gain against the chance of the validation sample (P30)."""
    pair = _compared(table)
    reason = _not_a_sample(table, pair)
    if reason or pair is None or table.examples is None:
        return [cannot_judge("validation-too-small", reason)]
    best, other, arms = pair
    examples = table.examples
    gain = float(table.values[other] - table.values[best])
    error = _binomial_error(table.shown(float(table.values[best])), examples)
    ties = [
        table.trials[row]
        for row in table.ranked
        if row != best and table.values[row] == table.values[best]
    ]
    if gain > max(error, (FAVOURABLE_EXAMPLES - 0.5) / examples):
        if gain >= APART * error:
            return []
        reason = (
            f"a gain of {gain:.2g} is {gain / error:.1f} binomial standard errors ({error:.2g}) of "
            f"{examples} validation examples: it takes each trial's predictions"
        )
        return [cannot_judge("validation-too-small", reason)]
    return [_too_small(table, best, other, arms, gain, error, ties)]


def _compared(table: StudyTable) -> tuple[int, int, bool] | None:
    """Rows of the best trial and of what it is compared with: the next arm's best if there are any.

    Without other arms the runner-up, a trial of another configuration.
    """
    if not table.ranked.size:
        return None
    best = int(table.ranked[0])
    arms = len({table.arms[row] for row in table.ranked}) > 1
    labels: Sequence[object] = table.arms if arms else table.configurations
    other = next((int(row) for row in table.ranked if labels[row] != labels[best]), None)
    return None if other is None else (best, other, arms)


def _not_a_sample(table: StudyTable, pair: tuple[int, int, bool] | None) -> str:
    """Why the sample cannot be judged; empty if it can."""
    leaf = table.metric.rpartition("/")[2].lower()
    if pair is None:
        return "there are no two results to compare"
    if leaf not in RATES:
        return f"{leaf} is not a share of examples: it takes each example's result"
    if table.examples is None:
        return "the number of validation examples is unknown"
    if not all(0 <= table.shown(float(table.values[row])) <= 1 for row in pair[:2]):
        return f"{leaf} lies outside 0 to 1"
    return ""


def _binomial_error(rate: float, examples: int) -> float:
    """Compute the standard error of a rate over so many examples.

    Args:
        rate: In [0, 1]; 0 and 1 are taken as one example from there, (k + 1) / (n + 2).
        examples: At least one.
    """
    if not 0 < rate < 1:
        rate = (rate * examples + 1) / (examples + 2)
    return math.sqrt(rate * (1 - rate) / examples)


def _too_small(
    table: StudyTable,
    best: int,
    other: int,
    arms: bool,
    gain: float,
    error: float,
    ties: Sequence[str],
) -> Outcome:
    examples = table.examples or 0
    first, second = (
        (table.arms[row] if arms else table.trials[row]) or table.trials[row]
        for row in (best, other)
    )
    ahead = "ties with" if gain == 0 else f"is {gain:.2g} better than"
    count = round(gain * examples)
    return finding(
        "validation-too-small",
        "warning" if arms else "info",
        f"{first} {ahead} {second}: {count} of {examples} validation examples, where the sample "
        f"alone gives a standard error of {error:.2g}"
        + (f"; {len(ties)} more trials reach the same best." if len(ties) > 1 else "."),
        "Take both as equal: use the validation loss, then the earlier trial, or more examples.",
        evidence={
            "gain": gain,
            "gain_examples": count,
            "binomial_error": error,
            "validation_examples": examples,
            "best": table.shown(float(table.values[best])),
            "compared": table.shown(float(table.values[other])),
            "best_trial": table.trials[best],
            "compared_trial": table.trials[other],
            "ties": len(ties),
            "tied_trials": list(ties[:10]),
        },
    )
