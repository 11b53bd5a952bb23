"""Colours that colour-blind people can tell apart, and which series gets which."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from zlib import crc32

ON_DARK = (
    "#56b4e9",
    "#e69f00",
    "#2bc194",
    "#e08fc0",
    "#f0e442",
    "#7f96ff",
    "#f0824a",
    "#c3c9d4",
)
"""Okabe and Ito's hues, lightened for dark backgrounds."""

ON_LIGHT = (
    "#005f96",
    "#8f5600",
    "#006b4d",
    "#963a70",
    "#665a00",
    "#3b46b8",
    "#a33b00",
    "#40444c",
)
"""The same hues in the same order, darkened for light backgrounds."""

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
