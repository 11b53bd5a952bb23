"""The figures of a comparison: curves over each other, isolation plots beside each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from labtui.charts.spec import Axis, ChartSpec
from labtui.store.lab import Lab
from labtui.verdicts.comparison import Comparison, Side
from labtui.verdicts.figures import curves, default_metrics, objective_label
from labtui.verdicts.text import clean, condition_text, value_text

ROOM = 0.04
"""Share of the span left free above and below what a common axis shows, so that no point lies on
the frame."""


# -- curves ---------------------------------------------------------------------------------


def curve_figures(lab: Lab, found: Comparison) -> list[ChartSpec]:
    """Describe the curves of the trials over each other: the objective, its loss, then the rest.

    Args:
        lab: Where the points are.
        found: The comparison; of studies the curves of their best trials.
    """
    shown = [side for side in found.sides if side.trial is not None]
    if not shown:
        return []
    study = shown[0].study
    logged: dict[str, None] = {}
    for name in dict.fromkeys(side.study.name for side in shown):
        logged.update(dict.fromkeys(lab.metrics(name)))
    metrics = [*default_metrics(study, set(logged)), *logged]
    trials = [side.trial for side in shown if side.trial is not None]
    labels = {
        side.trial.id: f"{side.label} #{side.trial.number}" if side.is_study else side.label
        for side in shown
        if side.trial is not None
    }
    figures = curves(lab, study, trials, metrics=metrics)
    return [_labelled(one, labels) for one in figures if one.series or one is figures[0]]


def _labelled(spec: ChartSpec, labels: dict[int, str]) -> ChartSpec:
    series = [
        replace(one, label=clean(labels[one.key]))
        if isinstance(one.key, int) and one.label
        else one
        for one in spec.series
    ]
    return replace(spec, series=tuple(series))


# -- isolation ------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Aligned:
    """The isolation plots of one hyperparameter, one a study, on one vertical axis.

    Attributes:
        name: ``learning_rate (optimizer=adam)``.
        measured: What the vertical axis measures.
        figures: In the order of the studies; one that says so where it is not varied.
        common: In how many of them it is varied.
    """

    name: str
    measured: str
    figures: tuple[ChartSpec, ...]
    common: int


def isolation_figures(found: Comparison) -> list[Aligned]:
    """Describe what each value of each varied hyperparameter reached, study beside study (P24).

    Args:
        found: A comparison of studies.

    Returns:
        The hyperparameters that most studies vary first; none for trials.
    """
    from labtui.analysis.isolation import isolate
    from labtui.verdicts.figures_results import isolation_plot

    if found.kind != "studies":
        return []
    drawn: dict[tuple[str, str], dict[str, ChartSpec]] = {}
    for side in found.sides:
        for axis in side.table.axes if side.table is not None else ():
            assert side.table is not None
            spec = isolation_plot(side.study, side.table, isolate(side.table, axis))
            drawn.setdefault((axis.name, axis.condition), {})[side.name] = spec
    made = [_aligned(name, condition, one, found.sides) for (name, condition), one in drawn.items()]
    return sorted(made, key=lambda one: -one.common)


def _aligned(
    name: str, condition: str, drawn: dict[str, ChartSpec], sides: Sequence[Side]
) -> Aligned:
    comparable = [drawn[side.name] for side in sides if side.name in drawn and _alike(side, sides)]
    figures = []
    for side in sides:
        title = clean(side.name)
        title = title if side.label == title else f"{side.label}  {title}"
        spec = drawn.get(side.name)
        if spec is None:
            why = _not_varied(side, name, condition)
            figures.append(ChartSpec(title, Axis(), Axis(), (), empty=why))
            continue
        # What is measured is said once for all of them, unless one measures something else.
        own = not _alike(side, sides)
        y = spec.y if own else replace(_common(spec.y, comparable), label="")
        figures.append(replace(spec, title=title, y=y))
    shown = clean(name) + (f" ({clean(condition)})" if condition else "")
    measured = objective_label(sides[0].study)
    return Aligned(shown, measured, tuple(figures), len(drawn))


def _alike(side: Side, sides: Sequence[Side]) -> bool:
    """Say whether a side's values can be set beside the first's."""
    return not side.apart and side.study.workload == sides[0].study.workload


def _common(axis: Axis, figures: Sequence[ChartSpec]) -> Axis:
    """Give an axis the window in which all of these fit."""
    values = [float(v) for one in figures for series in one.series for v in series.y]
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return axis
    low, high = min(finite), max(finite)
    if low > 0 and any(one.y.scale == "log" for one in figures):
        room = (high / low) ** ROOM
        return replace(axis, scale="log", limits=(low / room, high * room))
    room = ROOM * (high - low) or abs(high) * ROOM or ROOM
    return replace(axis, scale="linear", limits=(low - room, high + room))


def _not_varied(side: Side, name: str, condition: str) -> str:
    for one in side.definitions:
        if one["name"] == name and one["role"] == "fixed":
            return f"{clean(name)} is fixed at {value_text(one.get('value'))} here"
        if one["name"] == name and condition_text(one) != condition:
            return f"{clean(name)} is varied under other conditions here"
    return f"{clean(name)} is not named by this study"
