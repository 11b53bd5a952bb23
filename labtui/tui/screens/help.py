"""Help on what has the focus: what it shows, what to conclude, and its keys."""

from __future__ import annotations

from itertools import groupby
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import ModalScreen

from labtui.tui.actions import app_keys, at, key_line
from labtui.tui.keys import Action
from labtui.tui.topic import Topic
from labtui.tui.widgets.keyline import KeyLine
from labtui.tui.widgets.textpane import TextPane, heading, pairs
from labtui.verdicts.text import clean

PROMISE = (
    "The screen trains nothing itself. Closing it, or losing the connection, harms no run: trials "
    "are trained by a runner of its own, and `labtui` shows them again."
)


class HelpScreen(ModalScreen[None]):
    """Explains one thing."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = app_keys()

    def __init__(self, topic: Topic, chain: tuple[str, ...], study: str = "NAME") -> None:
        """Explain `topic` with the keys of the places in `chain`, for a study."""
        super().__init__()
        self._topic = topic
        self._chain = chain
        self._study = study

    def compose(self) -> ComposeResult:
        """Lay out the text."""
        pane = TextPane(place="text", id="help")
        pane.border_title = "help"
        yield pane
        yield KeyLine()

    def on_mount(self) -> None:
        """Write the text."""
        self.query_one(TextPane).say(help_text(self._topic, self._chain, self._study))
        self.query_one(KeyLine).show(key_line("app"), leaving="close")

    def step_back(self) -> bool:
        """There is nothing to undo before the help closes."""
        return False


def help_text(topic: Topic, chain: tuple[str, ...], study: str) -> Content:
    """Write the help on a topic; `study` stands in the command that does without a screen."""
    return Content.assemble(
        heading(topic.title),
        f"{topic.shows}\n\n",
        heading("What to conclude"),
        f"{topic.conclude}\n\n",
        ("Without a screen: ", "$text-muted"),
        f"{topic.twin.replace('NAME', clean(study))}\n\n",
        keys_text(at(*chain)),
        heading("Quitting"),
        PROMISE,
    )


def keys_text(actions: list[Action]) -> Content:
    """Write the keys in their groups."""
    ordered = sorted(actions, key=lambda action: action.group)
    parts: list[Content] = []
    for group, members in groupby(ordered, key=lambda action: action.group):
        parts += [heading(group), pairs([(a.keys, a.tooltip) for a in members]), Content("\n")]
    return Content.assemble(*parts)
