"""Restarts, of the learning rate or from new weights: what goes up about them was made to."""

from __future__ import annotations

import numpy as np

from labtui.analysis.runs import Curve, Run

RATE = "learning_rate"

RESTART = 1.5
"""A rise of the learning rate by this factor about a rise of the loss is a restart: the schedule
made the loss go up. Between two rows of a long warmup it grows by far less."""

RESTART_WINDOW = 0.01
"""How far around the rise of the loss that of the rate may be, as a share of the run."""


AGAIN = 0.2
"""Training begins again when the loss jumps within one row to its first value, and it and the next
two rows are its first three up to this share of each: four real restarts from new weights lie
within 0.03 of them."""

AGAIN_FALL = 0.5
"""Those first rows hold so much of all that the loss falls: one that collapses to chance and stays
there, or crawls away from it as it did at first, is no restart."""


def begins_again(curve: Curve, start: int, peak: int) -> bool:
    """Say whether a loss that rose repeats its own beginning: new weights, and nothing unstable.

    Args:
        curve: The loss that rose.
        start: The step after which it did.
        peak: The step where it was highest.
    """
    steps, values = curve.finite.steps, curve.finite.values
    before, there = np.searchsorted(steps, [start, peak])
    first, again = values[:3], values[there : there + 3]
    if there - before > 1 or before < 3 or again.size < 3:
        return False
    fell = bool(first[0] - first[2] > AGAIN_FALL * (first[0] - values[:there].min()))
    return fell and bool((np.abs(again - first) <= AGAIN * np.abs(first)).all())


def is_restart(run: Run, start: int, end: int) -> bool:
    """Say whether the learning rate rose about these steps."""
    rate = run.curves.get(RATE)
    if rate is None:
        return False
    around = RESTART_WINDOW * run.last_step
    rates = rate.finite
    index = np.searchsorted(rates.steps, [start - around, end + around])
    near = rates.values[index[0] : index[1] + 1]
    if near.size < 2:
        return False
    return bool(np.any(near > RESTART * np.minimum.accumulate(near)))
