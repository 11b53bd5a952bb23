"""What a key can do: the parts of which `labtui.tui.actions` is made."""

from __future__ import annotations

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
        return self.shown or " ".join(self.key.split(","))

    @property
    def target(self) -> str:
        """The action with its namespace, to be called from anywhere on the screen."""
        if "." in self.call:
            return self.call
        owner = "app" if self.where == "app" else "focused" if self.where in _WIDGETS else "screen"
        return f"{owner}.{self.call}"


_WIDGETS = ("rows", "table", "trials", "chart", "text", "filter")

MOVE, LOOK, GO, CHOOSE, DECIDE = "Move", "Look closer", "Go", "Choose", "Decide"
WRITE = "Write down"
"""The headings in the help."""


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
