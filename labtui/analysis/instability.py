"""The stability and speed of one trial (P16, P37, P38, P41, P44)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from labtui.analysis.divergence import first_nonfinite, judge_divergence
from labtui.analysis.findings import Finding, Outcome, cannot_judge, finding
from labtui.analysis.gradients import clipping_start, judge_gradients
from labtui.analysis.noise import deviation, middle, window_median
from labtui.analysis.overfitting import OF_EVALUATION
from labtui.analysis.restarts import begins_again, is_restart
from labtui.analysis.rises import LOCAL, Rise, early_end, evaluation_rises, judge_curve
from labtui.analysis.runs import FEWEST, STEP_LOSS, Curve, Floats, Ints, Run
from labtui.analysis.waiting import judge_waiting

COVERED = 0.9
"""Share of the run that a curve must cover to speak for all of it; AlgoPerf's logs of single steps
often end after the first hundred."""

PARTIAL = 0.5
"""A curve that covers less than this share of a run does not know how far the loss falls."""

EARLY_MOST = 0.25
"""The first hundred steps are no beginning of a run that counts a hundred epochs as its steps: of a
whole run it is this share at most."""

SMOOTH_NOISE, SMOOTH_LEAST = 5.0, 3
"""The loss of single steps was smooth when none of so many rows or more lies so much noise above
those before: what went up then is a matter of evaluation."""

LISTED = 20
"""Rises that the evidence names at most."""

OTHERS = (
    "then another optimizer, residual connections with normalization, zero-initialized residual "
    "branches; a lower learning rate last."
)
"""The order of remedies after warmup and clipping (P42)."""


_Evaluated: TypeAlias = tuple[str, Ints, Floats, Floats]
"""Name, steps, loss and training loss of evaluations."""


@dataclass(frozen=True)
class Seen:
    """What the curves of a trial did.

    Attributes:
        rises: (name of the curve, rise), in order of their starts.
        no_early: Why the beginning cannot be judged; empty when it was.
        no_late: Why the rest cannot be judged.
    """

    rises: tuple[tuple[str, Rise], ...]
    no_early: str
    no_late: str


def remedies(when: Literal["early", "later"], threshold: float | None = None) -> str:
    """Give the playbook's remedies in its order: P40, P41, P42.

    Args:
        when: At the beginning warmup comes first, later gradient clipping.
        threshold: Where clipping would begin, if gradient norms were logged.
    """
    at = (
        f"at {threshold:.3g} (90th percentile of the norms)"
        if threshold
        else "at the 90th percentile of the norms (log grad_norm)"
    )
    warmup, clipping = "warmup", f"gradient clipping {at}"
    if when == "early":
        return f"Begin with {warmup}, or {clipping}; {OTHERS}"
    return f"Begin with {clipping}, or {warmup}; {OTHERS}"


def judge_stability(run: Run) -> list[Outcome]:
    """Judge divergence, rises of the loss, gradient norms, clipping and waiting of one trial."""
    with np.errstate(all="ignore"):  # whatever was logged: overflows compare as they should
        broken = first_nonfinite(run)
        seen = look(run)
        first_rise = seen.rises[0][1].start if seen.rises else None
        left = judge_divergence(run, first_rise)
        gone = any(isinstance(one, Finding) for one in left)
        return [
            *left,
            *judge_rises(run, seen, gone=gone),
            *judge_gradients(run, None if broken is None else broken[0]),
            *judge_waiting(run),
        ]


def judge_rises(run: Run, seen: Seen, *, gone: bool) -> list[Outcome]:
    """Say whether the loss went up for a while, at the beginning or later.

    Args:
        run: The trial.
        seen: What its curves did.
        gone: Whether it diverged: a later rise is then told apart from the end by its recovery.
    """
    early = [pair for pair in seen.rises if pair[1].early]
    late = [pair for pair in seen.rises if not pair[1].early]
    if gone:
        late = [pair for pair in late if pair[1].recovered is not None]
    found: list[Outcome] = []
    for code, pairs, unknown in (
        ("early-instability", early, seen.no_early),
        ("mid-training-instability", late, seen.no_late),
    ):
        if pairs:
            found.append(_rose(run, code, pairs))
        elif unknown:
            found.append(cannot_judge(code, unknown, **run.subject))
    return found


def look(run: Run) -> Seen:
    """Find where the losses of a trial went up, restarts left out."""
    until = early_until(run)
    covered, pairs, no_single = _look_at_steps(run, until)
    evaluated, no_evaluated = _evaluated(run), "no loss was evaluated"
    if evaluated is not None:
        name, steps, losses, training = evaluated
        few = losses.size <= FEWEST
        no_evaluated = f"{losses.size} evaluations; {FEWEST + 1} are needed" if few else ""
        if not np.isfinite(training).any():
            no_evaluated = "no training loss was logged to tell a rise from overfitting"
        rises = evaluation_rises(steps, losses, training, until)
        pairs += [(name, rise) for rise in rises if not _same(rise, pairs)]
    made = [_is_made(run, *pair) for pair in pairs]
    kept = [pair for pair, is_made in zip(pairs, made, strict=True) if not is_made]
    if evaluated is not None:
        for (_, rise), is_made in zip(pairs, made, strict=True):
            kept += _within(run, evaluated, rise) if is_made else []
    no_later = no_single
    if not no_single and covered < COVERED * run.last_step:
        no_later = f"the loss of single steps ends at step {covered} of {run.last_step}"
    return Seen(
        rises=tuple(sorted(kept, key=lambda pair: pair[1].start)),
        no_early=f"{no_single}; {no_evaluated}" if no_single and no_evaluated else "",
        no_late=f"{no_later}; {no_evaluated}" if no_later and no_evaluated else "",
    )


def _is_made(run: Run, name: str, rise: Rise) -> bool:
    """Say whether a later rise was made by the schedule, or by beginning again."""
    if rise.early:
        return False
    if is_restart(run, rise.start, rise.peak):
        return True
    return begins_again(run.curves[name], rise.start, rise.peak)


def _within(run: Run, evaluated: _Evaluated, rise: Rise) -> Iterator[tuple[str, Rise]]:
    """Give what went up after a restart, before the loss was back where that found it."""
    name, steps, losses, training = evaluated
    after = steps >= rise.peak
    for one in evaluation_rises(steps[after], losses[after], training[after], until=-1):
        in_time = rise.recovered is None or one.start < rise.recovered
        if in_time and not _is_made(run, name, one):
            yield name, one


def _look_at_steps(run: Run, until: float) -> tuple[int, list[tuple[str, Rise]], str]:
    """Give the last step of the loss of single steps, its rises, and why it cannot be judged."""
    single = run.step_loss
    if single is None or not len(single):
        return -1, [], "the loss of single steps was not logged"
    name = STEP_LOSS if single is run.curves.get(STEP_LOSS) else "train/loss"
    curve = judge_curve(single.steps, single.values, until=until, reach=_reach(run, single))
    unknown = f"the loss of single steps: {curve.unknown}" if curve.unknown else ""
    return int(single.steps[-1]), [(name, rise) for rise in curve.rises], unknown


def early_until(run: Run) -> float:
    """Give the last step of a trial's beginning: by its length, or by its plan if shorter."""
    length = run.last_step
    if run.planned:
        # One that did not come to its end is measured by what it was to be.
        length = run.planned if run.state == "infeasible" else min(length, run.planned)
    if run.state == "infeasible":
        return early_end(length)
    return min(early_end(length), EARLY_MOST * length)


def _reach(run: Run, single: Curve) -> float | None:
    """Say how far the loss fell, by evaluations, if single steps were logged at first only."""
    training = run.training_loss
    if training is None or not len(training) or single.steps[-1] >= PARTIAL * run.last_step:
        return None
    first = single.finite.values[:1]
    return float(first[0] - training.values.min()) if first.size else None


def _evaluated(run: Run) -> _Evaluated | None:
    """Give name, steps, loss and training loss of the evaluations before any divergence."""
    name = _evaluated_name(run)
    if name is None:
        return None
    curve = run.curves[name]
    broken = np.flatnonzero(~np.isfinite(curve.values))
    length = int(broken[0]) if broken.size else len(curve)
    steps, losses = curve.steps[:length], curve.values[:length]
    return name, steps, losses, _at(run.training_loss, steps)


def _evaluated_name(run: Run) -> str | None:
    """Name the evaluated loss: of validation, else of training; None if neither was logged."""
    single = run.step_loss
    for name in (run.validation_loss_name, "train/loss"):
        curve = run.curves.get(name)
        if curve is not None and curve is not single and run.is_minimized(name):
            return name
    return None


def _at(training: Curve | None, steps: Ints) -> Floats:
    """Give the training loss at evaluations; the median of five where single steps were logged."""
    if training is None or not len(training):
        return np.full(steps.size, np.nan)
    values = training.values
    if len(training) > 2 * steps.size:
        values = window_median(values, 4, 1)
    index = np.searchsorted(training.steps, steps, side="right") - 1
    return np.where(index >= 0, values[np.maximum(index, 0)], np.nan)


def _same(rise: Rise, pairs: Sequence[tuple[str, Rise]]) -> bool:
    """Say whether a rise is one of those already known, seen in another curve."""
    for _, other in pairs:
        ends = other.recovered is None or rise.start <= other.recovered
        if ends and (rise.recovered is None or other.start <= rise.recovered):
            return True
    return False


def _rose(run: Run, code: str, pairs: Sequence[tuple[str, Rise]]) -> Finding:
    name, highest = max(pairs, key=lambda pair: pair[1].high - pair[1].low)
    early = code == "early-instability"
    times = "once" if len(pairs) == 1 else f"{len(pairs)} times"
    path = f"from {highest.low:.4g} to {highest.high:.4g} at step {highest.peak}"
    if highest.recovered is not None:
        when = "at the beginning" if early else "in mid-training"
        message = (
            f"{name} went up {times} {when}: after step {highest.start} {path}, and was back at "
            f"step {highest.recovered}"
        )
    else:
        message = (
            f"{name} began to rise at step {highest.start} and never came back to where it was: "
            f"{path}"
        )
        if len(pairs) > 1:
            message += f"; it went up {times}"
    smooth = _is_smooth(run, name, highest)
    if smooth:
        message += "; the loss of single steps stayed smooth"
    message += "."
    shown = pairs[:LISTED]
    advice = remedies("early" if early else "later", clipping_start(run))
    if smooth:
        advice = OF_EVALUATION
    return finding(
        code,
        "warning",
        message,
        advice,
        subject=run.subject,
        evidence={
            "count": len(pairs),
            "curve": name,
            "curves": [curve for curve, _ in shown],
            "start_steps": [rise.start for _, rise in shown],
            "peak_steps": [rise.peak for _, rise in shown],
            "recovered_steps": [rise.recovered for _, rise in shown],
            "lows": [rise.low for _, rise in shown],
            "heights": [rise.high - rise.low for _, rise in shown],
            "times_noise": [rise.times_noise for _, rise in shown],
            "step_loss_smooth": smooth,
            "early_until_step": int(early_until(run)),
        },
    )


def _is_smooth(run: Run, name: str, rise: Rise) -> bool:
    """Say whether the loss of single steps knows nothing of a rise of an evaluated loss."""
    single = run.step_loss
    if single is None or name == STEP_LOSS or single is run.curves.get(name):
        return False
    steps, values = single.finite.steps, single.finite.values
    end = run.last_step if rise.recovered is None else rise.recovered
    first, last = np.searchsorted(steps, [rise.start, end], side="right")
    before, during = values[max(first - LOCAL, 0) : first], values[first:last]
    if min(before.size, during.size) < SMOOTH_LEAST:
        return False
    return float(during.max()) <= middle(before) + SMOOTH_NOISE * deviation(values)
