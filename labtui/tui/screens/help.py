"""Help on what has the focus: what it shows, what to conclude, and its keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from labtui.tui.actions import app_keys, key_line, with_keys
from labtui.tui.guide.procedures import cited
from labtui.tui.keys import Action
from labtui.tui.topic import Topic
from labtui.tui.widgets.keyline import KeyLine
from labtui.tui.widgets.textpane import Line, TextPane
from labtui.verdicts.text import clean

PROMISE = (
    "The screen trains nothing itself. Closing it, or losing the connection, harms no run: trials "
    "are trained by a runner of its own, and `labtui` shows them again."
)


class HelpScreen(ModalScreen[None]):
    """Explains one thing."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = app_keys()

    def __init__(
        self,
        topic: Topic,
        actions: Sequence[Action],
        study: str = "NAME",
        *,
        reading: tuple[str, str] | None = None,
    ) -> None:
        """Explain `topic`.

        Args:
            topic: What it is about.
            actions: What can be done there, with the keys that the person chose.
            study: Stands in the command that does without a screen.
            reading: A heading and a text on how to read the widget.
        """
        super().__init__()
        self._topic, self._actions, self._study = topic, actions, study
        self._reading = reading

    def compose(self) -> ComposeResult:
        """Lay out title and text."""
        with Vertical(id="frame"):
            yield Static(self._topic.title, id="title", markup=False)
            yield TextPane(place="text", id="help")
        yield KeyLine()

    def on_mount(self) -> None:
        """Write the text."""
        lines = help_lines(self._topic, self._actions, self._study, self._reading)
        pane = self.query_one(TextPane)
        pane.say_lines(list(lines))
        pane.focus()
        self.query_one(KeyLine).show(key_line("app"), leaving="close")

    def step_back(self) -> bool:
        """There is nothing to undo before the help closes."""
        return False


def help_lines(
    topic: Topic,
    actions: Sequence[Action],
    study: str = "NAME",
    reading: tuple[str, str] | None = None,
) -> Iterator[Line]:
    """Write the help on a topic; see `HelpScreen`."""
    name = clean(study)
    yield Line(with_keys(topic.shows))
    yield from _section("What to conclude", with_keys(topic.conclude))
    if reading is not None:
        yield from _section(reading[0], with_keys(reading[1]))
    told = cited(topic.title, topic.shows, topic.conclude, *(one.tooltip for one in actions))
    if told:
        yield from _section("The procedures")
        for number, title in told:
            yield Line(f"{number}  {title}", indent=2, hang=" " * 5, lead=5)
    yield from _section("Without a screen", f"= {topic.twin.replace('NAME', name)}")
    width = max((len(action.keys) for action in actions), default=0)
    for group, members in _groups(actions).items():
        yield from _section(group)
        for action in members:
            yield from _key_lines(action, name, width)
    yield from _section("Quitting", PROMISE)


def _section(heading: str, text: str = "") -> Iterator[Line]:
    yield Line()
    yield Line(heading, "$text-primary bold")
    if text:
        yield Line(text)


def _key_lines(action: Action, study: str, width: int) -> Iterator[Line]:
    keys = action.keys.ljust(width)
    text = f"{keys}  {with_keys(action.tooltip)}"
    yield Line(text, indent=2, hang=" " * (width + 2), lead=width + 2)
    if action.twin:
        twin = action.twin.replace("NAME", study)
        yield Line(f"= {twin}", "$faded", indent=width + 4, hang="  ")


def _groups(actions: Sequence[Action]) -> dict[str, list[Action]]:
    """Put actions under their headings, in the order in which these come first."""
    groups: dict[str, list[Action]] = {}
    for action in actions:
        groups.setdefault(action.group, []).append(action)
    return groups
