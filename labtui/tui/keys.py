"""What a key can do: the parts of which `labtui.tui.actions` is made."""

from __future__ import annotations

from dataclasses import dataclass


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


_SCREENS = ("lab", "study", "trial", "next", "again", "launch", "workload", "log", "ask", "remark")
_OWNERS = {"app": "app", **dict.fromkeys(_SCREENS, "screen")}

MOVE, LOOK, GO, CHOOSE, DECIDE = "Move", "Look closer", "Go", "Choose", "Decide"
WRITE = "Write down"
"""The headings in the help."""


def keys(where: str, group: str, *rows: tuple[str, str, str, str, str, int, str]) -> list[Action]:
    """Make actions of one place and group from rows: the other fields of `Action` in order."""
    return [
        Action(f"{where}.{name}", key, call, word, tooltip, group, where, rank, shown)
        for name, key, call, word, tooltip, rank, shown in rows
    ]
