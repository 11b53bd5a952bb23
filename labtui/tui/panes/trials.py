"""The trials of a study: the table, its columns, and the line that filters it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from labtui.tui import trial_columns
from labtui.tui.background import in_background
from labtui.tui.feeds import REST, StudyView
from labtui.tui.filters import BadFilter
from labtui.tui.panes.base import Caption, Desk, Pane
from labtui.tui.settings import Settings, place, remember_columns
from labtui.tui.trial_columns import BestAndLast, Known, metric_of
from labtui.tui.trial_words import best_of, trial_words
from labtui.tui.widgets.filter_line import FilterLine
from labtui.tui.widgets.table import Table
from labtui.tui.widgets.trials import TrialTable
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.store.records import StudyRecord, TrialRecord
    from labtui.tui.reader import Reader

EXAMPLES = "lr<1e-3 state:completed optimizer:adam -tag:slow seconds>10, or words"

ROOMY = 20
"""Rows of the pane from which the trial under the cursor is told below the table: of fewer, the
table needs all."""

_CHOSEN: WeakKeyDictionary[Reader, dict[str, list[str]]] = WeakKeyDictionary()
"""The columns that were chosen, by the study."""


class TrialsPane(Pane):
    """Every trial; marks and the filter choose whose curves are drawn."""

    name_of_pane = "trials"
    eager = True

    class Chosen(Message):
        """Other trials are marked, or kept by the filter."""

    def __init__(self, desk: Desk) -> None:
        """Create a table that is filled later."""
        super().__init__(desk)
        self.known = Known()
        self._whole = False
        self._count = ""
        self._words = Static(id="trial-words")
        self._told: object = None
        self._test: Callable[[TrialRecord], bool] = lambda _: True
        self._asked: set[str] = set()
        self._stale = self._reading = False
        self._writing = asyncio.Lock()
        self.line = FilterLine(placeholder=EXAMPLES, compact=True, id="filter")
        self._shown_of = Static(id="filter-count")
        self._row = Horizontal(self.line, self._shown_of, id="filter-row")
        self._problem = Static(id="filter-problem")

    def compose(self) -> ComposeResult:
        """Lay out the table; the filter comes when that has been painted."""
        yield TrialTable(id="trials-table")
        yield self._words

    @property
    def table(self) -> TrialTable:
        """The table."""
        return self.query_one(TrialTable)

    @property
    def current(self) -> TrialRecord | None:
        """The trial under the cursor."""
        return self.table.current

    def begin(self, view: StudyView) -> None:
        """Choose the columns."""
        self.known.marked = self.table.marked
        self._set_columns(view)
        self.call_after_refresh(self._lay_out_filter)

    def show(self, view: StudyView) -> None:
        """Show the trials."""
        if view.whole and not self._whole:
            self._set_columns(view)  # before, not all arms were known
        same = self._whole and self.known.tags == view.trial_tags
        self.known.tags = view.trial_tags
        self._whole = view.whole
        self.table.show(view.trials, view.changed if same else None)
        if view.changed:
            self._refresh_metrics()

    @property
    def caption(self) -> Caption:
        """How many trials there are, and how many of them are shown and marked."""
        marked = len(self.table.marked)
        return Caption(self._counted(), f"{marked} marked" if marked else "")

    def _counted(self) -> str:
        view, shown = self.desk.view, len(self.table.rows)
        total = view.study.total if view is not None else 0
        filtered = view is not None and self._is_filtered and view.whole
        return f"{shown:,} of {total:,}" if filtered else f"{total:,}"

    # -- the trial under the cursor -----------------------------------------------------------

    def on_resize(self, event: events.Resize) -> None:
        """Tell of the trial under the cursor where there are rows to spare."""
        self._words.set_class(event.size.height >= ROOMY, "-roomy")
        self._tell()

    @on(Table.Moved)
    def _tell(self) -> None:
        """Tell of the trial under the cursor, unless it was told already."""
        view, trial = self.desk.view, self.current
        if view is None or trial is None or not self._words.has_class("-roomy"):
            return
        width = self.content_region.width - 2
        ended = view.study.ended if trial.number == view.study.best_trial else 0
        told = trial.id, trial.revision, best_of(view), width, ended, view.whole
        if told != self._told:
            self._told = told
            self._words.update(trial_words(trial, view, width), layout=False)

    # -- columns ------------------------------------------------------------------------------

    def _set_columns(self, view: StudyView) -> None:
        """Show the chosen columns, as far as there are such, else the usual ones."""
        chosen = self._chosen.get(view.study.name)
        missing = {metric_of(key) for key in chosen or ()} - {"", *self.known.names}
        self.known.names = [*self.known.names, *missing]
        by_key = {one.key: one for one in trial_columns.columns(view, self.known)}
        keys = [key for key in chosen or () if key in by_key] or trial_columns.usual(view)
        self.table.set_columns([by_key[key] for key in keys if key in by_key], sort="best")

    @property
    def _chosen(self) -> dict[str, list[str]]:
        """The columns that were chosen, by the study; those remembered until others are."""
        chosen = _CHOSEN.setdefault(self.desk.reader, {})
        view = self.desk.view
        if view is not None and view.study.name not in chosen:
            kept = self._settings.columns.get(self._place(view))
            if kept:
                chosen[view.study.name] = list(kept)
        return chosen

    @property
    def _settings(self) -> Settings:
        found = getattr(self.app, "settings", None)
        return found if isinstance(found, Settings) else Settings()

    def _place(self, view: StudyView) -> str:
        return place(self.desk.reader.paths.db, view.study.name)

    @work(group="remember", exit_on_error=False)
    async def _remember(self, view: StudyView, keys: Sequence[str]) -> None:
        """Keep the chosen columns for the next time, in the order in which they were chosen."""
        async with self._writing:
            settings, where = self._settings, self._place(view)
            await in_background(lambda: remember_columns(settings, where, keys))

    @work(group="columns", exclusive=True)
    async def choose_columns(self) -> None:
        """Have a person choose the columns."""
        from labtui.tui.screens.columns import ColumnsScreen

        await self._learn_metrics()
        view = self.desk.view
        if view is None:
            return
        usual = trial_columns.usual(view)
        keys = self._chosen.get(view.study.name) or usual
        offered = trial_columns.columns(view, self.known)
        self.app.push_screen(ColumnsScreen(offered, keys, usual, self._take_columns))

    def _take_columns(self, keys: Sequence[str]) -> None:
        """Show other columns."""
        if (view := self.desk.view) is not None:
            self._chosen[view.study.name] = list(keys)
            self._remember(view, list(keys))
            self._set_columns(view)
            self.table.keep(self._test)
            self._refresh_metrics()

    # -- metrics ------------------------------------------------------------------------------

    async def _learn_metrics(self) -> None:
        """Read the names of the metrics that the trials logged."""
        view = self.desk.view
        if view is None:
            return
        study = view.study

        def read(lab: Lab) -> tuple[list[str], dict[str, str]]:
            return lab.metrics(study.name), _goals(lab, study)

        names, goals = await self.desk.reader.ask(read)
        self.known.names = [name for name in names if name != study.metric]
        self.known.goals = goals

    def _refresh_metrics(self) -> None:
        """Read the metrics anew that columns show or the filter asks for, and rest in between."""
        self._stale = True
        if self._wanted() and not self._reading:
            self._read_metrics()

    def _wanted(self) -> set[str]:
        view = self.desk.view
        shown = self._chosen.get(view.study.name, []) if view is not None else []
        return {metric_of(key) for key in (*shown, *self._asked)} - {""}

    @work(group="metrics", exit_on_error=False)
    async def _read_metrics(self) -> None:
        self._reading = True
        try:
            while self._stale and (wanted := self._wanted()) and (view := self.desk.view):
                self._stale, began = False, time.monotonic()
                read = partial(_read, study=view.study, wanted=wanted)
                self.known.metrics = await self.desk.reader.ask(read)
                self.table.keep(self._test)
                await asyncio.sleep(REST * (time.monotonic() - began))
        finally:
            self._reading = False

    # -- the filter ---------------------------------------------------------------------------

    @property
    def _is_filtered(self) -> bool:
        return bool(self.line.value.strip())

    def _lay_out_filter(self) -> None:
        if not self._row.is_attached:
            self.mount(self._problem, self._row)

    def open_filter(self, text: str | None = None) -> None:
        """Open the filter line, with a text if one is given."""
        self._lay_out_filter()
        self._row.add_class("-open")
        if text is not None:
            self.line.value = text
        else:
            self.line.focus()
        self._prepare_filter()

    @work(group="filter", exclusive=True, exit_on_error=False)
    async def _prepare_filter(self) -> None:
        """Learn which metrics can be asked for."""
        await self._learn_metrics()
        self._filter()

    def close_filter(self) -> bool:
        """Clear the filter; False when there is none."""
        if not self._row.has_class("-open"):
            return False
        self.line.value = ""
        self._row.remove_class("-open")
        return True

    @on(Input.Changed, "#filter")
    def _filter(self) -> None:
        """Keep the trials that the line asks for, or say what is wrong with it."""
        view, problem = self.desk.view, self._problem
        if view is None:
            return
        text, known = self.line.value, self.known
        language, more = trial_columns.language(view, known)
        try:
            self._test = language.parse(text, more)
            self._asked = language.asked(text, more)
        except BadFilter as error:
            problem.update(Content(clean(str(error))))
            problem.add_class("-open")
            return
        problem.remove_class("-open")
        self._refresh_metrics()
        self.table.keep(self._test)

    @on(Input.Submitted, "#filter")
    def _filtered(self) -> None:
        self._row.set_class(self._is_filtered, "-open")
        self.table.focus()

    @on(Table.Arranged, "#trials-table")
    def _arranged(self) -> None:
        """Draw what the filter keeps; of many trials it is known a while after it was typed."""
        kept = frozenset(one.id for one in self.table.rows) if self._is_filtered else None
        if (counted := self._counted()) != self._count:
            self._count = counted
            self._shown_of.update(counted)
        if kept != self.desk.kept:
            self.desk.kept = kept
            self.post_message(self.Chosen())
        self._tell()
        self.post_label()

    @on(Table.Moved, "#trials-table")
    def _moved(self) -> None:
        """Remember the trial under the cursor, once somebody moved it."""
        trial = self.table.current if self.table.was_moved else None
        self.desk.current = trial.id if trial is not None else None

    @on(TrialTable.Marked)
    def _marked(self) -> None:
        self.desk.marked = tuple(ident for ident in self.table.marked if isinstance(ident, int))
        if "marked" in self._asked:
            self.table.keep(self._test)
        self.post_message(self.Chosen())


def _read(lab: Lab, study: StudyRecord, wanted: set[str]) -> dict[str, dict[int, BestAndLast]]:
    goals = _goals(lab, study)
    return {one: trial_columns.read_metric(lab, study.name, one, goals.get(one)) for one in wanted}


def _goals(lab: Lab, study: StudyRecord) -> dict[str, str]:
    from labtui.verdicts.exports import metric_goals  # on the reading thread: it takes a moment

    return metric_goals(lab, study)
