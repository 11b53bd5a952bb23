"""How much of a study's best result is luck: of the search, and of training.

Two spreads, both standard deviations in the unit of the objective: of reruns of one configuration
(P28), and of the best that another search as large would have found (P29, P31). That of the
validation sample is in `labtui.analysis.sample`.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
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


@dataclass(frozen=True)
class Known:
    """A retrain deviation that was measured before, of a configuration of the same workload.

    Attributes:
        deviation: Sample standard deviation of its reruns.
        reruns: How many feasible ones.
        mean: Their mean, in the study's own direction.
        trial: The trial that was rerun.
        date: When, ``2026-11-22``.
    """

    deviation: float
    reruns: int
    mean: float
    trial: str
    date: str

    @property
    def freedom(self) -> int:
        """Degrees of freedom of the deviation."""
        return self.reruns - 1


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


def judge_luck(
    table: StudyTable, known: Known | None = None, bests: Floats | None = None
) -> list[Outcome]:
    """Say how much of the best result is luck of the search.

    Args:
        table: A study.
        known: The workload's retrain deviation, for a study in which nothing was rerun.
        bests: Best value of this search and of each of its replicas, lower is better; by default
            those of the study's own repetitions (P29).
    """
    rows = _first_trials(table)
    values = np.where(table.feasible[rows], table.values[rows], np.inf)
    searched, reruns = search_deviation(values), retrained(table)
    replicas = bests is not None and bests.size >= 2
    bests = study_bests(table) if bests is None or not replicas else bests
    if reruns is not None:
        known = None
    luck = _Luck(
        trials=int(rows.size),
        searched=searched,
        repeated=float(bests.std(ddof=1)) if bests.size >= 2 else None,
        repetitions=int(bests.size),
        replicas=replicas,
        reruns=reruns,
        known=known,
    )
    if luck.spread is None and luck.deviation is None:
        reason = f"{rows.size} trials, {int(np.isfinite(values).sum())} of them feasible: too few"
        return [cannot_judge("search-luck", reason)]
    best = float(table.values[table.ranked[0]]) if table.ranked.size else None
    evidence: dict[str, object] = {
        "best": None if best is None else table.shown(best),
        "trials": int(rows.size),
        "feasible_trials": int(np.isfinite(values).sum()),
        **_luck_evidence(table, luck, bests),
    }
    return [
        finding(
            "search-luck",
            "warning" if luck.ratio is not None and luck.ratio > 1 else "info",
            _luck_message(luck, evidence),
            _luck_advice(luck, table.trials[table.ranked[0]] if table.ranked.size else "TRIAL"),
            evidence=evidence,
        )
    ]


@dataclass(frozen=True)
class _Luck:
    """The spreads that are held against each other: of searches, and of retraining."""

    trials: int
    searched: float | None
    repeated: float | None
    repetitions: int
    replicas: bool
    reruns: Retrained | None
    known: Known | None

    @property
    def spread(self) -> float | None:
        return self.searched if self.repeated is None else self.repeated

    @property
    def deviation(self) -> float | None:
        if self.reruns is not None:
            return self.reruns.best
        return None if self.known is None else self.known.deviation

    @property
    def same(self) -> bool:
        """Every repetition found the same configuration: both are the deviation of its reruns."""
        deviation = None if self.reruns is None else self.reruns.best
        found = self.repeated is not None and deviation is not None
        return found and math.isclose(self.repeated or 0.0, deviation or 0.0)

    @property
    def ratio(self) -> float | None:
        if self.spread is None or not self.deviation or self.same:
            return None
        return self.spread / self.deviation


def _luck_evidence(table: StudyTable, luck: _Luck, bests: Floats) -> dict[str, object]:
    evidence: dict[str, object] = {}
    if luck.searched is not None:
        evidence["search_deviation"] = luck.searched
    if luck.repeated is not None:
        count = "studies" if luck.replicas else "study_repetitions"
        evidence |= {"study_deviation": luck.repeated, count: luck.repetitions}
        if luck.replicas:
            evidence["study_bests"] = [table.shown(float(one)) for one in bests]
    if luck.reruns is not None:
        evidence |= _rerun_evidence(table, luck.reruns)
    elif luck.known is not None:
        evidence |= {
            "retrain_deviation": luck.known.deviation,
            "reruns": luck.known.reruns,
            "rerun_mean": luck.known.mean,
            "rerun_trial": luck.known.trial,
            "rerun_date": luck.known.date,
        }
    if luck.ratio is not None:
        evidence["ratio"] = luck.ratio
    return evidence


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


def search_words(evidence: Mapping[str, object]) -> str:
    """Say how much the best of a search varies, from the evidence of a ``search-luck``."""
    searched, repeated = evidence.get("search_deviation"), evidence.get("study_deviation")
    trials = evidence["trials"]
    if repeated is not None and "studies" in evidence:
        start = f"The bests of {evidence['studies']} searches deviate by {repeated:.2g}"
        return start if searched is None else f"{start} (resampling this one says {searched:.2g})"
    if repeated is not None:
        return (
            f"The best of a study deviates by {repeated:.2g} over {evidence['study_repetitions']} "
            "repetitions"
        )
    if searched is not None:
        return (
            f"The best of another search of {trials} trials would deviate by about {searched:.2g}"
        )
    return f"{trials} trials are too few to resample"


def _luck_message(luck: _Luck, evidence: Mapping[str, object]) -> str:
    start = search_words(evidence)
    if luck.reruns is None and luck.known is None:
        return f"{start}; nothing was rerun, so the deviation of retraining is unknown."
    if luck.same and luck.reruns is not None:
        return (
            f"All {luck.repetitions} repetitions found the same configuration best; its reruns "
            f"deviate by {luck.reruns.best:.2g}."
        )
    end = f"{_rerun_words(luck)}"
    return f"{start}; {end}" + ("." if luck.ratio is None else f": {luck.ratio:.1f} times as much.")


def _rerun_words(luck: _Luck) -> str:
    if luck.reruns is not None:
        what, deviation, count = "the best configuration", luck.reruns.best, luck.reruns.reruns
    else:
        assert luck.known is not None
        what = f"{luck.known.trial or 'a configuration'} on {luck.known.date}"
        deviation, count = luck.known.deviation, luck.known.reruns
    if deviation == 0:
        return f"reruns of {what} are all equal ({count} reruns): training leaves nothing to chance"
    return f"reruns of {what} deviate by {deviation:.2g} ({count} reruns)"


def _luck_advice(luck: _Luck, best: str) -> str:
    if luck.deviation is None:
        return (
            "Rerun the best configuration with at least three other seeds before comparing it: "
            f"`labtui rerun {shlex.quote(best)}`."
        )
    if luck.ratio is not None and luck.ratio > 1:
        return "Compare studies by several searches, or after more trials: retraining shows less."
    return "Compare means of reruns, not single bests."
