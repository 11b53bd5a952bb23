"""A launch: its keys and its help."""

from __future__ import annotations

from labtui.tui.keys import DECIDE, key, keys
from labtui.tui.topic import Topic

KEYS = (
    *keys(
        "launch",
        DECIDE,
        key(
            "train", "enter", "train", "go on", "Train the next group of reruns; asks once", rank=10
        ),
        key(
            "overrule",
            "o",
            "overrule",
            "overrule",
            "Adopt it although findings hold it back; asks for the reason, which is kept",
            rank=20,
        ),
    ),
)
"""In the order of the help."""

CHAINS = {
    "launch": (("text", "launch", "app"),),
}

TOPICS = {
    "launch": Topic(
        "A launch (P30)",
        "Whether a candidate becomes the baseline of its workload: fresh reruns of both, "
        "looked at in groups that were planned beforehand; what the candidate adds, and the "
        "gain that pays for it. Everything the decision rests on is kept with it.",
        "Adopt only on evidence: the candidate's own value is left out, because it was "
        "selected. Findings about the search space or overfitting hold a launch back: answer "
        "them by another study, or overrule them with a reason. Undecided means that more "
        "reruns may help.",
        "labtui launch NAME",
    ),
}
