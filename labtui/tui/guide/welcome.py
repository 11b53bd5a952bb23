"""The card of the tour: its keys."""

from __future__ import annotations

from labtui.tui.keys import GO, key, keys

KEYS = (
    *keys(
        "app",
        GO,
        key(
            "tour",
            "f2",
            "tour",
            "tour",
            "What there is to try in this tour",
            twin="labtui tour --json",
        ),
    ),
    *keys(
        "welcome",
        GO,
        key("begin", "enter", "begin", "begin", "Close the card and look around", rank=10),
    ),
)
"""In the order of the help."""

CHAINS = {
    "welcome": (("welcome", "app"),),
}
