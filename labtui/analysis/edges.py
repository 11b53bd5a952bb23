"""What speaks for a better point beyond one end of an axis, and how strongly (P14)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from labtui.analysis.marginals import GRID, Marginal
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

TREND_WEIGHT, TAIL_WEIGHT, PLACE_WEIGHT = 0.1, 0.3, 2.0
"""What a deviation of the trend, the share of the best trials at the edge and the place of the
minimum add to the score. With half the last one 23 instead of 15 % of whole real studies had a
false finding where as many edges were found; 0.4 for the second one did as well."""

WEAK, STRONG = 0.245, 0.40
"""Scores from which a finding is named, and an alert. With 0.30 for the first 44 instead of 51 % of
the edges of real subsamples are found. An optimum inside, at 0.15 of the range, gave an alert in
1 % of simulated studies; of subsamples of 20 and 30 real trials 2 % had a false one."""

CERTAIN = 0.20
"""A fit that leaves at most this many deviations (4 % of the variance) is believed by itself. Where
all axes matter alike 84 instead of 65 % of the optima outside are found. With 0.25 no more, and
strong interactions gave a false finding in 17 instead of 13 % of studies."""

AT_EDGE = 0.05
"""… where its minimum is within this part of the range: with 0.10 an optimum inside, at 0.15, was
named in 29 instead of 19 % of studies"""

FALL = 4.0
"""… and its curve is lower at this end than at the other by so many of its own deviations: without
this, subsamples of real studies had 9 % more false findings."""


@dataclass(frozen=True)
class Edge:
    """What speaks for a better point beyond one end of an axis.

    Attributes:
        side: Which end.
        place: Where the fitted curve is lowest, as distance from this end: the mean of its samples.
        fall: How much lower it is at this end than at the other, in deviations of its samples.
        unexplained: What the fit leaves, in deviations of the results.
        trend: Deviations from chance by which the better trials are nearer to this end.
        tail: Share of the best trials in the outer fifth.
        best: How many best trials were looked at.
        unit_of_best: Distance of the best trial from this end.
    """

    side: Side
    place: float
    fall: float
    unexplained: float
    trend: float
    tail: float
    best: int
    unit_of_best: float

    @property
    def score(self) -> float:
        """The three as one number: trend and best trials for an edge, the fit's place against."""
        near = TREND_WEIGHT * self.trend + TAIL_WEIGHT * self.tail
        return near - PLACE_WEIGHT * self.place

    @property
    def certain(self) -> bool:
        """Whether the fit is enough by itself; the trend must not speak against it."""
        explained = self.unexplained <= CERTAIN and self.trend > 0
        return explained and self.fall >= FALL and self.place <= AT_EDGE

    @property
    def found(self) -> bool:
        """Whether a better point beyond is likely."""
        return self.score >= WEAK or self.certain


def edge_evidence(
    unit: Floats, ranked: Ints, usable: int, marginal: Marginal, side: Side, counted: int
) -> Edge:
    """Say what speaks for a better point beyond one end of an axis.

    Args:
        unit: Positions of the trials, from 0 to 1, (n,).
        ranked: Their indices from best to worst, (n,); those that did not train come last.
        usable: How many of them trained.
        marginal: The fitted effect of this axis.
        side: Which end.
        counted: How many of the ranked ones the trend is taken over.
    """
    away = unit if side == "low" else 1 - unit
    curves = marginal.draws if side == "low" else marginal.draws[:, ::-1]
    best = ranked[: min(max(BEST_LEAST, round(BEST_SHARE * usable)), usable)]
    reached = np.abs(GRID[:, None] - away[best]).min(axis=1) <= REACH
    lowest = GRID[np.where(reached, curves, np.inf).argmin(axis=1)]
    return Edge(
        side,
        float(lowest.mean()),
        _certainty(curves[:, -1] - curves[:, 0]),
        marginal.unexplained,
        _trend(away[ranked[:counted]], usable),
        float((away[best] <= EDGE_SHARE).mean()),
        int(best.size),
        float(away[ranked[0]]),
    )


def _certainty(samples: Floats) -> float:
    """Give the mean of samples in their deviations."""
    spread = float(samples.std())
    return float(samples.mean()) / spread if spread > 0 else 0.0


def _trend(away: Floats, usable: int) -> float:
    """Compare the weighted mean of distances, best trial first, with random orders of them."""
    n = away.size
    weights = np.exp(-np.arange(n) / (DECAY * n))
    weights[usable:] = weights[usable:].mean() if usable < n else 0.0
    weights = weights - weights.mean()
    offset = away - away.mean()
    spread = np.sqrt((weights @ weights) * (offset @ offset) / max(n - 1, 1))
    return float(-(weights @ offset) / spread) if spread > 0 else 0.0
