"""What is no better than a model that knows nothing: values, and arms of which nearly all is (P01).

An arm that learned nothing while others did says that its ranges are off (P14).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from labtui.analysis.edges import EDGE_SHARE
from labtui.analysis.feasibility import CHANCE_MARGIN
from labtui.analysis.findings import Finding, finding
from labtui.analysis.proposals import (
    Proposal,
    Side,
    ends,
    number_text,
    positions,
    rate_like,
    widened,
)
from labtui.analysis.runs import Ints
from labtui.analysis.sample import sample_error
from labtui.analysis.table import AxisColumn, StudyTable

CHANCE_ERRORS = 3.0
"""Standard errors by which a baseline must beat chance: one of 740 models
that know nothing does."""

FEWEST_OF_ARM = 8
"""Fewest completed trials of an arm that is judged by itself: of fewer, all may lie in a bad corner
of a range that is right elsewhere."""

LOST_SHARE = 0.8
"""Share of an arm's completed trials no better than chance from which its ranges are said to be
off. Over a range of AlexNet's rates that holds the best ones 46 % of 365 trials are at chance; with
Adam's rates on the digits cut a factor of ten below the good ones, 15 of 16."""


def above_chance(
    metric: str, value: float, chance: float, *, minimize: bool, examples: int | None
) -> bool:
    """Tell whether a value is better than chance by a clear margin; by any, if no error is known.

    Args:
        metric: What it is a value of.
        value: As logged; `chance` likewise.
        chance: That of a model that knows nothing.
        minimize: Whether lower is better.
        examples: Validation examples behind it; None where unknown.
    """
    gain = chance - value if minimize else value - chance
    error = sample_error(metric, chance, examples)
    return gain > 0 if error is None else gain >= CHANCE_ERRORS * error


def lost_arms(table: StudyTable) -> Iterator[Finding]:
    """Find arms of which nearly all trials learned nothing, though the study's best did.

    Args:
        table: All ended trials; those that completed count. Its chance level is known.
    """
    if table.chance is None or not table.ranked.size:
        return
    error = sample_error(table.metric, table.shown(table.chance), table.examples)
    best = float(table.values[table.ranked[0]])
    margin = CHANCE_MARGIN * (table.chance - best) if error is None else CHANCE_ERRORS * error
    for arm in table.arm_names:
        rows = np.array([row for row in table.of_arm(arm) if table.feasible[row]], dtype=np.int64)
        beating = rows[table.chance - table.values[rows] >= margin]
        lost = rows.size - beating.size
        if rows.size >= FEWEST_OF_ARM and lost >= LOST_SHARE * rows.size:
            yield _lost(table, arm, rows, beating)


def _lost(table: StudyTable, arm: str, rows: Ints, beating: Ints) -> Finding:
    best = int(rows[np.argmin(table.values[rows])])
    value, chance = table.shown(float(table.values[best])), table.shown(table.chance or 0.0)
    rate = next((a for a in table.axes if rate_like(a.name) and a.in_force[best]), None)
    side = None if rate is None else _side(rate, beating)
    proposal = None if rate is None or side is None else widened(rate, side)
    where = {} if rate is None or proposal is None else {**rate.subject, "side": side}
    bounds, values = (proposal.bounds, proposal.values) if proposal else (None, None)
    lost = int(rows.size - beating.size)
    return finding(
        "below-chance",
        "alert",
        f"{lost} of {rows.size} trials of {arm} are no better than chance, {chance:.4g}; its best "
        f"{table.metric} is {value:.4g}.",
        _advice(rate, proposal),
        subject={"arm": arm, **where},
        evidence={
            "best": value,
            "chance": chance,
            "best_trial": table.trials[best],
            "trials": int(rows.size),
            "trials_at_chance": lost,
            "share_at_chance": lost / rows.size,
            "threshold_share": LOST_SHARE,
            "threshold_errors": CHANCE_ERRORS,
            "proposed_range": None if bounds is None else list(bounds),
            "proposed_values": None if values is None else list(values),
            "definition": "" if proposal is None else proposal.text,
        },
    )


def _side(rate: AxisColumn, beating: Ints) -> Side | None:
    """Name the end of a rate's range where the few trials are that learned; None without one."""
    if not beating.size or rate.kind == "categorical":
        return None
    middle = float(np.median(positions(rate)[beating]))
    if middle >= 1 - EDGE_SHARE:
        return "high"
    return "low" if middle <= EDGE_SHARE else None


def _advice(rate: AxisColumn | None, proposal: Proposal | None) -> str:
    if rate is None:
        return "Look at what is set in this arm only, and widen its ranges, before comparing it."
    if proposal is not None and proposal.text:
        return f"Its learning rate is off: widen the range. {rate.name}: {proposal.text}"
    if rate.definition.range is None:
        return f"Try other values of {rate.name}, larger and smaller by decades."
    low, high = ends(rate)
    return (
        f"The range of {rate.name}, {number_text(low)} to {number_text(high)}, may be off: move it "
        "by decades, either way, before comparing this arm."
    )
