"""Which panes of a study are on screen, by its size."""

from __future__ import annotations

PANES = ("verdict", "trials", "curves", "axes", "isolation", "budget", "stability", "design")
"""In the order of their keys, 1 and up."""

CHARTS = ("curves", "axes", "isolation", "budget", "stability")
"""They have the right half of a wide screen."""

NARROW, BESIDE, FULL = 80, 120, 160
TALL = 34


def visible(
    width: int, height: int, *, active: str, words: str, chart: str, zoomed: bool = False
) -> frozenset[str]:
    """Choose the panes to show.

    Args:
        width: Columns of the screen.
        height: Rows of the screen.
        active: The pane that has the focus.
        words: The pane of words or tables that was looked at last.
        chart: The chart that was looked at last.
        zoomed: The active pane has the screen for itself.
    """
    tall = height >= TALL
    if zoomed or width < NARROW or (width < BESIDE and not tall):
        return frozenset({active})
    if width >= FULL and tall:
        other = "axes" if chart == "curves" else chart
        upper = "trials" if words == "verdict" else words
        return frozenset({upper, "verdict", "curves", other})
    return frozenset({words, chart})


def stacked(width: int) -> bool:
    """Say whether charts go below the tables rather than beside them."""
    return width < BESIDE
