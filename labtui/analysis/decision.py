"""Whether a change is better than the baseline: fresh reruns of both, looked at in groups (P30).

*Adopt* takes a lower bound of the mean gain above the least gain that pays, by Welch's t (1947),
and the exact rank test as well: where both sides are noisy alike that holds whatever the noise.
*Reject* takes an upper bound below what would be worth having. Each look spends a part of the error
that all of them may make together (Bonferroni), so that looking again costs nothing unplanned.
Lower values are better throughout.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from labtui.analysis.course import HUGE
from labtui.analysis.luck import ROUNDING
from labtui.analysis.probability import failures_tail, rank_tail, student_quantile
from labtui.analysis.runs import Floats
from labtui.analysis.spread import moments

Choice = Literal["adopt", "reject", "undecided"]

GROUPS = (5, 7, 10, 15, 20)
"""Reruns a side at each look. Five is the least at which ranks can say enough: all five better has
p = 1/252, four of four 1/70. 20 are the most: they leave a standard error of a third of a retrain
deviation, and what is smaller is not worth so many."""

ADOPT_LEVELS = (0.004, 0.004, 0.010, 0.005, 0.005)
"""Chance of a wrong adoption that each look may take: 0.028 together, most of it where a gain of
two deviations is to be seen. 0.05 would be proven too, for equal or normal noise, but not where the
candidate's noise is skewed and twice as wide: there 0.05 gave 5.5 %, this 4 % (4,000 launches)."""

REJECT_LEVELS = (0.02, 0.02, 0.02, 0.02, 0.02)
"""Chance of a wrong rejection that each look may take of a gain that is just worth having: 0.10
together. A gain of two deviations was rejected in 0.1 % of simulated launches."""

WORTH = 1.0
"""A gain is worth having from so many retrain deviations above the least gain: less can hardly be
told from none by 20 reruns a side, where two standard errors are 0.6."""


@dataclass(frozen=True)
class Least:
    """The least gain that pays for a change.

    Attributes:
        absolute: In the unit of the objective; known beforehand.
        deviations: In retrain deviations; negative for a loss that may be borne (non-inferiority).
    """

    absolute: float = 0.0
    deviations: float = 0.0


@dataclass(frozen=True)
class Side:
    """The reruns of one side at a look.

    Attributes:
        reruns: How many were counted, infeasible ones among them.
        infeasible: How many could not be trained: not finite, or beyond 1e100.
        mean: Of the feasible ones; None without any.
        deviation: Their sample standard deviation; None for fewer than two.
    """

    reruns: int
    infeasible: int
    mean: float | None
    deviation: float | None


@dataclass(frozen=True)
class Look:
    """What one look found.

    Attributes:
        number: From 0.
        verdict: ``undecided`` goes on with `following` reruns a side, unless it is None.
        cause: Why, as one word of `CAUSES`.
        candidate: Its reruns.
        baseline: Its reruns.
        gain: Baseline's mean - candidate's, above 0 is better; None where a side has no value.
        low: Lower bound of the gain, at the look's level for adopting; None where unknown.
        high: Upper bound, at its level for rejecting.
        least: Least gain that pays, in the unit of the objective.
        worth: Gain that is worth having.
        error: Standard error of the gain.
        deviation: Retrain deviation of both sides together.
        chance: Probability of ranks so far in favour of the candidate by chance; None where the
            lower bound alone decided against it.
        following: Reruns a side at the next look; None after the last.
    """

    number: int
    verdict: Choice
    cause: str
    candidate: Side
    baseline: Side
    gain: float | None
    low: float | None
    high: float | None
    least: float
    worth: float
    error: float | None
    deviation: float | None
    chance: float | None
    following: int | None


CAUSES = {
    "gain": "the gain is above what pays for the change",
    "not-worse": "it is simpler, and not worse by more than may be borne",
    "baseline-fails": "the baseline cannot be trained, the candidate can",
    "too-small": "what would be worth having is ruled out",
    "fails": "the candidate fails to train more often than by chance",
    "no-gain": "reruns are all equal, and the candidate's are not better",
    "unclear": "no gain that pays is shown, and none that is worth having ruled out",
    "ranks": "the means show it, the ranks of so few reruns do not yet",
    "held-by-failures": "the candidate failed to train more often than the baseline",
    "few-values": "too few reruns could be trained",
}
"""Why a look ended as it did, in words."""


def decide(candidate: Floats, baseline: Floats, number: int, least: Least | None = None) -> Look:
    """Take one of the planned looks.

    Args:
        candidate: Objective of the candidate's fresh reruns, lower is better, in the order they
            were planned; what is not finite could not be trained. At least `GROUPS[number]`.
        baseline: The same of the baseline.
        number: Which look, from 0.
        least: The least gain that pays; none by default.

    Raises:
        ValueError: There are fewer reruns than the look takes, or no such look.
    """
    if not 0 <= number < len(GROUPS) or min(candidate.size, baseline.size) < GROUPS[number]:
        raise ValueError(f"look {number} takes {GROUPS[number:][:1]} reruns a side")
    least = least or Least()
    n = GROUPS[number]
    ours, theirs = (np.where(np.abs(x[:n]) <= HUGE, x[:n], np.inf) for x in (candidate, baseline))
    measured = _measure(ours, theirs, least)
    low, high = _bounds(measured, least, ADOPT_LEVELS[number], REJECT_LEVELS[number])
    chance = None
    if low is None or low > measured.least:
        chance = rank_tail(ours + measured.least, theirs)
    verdict, cause = _judge(measured, number, least, (low, high, chance))
    a, b = measured.sides
    return Look(
        number=number,
        verdict=verdict,
        cause=cause,
        candidate=a,
        baseline=b,
        gain=measured.gain,
        low=low,
        high=high,
        least=measured.least,
        worth=measured.worth,
        error=measured.error,
        deviation=measured.deviation,
        chance=chance,
        following=GROUPS[number + 1] if number + 1 < len(GROUPS) else None,
    )


def looks(candidate: Floats, baseline: Floats, least: Least | None = None) -> Iterator[Look]:
    """Take the planned looks that the reruns allow, up to the one that decides."""
    for number, reruns in enumerate(GROUPS):
        if min(candidate.size, baseline.size) < reruns:
            return
        look = decide(candidate, baseline, number, least)
        yield look
        if look.verdict != "undecided":
            return


@dataclass(frozen=True)
class _Measured:
    sides: tuple[Side, Side]
    gain: float | None
    error: float | None
    freedom: float
    deviation: float | None
    least: float
    worth: float


def side(values: Floats) -> Side:
    """Summarize the reruns of one side, lower is better; what is not finite is infeasible."""
    usable = values[np.abs(values) <= HUGE]
    return Side(int(values.size), int(values.size - usable.size), *moments(usable))


def _measure(candidate: Floats, baseline: Floats, least: Least) -> _Measured:
    ours, theirs = side(candidate), side(baseline)
    gain = None if ours.mean is None or theirs.mean is None else theirs.mean - ours.mean
    error = deviation = None
    freedom, unit = 1.0, 0.0
    if gain is not None and ours.deviation is not None and theirs.deviation is not None:
        error, freedom = _welch(ours, theirs)
        unit = deviation = math.hypot(ours.deviation, theirs.deviation) / math.sqrt(2)
    pays = least.absolute + least.deviations * unit
    return _Measured(
        sides=(ours, theirs),
        gain=gain,
        error=error,
        freedom=freedom,
        deviation=deviation,
        least=pays,
        worth=pays + WORTH * unit,
    )


def _welch(ours: Side, theirs: Side) -> tuple[float, float]:
    """Give the standard error of the difference of means, and its degrees of freedom."""
    parts = [
        ((one.deviation or 0.0) / math.sqrt(count), count)
        for one in (ours, theirs)
        if (count := one.reruns - one.infeasible)
    ]
    error = math.hypot(*(part for part, _ in parts))
    if error == 0:
        return 0.0, 1.0
    # In shares of the error, so that no square over- or underflows.
    return error, 1 / sum((part / error) ** 4 / (count - 1) for part, count in parts)


def _judge(
    found: _Measured,
    number: int,
    least: Least,
    bounds: tuple[float | None, float | None, float | None],
) -> tuple[Choice, str]:
    low, high, chance = bounds
    ours, theirs = found.sides
    failed = failures_tail(ours.infeasible, ours.reruns, theirs.infeasible, theirs.reruns)
    if failed <= REJECT_LEVELS[number]:
        return "reject", "fails"
    by_ranks = chance is not None and chance <= ADOPT_LEVELS[number]
    if low is None or high is None:
        fewer = ours.infeasible < theirs.infeasible
        return ("adopt", "baseline-fails") if fewer and by_ranks else ("undecided", "few-values")
    constant = found.error == 0
    better = _beyond_rounding(found, least) if constant else low > found.least
    if better and ours.infeasible > theirs.infeasible:
        return "undecided", "held-by-failures"
    simpler = least.deviations < 0
    if better and (by_ranks or (constant and simpler)):
        return "adopt", "not-worse" if simpler else "gain"
    if better:
        return "undecided", "ranks"
    if constant:
        return "reject", "no-gain"
    return ("reject", "too-small") if high < found.worth else ("undecided", "unclear")


def _beyond_rounding(found: _Measured, least: Least) -> bool:
    """Say whether a gain without any spread is one: a trainer without chance."""
    ours, theirs = found.sides
    assert found.gain is not None
    assert ours.mean is not None
    assert theirs.mean is not None
    rounding = ROUNDING * max(abs(ours.mean), abs(theirs.mean))
    return found.gain - found.least > (-rounding if least.deviations < 0 else rounding)


def _bounds(
    found: _Measured, least: Least, adopt: float, reject: float
) -> tuple[float | None, float | None]:
    """Bound the gain from below and above, each at its level.

    Where what it is held against is counted in retrain deviations, its own error is added: the
    variance of a deviation is deviation² / 2 freedom.
    """
    if found.gain is None or found.error is None:
        return None, None
    unit = (found.deviation or 0.0) / math.sqrt(2 * found.freedom)
    below = math.hypot(found.error, least.deviations * unit)
    above = math.hypot(found.error, (least.deviations + WORTH) * unit)
    return (
        found.gain - student_quantile(adopt, found.freedom) * below,
        found.gain + student_quantile(reject, found.freedom) * above,
    )


def beats_chance(
    values: Sequence[float], chance: float, sample_error: float, errors: float
) -> tuple[bool, float, float]:
    """Say whether a first baseline's reruns beat a model that knows nothing (P01).

    Args:
        values: Objective of its reruns, lower is better, all finite; at least two.
        chance: Objective of a model that knows nothing.
        sample_error: Standard error at chance of the validation sample; 0 where it has none.
        errors: Standard errors that it takes.

    Returns:
        Whether they do, by how much, and the standard error of that.
    """
    found = side(np.array(values))
    assert found.mean is not None
    assert found.deviation is not None
    gain = chance - found.mean
    error = math.hypot(sample_error, found.deviation / math.sqrt(len(values)))
    return gain > 0 and gain >= errors * error, gain, error
