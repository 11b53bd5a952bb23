"""A few sentences in the middle of an otherwise empty screen: what is, why, and what to do."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from labtui.tui.actions import with_keys


class Card(Static):
    """Says why there is nothing to see, and the next step."""

    DEFAULT_CSS = """
    Card {
        width: 1fr;
        height: 1fr;
        content-align: center middle;
        text-align: center;
        padding: 1 2;
        color: $foreground;
    }
    """

    def say(self, title: str, why: str, step: str, *, alarm: bool = False) -> None:
        """Show a card; texts from outside must be clean.

        Args:
            title: What is.
            why: Why it is so.
            step: What to do next; keys by their actions (`with_keys`).
            alarm: Something is wrong.
        """
        sign, colour = ("✗ ", "$text-error bold") if alarm else ("", "$text-primary bold")
        parts = (sign + title, colour), "\n\n", (why, "$faded"), "\n\n", (with_keys(step), "")
        self.update(Content.assemble(*parts))


class TooSmall(Static):
    """Covers a screen that has no room."""

    DEFAULT_CSS = """
    TooSmall {
        display: none;
        layer: cover;
        dock: top;
        width: 100%;
        height: 100%;
        content-align: center middle;
        text-align: center;
        background: $background;
    }
    """
