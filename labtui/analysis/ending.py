"""How a curve ends: unsteady (P19), still improving (P20), or flat for long (P21)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from labtui.analysis.course import MANY, Course
from labtui.analysis.findings import Outcome, cannot_judge, finding
from labtui.analysis.noise import deviation, mean, middle, residual_deviation
from labtui.analysis.runs import FEWEST, Run

LATE = 0.75
"""The end of a run is what comes after this share of its steps."""

LATE_FEWEST = 6
"""Fewest evaluations in the last quarter whose spread can be told."""

LATE_SPREAD = 0.05
"""Standard deviation about a parabola, as a share of the range: of 105 real runs the steady ones
are below 0.035, those that look unsteady above 0.10."""

LEARNED = 0.05
"""Share of its first value that the training loss falls at least: a network that stays at chance
varies too. Of seven real trials on images that are unsteady at the end one fell by 0.007 (it never
learned), the others by 0.09 and more."""

LATE_NOISE = 0.01
"""Noise from one evaluation to the next, as a share of the range: 0.030 and 0.10 in the two clear
cases, 0.005 where a restart of the learning rate is recovered from smoothly."""

HALF_LATE = 0.875
"""The last quarter is halved here, and the halves compared."""

IMPROVING = 0.04
"""Share of the way that the second half of the last quarter is better than the first."""

IMPROVING_ERRORS = 3.0
"""The same in standard errors of the difference of two medians."""

MEDIAN_ERROR = 1.25
"""Standard error of a median, in that of a mean of normal values."""

TREND_FROM, TREND_FEWEST = 0.5, 5
"""A trend is a line through the second half of the steps, with so many evaluations. Of 21 real runs
that improve to the end, thinned to 10, 12 and 15 evaluations, 5 finds 15, 11 and 16, while 10 finds
8, 5 and 10; neither finds any of 37 that do not."""

TREND_ERRORS = 4.0
"""A trend is sure beyond so many of its standard errors: noisy curves wander."""

TREND_KEPT, TREND_IMPROVING = 0.5, 0.08
"""... and goes on when the last quarter shows half of it, and twice what is asked of a sure one."""

FEW, IN_ORDER = 6, 5
"""A gain is no noise either when each of the last five evaluations is better than the one before:
one order in 5! = 120. That takes six evaluations; noise is measured from `FEWEST` on. Of 21 real
runs that improve to the end, thinned to 10, 12 and 15, it finds 16, 15 and 18 where noise and trend
find 15, 11 and 16; of 58 thinned to six it finds 49; of 37 and 71 that do not, none. Four in order
flag 4 % of flat made curves, five 1 %. Of five evaluations the steep first would be among those in
order: 12 % of made curves that settle by the third."""

VISIBLE = 0.01
"""Less than this share of the range of a chart is not seen as a slope."""

TURNED, TURNED_NOISE = 0.75, 1.5
"""A curve has turned when its end is so much of the gain, and so much noise, above its best."""

GIVEN_BACK = 2
"""Nor does it improve when its last values, so many, lie more than the gain above its best: the
median of the last tenth of a long curve does not see how one just fell."""

BEST_AFTER = 0.9
"""A curve that still improves has the best value of its second half in the last tenth; what it was
before it recovered from a collapse does not count."""

PLAN_SCALE = 0.05
"""A last step below this share of the planned ones is counted otherwise: logs of `lawa_ema` number
evaluations, 0.004 of their plan."""

STOPPED = 0.95
"""A run of less than this share of its plan was stopped: 16 of 105 real runs, at their target, lie
between 0.40 and 0.94."""

FLAT_FEWEST = 12
"""Fewest evaluations that show for how long a curve has been flat."""

FLAT_WAY = 8.0
"""Fewest noises that a curve must have come: one that learned nothing has not saturated."""

FLAT_BAND, FLAT_NOISE = 0.02, 1.0
"""Flat is within this share of the way, or so much noise, of the level of the last quarter."""

FLAT_FROM = 0.8
"""Flat by this share of the steps, or earlier: at 0.76 two of 24 clear cases were missed, at 0.85
three curves that still fell were found (105 real runs)."""

FLAT_SEEN = 0.05
"""... or within `VISIBLE`, up to this share of the way."""

FLAT_TREND = 0.03
"""Share of the way that the last eighth gains, by which a sure trend goes on: a curve that creeps
up to its end is not flat. The 12 clear cases of 105 real runs gain at most 0.019; of five runs
called flat against the eye four gain more."""

FLAT_MOSTLY = 0.9
"""Share of a flat stretch that must lie within twice its band: no spells of instability."""

FLAT_END, FLAT_END_NOISE = 0.08, 2.5
"""A flat curve ends within this share of the way, or so much noise, of its best, which is about
one noise too good where it is the best of many."""


def late_spread(course: Course) -> dict[str, Any] | None:
    """Measure how far evaluations late in training lie from a parabola through them (P19).

    A line would call the bend variance that a schedule gives an accelerating curve.
    """
    late = course.after(LATE)
    values = course.values[late:]
    if values.size < LATE_FEWEST:
        return None
    scale = course.visible
    spread = residual_deviation(course.share[late:], values, 2)
    dip = float(np.maximum.reduce(values - course.smooth[late:]))
    return {
        "evaluations": int(values.size),
        "standard_deviation": spread,
        "spread_share_of_range": min(spread / scale, MANY) if scale > 0 else 0.0,
        "largest_dip": dip,
        "largest_dip_share_of_range": min(dip / scale, MANY) if scale > 0 else 0.0,
    }


def halves(course: Course) -> tuple[float, float] | None:
    """Compare the last eighth of the steps with the eighth before.

    Returns:
        The gain from medians, negative for a loss, and its standard error; None where one is empty.
    """
    half = course.after(HALF_LATE)
    before, after = course.values[course.after(LATE) : half], course.values[half:]
    if not before.size or not after.size:
        return None
    error = MEDIAN_ERROR * course.noise * math.sqrt(1 / before.size + 1 / after.size)
    return middle(before) - middle(after), error


def trend(course: Course) -> tuple[float, float]:
    """Fit a line to the second half of the steps.

    Returns:
        What it gains in an eighth of the steps, and the standard error of that; 0 and infinity for
        fewer than `TREND_FEWEST` evaluations.
    """
    late = course.after(TREND_FROM)
    places, values = course.share[late:], course.values[late:]
    if values.size < TREND_FEWEST:
        return 0.0, math.inf
    along = places - mean(places)
    spread = float(along @ along)
    slope = -float(along @ values) / spread
    error = residual_deviation(places, values) / math.sqrt(spread)
    return slope / 8, error / 8


def _is_sure(course: Course) -> bool:
    """Say whether the second half of the steps falls beyond doubt."""
    steady, doubt = trend(course)
    return steady > TREND_ERRORS * doubt


def _in_order(course: Course) -> bool:
    """Say whether each of the last few evaluations is better than the one before."""
    last = course.values[-IN_ORDER:]
    return bool((last[1:] < last[:-1]).all())


def _is_measured(course: Course, gain: float, error: float) -> bool:
    """Say whether a gain is beyond the noise of the curve, or goes on with a sure trend."""
    steady, doubt = trend(course)
    return gain > IMPROVING_ERRORS * error or (
        steady > TREND_ERRORS * doubt
        and gain > TREND_KEPT * steady
        and gain > TREND_IMPROVING * course.way
    )


def improvement(course: Course) -> dict[str, Any] | None:
    """Measure what the last eighth of the steps gained on the eighth before (P20)."""
    compared = halves(course) if len(course) >= FEW else None
    if compared is None:
        return None
    gain, error = compared
    if not (gain > IMPROVING * course.way > 0 and gain > VISIBLE * course.visible):
        return None
    if not (_in_order(course) or (len(course) >= FEWEST and _is_measured(course, gain, error))):
        return None
    half = course.after(TREND_FROM)
    values = course.values[half:]
    best = float(course.share[half + int(values.argmin())])
    risen = course.end - float(course.smooth[half:].min())
    turned = risen > max(TURNED * gain, TURNED_NOISE * course.noise)
    given_back = middle(values[-GIVEN_BACK:]) - float(values.min()) > max(gain, course.noise)
    if not best > BEST_AFTER or turned or given_back:
        return None
    return {"gain": gain, "gain_share_of_way": gain / course.way}


def flatness(course: Course) -> dict[str, Any] | None:
    """Measure since when a curve has been flat (P21)."""
    compared = halves(course)
    if compared is None or not course.way > FLAT_WAY * course.noise:
        return None
    level = middle(course.values[course.after(LATE) :])
    seen = min(VISIBLE * course.visible, FLAT_SEEN * course.way)
    band = max(FLAT_BAND * course.way, FLAT_NOISE * course.noise, seen)
    since = int((course.smooth <= level + band).argmax())
    left = max(FLAT_END * course.way, FLAT_END_NOISE * course.noise)
    gain, error = compared
    rest = course.smooth[since:]
    mostly = float(np.count_nonzero(rest <= level + 2 * band)) / rest.size
    if (
        float(course.share[since]) > FLAT_FROM
        or course.end - course.best > left
        or gain > max(band, 2 * error)
        or mostly < FLAT_MOSTLY
        or (gain > FLAT_TREND * course.way and _is_sure(course))
    ):
        return None
    return {
        "flat_since_step": int(course.steps[since]),
        "flat_share_of_steps": 1.0 - float(course.share[since]),
    }


def learned(run: Run) -> bool:
    """Say whether the training loss fell at all; where it was not logged nothing speaks against."""
    training = run.training_loss
    if training is None or not len(training):
        return True
    first = float(training.values[0])
    return first - float(training.values.min()) > LEARNED * abs(first)


def judge_variance(run: Run, course: Course) -> Iterator[Outcome]:
    """Judge how much the objective varies late in training (P19).

    Args:
        run: The trial.
        course: Of its objective.
    """
    metric, subject = run.objective, {**run.subject, "metric": run.objective}
    spread = late_spread(course)
    if spread is None:
        reason = f"fewer than {LATE_FEWEST} evaluations in the last quarter of the steps"
        yield cannot_judge("late-variance", reason, **subject)
    elif (
        spread["spread_share_of_range"] > LATE_SPREAD
        and deviation(course.values[course.after(LATE) :]) > LATE_NOISE * course.visible
        and learned(run)
    ):
        yield finding(
            "late-variance",
            "warning",
            f"{metric} varies by {spread['standard_deviation']:.3g} from evaluation to evaluation"
            f" in the last quarter, {spread['spread_share_of_range']:.0%} of its range.",
            "Decay the learning rate to the end, or enlarge the batch or the validation set, or"
            " average the weights (Polyak).",
            subject=subject,
            evidence={**spread, **_plan(run, course)},
        )


def judge_improvement(run: Run, course: Course) -> Iterator[Outcome]:
    """Judge whether the objective improves to the end (P20).

    Args:
        run: The trial.
        course: Of its objective, of any length: fewer than `FEWEST` are told when they leave no
            doubt, and never denied.
    """
    gained = improvement(course)
    if gained is None:
        return
    plan = _plan(run, course)
    share = plan.get("trained_share_of_plan", 1.0)
    message = (
        f"{run.objective} gained {gained['gain']:.3g} in the last eighth of the steps,"
        f" {gained['gain_share_of_way']:.0%} of its way"
    )
    advice = "Train for more steps, or try another learning rate schedule."
    if share < STOPPED:
        message += f"; it was stopped at {share:.0%} of its plan"
        advice = "Train it to the end of its plan before comparing what it reaches."
    yield finding(
        "still-improving",
        "info",
        f"{message}.",
        advice,
        subject={**run.subject, "metric": run.objective},
        evidence={**gained, **plan},
    )


def judge_length(run: Run, course: Course, spoilt: bool) -> Iterator[Outcome]:
    """Judge whether the objective improves to the end, or stopped long before (P20, P21).

    Args:
        run: The trial.
        course: Of its objective.
        spoilt: Whether it overfits or is unsteady, or the training loss rises: it is not flat then.
    """
    metric, subject = run.objective, {**run.subject, "metric": run.objective}
    improves = list(judge_improvement(run, course))
    yield from improves
    if len(course) < FLAT_FEWEST:
        reason = f"{len(course)} evaluations after the first, {FLAT_FEWEST} are needed"
        yield cannot_judge("saturated-early", reason, **subject)
    elif not improves and not spoilt and (flat := flatness(course)) is not None:
        yield finding(
            "saturated-early",
            "info",
            f"{metric} is flat for the last {flat['flat_share_of_steps']:.0%} of the steps.",
            "Fewer steps would do: shorten training and its schedule.",
            subject=subject,
            evidence={**flat, **_plan(run, course)},
        )


def _plan(run: Run, course: Course) -> dict[str, Any]:
    if not run.planned or run.last_step < PLAN_SCALE * run.planned:
        return {}
    return {"trained_share_of_plan": int(course.steps[-1]) / run.planned}
