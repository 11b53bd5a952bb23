"""Choosing in the lists of a lab: filters, marks, and comparing the studies that are marked."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from textual import on
from textual.widgets import Input, Static

from labtui.tui.actions import with_keys
from labtui.tui.filters import BadFilter, Language
from labtui.tui.lab.feed import STUDIES, StudyRow
from labtui.tui.lab.workload_rows import WORKLOADS
from labtui.tui.reader import Reader
from labtui.tui.screens.base import LiveScreen
from labtui.tui.widgets.filter_line import FilterLine
from labtui.tui.widgets.table import Table
from labtui.verdicts.text import clean

EXAMPLES = {
    "studies": "state:running  tag:keep  kind:widen  best<0.1  alerts>0  or words",
    "workloads": "trainer:torch  tag:keep  studies>2  task:baseline  or words",
}
"""What the line of a list shows before anything is written in it."""

LANGUAGES: dict[str, Language[Any]] = {"studies": STUDIES, "workloads": WORKLOADS}


class ChoosingScreen(LiveScreen):
    """A screen with tables of studies and workloads, and a line that filters the one shown.

    Attributes:
        pane: The list that is shown.
    """

    def __init__(self, reader: Reader) -> None:
        """Begin with the studies, and without a filter."""
        super().__init__(reader)
        self.pane = "studies"
        self._filters: dict[str, str] = {}

    @property
    def studies(self) -> Table[StudyRow]:
        """The table of the studies."""
        return self.query_one("#studies", Table)

    @property
    def line(self) -> FilterLine:
        """The line of the filter."""
        return self.query_one(FilterLine)

    @abstractmethod
    def label(self) -> None:
        """Write the names of the lists, with what is shown and marked."""

    @abstractmethod
    def tell_about(self) -> None:
        """Tell of the row under the cursor."""

    def action_mark(self) -> None:
        """Mark the study under the cursor, or take its mark away."""
        self.studies.toggle_mark()
        self.label()
        self.show_keys()

    def action_unmark(self) -> None:
        """Take all marks away."""
        self.studies.marked.clear()
        self.studies.refresh()
        self.label()
        self.show_keys()

    def action_compare(self) -> None:
        """Compare the marked studies; a single one with the one under the cursor."""
        from labtui.tui.screens.compare import CompareScreen

        names = [str(name) for name in self.studies.marked]
        current = self.studies.current
        if len(names) < 2 and current is not None and current.name not in names:
            names.append(current.name)
        if len(names) < 2:
            words = "mark two studies or more with {studies.mark}; {studies.compare} compares them"
            self.app.notify(with_keys(words))
            return
        self.app.push_screen(CompareScreen(self.reader, names))

    def action_filter(self) -> None:
        """Open the filter line."""
        self.line.placeholder = EXAMPLES[self.pane]
        self.line.add_class("-open")
        self.line.focus()

    def clear_filter(self) -> bool:
        """Clear the filter of the list that is shown; False when it has none."""
        if not self.line.has_class("-open"):
            return False
        self.line.value = ""
        self.line.remove_class("-open")
        return True

    def show_filter(self) -> None:
        """Put the filter of the list that is shown into the line."""
        text = self._filters.get(self.pane, "")
        self.line.value = text
        self.line.set_class(bool(text), "-open")
        self._say_wrong(self._problem(text))

    def filtered(self, pane: str) -> bool:
        """Say whether a list has a filter."""
        return bool(self._filters.get(pane, "").strip())

    def _problem(self, text: str) -> str:
        """Say what is wrong with a filter of the list that is shown."""
        try:
            LANGUAGES.get(self.pane, STUDIES).parse(text)
        except BadFilter as error:
            return clean(str(error))
        return ""

    def _say_wrong(self, what: str) -> None:
        wrong = self.query_one("#filter-problem", Static)
        wrong.update(what)
        wrong.set_class(bool(what), "-open")

    @on(Input.Changed, "#filter")
    def _filter(self, message: Input.Changed) -> None:
        if self.pane not in LANGUAGES or message.value != self.line.value:
            return  # another list is shown meanwhile, with its own
        self._filters[self.pane] = message.value
        wrong = self._problem(message.value)
        self._say_wrong(wrong)
        if not wrong:
            self._table.keep(LANGUAGES[self.pane].parse(message.value))
            self.label()
            self.tell_about()

    @property
    def _table(self) -> Table[Any]:
        return self.query_one(f"#{self.pane}", Table)

    @on(Input.Submitted, "#filter")
    def _filtered(self) -> None:
        self.line.set_class(bool(self.line.value), "-open")
        self._table.focus()
