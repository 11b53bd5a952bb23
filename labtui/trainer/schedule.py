"""Learning-rate schedules as the playbook names them (P46), each with a linear warmup (P40)."""

from __future__ import annotations

import math

KINDS = ("constant", "linear", "cosine")


def learning_rate(
    step: int,
    base: float,
    kind: str = "constant",
    *,
    max_steps: int,
    warmup_steps: int = 0,
    final_factor: float = 0.0,
) -> float:
    """Give the rate of update number `step`.

    Args:
        step: The update about to be made, from 1.
        base: The rate at the end of the warmup.
        kind: One of `KINDS`.
        max_steps: All updates of the trial, warmup included.
        warmup_steps: Updates that ramp linearly from 0; update 1 gets base / warmup_steps.
        final_factor: Share of `base` that a decaying schedule ends at, reached after the last
            update: the first update after the warmup gets `base` itself.

    Raises:
        ValueError: For a kind that does not exist.
    """
    if kind not in KINDS:
        raise ValueError(f"schedule: found {kind!r}; expected one of {', '.join(KINDS)}")
    if step <= warmup_steps:
        return base * step / warmup_steps
    if kind == "constant":
        return base
    decay_steps = max(1, max_steps - warmup_steps)
    done = min(1.0, (step - 1 - warmup_steps) / decay_steps)
    left = 1.0 - done if kind == "linear" else 0.5 * (1.0 + math.cos(math.pi * done))
    return base * (final_factor + (1.0 - final_factor) * left)
