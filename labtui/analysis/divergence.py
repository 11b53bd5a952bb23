"""Losses that left for good: not finite, or far above where they were (P16)."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from labtui.analysis.findings import Finding, Outcome, cannot_judge, finding
from labtui.analysis.noise import LONG, deviation, middle, window_median
from labtui.analysis.runs import FEWEST, STEP_LOSS, Curve, Run

SCALE_SHARE, SCALE_NOISE = 0.30, 3.0
"""The unit of a curve is the way from the median of its first 30 % to its minimum, and at least
three times its noise."""

COLLAPSE = 0.5
"""So much of that way is lost at the end of a collapsed run, in validation and in training."""

COLLAPSE_RELATIVE = 1.05
"""And the loss ends at so many times its minimum: a flat curve has no way to lose."""

COLLAPSE_BEFORE = 0.85
"""The minimum lies before this share of the run; after it, an end is too short to be one."""

WON_BACK = 0.5
"""A loss that ends with this share of its rise won back is recovering, not gone: of 14 that would
be collapsed otherwise in 512 real trials on images two had won back two thirds and more."""

END_SHARE, END_LEAST = 0.10, 3
"""The end of a curve: its last tenth, at least three values."""

ADVICE = (
    "Leave this configuration out; if a range of a hyperparameter holds most of such trials, cut "
    "it there, and if most trials diverge look for a bug first."
)


@dataclass(frozen=True)
class Collapse:
    """A loss that ended far above its minimum.

    Attributes:
        step: Where the minimum was.
        minimum: The smoothed loss there.
        end: Median of the end of the run.
        share: Of the way that was lost.
    """

    step: int
    minimum: float
    end: float
    share: float


def first_nonfinite(run: Run) -> tuple[int, str] | None:
    """Give the first step where a training or validation loss was not finite, and which loss."""
    found: list[tuple[int, str]] = []
    for name in dict.fromkeys((STEP_LOSS, "train/loss", run.validation_loss_name)):
        curve = run.curves.get(name)
        if curve is None:
            continue
        broken = np.flatnonzero(~np.isfinite(curve.values))
        if broken.size:
            found.append((int(curve.steps[broken[0]]), name))
    return min(found, default=None)


def collapse_of(curve: Curve, whole: int) -> Collapse | None:
    """Find whether a finite curve, lower is better, lost most of its way again.

    Args:
        curve: At least one more than `FEWEST` values; the first is left out.
        whole: Last step of the run.
    """
    steps, values = curve.steps[1:], curve.values[1:]
    beginning = values[steps <= SCALE_SHARE * whole]
    start = middle(beginning) if beginning.size else float(values[0])
    end = middle(values[-max(END_LEAST, round(END_SHARE * values.size)) :])
    if not end - COLLAPSE * start > (1 - COLLAPSE) * float(np.minimum.reduce(values)):
        return None  # not even if the minimum were that of a single value
    half = 2 if values.size >= LONG else 1
    smooth = window_median(values, half, half + 1)
    lowest = int(np.argmin(smooth))
    minimum, place = float(smooth[lowest]), int(steps[lowest])
    way = max(start - minimum, SCALE_NOISE * deviation(values))
    if not (end - minimum > COLLAPSE * way > 0 and place < COLLAPSE_BEFORE * whole):
        return None
    highest = float(np.max(smooth[lowest:]))
    if highest - middle(values[-END_LEAST:]) > WON_BACK * (highest - minimum):
        return None
    return Collapse(place, minimum, end, (end - minimum) / way)


def judge_divergence(run: Run, first_rise: int | None = None) -> list[Outcome]:
    """Say whether a trial's loss left for good.

    Args:
        run: The trial.
        first_rise: The step after which its loss first went up, if it did.
    """
    broken = first_nonfinite(run)
    if broken is not None:
        return [_nonfinite(run, *broken, first_rise)]
    if _is_told(run):
        return [_told(run)]
    losses = (STEP_LOSS, "train/loss", run.validation_loss_name)
    if not any(len(run.curves[name]) for name in losses if name in run.curves):
        return [cannot_judge("diverged", "no loss was logged", **run.subject)]
    return _judge_collapse(run, first_rise)


def is_lost(run: Run) -> bool:
    """Say whether a loss was not finite, or the trainer ended the trial as diverged."""
    return _is_told(run) or first_nonfinite(run) is not None


def _is_told(run: Run) -> bool:
    return run.state == "infeasible" and run.reason.startswith("diverged")


def _nonfinite(run: Run, step: int, name: str, first_rise: int | None) -> Finding:
    rose = "" if first_rise is None else f"; the loss had gone up after step {first_rise}"
    evidence = {"kind": "nonfinite", "first_nonfinite_step": step, "curve": name}
    if first_rise is not None:
        evidence["first_rise_step"] = first_rise
    later = [c.finite.steps[-1] for c in (run.curves[name],) if len(c.finite)]
    again = bool(later and later[0] > step)
    evidence["finite_again"] = again
    words = ", and was finite again later" if again else ""
    return finding(
        "diverged",
        "alert",
        f"{name} was not finite at step {step}{words}{rose}.",
        ADVICE,
        subject=run.subject,
        evidence=evidence,
    )


def _told(run: Run) -> Finding:
    """Believe the reason of a trial that its trainer ended, where the curves do not show it."""
    evidence: dict[str, object] = {"kind": "nonfinite", "first_nonfinite_step": None}
    named = re.search(r"step (\d+)", run.reason)
    if named:
        evidence["ended_at_step"] = int(named.group(1))
    return finding(
        "diverged",
        "alert",
        f"The trial ended as infeasible: {run.reason.rstrip('.')}.",
        ADVICE,
        subject=run.subject,
        evidence=evidence,
    )


def _judge_collapse(run: Run, first_rise: int | None) -> list[Outcome]:
    name = run.validation_loss_name
    name = name if name in run.curves else run.objective
    validation, training = run.lower_better(name), run.training_loss
    if validation is None or training is None or min(len(validation), len(training)) <= FEWEST:
        counts = ", ".join(
            f"{0 if c is None else len(c)} of the {what} loss"
            for what, c in (("validation", validation), ("training", training))
        )
        reason = (
            f"every loss is finite, but whether it collapsed takes {FEWEST + 1} values: {counts}"
        )
        return [cannot_judge("diverged", reason, **run.subject)]
    lost = collapse_of(validation, run.last_step)
    also = None if lost is None else collapse_of(training, run.last_step)
    if lost is None or also is None:
        return []
    relative = [also] if name == run.objective and not run.minimize else [also, lost]
    if any(c.end - c.minimum <= (COLLAPSE_RELATIVE - 1) * abs(c.minimum) for c in relative):
        return []
    evidence = {
        "kind": "collapsed",
        "first_nonfinite_step": None,
        "curve": name,
        "minimum_step": lost.step,
        "minimum": lost.minimum,
        "end": lost.end,
        "lost_share": lost.share,
        "training_minimum_step": also.step,
        "training_minimum": also.minimum,
        "training_end": also.end,
        "training_lost_share": also.share,
        "threshold_share": COLLAPSE,
    }
    if first_rise is not None:
        evidence["first_rise_step"] = first_rise
    return [
        finding(
            "diverged",
            "alert",
            f"{name} went from {lost.minimum:.4g} at step {lost.step} to {lost.end:.4g} at the "
            f"end, and the training loss from {also.minimum:.4g} to {also.end:.4g}.",
            ADVICE,
            subject=run.subject,
            evidence=evidence,
        )
    ]
