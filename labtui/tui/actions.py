"""Everything a key can do, written once: bindings, key line, help and palette are made from it."""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding, BindingType


@dataclass(frozen=True)
class Action:
    """One thing that a person can do.

    Attributes:
        id: Unique, ``place.name``; a keymap in the configuration refers to it.
        key: Textual's names of the keys, separated by commas.
        call: The action that is called.
        description: One or two words, for the key line.
        tooltip: What it does, in one sentence.
        group: The heading in the help.
        where: The place whose focus makes it available; see `CHAINS`.
        rank: Place in the key line, lowest first; 0 for none.
        shown: How the key is written.
    """

    id: str
    key: str
    call: str
    description: str
    tooltip: str
    group: str
    where: str
    rank: int = 0
    shown: str = ""

    @property
    def keys(self) -> str:
        """The keys as people write them."""
        return self.shown or " ".join(self.key.split(","))

    @property
    def target(self) -> str:
        """The action with its namespace, to be called from anywhere on the screen."""
        if "." in self.call:
            return self.call
        return f"{_OWNERS.get(self.where, 'focused')}.{self.call}"


_SCREENS = ("lab", "study", "trial", "next", "again", "launch", "workload", "ask")
_OWNERS = {"app": "app", **dict.fromkeys(_SCREENS, "screen")}

CHAINS: dict[str, tuple[tuple[str, ...], ...]] = {
    "lab": (("table", "rows", "lab", "app"),),
    "study": (
        ("trials", "table", "rows", "study", "app"),
        ("table", "rows", "study", "app"),
        ("chart", "study", "app"),
        ("text", "study", "app"),
        ("filter",),
    ),
    "trial": (("text", "trial", "app"),),
    "next": (("rows", "next", "app"), ("text", "next", "app")),
    "again": (("rows", "again", "app"), ("text", "again", "app")),
    "launch": (("text", "launch", "app"),),
    "workload": (("text", "workload", "app"),),
    "ask": (("ask",),),
    "help": (("text", "app"),),
}
"""For each screen, from which places a key is looked up, the focused widget's first."""

_MOVE, _LOOK, _GO, _CHOOSE, _DECIDE = "Move", "Look closer", "Go", "Choose", "Decide"


def _all(where: str, group: str, *rows: tuple[str, str, str, str, str, int, str]) -> list[Action]:
    """Make actions of one place and group from rows: the other fields of `Action` in order."""
    return [
        Action(f"{where}.{name}", key, call, word, tooltip, group, where, rank, shown)
        for name, key, call, word, tooltip, rank, shown in rows
    ]


ACTIONS = (
    *_all(
        "app",
        _GO,
        (
            "leave",
            "q",
            "leave",
            "quit",
            "Go back, or quit from the list of studies; a run goes on either way",
            90,
            "",
        ),
        (
            "back",
            "escape",
            "back",
            "back",
            "Clear the filter, undo the zoom, then go back; never quits",
            0,
            "esc",
        ),
        (
            "help",
            "question_mark,f1",
            "help",
            "help",
            "Explain what has the focus, and list its keys",
            80,
            "? F1",
        ),
        (
            "palette",
            "ctrl+p",
            "command_palette",
            "palette",
            "Search everything that can be done here, themes included",
            0,
            "ctrl+p",
        ),
    ),
    *_all(
        "rows",
        _MOVE,
        ("down", "j,down", "cursor(1)", "down", "Next row", 0, "j ↓"),
        ("up", "k,up", "cursor(-1)", "up", "Previous row", 0, "k ↑"),
        ("top", "g,home", "end(-1)", "top", "First row", 0, ""),
        ("bottom", "G,end", "end(1)", "bottom", "Last row", 0, ""),
        ("page-down", "ctrl+d,pagedown", "page(1)", "page down", "One page further", 0, ""),
        ("page-up", "ctrl+u,pageup", "page(-1)", "page up", "One page back", 0, ""),
        ("left", "h,left", "columns(-1)", "left", "Scroll to the columns on the left", 0, "h ←"),
        ("right", "l,right", "columns(1)", "right", "Scroll to the columns on the right", 0, "l →"),
    ),
    *_all(
        "table",
        _GO,
        ("open", "enter", "open", "open", "Open what this row is about", 10, ""),
    ),
    *_all(
        "table",
        _CHOOSE,
        (
            "sort",
            "o",
            "sort",
            "sort",
            "Sort by the next column; a click on a header sorts by it",
            40,
            "",
        ),
        ("reverse", "O", "reverse", "reverse", "Sort the other way round", 0, ""),
    ),
    *_all(
        "trials",
        _CHOOSE,
        (
            "mark",
            "space",
            "mark",
            "mark",
            "Mark a trial: the curves are those of the marked ones",
            20,
            "",
        ),
        ("unmark", "U", "unmark", "unmark", "Take all marks away", 0, ""),
        (
            "filter",
            "slash",
            "screen.filter",
            "filter",
            "Show some trials only: state:infeasible, arm:adam, lr<1e-3, or a word",
            30,
            "/",
        ),
    ),
    *_all(
        "study",
        _GO,
        ("pane", "tab", "pane(1)", "pane", "Next pane", 50, ""),
        ("pane-back", "shift+tab", "pane(-1)", "pane back", "Previous pane", 0, ""),
        ("trials", "1", "show('trials')", "trials", "The table of trials", 0, ""),
        ("curves", "2", "show('curves')", "curves", "The training curves", 0, ""),
        ("axis", "3", "show('axis')", "axis", "The objective over each hyperparameter", 0, ""),
        ("arms", "4", "show('arms')", "arms", "The arms side by side", 0, ""),
        ("roles", "5", "show('roles')", "roles", "What is compared, tuned away and fixed", 0, ""),
        ("verdict", "6", "show('verdict')", "verdict", "What is to be concluded", 0, ""),
        (
            "figures",
            "7",
            "show('figures')",
            "figures",
            "Isolation plots, the budget, the best steps, gradient norms",
            0,
            "",
        ),
    ),
    *_all(
        "study",
        _LOOK,
        (
            "next-figure",
            "n",
            "figure(1)",
            "next",
            "Next figure: another metric, or another hyperparameter",
            70,
            "",
        ),
        ("previous-figure", "p", "figure(-1)", "previous", "Previous figure", 0, ""),
        ("zoom", "z", "zoom", "zoom", "Give the whole screen to this pane, and back", 60, ""),
    ),
    *_all(
        "chart",
        _LOOK,
        ("log-y", "y", "log_y", "log y", "Logarithmic or linear vertical axis", 10, ""),
        ("log-x", "x", "log_x", "log x", "Logarithmic or linear horizontal axis", 0, ""),
        (
            "smooth",
            "s",
            "smooth",
            "smooth",
            "Moving average over the dimmed raw curves, or the raw curves alone",
            11,
            "",
        ),
        (
            "zoom-in",
            "plus,equals_sign",
            "zoom(1)",
            "closer",
            "Zoom in around the crosshair; the wheel does it too",
            0,
            "+",
        ),
        ("zoom-out", "minus", "zoom(-1)", "out", "Zoom out", 0, "-"),
        (
            "pan-left",
            "left_square_bracket",
            "pan(-1)",
            "pan left",
            "Move the window to the left",
            0,
            "[",
        ),
        (
            "pan-right",
            "right_square_bracket",
            "pan(1)",
            "pan right",
            "Move the window to the right",
            0,
            "]",
        ),
        (
            "crosshair-left",
            "left",
            "move_crosshair(-1)",
            "read left",
            "Move the crosshair to the left",
            0,
            "←",
        ),
        (
            "crosshair-right",
            "right",
            "move_crosshair(1)",
            "read",
            "Move the crosshair to the right: it reads every curve",
            13,
            "→",
        ),
        ("reset", "0", "reset", "reset", "Show everything again, as the chart came", 0, ""),
    ),
    *_all(
        "text",
        _MOVE,
        ("down", "j,down", "scroll_down", "down", "One line down", 0, "j ↓"),
        ("up", "k,up", "scroll_up", "up", "One line up", 0, "k ↑"),
        ("top", "g,home", "scroll_home", "top", "To the beginning", 0, ""),
        ("bottom", "G,end", "scroll_end", "bottom", "To the end", 0, ""),
        ("page-down", "ctrl+d,pagedown", "page_down", "page down", "A page down", 0, ""),
        ("page-up", "ctrl+u,pageup", "page_up", "page up", "A page up", 0, ""),
    ),
    *_all(
        "study",
        _DECIDE,
        (
            "next",
            "f",
            "follow_up",
            "further",
            "The studies that its findings call for: read one, train it, or write its file",
            25,
            "",
        ),
        (
            "again",
            "r",
            "again",
            "rerun",
            "Train the trial under the cursor, the best of each arm or the whole search again",
            75,
            "",
        ),
        (
            "launch",
            "L",
            "launch",
            "launch",
            "Whether its best trial becomes the baseline: decided by fresh reruns of both",
            76,
            "",
        ),
        (
            "workload",
            "w",
            "workload",
            "workload",
            "What is known of its workload: baseline, lineage, what is to be done",
            77,
            "",
        ),
    ),
    *_all(
        "lab",
        _DECIDE,
        (
            "workload",
            "w",
            "workload",
            "workload",
            "What is known of this study's workload: baseline, lineage, what is to be done",
            50,
            "",
        ),
    ),
    *_all(
        "trial",
        _DECIDE,
        ("again", "r", "again", "rerun", "Train it again with fresh seeds: what is luck?", 30, ""),
        ("launch", "L", "launch", "launch", "Whether it becomes the baseline", 40, ""),
    ),
    *_all(
        "next",
        _DECIDE,
        ("train", "enter", "train", "train", "Train this study: asks once, then opens it", 10, ""),
        (
            "save",
            "s",
            "save",
            "write file",
            "Write it as a file into the folder that labtui was started in, over no other",
            20,
            "",
        ),
        ("other", "tab", "other", "read", "Between the list and the text", 30, ""),
    ),
    *_all(
        "again",
        _DECIDE,
        ("train", "enter", "train", "train", "Train it again; asks how often", 10, ""),
        ("other", "tab", "other", "read", "Between the list and the text", 30, ""),
    ),
    *_all(
        "launch",
        _DECIDE,
        ("train", "enter", "train", "go on", "Train the next group of reruns; asks once", 10, ""),
        (
            "overrule",
            "o",
            "overrule",
            "overrule",
            "Adopt it although findings hold it back; asks for the reason, which is kept",
            20,
            "",
        ),
    ),
    *_all(
        "workload",
        _DECIDE,
        (
            "roll-back",
            "b",
            "roll_back",
            "roll back",
            "Give the baseline up for the one before it; asks for the reason, which is kept",
            10,
            "",
        ),
    ),
    *_all(
        "ask",
        _DECIDE,
        ("yes", "enter", "yes", "yes", "Do what is asked", 10, ""),
        ("no", "escape", "app.leave", "no", "Do nothing", 20, "esc"),
    ),
    *_all(
        "filter",
        _CHOOSE,
        ("keep", "enter", "submit", "keep", "Keep the filter, and go to the table", 10, ""),
        ("clear", "escape", "app.back", "clear", "Clear the filter, and close the line", 20, "esc"),
    ),
)


def at(*places: str) -> list[Action]:
    """Give the actions of some places, in the order of the places."""
    return [action for place in places for action in ACTIONS if action.where == place]


def bindings(place: str) -> list[BindingType]:
    """Give the bindings of a place, for the ``BINDINGS`` of its widget or screen."""
    return [
        Binding(
            action.key,
            action.call,
            action.description,
            show=False,
            key_display=action.shown or None,
            tooltip=action.tooltip,
            id=action.id,
        )
        for action in at(place)
    ]


def key_line(*places: str, most: int = 8) -> list[Action]:
    """Choose what the key line shows when the focus is at the first of `places`."""
    ranked = sorted((a for a in at(*places) if a.rank), key=lambda a: a.rank)
    always = [action for action in ranked if action.where == "app"]
    others = [action for action in ranked if action.where != "app"]
    return others[: most - len(always)] + always


def app_keys() -> list[BindingType]:
    """Give the keys of the app for a modal screen, which the app's own do not reach."""
    return [Binding(a.key, f"app.{a.call}", a.description, show=False) for a in at("app")]


def chart_keys() -> list[BindingType]:
    """Give the chart's keys that also work while a table beside it has the focus."""
    names = ("chart.log-y", "chart.log-x", "chart.smooth", "chart.reset")
    return [
        Binding(a.key, f"on_chart('{a.call}')", a.description, show=False, tooltip=a.tooltip)
        for a in at("chart")
        if a.id in names
    ]
