"""The list of studies: its keys and its help."""

from __future__ import annotations

from labtui.tui.keys import DECIDE, GO, key, keys
from labtui.tui.topic import Topic

KEYS = (
    *keys(
        "lab",
        GO,
        key(
            "log",
            "e",
            "log",
            "log",
            "The experiment log: answer, verdict, launches, notes and command of every study",
            rank=45,
        ),
    ),
    *keys(
        "lab",
        DECIDE,
        key(
            "workload",
            "w",
            "workload",
            "workload",
            "What is known of this study's workload: baseline, lineage, what is to be done",
            rank=50,
        ),
    ),
)
"""In the order of the help."""

CHAINS = {
    "lab": (("table", "rows", "lab", "remark", "app"),),
}

TOPICS = {
    "studies": Topic(
        "The studies of this lab",
        "One row a study, the latest activity first: its state, how many trials have ended, "
        "the best value of its objective, and how many trials were infeasible.",
        "A study answers one question (P05); its goal stands below. Many infeasible trials "
        "say that the search space is too wide, or that something is broken (P16).",
        "labtui list",
    ),
}
