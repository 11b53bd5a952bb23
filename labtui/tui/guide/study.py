"""A study: its keys and its help."""

from __future__ import annotations

from labtui.tui.keys import DECIDE, GO, LOOK, key, keys
from labtui.tui.topic import Topic

KEYS = (
    *keys(
        "study",
        GO,
        key("pane", "tab", "pane(1)", "pane", "Next pane", rank=50),
        key("pane-back", "shift+tab", "pane(-1)", "pane back", "Previous pane"),
        key("trials", "1", "show('trials')", "trials", "The table of trials"),
        key("curves", "2", "show('curves')", "curves", "The training curves"),
        key("axis", "3", "show('axis')", "axis", "The objective over each hyperparameter"),
        key("arms", "4", "show('arms')", "arms", "The arms side by side"),
        key("roles", "5", "show('roles')", "roles", "What is compared, tuned away and fixed"),
        key("verdict", "6", "show('verdict')", "verdict", "What is to be concluded"),
        key(
            "figures",
            "7",
            "show('figures')",
            "figures",
            "Isolation plots, the budget, the best steps, gradient norms",
        ),
    ),
    *keys(
        "study",
        LOOK,
        key(
            "next-figure",
            "n",
            "figure(1)",
            "next",
            "Next figure: another metric, or another hyperparameter",
            rank=70,
        ),
        key("previous-figure", "p", "figure(-1)", "previous", "Previous figure"),
        key("zoom", "z", "zoom", "zoom", "Give the whole screen to this pane, and back", rank=60),
    ),
    *keys(
        "study",
        DECIDE,
        key(
            "next",
            "f",
            "follow_up",
            "further",
            "The studies that its findings call for: read one, train it, or write its file",
            rank=25,
        ),
        key(
            "again",
            "r",
            "again",
            "rerun",
            "Train the trial under the cursor, the best of each arm or the whole search again",
            rank=75,
        ),
        key(
            "launch",
            "L",
            "launch",
            "launch",
            "Whether its best trial becomes the baseline: decided by fresh reruns of both",
            rank=76,
        ),
        key(
            "workload",
            "w",
            "workload",
            "workload",
            "What is known of its workload: baseline, lineage, what is to be done",
            rank=77,
        ),
    ),
)
"""In the order of the help."""

CHAINS = {
    "study": (
        ("trials", "table", "rows", "study", "remark", "app"),
        ("table", "rows", "study", "remark", "app"),
        ("chart", "study", "remark", "app"),
        ("text", "study", "remark", "app"),
        ("filter",),
    ),
}

TOPICS = {
    "trials": Topic(
        "The trials of the study",
        "One row a trial, the best first. Infeasible trials come last whatever they reached "
        "before: a value from a run that diverged is not one to choose. ▸ is the cursor, ◆ a "
        "mark.",
        "Look at the best few, not at the best one: with 20 trials the search's luck can be "
        "larger than the spread of retraining (P31). Mark trials to see their curves together "
        "(P17).",
        "labtui show NAME",
    ),
    "curves": Topic(
        "Training curves (P17)",
        "The marked trials, or the best of each arm. The objective's split is bright, the "
        "training split dimmed in the same colour; thin lines are raw values under their "
        "moving average.",
        "Validation error that rises while training goes on: problematic overfitting, "
        "regularize and run again (P18). Large swings late in training: try a larger batch, "
        "more validation data or a decaying rate (P19). Still improving at the end: more "
        "steps may help (P20). Flat for a long time: fewer would do (P21). Training loss "
        "going up: often a bug (P22).",
        "labtui plot NAME curves",
    ),
    "axis": Topic(
        "Axis plots (P14)",
        "The objective of every trial over one hyperparameter; ✗ are infeasible trials, ┊ the "
        "bounds of the search space, ╏ a range that the verdict proposes. A hyperparameter "
        "that exists under two values of another has a plot for each (P07).",
        "Trust the best point only when it is well inside: when the best points crowd at a "
        "bound, widen the range and run again (P14). A handful of points in the good region "
        "is too few (P15). ✗ on one side show where training stops being stable: if the best "
        "points lie next to them, look at warmup or clipping (P16, P37).",
        "labtui plot NAME axis",
    ),
    "arms": Topic(
        "The arms side by side (P24)",
        "One row an arm: the best trial after tuning the nuisance hyperparameters away, the "
        "median, and how many trials ended. Enter shows the trials of an arm.",
        "Compare arms by their best trial when each got enough trials; a difference smaller "
        "than the spread of retraining is none (P28, P30). An arm with many infeasible trials "
        "was searched with fewer (P16).",
        "labtui show NAME",
    ),
    "roles": Topic(
        "The roles of the hyperparameters (P06)",
        "Scientific ones are compared, nuisance ones tuned so that the comparison is fair, "
        "fixed ones stay as they are.",
        "Every fixed hyperparameter is a caveat: the conclusion holds for its value only.",
        "labtui show NAME",
    ),
    "verdict": Topic(
        "The verdict",
        "What was found in the trials that have ended: ▲ puts a conclusion in doubt, ! "
        "deserves a look, i is worth knowing; each with its numbers, and → what to do next. "
        "The best trial of each arm is looked at first, then every other one (P18). Below, "
        "dimmed, what could not be judged and why. A study that runs is judged again as its "
        "trials end.",
        "Work from the top: a ▲ about the search space or the training makes the numbers "
        "below it provisional. Nothing found where much could not be judged is no clean bill.",
        "labtui check NAME",
    ),
    "figures": Topic(
        "More figures: isolation, budget, best steps, gradient norms",
        "Isolation (P24): the best of each value after tuning the rest, all feasible trials "
        "dimmed behind, how many there were below. Budget (P31): the best of k of these "
        "trials, exactly: median, quartiles and 5-95 %. Best steps (P33): when trials were "
        "best, as a share of their length. Gradient norms (P38): against the step, with "
        "outliers, and as a histogram.",
        "A column with few feasible trials says little (P24). A median that still falls at "
        "its right end: more trials may pay (P31). Best steps in the last quarter: train "
        "longer; in the first tenth: shorter (P33). Norms with outliers: warm up or clip, "
        "beginning at the 90th percentile (P41).",
        "labtui plot NAME isolation (or budget, best-step, grad-norm)",
    ),
}
