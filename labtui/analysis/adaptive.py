"""What a study says whose points a model chose: they crowd where it expected the best (P13).

Judgements that take the trials for an even sample of the space would be wrong about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from labtui.analysis.findings import Outcome, cannot_judge

NEEDS_EVEN = (
    "infeasible-region",
    "sparse-sampling",
    "insensitive",
    "interaction",
    "search-luck",
)
"""Codes that need points all over the space: shares of it, effects of its axes, the best of as many
draws. What an edge of the range says is kept as weak evidence (`AxisColumn.sampled`), and what
single trials and their curves say holds as it is."""

REASON = "a model chose its points, so that they are no even sample: judge the study it follows"


def even_only(outcomes: Iterable[Outcome], *, adaptive: bool) -> Iterator[Outcome]:
    """Put "cannot judge" in the place of what only an even sample shows.

    Args:
        outcomes: Of the judges of search spaces and results.
        adaptive: Whether a model chose the points.
    """
    if not adaptive:
        yield from outcomes
        return
    yield from (outcome for outcome in outcomes if outcome.code not in NEEDS_EVEN)
    for code in NEEDS_EVEN:
        yield cannot_judge(code, REASON)
