"""Text that is longer than the screen."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from labtui.tui.actions import bindings


class TextPane(VerticalScroll, can_focus=True):
    """Scrolls text with the same keys as a table."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("text")
    DEFAULT_CSS = """
    TextPane { height: 1fr; scrollbar-size: 1 1; padding: 0 1; }
    TextPane > Static { height: auto; width: 1fr; }
    """

    def __init__(self, *, place: str = "", id: str) -> None:
        """Create an empty pane."""
        super().__init__(id=id)
        self.place = place
        self._text = Static()

    def compose(self) -> ComposeResult:
        """Lay out the text."""
        yield self._text

    def say(self, text: Content) -> None:
        """Show a text; from outside it must be clean."""
        self._text.update(text)


def heading(text: str) -> Content:
    """Write a heading of a section."""
    return Content.styled(f"{text}\n", "$text-primary bold")


def pairs(rows: list[tuple[str, str]], indent: str = "  ") -> Content:
    """Write names and values in two columns."""
    width = max((len(name) for name, _ in rows), default=0)
    parts = [
        part
        for name, value in rows
        for part in ((f"{indent}{name.ljust(width)}  ", "$text-muted"), f"{value}\n")
    ]
    return Content.assemble(*parts)
