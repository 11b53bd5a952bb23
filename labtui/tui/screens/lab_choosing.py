"""Choosing among the studies of a lab: the filter, marks, and comparing what is marked."""

from __future__ import annotations

from abc import abstractmethod

from textual import on
from textual.widgets import Input, Static

from labtui.tui.filters import BadFilter
from labtui.tui.lab.feed import STUDIES, StudyRow
from labtui.tui.screens.base import LiveScreen
from labtui.tui.widgets.filter_line import FilterLine
from labtui.tui.widgets.table import Table
from labtui.verdicts.text import clean


class ChoosingScreen(LiveScreen):
    """A screen with a table of studies, and a line that filters them."""

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
            self.app.notify("mark two studies or more with space; C compares them")
            return
        self.app.push_screen(CompareScreen(self.reader, names))

    def action_filter(self) -> None:
        """Open the filter line."""
        self.line.add_class("-open")
        self.line.focus()

    @on(Input.Changed, "#filter")
    def _filter(self, message: Input.Changed) -> None:
        wrong = self.query_one("#filter-problem", Static)
        try:
            test = STUDIES.parse(message.value)
        except BadFilter as error:
            wrong.update(clean(str(error)))
            wrong.add_class("-open")
            return
        wrong.remove_class("-open")
        self.studies.keep(test)
        self.label()
        self.tell_about()

    @on(Input.Submitted, "#filter")
    def _filtered(self) -> None:
        self.line.set_class(bool(self.line.value), "-open")
        self.studies.focus()
