"""What a larger batch brings: throughput by batch size, where it stops to pay, and why (P02)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

PAYS = 0.10
"""Least gain in examples/s for which doubling pays; ideal are 100 %, and 5 % is a busy machine."""

PATIENCE = 2
"""Doublings in a row that do not pay before it is believed: one of them may be chance."""

WAITING = 0.15
"""Share of a step spent waiting for data above which the input limits training (P44)."""

Bottleneck = Literal["input-bound", "compute-bound", "unknown"]


@dataclass(frozen=True)
class Size:
    """One batch size, as measured.

    Attributes:
        batch_size: Examples of an update.
        step_times: Seconds of an update, one of each round that measured it.
        data_wait: Seconds of it spent waiting for data, in the fastest round; None if not logged.
        memory: Most bytes that the worker held; None where that is not known.
        outcome: Why it could not be measured; empty when it was.
    """

    batch_size: int
    step_times: tuple[float, ...] = ()
    data_wait: float | None = None
    memory: int | None = None
    outcome: str = ""

    @property
    def measured(self) -> bool:
        """Whether there is a step time."""
        return bool(self.step_times)

    @property
    def step_time(self) -> float:
        """Seconds of an update, of the fastest round: whatever else ran can only add to it."""
        return min(self.step_times)

    @property
    def throughput(self) -> float:
        """Examples per second."""
        return self.batch_size / self.step_time

    @property
    def spread(self) -> float | None:
        """How much longer the slowest round took than the fastest, as a share; None for one."""
        rounds = self.step_times
        return max(rounds) / min(rounds) - 1 if len(rounds) > 1 else None

    @property
    def waiting(self) -> float | None:
        """Share of an update spent waiting for data."""
        return None if self.data_wait is None else self.data_wait / self.step_time


def gains(sizes: Sequence[Size]) -> list[float | None]:
    """Compute what each size brings over the best of the smaller ones.

    Args:
        sizes: By batch size, ascending; each twice the one before.

    Returns:
        Shares of examples/s, 1.0 for twice as many; None for the first, and for what was not
        measured.
    """
    found: list[float | None] = []
    best = math.nan
    for size in sizes:
        if not size.measured:
            found.append(None)
            continue
        found.append(None if math.isnan(best) else size.throughput / best - 1)
        best = size.throughput if math.isnan(best) else max(best, size.throughput)
    return found


def largest_that_pays(sizes: Sequence[Size]) -> Size | None:
    """Find the largest size that is worth its doubling; the first where none is, None of none."""
    paying = [s for s, gain in zip(sizes, gains(sizes), strict=True) if gain and gain >= PAYS]
    measured = [size for size in sizes if size.measured]
    return paying[-1] if paying else next(iter(measured), None)


def is_saturated(sizes: Sequence[Size]) -> bool:
    """Say whether the last `PATIENCE` doublings did not pay, so that a further one need not be."""
    last = [gain for gain in gains(sizes) if gain is not None][-PATIENCE:]
    return len(last) == PATIENCE and all(gain < PAYS for gain in last)


@dataclass(frozen=True)
class Limit:
    """What keeps a larger batch from paying: `kind`, and the share of a step spent waiting."""

    kind: Bottleneck
    waiting: float | None


def bottleneck(sizes: Sequence[Size]) -> Limit | None:
    """Name what limits the first size that does not pay any more; None while all of them do."""
    paying = largest_that_pays(sizes)
    beyond = [s for s in sizes if paying and s.measured and s.batch_size > paying.batch_size]
    if not beyond:
        return None
    waiting = beyond[0].waiting
    if waiting is None:
        return Limit("unknown", None)
    return Limit("input-bound" if waiting > WAITING else "compute-bound", waiting)
