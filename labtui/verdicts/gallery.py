"""All figures of a study by kind, for `labtui plot`, the report and the screens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from labtui.analysis.boundaries import judge_boundaries
from labtui.analysis.findings import Finding
from labtui.analysis.gradients import NORM
from labtui.charts.spec import Axis, ChartSpec
from labtui.store.errors import UnknownName
from labtui.store.lab import Lab
from labtui.store.records import StudyRecord, TrialRecord
from labtui.verdicts.figures import axis_plots, best_trials, curves, varied
from labtui.verdicts.figures_launch import launch_plot
from labtui.verdicts.figures_results import (
    best_step_plot,
    budget_plot,
    isolation_plot,
    isolations,
)
from labtui.verdicts.figures_stability import above_plots, how_to_log, norm_plots, norm_trials
from labtui.verdicts.loading import study_table

KINDS = ("curves", "axis", "isolation", "grad-norm", "stability", "budget", "best-step")
"""The kinds of figures, in the order in which a study is read."""

LAUNCH = "launch"
"""The kind of figures that only a study has whose trials were launched."""

MOST_CURVES = 8
"""Trials whose curves are drawn unless others are asked for: more cannot be told apart."""


@dataclass(frozen=True, eq=False)
class Figure:
    """A figure with what it is called.

    Attributes:
        kind: One of `KINDS`, or `LAUNCH`.
        name: What it shows, among those of its kind; may be empty.
        spec: The figure.
    """

    kind: str
    name: str
    spec: ChartSpec


@dataclass(frozen=True)
class Choice:
    """What a person asked to see; by default what is best to look at first.

    Attributes:
        trials: Of `trials`, only these were asked for; None for no choice.
        metrics: Metrics of the curves.
        hyperparameter: The one of axis and isolation plots.
        marked: Trials that stand out in axis plots.
        all_curves: The curves of every trial, the best of each arm bright.
    """

    trials: Sequence[TrialRecord] | None = None
    metrics: Sequence[str] | None = None
    hyperparameter: str | None = None
    all_curves: bool = False
    marked: Sequence[TrialRecord] = ()


def figures_of(
    lab: Lab,
    study: StudyRecord,
    trials: Sequence[TrialRecord],
    kind: str,
    choice: Choice | None = None,
    findings: Sequence[Finding] | None = None,
) -> list[Figure]:
    """Describe the figures of one kind.

    Args:
        lab: Where the points are.
        study: The study.
        trials: All its trials.
        kind: One of `KINDS`, or `LAUNCH`.
        choice: What was asked for.
        findings: What was judged of the study; its search spaces are judged when None.

    Raises:
        UnknownName: The study does not vary the hyperparameter that was asked for.
    """
    asked = choice or Choice()
    shown = trials if asked.trials is None else asked.trials
    if kind == "curves":
        return list(_curves(lab, study, shown, asked))
    if kind == "axis":
        return list(_axis(lab, study, shown, asked, findings))
    if kind == "grad-norm":
        return list(_norms(lab, study, shown, asked))
    if kind == "stability":
        best = None if asked.trials is None else shown
        above = above_plots(lab, study, trials, best)
        return [Figure(kind, f"trial {one.best.number}", one.spec) for one in above] or [
            Figure(kind, "", NOT_TRAINED)
        ]
    if kind == "best-step":
        return [Figure(kind, "", best_step_plot(study, shown))]
    if kind == LAUNCH:
        return _launches(lab, study) or [Figure(kind, "", _NOT_LAUNCHED)]
    table = study_table(lab, study, shown)
    if kind == "budget":
        return [Figure(kind, "", budget_plot(study, table))]
    _check(lab, study, asked.hyperparameter)
    found = isolations(table, asked.hyperparameter)
    return [Figure(kind, one.name, isolation_plot(study, table, one)) for one in found]


def all_figures(
    lab: Lab, study: StudyRecord, trials: Sequence[TrialRecord], choice: Choice | None = None
) -> list[Figure]:
    """Describe every figure of a study (P25), and of the launches of its trials (P30)."""
    found = [one for kind in KINDS for one in figures_of(lab, study, trials, kind, choice)]
    return [*found, *_launches(lab, study)]


_NOT_LAUNCHED = ChartSpec(
    "launches", Axis(), Axis(), (), empty="no fresh reruns of its trials were looked at by a launch"
)


def is_launched(lab: Lab, study: StudyRecord) -> bool:
    """Say whether a launch looked at reruns of its trials, or at its own."""
    return bool(_launches(lab, study))


def _launches(lab: Lab, study: StudyRecord) -> list[Figure]:
    """Describe the launches that were looked at: of its trials, or those that its reruns serve."""
    made = lab.launches(workload=study.workload)
    own = [one for one in made if study.name in (one.study, one.data.get("study"))]
    return [
        Figure(LAUNCH, f"{one.trial} {one.id}", launch_plot(one))
        for one in own
        if one.data.get("looks")
    ]


def _curves(
    lab: Lab, study: StudyRecord, trials: Sequence[TrialRecord], asked: Choice
) -> Iterator[Figure]:
    arms = len({trial.arm for trial in trials}) or 1
    best = best_trials(study, trials, max(1, MOST_CURVES // arms))
    bright = None
    if asked.all_curves:
        trials, bright = trials, {trial.id for trial in best_trials(study, trials, 1)}
    elif asked.trials is None:
        trials = best
    limit = max(len(trials), 1) if asked.all_curves or asked.trials is not None else MOST_CURVES
    specs = curves(lab, study, trials, metrics=asked.metrics or None, limit=limit, bright=bright)
    for spec in specs:
        yield Figure("curves", spec.title.partition(":")[0], spec)


def _axis(
    lab: Lab,
    study: StudyRecord,
    trials: Sequence[TrialRecord],
    asked: Choice,
    findings: Sequence[Finding] | None,
) -> Iterator[Figure]:
    name = asked.hyperparameter
    definitions = varied(lab.hyperparameters(study.name))
    _check(lab, study, name)
    if findings is None:
        findings = boundary_findings(lab, study, trials)
    for definition, spec in zip(
        definitions,
        axis_plots(study, trials, definitions, findings, asked.marked),
        strict=True,
    ):
        if name in (None, definition["name"]):
            yield Figure("axis", spec.title, spec)


def boundary_findings(lab: Lab, study: StudyRecord, trials: Sequence[TrialRecord]) -> list[Finding]:
    """Judge the search spaces alone (P14)."""
    table = study_table(lab, study, trials)
    return [one for one in judge_boundaries(table) if isinstance(one, Finding)]


def _norms(
    lab: Lab, study: StudyRecord, trials: Sequence[TrialRecord], asked: Choice
) -> Iterator[Figure]:
    chosen = norm_trials(study, trials) if asked.trials is None else trials
    plots = norm_plots(lab, chosen)
    for one in plots:
        yield Figure("grad-norm", f"trial {one.trial.number}", one.curve)
        yield Figure("grad-norm", f"trial {one.trial.number} histogram", one.histogram)
    if not plots:
        yield Figure("grad-norm", "", no_norms(study) if chosen else NOT_TRAINED)


NOT_TRAINED = ChartSpec(
    "stability", Axis("step"), Axis(), (), empty="no trial has been evaluated yet"
)


def no_norms(study: StudyRecord) -> ChartSpec:
    """Say that no gradient norms were logged, and how they are."""
    empty = (
        f"none of these trials logged {NORM}, the norm of the full, unclipped gradient: "
        f"{how_to_log(study)}"
    )
    return ChartSpec("gradient norm", Axis("step"), Axis(NORM), (), empty=empty)


def _check(lab: Lab, study: StudyRecord, name: str | None) -> None:
    known = list(dict.fromkeys(str(d["name"]) for d in varied(lab.hyperparameters(study.name))))
    if name is not None and name not in known:
        hint = f"{study.name} varies {', '.join(known) or 'none'}"
        raise UnknownName("hyperparameter", name, known, hint)
