"""The norm of the gradient: against the step, and as a histogram (P38, P41)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from labtui.analysis.gradients import NORM, Norms, judge_norms
from labtui.charts.spec import Axis, ChartSpec, Mark, Series
from labtui.store.lab import Lab
from labtui.store.records import Curve, StudyRecord, TrialRecord
from labtui.verdicts.figures import best_trials, scale_of, trial_label
from labtui.verdicts.text import number

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


def norm_plots(
    lab: Lab, trials: Sequence[TrialRecord], metric: str = NORM
) -> list[tuple[TrialRecord, ChartSpec, ChartSpec]]:
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
        plots.append((trial, norm_curve(name, curve, judged), norm_histogram(name, curve, judged)))
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
