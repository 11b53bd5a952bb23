"""A trial: its keys and its help."""

from __future__ import annotations

from labtui.tui.keys import CHOOSE, DECIDE, GO, LOOK, MOVE, key, keys
from labtui.tui.topic import Topic

_SHOW = "labtui show NAME/17"

KEYS = (
    *keys(
        "trial",
        GO,
        key("pane", "tab", "pane(1)", "pane", "Next pane", rank=50),
        key("pane-back", "shift+tab", "pane(-1)", "pane back", "Previous pane"),
        key("facts", "1", "show('facts')", "facts", "What came out, why, and what reproduces it"),
        key("curves", "2", "show('curves')", "curves", "Everything it logged"),
        key(
            "parameters",
            "3",
            "show('parameters')",
            "parameters",
            "Its configuration beside the baseline's and the best one's",
        ),
        key("log", "4", "show('log')", "log", "What its program prints"),
        key("next", "J", "trial(1)", "next trial", "The next trial of the study", rank=35),
        key("previous", "K", "trial(-1)", "previous trial", "The previous trial of the study"),
    ),
    *keys(
        "trial",
        LOOK,
        key(
            "differences",
            "d",
            "differences",
            "differences",
            "Only the hyperparameters in which the configurations differ, or all",
            twin=_SHOW,
        ),
        key("zoom", "z", "zoom", "zoom", "Give the whole screen to this pane, and back", rank=60),
    ),
    *keys(
        "trial",
        DECIDE,
        key(
            "again",
            "r",
            "again",
            "rerun",
            "Train it again with fresh seeds: what is luck?",
            rank=30,
            twin="labtui rerun NAME/17",
        ),
        key(
            "launch",
            "L",
            "launch",
            "launch",
            "Whether it becomes the baseline",
            rank=40,
            twin="labtui launch NAME/17",
        ),
        key(
            "compare",
            "C",
            "compare",
            "compare",
            "Beside the best trial of its study: what differs, the curves together",
            rank=45,
            twin="labtui compare NAME/17 NAME/3",
        ),
    ),
    *keys(
        "paging",
        LOOK,
        key("next", "n", "figures(1)", "more", "The next curves that it logged", rank=20),
        key("previous", "p", "figures(-1)", "previous", "The curves before"),
    ),
    *keys(
        "tiles",
        MOVE,
        key("next", "j,down", "chart(1)", "next chart", "To the next chart", shown="j ↓"),
        key("previous", "k,up", "chart(-1)", "chart before", "To the chart before", shown="k ↑"),
    ),
    *keys(
        "output",
        MOVE,
        key("down", "j,down", "line(1)", "down", "One line down", shown="j ↓"),
        key("up", "k,up", "line(-1)", "up", "One line up; the end is no longer followed"),
        key("page-down", "ctrl+d,pagedown", "page(1)", "page down", "A page down"),
        key("page-up", "ctrl+u,pageup", "page(-1)", "page up", "A page up"),
        key("left", "h,left", "aside(-1)", "left", "To the beginning of long lines"),
        key("right", "l,right", "aside(1)", "right", "To the end of long lines"),
        key("top", "g,home", "top", "top", "To the first line that was read"),
        key(
            "follow",
            "f,G,end",
            "follow",
            "follow",
            "To the end, and follow it as the program prints",
            rank=10,
        ),
    ),
    *keys(
        "output",
        CHOOSE,
        key("find", "slash", "screen.find", "find", "Look for something in it", rank=11),
        key("match", "n", "match(1)", "next", "The next line with what you look for", rank=12),
        key("match-back", "N", "match(-1)", "match before", "The line before with it"),
    ),
    *keys(
        "find",
        CHOOSE,
        key("keep", "enter", "submit", "keep", "Go on to the lines that were found", rank=10),
        key("clear", "escape", "app.back", "clear", "Look for nothing", rank=20),
    ),
)
"""In the order of the help."""

CHAINS = {
    "trial": (
        ("text", "paging", "trial", "remark", "app"),
        ("chart", "tiles", "paging", "trial", "remark", "app"),
        ("output", "trial", "app"),
        ("find",),
    ),
}

TOPICS = {
    "trial-facts": Topic(
        "One trial",
        "What came out and why it ended; of a trial that blew up first the step, the loss and the "
        "norm of its gradient there. Then what its curves say, notes, what reproduces it, "
        "checkpoints.",
        "A trial is the outcome of one configuration with one seed: train it again before you "
        "believe a small difference (P28). A gradient that grows for many steps before the loss "
        "is lost asks for a lower rate, or for warmup or clipping (P37, P41); one that jumps at "
        "the first steps, for warmup.",
        _SHOW,
    ),
    "trial-curves": Topic(
        "All curves of one trial",
        "Everything that it logged, one chart a metric, its splits together. The crosshairs of all "
        "charts move together. Of a trial that blew up the loss and the gradient norm come first, "
        "with a line at the step where it diverged.",
        "Validation that rises while training goes on: overfitting (P18). Both go up: look at the "
        "gradient norm and the rate at that step (P22, P37). A data_wait as long as a good part "
        "of step_time: the accelerator waits for data.",
        "labtui plot NAME curves --trials 17",
    ),
    "trial-parameters": Topic(
        "Its configuration beside others",
        "This trial, the baseline that its study was planned against, and the best trial of the "
        "study. ≠ marks a value that is not this trial's, – one that a configuration does not "
        "have.",
        "The more values differ, the less a difference of the results says about any one of them: "
        "change one thing at a time, or let a study vary it (P04).",
        _SHOW,
    ),
    "trial-log": Topic(
        "What its program prints",
        "Standard output and errors of the trial, over all its attempts, without colours and "
        "cursor movements. Of a long file only the end is read. It is followed while it grows, "
        "until you scroll up.",
        "What a program says of itself is no evidence: judge by the curves. Look here for the "
        "error that ended it, and for warnings of the framework.",
        "labtui log NAME/17",
    ),
}
