"""When a training loop evaluates (P43: at step intervals, never by time) and how it averages."""

from __future__ import annotations

from typing import Iterable, List, Tuple


def is_evaluation(step: int, every: int, last: int) -> bool:
    """Say whether `step` (updates completed, from 1) is evaluated: 1, every `every`, the last."""
    return step == 1 or step % every == 0 or step == last


def evaluation_steps(every: int, last: int, start: int = 0) -> List[int]:
    """List the steps after `start` at which a trial of `last` steps is evaluated."""
    return [s for s in range(start + 1, last + 1) if is_evaluation(s, every, last)]


def epochs_to_steps(epochs: float, steps_per_epoch: int) -> int:
    """Turn a length in epochs into optimizer updates, rounding up."""
    return -int(-epochs * steps_per_epoch // 1)


def weighted_mean(parts: Iterable[Tuple[float, int]]) -> float:
    """Average (mean of a batch, examples in it) pairs so that a partial batch weighs what it holds.

    Raises:
        ValueError: Without any example.
    """
    total, count = 0.0, 0
    for mean, examples in parts:
        total += mean * examples
        count += examples
    if not count:
        raise ValueError("weighted_mean: found no examples; expected at least one batch")
    return total / count
