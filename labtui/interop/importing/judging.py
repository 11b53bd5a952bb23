"""How an imported trial ended, by the rule for labtui's own: diverged, or completed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from labtui.store.summaries import Columns
from labtui.trainer.trial import STREAK, loss_behind

TRAINING_LOSSES = ("train/loss", "loss")
"""The training loss: at evaluations, and of single batches."""


def ending(columns: Columns, metric: str) -> tuple[str, str]:
    """Give state and reason of a trial that logged these points.

    It diverged if the loss behind the objective (without one the objective) or ``train/loss`` is
    not finite at an evaluation, or a training loss for `STREAK` logged steps in a row.

    Args:
        columns: Metric → steps, ascending, and values.
        metric: The objective.
    """
    if metric not in columns:
        return "infeasible", f"{metric} was never logged"
    step = diverged_at(columns, metric)
    return ("completed", "") if step is None else ("infeasible", f"diverged at step {step}")


def diverged_at(columns: Columns, metric: str) -> int | None:
    """Give the step from which a trial was lost; None for one that was not.

    That is the first step without a finite training loss, where it never was finite again before
    the evaluation that tells, else that evaluation.
    """
    evaluations = columns[metric][0]
    loss = loss_behind(metric)
    vouching = {loss if loss in columns else metric, "train/loss"}
    bad = [step for name in vouching for step in _bad_evaluations(columns, name, evaluations)]
    first = min(bad, default=None)
    found = [] if first is None else [first]
    for name in TRAINING_LOSSES:
        for start, end, length in _streaks(*columns.get(name, ((), ()))):
            told = first is not None and start <= first < end
            if length >= STREAK or told:
                found.append(start)
    return min(found, default=None)


def _bad_evaluations(columns: Columns, name: str, evaluations: Sequence[int]) -> Iterator[int]:
    steps, values = columns.get(name, ((), ()))
    if math.isfinite(sum(values)):
        return
    at = set(evaluations)
    for step, value in zip(steps, values, strict=True):
        if not math.isfinite(value) and step in at:
            yield step
            return


def _streaks(steps: Sequence[int], values: Sequence[float]) -> Iterator[tuple[int, float, int]]:
    """Yield every stretch without a finite value: its first step, the next finite one, length."""
    if math.isfinite(sum(values)):
        return
    start, length = 0, 0
    for step, value in zip(steps, values, strict=True):
        if math.isfinite(value):
            if length:
                yield start, step, length
            length = 0
            continue
        start = start if length else step
        length += 1
    if length:
        yield start, math.inf, length
