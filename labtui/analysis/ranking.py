"""Which of several results is best, when some are missing or not finite."""

from __future__ import annotations

import math
from collections.abc import Sequence


def ranked(values: Sequence[float | None], minimize: bool) -> list[int]:
    """Order results from best to worst.

    Args:
        values: Results; None, NaN and infinities count as none.
        minimize: Whether lower is better.

    Returns:
        Indices into `values`: ties in their order, those without a result last in theirs.
    """

    def place(index: int) -> tuple[bool, float]:
        value = values[index]
        if value is None or not math.isfinite(value):
            return True, 0.0
        return False, value if minimize else -value

    return sorted(range(len(values)), key=place)


def best_of(values: Sequence[float | None], minimize: bool) -> int | None:
    """Find the best result: the index of the first one that no other beats; None without any.

    Args:
        values: Results; None, NaN and infinities are never the best.
        minimize: Whether lower is better.
    """
    for index in ranked(values, minimize)[:1]:
        value = values[index]
        if value is not None and math.isfinite(value):
            return index
    return None
