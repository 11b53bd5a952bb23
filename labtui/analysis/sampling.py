"""Whether the good region of a search space holds enough points (P15)."""

from __future__ import annotations

import numpy as np

from labtui.analysis.feasibility import Classes, classify
from labtui.analysis.findings import Outcome, cannot_judge, finding
from labtui.analysis.luck import Known, retrained
from labtui.analysis.proposals import ends, positions
from labtui.analysis.runs import Floats, Ints
from labtui.analysis.table import AxisColumn, StudyTable

FEWEST = 8
"""Fewest usable trials: below that the budget itself is the finding (`thin-budget`)."""

SPARSE = 3
"""Fewer points than this in the good region: two points do not show a region."""

MOST_DIMENSIONS = 2
"""With no more varied dimensions than this, few points cover a region well enough to be seen."""

FALLBACK_SHARE = 0.10
"""Without reruns the good region is the best tenth of the usable trials."""

FEWEST_RERUNS = 3
"""Degrees of freedom of the retrain deviation, at least: from two runs of one configuration it is
less than half of what it should be in two of five cases."""


def judge_sampling(
    table: StudyTable, classes: Classes | None = None, known: Known | None = None
) -> list[Outcome]:
    """Count the points in the good region, and say when they are too few (P15).

    Reruns of one configuration are one point, with their mean objective.

    Args:
        table: All ended trials.
        classes: What `classify` says of them, where it is at hand.
        known: The workload's retrain deviation, for a study in which nothing was rerun.
    """
    classes = classify(table) if classes is None else classes
    usable = table.feasible.copy()
    usable[list(classes.poor)] = False
    rows = _one_a_configuration(table, np.flatnonzero(usable))
    varied = [axis for axis in table.axes if _varies(axis, rows)]
    if len(rows) < FEWEST:
        reason = f"{len(rows)} usable configurations, fewer than {FEWEST}"
        return [cannot_judge("sparse-sampling", reason)]
    if len(varied) <= MOST_DIMENSIONS:
        return []
    values = _values(table, rows, np.flatnonzero(usable))
    reruns = retrained(table)
    spread = None
    if reruns is not None and reruns.freedom >= FEWEST_RERUNS:
        spread = reruns.pooled, reruns.freedom
    elif reruns is None and known is not None and known.freedom >= FEWEST_RERUNS:
        spread = known.deviation, known.freedom
    if spread is None:
        limit = float(np.quantile(values, FALLBACK_SHARE))
    else:
        limit = float(values.min()) + spread[0]
    good = rows[values <= limit]
    if good.size >= SPARSE:
        return []
    measured_before = known if spread is not None and reruns is None else None
    return [_sparse(table, varied, good, len(rows), limit, spread, measured_before)]


def _one_a_configuration(table: StudyTable, rows: Ints) -> Ints:
    """Keep the first trial of every configuration."""
    firsts: dict[int, int] = {}
    for index in rows:
        firsts.setdefault(table.configurations[index], int(index))
    return np.array(list(firsts.values()), dtype=np.int64)


def _values(table: StudyTable, firsts: Ints, rows: Ints) -> Floats:
    """Give the mean objective of every configuration, in the order of their first trials."""
    groups: dict[int, list[float]] = {}
    for index in rows:
        groups.setdefault(table.configurations[index], []).append(float(table.values[index]))
    return np.array([np.mean(groups[table.configurations[index]]) for index in firsts])


def _varies(axis: AxisColumn, rows: Ints) -> bool:
    values = {str(axis.values[i]) for i in rows if axis.values[i] is not None}
    return len(values) > 1 and axis.role != "scientific"


def _sparse(
    table: StudyTable,
    varied: list[AxisColumn],
    good: Ints,
    total: int,
    limit: float,
    spread: tuple[float, int] | None,
    known: Known | None,
) -> Outcome:
    measure = "one retrain deviation" if spread else f"the best {FALLBACK_SHARE:.0%}"
    where = "within one retrain deviation of the best" if spread else f"in {measure}"
    if known is not None:
        where += f" (that of {known.trial or 'a configuration'}, {known.date})"
    points = "1 point lies" if good.size == 1 else f"{good.size} points lie"
    return finding(
        "sparse-sampling",
        "warning" if spread else "info",
        f"Only {points} {where}, of {total} with {len(varied)} hyperparameters varied.",
        "Add trials to this study, or vary fewer hyperparameters: refine around the good region.",
        evidence={
            "good_points": int(good.size),
            "usable_points": total,
            "varied_dimensions": len(varied),
            "fewest_good_points": SPARSE,
            "objective_limit": table.shown(limit),
            "retrain_deviation": None if spread is None else spread[0],
            "retrain_degrees_of_freedom": None if spread is None else spread[1],
            **({"rerun_trial": known.trial, "rerun_date": known.date} if known else {}),
            "good_region": {
                axis.name: _extent(axis, good) for axis in varied if axis.kind != "categorical"
            },
        },
    )


def _extent(axis: AxisColumn, good: Ints) -> list[float]:
    """Give the lowest and the highest value among the good points; the whole axis without any."""
    there = good[np.isfinite(positions(axis)[good])]
    values = [float(axis.values[i]) for i in there]
    return [min(values), max(values)] if values else list(ends(axis))
