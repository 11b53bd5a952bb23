"""A workload: its keys and its help."""

from __future__ import annotations

from labtui.tui.keys import DECIDE, GO, key, keys
from labtui.tui.topic import Topic

KEYS = (
    *keys(
        "lineage",
        GO,
        key(
            "open",
            "enter",
            "open",
            "open",
            "Open the launch of this node, else the study that it is from",
            rank=5,
        ),
    ),
    *keys(
        "workload",
        GO,
        key("pane", "tab", "pane(1)", "pane", "Next pane", rank=50),
        key("pane-back", "shift+tab", "pane(-1)", "pane back", "Previous pane"),
        key(
            "lineage",
            "1",
            "show('lineage')",
            "lineage",
            "The baselines as a tree",
            twin="labtui lineage NAME",
        ),
        key("card", "2", "show('card')", "card", "What is known", twin="labtui workload NAME"),
    ),
    *keys(
        "workload",
        DECIDE,
        key(
            "new-study",
            "n",
            "new_study",
            "new",
            "Design a study of this workload, from its baseline",
            rank=8,
            twin="labtui init NAME",
        ),
        key(
            "roll-back",
            "b",
            "roll_back",
            "roll back",
            "Give the baseline up for the one before it; asks for the reason, which is kept",
            rank=10,
            twin='labtui lineage NAME --roll-back BASELINE --reason "…"',
        ),
        key(
            "baseline",
            "B",
            "baseline",
            "baseline",
            "Make a trial the baseline by hand; asks for the trial and the reason, which is kept",
            rank=20,
            twin='labtui workload NAME --baseline TRIAL --reason "…"',
        ),
    ),
)
"""In the order of the help."""

CHAINS = {
    "workload": (
        ("lineage", "rows", "workload", "remark", "app"),
        ("text", "workload", "remark", "app"),
    ),
}

TOPICS = {
    "workload": Topic(
        "A workload: its card and lineage (P01)",
        "What is to be done; the baselines as a tree, each with the mean of its fresh reruns, its "
        "gain on the one before (in brackets: the value that a trial was selected for) and what "
        "it changed. ● is the baseline now, ○ one before, ↩ was rolled back, ◌ left behind by a "
        "roll-back; launches that were not adopted are leaves: ✗ rejected, ? undecided.",
        "What is to be done stands first: a baseline that changed batch size, model or "
        "optimizer asks for tuning and probes again (P02, P03). Undecided launches go on where "
        "they were: {lineage.open}.",
        "labtui workload NAME; labtui lineage NAME",
    ),
}
