"""Which trials could not be trained, which are poor, and the threshold between them (P16)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from labtui.analysis.findings import Outcome, Severity, cannot_judge, finding
from labtui.analysis.proposals import ends, narrowed, number_text, positions, value_at
from labtui.analysis.runs import Floats
from labtui.analysis.table import AxisColumn, StudyTable

Side: TypeAlias = Literal["low", "high"]
Why: TypeAlias = Literal[
    "diverged", "failed", "out of memory", "timed out", "no usable evaluations", "infeasible"
]
"""``infeasible``: declared so, for a reason of its own."""

FEWEST = 8
"""Fewest ended trials to judge: with fewer, a perfect separation happens by chance."""

FEWEST_BAD, FEWEST_GOOD = 3, 3
"""Fewest trials on either side of a threshold: two bad trials are always beyond some threshold."""

CHANCE = 0.02
"""Probability that no hyperparameter at all separates the trials so well, corrected for all of
them and both sides (one-sided Smirnov bound)."""

PURITY = 0.75
"""Least share of infeasible or poor trials beyond the threshold; in 512 AlexNet trials
it is 0.95 beyond the threshold of the rate."""

MISCLASSIFIED = 0.20
"""Largest share of trials on the wrong side of the threshold: more is a tendency, not a region."""

NARROW = 0.5
"""A cut that leaves less than this part of a range suggests another parameterization."""

LARGE_SHARE = 0.5
"""Infeasible or poor trials above this share: most of the budget is lost; it may be a bug."""

POOR_FENCE = 3.0
"""Poor is beyond the third quartile by so many interquartile ranges …"""

POOR_GAP = 1.0
"""… and further from it than the median is from the best, so many times."""

POOR_SHARE = 0.25
"""The quartile rule holds while fewer trials than this are bad; beyond it, a pile decides."""

PILE_WIDTH, PILE_SHARE, PILE_LEAST = 0.02, 0.10, 4
"""A pile of models that learned nothing: at least so large a share of the trials, and so many,
within this part of the way from the best, in the worse half. Within 1.5 % lie 46 % of AlexNet's
365 completed trials, most at chance, and 12 % of 400 networks on protein data."""

PILE_BEYOND = 0.15
"""Models that learned nothing are the worst: at most this share of the trials ends beyond them. An
error counted on 360 examples piles up anywhere."""

CHANCE_MARGIN = 0.02
"""Nearer to chance than this part of the way from chance to the best is at chance."""


@dataclass(frozen=True, eq=False)
class Classes:
    """What became of a study's trials.

    Attributes:
        why: Of the infeasible trials, by index: what was wrong.
        poor: Indices of completed trials that are far behind the rest, or learned nothing.
        poor_above: Objective (lower is better) from which on trials are poor; None without any.
        ended: How many trials count: all but those that a person stopped.
        by_arm: Shares of infeasible and of poor trials of each arm.
    """

    why: Mapping[int, Why]
    poor: frozenset[int]
    poor_above: float | None
    ended: int
    by_arm: Mapping[str, tuple[float, float]]

    @property
    def infeasible_share(self) -> float:
        """Share of the ended trials that are infeasible."""
        return len(self.why) / self.ended if self.ended else 0.0

    @property
    def poor_share(self) -> float:
        """Share of the ended trials that are poor."""
        return len(self.poor) / self.ended if self.ended else 0.0

    @property
    def counts(self) -> dict[str, int]:
        """How many trials are infeasible for each reason."""
        found: dict[str, int] = {}
        for why in self.why.values():
            found[why] = found.get(why, 0) + 1
        return found


@dataclass(frozen=True)
class Threshold:
    """A value of a hyperparameter beyond which trials are infeasible or poor.

    Attributes:
        side: Where the bad trials are.
        unit: Its position on the axis, between the two trials next to it.
        bad_beyond: Infeasible or poor trials beyond it.
        good_beyond: The others beyond it.
        bad_within: Infeasible or poor trials on the good side.
        good_within: The others there.
        probability: Of as good a separation by chance, corrected for all that were looked at.
    """

    side: Side
    unit: float
    bad_beyond: int
    good_beyond: int
    bad_within: int
    good_within: int
    probability: float

    @property
    def support(self) -> float:
        """Share of the trials that lie on the wrong side."""
        wrong = self.good_beyond + self.bad_within
        return wrong / (wrong + self.bad_beyond + self.good_within)

    @property
    def purity(self) -> float:
        """Share of bad trials beyond the threshold."""
        return self.bad_beyond / max(self.bad_beyond + self.good_beyond, 1)


def classify(table: StudyTable) -> Classes:
    """Tell infeasible and poor trials from the rest, each with its reason (P16).

    Args:
        table: All ended trials.
    """
    bad = np.flatnonzero(table.infeasible)
    why = {int(i): _why(table.states[i], table.reasons[i]) for i in bad}
    above = poor_above(table.values[table.feasible], table.chance)
    poor = frozenset[int]()
    if above is not None:
        poor = frozenset(np.flatnonzero(table.feasible & (table.values >= above)).tolist())
    counted = table.feasible | table.infeasible
    by_arm = {}
    for arm in table.arm_names:
        members = [int(i) for i in table.of_arm(arm) if counted[i]]
        size = max(len(members), 1)
        by_arm[arm] = (
            sum(i in why for i in members) / size,
            sum(i in poor for i in members) / size,
        )
    return Classes(why, poor, above, int(counted.sum()), by_arm)


def poor_above(values: Floats, chance: float | None = None) -> float | None:
    """Find the objective from which on completed trials are poor; None if none are.

    Args:
        values: Objectives of the completed trials, lower is better, (n,), finite.
        chance: Objective of a model that knows nothing.
    """
    if values.size < FEWEST:
        return None
    best = float(values.min())
    limits = []
    if chance is not None and chance > best:
        limits.append(chance - CHANCE_MARGIN * (chance - best))
    # A pile stands for a chance level that nobody declared.
    found = (_fence(values), _pile(values) if chance is None else None)
    limits += [limit for limit in found if limit is not None]
    reached = [float(values[values >= limit].min()) for limit in limits if (values >= limit).any()]
    return min(reached, default=None)


def _fence(values: Floats) -> float | None:
    """Beyond the quartiles by far, and by a gap on the study's own scale; few trials only."""
    # Floats of Python: beyond the largest one they are infinite, and numpy's warn.
    low, middle, high = map(float, np.quantile(values, [0.25, 0.5, 0.75]))
    limit = max(
        high + POOR_FENCE * (high - low),
        high + POOR_GAP * (middle - float(values.min())),
    )
    beyond = values > limit
    if not beyond.any() or beyond.mean() >= POOR_SHARE:
        return None
    return float(values[beyond].min())


def _pile(values: Floats) -> float | None:
    """Where many trials end at one value that reaches into the worse half, as those at chance."""
    ordered = np.sort(values)
    least = max(PILE_LEAST, math.ceil(PILE_SHARE * ordered.size))
    lead = max(ordered.size // 2 - least + 1, 1)
    first, last = ordered[lead : ordered.size - least + 1], ordered[lead + least - 1 :]
    piled = last - first <= PILE_WIDTH * (first - ordered[0])
    piled &= first > ordered[0]
    ends = np.searchsorted(ordered, first + PILE_WIDTH * (first - ordered[0]), side="right")
    piled &= ordered.size - ends <= PILE_BEYOND * ordered.size
    return float(first[np.argmax(piled)]) if piled.any() else None


def _why(state: str, reason: str) -> Why:
    told = reason.lower()
    if "memory" in told or "oom" in told.split():
        return "out of memory"
    if "timed out" in told or "timeout" in told or "time out" in told:
        return "timed out"
    if state == "failed":
        return "failed"
    if state == "completed":
        return "no usable evaluations"
    diverged = ("diverge", "nan", "not finite", "inf ", "infinite", "non-finite", "nonfinite")
    return "diverged" if not told or any(word in told for word in diverged) else "infeasible"


def find_threshold(
    unit: Floats, bad: npt.NDArray[np.bool_], comparisons: int = 2
) -> Threshold | None:
    """Find the threshold of one axis that best separates bad trials from the rest.

    Args:
        unit: Positions on the axis, (n,), finite.
        bad: Which trials are infeasible or poor, (n,).
        comparisons: Hyperparameters x sides that are looked at in all.

    Returns:
        The better of both sides, whatever its quality; None where no two trials differ in position
        or all are alike.
    """
    n_bad, n_good = int(bad.sum()), int((~bad).sum())
    if not n_bad or not n_good:
        return None
    order = np.argsort(unit, kind="stable")
    positions, marks = unit[order], bad[order]
    cuts = np.flatnonzero(np.diff(positions) > 1e-12)
    if not cuts.size:
        return None
    bad_below = np.cumsum(marks)[cuts]
    good_below = cuts + 1 - bad_below
    lead = bad_below / n_bad - good_below / n_good  # positive: the bad ones are low
    low, high = int(np.argmax(lead)), int(np.argmin(lead))
    side: Side = "low" if lead[low] >= -lead[high] else "high"
    best = low if side == "low" else high
    distance = float(abs(lead[best]))
    bound = math.exp(-2 * distance**2 * n_bad * n_good / (n_bad + n_good))
    cut = float(positions[cuts[best]] + positions[cuts[best] + 1]) / 2
    below = int(bad_below[best]), int(good_below[best])
    above = n_bad - below[0], n_good - below[1]
    beyond, within = (below, above) if side == "low" else (above, below)
    return Threshold(side, cut, *beyond, *within, min(1.0, bound * comparisons))


def separates(threshold: Threshold) -> bool:
    """Say whether a threshold marks a region: pure, complete, and not by chance."""
    return (
        threshold.bad_beyond >= FEWEST_BAD
        and threshold.good_within >= FEWEST_GOOD
        and threshold.probability <= CHANCE
        and threshold.purity >= PURITY
        and threshold.support <= MISCLASSIFIED
    )


def thresholds(table: StudyTable, classes: Classes) -> list[tuple[AxisColumn, Threshold]]:
    """Find the thresholds of all numeric axes that separate bad trials from the rest.

    Each axis is judged among the trials where it is in force.
    """
    bad = np.zeros(len(table), dtype=np.bool_)
    bad[[*classes.why, *classes.poor]] = True
    counted = table.feasible | table.infeasible
    axes = [axis for axis in table.axes if axis.kind != "categorical"]
    found = []
    for axis in axes:
        unit = positions(axis)
        rows = counted & np.isfinite(unit)
        if rows.sum() < FEWEST:
            continue
        threshold = find_threshold(unit[rows], bad[rows], 2 * len(axes))
        if threshold is not None and separates(threshold):
            found.append((axis, threshold))
    return found


def judge_feasibility(table: StudyTable, classes: Classes | None = None) -> list[Outcome]:
    """Find the parts of the search space that cannot be trained (P16).

    Args:
        table: All ended trials.
        classes: What `classify` says of them, where it is at hand.
    """
    known = classify(table) if classes is None else classes
    bad = len(known.why) + len(known.poor)
    if not bad:
        return []
    large = bad > LARGE_SHARE * known.ended
    if known.ended < FEWEST and not (large and known.ended >= FEWEST_BAD):
        reason = f"{known.ended} ended trials, fewer than {FEWEST}"
        return [cannot_judge("infeasible-region", reason)]
    found = [_region(axis, limit, known) for axis, limit in thresholds(table, known)]
    if large:
        found.insert(0, _large_share(table, known, separated=bool(found)))
    return found


def _region(axis: AxisColumn, limit: Threshold, classes: Classes) -> Outcome:
    value = float(f"{value_at(axis, limit.unit):.3g}")
    proposal = narrowed(axis, limit.side, limit.unit)
    total = limit.bad_beyond + limit.good_beyond
    where = "below" if limit.side == "low" else "above"
    named = f"{axis.name} ({axis.condition})" if axis.condition else axis.name
    # A cut that loses most of the range is better made where the hyperparameter is defined.
    width = limit.unit if limit.side == "high" else 1 - limit.unit
    other = (
        f", or reparameterize {axis.name} so that its range trains everywhere"
        if width < NARROW
        else ""
    )
    return finding(
        "infeasible-region",
        "warning",
        f"{limit.bad_beyond} of {total} trials with {named} {where} {number_text(value)} are "
        f"infeasible or poor, {limit.bad_within} of {limit.bad_within + limit.good_within} others.",
        f"Cut the range where nothing trains: {axis.name}: {proposal.text}{other}.",
        subject={**axis.subject, "side": limit.side},
        evidence={
            "threshold": value,
            "bad_beyond": limit.bad_beyond,
            "usable_beyond": limit.good_beyond,
            "bad_within": limit.bad_within,
            "usable_within": limit.good_within,
            "misclassified_share": limit.support,
            "bad_share_beyond": limit.purity,
            "probability_by_chance": limit.probability,
            "infeasible_share": classes.infeasible_share,
            "poor_share": classes.poor_share,
            "range": list(ends(axis)),
            "proposed_range": None if proposal.bounds is None else list(proposal.bounds),
            "proposed_values": None if proposal.values is None else list(proposal.values),
            "definition": proposal.text,
        },
    )


def _large_share(table: StudyTable, classes: Classes, separated: bool) -> Outcome:
    told = {**classes.counts, **({"poor": len(classes.poor)} if classes.poor else {})}
    counts = ", ".join(f"{count} {why}" for why, count in sorted(told.items()))
    severity: Severity = "warning" if separated else "alert"
    advice = (
        "Change the search space as proposed for the hyperparameters named; check the training "
        "code if the next study is no better."
        if separated
        else "It may be a bug: train the baseline alone first, then look at the traceback or curve "
        "of the simplest infeasible trial."
    )
    unexplained = "" if separated else ", and no single hyperparameter explains it"
    return finding(
        "infeasible-region",
        severity,
        f"{len(classes.why) + len(classes.poor)} of {classes.ended} trials are infeasible or poor "
        f"({counts}){unexplained}.",
        advice,
        evidence={
            "infeasible": len(classes.why),
            "poor": len(classes.poor),
            "trials": classes.ended,
            "infeasible_share": classes.infeasible_share,
            "poor_share": classes.poor_share,
            "by_reason": classes.counts,
            "infeasible_share_by_arm": {arm: share for arm, (share, _) in classes.by_arm.items()},
            "large_share": LARGE_SHARE,
        },
    )
