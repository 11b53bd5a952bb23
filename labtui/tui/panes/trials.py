"""The trials of a study: the table, and the line that filters it."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from labtui.store.records import TrialRecord
from labtui.tui.feeds import StudyView
from labtui.tui.filters import BadFilter, parse
from labtui.tui.panes.base import Caption, Pane
from labtui.tui.widgets import trials
from labtui.tui.widgets.trials import TrialTable

EXAMPLES = "state:infeasible  arm:adam  lr<1e-3  or a word"


class FilterLine(Input):
    """The line in which the filter is written."""

    place = "filter"


class TrialsPane(Pane):
    """Every trial; marks and the filter choose whose curves are drawn."""

    name_of_pane = "trials"
    _whole = False

    class Chosen(Message):
        """Other trials are marked, or kept by the filter."""

    def compose(self) -> ComposeResult:
        """Lay out the table and the filter."""
        yield TrialTable(id="trials-table")
        yield Static(id="filter-problem")
        yield FilterLine(placeholder=EXAMPLES, compact=True, id="filter")

    @property
    def table(self) -> TrialTable:
        """The table."""
        return self.query_one(TrialTable)

    @property
    def line(self) -> FilterLine:
        """The line of the filter."""
        return self.query_one(FilterLine)

    @property
    def current(self) -> TrialRecord | None:
        """The trial under the cursor."""
        return self.table.current

    def begin(self, view: StudyView) -> None:
        """Choose the columns."""
        columns = trials.columns(view.study, view.trials, view.definitions)
        self.table.set_columns(columns, sort="best")

    def show(self, view: StudyView) -> None:
        """Show the trials."""
        self.table.show(view.trials, view.changed if self._whole and view.whole else None)
        self._whole = view.whole
        if self.desk.kept is not None:
            self.desk.kept = frozenset(trial.id for trial in self.table.rows)

    @property
    def caption(self) -> Caption:
        """How many trials there are, and how many of them are shown and marked."""
        view = self.desk.view
        total = view.study.total if view is not None else 0
        shown, marked = len(self.table.rows), len(self.table.marked)
        counter = f"{total:,}" if shown == total else f"{shown:,} of {total:,}"
        return Caption(counter, f"{marked} marked" if marked else "")

    # -- the filter ---------------------------------------------------------------------------

    def open_filter(self, text: str | None = None) -> None:
        """Open the filter line, with a text if one is given."""
        self.line.add_class("-open")
        if text is not None:
            self.line.value = text
        else:
            self.line.focus()

    def close_filter(self) -> bool:
        """Clear the filter; False when there is none."""
        if not self.line.has_class("-open"):
            return False
        self.line.value = ""
        self.line.remove_class("-open")
        return True

    @on(Input.Changed, "#filter")
    def _filter(self, message: Input.Changed) -> None:
        problem = self.query_one("#filter-problem", Static)
        view = self.desk.view
        names = [str(d["name"]) for d in view.definitions] if view else []
        try:
            test = parse(message.value, names)
        except BadFilter as error:
            problem.update(Content(str(error)))
            problem.add_class("-open")
            return
        problem.remove_class("-open")
        self.table.keep(test)
        wanted = bool(message.value.strip())
        self.desk.kept = frozenset(trial.id for trial in self.table.rows) if wanted else None
        self.post_message(self.Chosen())

    @on(Input.Submitted, "#filter")
    def _filtered(self) -> None:
        self.line.set_class(bool(self.line.value), "-open")
        self.table.focus()

    @on(TrialTable.Marked)
    def _marked(self) -> None:
        self.desk.marked = tuple(ident for ident in self.table.marked if isinstance(ident, int))
        self.post_message(self.Chosen())
