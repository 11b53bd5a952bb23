"""The curves of one trial: everything it logged, with the step at which it blew up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from labtui.analysis.divergence import first_nonfinite
from labtui.analysis.gradients import NORM
from labtui.analysis.runs import STEP_LOSS, Curve, Run
from labtui.charts.spec import Axis, ChartSpec, Mark, Series
from labtui.store.lab import Lab
from labtui.store.records import StudyRecord, TrialRecord
from labtui.trainer.trial import loss_behind
from labtui.verdicts.figures import LOG_DECADES
from labtui.verdicts.loading import RunReader
from labtui.verdicts.tables import selected_step
from labtui.verdicts.text import clean, number

LOG_LEAVES = frozenset({"grad_norm", "loss", "learning_rate", "lr"})
"""Metrics that are drawn on a log axis where they span enough, whatever they end in: they are
compared by ratios."""

CLOCKS = ("step_time", "data_wait")
"""Measured times: the last to be looked at."""


@dataclass(frozen=True)
class Blowup:
    """Where a trial diverged, and what was seen there.

    Attributes:
        step: The first step with a loss that was not finite, else the last step.
        words: Sentences: which loss it was, the last finite one, the norm of the gradient.
    """

    step: int
    words: tuple[str, ...]


@dataclass(frozen=True)
class TrialFigures:
    """What is drawn of a trial.

    Attributes:
        specs: A figure a metric; those that differ by their split alone share one.
        blowup: Where it diverged; None where it did not.
    """

    specs: tuple[ChartSpec, ...]
    blowup: Blowup | None


def trial_figures(lab: Lab, study: StudyRecord, trial: TrialRecord) -> TrialFigures:
    """Describe every curve of a trial: objective and losses first, clocks last.

    Of a trial that is infeasible the loss and the norm of its gradient come first, and the step at
    which it diverged is marked. What belongs to the test set is left out (P32).
    """
    run = RunReader(lab, study).read(trial)
    blowup = blowup_of(run, trial)
    groups = _groups(run, study, diverged=blowup is not None)
    specs = [_figure(run, study, trial, leaf, names, blowup) for leaf, names in groups.items()]
    return TrialFigures(tuple(specs), blowup)


def blowup_of(run: Run, trial: TrialRecord) -> Blowup | None:
    """Find where an infeasible trial diverged; None for every other trial."""
    if trial.state != "infeasible" or not run.curves:
        return None
    lost = first_nonfinite(run)
    step = trial.step if lost is None else lost[0]
    words = [] if lost is None else [f"{lost[1]} was not finite at step {step}"]
    for name in dict.fromkeys((STEP_LOSS, "train/loss", run.validation_loss_name)):
        words += _last_loss(name, run.curves.get(name))
    words += _last_norm(run.curves.get(NORM), step)
    return Blowup(step, tuple(map(clean, words)))


def _last_loss(name: str, curve: Curve | None) -> list[str]:
    if curve is None or not len(curve.finite):
        return []
    sound = curve.finite
    least = int(np.argmin(sound.values))
    return [
        f"{name} was last finite at step {sound.steps[-1]}: {number(float(sound.values[-1]))}; "
        f"its least was {number(float(sound.values[least]))} at step {sound.steps[least]}"
    ]


def _last_norm(curve: Curve | None, step: int) -> list[str]:
    """Say how large the norm of the gradient was at the end, against what it was before."""
    if curve is None:
        return []
    sound = curve.finite
    words = []
    if len(sound) > 1:
        last, before = float(sound.values[-1]), float(np.median(sound.values[:-1]))
        times = f", {number(last / before)} times its median before" if before > 0 else ""
        words.append(f"{NORM} was {number(last)} at step {sound.steps[-1]}{times}")
    if len(sound) < len(curve):
        broken = curve.steps[~np.isfinite(curve.values)]
        words.append(f"{NORM} was not finite at step {broken[0]}")
    return words


def _groups(run: Run, study: StudyRecord, *, diverged: bool) -> dict[str, list[str]]:
    """Put metrics that differ by their split alone together, in the order to look at them."""
    split = study.metric.rpartition("/")[0]
    objective, loss = (
        name.rpartition("/")[2] for name in (study.metric, loss_behind(study.metric))
    )
    first = ["loss", NORM, objective] if diverged else [objective, loss, NORM]
    first += [loss, "loss", "learning_rate"]
    groups: dict[str, list[str]] = {}
    for name in sorted(run.curves):
        groups.setdefault(name.rpartition("/")[2], []).append(name)

    def place(leaf: str) -> tuple[int, str]:
        if leaf in CLOCKS:
            return len(first) + 1, leaf
        return (first.index(leaf) if leaf in first else len(first)), leaf

    # Later series lie on top: the split of the objective comes last.
    return {
        leaf: sorted(groups[leaf], key=lambda name: (name.rpartition("/")[0] == split, name))
        for leaf in sorted(groups, key=place)
    }


def _figure(
    run: Run,
    study: StudyRecord,
    trial: TrialRecord,
    leaf: str,
    names: Sequence[str],
    blowup: Blowup | None,
) -> ChartSpec:
    curves = {name: run.curves[name] for name in names}
    alone = len(names) == 1
    series = [
        Series(
            curve.steps,
            curve.values,
            label="" if alone else clean(name.rpartition("/")[0] or "step"),
            key=name.rpartition("/")[0] or "step",
        )
        for name, curve in curves.items()
    ]
    return ChartSpec(
        title=clean(names[0] if alone else leaf),
        x=Axis("step"),
        y=Axis(scale=_scale(leaf, curves)),
        series=tuple(series),
        marks=tuple(_marks(study, trial, names, blowup)),
        worst="top" if study.minimize else "bottom",
        empty="no value of it is finite",
    )


def _marks(
    study: StudyRecord, trial: TrialRecord, names: Sequence[str], blowup: Blowup | None
) -> list[Mark]:
    if blowup is not None:
        what = "diverged" if trial.reason.startswith("diverged") else "ended"
        return [Mark("x", blowup.step, f"{what} at step {blowup.step}", "bound")]
    step = selected_step(trial)
    if study.metric not in names or step is None:
        return []
    return [Mark("x", step, f"{trial.selection} step {step}", "best")]


def _scale(leaf: str, curves: Mapping[str, Curve]) -> Literal["linear", "log"]:
    """Choose the scale of a metric: log where ratios count and its values are far apart."""
    if leaf not in LOG_LEAVES and not leaf.endswith("loss"):
        return "linear"
    ends = [
        (float(one.finite.values.min()), float(one.finite.values.max()))
        for one in curves.values()
        if len(one.finite)
    ]
    low = min((low for low, _ in ends), default=0.0)
    high = max((high for _, high in ends), default=0.0)
    return "log" if low > 0 and np.log10(high / low) > LOG_DECADES else "linear"
