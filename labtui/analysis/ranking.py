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
    found = (
        (value if minimize else -value, index)
        for index, value in enumerate(values)
        if value is not None and math.isfinite(value)
    )
    return min(found, default=(0.0, None))[1]


def kendall(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Compute Kendall's tau-b, the agreement of two rankings of the same things.

    Args:
        first: (n,), finite.
        second: (n,), finite.

    Returns:
        From -1 (reversed) to 1 (the same order); None where either has no order at all.
    """
    import numpy as np

    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    concordant = tied_x = tied_y = pairs = 0.0
    for i in range(x.size - 1):  # row by row: 10,000 trials need no matrix of 10^8
        a, b = np.sign(x[i + 1 :] - x[i]), np.sign(y[i + 1 :] - y[i])
        concordant += float(a @ b)
        tied_x += float((a == 0).sum())
        tied_y += float((b == 0).sum())
        pairs += a.size
    scale = (pairs - tied_x) * (pairs - tied_y)
    return concordant / float(np.sqrt(scale)) if scale > 0 else None
