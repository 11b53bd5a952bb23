"""Two results beside each other: how often chance alone sets them so far apart (P28, P29)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from labtui.analysis.probability import student_tail

LEVEL = 0.05
"""Share of comparisons of equal things in which a difference is called more than chance at most,
over all pairs that are looked at together."""

LUCKS = 2.0
"""A lead of the best of one search over that of another counts from so many standard deviations of
the difference on: about 5 % of a normal one, and searches of few trials tell it no more finely."""


def chance_of(difference: float, deviation: float, freedom: float) -> float:
    """Compute how likely two trials of equal configurations differ so much, or more, either way.

    Each has its own luck of training, so the difference deviates by sqrt(2) of one.

    Args:
        difference: Of the two values.
        deviation: Sample standard deviation of retraining one configuration.
        freedom: Its degrees of freedom, at least 1.
    """
    if deviation == 0:
        return 0.0 if difference else 1.0
    return 2 * student_tail(abs(difference) / (math.sqrt(2) * deviation), freedom)


def level_of(compared: int) -> float:
    """Give the level of one pair where `compared` results are looked at: Bonferroni's, all pairs.

    Which of them is the best is itself luck, so that every pair counts.
    """
    return LEVEL / max(1, compared * (compared - 1) // 2)


def beyond_luck(difference: float, lucks: Sequence[float]) -> bool:
    """Say whether the bests of two searches lie further apart than the luck of both explains.

    Args:
        difference: Of the two bests.
        lucks: Standard deviation of each over other searches as large.
    """
    return abs(difference) > LUCKS * math.hypot(*lucks)
