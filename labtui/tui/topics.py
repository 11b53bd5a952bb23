"""What the help says about each thing that can have the focus."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """Help on one thing.

    Attributes:
        title: Its name.
        shows: What there is to see.
        conclude: What to conclude from it, with the procedures of the playbook.
        twin: The command that says the same without a screen; NAME stands for the study.
    """

    title: str
    shows: str
    conclude: str
    twin: str


TOPICS = {
    "studies": Topic(
        "The studies of this lab",
        "One row a study, the latest activity first: its state, how many trials have ended, the "
        "best value of its objective, and how many trials were infeasible.",
        "A study answers one question (P05); its goal stands below. Many infeasible trials say "
        "that the search space is too wide, or that something is broken (P16).",
        "labtui list",
    ),
    "trials": Topic(
        "The trials of the study",
        "One row a trial, the best first. Infeasible trials come last whatever they reached "
        "before: a value from a run that diverged is not one to choose. ▸ is the cursor, ◆ a mark.",
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
    "axis": Topic(
        "Axis plots (P14)",
        "The objective of every trial over one hyperparameter; ✗ are infeasible trials, ┊ the "
        "bounds of the search space, ╏ a range that the verdict proposes. A hyperparameter that "
        "exists under two values of another has a plot for each (P07).",
        "Trust the best point only when it is well inside: when the best points crowd at a bound, "
        "widen the range and run again (P14). A handful of points in the good region is too few "
        "(P15). ✗ on one side show where training stops being stable: if the best points "
        "lie next to them, look at warmup or clipping (P16, P37).",
        "labtui plot NAME axis",
    ),
    "arms": Topic(
        "The arms side by side (P24)",
        "One row an arm: the best trial after tuning the nuisance hyperparameters away, the "
        "median, and how many trials ended. Enter shows the trials of an arm.",
        "Compare arms by their best trial when each got enough trials; a difference smaller than "
        "the spread of retraining is none (P28, P30). An arm with many infeasible trials was "
        "searched with fewer (P16).",
        "labtui show NAME",
    ),
    "roles": Topic(
        "The roles of the hyperparameters (P06)",
        "Scientific ones are compared, nuisance ones tuned so that the comparison is fair, fixed "
        "ones stay as they are.",
        "Every fixed hyperparameter is a caveat: the conclusion holds for its value only.",
        "labtui show NAME",
    ),
    "verdict": Topic(
        "The verdict",
        "What was found in the trials that have ended: ▲ puts a conclusion in doubt, ! deserves a "
        "look, i is worth knowing; each with its numbers, and → what to do next. The best trial of "
        "each arm is looked at first, then every other one (P18). Below, dimmed, what could not "
        "be judged and why. A study that runs is judged again as its trials end.",
        "Work from the top: a ▲ about the search space or the training makes the numbers below it "
        "provisional. Nothing found where much could not be judged is no clean bill.",
        "labtui check NAME",
    ),
    "figures": Topic(
        "More figures: isolation, budget, best steps, gradient norms",
        "Isolation (P24): the best of each value after tuning the rest, all feasible trials dimmed "
        "behind, how many there were below. Budget (P31): the best of k of these trials, exactly: "
        "median, quartiles and 5-95 %. Best steps (P33): when trials were best, as a share of "
        "their length. Gradient norms (P38): against the step, with outliers, and as a histogram.",
        "A column with few feasible trials says little (P24). A median that still falls at its "
        "right end: more trials may pay (P31). Best steps in the last quarter: train longer; in "
        "the first tenth: shorter (P33). Norms with outliers: warm up or clip, beginning at the "
        "90th percentile (P41).",
        "labtui plot NAME isolation (or budget, best-step, grad-norm)",
    ),
    "trial": Topic(
        "One trial",
        "What came out, why it ended, its hyperparameters with their ranges, what the program said "
        "if it failed, and what reproduces it.",
        "A trial is the outcome of one configuration with one seed: train it again before you "
        "believe a small difference (P28).",
        "labtui show NAME/17",
    ),
    "next": Topic(
        "What follows a study",
        "Studies that go on from this one: first those that a finding calls for, gravest first, "
        "with the finding and its numbers; then others that can be made; grey, with the reason, "
        "those that cannot. The text is the study's file, with a comment for every change.",
        "Answer a ▲ before anything else: the conclusions of the study stand on it (P14, P18). Its "
        "findings and those of the study that answers them stand side by side afterwards in "
        "labtui check.",
        "labtui next NAME --list (then --kind, --run)",
    ),
    "again": Topic(
        "Training again, with fresh seeds (P28, P29)",
        "What a trial, the best of each arm, or the whole search came to when it was trained "
        "again, and what training it again would add. Grey is what cannot be.",
        "A difference smaller than the deviation of reruns is none. The value of the trial that "
        "was selected is better than the mean of its reruns by luck; an order of arms holds once "
        "reruns support it (P30).",
        "labtui rerun NAME/17 -n 5 (or NAME --arms, NAME)",
    ),
    "launch": Topic(
        "A launch (P30)",
        "Whether a candidate becomes the baseline of its workload: fresh reruns of both, looked at "
        "in groups that were planned beforehand; what the candidate adds, and the gain that pays "
        "for it. Everything the decision rests on is kept with it.",
        "Adopt only on evidence: the candidate's own value is left out, because it was selected. "
        "Findings about the search space or overfitting hold a launch back: answer them by another "
        "study, or overrule them with a reason. Undecided means that more reruns may help.",
        "labtui launch NAME",
    ),
    "workload": Topic(
        "A workload: its card and lineage (P01)",
        "What is known: objective, chance level, step time, batch sizes, the deviation of "
        "retraining, the baseline and the baselines before it as a tree, launches that were not "
        "adopted, studies, notes.",
        "What is to be done stands first: a baseline that changed batch size, model or optimizer "
        "asks for tuning and probes again (P02, P03).",
        "labtui workload NAME; labtui lineage NAME",
    ),
    "log": Topic(
        "The experiment log (P45)",
        "One entry a study, the newest first: its best value with the deviation of retraining, the "
        "answer to its question, its verdict, what was launched, notes and tags, and the command "
        "that reproduces it. Verdicts follow as they are ready, and again as trials end.",
        "Read it before the next study: what was asked already, what the answer rested on, and "
        "which findings are still open. What is missing is a note (N in the list of studies).",
        "labtui log (--workload, --tag, --kind)",
    ),
}
"""By the id of a pane, or of a widget that is alone on its screen."""
