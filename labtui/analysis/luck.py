"""How much of a study's best result is luck: of the search, of training, of the validation sample.

Three spreads, all standard deviations in the unit of the objective: of reruns of one configuration
(P28), of the best that another search as large would have found (P29, P31), and of the metric over
another validation sample as large (P30).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labtui.analysis.course import HUGE
from labtui.analysis.findings import Outcome, cannot_judge, finding
from labtui.analysis.runs import Floats, Ints
from labtui.analysis.table import StudyTable

FEWEST_TRIALS = 6
"""Fewest results of which halves are drawn: halves of five are pairs, whose best says little."""

ROUNDING = 1e-14
"""Deviation, as a share of the mean, of reruns that are equal: what adding them up leaves."""

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


@dataclass(frozen=True)
class Retrained:
    """Spread of reruns.

    Attributes:
        best: Sample standard deviation of the reruns of the best configuration.
        mean: Their mean, lower is better.
        reruns: How many there are.
        pooled: The same over all configurations with two reruns or more.
        configurations: How many of those there are.
        freedom: Degrees of freedom of `pooled`.
    """

    best: float
    mean: float
    reruns: int
    pooled: float
    configurations: int
    freedom: int


def retrained(table: StudyTable) -> Retrained | None:
    """Measure the spread of reruns (P28): feasible trials of one configuration.

    The best configuration is the one with the best mean among those with two reruns or more.

    Returns:
        None where nothing was rerun.
    """
    usable = table.feasible & (np.abs(table.values) <= HUGE)
    numbers = np.array(table.configurations, dtype=np.int64)[usable]
    values = table.values[usable]
    _, group = np.unique(numbers, return_inverse=True)
    if not group.size:
        return None
    sizes = np.bincount(group)
    means = np.bincount(group, weights=values) / sizes
    squares = np.bincount(group, weights=(values - means[group]) ** 2)
    repeated = np.flatnonzero(sizes >= 2)
    if not repeated.size:
        return None
    best = repeated[np.argmin(means[repeated])]
    freedom = int((sizes[repeated] - 1).sum())
    own = math.sqrt(float(squares[best]) / (int(sizes[best]) - 1))
    equal = own <= ROUNDING * abs(float(means[best]))
    return Retrained(
        best=0.0 if equal else own,
        mean=float(means[best]),
        reruns=int(sizes[best]),
        pooled=math.sqrt(float(squares[repeated].sum()) / freedom),
        configurations=int(repeated.size),
        freedom=freedom,
    )


def study_bests(table: StudyTable) -> Floats:
    """Give the best value of each repetition of the study that has one, shape (repetitions,)."""
    numbers = np.array(table.repetitions, dtype=np.int64)
    usable = table.feasible & (np.abs(table.values) <= HUGE)
    found = [
        float(table.values[rows].min())
        for repetition in np.unique(numbers).tolist()
        if (rows := np.flatnonzero((numbers == repetition) & usable)).size
    ]
    return np.array(found)


def search_deviation(values: Floats) -> float | None:
    """Estimate the standard deviation of the best over searches as large.

    That of the best of a random half, exactly: with y ascending and k = ceil(n / 2),
    P(best > y_j) = C(n - j, k) / C(n, k). Over simulated studies its median was 0.6 to 1.3 of the
    truth; that of the best of n drawn with replacement, which is the observed best in 63 % of
    draws, 0.5 to 0.9.

    Args:
        values: Objective of every trial, shape (n,); what is not finite, or huge, is worst.

    Returns:
        None for fewer than six trials, or where a half may have no feasible trial.
    """
    finite = np.sort(values[np.abs(values) <= HUGE])
    finite = finite - finite[:1]  # so that equal results deviate by nothing, rounding included
    total, half = int(values.size), (int(values.size) + 1) // 2
    if total < FEWEST_TRIALS or total - finite.size >= half:
        return None
    beyond = [1.0]
    for j in range(finite.size):
        beyond.append(beyond[-1] * max(total - half - j, 0) / (total - j))
    weights = -np.diff(np.array(beyond))
    mean = float(weights @ finite)
    return math.sqrt(float(weights @ (finite - mean) ** 2))


def _first_trials(table: StudyTable) -> Ints:
    """Rows of one trial a configuration, feasible or infeasible: what the search itself drew."""
    counted = np.flatnonzero(table.feasible | table.infeasible)
    numbers = np.array(table.configurations, dtype=np.int64)[counted]
    _, first = np.unique(numbers, return_index=True)
    rows: Ints = counted[np.sort(first)]
    return rows


def judge_luck(table: StudyTable) -> list[Outcome]:
    """Say how much of the best result is luck of the search and of the validation sample."""
    return [*_judge_search(table), *_judge_sample(table)]


def _judge_search(table: StudyTable) -> list[Outcome]:
    rows = _first_trials(table)
    values = np.where(table.feasible[rows], table.values[rows], np.inf)
    searched, reruns, bests = search_deviation(values), retrained(table), study_bests(table)
    repeated = float(bests.std(ddof=1)) if bests.size >= 2 else None
    spread = searched if repeated is None else repeated
    if spread is None and reruns is None:
        reason = f"{rows.size} trials, {int(np.isfinite(values).sum())} of them feasible: too few"
        return [cannot_judge("search-luck", reason)]
    evidence: dict[str, object] = {
        "best": table.shown(float(table.values[table.ranked[0]])),
        "trials": int(rows.size),
        "feasible_trials": int(np.isfinite(values).sum()),
    }
    if searched is not None:
        evidence["search_deviation"] = searched
    if repeated is not None:
        evidence |= {"study_deviation": repeated, "study_repetitions": int(bests.size)}
    if reruns is not None:
        evidence |= _rerun_evidence(table, reruns)
    ratio = None
    # Where every repetition found the same configuration, both are the deviation of its reruns.
    same = repeated is not None and reruns is not None and math.isclose(repeated, reruns.best)
    if spread is not None and reruns is not None and reruns.best > 0 and not same:
        ratio = evidence["ratio"] = spread / reruns.best
    return [
        finding(
            "search-luck",
            "warning" if ratio is not None and ratio > 1 else "info",
            _luck_message(rows.size, searched, repeated, int(bests.size), reruns, ratio),
            _luck_advice(reruns, ratio),
            evidence=evidence,
        )
    ]


def _rerun_evidence(table: StudyTable, reruns: Retrained) -> dict[str, object]:
    evidence: dict[str, object] = {
        "retrain_deviation": reruns.best,
        "retrain_deviation_pooled": reruns.pooled,
        "reruns": reruns.reruns,
        "rerun_mean": table.shown(reruns.mean),
        "rerun_configurations": reruns.configurations,
    }
    if reruns.mean:
        evidence["retrain_deviation_relative"] = reruns.best / abs(reruns.mean)
    return evidence


def _luck_message(
    trials: int,
    searched: float | None,
    repeated: float | None,
    repetitions: int,
    reruns: Retrained | None,
    ratio: float | None,
) -> str:
    if repeated is not None:
        start = f"The best of a study deviates by {repeated:.2g} over {repetitions} repetitions"
    elif searched is not None:
        start = (
            f"The best of another search of {trials} trials would deviate by about {searched:.2g}"
        )
    else:
        start = f"{trials} trials are too few to resample"
    if reruns is None:
        return f"{start}; nothing was rerun, so the deviation of retraining is unknown."
    if repeated is not None and math.isclose(repeated, reruns.best):
        return (
            f"All {repetitions} repetitions found the same configuration best; its reruns deviate "
            f"by {reruns.best:.2g}."
        )
    end = f"reruns of the best configuration deviate by {reruns.best:.2g} ({reruns.reruns} reruns)"
    return f"{start}; {end}" + ("." if ratio is None else f": {ratio:.1f} times as much.")


def _luck_advice(reruns: Retrained | None, ratio: float | None) -> str:
    if reruns is None:
        return "Rerun the best configuration with at least three other seeds before comparing it."
    if ratio is not None and ratio > 1:
        return "Compare studies by several searches, or after more trials: retraining shows less."
    return "Compare means of reruns, not single bests."


def _judge_sample(table: StudyTable) -> list[Outcome]:
    """Hold the gain against the chance of the validation sample (P30)."""
    pair = _compared(table)
    reason = _not_a_sample(table, pair)
    if reason or pair is None or table.examples is None:
        return [cannot_judge("validation-too-small", reason)]
    best, other, arms = pair
    examples = table.examples
    gain = float(table.values[other] - table.values[best])
    error = binomial_error(table.shown(float(table.values[best])), examples)
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


def binomial_error(rate: float, examples: int) -> float:
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
