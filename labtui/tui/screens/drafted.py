"""The file of a draft, shown before it is written or trained."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from labtui.tui.actions import EVERYWHERE, app_keys, bindings, help_key, key_line
from labtui.tui.next_text import file_lines
from labtui.tui.widgets.keyline import KeyLine
from labtui.tui.widgets.textpane import TextPane

YES, FORCE = "yes", "force"
"""What it gives: do it, or do it in spite of the alerts."""


class FileScreen(ModalScreen[str]):
    """Shows a study file and asks one question about it; nothing is given for no."""

    CSS_PATH = "drafted.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("draft-file"), *app_keys(*EVERYWHERE)]
    chain_name = "draft-file"

    def __init__(
        self, question: str, detail: str, text: str, *, refused: str = "", final: bool = False
    ) -> None:
        """Ask a question about a file.

        Args:
            question: What is asked; clean.
            detail: What follows from it; clean.
            text: The file.
            refused: Why it is not done unless it is overruled; clean.
            final: Whether that cannot be overruled.
        """
        super().__init__()
        self._question, self._detail, self._text = question, detail, text
        self._refused, self._final = refused, final

    def compose(self) -> ComposeResult:
        """Lay out the question above the file."""
        with Vertical(id="file"):
            yield Static(self._question, id="question", markup=False)
            yield Static(self._detail, id="detail", markup=False)
            yield Static(self._refused, id="refused", markup=False)
            yield TextPane(place="text", id="text")
        yield KeyLine()

    def on_mount(self) -> None:
        """Show the file and the keys."""
        pane = self.query_one(TextPane)
        pane.say_lines(list(file_lines(self._text)))
        pane.focus()
        self.query_one("#refused").display = bool(self._refused)
        hidden = {"draft-file.yes"} if self._refused else {"draft-file.overrule"}
        hidden |= {"draft-file.overrule"} if self._final else set()
        shown = [one for one in key_line("draft-file") if one.id not in hidden]
        self.query_one(KeyLine).show([*shown, help_key(self)], leaving="no")

    def action_yes(self) -> None:
        """Say yes, where nothing refuses it."""
        if not self._refused and self.app.screen is self:  # two keys may come in one lot
            self.dismiss(YES)

    def action_overrule(self) -> None:
        """Say yes in spite of what refuses it."""
        if self._refused and not self._final and self.app.screen is self:
            self.dismiss(FORCE)
