"""The lab: its studies, its workloads, its experiment log, and what the runner is doing."""

from __future__ import annotations

import time
from asyncio import sleep
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from textual import events, on, work
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from labtui.store.errors import LabError, NoLab
from labtui.tui import lab_columns, lab_text
from labtui.tui.actions import bindings
from labtui.tui.clerk import Clerk
from labtui.tui.judging import in_background
from labtui.tui.lab_feed import LabFeed, LabView, StudyRow
from labtui.tui.running import RunningScreen
from labtui.tui.screens.base import BEAT
from labtui.tui.screens.deciding import problem
from labtui.tui.screens.lab_choosing import ChoosingScreen
from labtui.tui.screens.remarks import RemarkingScreen
from labtui.tui.widgets.card import Card
from labtui.tui.widgets.filter_line import FilterLine
from labtui.tui.widgets.runner_strip import RunnerStrip, Running
from labtui.tui.widgets.table import Table
from labtui.tui.widgets.textpane import TextPane
from labtui.tui.workload_rows import WorkloadRow, read_workloads
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.store.records import StudyRecord
    from labtui.store.runners import SlotRecord
    from labtui.tui.reader import Pulse, Reader
    from labtui.verdicts.remarks import Subject

AGING = 5.0
"""Seconds after which "3m" is written anew."""

SPARE = 9.0
"""A lab that changes is read again after so many times as long as it took: a tenth of a core. 300
studies with 12,000 trials take 60 ms, so that they are read less than twice a second."""

CALM = 1.0
"""Seconds between two times that verdicts are shown as they come: a repaint takes some 15 ms."""

LOOK = 1.0
"""Seconds between two looks at the slots: the runner measures them that often."""

RETRY = 2.0
"""Seconds until what could not be read is read again: long enough to read the reason."""

PANES = ("studies", "workloads", "log")
"""In the order of their keys, 1 and up."""

NAMES = {"studies": "studies", "workloads": "workloads", "log": "experiment log"}
TWINS = {"studies": "labtui list", "workloads": "labtui workload", "log": "labtui log"}

BESIDE, ROOMIEST = 160, 190
"""Columns from which the study under the cursor is told beside the table, and in a wider panel."""

PANEL, WIDE_PANEL = 52, 60
TALL, TALLEST = 30, 45
"""Rows from which more is said below the table, and of the runner."""

EXAMPLES = "state:running  tag:keep  kind:widen  best<0.1  alerts>0  or words"

BEGIN = (
    "n  designs a first study\n"
    "labtui tour  opens a lab of finished ones\n\n"
    "or in another terminal, and it appears here:\n"
    "labtui run sample_studies/digits_optimizers.yaml"
)
ONLY_STUDIES = frozenset({"filter", "mark", "unmark", "compare", "move", "resume", "stop"})
"""Actions on the list of studies."""


class LabScreen(RemarkingScreen, RunningScreen, ChoosingScreen):
    """Everything in a lab."""

    CSS_PATH = "lab.tcss"
    BINDINGS = [  # noqa: RUF012 - Textual's own form
        *bindings("lab"),
        *bindings("studies"),
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
        self.pane = "studies"
        self.clerk = Clerk(reader.paths)
        self._feed = LabFeed()
        self._view: LabView | None = None
        self._activity = Running()
        self._slots_updated = ""
        self._shown_at = 0.0
        self._labelled: object = None
        self._at_work = False
        self._trouble = ""
        self._rested = 0.0
        self._workloads_at: object = None
        self._reading_workloads = False

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
        yield FilterLine(placeholder=EXAMPLES, compact=True, id="filter")
        yield RunnerStrip(id="runner")

    def on_mount(self) -> None:
        """Set the columns, and begin to follow the lab and its runner."""
        self.studies.set_columns(lab_columns.studies(80, ()), sort="activity")
        self.workloads.set_columns(lab_columns.workloads(80, ()), sort="name")
        self.set_interval(AGING, self.studies.refresh)
        self.set_interval(LOOK, self._watch_slots)
        self._arrange()
        super().on_mount()

    # -- what it consists of ------------------------------------------------------------------

    @property
    def workloads(self) -> Table[WorkloadRow]:
        """The table of the workloads."""
        return self.query_one("#workloads", Table)

    @property
    def topic(self) -> str:
        """The list that is shown."""
        return self.pane

    @property
    def twin(self) -> str:
        """The command that says the same as the list that is shown."""
        return TWINS[self.pane]

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
        return super().check_action(action, parameters)

    # -- following ----------------------------------------------------------------------------

    async def follow(self, pulse: Pulse) -> None:
        """Read what is new, and show it; verdicts follow."""

        await sleep(max(0.0, self._rested - time.monotonic()))
        began = time.monotonic()

        def read(lab: Lab) -> tuple[LabView, list[SlotRecord], str]:
            return self._feed.read(lab, pulse), lab.slots(), lab.slots_updated()

        view, slots, self._slots_updated = await self.reader.ask(read)
        self._rested = time.monotonic() + SPARE * (time.monotonic() - began)
        self._view = view
        self._activity = Running(pulse.runner, tuple(slots), view.queue, view.waiting)
        self._show_runner()
        self._show_rows()
        self._look_at_workloads()
        if self.clerk.follow(view.moments) and not self._at_work:
            self._keep_up()

    @work(group="slots", exclusive=True, exit_on_error=False)
    async def _watch_slots(self) -> None:
        """Show what the slots are doing, which changes without a commit that counts."""
        if not self.is_active or self._activity.pid is None:
            return
        try:
            updated = await self.reader.ask(lambda lab: lab.slots_updated())
            if updated != self._slots_updated:
                slots = await self.reader.ask(lambda lab: lab.slots())
                self._slots_updated = updated
                self._activity = replace(self._activity, slots=tuple(slots))
                self._show_runner()
        except LabError:  # said by what follows the lab
            return

    @work(group="journal", exit_on_error=False)
    async def _keep_up(self) -> None:
        """Read and judge what changed, one study at a time, while the screen is looked at."""
        self._at_work = True
        try:
            while await self._may_go_on() and await self.clerk.step():
                self._trouble = ""
                if time.monotonic() - self._shown_at >= CALM:
                    self._show_rows()
        except Exception as error:  # said with the log; begun again after a while
            self.clerk.forget()
            self._trouble = f"✗ cannot be read, tried again: {clean(problem(error))}"
            self.set_timer(RETRY, self._keep_up)
        finally:
            self._at_work = False
            self._show_rows()

    async def _may_go_on(self) -> bool:
        """Wait until the screen is looked at, and until what trains has had its share."""
        while not self.is_active or self.clerk.rest(busy=self._activity.pid is not None):
            await sleep(BEAT)
        return True

    def _look_at_workloads(self) -> None:
        stale = self._view is not None and self._view.workloads != self._workloads_at
        if self.pane == "workloads" and stale and not self._reading_workloads:
            self._read_workloads()

    @work(group="workloads", exit_on_error=False)
    async def _read_workloads(self) -> None:
        """Read the cards of the workloads on a thread, as often as they change."""
        self._reading_workloads = True
        try:
            while self._view is not None and self._view.workloads != self._workloads_at:
                stamp = self._view.workloads
                rows = await in_background(partial(read_workloads, self.reader.paths))
                self._workloads_at = stamp
                self.workloads.set_columns(lab_columns.workloads(self._room, rows), sort="name")
                self.workloads.show(rows)
                self._say_nothing()
                self.tell_about()
        except Exception as error:  # said; tried again with the next change
            self._workloads_at = self._view.workloads if self._view is not None else None
            self._say(f"the workloads cannot be read: {problem(error)}", alarm=True)
        finally:
            self._reading_workloads = False

    # -- showing ------------------------------------------------------------------------------

    def _show_rows(self) -> None:
        """Show the studies with what is known of their verdicts."""
        self._shown_at = time.monotonic()
        if self._view is None:
            self._say_nothing()
            return
        journal = self.clerk.journal
        rows = [
            replace(row, told=journal.rows.get(row.name) or {}, judged=journal.is_judged(row.name))
            for row in self._view.rows
        ]
        self.studies.set_columns(lab_columns.studies(self._room, rows), sort="activity")
        self.studies.show(rows)
        self.label()
        self._say_nothing()
        self.tell_about()
        if self.pane == "log":
            self._show_log()

    def _show_log(self) -> None:
        from labtui.tui import log_text

        journal = self.clerk.journal
        title = self._trouble or log_text.title(journal, self.clerk.waiting)
        self.query_one("#log-title", Static).update(title, layout=False)
        self.query_one("#log", TextPane).say_lines(list(log_text.lines(journal)))

    def _say_nothing(self) -> None:
        """Say how to begin where a list is empty."""
        view, nothing = self._view, self.query_one("#nothing", Card)
        empty = (view is None or not view.rows) and self.pane == "studies"
        if view is None:
            nothing.say("Reading the lab…", "", "")
        elif empty:
            nothing.say(
                "No studies yet",
                "A study asks one question, and trains trials that answer it.",
                BEGIN,
            )
        elif self.pane == "workloads" and not self.workloads.rows:
            empty = True
            if self._reading_workloads or self._workloads_at is None:
                nothing.say("Reading the workloads…", "", "")
            else:
                nothing.say(
                    "No workloads yet",
                    "A workload is what is tuned; the first study or probe of one makes it.",
                    BEGIN,
                )
        self.set_class(empty, "-empty")

    def tell_about(self) -> None:
        """Tell of the row under the cursor."""
        beside = self.has_class("-beside")
        width = self._side - 5 if beside else self.size.width - 4
        lines = self.size.height - 6 if beside else self._lines
        told = self._told(width, lines, beside=beside)
        self.query_one("#about", Static).update(told, layout=False)

    def _told(self, width: int, lines: int, *, beside: bool) -> Content:
        if self.pane == "workloads":
            found = self.workloads.current
            return Content() if found is None else lab_text.workload(found, width, lines)
        row = self.studies.current
        if row is None:
            wanted = bool(self.line.value.strip())
            return Content("No study passes the filter; esc clears it." if wanted else "")
        return lab_text.panel(row, width) if beside else lab_text.strip(row, width, lines)

    def _show_runner(self) -> None:
        height = self.size.height
        lines = 9 if height >= TALLEST else 5 if height >= TALL else 3
        self.query_one(RunnerStrip).show(self._activity, self.size.width - 2, lines)

    def label(self) -> None:
        """Write the names of the lists."""
        total, shown = len(self._view.rows) if self._view is not None else 0, len(self.studies.rows)
        counts = {
            "studies": f" {total or ''}".rstrip() if shown == total else f" {shown} of {total}"
        }
        if self.studies.marked:
            counts["studies"] += f", {len(self.studies.marked)} marked"
        parts: list[str | tuple[str, str]] = []
        for place, name in enumerate(PANES, 1):
            here = name == self.pane
            style = "$text-primary bold reverse" if here else "$text-muted"
            words = f"{place} {NAMES[name]}{counts.get(name, '')}"
            parts += [(f" {words} ", f"{style} @click=screen.show('{name}')")]
        tabs = Content.assemble(*parts)
        if (said := (tabs.markup, self.size.width)) == self._labelled:
            return
        self._labelled = said
        self.query_one("#tabs", Static).update(tabs)
        self.query_one("#where", Static).update(self._where(self.size.width - len(tabs.plain) - 3))

    def _where(self, room: int) -> Content:
        """Name the lab; of a long path the end is what tells it from others."""
        path = clean(str(self.reader.paths.db))
        room -= len("labtui  ")
        shown = path if len(path) <= room else f"…{path[-room + 1 :]}" if room > 1 else ""
        return Content.assemble(("labtui", "$text-primary bold"), f"  {shown}")

    def say_error(self, error: LabError) -> None:
        """Put a card in the place of the body: how to begin where there is no lab."""
        super().say_error(error)
        if isinstance(error, NoLab):
            will = clean(f"{self.reader.paths.db} will hold the studies, their trials and curves.")
            self.query_one("LabScreen > Card", Card).say("No lab yet", will, BEGIN)

    # -- room ---------------------------------------------------------------------------------

    @property
    def _side(self) -> int:
        """Columns of the panel beside the lists."""
        return WIDE_PANEL if self.size.width >= ROOMIEST else PANEL

    @property
    def _room(self) -> int:
        """Columns of the lists."""
        width = self.size.width
        return width - self._side if width >= BESIDE and self.pane != "log" else width

    @property
    def _lines(self) -> int:
        """Rows below the lists."""
        return 7 if self.size.height >= TALL else 5

    def on_resize(self, event: events.Resize) -> None:
        """Arrange the parts anew."""
        super().on_resize(event)
        self._arrange()
        self._show_runner()
        self._show_rows()

    def _arrange(self) -> None:
        """Show the chosen list, and what is said about its rows where there is room."""
        self.set_class(self.size.width >= BESIDE, "-beside")
        self.set_class(self.size.width >= ROOMIEST, "-roomiest")
        self.set_class(self.size.height >= TALL, "-tall")
        for name in PANES:
            self.set_class(name == self.pane, f"-{name}")
        self.label()

    # -- looking ------------------------------------------------------------------------------

    def action_show(self, name: str) -> None:
        """Go to a list."""
        self.pane = name
        self._arrange()
        self._look_at_workloads()
        self._show_rows()
        self.query_one(f"#{name}").focus()
        self.show_keys()

    def action_step(self, step: int) -> None:
        """Go to the next or previous list."""
        self.action_show(PANES[(PANES.index(self.pane) + step) % len(PANES)])

    def settle_focus(self) -> None:
        """Give the focus to the list that is shown when nothing has it."""
        if self.focused is None:
            self.query_one(f"#{self.pane}").focus()

    def action_workload(self) -> None:
        """Show what is known of the workload of the row under the cursor."""
        if self.pane == "workloads":
            self.workloads.action_open()
        elif self.pane == "studies" and (row := self.studies.current) is not None:
            self._open_workload(row.study.workload)

    def _open_workload(self, name: str) -> None:
        from labtui.tui.screens.workload import WorkloadScreen

        self.app.push_screen(WorkloadScreen(self.reader, name))

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

    @on(Table.Opened, "#workloads")
    def _opened_workload(self, message: Table.Opened) -> None:
        self._open_workload(str(message.key))

    def step_back(self) -> bool:
        """Clear the filter; else go back to the studies."""
        if self.line.has_class("-open"):
            self.line.value = ""
            self.line.remove_class("-open")
            self.action_show("studies")
            return True
        if self.pane != "studies":
            self.action_show("studies")
            return True
        return False
