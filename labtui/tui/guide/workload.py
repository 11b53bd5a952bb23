"""A workload: its keys and its help."""

from __future__ import annotations

from labtui.tui.keys import DECIDE, key, keys
from labtui.tui.topic import Topic

KEYS = (
    *keys(
        "workload",
        DECIDE,
        key(
            "roll-back",
            "b",
            "roll_back",
            "roll back",
            "Give the baseline up for the one before it; asks for the reason, which is kept",
            rank=10,
        ),
    ),
)
"""In the order of the help."""

CHAINS = {
    "workload": (("text", "workload", "remark", "app"),),
}

TOPICS = {
    "workload": Topic(
        "A workload: its card and lineage (P01)",
        "What is known: objective, chance level, step time, batch sizes, the deviation of "
        "retraining, the baseline and the baselines before it as a tree, launches that were "
        "not adopted, studies, notes.",
        "What is to be done stands first: a baseline that changed batch size, model or "
        "optimizer asks for tuning and probes again (P02, P03).",
        "labtui workload NAME; labtui lineage NAME",
    ),
}
