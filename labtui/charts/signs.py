"""Signs along curves and on points, so that colour alone tells none of them from another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from labtui.charts.palette import series_slots

if TYPE_CHECKING:
    from labtui.charts.reduce import Curve
    from labtui.charts.scale import Floats, Scale
    from labtui.charts.spec import Series

SIGNS = "◆▲■○▼●□△"
"""The sign of each place of the palette: whoever keeps its colour keeps its sign. Those of
neighbours in the palette differ in shape, and a shape comes back only filled or hollow."""

MORE = "123456789abcdefghijklmnopqrstuvwxyz"
"""Signs of curves beyond the palette; a figure of more curves than both has none at all."""

ALONG = 4
"""Signs along a curve: one in each quarter, so that some are seen wherever curves part, and of 8
curves in a plot of 60 columns they take 32 of them."""

SHAPED = 40
"""Points of each of several denser clouds whose sign is drawn, so that colour alone tells none."""


class Sign(NamedTuple):
    """What tells one curve from the others.

    Attributes:
        glyph: One character.
        turn: Where in each stretch of the curve it stands, in 0 … 1: at another place in every
            curve of the figure, so that curves over each other show the signs of both.
    """

    glyph: str
    turn: float


def line_signs(
    series: Sequence[Series], slots: Sequence[int] | None = None, *, dimmed: bool = False
) -> dict[int, Sign]:
    """Give every named line of a figure its own sign, where there are several.

    Args:
        series: Those of the figure, hidden ones too.
        slots: The palette slot of each; by default those of `series_slots`.
        dimmed: Whether dimmed lines count: where they look like the bright ones.

    Returns:
        Signs by the place of the series; empty for fewer than two lines, and for more than there
        are signs.
    """
    lines = [
        place
        for place, one in enumerate(series)
        if one.role == "line" and one.label and (one.emphasis or dimmed)
    ]
    idents = list(dict.fromkeys(series[place].ident for place in lines))
    if not 2 <= len(idents) <= len(SIGNS + MORE):
        return {}
    places = series_slots(series) if slots is None else slots
    glyphs: dict[str | int, str] = {}
    for place in lines:
        one = series[place]
        if one.ident not in glyphs:
            wanted = one.marker or SIGNS[places[place] % len(SIGNS)]
            taken = set(glyphs.values())
            glyphs[one.ident] = next(sign for sign in (wanted, *MORE, *SIGNS) if sign not in taken)
    turns = {ident: (turn + 1) / (len(idents) + 1) for turn, ident in enumerate(idents)}
    found = ((place, series[place].ident) for place in lines)
    return {place: Sign(glyphs[ident], turns[ident]) for place, ident in found}


def along(
    curve: Curve, x: Scale, y: Scale, columns: int, turn: float, count: int
) -> tuple[Floats, Floats]:
    """Choose where the sign of a curve is drawn: evenly along what is seen of it.

    Args:
        curve: The curve.
        x: The horizontal scale.
        y: The vertical scale.
        columns: Cells across.
        turn: As of `Sign`.
        count: How many curves of the figure have signs.

    Returns:
        Shares of both axes: at most `ALONG`, and fewer where those of all find no room.
    """
    if len(curve) > 1:
        shares = (np.arange(columns) + 0.5) / max(columns, 1)
        at = x.low + shares * (x.high - x.low)
        after = np.maximum(np.minimum(np.searchsorted(curve.x, at), len(curve) - 1), 1)
        drawn = curve.run[after] == curve.run[after - 1]
        drawn &= (at >= curve.x[0]) & (at <= curve.x[-1])
        height = np.interp(at, curve.x, curve.y)
        drawn &= (height >= y.low) & (height <= y.high)
        seen = np.flatnonzero(drawn)
        if seen.size:
            times = max(1, min(ALONG, seen.size // max(count, 1)))
            chosen = seen[((np.arange(times) + turn) / times * seen.size).astype(np.intp)]
            return shares[chosen], y.unit(height[chosen])
    across, up = x.unit(curve.x), y.unit(curve.y)
    points = spread((across >= 0) & (across <= 1) & (up >= 0) & (up <= 1), ALONG)
    return across[points], up[points]


def spread(seen: npt.NDArray[np.bool_], most: int = SHAPED) -> npt.NDArray[np.intp]:
    """Choose at most so many of the points that are seen, evenly in their order."""
    places = np.flatnonzero(seen)
    return places[:: max(1, -(-len(places) // most))]
