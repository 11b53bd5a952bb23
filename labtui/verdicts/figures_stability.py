"""Signs of unstable training: gradient norms (P38, P41), losses just above the best rate (P37)."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

import numpy as np

from labtui.analysis.gradients import NORM, Norms, judge_norms
from labtui.analysis.proposals import rate_like
from labtui.analysis.rises import Curve as Loss
from labtui.analysis.rises import judge_curve
from labtui.analysis.runs import STEP_LOSS
from labtui.analysis.stability import CONFIRM
from labtui.charts.spec import Axis, ChartSpec, Mark, Series
from labtui.store.lab import Lab
from labtui.store.records import Curve, StudyRecord, TrialRecord
from labtui.verdicts.figures import (
    Definition,
    best_trials,
    position,
    scale_of,
    trial_label,
    varied,
)
from labtui.verdicts.text import clean, number

TRAIN_LOSS = "train/loss"
"""The training loss where that of single steps was not logged."""

MOST_ABOVE = 4
"""Trials beside the best one's curve: with more, nobody sees which rate does what."""

COMMAND = "command"
"""The trainer that starts a program."""

MOST_ARMS = 4
"""Arms up to which the best trial of each is shown; of more arms, the best of all."""

NAMED_OUTLIERS = 4
"""Outliers whose steps are written above the figure: those farthest from their surroundings."""

BINS = 12, 40
"""Fewest and most bins of the histogram, equal in the logarithm; between them twice the cube root
of the number of norms (Rice's rule), so that the noise of a bin stays below what is to be seen."""


def norm_trials(study: StudyRecord, trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Choose the trials whose gradient norms are looked at first: the best of each arm."""
    best = best_trials(study, trials, 1)
    return best if len(best) <= MOST_ARMS else best_trials(study, best, MOST_ARMS, per_arm=False)


@dataclass(frozen=True, eq=False)
class NormPlots:
    """The gradient norms of a trial.

    Attributes:
        trial: The trial.
        curve: They against the step.
        histogram: How often each occurs.
        judged: What they say.
    """

    trial: TrialRecord
    curve: ChartSpec
    histogram: ChartSpec
    judged: Norms


def norm_plots(lab: Lab, trials: Sequence[TrialRecord], metric: str = NORM) -> list[NormPlots]:
    """Describe the gradient norms of trials: each against the step, and as a histogram.

    Args:
        lab: Where the points are.
        trials: Whose; those that logged none are left out.
        metric: The norm of the full, unclipped gradient.
    """
    by_id = {trial.id: trial for trial in trials}
    plots = []
    for curve in lab.curves(list(by_id), metric):
        trial = by_id[curve.trial]
        judged = judge_norms(curve.steps, curve.values, trial.step or None)
        name = trial_label(trial)
        drawn = norm_curve(name, curve, judged), norm_histogram(name, curve, judged)
        plots.append(NormPlots(trial, *drawn, judged))
    return plots


def norm_curve(name: str, curve: Curve, judged: Norms) -> ChartSpec:
    """Describe norms against the step; outliers are points, the largest with their steps."""
    sound = [value for value in curve.values if math.isfinite(value)]
    series = [Series(curve.steps, curve.values, name, key=curve.trial)]
    if judged.outliers:
        steps, norms, _ = zip(*judged.outliers, strict=True)
        series.append(
            Series(steps, norms, f"outliers: {len(steps)}", "points", key=f"outliers {curve.trial}")
        )
    lost = [
        step
        for step, value in zip(curve.steps, curve.values, strict=True)
        if not math.isfinite(value)
    ]
    if lost:
        gaps = (math.nan,) * len(lost)
        series.append(
            Series(lost, gaps, f"not finite: {len(lost)}", "infeasible", key=f"lost {curve.trial}")
        )
    largest = sorted(judged.outliers, key=lambda outlier: -outlier[2])[:NAMED_OUTLIERS]
    marks = [Mark("x", step, f"step {step}", "step") for step, _, _ in sorted(largest)]
    return ChartSpec(
        title=f"gradient norm of {name}",
        x=Axis("step"),
        y=Axis(curve.metric, scale=scale_of(sound)),
        series=tuple(series),
        marks=(*marks, *_percentile("y", judged)),
        empty="no gradient norm is finite",
    )


def norm_histogram(name: str, curve: Curve, judged: Norms) -> ChartSpec:
    """Describe how often each norm occurs, over all logged steps, in bins equal on a log axis."""
    values = np.asarray(curve.values, dtype=np.float64)
    sound = values[np.isfinite(values) & (values > 0)]
    left_out = values.size - sound.size
    rest = f", {left_out} not finite or zero left out" if left_out else ""
    series: tuple[Series, ...] = ()
    if sound.size:
        logs = np.log10(sound)
        reach = max(float(np.ptp(logs)), 0.05)
        middle = float(logs.min() + logs.max()) / 2
        bins = int(np.clip(round(2 * sound.size ** (1 / 3)), *BINS))
        counts, edges = np.histogram(logs, bins, (middle - reach / 2, middle + reach / 2))
        centres = np.power(10.0, (edges[:-1] + edges[1:]) / 2)
        series = (Series(centres, counts, role="bars", key=curve.trial),)
    return ChartSpec(
        title=f"gradient norms of {name}: {sound.size} steps{rest}",
        x=Axis(curve.metric, scale="log"),
        y=Axis("steps"),
        series=series,
        marks=tuple(_percentile("x", judged)),
        empty="no gradient norm is finite and above zero",
    )


def _percentile(axis: str, judged: Norms) -> list[Mark]:
    if judged.threshold is None:
        return []
    label = f"90th percentile {number(judged.threshold)}"
    return [Mark("x" if axis == "x" else "y", judged.threshold, label, "reference")]


# -- curves just above the best rate (P37, P39) ---------------------------------------------


@dataclass(frozen=True, eq=False)
class Above:
    """The training losses of the trials just above the best rate, beside the best one's.

    Attributes:
        best: The best trial of an arm.
        rate: What its learning rate is called; empty where none is varied.
        judged: The other trials by their rate, ascending, each with what its loss did.
        spec: The figure; without curves it says which study shows them.
    """

    best: TrialRecord
    rate: str
    judged: tuple[tuple[TrialRecord, Loss], ...]
    spec: ChartSpec


def above_plots(
    lab: Lab,
    study: StudyRecord,
    trials: Sequence[TrialRecord],
    best: Sequence[TrialRecord] | None = None,
) -> list[Above]:
    """Describe what the loss does at rates just above the best one of each arm.

    Args:
        lab: Where the points are.
        study: The study.
        trials: All its trials.
        best: Trials whose rates are taken as the best; by default those of `norm_trials`.
    """
    chosen = norm_trials(study, trials) if best is None else best
    definitions = varied(lab.hyperparameters(study.name))
    return [_above(lab, study, trials, one, definitions) for one in chosen]


def _above(
    lab: Lab,
    study: StudyRecord,
    trials: Sequence[TrialRecord],
    best: TrialRecord,
    definitions: Sequence[Definition],
) -> Above:
    title = f"just above the best rate: {trial_label(best)}"
    here = [one for one in definitions if position(one, best.params) is not None]
    rates = [one for one in here if _is_rate(one, best)]
    if not rates:
        return Above(best, "", (), _empty(title, f"no learning rate is varied: {_probe(study)}"))
    name = str(rates[0]["name"])
    low = float(best.params[name])
    near = _nearest(trials, best, rates[0], here)
    shown = sorted([best, *near], key=lambda one: float(one.params[name]))
    metric, found = _losses(lab, shown)
    losses = {one.trial: one for one in found}
    judged = tuple(
        (one, judge_curve(losses[one.id].steps, losses[one.id].values, one.max_steps or 0))
        for one in shown
        if one is not best and one.id in losses
    )
    if not near:
        high = number(CONFIRM * low)
        why = f"no trial of this arm has a {clean(name)} above {number(low)} and up to {high}: "
        return Above(best, name, (), _empty(title, why + _dense(study)))
    if not judged:
        return Above(
            best,
            name,
            (),
            _empty(title, f"their training loss was not logged: {how_to_log(study, TRAIN_LOSS)}"),
        )
    values = [v for one in found for v in one.values if math.isfinite(v)]
    spec = ChartSpec(
        title=title,
        x=Axis("step"),
        y=Axis(metric, scale=scale_of(values)),
        series=(
            *(_loss_curve(losses[one.id], one, name, best) for one in shown if one.id in losses),
            *_losses_lost(judged, name),
        ),
    )
    return Above(best, name, judged, spec)


def _is_rate(definition: Definition, trial: TrialRecord) -> bool:
    name = str(definition["name"])
    return rate_like(name) and _is_number(trial.params[name])


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _nearest(
    trials: Sequence[TrialRecord],
    best: TrialRecord,
    rate: Definition,
    others: Sequence[Definition],
) -> list[TrialRecord]:
    """Choose trials of the arm at rates just above the best, nearest in all else first."""
    name = str(rate["name"])
    low = float(best.params[name])
    high = low * CONFIRM * (1 + 1e-9)
    near = []
    for one in trials:
        if one.arm != best.arm or one.state not in ("completed", "infeasible"):
            continue
        at = one.params.get(name)
        if not _is_number(at) or not low < at <= high:
            continue
        if position(rate, one.params) is not None:
            far = sum(_distance(d, best, one) for d in others if d is not rate)
            near.append((far, at, one.number, one))
    return [one for *_, one in heapq.nsmallest(MOST_ABOVE, near)]


def _distance(definition: Definition, one: TrialRecord, other: TrialRecord) -> float:
    """Say how far apart two trials are on an axis, as a share of it, squared."""
    a, b = position(definition, one.params), position(definition, other.params)
    if a is None or b is None:
        return 1.0
    if definition.get("range") is None:
        return float(a != b)
    ends = [float(end) for end in definition["range"]]
    if definition.get("one_minus"):
        ends = [1 - end for end in ends]
    if definition.get("scale") == "log" and min(a, b, *ends) > 0:
        a, b, ends = math.log(a), math.log(b), [math.log(end) for end in ends]
    reach = abs(ends[1] - ends[0])
    return min(1.0, (a - b) ** 2 / reach**2) if reach else 0.0


def _losses(lab: Lab, trials: Sequence[TrialRecord]) -> tuple[str, list[Curve]]:
    """Read the training losses, those of single steps where there are any."""
    for metric in (STEP_LOSS, TRAIN_LOSS):
        found = lab.curves([one.id for one in trials], metric)
        if found:
            return metric, found
    return TRAIN_LOSS, []


def _loss_curve(curve: Curve, one: TrialRecord, name: str, best: TrialRecord) -> Series:
    rate = number(float(one.params[name]))
    state = "best" if one is best else one.state
    return Series(curve.steps, curve.values, f"{rate} {state} #{one.number}", key=one.id)


def _losses_lost(judged: Sequence[tuple[TrialRecord, Loss]], name: str) -> Iterator[Series]:
    steps = [loss.diverged for _, loss in judged if loss.diverged is not None]
    if steps:
        gaps = (math.nan,) * len(steps)
        yield Series(steps, gaps, f"not finite: {len(steps)}", "infeasible", key="lost")


def _empty(title: str, why: str) -> ChartSpec:
    return ChartSpec(title, Axis("step"), Axis(TRAIN_LOSS), (), empty=why)


def _probe(study: StudyRecord) -> str:
    return f"`labtui probe stability {clean(study.workload)}` sweeps it"


def _dense(study: StudyRecord) -> str:
    name = clean(study.name)
    return f"`labtui next {name} --kind dense-probe` trains at twice the best, or {_probe(study)}"


def how_to_log(study: StudyRecord, metric: str = NORM) -> str:
    """Say in a line how a study's trainer comes to log a metric of every step."""
    if "import" in study.provenance:
        return f"import logs that have a column {metric}"
    trainer = study.spec.get("trainer")
    name = trainer.get("name", "") if isinstance(trainer, Mapping) else str(trainer or "")
    if name == COMMAND:
        return f'print {{"step": …, "{metric}": …}} a line from the program'
    return f'call trial.log(step, {{"{metric}": …}}) in the trainer'
