"""Trials that wait for their data (P44)."""

from __future__ import annotations

import numpy as np

from labtui.analysis.findings import Outcome, cannot_judge, finding
from labtui.analysis.runs import FEWEST, Run
from labtui.analysis.throughput import WAITING

WAIT, STEP = "data_wait", "step_time"

LATER = 0.5
"""The share of the run left out at its beginning: caches fill, programs compile."""

FELT = 0.001
"""Mean seconds a step that are worth a repair: in 100,000 steps less than this is less than two
minutes. Below it the share follows what else the machine does: in 96 trials of the digits, whose
steps take 0.2 ms, it went from 2 to 37 %, though half of the waits were of 1 µs."""

FELT_ALL = 0.1
"""Seconds in all that the share has to rest on: a single pause, in which something else had the
processor, is shorter."""


def judge_waiting(run: Run) -> list[Outcome]:
    """Say whether a trial waits for data for more than `WAITING` of its steps, and `FELT` each."""
    wait, step = run.curves.get(WAIT), run.curves.get(STEP)
    if wait is None or step is None:
        lacking = " and ".join(n for n, c in ((WAIT, wait), (STEP, step)) if c is None)
        verb = "were" if wait is step else "was"  # both None
        return [cannot_judge("input-bound", f"{lacking} {verb} not logged", **run.subject)]
    at, first, second = np.intersect1d(wait.steps, step.steps, return_indices=True)
    waited, took = wait.values[first], step.values[second]
    sound = np.isfinite(waited) & np.isfinite(took) & (waited >= 0) & (took > 0)
    sound &= at > LATER * (int(at[-1]) if at.size else 0)
    waited, took = waited[sound], took[sound]
    if took.size < FEWEST:
        reason = f"{took.size} steps with {WAIT} and {STEP} in the last half; {FEWEST} are needed"
        return [cannot_judge("input-bound", reason, **run.subject)]
    share, seconds = float(waited.sum() / took.sum()), float(waited.mean())
    in_all = seconds * (1 - LATER) * int(at[-1])  # a value stands for the steps since the last one
    if not (share > WAITING and seconds >= FELT and in_all >= FELT_ALL):
        return []
    return [
        finding(
            "input-bound",
            "alert",
            f"{share:.0%} of a step is spent waiting for data over the last half of the run.",
            "Repair the input pipeline before comparing speeds or raising the batch size: more "
            "workers, prefetching, data stored ready to use.",
            subject=run.subject,
            evidence={
                "waiting_share": share,
                "data_wait_seconds": seconds,
                "step_time_seconds": float(took.mean()),
                "steps": int(took.size),
                "threshold_share": WAITING,
                "threshold_seconds": FELT,
                "threshold_total_seconds": FELT_ALL,
            },
        )
    ]
