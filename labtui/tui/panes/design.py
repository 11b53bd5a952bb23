"""What a study asks: roles, space, caveats, and its file."""

from __future__ import annotations

from textual.app import ComposeResult

from labtui.tui import study_text
from labtui.tui.feeds import StudyView
from labtui.tui.panes.base import Pane
from labtui.tui.widgets.textpane import TextPane


class DesignPane(Pane):
    """The roles of the hyperparameters (P06)."""

    name_of_pane = "design"

    def compose(self) -> ComposeResult:
        """Lay out the text."""
        yield TextPane(place="text", id="design-text")

    def begin(self, view: StudyView) -> None:
        """Write the design."""
        self.query_one("#design-text", TextPane).say(study_text.roles(view))
