"""The help while a filter is written."""

from __future__ import annotations

from labtui.tui.topic import Topic

LANGUAGE = (
    "The rows that satisfy every term are kept, as you type; terms stand apart by spaces. A word "
    "alone is looked for anywhere. field:text keeps what has the text in a field, field!=text "
    "what has not; field<1e-3, <=, > and >= compare numbers, and a number after : is met to the "
    "digits that are shown. A - in front turns a term round. "
)

TOPICS = {
    "filter-lab": Topic(
        "Filtering the list",
        f"{LANGUAGE}Of studies for instance state:running, tag:keep, kind:widen, best<0.1, "
        "alerts>0, notes>0; of workloads trainer:torch, studies>2, task:baseline. A field that "
        "there is not is said with those that there are.",
        "alerts>0 finds the studies whose answers are in doubt, -state:completed what is left to "
        "do, kind:launch the evidence of decisions (P30).",
        "labtui list --tag TAG",
    ),
    "filter-study": Topic(
        "Filtering the trials",
        f"{LANGUAGE}Fields are the columns, shown or not: state, arm, best, seconds, tag, "
        "marked:yes; every hyperparameter, also by its beginning or initials (lr<1e-3 is "
        "learning_rate), and every metric, as last/train/loss<1.",
        "What is kept is what the curves draw: look at one region of the search space, or at one "
        "arm, alone (P15, P17). Infeasible trials of a region, state:infeasible lr>0.1, say where "
        "training stops being stable (P16).",
        "labtui show NAME --filter 'lr<1e-3 state:completed' --sort best",
    ),
}
