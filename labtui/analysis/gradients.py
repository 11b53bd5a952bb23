"""Gradient norms: outliers (P38), where clipping would begin, and whether it acts always (P41)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labtui.analysis.findings import Outcome, cannot_judge, finding
from labtui.analysis.noise import TO_DEVIATION, middle, quantile, window_median
from labtui.analysis.runs import FEWEST, Curve, Floats, Ints, Run

NORM, CLIPPED = "grad_norm", "clipped"

NORM_ROWS, NORM_SKIP = 30, 0.05
"""Fewest gradient norms to judge, and the share of the run whose norms are those of the start."""

NORM_FACTOR, NORM_DEVIATIONS = 5.0, 6.0
"""An outlier is so many times the local median, and its logarithm so many deviations away."""

STEADY_FACTOR, STEADY_DEVIATIONS = 2.5, 12.0
"""Or these: where norms hardly vary, as a transformer's (5 % from row to row), a spike of three
times the median is plain to see."""

NORM_LEAST = 3
"""Fewest outliers that are a sign: of 60 real logs 5 have one or two, 5 have more."""

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
        """Whether there are more outliers than every run has; None: cannot judge."""
        return None if self.unknown else len(self.outliers) >= NORM_LEAST


def judge_norms(
    steps: Sequence[int] | Ints, norms: Sequence[float] | Floats, last_step: int | None = None
) -> Norms:
    """Find outliers of the gradient norm, the first 5 % of the run left out.

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
    if not judged.are_a_sign:
        return []
    strongest = max(judged.outliers, key=lambda one: one[2])
    listed = judged.outliers[:LISTED]
    infinite = np.isposinf(values)
    return [
        finding(
            "gradient-outliers",
            "warning",
            f"{len(judged.outliers)} of {judged.rows} gradient norms stand far out; the largest "
            f"is {strongest[2]:.3g} times its surroundings, at step {strongest[0]}",
            "look at the loss at these steps; if it goes up there, clip gradients at the "
            f"90th percentile of the norms, {judged.threshold:.4g}",
            subject=run.subject,
            evidence={
                "count": len(judged.outliers),
                "rows": judged.rows,
                "steps": [step for step, _, _ in listed],
                "norms": [norm for _, norm, _ in listed],
                "times_local_median": [ratio for _, _, ratio in listed],
                "infinite": int(infinite.sum()),
                "threshold_count": NORM_LEAST,
            },
        )
    ]


def _threshold(run: Run, norms: Curve) -> list[Outcome]:
    finite = norms.finite
    whole = percentile(finite.values)
    if whole is None or len(finite) < FEWEST:
        reason = f"{len(finite)} finite gradient norms; {FEWEST} are needed"
        return [cannot_judge("clip-threshold", reason, **run.subject)]
    since = int(finite.steps.searchsorted(NORM_SKIP * run.last_step, "right"))
    later = percentile(finite.values[since:])
    ends = f"steps {finite.steps[0]} to {finite.steps[-1]}"
    after = (
        f"all of them are from the first {NORM_SKIP:.0%} of the run"
        if later is None
        else f"without the first {NORM_SKIP:.0%} of the run {later:.4g}"
    )
    start = whole if later is None else later
    advice = f"if training is unstable, begin with gradient clipping at {start:.3g}"
    return [
        finding(
            "clip-threshold",
            "info",
            f"the 90th percentile of {len(finite)} gradient norms over {ends} is {whole:.4g}; "
            f"{after}",
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
            f"gradients were clipped in {share:.0%} of {clipped.size} logged steps",
            "cut the learning rate instead of clipping most steps",
            subject=run.subject,
            evidence={
                **evidence,
                "share": share,
                "steps": int(clipped.size),
                "threshold_share": CLIP_SHARE,
            },
        )
    ]
