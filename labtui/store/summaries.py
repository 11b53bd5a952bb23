"""What is known of a trial's metrics without reading its points: kept up as points arrive.

NULLs and infinities are never a minimum, a maximum or a best, and neither is an evaluation whose
loss is not finite: after a NaN the task metric is often finite and means nothing.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import lt

from labtui.trainer.trial import loss_behind

Point = tuple[str, int, float]  # metric, step, value (NaN for "not a number")
Columns = dict[str, tuple[list[int], list[float]]]  # metric → steps and values


@dataclass
class Summary:
    """One metric of one trial, over all its points."""

    n: int = 0
    first_nonfinite_step: int | None = None
    min: float | None = None
    min_step: int | None = None
    max: float | None = None
    max_step: int | None = None
    last: float | None = None
    last_step: int | None = None

    def add(self, steps: Sequence[int], values: Sequence[float], spoiled: Container[int]) -> bool:
        """Take points of this metric, in the order they were logged.

        Args:
            steps: Their steps.
            values: Their values, NaN for "not a number".
            spoiled: Steps whose evaluation has no finite loss.

        Returns:
            False when a step is not behind all before it, so that a point may replace another.
        """
        ordered = self.last_step is None or steps[0] > self.last_step
        ordered = ordered and all(map(lt, steps, islice(steps, 1, None)))
        self.n += len(steps)
        if self.last_step is None or steps[-1] >= self.last_step:
            self.last, self.last_step = values[-1], steps[-1]
        if spoiled or not math.isfinite(
            sum(values)
        ):  # a sum of finite ones may overflow: also fine
            steps, values = self._fit(steps, values, spoiled)
        if values:
            low, high = min(values), max(values)
            if self.min is None or low < self.min:
                self.min, self.min_step = low, steps[values.index(low)]
            if self.max is None or high > self.max:
                self.max, self.max_step = high, steps[values.index(high)]
        return ordered

    def _fit(
        self, steps: Sequence[int], values: Sequence[float], spoiled: Container[int]
    ) -> tuple[list[int], list[float]]:
        """Keep the points that can be a minimum or a maximum; note the first that is not finite."""
        fit: tuple[list[int], list[float]] = ([], [])
        for step, value in zip(steps, values, strict=True):
            if not math.isfinite(value):
                first = self.first_nonfinite_step
                self.first_nonfinite_step = step if first is None else min(first, step)
            elif step not in spoiled:
                fit[0].append(step)
                fit[1].append(value)
        return fit

    def row(self) -> tuple[float | int | None, ...]:
        """Give the columns in the order of the table."""
        return (
            self.n,
            self.first_nonfinite_step,
            self.min,
            self.min_step,
            self.max,
            self.max_step,
            self.last,
            self.last_step,
        )


@dataclass
class TrialSummaries:
    """All metrics of one trial.

    Attributes:
        metrics: Metric name → its summary.
        spoiled: Splits' losses → the steps where they are not finite.
    """

    metrics: dict[str, Summary] = field(default_factory=dict)
    spoiled: dict[str, set[int]] = field(default_factory=dict)

    def add(self, columns: Columns) -> bool:
        """Take a block of points, by metric.

        Returns:
            False when the block changes what was already summarized (a step logged again, a loss
            that arrives after the metric it vouches for): then summarize from all points anew.
        """
        spoiling = self._note_spoiled(columns)
        exact = True
        for name, (steps, values) in columns.items():
            summary = self.metrics.setdefault(name, Summary())
            spoiled = self.spoiled.get(loss_behind(name), ()) if self.spoiled else ()
            exact = summary.add(steps, values, spoiled) and exact
        return exact and not self._hindsight(spoiling)

    def _note_spoiled(self, columns: Columns) -> dict[str, set[int]]:
        """Note the steps of losses that are not finite, and give the new ones."""
        found: dict[str, set[int]] = {}
        for name, (steps, values) in columns.items():
            if name.rpartition("/")[2] == "loss" and not math.isfinite(sum(values)):
                bad = {s for s, v in zip(steps, values, strict=True) if not math.isfinite(v)}
                found[name] = bad
                self.spoiled.setdefault(name, set()).update(bad)
        return found

    def _hindsight(self, spoiling: Mapping[str, set[int]]) -> bool:
        """Say whether a loss spoils a best that was taken before."""
        for name, steps in spoiling.items():
            split = name.rpartition("/")[0]
            for other, summary in self.metrics.items():
                if other.rpartition("/")[0] == split and (
                    summary.min_step in steps or summary.max_step in steps
                ):
                    return True
        return False

    def objective(
        self, metric: str, *, minimize: bool
    ) -> tuple[float | None, int | None, float | None, int | None]:
        """Give best value, best step, last value and last step of the objective."""
        found = self.metrics.get(metric)
        if found is None:
            return None, None, None, None
        best, step = (found.min, found.min_step) if minimize else (found.max, found.max_step)
        return best, step, found.last, found.last_step


def by_metric(points: Iterable[Point]) -> Columns:
    """Split points into one pair of columns a metric, in the order they were logged."""
    columns: Columns = {}
    for name, step, value in points:
        found = columns.get(name)
        if found is None:
            found = columns[name] = ([], [])
        found[0].append(step)
        found[1].append(value)
    return columns


def summarize(points: Iterable[Point]) -> TrialSummaries:
    """Summarize all points of a trial at once, the newest value winning where a step repeats."""
    newest = {(name, step): value for name, step, value in points}
    result = TrialSummaries()
    result.add(by_metric((name, step, newest[name, step]) for name, step in sorted(newest)))
    return result
