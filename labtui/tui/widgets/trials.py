"""The table of a study's trials, and their marks."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import ClassVar

from textual.binding import BindingType
from textual.message import Message

from labtui.store.records import TrialRecord
from labtui.tui.actions import bindings
from labtui.tui.widgets.table import Table


class TrialTable(Table[TrialRecord]):
    """Trials that can be marked, to compare their curves."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("trials")

    @dataclass
    class Marked(Message):
        """The marked trials are others now."""

        table: TrialTable

    def __init__(self, *, id: str) -> None:
        """Create an empty table."""
        super().__init__(attrgetter("id"), place="trials", id=id)
        self.leads = True

    def action_mark(self) -> None:
        """Mark the trial under the cursor, or take its mark away."""
        self.toggle_mark()
        self.post_message(self.Marked(self))

    def action_unmark(self) -> None:
        """Take all marks away."""
        self.marked.clear()
        self.refresh()
        self.post_message(self.Marked(self))
