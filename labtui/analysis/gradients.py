"""Gradient norms: outliers (P38), where clipping would begin, and whether it acts always (P41)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labtui.analysis.findings import Outcome, cannot_judge, finding
from labtui.analysis.noise import TO_DEVIATION, deviation, middle, quantile, window_median
from labtui.analysis.restarts import is_restart
from labtui.analysis.runs import FEWEST, Curve, Floats, Ints, Run

NORM, CLIPPED = "grad_norm", "clipped"

NORM_ROWS, NORM_SKIP = 30, 0.10
"""Fewest gradient norms to judge, and the share of the run whose norms are those of the start: with
0.05 one of 80 calm real logs has an outlier, at 7.6 % of its run, with 0.10 none."""

CLIP_SKIP = 0.05
"""Share of the run whose norms are left out of the threshold: those of the start can be 10,000
times later ones."""

NORM_FACTOR, NORM_DEVIATIONS = 5.0, 6.0
"""An outlier is so many times the local median, and its logarithm so many deviations away."""

STEADY_FACTOR, STEADY_DEVIATIONS = 2.5, 12.0
"""Or these: where norms hardly vary, as a transformer's (5 % from row to row), a spike of three
times the median is plain to see."""

NORM_LEAST = 3
"""Fewest outliers that are a sign where none is `NORM_FACTOR` times its surroundings; one that is
suffices. Of 8 real logs where an eye sees outliers 7 are found so, 4 with three of any height, and
none of 80 without."""

ROSE_ROWS, ROSE_BEFORE, ROSE_NOISE = 2, 41, 8.0
"""The loss rose at an outlier when one of so many rows from it on lies so much noise above the
median of so many before: as much as is asked of a rise in mid-training."""

NORM_WINDOW, NORM_WINDOW_SHORT = 101, 31
"""Norms that the local median sees; the shorter one up to three times the longer."""

CLIP_PERCENTILE = 90.0
"""Of the gradient norms: where to begin with clipping (P41)."""

CLIP_SHARE = 0.50
"""Share of clipped steps above which the learning rate is cut instead (P41)."""

CLIP_NAMES = (
    "clip_norm",
    "grad_clip",
    "grad_clip_norm",
    "grad_norm_clip",
    "gradient_clip",
    "gradient_clip_norm",
    "gradient_clip_val",
    "max_grad_norm",
    "clip_grad_norm",
    "global_clip_norm",
)
"""What programs call the largest norm that they let pass."""

LISTED = 50
"""Outliers that the evidence names at most."""


@dataclass(frozen=True)
class Norms:
    """What the norms of the gradient say.

    Attributes:
        outliers: (step, norm, times the local median) of each.
        threshold: The 90th percentile of the finite norms, where clipping would begin.
        unknown: Why outliers cannot be judged; empty when they were.
        rows: How many norms were judged.
    """

    outliers: tuple[tuple[int, float, float], ...] = field(default=())
    threshold: float | None = None
    unknown: str = ""
    rows: int = 0

    @property
    def are_a_sign(self) -> bool | None:
        """Whether there are so many outliers that they are a sign alone; None: cannot judge."""
        return None if self.unknown else len(self.outliers) >= NORM_LEAST


def judge_norms(
    steps: Sequence[int] | Ints, norms: Sequence[float] | Floats, last_step: int | None = None
) -> Norms:
    """Find outliers of the gradient norm, the first tenth of the run left out.

    Args:
        steps: Ascending.
        norms: L2 norms of the full, unclipped gradient.
        last_step: Of the run; that of the norms by default.
    """
    at, values = np.asarray(steps), np.asarray(norms, dtype=np.float64)
    threshold = percentile(values)
    sound = np.isfinite(values) & (values > 0)
    if not sound.all():
        at, values = at[sound], values[sound]
    whole = (int(at[-1]) if at.size else 0) if last_step is None else last_step
    later = int(at.searchsorted(NORM_SKIP * whole, "right"))
    at, values = at[later:], values[later:]
    if values.size < NORM_ROWS:
        few = f"{values.size} gradient norms; {NORM_ROWS} are needed after the first "
        return Norms((), threshold, f"{few}{NORM_SKIP:.0%} of the run", values.size)
    long = values.size > 3 * NORM_WINDOW
    half = (NORM_WINDOW if long else NORM_WINDOW_SHORT) // 2
    logs = np.log(values)
    away = logs - window_median(logs, half, half + 1)
    centred = away - middle(away)
    spread = TO_DEVIATION * middle(np.abs(centred))
    wild = (away > math.log(NORM_FACTOR)) & (centred > NORM_DEVIATIONS * spread)
    wild |= (away > math.log(STEADY_FACTOR)) & (centred > STEADY_DEVIATIONS * spread)
    if not wild.any():
        return Norms((), threshold, "", values.size)
    rows = zip(at[wild], values[wild], np.exp(away[wild]), strict=True)
    outliers = tuple((int(s), float(v), float(r)) for s, v, r in rows)
    return Norms(outliers, threshold, "", values.size)


def percentile(norms: Floats) -> float | None:
    """Give the 90th percentile of the norms that are finite; None without any."""
    finite = norms[np.isfinite(norms)]
    return quantile(finite, CLIP_PERCENTILE / 100) if finite.size else None


def clip_norm(run: Run) -> tuple[str, float] | None:
    """Give the hyperparameter that limits the norm, and its value; infinite where it is off."""
    for name, value in run.params.items():
        if name.rpartition(".")[2].rpartition("/")[2] not in CLIP_NAMES:
            continue
        if value is None or value is False:
            return name, math.inf
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return name, float(value) if value > 0 else math.inf
    return None


def judge_gradients(run: Run, diverged: int | None = None) -> list[Outcome]:
    """Judge outliers of the gradient norm, clipping, and where clipping would begin.

    Args:
        run: The trial.
        diverged: The first step where its loss was not finite; norms from there on say nothing of
            outliers.
    """
    norms = run.curves.get(NORM)
    if norms is None or not len(norms):
        reason = f"{NORM} was not logged"
        return [
            cannot_judge("gradient-outliers", reason, **run.subject),
            *_clipping(run, None),
            cannot_judge("clip-threshold", reason, **run.subject),
        ]
    return [*_outliers(run, norms, diverged), *_clipping(run, norms), *_threshold(run, norms)]


def _outliers(run: Run, norms: Curve, diverged: int | None) -> list[Outcome]:
    at, values = norms.steps, norms.values
    if diverged is not None:
        before = at < diverged
        at, values = at[before], values[before]
    judged = judge_norms(at, values, run.last_step if diverged is None else diverged)
    if judged.unknown:
        return [cannot_judge("gradient-outliers", judged.unknown, **run.subject)]
    outliers = [one for one in judged.outliers if not is_restart(run, one[0], one[0])]
    strongest = max(outliers, key=lambda one: one[2], default=(0, 0.0, 0.0))
    if len(outliers) < NORM_LEAST and strongest[2] < NORM_FACTOR:
        return []
    listed = outliers[:LISTED]
    rose = _rose_at(run, [step for step, _, _ in listed])
    infinite = np.isposinf(values)
    return [
        finding(
            "gradient-outliers",
            "warning",
            f"{len(outliers)} of {judged.rows} gradient norms {_stand(outliers)} far out; the "
            f"largest is {strongest[2]:.3g} times its surroundings, at step {strongest[0]}"
            f"{_told(rose, len(listed))}.",
            _what_to_do(rose, clipping_start(run) or judged.threshold or 0.0),
            subject=run.subject,
            evidence={
                "count": len(outliers),
                "rows": judged.rows,
                "steps": [step for step, _, _ in listed],
                "norms": [norm for _, norm, _ in listed],
                "times_local_median": [ratio for _, _, ratio in listed],
                "loss_rose_at_steps": rose,
                "infinite": int(infinite.sum()),
                "threshold_count": NORM_LEAST,
            },
        )
    ]


def _stand(outliers: Sequence[object]) -> str:
    return "stands" if len(outliers) == 1 else "stand"


def _rose_at(run: Run, steps: Sequence[int]) -> list[int] | None:
    """Give the steps at which the loss of single steps rose; None where it was not logged."""
    single = run.step_loss
    if single is None or int(single.finite.steps[-1:].sum()) < max(steps):
        return None
    at, values = single.finite.steps, single.finite.values
    noise = deviation(values)
    rose = []
    for step, place in zip(steps, at.searchsorted(steps).tolist(), strict=True):
        before = values[max(place - ROSE_BEFORE, 0) : place]
        high = float(values[place : place + ROSE_ROWS].max())
        if before.size and high > middle(before) + ROSE_NOISE * noise:
            rose.append(step)
    return rose


def _told(rose: Sequence[int] | None, outliers: int) -> str:
    if rose is None:
        return ""
    if outliers == 1:
        return ", and the loss rose there" if rose else ", and the loss did not rise there"
    return f"; the loss rose at {len(rose) or 'none'} of them"


def _what_to_do(rose: Sequence[int] | None, threshold: float) -> str:
    clip = f"lip gradients at {threshold:.4g} (90th percentile of the norms)."
    if rose is None:
        return f"Look at the loss at these steps; if it goes up there, c{clip}"
    if rose:
        return f"C{clip}"
    return f"Training passed over them; if the loss goes up in other trials, c{clip}"


def clipping_start(run: Run) -> float | None:
    """Give the 90th percentile of the norms after the start; None where none were logged there."""
    norms = run.curves.get(NORM)
    if norms is None:
        return None
    finite = norms.finite
    return percentile(finite.values[finite.steps > CLIP_SKIP * run.last_step])


def _threshold(run: Run, norms: Curve) -> list[Outcome]:
    finite = norms.finite
    whole = percentile(finite.values)
    if whole is None or len(finite) < FEWEST:
        reason = f"{len(finite)} finite gradient norms; {FEWEST} are needed"
        return [cannot_judge("clip-threshold", reason, **run.subject)]
    later = clipping_start(run)
    ends = f"steps {finite.steps[0]} to {finite.steps[-1]}"
    if later is None:
        after = (
            f"all of them are from the first {CLIP_SKIP:.0%} of the run, so it is a threshold for"
            " the start only"
        )
        advice = "Log grad_norm over the whole run: these norms do not say where to clip."
    else:
        after = f"without the first {CLIP_SKIP:.0%} of the run {later:.4g}"
        advice = f"If training is unstable, begin with gradient clipping at {later:.3g}."
    return [
        finding(
            "clip-threshold",
            "info",
            f"The 90th percentile of {len(finite)} gradient norms over {ends} is {whole:.4g}; "
            f"{after}.",
            advice,
            subject=run.subject,
            evidence={
                "percentile_90": whole,
                "percentile_90_without_start": later,
                "norms": len(finite),
                "first_step": int(finite.steps[0]),
                "last_step": int(finite.steps[-1]),
            },
        )
    ]


def _clipping(run: Run, norms: Curve | None) -> list[Outcome]:
    limit = clip_norm(run)
    flags = run.curves.get(CLIPPED)
    evidence: dict[str, Any]
    if flags is not None and len(flags.finite):
        clipped = flags.finite.values > 0.5
        evidence = {"source": CLIPPED}
    elif limit is None:
        reason = "neither `clipped` nor a clipping threshold among the parameters is known"
        return [cannot_judge("over-clipped", reason, **run.subject)]
    elif math.isinf(limit[1]):
        return []
    elif norms is None:
        return [cannot_judge("over-clipped", f"{NORM} was not logged", **run.subject)]
    else:
        clipped = norms.values[~np.isnan(norms.values)] > limit[1]
        evidence = {"source": limit[0], "clip_norm": limit[1]}
    if clipped.size < FEWEST:
        reason = f"{clipped.size} logged steps; {FEWEST} are needed"
        return [cannot_judge("over-clipped", reason, **run.subject)]
    share = float(np.mean(clipped))
    if share <= CLIP_SHARE:
        return []
    return [
        finding(
            "over-clipped",
            "warning",
            f"Gradients were clipped in {share:.0%} of {clipped.size} logged steps.",
            "Cut the learning rate instead of clipping most steps.",
            subject=run.subject,
            evidence={
                **evidence,
                "share": share,
                "steps": int(clipped.size),
                "threshold_share": CLIP_SHARE,
            },
        )
    ]
