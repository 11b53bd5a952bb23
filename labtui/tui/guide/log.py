"""The experiment log: its help."""

from __future__ import annotations

from labtui.tui.topic import Topic

TOPICS = {
    "log": Topic(
        "The experiment log (P45)",
        "One entry a study, the newest first: its best value with the deviation of "
        "retraining, the answer to its question, its verdict, what was launched, notes and "
        "tags, and the command that reproduces it. Verdicts follow as they are ready, and "
        "again as trials end.",
        "Read it before the next study: what was asked already, what the answer rested on, "
        "and which findings are still open. What is missing is a note ({remark.note} in the "
        "list of studies).",
        "labtui log (--workload, --tag, --kind)",
    ),
}
