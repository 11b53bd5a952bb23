"""What speaks for a better point beyond one end of an axis, and how strongly (P14)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from labtui.analysis.marginals import GRID
from labtui.analysis.proposals import Side
from labtui.analysis.runs import Floats

Strength: TypeAlias = Literal["strong", "weak"]

REACH = 0.15
"""The minimum is looked for within this distance of one of the best trials only: a fit that bends
down at an end where no good trial lies is an artefact of its shape."""

NEAR = 0.10
"""The minimum of a curve is near an edge within this part of the range."""

LIKELY, LIKELY_CROWDED = 0.80, 0.70
"""Weak evidence: so probably the minimum is near the edge; or so, if the best trials are there."""

CROWD = 0.40
"""The best trials are at the edge: twice the share of an even spread."""

SURE, DOUBT = 0.90, 0.35
"""Strong evidence: so probably the minimum is at the very edge, the curve still falling there; of
many axes each may be in doubt by its share of `DOUBT` at most."""

MANY, CONFIRMED = 60, 0.10
"""With so many usable trials the place of the best ones is evidence of its own: where they crowd
at the edge (`CROWD`) with at most this probability by chance, a likely minimum there is strong
evidence too."""

THIN, THIN_LIKELY = 3, 0.90
"""With fewer usable trials than this an axis the fit has nearly as many unknowns as trials: its
evidence is weak at most, and must be likelier (16 trials of 6 axes named a wrong side in up to
17 % of simulated studies without this)."""

EDGE_SHARE = 0.20
"""The outer part of the range in which the best trials are counted."""

BEST_LEAST, BEST_SHARE = 5, 0.05
"""How many of the best trials are looked at: five, or 5 % of many."""

TAIL_LEAST = 0.20
"""Least share of the best trials in the outer part: what an even spread has. With hundreds of
trials a slope is certain long before it matters."""

GAIN_LEAST = 0.25
"""The curve must fall from the middle of the range to the edge by this many deviations of the
trials that were fitted."""


@dataclass(frozen=True)
class Edge:
    """What speaks for a better point beyond one end of an axis.

    Attributes:
        side: Which end.
        near: Probability that the minimum of the fitted curve is in the outer tenth.
        at: Probability that it is at the very end.
        gain: How far the curve falls from the middle of the range to the end, in deviations.
        tail: Share of the best trials in the outer fifth.
        tail_chance: Probability of such a share by chance, given where all usable trials are.
        best: How many best trials were looked at.
        unit_of_best: Distance of the best trial from this end.
    """

    side: Side
    near: float
    at: float
    gain: float
    tail: float
    tail_chance: float
    best: int
    unit_of_best: float


def edge_evidence(
    unit: Floats, values: Floats, draws: Floats, side: Side, levels: Floats | None = None
) -> Edge:
    """Say what speaks for a better point beyond one end of an axis.

    Args:
        unit: Positions of the usable trials, (n,).
        values: Their objectives, lower is better, (n,).
        draws: Samples of the curve of this axis on `GRID`, (m, 41).
        side: Which end.
        levels: The positions of a list; None for a range.
    """
    away = unit if side == "low" else 1 - unit
    grid, curves = GRID, draws
    if levels is not None and levels.size > 1:
        curves = np.stack([np.interp(levels, GRID, curve) for curve in draws])
        grid = (levels - levels[0]) / (levels[-1] - levels[0])
        place = (unit - levels[0]) / (levels[-1] - levels[0])
    else:
        place = unit
    if side == "high":
        grid, curves, place = 1 - grid[::-1], curves[:, ::-1], 1 - place
    count = min(max(BEST_LEAST, round(BEST_SHARE * unit.size)), unit.size)
    order = np.argsort(values, kind="stable")
    gaps = np.abs(grid[:, None] - place[order[:count]])
    reached = gaps.min(axis=1) <= REACH
    lowest = grid[np.where(reached, curves, np.inf).argmin(axis=1)]
    mean = curves.mean(axis=0)
    middle = mean[(grid >= EDGE_SHARE - 1e-9) & (grid <= 1 - EDGE_SHARE + 1e-9)]
    outer = away <= EDGE_SHARE if levels is None else away <= float(np.min(away)) + 1e-9
    found = int(outer[order[:count]].sum())
    return Edge(
        side,
        float((lowest <= NEAR).mean()),
        float((lowest <= 1e-9).mean()),
        float((middle.mean() if middle.size else mean.mean()) - mean[0]),
        found / count,
        hypergeometric_tail(found, count, int(outer.sum()), unit.size),
        count,
        float(away[order[0]]),
    )


def strength_of(edge: Edge, usable: int, axes: int) -> Strength | None:
    """Say how strong the evidence is for a better point beyond an edge; None for none.

    Args:
        edge: What speaks for it.
        usable: Trials that the fit could draw on.
        axes: How many axes were fitted at once.
    """
    thin = usable < THIN * axes
    likely = LIKELY_CROWDED if edge.tail >= CROWD else LIKELY
    likely = THIN_LIKELY if thin else likely
    if edge.tail < TAIL_LEAST or edge.gain < GAIN_LEAST or edge.near < likely:
        return None
    confirmed = (
        usable >= MANY
        and edge.near >= LIKELY
        and edge.tail >= CROWD
        and edge.tail_chance <= CONFIRMED
    )
    sure = not thin and edge.at >= max(SURE, 1 - DOUBT / axes)
    return "strong" if sure or confirmed else "weak"


def hypergeometric_tail(found: int, drawn: int, marked: int, total: int) -> float:
    """Give the probability of at least `found` marked ones among `drawn` of `total`."""

    def ways(n: int, k: int) -> float:
        return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)

    most = min(drawn, marked)
    least = max(found, drawn - (total - marked), 0)
    whole = ways(total, drawn)
    terms = [
        math.exp(ways(marked, k) + ways(total - marked, drawn - k) - whole)
        for k in range(least, most + 1)
    ]
    return min(1.0, math.fsum(terms))
