"""When a training loop evaluates (P43: at step intervals, never by time) and how it averages."""

from __future__ import annotations

import math
import time
from typing import Dict, Iterable, List, Tuple


def is_evaluation(step: int, every: int, last: int) -> bool:
    """Say whether `step` (updates completed, from 1) is evaluated: 1, every `every`, the last."""
    return step == 1 or step % every == 0 or step == last


def evaluation_steps(every: int, last: int, start: int = 0) -> List[int]:
    """List the steps after `start` at which a trial of `last` steps is evaluated."""
    return [s for s in range(start + 1, last + 1) if is_evaluation(s, every, last)]


def epochs_to_steps(epochs: float, steps_per_epoch: int) -> int:
    """Turn a length in epochs into optimizer updates, rounding up."""
    return math.ceil(round(epochs * steps_per_epoch, 6))  # 0.07 x 100 is 7.000000000000001


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


class StepClock:
    """The mean time of a step since the last evaluation, evaluations left out, and of its waits."""

    def __init__(self) -> None:
        """Start with nothing measured."""
        self._since = 0.0
        self._first = 0.0  # the evaluated step's own time, when there is no other
        self._spent, self._steps = 0.0, 0
        self._wait, self._waits = 0.0, 0

    def start(self) -> None:
        """Begin the first step."""
        self._since = time.perf_counter()

    def tick(self, evaluated: bool) -> bool:
        """End a step, and say whether it was `evaluated`, so that `read` is due."""
        now = time.perf_counter()
        spent, self._since = now - self._since, now
        if evaluated:
            self._first = spent
        else:
            self._spent += spent
            self._steps += 1
        return evaluated

    def waited(self, seconds: float) -> None:
        """Note a wait for data."""
        self._wait += seconds
        self._waits += 1

    def read(self) -> Dict[str, float]:
        """Give ``step_time``, and ``data_wait`` where waits were noted, in seconds; start anew."""
        steps = self._steps
        times = {"step_time": self._spent / steps if steps else self._first}
        if self._waits:
            times["data_wait"] = min(self._wait / self._waits, times["step_time"])
        self._spent, self._steps, self._wait, self._waits = 0.0, 0, 0.0, 0
        self._since = time.perf_counter()
        return times
