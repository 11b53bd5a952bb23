"""What the training curves of a trial say (P18 to P23): all six judgements, from one place."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from labtui.analysis.course import Course, at_evaluations, course_of, fallen_back, onset
from labtui.analysis.ending import judge_improvement, judge_length, judge_variance
from labtui.analysis.findings import Finding, Outcome, cannot_judge
from labtui.analysis.overfitting import judge_overfitting, judge_rising
from labtui.analysis.periods import judge_period
from labtui.analysis.runs import FEWEST, Run

OF_LENGTH = ("still-improving", "saturated-early")
"""Findings about how long to train: a run that was lost before does not say."""

OF_END = ("late-variance", *OF_LENGTH)
"""Findings about the end of training."""

OF_OBJECTIVE = ("overfitting", *OF_END, "periodic-validation")
"""Findings that need a curve of the objective."""

BROKEN = {"infeasible": "was infeasible", "failed": "failed", "running": "is still running"}
"""States of trials whose curves stop where training was not at its end."""


def judge_curves(run: Run) -> list[Outcome]:
    """Judge the curves of one trial.

    Returns:
        For each of the six codes a finding, the reason why it cannot be judged, or nothing, which
        means that there is nothing to say. Overfitting may occur twice: of metric and of loss.
    """
    with np.errstate(all="ignore"):  # whatever was logged: comparisons with NaN are false
        return list(_judge(run))


def _judge(run: Run) -> Iterator[Outcome]:
    courses = evaluated_courses(run)
    training = training_course(run)
    yield from (rising := list(judge_rising(run, training)))
    objective = courses.get(run.objective)
    if objective is None or len(objective) < FEWEST:
        yield from _judge_few(run, objective)
        return
    courses = {metric: course for metric, course in courses.items() if len(course) >= FEWEST}
    collapse = collapsed_at(courses, training)
    if collapse is not None:
        yield from _judge_lost(run, courses, training, collapse)
        return
    overfit = list(judge_overfitting(run, courses, training))
    yield from overfit
    yield from judge_period(run, objective, training)
    reason = unfinished(run)
    if reason:
        yield from _unknown(run, OF_END, reason)
        return
    variance = list(judge_variance(run, objective))
    yield from variance
    found = [one for one in (*rising, *overfit, *variance) if isinstance(one, Finding)]
    spoilt = any(one.subject["metric"] in (run.objective, "train/loss") for one in found)
    yield from judge_length(run, objective, spoilt)


def _judge_few(run: Run, objective: Course | None) -> Iterator[Outcome]:
    """Tell of a curve too short to be judged only what needs no measure of noise."""
    n = 0 if objective is None else len(objective)
    codes: tuple[str, ...] = OF_OBJECTIVE
    if objective is not None and not unfinished(run):
        found = list(judge_improvement(run, objective))
        yield from found
        codes = tuple(code for code in codes if code not in {one.code for one in found})
    yield from _unknown(run, codes, f"{n} evaluations after the first, {FEWEST} needed")


def _judge_lost(
    run: Run, courses: dict[str, Course], training: Course | None, collapse: int
) -> Iterator[Outcome]:
    """Judge what came before a collapse, and the end where the objective did not collapse."""
    objective = courses[run.objective]
    reason = f"training collapsed at step {collapse}"
    before = {metric: course.until(collapse) for metric, course in courses.items()}
    before = {metric: course for metric, course in before.items() if len(course) >= FEWEST}
    if run.objective in before:
        so_far = training.until(collapse) if training is not None else None
        yield from judge_overfitting(run, before, so_far)
        yield from judge_period(run, before[run.objective], so_far)
    else:
        few = f"{reason}, before there were {FEWEST} evaluations"
        yield from _unknown(run, ("overfitting", "periodic-validation"), few)
    yield from _unknown(run, OF_LENGTH, reason)
    end = unfinished(run) or (reason if fallen_back(objective) else "")
    if end:
        yield from _unknown(run, ("late-variance",), end)
    else:
        yield from judge_variance(run, objective)


def _unknown(run: Run, codes: tuple[str, ...], reason: str) -> Iterator[Outcome]:
    for code in codes:
        yield cannot_judge(code, reason, **run.subject, metric=run.objective)


def evaluated_courses(run: Run) -> dict[str, Course]:
    """Give the courses of the objective and of the loss behind it, those that were logged."""
    metrics = dict.fromkeys((run.objective, run.validation_loss_name))
    found = {metric: course_of(run, metric) for metric in metrics}
    return {metric: course for metric, course in found.items() if course is not None}


def training_course(run: Run) -> Course | None:
    """Give the training loss at the evaluations of the objective; None if not logged."""
    training, evaluated = run.training_loss, run.evaluations()
    if training is None or evaluated is None or len(evaluated) < 2:
        return None
    return at_evaluations(training, int(evaluated.steps[0]), evaluated.steps[1:])


def collapsed_at(courses: dict[str, Course], training: Course | None) -> int | None:
    """Give the step at which both losses began to give back what was learned; None if they did not.

    Args:
        courses: By metric, the loss after the objective; each at least `FEWEST` long.
        training: The training loss at evaluations.
    """
    if training is None or len(training) < FEWEST or not fallen_back(training):
        return None
    loss = list(courses.values())[-1]
    return min(onset(loss), onset(training)) if fallen_back(loss) else None


def unfinished(run: Run) -> str:
    """Say why the last values of a trial are not the end of its training; empty if they are."""
    if run.state in BROKEN:
        return f"the trial {BROKEN[run.state]}: it has no end"
    for name in (run.validation_loss_name, run.objective, "train/loss"):
        curve = run.curves.get(name)
        if curve is not None and len(curve) and not np.isfinite(curve.values[-1]):
            return f"{name} is not finite at the end: training was lost before"
    return ""
