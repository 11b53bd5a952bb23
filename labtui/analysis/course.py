"""How one curve went, in numbers that need no unit: what the judges of curves compare."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from labtui.analysis.divergence import COLLAPSE, COLLAPSE_BEFORE, COLLAPSE_RELATIVE, WON_BACK
from labtui.analysis.noise import deviation, middle, smoothed
from labtui.analysis.runs import Curve, Floats, Ints, Run

HUGE = 1e100
"""Larger values count as not finite: a loss of that size has diverged, and its square overflows."""

EARLY = 0.3
"""The level that a curve comes from is the median over this share of its steps."""

LAST = 0.10
"""Where a curve ends is the median over this share of its evaluations, at least three."""

NOISE_FLOOR = 3.0
"""A curve's unit is at least so many times its noise: the way of a flat one is but noise."""

MANY = 1e6
"""More units or noises than this are told as this: the curve is flat, or has no noise."""

ONSET = 0.25
"""A collapse begins with the first value that stays this share of the way above the minimum."""


@dataclass(frozen=True, eq=False)
class Course:
    """A curve without its first evaluation, lower values better.

    Attributes:
        steps: Ascending, shape (n,).
        values: Shape (n,), finite.
        sign: -1 where the metric was turned, else 1.
    """

    steps: Ints
    values: Floats
    sign: int = 1

    def __len__(self) -> int:
        """How many evaluations there are."""
        return int(self.steps.size)

    @cached_property
    def share(self) -> Floats:
        """Step over last step, shape (n,)."""
        last = int(self.steps[-1])
        return self.steps / last if last > 0 else np.ones(len(self))

    def after(self, share: float) -> int:
        """Give the index of the first evaluation later than a share of the steps."""
        return int(self.share.searchsorted(share, "right"))

    @cached_property
    def smooth(self) -> Floats:
        """The values without single outliers, shape (n,)."""
        return smoothed(self.values)

    @cached_property
    def noise(self) -> float:
        """Standard deviation from one evaluation to the next."""
        return deviation(self.values)

    @cached_property
    def lowest(self) -> int:
        """Where the smoothed values are best."""
        return int(self.smooth.argmin())

    @cached_property
    def best(self) -> float:
        """The best smoothed value."""
        return float(self.smooth[self.lowest])

    @cached_property
    def end(self) -> float:
        """The value at the end: the median of the last tenth of the evaluations."""
        return middle(self.values[-max(3, math.ceil(LAST * len(self))) :])

    @cached_property
    def early(self) -> float:
        """The median over the first 30 % of the steps; the first value where there is none."""
        return middle(self.values[: max(self.after(EARLY), 1)])

    @cached_property
    def way(self) -> float:
        """How far the curve fell: from the median of its first 30 % to its best; never negative."""
        return max(self.early - self.best, 0.0)

    @cached_property
    def unit(self) -> float:
        """`way`, at least three times the noise."""
        return max(self.way, NOISE_FLOOR * self.noise)

    def ways(self, value: float) -> float:
        """Measure a difference in units, at most `MANY`; as many where the curve has no unit."""
        return min(value / self.unit, MANY) if self.unit > 0 else MANY

    @cached_property
    def visible(self) -> float:
        """How far the curve came on a chart: from its first value, or early level, to its best."""
        return max(float(self.values[0]), self.early) - float(np.minimum.reduce(self.values))

    def until(self, step: int) -> Course:
        """Give the part before a step."""
        kept = self.steps < step
        return Course(self.steps[kept], self.values[kept], self.sign)

    def shown(self, value: float) -> float:
        """Turn a value back to what was logged."""
        return self.sign * value


def follow(curve: Curve, sign: int = 1) -> Course:
    """Drop the first evaluation, which is the untrained model, and whatever is not a number."""
    steps, values = curve.steps[1:], curve.values[1:]
    sound = np.abs(values) < HUGE
    if not sound.all():
        steps, values = steps[sound], values[sound]
    return Course(steps, values if sign == 1 else -values, sign)


def course_of(run: Run, metric: str) -> Course | None:
    """Give the course of an evaluated metric, lower better; None if it was not logged."""
    curve = run.evaluations(metric)
    if curve is None:
        return None
    return follow(curve, 1 if run.is_minimized(metric) else -1)


def at_evaluations(training: Curve, since: int, steps: Ints) -> Course:
    """Give the training loss at evaluations: medians of what was logged since the one before.

    Args:
        training: Finite points, of evaluations or of single batches.
        since: The step of the evaluation before the first of `steps`.
        steps: (n,), ascending.

    Returns:
        At most n points: evaluations since whose predecessor nothing was logged are left out.
    """
    if np.array_equal(training.steps[1:], steps) and training.steps[0] == since:
        return follow(training)  # logged at the very same steps
    bins = np.searchsorted(steps, training.steps)
    inside = (bins < steps.size) & (training.steps > since) & (np.abs(training.values) < HUGE)
    bins, values = bins[inside], training.values[inside]
    counts = np.bincount(bins, minlength=steps.size)
    present = counts > 0
    if bool((counts <= 1).all()):
        return Course(steps[present], values)
    order = np.lexsort((values, bins))
    some = counts[present]
    starts = np.cumsum(some) - some
    low, high = order[starts + (some - 1) // 2], order[starts + some // 2]
    return Course(steps[present], values[low] / 2 + values[high] / 2)


def fallen_back(course: Course) -> bool:
    """Say whether a loss gave back half of its way, for good: the rule of `divergence`."""
    rise = course.end - course.best
    if not (
        rise > COLLAPSE * course.unit
        and rise > (COLLAPSE_RELATIVE - 1) * abs(course.best)
        and course.share[course.lowest] < COLLAPSE_BEFORE
    ):
        return False
    highest = float(course.smooth[course.lowest :].max())
    return highest - float(course.smooth[-1]) <= WON_BACK * (highest - course.best)


def onset(course: Course) -> int:
    """Give the first step after the minimum from which on the curve stays above it."""
    above = course.smooth > course.best + ONSET * course.unit
    below = np.flatnonzero(~above)
    first = min(int(below[-1]) + 1, len(course) - 1) if below.size else 0
    return int(course.steps[first])
