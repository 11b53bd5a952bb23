"""What speaks for a better point beyond one end of an axis, and how strongly (P14)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from labtui.analysis.marginals import GRID
from labtui.analysis.proposals import Side
from labtui.analysis.runs import Floats, Ints

Strength: TypeAlias = Literal["strong", "weak"]

REACH = 0.15
"""The minimum is looked for within this distance of one of the best trials only: a fit that bends
down at an end where no good trial lies is an artefact of its shape."""

EDGE_SHARE = 0.20
"""The outer part of the range in which the best trials are counted."""

BEST_LEAST, BEST_SHARE = 5, 0.05
"""How many of the best trials are looked at: five, or 5 % of many."""

DECAY = 0.12
"""The trend weighs trials by exp(-rank / (0.12 n)): some 12 % of them count. With 25 % fewer edges
were found in whole studies: slopes among middling trials say little about the best."""

TREND_WEIGHT, TAIL_WEIGHT = 0.1, 0.3
"""What a deviation of the trend and the share of the best trials at the edge add to the score.
0.2 for the first, and 0.2 to 0.4 for the second, found as many edges at as many false findings."""

WEAK, STRONG = 0.30, 0.40
"""Scores from which a finding is named, and an alert. An optimum inside, at 0.15 of the range,
gave an alert in 3 % of simulated studies; of subsamples of 20 and 30 real trials 3 % had a false
one."""

LIKELY = 0.97
"""A minimum so surely in the outer tenth is named too, whatever the score. In simulated studies
whose axes all matter alike 70 % instead of 40 % of the optima outside are found."""

NEAR = 0.10
"""The minimum of a curve is near an edge within this part of the range."""

LIKELY_TAIL, LIKELY_TREND = 0.20, 0.8
"""… unless the best trials speak against it: an even share of them near the edge, a trend to it."""


@dataclass(frozen=True)
class Edge:
    """What speaks for a better point beyond one end of an axis.

    Attributes:
        side: Which end.
        place: Where the fitted curve is lowest, as distance from this end: the mean of its samples.
        near: Probability that it is lowest in the outer tenth.
        trend: Deviations from chance by which the better trials are nearer to this end.
        tail: Share of the best trials in the outer fifth.
        best: How many best trials were looked at.
        unit_of_best: Distance of the best trial from this end.
    """

    side: Side
    place: float
    near: float
    trend: float
    tail: float
    best: int
    unit_of_best: float

    @property
    def score(self) -> float:
        """The three as one number: trend and best trials for an edge, the fit's place against."""
        return TREND_WEIGHT * self.trend + TAIL_WEIGHT * self.tail - self.place

    @property
    def found(self) -> bool:
        """Whether a better point beyond is likely."""
        agreed = self.tail >= LIKELY_TAIL and self.trend >= LIKELY_TREND
        return self.score >= WEAK or (self.near >= LIKELY and agreed)


def edge_evidence(
    unit: Floats, ranked: Ints, usable: int, draws: Floats, side: Side, counted: int
) -> Edge:
    """Say what speaks for a better point beyond one end of an axis.

    Args:
        unit: Positions of the trials, from 0 to 1, (n,).
        ranked: Their indices from best to worst, (n,); those that did not train come last.
        usable: How many of them trained.
        draws: Samples of the curve of this axis on `GRID`, (m, 41).
        side: Which end.
        counted: How many of the ranked ones the trend is taken over.
    """
    away = unit if side == "low" else 1 - unit
    curves = draws if side == "low" else draws[:, ::-1]
    best = ranked[: min(max(BEST_LEAST, round(BEST_SHARE * usable)), usable)]
    reached = np.abs(GRID[:, None] - away[best]).min(axis=1) <= REACH
    lowest = GRID[np.where(reached, curves, np.inf).argmin(axis=1)]
    return Edge(
        side,
        float(lowest.mean()),
        float((lowest <= NEAR).mean()),
        _trend(away[ranked[:counted]], usable),
        float((away[best] <= EDGE_SHARE).mean()),
        int(best.size),
        float(away[ranked[0]]),
    )


def _trend(away: Floats, usable: int) -> float:
    """Compare the weighted mean of distances, best trial first, with random orders of them."""
    n = away.size
    weights = np.exp(-np.arange(n) / (DECAY * n))
    weights[usable:] = weights[usable:].mean() if usable < n else 0.0
    weights = weights - weights.mean()
    offset = away - away.mean()
    spread = np.sqrt((weights @ weights) * (offset @ offset) / max(n - 1, 1))
    return float(-(weights @ offset) / spread) if spread > 0 else 0.0
