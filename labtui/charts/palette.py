"""Colours that colour-blind people can tell apart, and which series gets which."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
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


MOST_KNOWN = 1_000
"""Identities whose slots are remembered: more than anybody looks at before leaving."""


def slots(
    idents: Sequence[Hashable],
    count: int = len(ON_DARK),
    known: Sequence[Mapping[Hashable, int]] = (),
) -> tuple[int, ...]:
    """Give every identity a palette slot: the one that it had, else its own, else a free one.

    Two identities share a slot only when there are more of them than `count`. Whoever had a slot
    keeps it, whichever newcomers stand before it in `idents`. A newcomer whose own slot is taken
    gets a free one that nobody had, else the one whose last holder was shown longest ago.

    Args:
        idents: Identities in drawing order; equal ones get equal slots.
        count: Size of the palette.
        known: Slots that identities had, those that count most first: what is on screen, then what
            was; in each, the last shown is last. Two that had the same: the first of `idents`
            keeps it.

    Returns:
        One slot in 0 … count-1 for each identity.
    """
    asked = dict.fromkeys(idents)
    given: dict[Hashable, int] = {}
    taken: set[int] = set()
    for had in known:
        for ident in asked:
            if ident in had and ident not in given and had[ident] not in taken:
                given[ident] = had[ident]
                taken.add(had[ident])
    shown = {slot: turn for turn, slot in enumerate(known[-1].values())} if known else {}
    for ident in asked:
        if ident in given:
            continue
        home = crc32(str(ident).encode("utf-8", "replace")) % count
        if len(taken) < count:
            free = [slot % count for slot in range(home, home + count) if slot % count not in taken]
            given[ident] = min(free, key=lambda slot: shown.get(slot, -1))
            taken.add(given[ident])
        else:
            given[ident] = next((had[ident] for had in known if ident in had), home)
    return tuple(given[ident] for ident in idents)


def series_slots(
    series: Sequence[Series], known: Sequence[Mapping[Hashable, int]] = ()
) -> tuple[int, ...]:
    """Give every series its palette slot; where colours run out, bright ones choose first.

    A band has the colour of the line that follows it: it is drawn around that line.

    Args:
        series: Those of one figure.
        known: Slots that identities had, as of `slots`.
    """
    given = sorted((one for one in series if one.role != "band"), key=lambda one: not one.emphasis)
    idents = [one.ident for one in given]
    bright = dict.fromkeys(one.ident for one in given if one.emphasis)
    found: dict[Hashable, int] = dict(zip(bright, slots(list(bright), known=known), strict=True))
    # The dimmed ones take what the bright ones left.
    slot_of = dict(zip(idents, slots(idents, known=[found, *known]), strict=True))
    places: list[int] = []
    following = next(iter(slot_of.values()), 0)
    for one in reversed(series):
        following = slot_of.get(one.ident, following)
        places.append(following)
    return tuple(reversed(places))


def by_ident(
    series: Sequence[Series], slots: Sequence[int]
) -> tuple[dict[Hashable, int], dict[Hashable, int]]:
    """Give the slots of a figure by identity: of what is bright, and of the rest."""
    bright: dict[Hashable, int] = {}
    dimmed: dict[Hashable, int] = {}
    for one, slot in zip(series, slots, strict=True):
        (bright if one.emphasis else dimmed)[one.ident] = slot
    return bright, dimmed


class Colours:
    """Remembers the slot that each identity had last, so that it has it in every figure.

    Attributes:
        last: Slots by identity, the last shown last; `MOST_KNOWN` of them.
    """

    def __init__(self) -> None:
        """Begin with nobody."""
        self.last: dict[Hashable, int] = {}

    def of(
        self, series: Sequence[Series], before: Sequence[Mapping[Hashable, int]] = ()
    ) -> tuple[int, ...]:
        """Give the slots of a figure's series without remembering them; on any thread.

        Args:
            series: The series.
            before: What is shown in the place where the figure will be, as of `by_ident`.
        """
        return series_slots(series, [*before, dict(self.last)])

    def remember(self, series: Sequence[Series], slots: Sequence[int]) -> None:
        """Remember the slots of what is bright, as it is shown now."""
        for ident, slot in by_ident(series, slots)[0].items():
            self.last.pop(ident, None)
            self.last[ident] = slot
        for ident in list(self.last)[: max(0, len(self.last) - MOST_KNOWN)]:
            del self.last[ident]
