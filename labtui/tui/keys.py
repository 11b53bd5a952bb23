"""What a key can do: the parts of which `labtui.tui.actions` is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace


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
        twin: The command that does the same without a screen; NAME stands for what is shown.
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
    twin: str = ""

    @property
    def keys(self) -> str:
        """The keys as people write them."""
        return self.shown or " ".join(map(written, self.key.split(",")))

    @property
    def target(self) -> str:
        """The action with its namespace, to be called from anywhere on the screen."""
        if "." in self.call:
            return self.call
        owner = "app" if self.where == "app" else "focused" if self.where in _WIDGETS else "screen"
        return f"{owner}.{self.call}"


_WIDGETS = ("rows", "table", "trials", "chart", "text", "found", "filter", "output", "find")

MOVE, LOOK, GO, CHOOSE, DECIDE = "Move", "Look closer", "Go", "Choose", "Decide"
WRITE = "Write down"
"""The headings in the help."""

READING = frozenset({MOVE, LOOK, GO, CHOOSE})
"""Headings of what changes nothing in the lab: a command that does the same need not be named."""


def key(
    name: str,
    key: str,
    call: str,
    description: str,
    tooltip: str,
    *,
    rank: int = 0,
    shown: str = "",
    twin: str = "",
) -> Action:
    """Describe one action; `keys` gives it its place and group. See `Action`."""
    return Action(name, key, call, description, tooltip, "", "", rank, shown, twin)


def keys(where: str, group: str, *actions: Action) -> list[Action]:
    """Put actions into one place and group."""
    return [replace(one, id=f"{where}.{one.id}", group=group, where=where) for one in actions]


def rebound(action: Action, keymap: Mapping[str, str]) -> Action:
    """Give an action the keys that a person chose for it."""
    chosen = keymap.get(action.id)
    return action if chosen is None else replace(action, key=chosen, shown="")


SIGNS = {
    "escape": "esc",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "f1": "F1",
    "question_mark": "?",
    "slash": "/",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
}
"""How keys are written whose names in Textual are others."""


def written(key: str) -> str:
    """Write one of Textual's names of keys as people do."""
    if key in SIGNS:
        return SIGNS[key]
    if key[:1] == "f" and key[1:].isdecimal():
        return key.upper()
    from textual.keys import format_key

    return format_key(key) if "_" in key else key


_NAMES = "enter escape tab shift+tab space backspace delete insert up down left right home end"
NAMED = frozenset((*_NAMES.split(), "pageup", "pagedown"))
"""Keys with a name that every terminal sends."""

TAKEN = frozenset("chijmz")
"""Letters that mean something else with ctrl: copy, backspace, tab, two for enter, suspend."""


def is_plain(key: str) -> bool:
    """Say whether every terminal sends a key, tmux and ssh between or not.

    Without the Kitty protocol no terminal tells ctrl+enter from enter, ctrl+shift+a from ctrl+a, or
    alt+a from escape and a.

    Args:
        key: Textual's name of it.
    """
    if key in NAMED:
        return True
    if key[:1] == "f" and key[1:].isdecimal():
        return 1 <= int(key[1:]) <= 12
    if key.startswith("ctrl+"):
        letter = key.removeprefix("ctrl+")
        return len(letter) == 1 and "a" <= letter <= "z" and letter not in TAKEN
    sign = written(key)
    return len(sign) == 1 and sign.isprintable()
