"""What is known of a trial's metrics without reading its points: kept up as points arrive.

NULLs and infinities are never a minimum, a maximum or a best, and neither is an evaluation whose
loss is not finite: after a NaN the task metric is often finite and means nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from labtui.trainer.trial import loss_behind

Point = tuple[str, int, float]  # metric, step, value (NaN for "not a number")


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

    def add(self, step: int, value: float, *, counts: bool) -> None:
        """Take one point; `counts` is false where the loss of its evaluation is not finite."""
        self.n += 1
        if self.last_step is None or step >= self.last_step:
            self.last, self.last_step = value, step
        if not math.isfinite(value):
            if self.first_nonfinite_step is None or step < self.first_nonfinite_step:
                self.first_nonfinite_step = step
        elif counts:
            if self.min is None or value < self.min:
                self.min, self.min_step = value, step
            if self.max is None or value > self.max:
                self.max, self.max_step = value, step

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

    def add(self, points: Sequence[Point]) -> bool:
        """Take a block of points.

        Returns:
            False when the block changes what was already summarized (a step logged again, a loss
            that arrives after the metric it vouches for): then summarize from all points anew.
        """
        exact = True
        for name, step, value in points:
            if not math.isfinite(value) and name.rpartition("/")[2] == "loss":
                steps = self.spoiled.setdefault(name, set())
                steps.add(step)
        for name, step, value in points:
            summary = self.metrics.get(name)
            if summary is None:
                summary = self.metrics[name] = Summary()
            elif summary.last_step is not None and step <= summary.last_step:
                exact = False
            spoiled = self.spoiled.get(loss_behind(name)) if self.spoiled else None
            summary.add(step, value, counts=spoiled is None or step not in spoiled)
        return exact and not self._hindsight(points)

    def _hindsight(self, points: Iterable[Point]) -> bool:
        """Say whether a loss in `points` spoils a best that was taken before."""
        for name, step, value in points:
            if step in self.spoiled.get(name, ()) and not math.isfinite(value):
                split = name.rpartition("/")[0]
                for other, summary in self.metrics.items():
                    same = other.rpartition("/")[0] == split
                    if same and step in (summary.min_step, summary.max_step):
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


def summarize(points: Iterable[Point]) -> TrialSummaries:
    """Summarize all points of a trial at once, the newest value winning where a step repeats."""
    newest = {(name, step): value for name, step, value in points}
    rows = sorted((step, name, value) for (name, step), value in newest.items())
    result = TrialSummaries()
    result.add([(name, step, value) for step, name, value in rows])
    return result
