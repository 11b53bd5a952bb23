"""Designing a study: its keys and its help."""

from __future__ import annotations

from labtui.tui.keys import CHOOSE, DECIDE, GO, LOOK, key, keys
from labtui.tui.topic import Topic

_INIT, _FILE = "labtui init WORKLOAD", "labtui plan FILE"

KEYS = (
    *keys(
        "draft-choice",
        GO,
        key(
            "choose", "enter", "screen.choose", "choose", "Design a study of this workload", rank=10
        ),
    ),
    *keys(
        "draft-field",
        CHOOSE,
        key(
            "edit",
            "enter",
            "screen.edit",
            "edit",
            "Write this field in a line that is checked as you type",
            rank=10,
        ),
    ),
    *keys(
        "draft-row",
        CHOOSE,
        key("edit", "enter", "screen.edit", "values", "Write its values or its range", rank=10),
        key(
            "scientific",
            "s",
            "screen.role('scientific')",
            "scientific",
            "Compare its values: each makes an arm (P06)",
            rank=20,
        ),
        key(
            "nuisance",
            "n",
            "screen.role('nuisance')",
            "nuisance",
            "Tune it away: each arm gets its own best value (P06)",
            rank=21,
        ),
        key(
            "fixed",
            "f",
            "screen.role('fixed')",
            "fixed",
            "Hold it at one value: the conclusion holds for that value (P06)",
            rank=22,
        ),
        key(
            "when",
            "w",
            "screen.condition",
            "when",
            "Say for which values of others it exists, as optimizer=adam (P07)",
        ),
        key(
            "double",
            "d",
            "screen.double",
            "one more",
            "Define it once more, for another condition: other ranges for other optimizers",
        ),
        key("out", "x", "screen.leave_out", "leave out", "Take it out: it gets its default value"),
        key("add", "a", "screen.add", "add", "Add a hyperparameter that your own script reads"),
        key(
            "propose",
            "p",
            "screen.propose",
            "propose",
            "Propose roles again, for the budget, of all that you have not set yourself",
        ),
    ),
    *keys(
        "draft-line",
        CHOOSE,
        key("set", "enter", "screen.take(0)", "set", "Take what the line says", rank=10),
        key("next", "tab", "screen.take(1)", "set, next", "Take it, and edit the next", rank=20),
        key("previous", "shift+tab", "screen.take(-1)", "previous", "Take it, and edit the last"),
        key("cancel", "escape", "screen.drop_line", "cancel", "Leave it as it was", rank=30),
    ),
    *keys(
        "new",
        LOOK,
        key("other", "tab", "other(1)", "pane", "To the next pane", rank=50),
        key("back", "shift+tab", "other(-1)", "pane back", "To the pane before"),
        key("undo", "u", "undo", "undo", "Take the last change back", rank=60),
    ),
    *keys(
        "new",
        DECIDE,
        key(
            "file",
            "v,ctrl+s",
            "file",
            "file",
            "Show the study file, and write it into the folder that labtui was started in",
            rank=30,
            twin=_INIT,
        ),
        key(
            "run",
            "R",
            "run",
            "run",
            "Show the file, ask once, then train it and open the study",
            rank=31,
            twin="labtui run FILE",
        ),
    ),
    *keys(
        "draft-file",
        DECIDE,
        key("yes", "enter", "yes", "yes", "Do what is asked", rank=10),
        key(
            "overrule",
            "o",
            "overrule",
            "overrule",
            "Train it in spite of the alerts about its design",
            rank=15,
            twin="labtui run FILE --force",
        ),
        key("no", "escape", "app.leave", "no", "Do nothing", rank=20),
    ),
)
"""In the order of the help."""

CHAINS = {
    "new": (
        ("draft-choice", "rows", "app"),
        ("draft-field", "rows", "new", "app"),
        ("draft-row", "rows", "new", "app"),
        ("text", "new", "app"),
        ("draft-line",),
    ),
    "draft-file": (("text", "draft-file"),),
}

TOPICS = {
    "new": Topic(
        "Designing a study",
        "The question, the budget, and one row for every hyperparameter: what kind of thing it "
        "is, its role, its values or its range with the scale, and when it exists. Rows without "
        "a role are left at their defaults. Beside them stands what the design lets you "
        "conclude, and what it takes; both change with every edit.",
        "Few scientific hyperparameters, all that could spoil the comparison as nuisance, the "
        "rest fixed: each fixed value is a caveat (P05, P06). A ▲ refuses the study: it would "
        "not answer its question. Trials are shared out among arms and dimensions (P09).",
        f"{_INIT} (then {_FILE}, labtui run FILE)",
    ),
    "draft-asked": Topic(
        "The question and the budget",
        "The goal in a sentence, what is tuned by which trainer, the objective, and what every "
        "trial may spend: {draft-field.edit} edits a field in a line that says what "
        "is wrong as you type.",
        "Write the question before anything else: it decides the roles (P05). Steps are one "
        "number for all trials and never tuned (P11); trials are shared out among the arms and "
        "the dimensions that are tuned (P09).",
        f"{_INIT} --goal TEXT --trials N --steps N (then {_FILE})",
    ),
    "draft-judged": Topic(
        "What this design lets you conclude",
        "What is wrong first, then the findings about the design, then how many trials it "
        "takes, how long on one slot as far as the lab has timed steps, and the caveats.",
        "A ▲ refuses the study: change it, or overrule when you train it. A ! says what the "
        "answer will be worth less for. Caveats hold whatever comes out (P06).",
        _FILE,
    ),
    "draft-file": Topic(
        "The study file",
        "The file that is written, or trained, as it will be: every value that the design gives. "
        "Nothing is done before {draft-file.yes}; {draft-file.no} goes back to the design. Where "
        "alerts about the design refuse the study, {draft-file.overrule} trains it all the same.",
        "Read the roles and ranges once more: a study that asks another question than you meant "
        "costs as much as the right one (P05, P06).",
        _FILE,
    ),
    "workloads-to-tune": Topic(
        "What is to be tuned",
        "Workloads that this lab has studied, then those that the installed trainers know, and "
        "last a script or a program of your own.",
        "Start from the simplest configuration that trains, its defaults; with a baseline the "
        "values are those of the baseline (P04).",
        _INIT,
    ),
}
