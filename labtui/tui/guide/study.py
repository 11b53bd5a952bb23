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
        key(
            "verdict",
            "1",
            "show('verdict')",
            "verdict",
            "What is to be concluded",
            twin="labtui check NAME",
        ),
        key("trials", "2", "show('trials')", "trials", "The trials", twin="labtui show NAME"),
        key(
            "curves",
            "3",
            "show('curves')",
            "curves",
            "The training curves",
            twin="labtui plot NAME curves",
        ),
        key(
            "axes",
            "4",
            "show('axes')",
            "axes",
            "The objective over each hyperparameter",
            twin="labtui plot NAME axis",
        ),
        key(
            "isolation",
            "5",
            "show('isolation')",
            "isolation",
            "The best of each value after tuning the rest",
            twin="labtui plot NAME isolation",
        ),
        key(
            "budget",
            "6",
            "show('budget')",
            "budget",
            "What more trials, or steps, would bring",
            twin="labtui plot NAME budget",
        ),
        key(
            "stability",
            "7",
            "show('stability')",
            "stability",
            "Gradient norms, and curves just above the best rate",
            twin="labtui plot NAME stability",
        ),
        key(
            "design",
            "8",
            "show('design')",
            "design",
            "Roles, search space, caveats, the file",
            twin="labtui plan NAME",
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
        key(
            "compare",
            "C",
            "compare",
            "compare",
            "The marked trials side by side; without marks, this study with the one it follows",
            rank=22,
            twin="labtui compare A B",
        ),
    ),
    *keys(
        "study",
        DECIDE,
        key(
            "answer",
            "a",
            "answer",
            "answer",
            "The studies that its findings call for: read one, train it, or write its file",
            rank=25,
            twin="labtui next NAME",
        ),
        key(
            "again",
            "r",
            "again",
            "rerun",
            "Train the trial under the cursor, the best of each arm or the whole search again",
            rank=75,
            twin="labtui rerun NAME",
        ),
        key(
            "launch",
            "L",
            "launch",
            "launch",
            "Whether its best trial becomes the baseline: decided by fresh reruns of both",
            rank=76,
            twin="labtui launch NAME",
        ),
        key(
            "workload",
            "w",
            "workload",
            "workload",
            "What is known of its workload: baseline, lineage, what is to be done",
            rank=77,
            twin="labtui workload WORKLOAD",
        ),
    ),
)
"""In the order of the help."""

CHAINS = {
    "study": (
        ("trials", "table", "rows", "study", "running", "remark", "app"),
        ("table", "rows", "study", "running", "remark", "app"),
        ("chart", "study", "running", "remark", "app"),
        ("text", "study", "running", "remark", "app"),
        ("filter",),
    ),
}

TOPICS = {
    "verdict": Topic(
        "The verdict",
        "First the answer to the question of the study, as far as it can be given. Then what was "
        "found in the trials that have ended: ▲ puts a conclusion in doubt, ! deserves a look, i "
        "is worth knowing; each with its numbers, and → what to do next. Below, dimmed, what could "
        "not be judged and why; then the arms: the best trial of each after tuning the nuisance "
        "hyperparameters away (P24).",
        "Work from the top: a ▲ about the search space or the training makes the numbers below it "
        "provisional; {study.answer} names the study that answers it. A difference of arms that is "
        "smaller than the spread of retraining is none (P28, P30). Nothing found where much could "
        "not be judged is no clean bill.",
        "labtui check NAME",
    ),
    "trials": Topic(
        "The trials of the study",
        "One row a trial, the best first. Infeasible trials come last whatever they reached "
        "before: a value from a run that diverged is not one to choose. ▸ is the cursor, ◆ a mark, "
        "↑ or ↓ at a header what the rows are sorted by. {trials.columns} chooses other columns; "
        "{trials.filter} keeps the rows that satisfy every term: a column's name with : = != < <= "
        "> or >=, hyperparameters also by initials; a - in front turns a term round; a word alone "
        "is looked for anywhere.",
        "Look at the best few, not at the best one: with 20 trials the search's luck can be larger "
        "than the spread of retraining (P31). Mark trials to see their curves together (P17).",
        "labtui show NAME",
    ),
    "curves": Topic(
        "Training curves (P17)",
        "The marked trials, or the best of each arm. The objective's split is bright, the training "
        "split dimmed in the same colour; thin lines are raw values under their moving average.",
        "Validation error that rises while training goes on: problematic overfitting, regularize "
        "and run again (P18). Large swings late in training: try a larger batch, more validation "
        "data or a decaying rate (P19). Still improving at the end: more steps may help (P20). "
        "Flat for a long time: fewer would do (P21). Training loss going up: often a bug (P22).",
        "labtui plot NAME curves",
    ),
    "axes": Topic(
        "Axis plots (P14)",
        "The objective of every trial over one hyperparameter: ★ the best, ◆ marked ones, or the "
        "one under the cursor of the trials; ✗ infeasible ones; ┊ the bounds of the search space, "
        "╏ and its shade a range that the verdict proposes. A hyperparameter that exists under two "
        "values of another has a plot for each (P07). The sentence below says what follows; ? is "
        "what cannot be judged.",
        "Trust the best point only when it is well inside: when the best points crowd at a bound, "
        "widen the range and run again (P14). A handful of points in the good region is too few "
        "(P15). ✗ on one side show where training stops being stable: if the best points "
        "lie next to them, look at warmup or clipping (P16, P37).",
        "labtui plot NAME axis",
    ),
    "isolation": Topic(
        "Isolation plots (P24)",
        "The best of each value after tuning the rest, all feasible trials dimmed behind, and how "
        "many there were of each value below.",
        "Compare values by their best trial when each got enough of them; a column with few "
        "feasible trials says little (P16, P24).",
        "labtui plot NAME isolation",
    ),
    "budget": Topic(
        "What more trials, or steps, would bring (P31, P33)",
        "Budget: the best of k of these trials, exactly: median, quartiles and 5-95 %. Best steps: "
        "when trials were best, as a share of their length.",
        "Where a quarter of the searches of half as many trials would have ended much worse, "
        "trials were not too many; beside it stands what a search and a retraining vary by: a "
        "gain below them is luck (P31). Best steps in the "
        "last quarter: train longer; in the first tenth: shorter (P33).",
        "labtui plot NAME budget (or best-step)",
    ),
    "stability": Topic(
        "Stability of training (P37, P38, P41)",
        "Of the best trial of each arm: the norm of the gradient against the step, outliers "
        "marked, and as a histogram with its 90th percentile; then its training loss beside those "
        "of up to four trials of the arm whose learning rate lies just above, up to ten times.",
        "Norms that jump early: warm up. Outliers in the middle of training: clip, beginning at "
        "the 90th percentile (P41). When the loss rises for a while at rates just above the best "
        "one, instability is what limits the rate (P37).",
        "labtui plot NAME stability (or grad-norm)",
    ),
    "design": Topic(
        "The design: roles, space, caveats (P06)",
        "What was asked: the question, the budget, and the role of every hyperparameter. "
        "Scientific ones are compared, nuisance ones tuned so that the comparison is fair, fixed "
        "ones stay as they are; what the file does not name has the baseline's value. Then what "
        "speaks against the design, and the file as it was written.",
        "Every fixed hyperparameter is a caveat: the conclusion holds for its value only. A "
        "nuisance hyperparameter that interacts with what is compared, and was fixed, makes the "
        "comparison unfair (P06).",
        "labtui plan NAME",
    ),
}
