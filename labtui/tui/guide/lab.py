"""The lab: its keys and its help."""

from __future__ import annotations

from labtui.tui.keys import CHOOSE, DECIDE, GO, key, keys
from labtui.tui.topic import Topic

KEYS = (
    *keys(
        "lab",
        GO,
        key("studies", "1", "show('studies')", "studies", "The studies of this lab"),
        key("workloads", "2", "show('workloads')", "workloads", "What is tuned, and its baselines"),
        key(
            "log",
            "3",
            "show('log')",
            "log",
            "The experiment log: answer, verdict, launches, notes and command of every study",
        ),
        key(
            "pane",
            "tab",
            "step(1)",
            "next list",
            "From the studies to the workloads, to the log, and round",
        ),
        key("pane-back", "shift+tab", "step(-1)", "list before", "The other way round"),
        key(
            "workload",
            "w",
            "workload",
            "workload",
            "What is known of this study's workload: baseline, lineage, what is to be done",
            twin="labtui workload NAME",
        ),
    ),
    *keys(
        "lab",
        DECIDE,
        key(
            "new",
            "n",
            "new",
            "new",
            "Design a study, see what it would cost, and run it",
            rank=25,
            twin="labtui init WORKLOAD; labtui plan STUDY.yaml; labtui run STUDY.yaml",
        ),
    ),
    *keys(
        "studies",
        CHOOSE,
        key(
            "filter",
            "slash",
            "filter",
            "filter",
            "Show some studies only: state:running, tag:keep, kind:widen, best<0.1, alerts>0, "
            "or words, of notes too",
            rank=20,
            shown="/",
        ),
        key("mark", "space", "mark", "mark", "Mark a study, to compare it", rank=35),
        key("unmark", "U", "unmark", "unmark", "Take all marks away"),
    ),
    *keys(
        "workloads",
        CHOOSE,
        key(
            "filter",
            "slash",
            "filter",
            "filter",
            "Show some workloads only: trainer:torch, tag:keep, studies>2, task:baseline, or "
            "words, of notes too",
            rank=20,
            shown="/",
        ),
    ),
    *keys(
        "studies",
        GO,
        key(
            "compare",
            "C",
            "compare",
            "compare",
            "The marked studies side by side; one mark is compared with the cursor's",
            rank=12,
            twin="labtui compare A B",
        ),
    ),
    *keys(
        "studies",
        DECIDE,
        key(
            "later",
            "J",
            "move(1)",
            "later",
            "Train this study after the one behind it in the queue",
            rank=14,
            twin="labtui queue NAME --place N",
        ),
        key(
            "earlier",
            "K",
            "move(-1)",
            "earlier",
            "Train this study before the one ahead of it in the queue",
            rank=15,
            twin="labtui queue NAME --place N",
        ),
    ),
)
"""In the order of the help."""

CHAINS = {
    "lab": (
        ("studies", "running", "table", "rows", "lab", "remark", "app"),
        ("workloads", "table", "rows", "lab", "remark", "app"),
        ("text", "lab", "app"),
        ("filter",),
    ),
}

TOPICS = {
    "studies": Topic(
        "The studies of this lab",
        "One row a study, the latest activity first; ↳ goes on from another one. Best ± sd is "
        "the best value with the deviation of retraining, where one was measured. Best so far "
        "runs over the trials in the order they ended, as far as they have. ▲ counts alerts, ! "
        "warnings, … is being judged. ✗ is the share of infeasible trials.",
        "A study answers one question (P05); question and answer stand beside or below. An ▲ "
        "puts the answer in doubt: open the study, and act on it first (P14, P18). Many "
        "infeasible trials say that the search space is too wide, or that something is broken "
        "(P16). A best that was found in the last trials may not be the end (P31). Two bests "
        "that differ by less than ± are equal (P28).",
        "labtui list",
    ),
    "workloads": Topic(
        "The workloads of this lab (P01)",
        "One row for each thing that is tuned: its baseline with what fresh reruns of it came "
        "to, launches (✓ adopted, ✗ rejected, ? undecided), how many studies tune it, and what "
        "is to be done first.",
        "Studies are compared with the baseline: without one, launch a best trial, or set one "
        "(P01). Do what is to be done before the next study: after a new baseline, batch size "
        "and learning rate may have to be tuned again (P02, P03).",
        "labtui workload",
    ),
}
