"""From data values to places on an axis and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from labtui.charts.spec import Numbers

Floats: TypeAlias = npt.NDArray[np.float64]

LARGEST = 8e307
"""Values are held to this magnitude, so that the difference of any two is finite."""

_FARTHEST = 1e6


@dataclass(frozen=True)
class View:
    """What the person changed about a figure: the window and the scales.

    Attributes:
        x: Window in data units; None fits the data.
        y: Window in data units; None fits the data inside the x window.
        log_x: None follows the axis.
        log_y: None follows the axis.
    """

    x: tuple[float, float] | None = None
    y: tuple[float, float] | None = None
    log_x: bool | None = None
    log_y: bool | None = None


@dataclass(frozen=True)
class Scale:
    """The shown part of an axis, in axis coordinates (log10 of the value on a log axis)."""

    low: float
    high: float
    log: bool = False
    categories: tuple[str, ...] | None = None

    def unit(self, coordinates: Floats) -> Floats:
        """Place axis coordinates on the axis: 0 at its low end, 1 at its high end."""
        with np.errstate(all="ignore"):
            share = (coordinates - self.low) / (self.high - self.low)
        return np.clip(share, -_FARTHEST, _FARTHEST)

    def place(self, value: float) -> float:
        """Place one data value on the axis; NaN where a log axis cannot show it."""
        return float(self.unit(coordinates([value], self.log))[0])

    def value(self, share: float) -> float:
        """Return the data value at a share of the axis, always finite."""
        coordinate = self.low + (self.high - self.low) * share
        if not self.log:
            return min(max(coordinate, -LARGEST), LARGEST)
        return float(10.0 ** min(max(coordinate, -307.0), 307.0))


def coordinates(values: Numbers, log: bool) -> Floats:
    """Turn data values into axis coordinates, shape (n,); NaN where nothing can be drawn."""
    array = np.asarray(values, dtype=np.float64).ravel()
    with np.errstate(all="ignore"):
        drawable = np.isfinite(array) & (array > 0) if log else np.isfinite(array)
        array = np.log10(array) if log else np.clip(array, -LARGEST, LARGEST)
    return np.where(drawable, array, np.nan)
