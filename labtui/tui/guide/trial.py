"""A trial: its keys and its help."""

from __future__ import annotations

from labtui.tui.keys import DECIDE, key, keys
from labtui.tui.topic import Topic

KEYS = (
    *keys(
        "trial",
        DECIDE,
        key(
            "again",
            "r",
            "again",
            "rerun",
            "Train it again with fresh seeds: what is luck?",
            rank=30,
        ),
        key("launch", "L", "launch", "launch", "Whether it becomes the baseline", rank=40),
    ),
)
"""In the order of the help."""

CHAINS = {
    "trial": (("text", "trial", "remark", "app"),),
}

TOPICS = {
    "trial": Topic(
        "One trial",
        "What came out, why it ended, its hyperparameters with their ranges, what the program "
        "said if it failed, and what reproduces it.",
        "A trial is the outcome of one configuration with one seed: train it again before you "
        "believe a small difference (P28).",
        "labtui show NAME/17",
    ),
}
