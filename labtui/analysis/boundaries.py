"""Whether the best points lie at an edge of the search space, or where training diverges.

Usable trials are ranked. The rule adds up how much nearer to an end the better ones are, how many
of the best few lie there, and where an additive fit has its minimum (`edges`,
`marginals`). Where hardly anything trains, all trials are ranked, those that failed at the bottom.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from labtui.analysis.edges import CERTAIN, STRONG, WEAK, Edge, Strength, edge_evidence
from labtui.analysis.feasibility import Classes, Threshold, classify, thresholds
from labtui.analysis.findings import Outcome, Severity, cannot_judge, finding
from labtui.analysis.marginals import Marginal, fit_marginals, rank_scores
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
"""Fewest configurations; reruns of one say nothing about the range. With so many usable ones the
others are left out: counted as the worst they make the low end of a rate look best wherever its
high half diverges (83 % of 60 subsamples of AlexNet's 512 trials, whose best rates are inside)."""

FEWEST_USABLE = 3
"""Fewest of them that trained: the place of two is chance."""

RARE, EXPECTED = 0.25, 0.10
"""Where at most a quarter of the trials trains, too high a learning rate is the usual cause: this
score then names the low end of a rate, and one usable trial is enough. Rates cut above AlexNet's
best ones were found in 33 to 75 % instead of 25 to 58 % of subsamples of 20 and 30."""

MOST_LABELS = 24
"""Most values of a categorical hyperparameter whose effect is taken away."""

STABILITY_FACTOR = 3.0
"""The best trials are at the stability edge within this factor below the rate that diverges."""

STABILITY_BEST = 3
"""The median rate of so many best trials is compared: the single best one is a matter of luck."""


@dataclass(frozen=True, eq=False)
class _Ranking:
    """Configurations of a study, one row each; reruns are pooled.

    Attributes:
        rows: Index of the first trial of each, (m,).
        values: Mean objective where most of its trials are usable, infinite where not, (m,); in
            studies of several arms, each large enough, its rank in its arm.
    """

    rows: Ints
    values: Floats


def judge_boundaries(table: StudyTable, classes: Classes | None = None) -> list[Outcome]:
    """Look for hyperparameters whose best points lie at an end of the range (P14, P37).

    Args:
        table: All ended trials; each condition of a hyperparameter is judged among the trials where
            it is in force.
        classes: What `classify` says of them, where it is at hand.
    """
    known = classify(table) if classes is None else classes
    usable = table.feasible.copy()
    usable[list(known.poor)] = False
    ranking = _ranking(table, usable)
    fits: dict[bytes, Mapping[int, Marginal]] = {}
    separated = {id(axis): limit for axis, limit in thresholds(table, known)}
    outcomes: list[Outcome] = []
    for axis in table.axes:
        if axis.kind != "categorical":
            limit = separated.get(id(axis))
            outcomes += _judge_axis(table, axis, ranking, usable, limit, fits)
    return outcomes


def _ranking(table: StudyTable, usable: npt.NDArray[np.bool_]) -> _Ranking:
    """Pool reruns of one configuration; one of which most trials fail does not train."""
    groups: dict[int, list[int]] = {}
    for index in np.flatnonzero(table.feasible | table.infeasible):
        groups.setdefault(table.configurations[index], []).append(int(index))
    values = [
        float(table.values[good].mean()) if 2 * len(good) >= len(group) and good else np.inf
        for group in groups.values()
        for good in [[i for i in group if usable[i]]]
    ]
    rows = np.array([group[0] for group in groups.values()], dtype=np.int64)
    return _Ranking(rows, _within_arms([table.arms[i] for i in rows], np.array(values)))


def _within_arms(arms: Sequence[str], values: Floats) -> Floats:
    """Replace values by ranks within arms: ranges are judged whatever arm is better."""
    members = [np.array([one == arm for one in arms], dtype=np.bool_) for arm in set(arms)]
    if len(members) < 2 or any(rows.sum() < FEWEST for rows in members):
        return values
    ranks = np.full(values.size, np.inf)
    for rows in members:
        ranks[rows] = np.where(np.isfinite(values[rows]), rank_scores(values[rows]), np.inf)
    return ranks


def _judge_axis(
    table: StudyTable,
    axis: AxisColumn,
    ranking: _Ranking,
    usable: npt.NDArray[np.bool_],
    limit: Threshold | None,
    fits: dict[bytes, Mapping[int, Marginal]],
) -> Iterator[Outcome]:
    unit = positions(axis)
    rows, values = ranking.rows, ranking.values
    here = np.isfinite(unit[rows])
    rows, values = rows[here], values[here]
    edge_of_stability = None if limit is None else _stability(table, axis, unit, usable, limit)
    rare = rate_like(axis.name) and np.isfinite(values).mean() <= RARE if values.size else False
    reason = _unfit(unit[rows], values, 1 if rare else FEWEST_USABLE)
    if reason:
        if edge_of_stability is not None:
            yield edge_of_stability
        yield cannot_judge("search-boundary", reason, **axis.subject)
        return
    total, trained = values.size, np.isfinite(values)
    if trained.sum() >= FEWEST:
        rows, values = rows[trained], values[trained]
    key = rows.tobytes()
    if key not in fits:
        fits[key] = _fit(table, rows, values)
    effect = fits[key].get(id(axis))
    edges = {edge.side: edge for edge in _edges(axis, rows, values, effect, rare)}
    # Where the best rates lie at the low end, what diverges above is not what limits them.
    if edge_of_stability is not None and "low" not in edges:
        yield edge_of_stability
    for side, edge in edges.items():
        if side == "low" or edge_of_stability is None:
            yield _boundary(axis, edge, int(trained.sum()), total)


def _unfit(unit: Floats, values: Floats, least: int) -> str:
    """Say why the trials of an axis cannot be judged; empty if they can."""
    trained = np.isfinite(values)
    if unit.size < FEWEST:
        return f"{unit.size} configurations, fewer than {FEWEST}"
    if trained.sum() < least:
        return f"{int(trained.sum())} usable trials, fewer than {least}"
    if np.unique(unit).size < 3:
        return "fewer than three different values"
    alone = trained.all() or trained.sum() >= FEWEST  # no trial that failed is ranked with them
    equal = alone and np.ptp(values[trained]) <= 0
    return "all trials are equally good" if equal else ""


def _fit(table: StudyTable, rows: Ints, values: Floats) -> dict[int, Marginal]:
    """Fit some trials; gives the effect of each axis that varies among them."""
    numeric = [axis for axis in table.axes if axis.kind != "categorical"]
    varied = [axis for axis in numeric if np.unique(axis.unit[rows][axis.in_force[rows]]).size > 1]
    labels = [[axis.values[i] for i in rows] for axis in table.axes if axis.kind == "categorical"]
    told = [one for one in labels if 1 < len(set(map(str, one))) <= MOST_LABELS]
    units = [_stretched(axis)[rows] for axis in varied]
    target = values if np.isfinite(values).all() else rank_scores(values)
    effects = fit_marginals(units, target, told)
    return {id(axis): effect for axis, effect in zip(varied, effects, strict=True)}


def _edges(
    axis: AxisColumn, rows: Ints, values: Floats, effect: Marginal | None, rare: bool
) -> Iterator[Edge]:
    """Give the ends of an axis beyond which a better point may lie."""
    if effect is None:  # it does not vary among the usable trials
        return
    unit = _stretched(axis)[rows]
    ranked, usable = np.argsort(values, kind="stable"), int(np.isfinite(values).sum())
    sides: tuple[Side, Side] = ("low", "high")
    for side in sides:
        expected = rare and side == "low" and usable < FEWEST
        if usable < FEWEST_USABLE and not expected:
            continue
        counted = values.size if expected else usable
        edge = edge_evidence(unit, ranked, usable, effect, side, counted)
        if edge.found or (expected and edge.score >= EXPECTED):
            yield edge


def _stretched(axis: AxisColumn) -> Floats:
    """Give positions such that the ends of a list are 0 and 1, as those of a range."""
    unit = positions(axis)
    if axis.definition.range is not None:
        return unit
    half = 0.5 / max(len(axis.definition.values or ()), 2)
    stretched: Floats = (unit - half) / (1 - 2 * half)
    return stretched


def _boundary(axis: AxisColumn, edge: Edge, trained: int, total: int) -> Outcome:
    strength: Strength = "strong" if edge.score >= STRONG and _ranged(axis) else "weak"
    few = f"; {trained} of {total} trained" if 2 * trained <= total else ""
    start = "The best" if strength == "strong" else "Weak evidence: the best"
    fitted = f"{edge.place:.0%} of the range from it" if edge.place >= 0.005 else "at it"
    explained = f"; the fit explains {1 - edge.unexplained**2:.0%} of the variance"
    message = (
        f"{start} values of {_named(axis)} lie at the {edge.side} end of its range: "
        f"{edge.tail:.0%} of the best {edge.best} trials are in the outer fifth, better trials are "
        f"{edge.trend:.1f} deviations nearer to it than by chance, and the fitted optimum is "
        f"{fitted}{explained if edge.certain else ''}{few}."
    )
    proposal = widened(axis, edge.side)
    severity: Severity = "alert" if strength == "strong" else "warning"
    if not proposal.text:
        severity = "info"
    evidence: Mapping[str, object] = {
        "trials": total,
        "usable_trials": trained,
        "u_of_best": edge.unit_of_best if edge.side == "low" else 1 - edge.unit_of_best,
        "best_trials": edge.best,
        "share_of_best_near_edge": edge.tail,
        "trend_deviations": edge.trend,
        "fitted_distance_from_edge": edge.place,
        "fall_deviations": edge.fall,
        "unexplained_deviations": edge.unexplained,
        "score": edge.score,
        "weak_from": WEAK,
        "certain_below": CERTAIN,
        "strong_from": STRONG,
        "strength": strength,
        "range": list(ends(axis)),
        "proposed_range": None if proposal.bounds is None else list(proposal.bounds),
        "proposed_values": None if proposal.values is None else list(proposal.values),
        "definition": proposal.text,
    }
    return finding(
        "search-boundary",
        severity,
        message,
        _advice(axis, edge.side, strength, proposal),
        subject={**axis.subject, "side": edge.side},
        evidence=evidence,
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
