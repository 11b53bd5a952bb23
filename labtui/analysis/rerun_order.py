"""The order of arms from fresh reruns of each one's best configurations alone.

Compared are means: over an arm's configurations, of the mean over their reruns. Reruns leave the
selection out: what won a search by luck is as likely to lose now. Two claims are told apart:

* *supported*: the first arm's configurations are better than the other's. What it is held against
  is the chance of retraining, as Student's t, with the largest of the variances that the reruns
  allow: within configurations, where chance is independent; between seeds, where the
  configurations of an arm, or of both, share their seeds' luck. The order of several arms takes
  Holm's levels (1979).
* *beyond the search*: so large a lead also exceeds what another search as large would have found,
  by resampling the parent's trials. Only that is a claim about the arms, not these configurations.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labtui.analysis.course import HUGE
from labtui.analysis.luck import ROUNDING
from labtui.analysis.probability import student_quantile, student_tail
from labtui.analysis.runs import Floats, Ints
from labtui.analysis.table import StudyTable

LEVEL = 0.05
"""Share of studies of equal arms in which an order is called supported at most."""

FIRST_SEEDS, LATER_LEVEL = 5, 0.0125
"""Beyond so many seeds it is this share: who asks for more until an order is supported looks again
each time. Followed so through 3, 6, 12 and 24 reruns equal arms were ordered in 2.4 % of 1,500
simulated searches, in 5.4 % where all noise is common to a seed of an arm; at `LEVEL` throughout in
7.6 and 13 %. A lead of two deviations is supported by six reruns in 98.8 %, not 100 %."""

FEWEST = 2
"""Fewest reruns of every configuration: of one there is no deviation."""

RESAMPLED = 400
"""Halves of the parent's trials that are drawn: their variance is then known to 7 %."""

RESOLVED = 0.95
"""Share of those halves in which both arms must have enough feasible trials."""


@dataclass(frozen=True)
class ArmReruns:
    """The reruns of one arm's best configurations.

    Attributes:
        arm: Its name.
        trials: The trials that are repeated, one a configuration.
        values: Objective, lower is better, shape (configurations, reruns): one column a seed, the
            same for all arms; NaN where it could not be trained.
        selected: What the search had found, lower is better, shape (configurations,).
    """

    arm: str
    trials: tuple[str, ...]
    values: Floats
    selected: Floats


@dataclass(frozen=True)
class RerunArm:
    """What one arm's reruns came to.

    Attributes:
        arm: Its name.
        configurations: How many were rerun.
        reruns: How many reruns in all, `infeasible` ones among them.
        mean: Over configurations of the mean over feasible reruns, lower is better; None without.
        selected: Mean of what the search had found for the same configurations.
        flattered: By how much that was better than the reruns: the winner's curse.
    """

    arm: str
    configurations: int
    reruns: int
    infeasible: int
    mean: float | None
    selected: float
    flattered: float | None


@dataclass(frozen=True)
class RerunPair:
    """The first arm against another.

    Attributes:
        other: The other arm.
        difference: The other's mean - the first's: never below 0.
        error: Its standard error by retraining.
        low: Lower end of the 95 % interval of the difference; `high` is the upper one.
        p: Chance of such a difference, either way, between equal configurations.
        supported: Whether it is below Holm's level.
        search: Standard deviation of the difference over other searches as large; None where the
            search is too small to resample.
        beyond_search: Whether the difference exceeds both chances together; None likewise.
    """

    other: str
    difference: float
    error: float
    low: float
    high: float
    p: float
    supported: bool
    search: float | None
    beyond_search: bool | None


@dataclass(frozen=True)
class RerunOrder:
    """The arms from best to worst by their reruns.

    Attributes:
        arms: Those of which nothing could be trained last.
        pairs: The first against every other that could be trained, in their order.
        held: Why no order is supported whatever the means are; empty without such a reason.
        deterministic: Whether all reruns of each configuration are equal.
    """

    arms: tuple[RerunArm, ...]
    pairs: tuple[RerunPair, ...]
    held: str
    deterministic: bool

    @property
    def supported(self) -> bool:
        """Whether the first arm's configurations are better than those of every other arm."""
        return bool(self.pairs) and not self.held and all(one.supported for one in self.pairs)

    @property
    def beyond_search(self) -> bool | None:
        """Whether that also exceeds the luck of the search; None where that cannot be told."""
        found = [one.beyond_search for one in self.pairs]
        if not self.supported or any(one is False for one in found):
            return False
        return None if any(one is None for one in found) else True


def order_of_reruns(
    arms: Sequence[ArmReruns], search: StudyTable | None = None, seed: int = 0
) -> RerunOrder | None:
    """Order arms by the reruns of their best configurations.

    Args:
        arms: Two at least; all with the same seeds, column by column.
        search: The parent's trials, to tell the luck of the search.
        seed: Of the resampling.

    Returns:
        None for fewer than two arms, or fewer than two reruns.
    """
    if len(arms) < 2 or any(one.values.shape[1] < FEWEST for one in arms):
        return None
    found = [(_summary(one), one) for one in arms]
    found.sort(key=lambda pair: (pair[0].mean is None, pair[0].mean or 0.0))
    summaries = tuple(summary for summary, _ in found)
    able = [(summary, one) for summary, one in found if summary.mean is not None]
    if len(able) < 2:
        return RerunOrder(summaries, (), "fewer than two arms could be trained again", False)
    compared = [_Compared.of(able[0][1], other) for _, other in able[1:]]
    seeds = min(one.values.shape[1] for one in arms)
    level = LEVEL if seeds <= FIRST_SEEDS else LATER_LEVEL
    levels = _holm([one.p for one in compared], level)
    resampled = {} if search is None else _search_deviations(search, able[0][1], able[1:], seed)
    pairs = [
        _pair(other.arm, one, passed, resampled.get(other.arm))
        for (_, other), one, passed in zip(able[1:], compared, levels, strict=True)
    ]
    deterministic = all(one.error == 0 for one in compared)
    return RerunOrder(summaries, tuple(pairs), _held(summaries), deterministic)


def _summary(one: ArmReruns) -> RerunArm:
    values = _usable(one.values)
    feasible = np.isfinite(values)
    alive = feasible.any(axis=1)
    mean = flattered = None
    selected = float(one.selected.mean())
    if alive.any():
        means = np.nanmean(values[alive], axis=1)
        mean = float(means.mean())
        flattered = float((means - one.selected[alive]).mean())
    return RerunArm(
        arm=one.arm,
        configurations=len(one.trials),
        reruns=int(values.size),
        infeasible=int((~feasible).sum()),
        mean=mean,
        selected=selected,
        flattered=flattered,
    )


def _usable(values: Floats) -> Floats:
    usable: Floats = np.where(np.abs(values) <= HUGE, values, np.nan)
    return usable


def _held(arms: Sequence[RerunArm]) -> str:
    """Hold the order back where the first arm fails to train more often than another."""
    first = arms[0]
    for other in arms[1:]:
        if first.infeasible * other.reruns > other.infeasible * first.reruns:
            return (
                f"{first.arm} could not be trained in {first.infeasible} of {first.reruns} reruns, "
                f"{other.arm} in {other.infeasible} of {other.reruns}"
            )
    return ""


@dataclass(frozen=True)
class _Compared:
    """The difference of two arms: its variance by retraining, degrees of freedom, and p."""

    difference: float
    error: float
    freedom: float
    p: float

    @classmethod
    def of(cls, first: ArmReruns, other: ArmReruns) -> _Compared:
        ours, theirs = _usable(first.values), _usable(other.values)
        ours, theirs = (one[np.isfinite(one).any(axis=1)] for one in (ours, theirs))
        difference = float(np.nanmean(theirs, axis=1).mean() - np.nanmean(ours, axis=1).mean())
        parts = [max(_within(one), _between(one.mean(axis=0))) for one in (ours, theirs)]
        seeds = theirs.mean(axis=0) - ours.mean(axis=0)
        error = math.sqrt(max(sum(parts), _between(seeds)))
        scale = max(float(np.nanmax(np.abs(one))) for one in (ours, theirs))
        if error <= ROUNDING * scale:
            p = 0.0 if difference > ROUNDING * scale else 1.0
            return cls(difference, 0.0, 1.0, p)
        # Of either arm's deviations between seeds: the variance within has more, the largest of
        # them all has at least these.
        freedom = 2.0 * (min(ours.shape[1], theirs.shape[1]) - 1)
        return cls(difference, error, freedom, 2 * student_tail(difference / error, freedom))


def _within(values: Floats) -> float:
    """Variance of an arm's mean, where every rerun has its own luck; NaN are left out."""
    counts = np.isfinite(values).sum(axis=1)
    several = counts >= 2
    if not several.any():
        return 0.0
    repeated = values[several]
    squares = np.nansum((repeated - np.nanmean(repeated, axis=1, keepdims=True)) ** 2)
    pooled = float(squares) / int((counts[several] - 1).sum())
    return pooled * float((1 / counts).sum()) / len(values) ** 2


def _between(means: Floats) -> float:
    """Variance of a mean over seeds, where what shares a seed shares its luck."""
    known = means[np.isfinite(means)]
    if known.size < 2:
        return 0.0
    return float(known.var(ddof=1)) / known.size


def _holm(ps: Sequence[float], level: float) -> list[bool]:
    """Say which p are below Holm's levels: the least at level / n, the next at level / (n - 1)."""
    passed = [False] * len(ps)
    for place, index in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        if ps[index] > level / (len(ps) - place):
            break
        passed[index] = True
    return passed


def _pair(other: str, one: _Compared, passed: bool, search: float | None) -> RerunPair:
    reach = student_quantile(LEVEL / 2, one.freedom)
    beyond = None
    if search is not None:
        beyond = passed and one.difference > reach * math.hypot(one.error, search)
    return RerunPair(
        other=other,
        difference=one.difference,
        error=one.error,
        low=one.difference - reach * one.error,
        high=one.difference + reach * one.error,
        p=one.p,
        supported=passed,
        search=search,
        beyond_search=beyond,
    )


# -- the luck of the search -----------------------------------------------------------------

_FEWEST_TRIALS = 6
"""As for `luck.search_deviation`: halves of five are pairs."""


def _search_deviations(
    table: StudyTable, first: ArmReruns, others: Sequence[tuple[RerunArm, ArmReruns]], seed: int
) -> dict[str, float]:
    """Resample by how much the lead over each other arm varies from search to search.

    Of random halves of the trials, the mean of as many bests as were rerun; trials of both arms at
    one point come and go together.
    """
    random = np.random.default_rng(seed)
    ours = _by_point(table, first.arm)
    found = {}
    for _, other in others:
        theirs = _by_point(table, other.arm)
        if min(len(ours), len(theirs)) < _FEWEST_TRIALS:
            continue
        shared = ours.keys() & theirs.keys()
        paired = len(shared) == len(ours) == len(theirs)
        keys = sorted(shared) if paired else None
        a = np.array([ours[k] for k in keys] if keys else list(ours.values()))
        b = np.array([theirs[k] for k in keys] if keys else list(theirs.values()))
        left = _halves(a.size, random)
        right = left if paired else _halves(b.size, random)
        ahead, behind = len(first.trials), len(other.trials)
        with np.errstate(invalid="ignore"):  # two arms without enough: left out below
            leads = _best(b[right], behind) - _best(a[left], ahead)
        known = leads[np.isfinite(leads)]
        if known.size >= RESOLVED * RESAMPLED:
            found[other.arm] = float(known.std(ddof=1))
    return found


def _halves(size: int, random: np.random.Generator) -> Ints:
    """Draw halves of so many trials, shape (RESAMPLED, half)."""
    drawn: Ints = random.random((RESAMPLED, size)).argsort(axis=1)[:, : (size + 1) // 2]
    return drawn


def _best(values: Floats, count: int) -> Floats:
    """Mean of the best few of each row; infinite where there are fewer that could be trained."""
    best: Floats = np.sort(values, axis=1)[:, :count].mean(axis=1)
    return best


def _by_point(table: StudyTable, arm: str) -> Mapping[tuple[int, int], float]:
    """Give an arm's results by point, by trial where they have none; infeasible is infinite."""
    counted = table.feasible | table.infeasible
    found: dict[tuple[int, int], float] = {}
    for row in table.of_arm(arm).tolist():
        if counted[row]:
            point = table.points[row] if table.points else None
            key = (table.repetitions[row], point) if point is not None else (-1, row)
            found.setdefault(key, float(table.values[row]) if table.feasible[row] else math.inf)
    return found
