"""The reruns of a launch, as the lab holds them: values side by side, times, test metrics (P32)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labtui.analysis.runs import Floats
from labtui.store.lab import Lab
from labtui.store.records import ENDED, StudyRecord, TrialRecord
from labtui.verdicts.launch_plan import Planned

STEP_TIME = "step_time"
"""The metric that trainers log of the seconds a step takes."""


@dataclass(frozen=True)
class Reruns:
    """The reruns of one side, in the order they were planned.

    Attributes:
        trials: All that were planned so far, save those left out.
        left_out: How many were: others are trained in their place.
    """

    trials: tuple[TrialRecord, ...]
    left_out: int

    @property
    def ended(self) -> tuple[TrialRecord, ...]:
        """Those up to the first that has not ended: no rerun counts before an earlier one."""
        waiting = (i for i, trial in enumerate(self.trials) if trial.state not in ENDED)
        return self.trials[: next(waiting, len(self.trials))]

    def values(self, minimize: bool) -> Floats:
        """Give the objective of those that ended, lower is better; NaN for the infeasible."""
        found = [_value(trial) for trial in self.ended]
        return np.array(found, dtype=np.float64) * (1.0 if minimize else -1.0)


def _value(trial: TrialRecord) -> float:
    """A rerun that broke counts as one that could not be trained, as everywhere in labtui."""
    value = trial.value if trial.state == "completed" else None
    return float("nan") if value is None else value


def rerun_record(lab: Lab, planned: Planned) -> StudyRecord | None:
    """Find the study of reruns; None before it was handed over."""
    return next((one for one in lab.studies() if one.name == planned.reruns), None)


def read_sides(lab: Lab, planned: Planned) -> list[Reruns]:
    """Read the reruns of the candidate, then those of the baseline if there is one.

    Left out are those that a person stopped, and repetitions in which the program broke on both
    sides: that says nothing of either. What broke on one side only counts as a failure of it.
    """
    arms = 1 if planned.baseline is None else 2
    trials = lab.trials(planned.reruns) if rerun_record(lab, planned) is not None else []
    states: dict[int, list[str]] = {}
    for one in trials:
        states.setdefault(one.number // arms, []).append(one.state)
    broken = {k for k, found in states.items() if found == ["failed", "failed"]}
    return [
        _side([one for one in trials if one.number % arms == arm], broken, arms)
        for arm in range(arms)
    ]


def _side(trials: Sequence[TrialRecord], broken: Collection[int], arms: int) -> Reruns:
    kept = tuple(
        one for one in trials if one.state != "stopped" and one.number // arms not in broken
    )
    return Reruns(kept, len(trials) - len(kept))


def is_ready(sides: Sequence[Reruns], reruns: int) -> bool:
    """Say whether each side has so many reruns that ended."""
    return all(len(side.ended) >= reruns for side in sides)


def repetitions(sides: Sequence[Reruns], reruns: int) -> int:
    """Give the repetitions that it takes for so many reruns a side that count."""
    return reruns + max(side.left_out for side in sides)


def left_out_text(sides: Sequence[Reruns]) -> list[str]:
    """Say how many reruns do not count: whoever stops some decides what is seen."""
    number = sum(side.left_out for side in sides)
    if not number:
        return []
    return [
        f"{number} rerun{'s' if number > 1 else ''} stopped by a person, or broken on both sides, "
        "left out: others were trained in their place"
    ]


def step_times(lab: Lab, sides: Sequence[Reruns]) -> tuple[list[float], list[float]] | None:
    """Give the median seconds of a step of each rerun, of both sides; None without a baseline."""
    if len(sides) != 2:
        return None
    ours, theirs = (_step_times(lab, side.ended) for side in sides)
    return ours, theirs


def _step_times(lab: Lab, trials: Sequence[TrialRecord]) -> list[float]:
    return [
        float(np.median(logged))
        for curve in lab.curves([trial.id for trial in trials], STEP_TIME)
        if (logged := [value for value in curve.values if value > 0])
    ]


def test_metrics(lab: Lab, trials: Sequence[TrialRecord]) -> dict[str, dict[str, Any]]:
    """Give every test metric at the step that the validation metric selected (P32, P36).

    Returns:
        ``{name: {"mean", "deviation", "reruns"}}``, over the reruns that completed.
    """
    found: dict[str, list[float]] = {}
    for trial in trials:
        if trial.state != "completed":
            continue
        step = trial.best_step if trial.selection == "best" else trial.last_step
        latest: dict[str, float] = {}
        for name, at, value in lab.test_points(trial.id):
            if value is not None and (step is None or at <= step):
                latest[name] = value
        for name, value in latest.items():
            found.setdefault(name, []).append(value)
    return {name: _summary(values) for name, values in sorted(found.items())}


def _summary(values: Sequence[float]) -> dict[str, Any]:
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "deviation": deviation, "reruns": len(values)}
