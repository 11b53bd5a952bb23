"""A launch: its keys and its help."""

from __future__ import annotations

from labtui.tui.keys import DECIDE, GO, key, keys
from labtui.tui.topic import Topic

KEYS = (
    *keys(
        "launch",
        GO,
        key("pane", "tab", "pane(1)", "pane", "Next pane", rank=50),
        key("pane-back", "shift+tab", "pane(-1)", "pane back", "Previous pane"),
        key("reruns", "1", "show('reruns')", "reruns", "The fresh reruns of both as points"),
        key("evidence", "2", "show('evidence')", "evidence", "Both sides in numbers"),
        key("doubts", "3", "show('doubts')", "doubts", "Open alerts of both studies, and caveats"),
        key(
            "lineage",
            "w",
            "lineage",
            "lineage",
            "The workload: its baselines and launches as a tree",
            rank=40,
            twin="labtui lineage WORKLOAD",
        ),
    ),
    *keys(
        "launch",
        DECIDE,
        key(
            "train",
            "enter",
            "train",
            "go on",
            "Train the next group of reruns, or look at them; asks, with a line for a reason",
            rank=10,
            twin="labtui launch NAME",
        ),
        key(
            "overrule",
            "o",
            "overrule",
            "overrule",
            "Set aside what holds it back: findings, a rejection, a roll-back; asks for the "
            "reason, which is kept",
            rank=20,
            twin='labtui launch NAME --overrule --reason "…"',
        ),
        key(
            "reject",
            "x",
            "reject",
            "reject",
            "Reject what is undecided; asks for the reason, which is kept",
            rank=30,
            twin='labtui launch NAME --reject --reason "…"',
        ),
    ),
)
"""In the order of the help."""

CHAINS = {
    "launch": (("strips", "launch", "app"), ("text", "launch", "app")),
}

TOPICS = {
    "launch": Topic(
        "A launch (P30)",
        "Whether a candidate becomes the baseline of its workload: fresh reruns of both as "
        "points with their mean and its interval, looked at in groups that were planned "
        "beforehand; what the candidate adds, the gain that pays for it (the dashed line), and "
        "what speaks against it. Everything the decision rests on is kept with it.",
        "Adopt only on evidence: the candidate's own value (◦) is left out, because it was "
        "selected. Findings about the search space or overfitting hold a launch back: answer "
        "them by another study, or overrule them with a reason. Undecided means that more "
        "reruns may help; reject it when the answer is not worth them.",
        "labtui launch NAME",
    ),
}
