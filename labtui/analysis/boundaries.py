"""Whether the best points lie at an edge of the search space, or where training diverges.

The rule looks at the marginal curve of each hyperparameter in an additive fit of the better half of
the trials (`marginals`), and asks how surely its minimum lies at an end of the range; the best few
trials must agree. Where hardly anything trains, the place of what does train is the evidence.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labtui.analysis.edges import (
    Edge,
    Strength,
    edge_evidence,
    hypergeometric_tail,
    strength_of,
)
from labtui.analysis.feasibility import (
    Classes,
    Threshold,
    classify,
    thresholds,
)
from labtui.analysis.findings import Outcome, Severity, cannot_judge, finding
from labtui.analysis.marginals import fit_marginals
from labtui.analysis.proposals import (
    Proposal,
    Side,
    ends,
    number_text,
    positions,
    rate_like,
    value_at,
    widened,
)
from labtui.analysis.runs import Floats, Ints
from labtui.analysis.table import AxisColumn, StudyTable

FEWEST = 8
"""Fewest usable trials for a fit: two axes and their noise have six unknowns."""

BETTER_SHARE, BETTER_LEAST = 0.5, 30
"""Of more than 30 usable trials, two fits are believed equally: of all of them, and of the better
half of each arm (30 at least). On 512 AlexNet trials the worse half follows cliffs: with it the
momentum seems best at its low end with probability 0.89, in the better half with 0.29, and the best
ten are spread evenly. On 240 networks with rates up to the best one alone it is the other way
round: 1.00 with all, 0.77 in the better half, which holds little of the slope."""

CROWDED_GOOD, CROWDED_PART, CROWDED_SHARE = 0.5, 0.25, 0.8
"""Where at most half of the trials train, their place is evidence itself: at least 80 % of them in
the outer quarter …"""

CROWDED_CHANCE, CROWDED_SURE = 0.05, 0.001
"""… with at most this probability by chance (hypergeometric, corrected): weak, and strong."""

CROWDED_RARE, EXPECTED_PART, EXPECTED_SHARE, CROWDED_EXPECTED = 0.25, 1 / 3, 0.6, 0.35
"""Where at most a quarter trains, a learning rate that is too high is the usual cause: then 60 % of
them in its lowest third are weak evidence, up to this probability."""

CONTRADICTED = 0.5
"""A fit of the usable trials that puts the minimum near the edge with less than this probability
speaks against their place alone."""

STABILITY_FACTOR = 3.0
"""The best trials are at the stability edge within this factor below the rate that diverges."""

STABILITY_BEST = 3
"""The median rate of so many best trials is compared: the single best one is a matter of luck."""


MOST_LABELS = 24
"""Most values of a categorical hyperparameter whose effect is taken away."""


@dataclass(frozen=True, eq=False)
class _Fitted:
    """What was fitted: the axes that vary, and samples of their curves by axis."""

    axes: Sequence[AxisColumn]
    draws: Mapping[int, Floats]


def judge_boundaries(table: StudyTable, classes: Classes | None = None) -> list[Outcome]:
    """Look for hyperparameters whose best points lie at an end of the range (P14, P37).

    Args:
        table: All ended trials; each condition of a hyperparameter is judged among the trials where
            it is in force.
        classes: What `classify` says of them, where it is at hand.
    """
    known = classify(table) if classes is None else classes
    axes = [axis for axis in table.axes if axis.kind != "categorical"]
    usable = table.feasible.copy()
    usable[list(known.poor)] = False
    separated = {id(axis): limit for axis, limit in thresholds(table, known)}
    fits: dict[bytes, _Fitted | None] = {}
    outcomes: list[Outcome] = []
    for axis in axes:
        outcomes += _judge_axis(table, axis, axes, usable, separated.get(id(axis)), fits)
    return outcomes


def _judge_axis(
    table: StudyTable,
    axis: AxisColumn,
    axes: Sequence[AxisColumn],
    usable: npt.NDArray[np.bool_],
    limit: Threshold | None,
    fits: dict[bytes, _Fitted | None],
) -> Iterator[Outcome]:
    unit = positions(axis)
    force = np.isfinite(unit)
    edge_of_stability = None if limit is None else _stability(table, axis, unit, usable, limit)
    here = force & usable
    fitted: _Fitted | str = _unfit(unit[here])
    if not fitted:
        key = force.tobytes()
        if key not in fits:
            fits[key] = _fit(table, here, axes)
        fitted = fits[key] or "all trials are equally good"
    edges = [] if isinstance(fitted, str) else _edges(table, axis, unit, here, fitted)
    against = {edge.side for edge, _ in edges if edge.near < CONTRADICTED}
    crowd = _crowded(table, axis, unit, usable, len(axes), against)
    if crowd is not None:
        yield crowd
        return
    found = {edge.side: (edge, strength) for edge, strength in edges if strength is not None}
    # Where the best rates lie at the low end, what diverges above is not what limits them.
    if edge_of_stability is not None and "low" not in found:
        yield edge_of_stability
    if isinstance(fitted, str):
        yield cannot_judge("search-boundary", fitted, **axis.subject)
    for side, (edge, strength) in found.items():
        if side == "low" or edge_of_stability is None:
            yield _boundary(axis, edge, strength, int(here.sum()))


def _unfit(unit: Floats) -> str:
    """Say why the usable trials of an axis cannot be judged; empty if they can."""
    if unit.size < FEWEST:
        return f"{unit.size} usable trials, fewer than {FEWEST}"
    return "fewer than three different values" if np.unique(unit).size < 3 else ""


def _edges(
    table: StudyTable,
    axis: AxisColumn,
    unit: Floats,
    here: npt.NDArray[np.bool_],
    fitted: _Fitted,
) -> list[tuple[Edge, Strength | None]]:
    """Give the evidence for a better point beyond either end, and how strong it is."""
    found: list[tuple[Edge, Strength | None]] = []
    sides: tuple[Side, Side] = ("low", "high")
    for side in sides:
        draws, levels = fitted.draws[id(axis)], _levels(axis, unit)
        edge = edge_evidence(unit[here], table.values[here], draws, side, levels)
        found.append((edge, strength_of(edge, int(here.sum()), len(fitted.axes))))
    return found


def _present(axes: Sequence[AxisColumn], rows: Ints) -> list[AxisColumn]:
    """Give the axes that vary among some trials."""
    return [axis for axis in axes if np.unique(axis.unit[rows][axis.in_force[rows]]).size > 1]


def _levels(axis: AxisColumn, unit: Floats) -> Floats | None:
    """Give the positions of a list, where alone its curve means something; None for a range."""
    return np.unique(unit[np.isfinite(unit)]) if axis.kind == "ordered" else None


def _fit(
    table: StudyTable, here: npt.NDArray[np.bool_], axes: Sequence[AxisColumn]
) -> _Fitted | None:
    """Fit all usable trials, and of many also the better half of each arm."""
    rows = np.flatnonzero(here)
    varied = _present(axes, rows)
    draws = _curves(table, rows, varied)
    better = _better(table, here)
    if not draws or better.size == rows.size:
        return _Fitted(varied, draws) if draws else None
    more = _curves(table, better, _present(varied, better))
    return _Fitted(
        varied,
        {key: np.concatenate([curves, more.get(key, curves)]) for key, curves in draws.items()},
    )


def _better(table: StudyTable, here: npt.NDArray[np.bool_]) -> Ints:
    """Give the better half of each arm's usable trials."""
    share = max(BETTER_SHARE, min(BETTER_LEAST / int(here.sum()), 1.0))
    kept: list[int] = []
    for arm in table.arm_names:
        members = table.of_arm(arm)
        members = members[here[members]]
        order = np.argsort(table.values[members], kind="stable")
        kept += members[order[: math.ceil(share * members.size)]].tolist()
    return np.array(sorted(kept), dtype=np.int64)


def _curves(table: StudyTable, rows: Ints, axes: Sequence[AxisColumn]) -> dict[int, Floats]:
    """Fit some trials; gives samples of the curve of each axis, none where all are equal."""
    labels: list[Sequence[object]] = [[table.arms[i] for i in rows]]
    labels += [[axis.values[i] for i in rows] for axis in table.axes if axis.kind == "categorical"]
    varied = [one for one in labels if 1 < len(set(map(str, one))) <= MOST_LABELS]
    units = [positions(axis)[rows] for axis in axes]
    marginals = fit_marginals(units, table.values[rows], varied)
    return {id(axis): one.draws for axis, one in zip(axes, marginals, strict=False)}


def _crowded(
    table: StudyTable,
    axis: AxisColumn,
    unit: Floats,
    usable: npt.NDArray[np.bool_],
    n_axes: int,
    against: Collection[Side],
) -> Outcome | None:
    """Find that the few trials that train lie in the outer quarter of an axis.

    A side is not named where enough of them train for a fit, and that speaks `against` it.
    """
    counted = np.isfinite(unit) & (table.feasible | table.infeasible)
    good = counted & usable
    if counted.sum() < FEWEST or not 1 <= good.sum() <= CROWDED_GOOD * counted.sum():
        return None
    for side in ("low", "high"):
        expected = (
            side == "low" and rate_like(axis.name) and good.sum() <= CROWDED_RARE * counted.sum()
        )
        away = unit if side == "low" else 1 - unit
        outer = away <= (EXPECTED_PART if expected else CROWDED_PART)
        inside = int((outer & good).sum())
        best = int(np.flatnonzero(good)[np.argmin(table.values[good])])
        least = EXPECTED_SHARE if expected else CROWDED_SHARE
        if side in against or inside < least * good.sum() or not outer[best]:
            continue
        chance = hypergeometric_tail(
            inside, int(good.sum()), int((outer & counted).sum()), int(counted.sum())
        )
        chance = min(1.0, chance * (1 if expected else 2 * n_axes))
        if chance <= (CROWDED_EXPECTED if expected else CROWDED_CHANCE):
            part = "third" if expected else "quarter"
            return _crowd_finding(axis, side, part, chance, good, counted, inside)
    return None


def _crowd_finding(
    axis: AxisColumn,
    side: Side,
    part: str,
    chance: float,
    good: npt.NDArray[np.bool_],
    counted: npt.NDArray[np.bool_],
    inside: int,
) -> Outcome:
    sure = chance <= CROWDED_SURE and _ranged(axis)
    trained, total = int(good.sum()), int(counted.sum())
    message = (
        f"Only {trained} of {total} trials train, {inside} of them in the {side} {part} of "
        f"{_named(axis)}, the best one too."
    )
    evidence = {
        "usable_trials": trained,
        "trials": total,
        f"usable_in_outer_{part}": inside,
        "probability_by_chance": chance,
    }
    return _finding(axis, side, "strong" if sure else "weak", message, evidence)


def _boundary(axis: AxisColumn, edge: Edge, strength: Strength, usable: int) -> Outcome:
    found: Strength = strength if _ranged(axis) else "weak"
    outer = "in the outer tenth", "in the outer fifth"
    if axis.kind == "ordered":
        outer = f"the {edge.side}est value", "there"
    message = (
        f"The best values of {_named(axis)} lie at the {edge.side} end of its range: the fitted "
        f"optimum is {outer[0]} with probability {edge.near:.2f}, and {edge.tail:.0%} of "
        f"the best {edge.best} trials are {outer[1]}."
    )
    evidence = {
        "usable_trials": usable,
        "u_of_best": edge.unit_of_best if edge.side == "low" else 1 - edge.unit_of_best,
        "probability_near_edge": edge.near,
        "probability_at_edge": edge.at,
        "fitted_gain_deviations": edge.gain,
        "best_trials": edge.best,
        "share_of_best_near_edge": edge.tail,
        "share_of_best_by_chance": edge.tail_chance,
    }
    return _finding(axis, edge.side, found, message, evidence)


def _finding(
    axis: AxisColumn, side: Side, strength: Strength, message: str, evidence: Mapping[str, object]
) -> Outcome:
    proposal = widened(axis, side)
    severity: Severity = "alert" if strength == "strong" else "warning"
    if not proposal.text:
        severity = "info"
    return finding(
        "search-boundary",
        severity,
        message,
        _advice(axis, side, strength, proposal),
        subject={**axis.subject, "side": side},
        evidence={
            **evidence,
            "strength": strength,
            "range": list(ends(axis)),
            "proposed_range": None if proposal.bounds is None else list(proposal.bounds),
            "proposed_values": None if proposal.values is None else list(proposal.values),
            "definition": proposal.text,
        },
    )


def _advice(axis: AxisColumn, side: Side, strength: Strength, proposal: Proposal) -> str:
    if not proposal.text:
        scale = (
            "; a log scale from a small value would show where it stops mattering"
            if side == "low" and axis.definition.scale == "linear"
            else ""
        )
        return f"Nothing to widen: {proposal.limit or 'the range ends here'}{scale}."
    start = "Widen the range" if strength == "strong" else "Add trials, or widen the range"
    if proposal.values is not None:
        start = "Add a point beyond the end"
    return f"{start} and run again: {axis.name}: {proposal.text}"


def _ranged(axis: AxisColumn) -> bool:
    """Say whether the axis was drawn from a range; a list of points is weak evidence at most."""
    return axis.sampled and axis.kind == "continuous"


def _named(axis: AxisColumn) -> str:
    return f"{axis.name} ({axis.condition})" if axis.condition else axis.name


def _stability(
    table: StudyTable,
    axis: AxisColumn,
    unit: Floats,
    usable: npt.NDArray[np.bool_],
    limit: Threshold,
) -> Outcome | None:
    """Find that the best rates lie just below those that diverge."""
    if limit.side != "high" or not rate_like(axis.name):
        return None
    rows = np.flatnonzero(usable & np.isfinite(unit))
    best = rows[np.argsort(table.values[rows], kind="stable")][:STABILITY_BEST]
    if best.size < STABILITY_BEST:
        return None
    rate = float(np.median([float(axis.values[i]) for i in best]))
    unstable = value_at(axis, limit.unit)
    if rate <= 0 or unstable > STABILITY_FACTOR * rate:
        return None
    factor = unstable / rate
    return finding(
        "stability-edge",
        "warning",
        f"{limit.bad_beyond} of {limit.bad_beyond + limit.good_beyond} trials with {_named(axis)} "
        f"above {number_text(float(f'{unstable:.2g}'))} fail or learn nothing, and the best trials "
        f"lie within a factor of {factor:.1f} below.",
        "Higher rates may be better once they train: add warmup first, then gradient clipping, "
        "before lowering the rate.",
        subject={**axis.subject, "side": "high"},
        evidence={
            "unstable_above": unstable,
            "median_rate_of_best": rate,
            "best_trials": int(best.size),
            "factor": factor,
            "largest_factor": STABILITY_FACTOR,
            "bad_above": limit.bad_beyond,
            "usable_above": limit.good_beyond,
            "bad_below": limit.bad_within,
            "usable_below": limit.good_within,
            "misclassified_share": limit.support,
            "probability_by_chance": limit.probability,
        },
    )
