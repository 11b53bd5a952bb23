"""Trials or studies beside each other: the keys and the help."""

from __future__ import annotations

from labtui.tui.keys import CHOOSE, GO, LOOK, key, keys
from labtui.tui.topic import Topic

KEYS = (
    *keys(
        "compare",
        GO,
        key(
            "parameters",
            "1",
            "show('parameters')",
            "parameters",
            "Parameters, results and findings beside each other",
            twin="labtui compare NAME",
        ),
        key(
            "curves",
            "2",
            "show('curves')",
            "curves",
            "Their training curves over each other",
            twin="labtui compare NAME --plot curves",
        ),
        key(
            "isolation",
            "3",
            "show('isolation')",
            "isolation",
            "Of studies: what each value of a hyperparameter reached, on one vertical axis",
            twin="labtui compare NAME --plot isolation",
        ),
        key("pane", "tab", "other", "to the words", "Between the pane and what is concluded"),
    ),
    *keys(
        "compare",
        LOOK,
        key(
            "differences",
            "d",
            "differences",
            "only ≠",
            "Only the rows that differ, or all of them",
            rank=20,
            twin="labtui compare NAME --all",
        ),
        key(
            "next",
            "n",
            "figure(1)",
            "next",
            "The next metric, or hyperparameter",
            rank=31,
        ),
        key("previous", "p", "figure(-1)", "previous", "The previous one"),
        key("whole", "enter", "whole", "in full", "The cells of this row in full, or not", rank=25),
    ),
    *keys(
        "compare",
        CHOOSE,
        key(
            "add",
            "A",
            "add",
            "add",
            "Add another study or trial to the comparison",
            rank=40,
            twin="labtui compare NAME MORE",
        ),
    ),
)
"""In the order of the help."""

CHAINS = {
    "compare": (
        ("rows", "compare", "app"),
        ("chart", "compare", "app"),
        ("text", "compare", "app"),
    ),
}

_FAIR = (
    "Single trials differ by the luck of training too: a difference means something only beside "
    "the deviation of reruns (P28). A ▲ says why a comparison is not fair: settle that first."
)

TOPICS = {
    "compare": Topic(
        "Beside each other",
        "Above, what may be concluded: ✓ more than chance, ○ no evidence, ? cannot be judged. "
        "Below, parameters, results and, of studies, findings and search spaces; ≠ marks what "
        "differs, ± by how much the best of another search as large would.",
        _FAIR,
        "labtui compare NAME",
    ),
    "compare-curves": Topic(
        "Curves over each other",
        "The objective, its loss and every other metric that was logged, a colour a trial; of "
        "studies those of their best trials. The training split is dimmed.",
        f"Look at where they part, and whether one still improves at the end (P33). {_FAIR}",
        "labtui compare NAME --plot curves",
    ),
    "compare-isolation": Topic(
        "Isolation plots beside each other",
        "For each hyperparameter, the best trial of each of its values in each study, on the same "
        "vertical axis.",
        "Compare the floors: where one study is lower everywhere, the difference is not one of "
        "this hyperparameter; where ranges end in different places, widen the shorter (P16, P24).",
        "labtui compare NAME --plot isolation",
    ),
}
