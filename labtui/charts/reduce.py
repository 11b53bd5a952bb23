"""Data made ready to draw: gaps, min/max envelopes, smoothing, limits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from labtui.charts.scale import LARGEST, Floats, Scale, coordinates

if TYPE_CHECKING:
    from labtui.charts.spec import Numbers

PADDING = 0.03
"""Share of the span added on either side, so that nothing lies on the frame."""

SMOOTHED_FROM = 64
"""Curves with fewer points are legible as they are, and a lag would only mislead."""

_GROWTH = 1e12
_SAFE = 1e250


@dataclass(frozen=True, eq=False)
class Curve:
    """Finite points in axis coordinates; neighbours are joined when they share a run.

    Attributes:
        x: Shape (n,), ascending.
        y: Shape (n,).
        run: Shape (n,), ascending; changes at every gap.
    """

    x: Floats
    y: Floats
    run: npt.NDArray[np.int64]

    def __len__(self) -> int:
        """The number of points."""
        return int(self.x.size)

    def inside(self, low: float, high: float) -> slice:
        """Where the points between two places are, the places included."""
        first = int(np.searchsorted(self.x, low, side="left"))
        return slice(first, int(np.searchsorted(self.x, high, side="right")))

    def near(self, low: float, high: float) -> Curve:
        """The points between two places and one neighbour on either side, without a copy."""
        found = self.inside(low, high)
        shown = slice(max(found.start - 1, 0), found.stop + 1)
        return Curve(self.x[shown], self.y[shown], self.run[shown])

    def take(self, index: npt.NDArray[np.int64]) -> Curve:
        """The points at the given places."""
        return Curve(self.x[index], self.y[index], self.run[index])


def paired(
    x: Numbers, y: Numbers, *, log_x: bool = False, log_y: bool = False
) -> tuple[Floats, Floats]:
    """Bring x and y to axis coordinates, ascending in x, without points that have no x.

    Args:
        x: Positions, shape (n,).
        y: Values, shape (m,); the longer of the two is cut.
        log_x: Whether x is on a log axis.
        log_y: Whether y is on a log axis.

    Returns:
        Two arrays of one length; y is NaN where there is a gap.
    """
    across, up = coordinates(x, log_x), coordinates(y, log_y)
    count = min(across.size, up.size)
    across, up = across[:count], up[:count]
    known = np.isfinite(across)
    across, up = across[known], up[known]
    if np.any(across[1:] < across[:-1]):
        order = np.argsort(across, kind="stable")
        across, up = across[order], up[order]
    return across, up


def curve(x: Floats, y: Floats) -> Curve:
    """Drop the gaps of `paired` arrays, remembering where they were."""
    finite = np.isfinite(y)
    return Curve(x[finite], y[finite], np.cumsum(~finite)[finite])


def finite_runs(
    x: Numbers, y: Numbers, *, log_x: bool = False, log_y: bool = False
) -> list[tuple[Floats, Floats]]:
    """Split a curve at its gaps into pieces (x, y) in axis coordinates."""
    whole = curve(*paired(x, y, log_x=log_x, log_y=log_y))
    return pieces(whole)


def pieces(whole: Curve) -> list[tuple[Floats, Floats]]:
    """The connected pieces (x, y) of a curve, none of them empty."""
    if not len(whole):
        return []
    cuts = np.flatnonzero(np.diff(whole.run)) + 1
    return list(zip(np.split(whole.x, cuts), np.split(whole.y, cuts), strict=True))


def envelope(whole: Curve, scale: Scale, columns: int) -> Curve:
    """Keep the first, lowest, highest and last point of every pixel column.

    A spike of a single step survives, and a log axis keeps its early points, since columns are
    places on the axis and not counts of points.

    Args:
        whole: The curve.
        scale: The horizontal axis it is drawn on.
        columns: Pixels across; curves with at most two points a column are returned as they are.

    Returns:
        At most 4 * (columns + 2) points a run, all of them points of `whole`.
    """
    if len(whole) <= 2 * columns:
        return whole
    column = np.clip(np.floor(scale.unit(whole.x) * columns), -1, columns)
    new = np.ones(len(whole), dtype=bool)
    new[1:] = (np.diff(column) != 0) | (np.diff(whole.run) != 0)
    starts = np.flatnonzero(new)
    group = np.cumsum(new) - 1
    lowest = np.minimum.reduceat(whole.y, starts)[group]
    highest = np.maximum.reduceat(whole.y, starts)[group]
    kept = new.copy()
    kept[np.append(starts[1:], len(whole)) - 1] = True
    kept[_first_of_group(whole.y == lowest, group)] = True
    kept[_first_of_group(whole.y == highest, group)] = True
    return whole.take(np.flatnonzero(kept))


def _first_of_group(
    mask: npt.NDArray[np.bool_], group: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    found = np.flatnonzero(mask)
    first = np.ones(found.size, dtype=bool)
    first[1:] = np.diff(group[found]) > 0
    return found[first]


def decay_for(smoothing: float, count: int) -> float:
    """Scale a smoothing that is independent of how often a curve was logged to one of its points.

    Args:
        smoothing: Decay over a thousandth of the curve, in 0 … 1; 0.95 averages over about 2 %.
        count: Points of the curve; short curves are not smoothed.

    Returns:
        The decay from one point to the next, 0 for none.
    """
    if not 0 < smoothing < 1 or count < SMOOTHED_FROM:
        return 0.0
    return float(smoothing ** (1000.0 / count))


def ema(values: Floats, decay: float) -> Floats:
    """Exponential moving average in both directions, so that it does not lag behind a slope.

    Every average is divided by the weight of what went into it: neither the ends nor gaps pull it
    towards anything.

    Args:
        values: Axis coordinates, shape (n,), so that on a log axis the average is geometric.
        decay: Weight of a neighbour in 0 … 1.

    Returns:
        Shape (n,); a gap stays one and adds no weight.
    """
    if decay <= 0:
        return values
    finite = np.isfinite(values)
    whole = bool(finite.all())
    known = values if whole else np.where(finite, values, 0.0)
    largest = float(np.abs(known).max(initial=0.0))
    known = known * ((1 - decay) / 2) / (largest if largest > _SAFE else 1.0)
    with np.errstate(all="ignore"):
        if whole:
            past = (1 - np.exp(np.log(decay) * np.arange(1.0, values.size + 1))) / 2
            weight = past + past[::-1] - (1 - decay) / 2
        else:
            weight = _both_ways(finite * ((1 - decay) / 2), decay)
        average = _both_ways(known, decay) / weight
        average *= largest if largest > _SAFE else 1.0
        return average if whole else np.where(finite, average, np.nan)


def _both_ways(row: Floats, decay: float) -> Floats:
    """Sum decay**|t-i| * row[i] over i for every t."""
    sums = _decayed_sums(np.stack([row, row[::-1]]), decay)
    found: Floats = sums[0] + sums[1, ::-1] - row
    return found


def _decayed_sums(rows: Floats, decay: float) -> Floats:
    """Sum decay**j * row[t-j] over j for every t.

    Inside a block it is a plain running sum of rows that grow by 1 / decay a step; `_GROWTH` bounds
    what they grow to. A block takes up the sum that the one before it ended with.
    """
    sums, count = np.empty_like(rows), rows.shape[1]
    size = max(1, min(count, int(np.log(_GROWTH) / -np.log(max(decay, 1e-20)))))
    falling = decay ** np.arange(1.0, size + 1)
    rising, carried = falling[0] / falling, np.zeros((rows.shape[0], 1))
    falls = falling / falling[0]
    for start in range(0, count, size):
        block = rows[:, start : start + size]
        length = block.shape[1]
        here = np.cumsum(block * rising[:length], axis=1) * falls[:length]
        here += carried * falling[:length]
        sums[:, start : start + size] = here
        carried = here[:, -1:]
    return sums


def limits(
    arrays: Iterable[Floats], *, log: bool = False, padding: float = PADDING
) -> tuple[float, float]:
    """Find a window in axis coordinates that shows every finite value.

    Args:
        arrays: Axis coordinates; NaN is ignored.
        log: Whether the coordinates are logarithms.
        padding: Share of the span added on either side.

    Returns:
        Finite limits, low < high, also for no value and for a single one.
    """
    found = [part for array in arrays if (part := array[np.isfinite(array)]).size]
    if not found:
        return 0.0, 1.0
    low = float(min(part.min() for part in found))
    high = float(max(part.max() for part in found))
    if _is_point(low, high):
        return window(low, high, log=log)
    margin = (high - low) * padding
    return low - margin, high + margin


def window(low: float, high: float, *, log: bool = False) -> tuple[float, float]:
    """Make any two finite axis coordinates into usable limits."""
    low, high = sorted(min(max(edge, -LARGEST), LARGEST) for edge in (low, high))
    if not _is_point(low, high):
        return low, high
    middle = (low + high) / 2
    reach = 0.5 if log else abs(middle) * 0.1 or 1.0
    reach = reach if reach > 1e-290 else 1.0
    return middle - reach, middle + reach


def _is_point(low: float, high: float) -> bool:
    return high - low <= max(1e-300, 1e-12 * max(abs(low), abs(high)))


def chosen_limits(
    wanted: tuple[float, float] | None, fitted: tuple[float, float], *, log: bool
) -> tuple[float, float]:
    """Use the wanted window, given in data units, as far as the axis can show it."""
    if wanted is None:
        return fitted
    low, high = coordinates(wanted, log).tolist()
    low = fitted[0] if np.isnan(low) else low
    high = fitted[1] if np.isnan(high) else high
    return window(low, high, log=log)
