"""Text that is longer than the screen."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content, Span
from textual.widgets import Input, Static

from labtui.tui.actions import bindings
from labtui.tui.exporting import Exports
from labtui.tui.widgets.finding import Finder, FindLine

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
    """Scrolls text with the same keys as a table, and finds something in it."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("text"), *bindings("found")]
    DEFAULT_CSS = """
    TextPane {
        height: 1fr;
        scrollbar-size: 1 1;
        padding: 0 1;
        & > Static { height: auto; width: 1fr; }
        & > .finding { dock: bottom; height: 1; background: $boost; }
        & FindLine { width: 1fr; height: 1; border: none; padding: 0; background: transparent; }
        & .found { width: auto; height: 1; padding: 0 0 0 2; color: $text-muted; }
    }
    """

    def __init__(self, *, place: str = "", id: str) -> None:
        """Create an empty pane."""
        super().__init__(id=id)
        self._place = place
        self._text = Static()
        self._shown = Content()
        self._lines: Sequence[Line] | None = None
        self._broken = 0
        self._finder = Finder()
        self._finding: Horizontal | None = None

    def compose(self) -> ComposeResult:
        """Lay out the text."""
        yield self._text

    @property
    def place(self) -> str:
        """Where its keys are looked up: others while something is looked for in it."""
        return self._place if self._finding is None else "found"

    def say(self, text: Content) -> None:
        """Show a text; from outside it must be clean."""
        self._lines = None
        self._show(text)

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
        return self._shown.plain

    @property
    def _room(self) -> int:
        """Columns for text: without padding, scrollbar (shown or not), and a space before it."""
        return max(16, self.outer_size.width - 4)

    def _break(self) -> None:
        self._broken = self._room
        self._show(Content("\n").join(broken(self._lines or (), self._broken)))

    def _show(self, text: Content) -> None:
        self._shown = text
        self._search()
        self._paint()

    def _paint(self) -> None:
        """Write the text, with what is looked for in it."""
        text, before = self._marked(), self._text.content
        # Without need, a layout would paint everything around it anew.
        if not isinstance(before, Content) or _height(before) != _height(text):
            self._text.update(text)
        elif not text.is_same(before):
            self._text.update(text, layout=False)

    # -- finding ----------------------------------------------------------------------------

    async def action_find(self) -> None:
        """Open the line in which it is written what to look for."""
        if self._finding is None:
            line = FindLine(placeholder="a word, a number", compact=True)
            self._finding = Horizontal(line, Static(classes="found"), classes="finding")
            await self.mount(self._finding)
        self.screen.set_focus(self.query_one(FindLine))  # at once: the next key may have come

    def step_back(self) -> bool:
        """Forget what is looked for; False when nothing is."""
        if self._finding is None:
            return False
        self._finding.remove()
        self._finding = None
        self._look_for("")
        self.focus()
        self.screen.refresh_bindings()
        return True

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer other matches while something is looked for."""
        if action == "match":
            return self._finding is not None
        return super().check_action(action, parameters)

    def action_match(self, step: int) -> None:
        """Go to the next or previous row with what is looked for, round and round."""
        self._finder.step(step, round(self.scroll_y))
        self._show_match()

    @on(Input.Changed)
    def _changed(self, message: Input.Changed) -> None:
        message.stop()
        if self._finding is not None:
            self._look_for(message.value)

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        message.stop()
        if message.value:
            self.focus()
        else:
            self.step_back()

    def _look_for(self, text: str) -> None:
        """Show the first match from here on."""
        self._finder.look_for(text)
        self._search()
        self._finder.step(1, round(self.scroll_y) - 1)
        self._show_match()

    def _search(self) -> None:
        """Find the rows with what is looked for, which may go on from one to the next."""
        if not self._finder.wanted:
            return
        if self._lines is None:  # broken as it is painted: else a row would be another one
            width = max(self._text.content_size.width, NARROWEST)
            self._shown = Content("\n").join(self._shown.wrap(width))
        plain, rows, row, end = self._shown.plain, [], 0, 0
        for start, _ in self._finder.spans(plain):
            row, end = row + plain.count("\n", end, start), start
            rows.append(row)
        self._finder.rows = list(dict.fromkeys(rows))

    def _marked(self) -> Content:
        """Give the text with what is looked for in it."""
        plain, spans, row, end = self._shown.plain, [], 0, 0
        for start, after in self._finder.spans(plain):
            row, end = row + plain.count("\n", end, start), start
            style = "reverse bold" if row == self._finder.row else "underline $text-primary"
            spans.append(Span(start, after, style))
        return Content(plain, [*self._shown.spans, *spans]) if spans else self._shown

    def _show_match(self) -> None:
        self._paint()
        if self._finding is not None:
            self._finding.query_one(Static).update(self._finder.text)
        row, height = self._finder.row, self.scrollable_content_region.height - 1
        if row is not None and not 0 <= row - round(self.scroll_y) < height:
            self.scroll_to(y=max(0, row - height // 2), animate=False)


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
