"""A question: its keys."""

from __future__ import annotations

from labtui.tui.keys import CHOOSE, key, keys

KEYS = (
    *keys(
        "ask",
        CHOOSE,
        key("yes", "enter", "yes", "yes", "Do what is asked", rank=10),
        key("no", "escape", "app.leave", "no", "Do nothing", rank=20, shown="esc"),
    ),
)
"""In the order of the help."""

CHAINS = {
    "ask": (("ask",),),
}
