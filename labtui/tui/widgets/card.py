"""A few sentences in the middle of an otherwise empty screen: what is, why, and what to do."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static


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
            step: What to do next.
            alarm: Something is wrong.
        """
        sign, colour = ("✗ ", "$text-error bold") if alarm else ("", "$text-primary bold")
        self.update(
            Content.assemble((sign + title, colour), "\n\n", (why, "$faded"), "\n\n", (step, ""))
        )


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
