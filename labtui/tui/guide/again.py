"""Training again: its keys and its help."""

from __future__ import annotations

from labtui.tui.keys import DECIDE, GO, key, keys
from labtui.tui.topic import Topic

KEYS = (
    *keys(
        "again",
        DECIDE,
        key(
            "train",
            "enter",
            "train",
            "train",
            "Train it again; asks how often",
            rank=10,
            twin="labtui rerun NAME -n N",
        ),
    ),
    *keys(
        "again",
        GO,
        key("other", "tab", "other", "read", "Between the list and the text", rank=30),
    ),
)
"""In the order of the help."""

CHAINS = {
    "again": (
        ("rows", "again", "app"),
        ("text", "again", "app"),
    ),
}

TOPICS = {
    "again": Topic(
        "Training again, with fresh seeds (P28, P29)",
        "What a trial, the best of each arm, or the whole search came to when it was trained "
        "again, and what training it again would add. Grey is what cannot be.",
        "A difference smaller than the deviation of reruns is none. The value of the trial "
        "that was selected is better than the mean of its reruns by luck; an order of arms "
        "holds once reruns support it (P30).",
        "labtui rerun NAME/17 -n 5 (or NAME --arms, NAME)",
    ),
}
