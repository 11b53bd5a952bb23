"""Colours that colour-blind people can tell apart, and which series gets which."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from labtui.charts.spec import Series

ON_DARK = (
    "#56b4e9",
    "#e69f00",
    "#2bc194",
    "#e08fc0",
    "#f0e442",
    "#7f96ff",
    "#f0824a",
    "#e4e7ec",
)
"""Okabe and Ito's hues, lightened for dark backgrounds."""

ON_LIGHT = (
    "#1c70d6",
    "#96664a",
    "#004a3d",
    "#560057",
    "#7e7400",
    "#1e0cb8",
    "#831500",
    "#6f727e",
)
"""The same hues in the same order for light backgrounds. They differ in lightness too: darkened
alike, orange, yellow and vermilion are one colour to people without red or green receptors."""

ANSI_256 = (39, 208, 35, 169, 178, 69, 166, 245)
"""The same hues in the 256-colour table, readable on dark and on light."""

ANSI_NAMES = (
    "bright_blue",
    "yellow",
    "green",
    "magenta",
    "bright_yellow",
    "cyan",
    "bright_red",
    "white",
)
"""The same places in a terminal's own sixteen colours."""


def slots(idents: Sequence[Hashable], count: int = len(ON_DARK)) -> tuple[int, ...]:
    """Give every identity a palette slot: the same one every time where possible.

    Two identities share a slot only when there are more of them than `count`.

    Args:
        idents: Identities in drawing order; equal ones get equal slots.
        count: Size of the palette.

    Returns:
        One slot in 0 … count-1 for each identity.
    """
    given: dict[Hashable, int] = {}
    for ident in idents:
        if ident in given:
            continue
        home = crc32(str(ident).encode("utf-8", "replace")) % count
        taken = set(given.values()) if len(given) < count else set()
        given[ident] = next(
            slot % count for slot in range(home, home + count) if slot % count not in taken
        )
    return tuple(given[ident] for ident in idents)


def series_slots(series: Sequence[Series]) -> tuple[int, ...]:
    """Give every series its palette slot; where colours run out, bright ones choose first.

    A band has the colour of the line that follows it: it is drawn around that line.
    """
    given = sorted((one for one in series if one.role != "band"), key=lambda one: not one.emphasis)
    idents = [one.ident for one in given]
    known = dict(zip(idents, slots(idents), strict=True))
    found: list[int] = []
    following = next(iter(known.values()), 0)
    for one in reversed(series):
        following = known.get(one.ident, following)
        found.append(following)
    return tuple(reversed(found))
