"""A study: its trials as they come in, their figures, the arms, the roles and the verdict."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from textual import events, on, work
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from labtui.charts.spec import Axis, ChartSpec
from labtui.store.errors import LabError
from labtui.tui import study_text, verdict_text
from labtui.tui.actions import bindings, chart_keys
from labtui.tui.feeds import StudyFeed, StudyView
from labtui.tui.filters import BadFilter, parse
from labtui.tui.judging import Judge, ended
from labtui.tui.screens.base import BEAT
from labtui.tui.screens.remarks import RemarkingScreen
from labtui.tui.widgets import arms, trials
from labtui.tui.widgets.chart import Chart
from labtui.tui.widgets.deck import Deck
from labtui.tui.widgets.figures import FigurePane
from labtui.tui.widgets.table import Table
from labtui.tui.widgets.textpane import TextPane
from labtui.tui.widgets.trials import TrialTable
from labtui.verdicts import figures
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.store.records import TrialRecord
    from labtui.tui.reader import Pulse, Reader
    from labtui.verdicts.remarks import Subject

FEW = 6
"""Curves that are shown when no trial is marked, over all arms."""

FURTHER = ("isolation", "budget", "best-step", "grad-norm")
"""The kinds of figures in the pane of that name, in its order."""


PAGING = "p n: others"


def _saying(text: str) -> ChartSpec:
    """A figure that only says something."""
    return ChartSpec("", Axis(), Axis(), (), empty=text)


class StudyScreen(RemarkingScreen):
    """One study, followed while it runs."""

    CSS_PATH = "study.tcss"
    BINDINGS = [*bindings("study"), *bindings("remark"), *chart_keys()]  # noqa: RUF012 - Textual's own form
    chain_name = "study"

    class Chosen(Message):
        """A trial was chosen."""

        def __init__(self, trial: str) -> None:
            """Remember its name."""
            super().__init__()
            self.trial = trial

    def __init__(self, reader: Reader, name: str) -> None:
        """Follow the study `name`."""
        super().__init__(reader)
        self.name_of_study = name
        self.view: StudyView | None = None
        self._feed = StudyFeed(name)
        self._drawn: tuple[int, ...] | None = None
        self._figured: tuple[int, int] | None = None
        self._judge = Judge(reader.paths)
        self._judging = False

    def compose_body(self) -> Iterable[Widget]:
        """Lay out the header and the panes."""
        yield Static(id="header")
        yield Deck(id="deck")

    @property
    def deck(self) -> Deck:
        """The panes."""
        return self.query_one(Deck)

    @property
    def active(self) -> str:
        """The pane that has the focus."""
        return self.deck.active

    @property
    def topic(self) -> str:
        """The pane that has the focus."""
        return self.active

    @property
    def subject(self) -> Subject:
        """The trial under the cursor where the trials have the focus, else the study."""
        from labtui.verdicts.remarks import Subject

        trial = self.query_one(TrialTable).current if self.active == "trials" else None
        return (
            Subject(self.name_of_study, "study") if trial is None else Subject(trial.name, "trial")
        )

    def on_mount(self) -> None:
        """Look at the trials first."""
        self.watch(self, "focused", self.deck.follow_focus, init=False)
        super().on_mount()
        self.deck.fit_into(self.size)
        self.deck.show("trials")

    # -- following --------------------------------------------------------------------------

    async def follow(self, pulse: Pulse) -> None:
        """Read what changed in the study, and show it."""
        view = await self.reader.ask(lambda lab: self._feed.read(lab, pulse))
        first = self.view is None
        self.view = view
        if first:
            self._begin(view)
        self._show(view)
        if first or view.changed:
            await self._draw(view)
            self._look_further()

    def _begin(self, view: StudyView) -> None:
        columns = trials.columns(view.study, view.trials, view.definitions)
        self.query_one(TrialTable).set_columns(columns, sort="best")
        table = self.query_one("#arms-table", Table)
        table.set_columns(arms.columns(view.study, view.arms), sort="")
        self.query_one("#roles-text", TextPane).say(study_text.roles(view))

    def _show(self, view: StudyView) -> None:
        self._write_header(view, self.size.width)
        self.query_one(TrialTable).show(view.trials)
        table = self.query_one("#arms-table", Table)
        table.show(view.arms)
        self._label()

    async def _draw(self, view: StudyView) -> None:
        """Draw the curves, unless they are the same, and the axis plots."""
        chosen = self._chosen(view)
        ids = tuple(trial.id for trial in chosen)
        same = ids == self._drawn and view.changed.isdisjoint(ids) and bool(ids or not view.ended)
        axis = self.query_one("#axis", FigurePane)
        still = axis.filled and not view.ended

        def describe(lab: Lab) -> tuple[list[ChartSpec], list[ChartSpec]]:
            lines = [] if same else figures.curves(lab, view.study, chosen)
            return lines, [] if still else self._axis_plots(view)

        lines, plots = await self.reader.ask(describe)
        if lines:
            self._drawn = ids
            self.query_one("#curves", FigurePane).show(lines, self._note(chosen))
        if plots:
            axis.show(plots, PAGING)
        self._label()

    def _axis_plots(self, view: StudyView) -> list[ChartSpec]:
        found = self._judge.check.verdict.findings if self._judge.check else ()
        return figures.axis_plots(view.study, view.trials, view.definitions, found)

    # -- figures and verdict, when they are looked at -----------------------------------------

    @on(Deck.Arranged)
    def _look_further(self) -> None:
        """Draw and judge what is on screen and out of date."""
        view = self.view
        if view is None:
            return
        if self.deck.is_shown("figures") and ended(view) != self._figured:
            self._draw_further(view)
        if self._wants_verdict() and not self._judging:
            self._follow_verdict()

    @work(exclusive=True, group="further", exit_on_error=False)
    async def _draw_further(self, view: StudyView) -> None:
        def describe(lab: Lab) -> list[ChartSpec]:
            from labtui.verdicts import gallery  # on the reading thread: it takes a moment

            study, known = view.study, view.trials
            return [
                one.spec for kind in FURTHER for one in gallery.figures_of(lab, study, known, kind)
            ]

        pane = self.query_one("#figures", FigurePane)
        if not pane.filled:
            pane.chart.show(_saying("drawing…"))
        try:
            specs = await self.reader.ask(describe)
        except LabError as error:
            self.say_error(error)
            return
        except Exception as error:  # said in the pane; the others go on
            specs = [_saying(f"cannot be drawn: {type(error).__name__}: {clean(str(error))}")]
        self._figured = ended(view)
        pane.show(specs, PAGING)
        self._label()

    def _wants_verdict(self) -> bool:
        """Whether a verdict is looked at, or drawn as a proposal, and trials have ended since."""
        looked_at = self.deck.is_shown("verdict") or self.deck.is_shown("axis")
        return self.view is not None and looked_at and self._judge.is_due(self.view)

    @work(group="verdict", exit_on_error=False)
    async def _follow_verdict(self) -> None:
        """Judge as long as trials end and somebody looks."""
        self._judging = True
        try:
            while self.view is not None and self._wants_verdict():
                self._say_verdict(self.view, busy=True)
                await self._judge.judge(self.view)
                self._say_verdict(self.view, busy=False)
                await self._draw_proposals(self.view)
                while self._judge.rest and self.view.study.state == "running":
                    await asyncio.sleep(min(self._judge.rest, BEAT))
        except LabError as error:
            self.say_error(error)
        finally:
            self._judging = False

    async def _draw_proposals(self, view: StudyView) -> None:
        """Draw the axis plots again, with the ranges that the verdict proposes."""

        def describe(lab: Lab) -> list[ChartSpec]:
            return self._axis_plots(view)

        plots = await self.reader.ask(describe)
        if plots:
            self.query_one("#axis", FigurePane).show(plots, PAGING)
        self._label()

    def _say_verdict(self, view: StudyView, *, busy: bool) -> None:
        lines = verdict_text.study_verdict(self._judge, view.study.total, busy=busy)
        self.query_one("#verdict-text", TextPane).say_lines(lines)
        self.deck.caption("verdict", *verdict_text.caption(self._judge, busy=busy))
        self._label()

    def _chosen(self, view: StudyView) -> list[TrialRecord]:
        marked = self.query_one(TrialTable).marked
        if marked:
            return [trial for trial in view.trials if trial.id in marked]
        each = max(1, FEW // max(len(view.arms), 1))
        return figures.best_trials(view.study, view.trials, each)

    def _note(self, chosen: Sequence[TrialRecord]) -> str:
        if self.query_one(TrialTable).marked:
            return f"{len(chosen)} marked"
        return "the best of each arm"

    @work(exclusive=True, group="figures", exit_on_error=False)
    async def _draw_marked(self) -> None:
        if self.view is not None:
            try:
                await self._draw(self.view)
            except LabError as error:
                self.say_error(error)

    def _label(self) -> None:
        """Say how many trials there are, and how many of them are marked."""
        if self.view is not None:
            table = self.query_one(TrialTable)
            shown, total = len(table.rows), len(self.view.trials)
            counter = str(total) if shown == total else f"{shown} of {total}"
            note = f"{len(table.marked)} marked" if table.marked else ""
            self.deck.caption("trials", counter, note)
        self.deck.label()

    def settle_focus(self) -> None:
        """Give the focus to the active pane when nothing has it."""
        if self.focused is None:
            self.deck.show(self.active)

    def on_resize(self, event: events.Resize) -> None:
        """Choose the panes anew."""
        self.deck.fit_into(event.size)
        if self.view is not None:
            self._write_header(self.view, event.size.width)
        super().on_resize(event)

    def _write_header(self, view: StudyView, width: int) -> None:
        text = study_text.header(view, width - 2)
        self.query_one("#header", Static).update(text, layout=False)

    # -- actions ----------------------------------------------------------------------------

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
        self.deck.figures.page(step)
        self._label()

    def action_on_chart(self, call: str) -> None:
        """Do something with the chart that was looked at last."""
        getattr(self.deck.figures.chart, f"action_{call}")()

    def action_follow_up(self) -> None:
        """Show what can follow the study."""
        from labtui.tui.screens.next import NextScreen

        self.app.push_screen(NextScreen(self.reader, self.name_of_study))

    def action_again(self) -> None:
        """Show what can be trained again: the trial under the cursor, the arms, the search."""
        from labtui.tui.screens.again import AgainScreen

        trial = self.query_one(TrialTable).current
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

    def action_filter(self) -> None:
        """Open the filter line."""
        line = self.query_one("#filter", Input)
        line.add_class("-open")
        line.focus()

    def step_back(self) -> bool:
        """Clear the filter, or end the zoom."""
        line = self.query_one("#filter", Input)
        if line.has_class("-open"):
            line.value = ""
            line.remove_class("-open")
            self.deck.show("trials")
            return True
        if self.deck.zoomed:
            self.deck.zoom()
            return True
        return False

    # -- messages ---------------------------------------------------------------------------

    @on(Input.Changed, "#filter")
    def _filter(self, message: Input.Changed) -> None:
        problem = self.query_one("#filter-problem", Static)
        names = [str(d["name"]) for d in self.view.definitions] if self.view else []
        try:
            test = parse(message.value, names)
        except BadFilter as error:
            problem.update(Content(str(error)))
            problem.add_class("-open")
            return
        problem.remove_class("-open")
        self.query_one(TrialTable).keep(test)
        self._label()

    @on(Input.Submitted, "#filter")
    def _filtered(self) -> None:
        line = self.query_one("#filter", Input)
        line.set_class(bool(line.value), "-open")
        self.query_one(TrialTable).focus()

    @on(TrialTable.Marked)
    def _marked(self) -> None:
        self._label()
        self._draw_marked()

    @on(Table.Opened, "#trials-table")
    def _opened(self) -> None:
        trial = self.query_one(TrialTable).current
        if trial is not None:
            self.post_message(self.Chosen(trial.name))

    @on(Table.Opened, "#arms-table")
    def _arm_opened(self, message: Table.Opened) -> None:
        self.deck.show("trials")
        line = self.query_one("#filter", Input)
        line.value = f"arm:{message.key}".partition(" ")[0]
        line.add_class("-open")

    @on(Chart.Inspected)
    def _inspected(self, message: Chart.Inspected) -> None:
        message.stop()
