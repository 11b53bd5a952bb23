"""The lab: its studies, its workloads, its experiment log, and what the runner is doing."""

from __future__ import annotations

import time
from asyncio import sleep
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from textual import events, on
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from labtui.store.errors import LabError, NoLab
from labtui.tui.actions import bindings, key_of
from labtui.tui.lab import about, columns, tabs
from labtui.tui.lab.feed import LabFeed, LabView, StudyRow
from labtui.tui.lab.workload_rows import WorkloadRow
from labtui.tui.screens.lab_choosing import ChoosingScreen
from labtui.tui.screens.lab_journal import JournalScreen
from labtui.tui.screens.lab_slots import TALL
from labtui.tui.screens.lab_workloads import WorkloadsScreen
from labtui.tui.screens.opening import where
from labtui.tui.screens.running import UNDER_WAY, RunningScreen
from labtui.tui.widgets.card import Card
from labtui.tui.widgets.filter_line import FilterLine
from labtui.tui.widgets.runner_strip import RunnerStrip, Running
from labtui.tui.widgets.table import Table
from labtui.tui.widgets.textpane import TextPane
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.store.records import StudyRecord
    from labtui.store.runners import SlotRecord
    from labtui.tui.keys import Action
    from labtui.tui.reader import Pulse, Reader
    from labtui.verdicts.remarks import Subject

AGING = 5.0
"""Seconds after which "3m" is written anew."""

SPARE = 9.0
"""A lab that changes is read again after so many times as long as it took: a tenth of a core. 300
studies with 12,000 trials take 60 ms, so that they are read less than twice a second."""

BESIDE, ROOMIEST = 160, 190
"""Columns from which the study under the cursor is told beside the table, and in a wider panel."""

PANEL, WIDE_PANEL = 52, 60

ONLY_STUDIES = frozenset({"mark", "unmark", "compare", "move", "resume", "stop"})
"""Actions on the list of studies."""


PREPARING = 1.0
"""Seconds until the screen of a study is laid out in advance: it takes 0.1 s, and who goes from
one study to the next within a second would feel it."""


class LabScreen(WorkloadsScreen, JournalScreen, RunningScreen, ChoosingScreen):
    """Everything in a lab."""

    CSS_PATH = "lab.tcss"
    BINDINGS = [  # noqa: RUF012 - Textual's own form
        *bindings("lab"),
        *bindings("studies"),
        *bindings("workloads"),
        *bindings("running"),
        *bindings("remark"),
    ]
    chain_name = "lab"
    leaving = "quit"

    class Chosen(Message):
        """A study was chosen."""

        def __init__(self, study: str) -> None:
            """Remember which."""
            super().__init__()
            self.study = study

    def __init__(self, reader: Reader) -> None:
        """Show the lab of a reader."""
        super().__init__(reader)
        self._feed = LabFeed()
        self._view: LabView | None = None
        self._labelled: object = None
        self._rested = 0.0

    def compose_body(self) -> Iterable[Widget]:
        """Lay out the lists, what is said about the row under the cursor, and the runner."""
        yield Horizontal(Static(id="where"), Static(id="tabs"), id="top")
        with Horizontal(id="middle"):
            with Vertical(id="lists"):
                yield Table[StudyRow](lambda row: row.name, place="studies", id="studies")
                yield Table[WorkloadRow](lambda row: row.name, place="workloads", id="workloads")
                yield Static(id="log-title", markup=False)
                yield TextPane(place="text", id="log")
                yield Card(id="nothing")
            yield Static(id="about")
        yield Static(id="filter-problem", markup=False)
        yield FilterLine(compact=True, id="filter")
        yield RunnerStrip(id="runner")

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        """Have the screen of the next study laid out once this one is looked at."""
        if (prepare := getattr(self.app, "prepare", None)) is not None:
            self.set_timer(PREPARING, prepare)

    def on_mount(self) -> None:
        """Set the columns, and begin to follow the lab and its runner."""
        self.studies.leads = True
        self.studies.set_columns(columns.studies(80, ()), sort="activity")
        self.workloads.set_columns(columns.workloads(80, ()), sort="name")
        self.set_interval(AGING, self.studies.refresh)
        self._arrange()

    # -- what it consists of ------------------------------------------------------------------

    @property
    def topic(self) -> str:
        """The list that is shown."""
        return self.pane

    @property
    def twin(self) -> str:
        """The command that is written on the screen: of the row, else of the list."""
        row = self.studies.current if self.pane == "studies" else None
        return tabs.TWINS[self.pane] if row is None else about.study_twin(row)

    @property
    def subject(self) -> Subject | None:
        """The study or workload under the cursor."""
        from labtui.verdicts.remarks import Subject

        if self.pane == "studies" and (study := self.studies.current) is not None:
            return Subject(study.name, "study")
        if self.pane == "workloads" and (workload := self.workloads.current) is not None:
            return Subject(workload.name, "workload")
        return None

    @property
    def to_run(self) -> StudyRecord | None:
        """The study under the cursor."""
        row = self.studies.current if self.pane == "studies" else None
        return None if row is None else row.study

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what is done to studies where they are listed."""
        if action in ONLY_STUDIES:
            return self.pane == "studies"
        if action == "filter":  # the log is looked through, by its own key
            return self.pane != "log"
        return super().check_action(action, parameters)

    def matters(self, action: Action) -> bool:
        """Name the keys of the queue, of a run and of marks where they would do something."""
        study, place = self.to_run, None
        if study is not None and (row := self.studies.current) is not None:
            place = row.place
        does = {
            "studies.compare": bool(self.studies.marked),
            "studies.later": place is not None,
            "studies.earlier": bool(place),
            "running.resume": study is None
            or (study.state != "running" and study.ended < study.total),
            "running.stop": study is None or study.state in UNDER_WAY,
        }
        return does.get(action.id, True)

    # -- following ----------------------------------------------------------------------------

    async def follow(self, pulse: Pulse) -> None:
        """Read what is new, and show it; verdicts follow."""
        await sleep(max(0.0, self._rested - time.monotonic()))
        began = time.monotonic()

        def read(lab: Lab) -> tuple[LabView, list[SlotRecord], str]:
            return self._feed.read(lab, pulse), lab.slots(), lab.slots_updated()

        view, slots, measured = await self.reader.ask(read)
        self._rested = time.monotonic() + SPARE * (time.monotonic() - began)
        self._view = view
        paused = self.activity.paused
        activity = Running(pulse.runner, tuple(slots), view.queue, view.waiting, paused)
        self.show_runner(activity, measured)
        self.show_rows()
        self._show_workloads()
        self.keep_up(view.moments)

    def _show_workloads(self) -> None:
        if self.pane == "workloads" and self._view is not None:
            self.look_at_workloads(self._view.workloads)

    # -- showing ------------------------------------------------------------------------------

    def show_rows(self) -> None:
        """Show the studies with what is known of their verdicts."""
        if self._view is not None:
            journal = self.clerk.journal
            rows = [
                replace(
                    row, told=journal.rows.get(row.name) or {}, judged=journal.is_judged(row.name)
                )
                for row in self._view.rows
            ]
            self.studies.set_columns(columns.studies(self.room, rows), sort="activity")
            self.studies.show(rows)
            self.label()
        self.tell_about()
        if self.pane == "log":
            self.show_log()

    def _say_nothing(self) -> None:
        """Say how to begin where a list is empty, and what it waits for."""
        view, said = self._view, ("Reading the lab…", "", "")
        empty = self.pane == "studies" and (view is None or not view.rows)
        wanted = self.pane == "workloads" and bool(self.line.value.strip())
        empty = empty or (self.pane == "workloads" and not self.workloads.rows and not wanted)
        if empty and view is not None:
            reading = self.pane == "workloads" and self.reads_workloads
            said = ("Reading the workloads…", "", "") if reading else tabs.EMPTY[self.pane]
        if empty:
            self.query_one("#nothing", Card).say(*said)
        self.set_class(empty, "-empty")

    def tell_about(self) -> None:
        """Tell of the row under the cursor, or how to begin."""
        self.show_keys()
        self._say_nothing()
        beside = self.has_class("-beside")
        width = self._side - 5 if beside else self.size.width - 4
        lines = self.size.height - 6 if beside else self._lines
        told = self._told(width, lines, beside=beside)
        self.query_one("#about", Static).update(told, layout=False)

    def _told(self, width: int, lines: int, *, beside: bool) -> Content:
        wanted, back = bool(self.line.value.strip()), key_of("app.back")
        if self.pane == "workloads":
            found = self.workloads.current
            if found is not None:
                return about.workload(found, width, lines)
            return Content(f"No workload passes the filter; {back} clears it." if wanted else "")
        row = self.studies.current
        if row is None:
            return Content(f"No study passes the filter; {back} clears it." if wanted else "")
        return about.panel(row, width) if beside else about.strip(row, width, lines)

    def label(self) -> None:
        """Write the names of the lists, and that of the lab in the room that they leave."""
        total = len(self._view.rows) if self._view is not None else 0
        many = tabs.count(len(self.studies.rows), total, len(self.studies.marked))
        kept = f" {len(self.workloads.rows)} kept" if self.filtered("workloads") else ""
        line = tabs.line(self.pane, {"studies": many, "workloads": kept})
        if (said := (line.markup, self.size.width)) == self._labelled:
            return
        self._labelled = said
        self.query_one("#tabs", Static).update(line)
        room = self.size.width - len(line.plain) - 3
        self.query_one("#where", Static).update(where(self.reader.paths.db, room))

    def say_reading(self) -> None:
        """Leave the names of the lists: the list that is shown says so itself."""

    def say_error(self, error: LabError) -> None:
        """Put a card in the place of the body: how to begin where there is no lab."""
        super().say_error(error)
        if isinstance(error, NoLab):
            will = clean(f"{self.reader.paths.db} will hold the studies, their trials and curves.")
            self.query_one("LabScreen > Card", Card).say("No lab yet", will, tabs.BEGIN)

    # -- room ---------------------------------------------------------------------------------

    @property
    def _side(self) -> int:
        """Columns of the panel beside the lists."""
        return WIDE_PANEL if self.size.width >= ROOMIEST else PANEL

    @property
    def room(self) -> int:
        """Columns of the lists."""
        width = self.size.width
        return width - self._side if width >= BESIDE and self.pane != "log" else width

    @property
    def _lines(self) -> int:
        """Rows below the lists."""
        return 7 if self.size.height >= TALL else 5

    def on_resize(self, event: events.Resize) -> None:
        """Arrange the parts anew."""
        self._arrange()
        self.draw_runner()
        self.show_rows()

    def _arrange(self) -> None:
        """Show the chosen list, and what is said about its rows where there is room."""
        self.set_class(self.size.width >= BESIDE, "-beside")
        self.set_class(self.size.width >= ROOMIEST, "-roomiest")
        self.set_class(self.size.height >= TALL, "-tall")
        for name in tabs.PANES:
            self.set_class(name == self.pane, f"-{name}")
        self.label()

    # -- looking ------------------------------------------------------------------------------

    def action_show(self, name: str) -> None:
        """Go to a list."""
        self.pane = name
        self._arrange()
        self.show_filter()
        self._show_workloads()
        self.show_rows()
        self.query_one(f"#{name}").focus()
        self.show_keys()

    def action_step(self, step: int) -> None:
        """Go to the next or previous list."""
        self.action_show(tabs.PANES[(tabs.PANES.index(self.pane) + step) % len(tabs.PANES)])

    def settle_focus(self) -> None:
        """Give the focus to the list that is shown when nothing has it."""
        if self.focused is None:
            self.query_one(f"#{self.pane}").focus()

    def action_workload(self) -> None:
        """Show what is known of the workload of the row under the cursor."""
        if self.pane == "workloads":
            self.workloads.action_open()
        elif self.pane == "studies" and (row := self.studies.current) is not None:
            self.open_workload(row.study.workload)

    def action_new(self) -> None:
        """Design a study; of the workload under the cursor where workloads are listed."""
        from labtui.tui.screens.new import NewScreen

        row = self.workloads.current if self.pane == "workloads" else None
        self.app.push_screen(NewScreen(self.reader, workload=None if row is None else row.name))

    @on(Table.Moved)
    def _moved(self) -> None:
        self.tell_about()

    @on(Table.Opened, "#studies")
    def _opened(self, message: Table.Opened) -> None:
        self.post_message(self.Chosen(str(message.key)))

    def step_back(self) -> bool:
        """Clear the filter; else go back to the studies."""
        if self.clear_filter():
            self.query_one(f"#{self.pane}").focus()
            return True
        if self.pane != "studies":
            self.action_show("studies")
            return True
        return False
