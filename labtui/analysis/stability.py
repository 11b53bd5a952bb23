"""Signs of unstable training in a sweep of learning rates and in a densely evaluated run.

The playbook's "Identifying unstable workloads" (P37 to P39): the best rate at the edge of what is
feasible, losses that go up for a while at rates just above it, outliers of the gradient norm.
Where the data do not say, the answer is why not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from labtui.analysis.noise import TO_DEVIATION, deviation, running_median

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

FEWEST = 8
"""Fewest finite values of a curve that can be judged."""

EARLY_SHARE, EARLY_STEPS = 0.10, 100
"""Early instability begins within a tenth of the run, but at least the first hundred steps."""

EARLY_RISE, EARLY_NOISE = 0.20, 6.0
"""An early rise: of the way the loss falls in this run, and in local noise."""

LATE_RISE, LATE_NOISE = 0.08, 8.0
"""A later one: of the way that the loss has fallen so far, and in local noise."""

LASTING = 3
"""Values in a row that must be up: one or two are a hard batch, not a period of training."""

FLAT = 0.05
"""A curve that hardly fell has no scale of its own: this share of its first value is it."""

BACK = 3.0
"""A loss has recovered when it is within so much local noise of where it was."""

LOCAL = 41
"""Values over which noise is local."""

NORM_ROWS, NORM_SKIP = 30, 0.05
"""Fewest gradient norms to judge, and the share of the run whose norms are those of the start."""

NORM_FACTOR, NORM_DEVIATIONS = 5.0, 6.0
"""An outlier is so many times the local median, and its logarithm so many deviations away."""

NORM_LEAST = 3
"""Fewest outliers that are a sign; fewer happen to every run."""

CLIP_PERCENTILE = 90.0
"""Of the gradient norms: where to begin with clipping (P41)."""

Floats = npt.NDArray[np.float64]


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


# -- a curve (P37, P39) -------------------------------------------------------------------------


@dataclass(frozen=True)
class Rise:
    """A period in which a loss went up.

    Attributes:
        start: The step after which it rose.
        low: The loss there.
        peak: The step of the highest loss; `high` is that loss.
        recovered: The step where it was back; None when it was not within the run.
        early: Whether it began at the beginning of the run.
    """

    start: int
    low: float
    peak: int
    high: float
    recovered: int | None
    early: bool


@dataclass(frozen=True)
class Curve:
    """What a loss did.

    Attributes:
        rises: Periods in which it went up, in order.
        diverged: The first step where it was not finite; None for a finite curve.
        early: Whether the first of these began at the beginning of the run; None for neither.
        unknown: Why the curve cannot be judged; empty when it was.
    """

    rises: tuple[Rise, ...] = ()
    diverged: int | None = None
    early: bool | None = None
    unknown: str = ""

    @property
    def unstable(self) -> bool | None:
        """Whether the loss went up for a while, or out of bounds; None: cannot judge."""
        if self.rises or self.diverged is not None:
            return True
        return None if self.unknown else False


def judge_curve(steps: Sequence[int], losses: Sequence[float], planned: int = 0) -> Curve:
    """Find where a loss went up for a while.

    Args:
        steps: Ascending.
        losses: The loss at each; those after the first that is not finite are left out.
        planned: Steps that the run was to have, if divergence ended it sooner.
    """
    values = np.asarray(losses, dtype=np.float64)
    broken = np.flatnonzero(~np.isfinite(values))
    diverged = int(steps[broken[0]]) if broken.size else None
    early_until = max(EARLY_SHARE * max(planned, *steps[-1:], 0), EARLY_STEPS)
    early = None if diverged is None else diverged <= early_until
    length = int(broken[0]) if broken.size else len(values)
    if length < FEWEST:
        return Curve((), diverged, early, f"{length} finite losses; {FEWEST} are needed")
    at = np.asarray(steps[:length], dtype=np.int64)
    rises = tuple(_rises(at, values[:length], early_until))
    return Curve(rises, diverged, rises[0].early if rises else early)


def _rises(steps: npt.NDArray[np.int64], values: Floats, early_until: float) -> list[Rise]:
    smooth = running_median(values, 5 if values.size >= 40 else 3)
    low = np.minimum.accumulate(smooth)
    early = steps <= early_until
    noise = _noise(values, smooth)
    up = smooth - low > _needed(values, smooth, low, early, noise)
    # A late rise is sudden: it stands out of the values just before it too.
    up &= early | _is_sudden(smooth, _needed(values, smooth, low, early, noise))
    found: list[Rise] = []
    position = 0
    while (start := _lasting(up, position)) is not None:
        onset = int(np.flatnonzero(smooth[: start + 1] == low[start])[-1])
        back = np.flatnonzero(smooth[start:] <= low[start] + BACK * noise[start:])
        end = start + int(back[0]) if back.size else len(values)
        peak = start + int(np.argmax(smooth[start:end]))
        found.append(
            Rise(
                int(steps[onset]),
                float(smooth[onset]),
                int(steps[peak]),
                float(smooth[peak]),
                int(steps[end]) if back.size else None,
                bool(early[start]),
            )
        )
        if end >= len(values):
            break
        position = end
    return found


def _needed(
    values: Floats, smooth: Floats, low: Floats, early: npt.NDArray[np.bool_], noise: Floats
) -> Floats:
    """Compute how far above its minimum each value must be to count as risen."""
    # The very first value may be far off and ruin the scale; a blow-up right after it as well.
    start = min(float(values[0]), float(np.median(values[1:6])))
    flat = FLAT * abs(start) or 1e-12
    whole = max(start - float(smooth.min()), flat)
    so_far = np.maximum(start - low, flat)
    needed: Floats = np.where(
        early,
        np.maximum(EARLY_RISE * whole, EARLY_NOISE * noise),
        np.maximum(LATE_RISE * so_far, LATE_NOISE * noise),
    )
    return needed


def _is_sudden(smooth: Floats, needed: Floats) -> npt.NDArray[np.bool_]:
    """Say which values lie above what came before by as much; once up, a rise goes on."""
    window = max(5, round(0.02 * smooth.size))
    before = np.array(
        [np.median(smooth[max(0, i - window) : i]) if i else smooth[0] for i in range(smooth.size)]
    )
    jumps = smooth - before > needed
    sudden = np.zeros(smooth.size, dtype=np.bool_)
    inside, low = False, math.inf
    for i, value in enumerate(smooth):
        inside = bool(jumps[i]) or (inside and value - low > needed[i])
        low = min(low, float(value))
        sudden[i] = inside
    return sudden


def _noise(values: Floats, smooth: Floats) -> Floats:
    """Estimate the noise around each value: locally, and never less than that of the whole."""
    local = TO_DEVIATION * running_median(np.abs(values - smooth), LOCAL)
    return np.maximum(local, deviation(values))


def _lasting(up: npt.NDArray[np.bool_], start: int) -> int | None:
    """Find the first of `LASTING` values in a row that are up, from `start` on."""
    row = 0
    for i in range(start, up.size):
        row = row + 1 if up[i] else 0
        if row == LASTING:
            return i - LASTING + 1
    return None


# -- gradient norms (P38, P41) ------------------------------------------------------------------


@dataclass(frozen=True)
class Norms:
    """What the norms of the gradient say.

    Attributes:
        outliers: (step, norm, times the local median) of each.
        threshold: The 90th percentile of the finite norms, where clipping would begin.
        unknown: Why outliers cannot be judged; empty when they were.
    """

    outliers: tuple[tuple[int, float, float], ...] = field(default=())
    threshold: float | None = None
    unknown: str = ""

    @property
    def are_a_sign(self) -> bool | None:
        """Whether there are more outliers than every run has; None: cannot judge."""
        return None if self.unknown else len(self.outliers) >= NORM_LEAST


def judge_norms(steps: Sequence[int], norms: Sequence[float]) -> Norms:
    """Find outliers of the gradient norm, the first 5 % of the run left out.

    Args:
        steps: Ascending.
        norms: L2 norms of the full, unclipped gradient.
    """
    at, values = np.asarray(steps), np.asarray(norms, dtype=np.float64)
    sound = np.isfinite(values) & (values > 0)
    at, values = at[sound], values[sound]
    threshold = float(np.percentile(values, CLIP_PERCENTILE)) if values.size else None
    later = at > NORM_SKIP * (at[-1] if at.size else 0)
    at, values = at[later], values[later]
    if values.size < NORM_ROWS:
        return Norms((), threshold, f"{values.size} gradient norms; {NORM_ROWS} are needed")
    ratios = values / running_median(values, 101 if values.size > 3 * 101 else 31)
    logs = np.log(ratios)
    deviation = TO_DEVIATION * float(np.median(np.abs(logs - np.median(logs))))
    wild = (ratios > NORM_FACTOR) & (logs - np.median(logs) > NORM_DEVIATIONS * deviation)
    rows = zip(at[wild], values[wild], ratios[wild], strict=True)
    return Norms(tuple((int(s), float(v), float(r)) for s, v, r in rows), threshold)


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
