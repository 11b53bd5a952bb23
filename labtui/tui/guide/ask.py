"""A question: its keys."""

from __future__ import annotations

from labtui.tui.keys import CHOOSE, key, keys
from labtui.tui.topic import Topic

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

TOPICS = {
    "ask": Topic(
        "A question",
        "What is asked, and what follows from a yes. Nothing is done before {ask.yes}; {ask.no} "
        "goes back, and nothing has changed. Where a line asks for a reason, it is kept with the "
        "decision, for who reads it later.",
        "Reasons are what the experiment log lives on: write what spoke for it, and what you knew "
        "then (P45).",
        "labtui --help (the key that asked names its command in the help below)",
    ),
}
