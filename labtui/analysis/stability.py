"""Signs of unstable training in a sweep of learning rates and in a densely evaluated run.

The playbook's "Identifying unstable workloads" (P37 to P39): the best rate at the edge of what is
feasible, losses that go up for a while at rates just above it, outliers of the gradient norm.
Where the data do not say, the answer is why not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from labtui.analysis.gradients import Norms as Norms
from labtui.analysis.gradients import judge_norms as judge_norms
from labtui.analysis.rises import Curve
from labtui.analysis.runs import FEWEST

EDGE = 3.0
"""The best rate is at the edge when a rate within this factor of it cannot be trained."""

ABOVE = 5.0
"""Rates up to so many times the best are "just above" it; the playbook looks at 5x or 10x."""

CONFIRM = 10.0
"""Curves are looked at up to so many times the best rate."""

MISPLACED = 0.2
"""Largest share of trials on the wrong side of a rate that separates feasible from infeasible."""

NO_BETTER = 0.05
"""A trial has learned nothing that came no further than this share of the best one's way."""


# -- the sweep (P37) ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """One trial of a sweep.

    Attributes:
        rate: Its learning rate.
        diverged: Whether it could not be trained: its loss was not finite.
        value: Its objective, lower is better; None without one that is finite.
        steps: Where its training loss was logged.
        losses: The training loss there.
    """

    rate: float
    diverged: bool
    value: float | None
    steps: Sequence[int] = ()
    losses: Sequence[float] = ()


@dataclass(frozen=True)
class Sweep:
    """What a sweep says about the learning rate.

    Attributes:
        best: The best rate (lr*); None where no rate could be trained.
        value: Its objective.
        bad: The rates above it that diverged or learned nothing, ascending.
        end: ``lowest`` or ``highest`` when the best rate is the sweep's first or last.
        at_edge: Whether the best rate is at the edge of what is feasible; None: cannot judge.
        reason: Why it is, why it is not, or why it cannot be judged.
    """

    best: float | None
    value: float | None
    bad: tuple[float, ...]
    end: Literal["lowest", "highest", ""]
    at_edge: bool | None
    reason: str

    @property
    def first_bad(self) -> float | None:
        """The lowest rate above the best that could not be trained; None without one."""
        return self.bad[0] if self.bad else None


def judge_sweep(runs: Sequence[Run], chance: float | None = None) -> Sweep:
    """Find the best rate, the first that cannot be trained, and whether the two are neighbours.

    Args:
        runs: The trials, in any order.
        chance: The objective of a model that knows nothing, lower is better; None if unknown.
    """
    ordered = sorted(runs, key=lambda run: run.rate)
    usable = [run for run in ordered if not run.diverged and run.value is not None]
    if not usable:
        return Sweep(None, None, (), "", None, "no rate could be trained")
    best = min(usable, key=lambda run: (run.value, run.rate))
    assert best.value is not None
    # Rates far below the best learn nothing either in a short run: they say nothing here.
    above = [run for run in ordered if run.rate > best.rate]
    bad = tuple(run.rate for run in above if _is_bad(run, best, chance))
    end: Literal["lowest", "highest", ""] = ""
    if len(ordered) > 1 and best.rate in (ordered[0].rate, ordered[-1].rate):
        end = "lowest" if best.rate == ordered[0].rate else "highest"
    at_edge, reason = _edge([run.rate for run in above], best.rate, bad)
    return Sweep(best.rate, best.value, bad, end, at_edge, reason)


def _is_bad(run: Run, best: Run, chance: float | None) -> bool:
    """Say whether a trial diverged, stayed at chance, or ended where its training loss began."""
    if run.diverged:
        return True
    if chance is not None and run.value is not None and best.value is not None:
        behind = run.value - best.value
        if behind > (1 - NO_BETTER) * (chance - best.value) > 0:
            return True
    way, goal = _way(run.losses), _way(best.losses)
    if way is None or goal is None:
        return False
    return way[0] - way[1] < NO_BETTER * (way[0] - goal[1])


def _way(losses: Sequence[float]) -> tuple[float, float] | None:
    """Give a loss at the beginning, and the median of its last tenth; None for too few."""
    finite = [loss for loss in losses if math.isfinite(loss)]
    if len(finite) < FEWEST:
        return None
    return finite[0], float(np.median(finite[-max(3, len(finite) // 10) :]))


def _edge(above: Sequence[float], best: float, bad: Sequence[float]) -> tuple[bool | None, str]:
    """Say whether the first bad rate is near the best; `above` are all rates above the best."""
    if not bad:
        return None, "no rate above the best one failed: the sweep does not reach the edge"
    first = bad[0]
    misplaced = sum(1 for rate in above if rate > first and rate not in bad)
    if misplaced > MISPLACED * len(above):
        return None, (
            f"{misplaced} of the {len(above)} rates above the best were trained although "
            f"{first:.3g} failed: no rate separates what can be trained"
        )
    words = f"{first:.3g}, {first / best:.2g} times the best, is the first that learns nothing"
    return first / best <= EDGE, words


def rates_above(runs: Sequence[Run], best: float, factor: float = CONFIRM) -> list[Run]:
    """Give the trials at rates above the best, up to `factor` times it, ascending."""
    limit = best * factor * (1 + 1e-9)
    return sorted((r for r in runs if best < r.rate <= limit), key=lambda run: run.rate)


# -- all of it ----------------------------------------------------------------------------------

When = Literal["early", "mid-training", ""]


@dataclass(frozen=True)
class Verdict:
    """Whether a workload is unstable.

    Attributes:
        unstable: None: cannot judge.
        when: When the instability begins, where curves show it.
        rate: The lowest rate above the best that showed it (`unstable_base_learning_rate`).
        signs: What speaks for it: ``edge``, ``curves``, ``dense``, ``norms``.
        unknown: What could not be judged, in the same words.
    """

    unstable: bool | None
    when: When
    rate: float | None
    signs: tuple[str, ...]
    unknown: tuple[str, ...]


def judge(
    sweep: Sweep, above: Sequence[tuple[float, Curve]], dense: Curve, norms: Norms
) -> Verdict:
    """Put the signs together.

    Args:
        sweep: What the sweep said.
        above: The rates just above the best one, ascending, with their curves.
        dense: The run at twice the best rate that was evaluated at every step.
        norms: Its gradient norms.
    """
    if sweep.best is None:
        return Verdict(None, "", None, (), ("edge", "curves", "dense", "norms"))
    near = [(r, c) for r, c in above if r <= ABOVE * sweep.best * (1 + 1e-9)]
    told = {
        "edge": sweep.at_edge,
        "curves": _any([curve.unstable for _, curve in near]),
        "dense": dense.unstable,
        "norms": norms.are_a_sign,
    }
    signs = tuple(name for name, sign in told.items() if sign)
    unknown = tuple(name for name, sign in told.items() if sign is None)
    shown = [(2 * sweep.best, dense), *near]
    rates = [rate for rate, curve in shown if curve.unstable]
    if sweep.at_edge and sweep.first_bad is not None:
        rates.append(sweep.first_bad)
    decided = {"curves", "dense"} - set(unknown)
    # Outliers of the norm alone announce instability; they are none.
    unstable = True if set(signs) - {"norms"} else (False if decided else None)
    return Verdict(unstable, _when(shown), min(rates, default=None), signs, unknown)


def _any(found: Sequence[bool | None]) -> bool | None:
    if any(found):
        return True
    return None if not found or None in found else False


def _when(shown: Sequence[tuple[float, Curve]]) -> When:
    found = [curve.early for _, curve in shown if curve.early is not None]
    if not found:
        return ""
    return "early" if any(found) else "mid-training"
