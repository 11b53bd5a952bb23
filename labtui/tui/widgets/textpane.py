"""Text that is longer than the screen."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from labtui.tui.actions import bindings
from labtui.tui.exporting import Exports

NARROWEST = 24
"""Columns that a text has at least, beside what stands before it; the rest of a row is cut off."""


@dataclass(frozen=True)
class Line:
    """A line of text that is broken between words, and stays indented where it is.

    Attributes:
        text: Clean.
        style: How it looks.
        indent: Columns on its left.
        hang: Begins the rows after the first one.
        lead: How many characters at the beginning are a name: a key, and what it does after it.
    """

    text: str = ""
    style: str = ""
    indent: int = 0
    hang: str = ""
    lead: int = 0


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
        self._lines: Sequence[Line] | None = None
        self._broken = 0

    def compose(self) -> ComposeResult:
        """Lay out the text."""
        yield self._text

    def say(self, text: Content) -> None:
        """Show a text; from outside it must be clean."""
        self._lines = None
        self._text.update(text)

    def say_lines(self, lines: Sequence[Line]) -> None:
        """Show lines, broken anew whenever the pane gets another width."""
        self._lines = list(lines)
        self._break()

    def on_resize(self, event: events.Resize) -> None:
        """Break the lines where the pane ends now."""
        if self._lines is not None and self._room != self._broken:
            self._break()

    def exports(self) -> Exports:
        """Give the text as it is shown, and as Markdown with whole paragraphs."""
        name = (self.id or "text").removesuffix("-text")
        found: Exports = {f"{name}.txt": lambda: f"{self._plain().rstrip()}\n"}
        if self._lines is not None:
            found[f"{name}.md"] = lambda: _markdown(self._lines or ())
        return found if self._plain().strip() else {}

    def _plain(self) -> str:
        shown = self._text.content
        return shown.plain if isinstance(shown, Content) else str(shown)

    @property
    def _room(self) -> int:
        """Columns for text: without padding, scrollbar (shown or not), and a space before it."""
        return max(16, self.outer_size.width - 4)

    def _break(self) -> None:
        self._broken = self._room
        rows = broken(self._lines or (), self._broken)
        text, before = Content("\n").join(rows), self._text.content
        # Without need, a layout would paint everything around it anew.
        if not isinstance(before, Content) or _height(before) != _height(text):
            self._text.update(text)
        elif not text.is_same(before):
            self._text.update(text, layout=False)


def _height(text: Content) -> int:
    return 1 + text.plain.count("\n") if text.plain else 0


def broken(lines: Sequence[Line], width: int) -> list[Content]:
    """Break lines between words, so that they fit into a width; gives the rows."""
    rows: list[Content] = []
    for line in lines:
        margin, room = " " * line.indent, max(width - line.indent, NARROWEST)
        lead = line.lead if line.lead <= room // 2 else 0  # else a row would hold one character
        name, text = line.text[:lead], line.text[lead:]
        parts = textwrap.wrap(
            text,
            room,
            initial_indent=" " * lead,
            subsequent_indent=line.hang if len(line.hang) <= room // 2 else "",
            break_on_hyphens=False,
        ) or [""]
        first = parts[0][lead:] if name else parts[0]
        rows.append(Content.assemble((margin, ""), (name, "$text-accent"), (first, line.style)))
        rows += [Content.styled(margin + part, line.style) for part in parts[1:]]
    return rows


def _markdown(lines: Sequence[Line]) -> str:
    """Write lines as Markdown: what is bold at the edge is a heading, what is indented a list."""
    rows = []
    for line in lines:
        if line.text and "bold" in line.style and not line.indent:
            rows.append(f"## {line.text.strip()}\n")
        elif line.text and line.indent:
            rows.append(f"{'  ' * (line.indent // 2 - 1)}- {line.text.strip()}")
        else:
            rows.append(line.text.strip())
    return "\n".join(rows).strip() + "\n"


def heading(text: str) -> Content:
    """Write a heading of a section."""
    return Content.styled(f"{text}\n", "$text-primary bold")


def pairs(rows: list[tuple[str, str]], indent: str = "  ") -> Content:
    """Write names and values in two columns."""
    width = max((len(name) for name, _ in rows), default=0)
    parts = [
        part
        for name, value in rows
        for part in ((f"{indent}{name.ljust(width)}  ", "$faded"), f"{value}\n")
    ]
    return Content.assemble(*parts)
