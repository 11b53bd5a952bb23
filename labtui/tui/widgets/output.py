"""What a program printed, followed at its end until the person scrolls up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import Input, Static

from labtui.tui.actions import bindings, key_of
from labtui.tui.widgets.finding import Finder, FindLine

ASIDE = 8
"""Columns by which `h` and `l` move."""


class OutputView(ScrollView, can_focus=True):
    """Draws the lines on screen and no others, so that their number does not matter."""

    place = "output"
    BINDINGS: ClassVar[list[BindingType]] = bindings("output")
    COMPONENT_CLASSES: ClassVar[set[str]] = {"output--match", "output--current"}
    ALLOW_SELECT = False
    DEFAULT_CSS = """
    OutputView {
        height: 1fr;
        scrollbar-size: 1 1;
        padding: 0 0 0 1;
        & .output--match { text-style: underline; color: $text-primary; }
        & .output--current { text-style: reverse bold; }
    }
    """

    following: reactive[bool] = reactive(True)

    class Moved(Message):
        """Other lines are on screen, or another match is the present one."""

    def __init__(self, *, id: str) -> None:
        """Create an empty view."""
        super().__init__(id=id)
        self._lines: Sequence[str] = ()
        self._dropped = 0
        self._found = Finder()

    # -- lines ------------------------------------------------------------------------------

    def show(self, lines: Sequence[str], dropped: int = 0) -> None:
        """Show lines; while their end is followed, the last ones.

        Args:
            lines: Clean.
            dropped: How many that came before them are forgotten.
        """
        lost, self._dropped = max(0, dropped - self._dropped), dropped
        self._lines = lines
        self._found.search(lines)
        if self._found.row is not None:
            self._found.row -= lost
        width = max(map(len, lines), default=0)
        self.virtual_size = Size(width, len(lines))
        if self.following:
            self._go(len(lines))
        elif lost:
            self._go(self.scroll_offset.y - lost)
        self.refresh()
        self.post_message(self.Moved())

    @property
    def place_text(self) -> str:
        """Which line is the last one on screen, of how many."""
        last = min(self.scroll_offset.y + self.size.height, len(self._lines))
        return f"line {last:,} of {len(self._lines):,}"

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        left, top = self.scroll_offset
        index = top + y
        style = self.rich_style
        if index >= len(self._lines):
            return Strip.blank(self.size.width, style)
        strip = Strip(self._painted(index, style)).crop(left, left + self.size.width)
        return strip.adjust_cell_length(self.size.width, style)

    def _painted(self, index: int, style: Style) -> list[Segment]:
        """Give the pieces of a line, with what was looked for in it."""
        line = self._lines[index]
        if not self._found.has(line):
            return [Segment(line, style)]
        name = "output--current" if index == self._found.row else "output--match"
        found = self.get_component_rich_style(name)
        pieces: list[Segment] = []
        end = 0
        for start, after in self._found.spans(line):
            pieces += [Segment(line[end:start], style), Segment(line[start:after], style + found)]
            end = after
        return [*pieces, Segment(line[end:], style)]

    # -- moving -----------------------------------------------------------------------------

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Stop following when the person scrolls up, and go on at the end."""
        super().watch_scroll_y(old_value, new_value)
        self.following = round(new_value) >= self._last_top
        self.post_message(self.Moved())

    def on_resize(self, event: events.Resize) -> None:
        """Stay at the end."""
        if self.following:
            self._go(len(self._lines))

    @property
    def _last_top(self) -> int:
        return max(0, len(self._lines) - self.scrollable_content_region.height)

    def _go(self, top: int) -> None:
        target = max(0, min(top, self._last_top))
        self.scroll_to(y=target, animate=False, immediate=True, force=True)

    def action_line(self, step: int) -> None:
        """Scroll by lines."""
        self._go(self.scroll_offset.y + step)

    def action_page(self, step: int) -> None:
        """Scroll by pages."""
        self._go(self.scroll_offset.y + step * max(1, self.size.height - 1))

    def action_aside(self, step: int) -> None:
        """Scroll sideways."""
        x = max(0, self.scroll_offset.x + ASIDE * step)
        self.scroll_to(x=x, animate=False, immediate=True)

    def action_top(self) -> None:
        """Go to the first line that was read."""
        self._go(0)

    def action_follow(self) -> None:
        """Go to the end, and follow it."""
        self.following = True
        self._go(len(self._lines))
        self.post_message(self.Moved())

    # -- finding ----------------------------------------------------------------------------

    def look_for(self, text: str) -> None:
        """Look for a text, in capitals or not unless it has some; show the last match so far."""
        self._found.look_for(text)
        self._found.search(self._lines)
        if rows := self._found.rows:
            bottom = self.scroll_offset.y + self.size.height
            self._found.row = ([one for one in rows if one < bottom] or rows)[-1]
        self._show_match()

    def action_match(self, step: int) -> None:
        """Go to the next or previous line with what is looked for, round and round."""
        self._found.step(step, self.scroll_offset.y)
        self._show_match()

    @property
    def match_text(self) -> str:
        """Which match of how many; empty when nothing is looked for."""
        return self._found.text

    def _show_match(self) -> None:
        row, top = self._found.row, self.scroll_offset.y
        if row is not None and not top <= row < top + self.size.height:
            self._go(row - self.size.height // 2)
        self.refresh()
        self.post_message(self.Moved())


class OutputPane(Vertical):
    """Output, where one is in it, and the line to look for something."""

    DEFAULT_CSS = """
    OutputPane {
        height: 1fr;
        & #output-why { height: auto; padding: 0 1; color: $text-muted; }
        & #output-status { height: 1; padding: 0 1; color: $text-muted; }
        & FindLine { display: none; height: 1; border: none; padding: 0 1; background: $boost; }
        &.-finding FindLine { display: block; }
        &.-silent #output-status { display: none; }
        & #output-why { display: none; }
        &.-silent #output-why { display: block; }
    }
    """

    def __init__(self, *, id: str) -> None:
        """Create an empty pane."""
        super().__init__(id=id)
        self.view = OutputView(id="output")
        self._note = ""

    def compose(self) -> ComposeResult:
        """Lay out the output."""
        yield Static(id="output-why")
        yield self.view
        yield Static(id="output-status")
        yield FindLine(placeholder="a word, a number", compact=True, id="find")

    def say(self, why: str) -> None:
        """Say why there is no output."""
        self.add_class("-silent")
        self.query_one("#output-why", Static).update(Content(why))
        self.view.show(())

    def show(self, lines: Sequence[str], *, dropped: int = 0, note: str = "") -> None:
        """Show output; `note` says what of it cannot be seen. Both must be clean."""
        self.remove_class("-silent")
        self._note = note
        self.view.show(lines, dropped)

    @property
    def state_text(self) -> str:
        """Whether the end is followed."""
        if self.view.following:
            return "● follows the end"
        return f"■ stays here · {key_of('output.follow')} follows the end"

    def open_find(self) -> None:
        """Open the line to look for something."""
        self.add_class("-finding")
        self.query_one(FindLine).focus()

    def close_find(self) -> bool:
        """Forget what is looked for; False when nothing is."""
        if not self.has_class("-finding"):
            return False
        self.remove_class("-finding")
        self.query_one(FindLine).value = ""
        self.view.look_for("")
        self.view.focus()
        return True

    @on(Input.Changed, "#find")
    def _changed(self, message: Input.Changed) -> None:
        message.stop()
        self.view.look_for(message.value)

    @on(Input.Submitted, "#find")
    def _submitted(self, message: Input.Submitted) -> None:
        message.stop()
        if message.value:
            self.view.focus()
        else:
            self.close_find()

    @on(OutputView.Moved)
    def _label(self) -> None:
        parts = (self.state_text, self.view.place_text, self.view.match_text, self._note)
        text = " · ".join(part for part in parts if part)
        self.query_one("#output-status", Static).update(Content(text), layout=False)
