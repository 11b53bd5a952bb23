"""A study: its verdict, its trials as they come in, their figures, and its design."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual import events, on, work
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from labtui.store.errors import LabError
from labtui.tui import study_text
from labtui.tui.actions import bindings, chart_keys, with_keys
from labtui.tui.feeds import StudyFeed, StudyView
from labtui.tui.judging import Judge
from labtui.tui.panes.axes import AxesPane
from labtui.tui.panes.base import Desk, Pane
from labtui.tui.panes.curves import CurvesPane
from labtui.tui.panes.design import DesignPane
from labtui.tui.panes.results import BudgetPane, IsolationPane
from labtui.tui.panes.stability import StabilityPane
from labtui.tui.panes.trials import TrialsPane
from labtui.tui.panes.verdict import VerdictPane
from labtui.tui.screens.base import BEAT
from labtui.tui.screens.remarks import RemarkingScreen
from labtui.tui.screens.running import UNDER_WAY, RunningScreen, left_of
from labtui.tui.study_twin import chosen_twin, tab_twin, table_twin
from labtui.tui.widgets.deck import Deck
from labtui.tui.widgets.table import Table

if TYPE_CHECKING:
    from labtui.store.records import StudyRecord
    from labtui.tui.keys import Action
    from labtui.tui.reader import Pulse, Reader
    from labtui.verdicts.remarks import Subject

PANES: tuple[type[Pane], ...] = (
    VerdictPane,
    TrialsPane,
    CurvesPane,
    AxesPane,
    IsolationPane,
    BudgetPane,
    StabilityPane,
    DesignPane,
)
"""In the order of their keys, 1 and up."""


class StudyScreen(RemarkingScreen, RunningScreen):
    """One study, followed while it runs."""

    CSS_PATH = "study.tcss"
    BINDINGS = [  # noqa: RUF012 - Textual's own form
        *bindings("study"),
        *bindings("running"),
        *bindings("remark"),
        *chart_keys(),
    ]
    chain_name = "study"

    class Chosen(Message):
        """A trial was chosen."""

        def __init__(self, trial: str) -> None:
            """Remember its name."""
            super().__init__()
            self.trial = trial

    def __init__(self, reader: Reader, name: str = "") -> None:
        """Follow the study `name`; without one, it is said by `about` before it is shown."""
        super().__init__(reader)
        self.desk = Desk(reader, Judge(reader.paths))
        self.about(name)
        self._panes = [kind(self.desk) for kind in PANES]
        self._judging = False
        self._header: Content | None = None

    def about(self, name: str) -> StudyScreen:
        """Follow the study `name`; returns the screen."""
        self.name_of_study = name
        self._feed = StudyFeed(name)
        return self

    def compose_body(self) -> Iterable[Widget]:
        """Lay out the header and the panes."""
        yield Static(id="header")
        yield Deck(self._panes, id="deck")

    @property
    def view(self) -> StudyView | None:
        """The latest moment of the study; None before the first."""
        return self.desk.view

    @property
    def deck(self) -> Deck:
        """The panes."""
        return self.query_one(Deck)

    @property
    def trials(self) -> TrialsPane:
        """The pane of the trials."""
        return self.query_one(TrialsPane)

    @property
    def active(self) -> str:
        """The pane that has the focus."""
        return self.deck.active

    @property
    def topic(self) -> str:
        """The pane that has the focus."""
        return self.active

    @property
    def twin(self) -> str:
        """The command that says the same as the active pane, with what was chosen there."""
        name, tab, view = self.name_of_study, self.active, self.view
        if view is None:
            return tab_twin(name, tab)
        if tab == "trials" and view.whole:
            trials = self.trials
            sorting, keys = trials.table.sorting, trials.table.shown_columns
            shown = keys, trials.table.rows
            return table_twin(view, trials.known, trials.line.value, sorting, shown)
        if tab == "curves":
            return chosen_twin(name, tab, self.query_one(CurvesPane).asked_for(view))
        return chosen_twin(name, tab, (self.desk.chosen() or ()) if self.desk.marked else ())

    @property
    def subject(self) -> Subject:
        """The trial under the cursor where the trials have the focus, else the study."""
        from labtui.verdicts.remarks import Subject

        trial = self.trials.current if self.active == "trials" else None
        return (
            Subject(self.name_of_study, "study") if trial is None else Subject(trial.name, "trial")
        )

    @property
    def to_run(self) -> StudyRecord | None:
        """The study."""
        return self.view.study if self.view is not None else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to go on with what was stopped or waits, and to stop what is under way."""
        study = self.to_run
        if action == "resume":
            return study is not None and study.state != "running" and left_of(study) > 0
        if action == "stop":
            return study is not None and study.state in UNDER_WAY
        return super().check_action(action, parameters)

    def matters(self, action: Action) -> bool:
        """Name the key that compares once there are marks, that of figures while one is seen."""
        if action.id == "study.compare":
            return bool(self.desk.marked)
        if action.id == "study.next-figure":
            return any(pane.is_shown and pane.is_chart for pane in self._panes)
        return True

    def on_mount(self) -> None:
        """Look at the verdict first; of a study that has only begun, at its trials."""
        self.watch(self, "focused", self._follow_focus, init=False)

    def on_unmount(self) -> None:
        """Judge no more."""
        self.desk.judge.close()

    # -- following --------------------------------------------------------------------------

    @property
    def is_due(self) -> bool:
        """Whether trials ended that were not counted yet, to leave the machine to training."""
        return self._feed.is_due

    async def follow(self, pulse: Pulse) -> None:
        """Read what changed in the study, and show it."""
        if self.view is None and (few := await self.reader.ask(self._feed.first)) is not None:
            self._take(few)
            await self.show_first()
        self._take(await self.reader.ask(lambda lab: self._feed.read(lab, pulse)))

    def _take(self, view: StudyView) -> None:
        """Show a moment of the study."""
        before, self.desk.view = self.desk.view, view
        first = before is None
        if first:
            self.deck.show("verdict" if view.study.ended else "trials")
        if before is None or before.study.state != view.study.state:
            self.refresh_bindings()
        self._write_header(view, self.size.width)
        for pane in self._panes:
            pane.take(view)
        self.deck.label()
        self._keep_up()

    def _follow_focus(self, focused: Widget | None) -> None:
        """Make the pane active that the focus moved into, and say its command."""
        self.deck.follow_focus(focused)
        self._say_twin()

    @on(Table.Arranged, "#trials-table")
    def _say_twin(self) -> None:
        """Say the command of what is on screen: the rows are others, or stand otherwise."""
        if self.view is not None:
            self._write_header(self.view, self.size.width)

    @on(Deck.Arranged)
    @on(TrialsPane.Chosen)
    def _keep_up(self) -> None:
        """Draw and judge what is on screen and out of date."""
        self.deck.label()
        self.show_keys()
        self._say_twin()
        for pane in self._panes:
            pane.keep_up()
        if self._wants_verdict() and not self._judging:
            self._follow_verdict()

    def _wants_verdict(self) -> bool:
        """Whether a verdict is looked at, or drawn as a proposal, and trials have ended since."""
        looked_at = any(pane.is_shown and pane.needs_verdict for pane in self._panes)
        view = self.view
        return view is not None and view.whole and looked_at and self.desk.judge.is_due(view)

    @work(group="verdict", exit_on_error=False)
    async def _follow_verdict(self) -> None:
        """Judge as long as trials end and somebody looks."""
        self._judging, judge = True, self.desk.judge
        try:
            while self.view is not None and self._wants_verdict():
                verdict = asyncio.ensure_future(judge.judge(self.view))
                await asyncio.sleep(0)
                self._show_verdict()
                await verdict
                self._show_verdict()
                while judge.rest and self.view.study.state == "running":
                    await asyncio.sleep(min(judge.rest, BEAT))
        except LabError as error:
            self.say_error(error)
        finally:
            self._judging = False

    def _show_verdict(self) -> None:
        """Have the panes show the verdict, or that one is on its way."""
        self.deck.label()
        for pane in self._panes:
            pane.keep_up()

    def settle_focus(self) -> None:
        """Give the focus to the active pane when nothing has it."""
        if self.focused is None and self.view is not None:
            self.deck.show(self.active)

    def on_resize(self, event: events.Resize) -> None:
        """Choose the panes anew."""
        self.deck.fit_into(event.size)
        if self.view is not None:
            self._write_header(self.view, event.size.width)

    def _write_header(self, view: StudyView, width: int) -> None:
        text = study_text.header(view, width - 2, self.twin)
        if self._header is None or not text.is_same(self._header):
            self._header = text
            self.query_one("#header", Static).update(text, layout=False)

    # -- looking ------------------------------------------------------------------------------

    def action_show(self, name: str) -> None:
        """Go to a pane."""
        self.deck.show(name)

    def action_pane(self, step: int) -> None:
        """Go to the next or previous pane."""
        self.deck.step(step)

    def action_zoom(self) -> None:
        """Give the screen to the active pane, or take it back."""
        self.deck.zoom()

    def action_figure(self, step: int) -> None:
        """Page through the figures of the chart that was looked at last."""
        self.deck.charts.figures.page(step)
        self.deck.label()

    def action_on_chart(self, call: str) -> None:
        """Do something with the chart that was looked at last."""
        getattr(self.deck.charts.figures.chart, f"action_{call}")()

    def action_filter(self) -> None:
        """Open the filter line."""
        self.trials.open_filter()

    def action_choose_columns(self) -> None:
        """Choose the columns of the trials."""
        self.trials.choose_columns()

    def step_back(self) -> bool:
        """Clear the filter, or end the zoom."""
        if self.trials.close_filter():
            self.deck.show("trials")
            return True
        if self.deck.zoomed:
            self.deck.zoom()
            return True
        return False

    # -- deciding -----------------------------------------------------------------------------

    def action_answer(self) -> None:
        """Show what can follow the study: first what answers the finding under the cursor."""
        from labtui.tui.screens.next import NextScreen

        act = self.query_one(VerdictPane).act if self.active == "verdict" else None
        wanted = (act.kind, act.about) if act is not None and act.kind else None
        self.app.push_screen(NextScreen(self.reader, self.name_of_study, wanted))

    def action_compare(self) -> None:
        """Compare the marked trials; without marks, this study with the one it follows."""
        from labtui.tui.screens.compare import CompareScreen

        view = self.view
        if view is None:
            return
        names = [trial.name for trial in self.desk.chosen() or ()] if self.desk.marked else []
        current = self.trials.current
        if len(names) == 1 and current is not None and current.name not in names:
            names.append(current.name)
        if not names and view.study.parent:
            names = [view.study.name, view.study.parent]
        if len(names) < 2:
            words = "mark two trials or more with {trials.mark}; {study.compare} compares them"
            self.app.notify(with_keys(words))
            return
        self.app.push_screen(CompareScreen(self.reader, names))

    def action_again(self) -> None:
        """Show what can be trained again: the trial under the cursor, the arms, the search."""
        from labtui.tui.screens.again import AgainScreen

        trial = self.trials.current
        named = trial.name if trial is not None else None
        self.app.push_screen(AgainScreen(self.reader, self.name_of_study, named, self.active))

    def action_launch(self) -> None:
        """Show whether the study's best trial becomes the baseline."""
        from labtui.tui.screens.launch import LaunchScreen

        self.app.push_screen(LaunchScreen(self.reader, self.name_of_study, self.name_of_study))

    def action_workload(self) -> None:
        """Show what is known of the study's workload."""
        from labtui.tui.screens.workload import WorkloadScreen

        if self.view is not None:
            self.app.push_screen(WorkloadScreen(self.reader, self.view.study.workload))

    # -- messages ---------------------------------------------------------------------------

    @on(Table.Opened, "#trials-table")
    def _opened(self) -> None:
        trial = self.trials.current
        if trial is not None:
            self.post_message(self.Chosen(trial.name))

    @on(Table.Moved, "#trials-table")
    def _pointed(self) -> None:
        """Have the trial under the cursor stand out in the axis plots, and in nothing else."""
        for pane in self._panes:
            if isinstance(pane, AxesPane):
                pane.keep_up()

    @on(VerdictPane.Look)
    def _look(self, message: VerdictPane.Look) -> None:
        """Show where a finding is to be seen."""
        act = message.act
        if act.trial:
            self.post_message(self.Chosen(act.trial))
            return
        self.deck.show(act.pane)
        if act.figure and act.pane == self.deck.chart:
            self.deck.charts.find(act.figure)
            self.deck.label()

    @on(VerdictPane.ArmChosen)
    def _arm_chosen(self, message: VerdictPane.ArmChosen) -> None:
        self.deck.show("trials")
        self.trials.open_filter(f"arm:{message.arm}".partition(" ")[0])
