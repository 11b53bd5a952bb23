"""The order of a study's arms, and how much of it the trials support.

From the trials alone: whether the best trials of one arm are further ahead of another's than usual
when the arms' labels are exchanged at every point that both tried (paired), or among all trials
(unpaired). The test is exact for arms that are equal. It speaks of *this sample* of trials: an
order is supported only by fresh reruns of each arm's best. A probability of being best from
resampled maxima is never given: with equal arms of 20 points it claims 95 % in a quarter to a third
of studies.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from labtui.analysis.runs import Floats, Ints
from labtui.analysis.table import StudyTable

LEVEL = 0.05
"""Share of studies of equal arms in which a lead is called unusual at most. Of 1,000 simulated ones
(2 to 4 arms, 10 to 20 points, paired or not, heavy tails, infeasible points) 32 were."""

COMPARED = 5
"""How many of each arm's best trials are compared, by their mean rank: the single bests say next to
nothing. Of 200 paired studies of 20 points, one arm better by four noise deviations, the gap of
bests was unusual in 26 %, that of the best three in 88 %, of the best five in 98 %."""

EXCHANGES = 1999
"""Random exchanges of labels; with the observed one 2,000, so that p is known to 0.005 at 0.05."""

FEWEST_EXCHANGES, MOST_NUMBERS = 199, 2_000_000
"""At least 199, so that 0.05 is one of the possible p; between them as many as fit into 2 million
random numbers, a tenth of a second."""

EXACT_UNTIL = 11
"""Most pairs for which every one of the exchanges is counted: 2^11 are about as many."""

FEWEST = 6
"""Fewest trials an arm, or pairs: with five, no exchange of labels reaches the level, 2 / 2^5."""

PAIRED_SHARE = 0.8
"""Share of each arm's trials that must have a partner, so that pairs stand for the whole arms."""

TOP_SHARE, TOP_FEWEST = 0.1, 5
"""How many of the best trials are counted by arm: a tenth, at least five."""

RERUNS = "rerun each arm's best three with three seeds or more"
"""What an order needs: see `labtui.analysis.rerun_order`."""


@dataclass(frozen=True)
class ArmResult:
    """What one arm reached.

    Attributes:
        arm: Its name.
        best: Objective of its best trial, lower is better; None without a feasible one.
        trial: That trial.
        trials: Feasible and infeasible trials.
        infeasible: How many could not be trained.
        top: How many of the study's best trials are its own; see `ArmOrder.top`.
    """

    arm: str
    best: float | None
    trial: str | None
    trials: int
    infeasible: int
    top: int


@dataclass(frozen=True)
class ArmOrder:
    """The arms from best to worst in this sample.

    Attributes:
        arms: Those without a feasible trial last.
        gap: How far the first is ahead of the second, both bests; None without two feasible arms.
        p: Share of exchanged labels with a lead as large or larger; None where it cannot be tested.
        paired: Whether labels were exchanged within points that both arms tried.
        points: Pairs, or trials of both arms, that were tested.
        top: How many of the best trials were counted by arm.
        statement: All this in words.
        lead: By how many ranks the first arm's best five are ahead of the second's, on average.
    """

    arms: tuple[ArmResult, ...]
    gap: float | None
    p: float | None
    paired: bool
    points: int
    top: int
    statement: str
    lead: float | None = None

    @property
    def unusual(self) -> bool:
        """Whether equal arms would show such a lead in at most 5 % of studies."""
        ahead = self.lead is not None and self.lead > 0
        return self.p is not None and self.p <= LEVEL and ahead


def order_of_arms(table: StudyTable, seed: int = 0, *, rerun: bool = False) -> ArmOrder:
    """Order the arms by their bests, and test the gap between the first two.

    Args:
        table: A study; its `points` tell which trials of different arms are partners.
        seed: Of the exchanges.
        rerun: Whether the best of each arm were rerun, or something comes first: it is not advised.
    """
    top = min(int(table.feasible.sum()), max(TOP_FEWEST, int(TOP_SHARE * len(table))))
    arms = sorted(
        (_result(table, arm, top) for arm in table.arm_names),
        key=lambda one: (one.best is None, one.best or 0.0),
    )
    if len(arms) < 2 or arms[0].best is None:
        return ArmOrder(tuple(arms), None, None, False, 0, top, _alone(arms))
    if arms[1].best is None:
        statement = f"Only {arms[0].arm} has a feasible trial."
        return ArmOrder(tuple(arms), None, None, False, 0, top, statement)
    gap = arms[1].best - arms[0].best
    first, second, paired = _samples(table, arms[0].arm, arms[1].arm)
    points = first.size if paired else first.size + second.size
    if table.adaptive:  # arms searched by models do not exchange: none drew evenly from its space
        lead, p = None, None
    else:
        lead, p = _exchanged(first, second, paired, seed)
    order = ArmOrder(tuple(arms), gap, p, paired, int(points), top, "", lead)
    return replace(order, statement=_statement(table, order, rerun))


def _result(table: StudyTable, arm: str, top: int) -> ArmResult:
    rows = table.of_arm(arm)
    own = table.ranked[np.isin(table.ranked, rows)]
    infeasible = int(table.infeasible[rows].sum())
    return ArmResult(
        arm=arm,
        best=float(table.values[own[0]]) if own.size else None,
        trial=table.trials[own[0]] if own.size else None,
        trials=int(own.size) + infeasible,
        infeasible=infeasible,
        top=int(np.isin(table.ranked[:top], rows).sum()),
    )


def _samples(table: StudyTable, first: str, second: str) -> tuple[Floats, Floats, bool]:
    """Give both arms' results, point by point where they have partners; infeasible is worst."""
    counted = table.feasible | table.infeasible
    rows = [one[counted[one]] for one in (table.of_arm(first), table.of_arm(second))]
    results = np.where(table.feasible, table.values, np.inf)
    a, b = (_by_point(table, one) for one in rows)
    shared = sorted(a.keys() & b.keys())
    if len(shared) >= PAIRED_SHARE * max(rows[0].size, rows[1].size):
        return results[[a[k] for k in shared]], results[[b[k] for k in shared]], True
    return results[rows[0]], results[rows[1]], False


def _by_point(table: StudyTable, rows: Ints) -> dict[tuple[int, int], int]:
    """Find the first trial of every point; several repetitions of a study are told apart."""
    found: dict[tuple[int, int], int] = {}
    for row in rows.tolist() if table.points else ():
        point = table.points[row]
        if point is not None:
            found.setdefault((table.repetitions[row], point), row)
    return found


def _exchanged(
    first: Floats, second: Floats, paired: bool, seed: int
) -> tuple[float | None, float | None]:
    """Test how far the first arm's best ranks lead.

    Returns:
        The lead in ranks, and the share of exchanged labels with a lead as large, either way; None
        for too few trials.
    """
    if min(first.size, second.size) < FEWEST:
        return None, None
    ranks = _ranks(np.concatenate([first, second]))
    a, b = ranks[: first.size], ranks[first.size :]
    lead = float(_top(b[None])[0] - _top(a[None])[0])
    leads, exact = _paired(a, b, seed) if paired else _pooled(a, b, seed)
    reached = int((leads >= abs(lead) - 1e-9).sum())
    return lead, reached / leads.size if exact else (reached + 1) / (leads.size + 1)


def _ranks(values: Floats) -> Floats:
    """Ranks from 1, the mean of theirs for ties."""
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    ranks: Floats = (np.cumsum(sizes) - (sizes - 1) / 2)[group]
    return ranks


def _top(ranks: Floats) -> Floats:
    """Mean of the best ranks of each row, shape (rows,)."""
    best: Floats = np.partition(ranks, COMPARED - 1, axis=1)[:, :COMPARED].mean(axis=1)
    return best


def _exchanges(trials: int) -> int:
    return max(FEWEST_EXCHANGES, min(EXCHANGES, MOST_NUMBERS // trials))


def _paired(first: Floats, second: Floats, seed: int) -> tuple[Floats, bool]:
    size = first.size
    exact = size <= EXACT_UNTIL
    if exact:
        swap = (np.arange(2**size)[:, None] >> np.arange(size)) & 1 == 1
    else:
        swap = np.random.default_rng(seed).random((_exchanges(2 * size), size)) < 0.5
    leads = _top(np.where(swap, second, first)) - _top(np.where(swap, first, second))
    return np.abs(leads), exact


def _pooled(first: Floats, second: Floats, seed: int) -> tuple[Floats, bool]:
    pooled = np.concatenate([first, second])
    count = _exchanges(pooled.size)
    mixed = np.random.default_rng(seed).permuted(np.tile(pooled, (count, 1)), axis=1)
    return np.abs(_top(mixed[:, : first.size]) - _top(mixed[:, first.size :])), False


def _alone(arms: Sequence[ArmResult]) -> str:
    if len(arms) < 2:
        return "There is one arm: nothing to order."
    return "No arm has a feasible trial."


def _statement(table: StudyTable, order: ArmOrder, rerun: bool) -> str:
    first, second = order.arms[:2]
    way = "lower" if table.minimize else "higher"
    if order.gap == 0:
        start = f"In this sample {first.arm} and {second.arm} have the same best"
    else:
        start = f"In this sample {first.arm}'s best is {order.gap:.2g} {way} than {second.arm}'s"
    counts = f"{first.top} of the best {order.top} trials are {first.arm}'s"
    advice = _advice(table)
    if order.p is None:
        if table.adaptive:
            why = "a model chose the trials, so no order can be tested"
        else:
            why = "too few trials to test it, so no order is supported"
        return f"{start}; {why}" + ("." if rerun else f": {advice}.")
    tested = f"{order.points} {'paired points' if order.paired else 'unpaired trials'}"
    odds = f"{counts}; {tested}, p = {max(order.p, 0.001):.2g}"
    if not order.unusual:
        if rerun:
            return f"{start}; {odds}: no lead that would be unusual of equal arms."
        return f"{start}; {odds}: no order is supported; {advice}."
    unusual = "a lead that equal arms would rarely show in one search"
    return f"{start}; {odds}: {unusual}" + ("." if rerun else f"; before deciding, {advice}.")


def _advice(table: StudyTable) -> str:
    return f"{RERUNS}: `labtui rerun {shlex.quote(table.study)} --arms`"
