"""Which panes of a study are on screen, by its size."""

from __future__ import annotations

PANES = ("trials", "curves", "axis", "arms", "roles", "verdict", "figures")
"""In the order of their keys, 1 and up."""

CHARTS = ("curves", "axis", "figures")
NARROW, BESIDE, FULL = 80, 120, 160
TALL = 34


def visible(
    width: int, height: int, *, active: str, chart: str, zoomed: bool = False
) -> frozenset[str]:
    """Choose the panes to show.

    Args:
        width: Columns of the screen.
        height: Rows of the screen.
        active: The pane that has the focus.
        chart: The chart that was looked at last.
        zoomed: The active pane has the screen for itself.
    """
    tall = height >= TALL
    if zoomed or width < NARROW or (width < BESIDE and not tall):
        return frozenset({active})
    if width >= FULL and tall:
        other = "figures" if chart == "figures" else "axis"
        words = "roles" if active == "roles" else "verdict"
        return frozenset({"trials", "arms", words, "curves", other})
    return frozenset({"trials", chart, active})


def stacked(width: int) -> bool:
    """Say whether charts go below the tables rather than beside them."""
    return width < BESIDE
