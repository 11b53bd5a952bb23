"""Curves that get worse: validation while training gets better (P18), the training loss (P22)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from labtui.analysis.course import MANY, Course, at_evaluations
from labtui.analysis.divergence import is_lost
from labtui.analysis.findings import Outcome, cannot_judge, finding
from labtui.analysis.lost import above_chance
from labtui.analysis.noise import middle
from labtui.analysis.runs import FEWEST, Run

OVERFIT_RISE = 0.15
"""Share of the way that validation gives back: of 105 real runs, labelled by eye, all 22 clear
cases lie above, none of 160 clear negatives."""

OVERFIT_NOISE = 4.0
"""The same in noise from one evaluation to the next."""

OVERFIT_BEFORE = 0.85
"""A best evaluation later than this share of the steps leaves too little to tell a rise."""

TRAINING_FALL = 0.05
"""Share of its way that the training loss still falls: where both rise it is not overfitting."""

RISING = 0.10
"""Share of its way that the training loss goes up."""

RISING_NOISE = 4.0
"""The same in noise from one evaluation to the next."""

RISING_TOTAL = 0.02
"""The same in its minimum: a loss near its floor that wavers is not a fault of the pipeline."""

RISING_MOST, RISING_MOST_NOISE, RISING_MOST_TOTAL = 0.5, 50.0, 0.005
"""A rise that takes back so much of the way, and of what the chart shows, is none of these
wavers when it is so much noise, however little of the minimum: networks that stay at chance
end 1 to 2 % above it. Of 21 clear cases in 80 real trials on images this finds six more than the 11
of `RISING_TOTAL`, and none of 37 clear negatives."""

RISING_MOST_VISIBLE = 0.3
"""Of the range: the way of a loss that fell at once is short, and a waver takes back half of it."""

RISING_BEFORE = 0.75
"""A minimum later than this share of the steps leaves too little to tell a rise."""

RISING_LAST = 0.20
"""The level at the end is the median over this share of the steps."""

RISING_BACK = 0.35
"""Share of the rise that the last quarter may win back: more, and it was a passing spell."""

STEPS_COVERED = 0.9
"""Share of the run that the loss of single steps must cover to say that it does not rise."""

OF_EVALUATION = (
    "The loss of single steps does not rise: look at how the evaluated weights are made (averaging,"
    " batch-norm statistics, evaluation mode)."
)
"""What to do about losses that rise in evaluations only."""


def overfits(course: Course, training: Course | None) -> dict[str, Any] | None:
    """Measure a rise of a validation metric during which the training loss falls.

    Returns:
        The evidence; ``training_fall`` is missing where the training loss is not known. None where
        validation does not rise, or training does not fall.
    """
    rise, where = course.end - course.best, course.lowest
    if not (
        course.way > 0  # else nothing was learned that could be lost
        and rise > OVERFIT_RISE * course.unit
        and rise > OVERFIT_NOISE * course.noise
        and course.share[where] < OVERFIT_BEFORE
    ):
        return None
    step = int(course.steps[where])
    evidence = {
        "best_step": step,
        "best_share_of_steps": float(course.share[where]),
        "best_value": course.shown(course.best),
        "end_value": course.shown(course.end),
        "lost_share_of_way": course.ways(rise),
        "rise_in_noise": min(rise / course.noise, MANY) if course.noise > 0 else MANY,
    }
    if training is None or len(training) < FEWEST:
        return evidence
    at = min(int(training.steps.searchsorted(step)), len(training) - 1)
    fall = float(training.smooth[at]) - training.end
    if not fall > TRAINING_FALL * training.unit:
        return None
    return {**evidence, "training_fall": training.ways(fall)}


def judge_overfitting(
    run: Run, courses: dict[str, Course], training: Course | None
) -> Iterator[Outcome]:
    """Judge the objective, and the loss behind it, for overfitting (P18).

    Args:
        run: The trial.
        courses: By metric; all long enough.
        training: The training loss at evaluations; None if not logged.
    """
    told = False
    if not _learned(run, courses):
        return
    for metric, course in courses.items():
        subject = {**run.subject, "metric": metric}
        evidence = overfits(course, training)
        if evidence is None:
            continue
        if "training_fall" not in evidence:
            reason = f"{metric} gets worse, but too little training loss was logged to say why"
            yield cannot_judge("overfitting", reason, **subject)
            continue
        what = "loss" if metric.rpartition("/")[2] == "loss" else "metric"
        message = (
            f"{metric} ends at {evidence['end_value']:.4g}, {_apart(evidence)} its best of"
            f" {evidence['best_value']:.4g} (step {evidence['best_step']}), while the training loss"
            " falls."
        )
        yield finding(
            "overfitting",
            "warning" if metric == run.objective else "info",
            message,
            _advice(run, metric, told),
            subject=subject,
            evidence={"of": what, **evidence},
        )
        told = True


def _learned(run: Run, courses: dict[str, Course]) -> bool:
    """Say whether a run learned anything that it could lose: chance wavers too."""
    course = courses.get(run.objective)
    if course is None or run.chance is None:
        return True
    return above_chance(
        run.objective,
        course.shown(course.best),
        run.chance,
        minimize=run.minimize,
        examples=run.examples,
    )


def _apart(evidence: Mapping[str, Any]) -> str:
    """Say by how many percent the end lies below or above the best: ``17% below``."""
    end, best = evidence["end_value"], evidence["best_value"]
    side = "below" if end < best else "above"
    if best == 0:
        return side
    share = min(abs(end - best) / abs(best), MANY)
    return f"{share:.1%} {side}" if share < 0.01 else f"{share:.0%} {side}"


def _advice(run: Run, metric: str, told: bool) -> str:
    if told:
        return "See the advice for the objective; the loss tells how confident it is, too."
    if run.regularized:
        return (
            "A regularizer is what this study compares: count this as its result, and look whether"
            " the best trials of the other arms overfit too."
        )
    if metric != run.objective:
        return (
            f"Watch {run.objective}: it does not overfit so far, but regularize and rerun if the"
            " probabilities matter."
        )
    return "Add or strengthen a regularizer (weight decay, dropout, augmentation) and rerun."


def level_at_end(training: Course) -> float:
    """Give the median of the training loss over the last fifth of the steps."""
    return middle(training.values[training.after(1 - RISING_LAST) :])


def _takes_back(training: Course, rise: float) -> bool:
    """Say whether a rise takes back most of what was learned, and is no noise."""
    return (
        rise > RISING_MOST * training.unit
        and rise > RISING_MOST_VISIBLE * training.visible
        and rise > RISING_MOST_NOISE * training.noise
        and rise > RISING_MOST_TOTAL * abs(training.best)
    )


def goes_up(training: Course) -> bool:
    """Say whether a training loss ends above its minimum by more than it wavers."""
    rise = level_at_end(training) - training.best
    return bool(
        rise > RISING * training.unit
        and rise > RISING_NOISE * training.noise
        and (rise > RISING_TOTAL * abs(training.best) or _takes_back(training, rise))
        and training.share[training.lowest] < RISING_BEFORE
    )


def _steps_do_not_rise(run: Run, training: Course) -> bool | None:
    """Say whether the loss of single steps stays down; None where it does not cover the run."""
    single = run.step_loss
    if single is None or run.curves.get("train/loss") in (None, single):
        return None
    known = single.finite
    if len(known) < FEWEST or known.steps[-1] < STEPS_COVERED * run.last_step:
        return None
    steps = at_evaluations(known, int(training.steps[0]), training.steps[1:])
    return not goes_up(steps) if len(steps) >= FEWEST else None


def judge_rising(run: Run, training: Course | None) -> Iterator[Outcome]:
    """Judge whether the training loss goes up (P22), unless it was not finite: that says more."""
    code = "training-loss-rising"
    if training is None or len(training) < FEWEST:
        n = 0 if training is None else len(training)
        reason = f"{n} evaluations of a training loss, {FEWEST} are needed"
        yield cannot_judge(code, reason, **run.subject)
        return
    if not goes_up(training) or is_lost(run):
        return
    end = level_at_end(training)
    rise, share = end - training.best, float(training.share[training.lowest])
    peak = float(training.smooth[training.after(RISING_BEFORE) :].max())
    back = (peak - training.end) / (peak - training.best) if peak > training.best else 0.0
    if back > RISING_BACK:
        return
    step = int(training.steps[training.lowest])
    message = (
        f"The training loss was lowest at step {step} ({training.best:.4g}) and ends at"
        f" {training.end:.4g}"
    )
    advice = (
        "Lower the learning rate; if trials at all rates do it, look for a fault in the pipeline:"
        " data order, labels, augmentation."
    )
    steady = _steps_do_not_rise(run, training)
    if steady:
        message += "; the loss of single steps does not rise"
        advice = OF_EVALUATION
    yield finding(
        code,
        "warning",
        f"{message}.",
        advice,
        subject={**run.subject, "metric": "train/loss"},
        evidence={
            "lowest_step": step,
            "lowest_share_of_steps": share,
            "lowest_value": training.best,
            "end_value": training.end,
            "rise_share_of_way": training.ways(rise),
            "won_back_share_of_rise": back,
            "step_loss_rises": None if steady is None else not steady,
        },
    )
