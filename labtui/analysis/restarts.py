"""Rises of the learning rate: what goes up about them was made to by the schedule."""

from __future__ import annotations

import numpy as np

from labtui.analysis.runs import Run

RATE = "learning_rate"

RESTART = 1.5
"""A rise of the learning rate by this factor about a rise of the loss is a restart: the schedule
made the loss go up. Between two rows of a long warmup it grows by far less."""

RESTART_WINDOW = 0.01
"""How far around the rise of the loss that of the rate may be, as a share of the run."""


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
