"""A trial: what came out and why, all its curves, its configuration, what its program prints."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from textual import events, on, work
from textual.widget import Widget
from textual.widgets import Static

from labtui.charts.spec import Axis, ChartSpec
from labtui.store.errors import LabError
from labtui.tui import trial_feed
from labtui.tui.actions import bindings, chart_keys, key_of
from labtui.tui.parameters_text import counter, parameters_text
from labtui.tui.screens.base import BEAT
from labtui.tui.screens.remarks import RemarkingScreen
from labtui.tui.trial_text import Known, trial_text, trial_title
from labtui.tui.widgets.figures import Figures
from labtui.tui.widgets.output import OutputView
from labtui.tui.widgets.textpane import Line, TextPane
from labtui.tui.widgets.trial_deck import TrialDeck
from labtui.verdicts.printed import Tail, why_silent
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.tui.reader import Pulse, Reader
    from labtui.tui.trial_feed import TrialView
    from labtui.verdicts.beside import Beside
    from labtui.verdicts.figures_trial import TrialFigures
    from labtui.verdicts.remarks import Subject

REST = 4.0
"""The curves of a trial that trains are read again after so many times as long as that took: one
fifth of a core at most, which its training can spare."""

TWINS = {"curves": "labtui plot {study} curves --trials {number}", "log": "labtui log {trial}"}
"""What says the same as a pane; `labtui show` says the same as the others."""


class TrialScreen(RemarkingScreen):
    """One trial, followed while it trains."""

    CSS_PATH = "trial.tcss"
    BINDINGS = [  # noqa: RUF012 - Textual's own form
        *bindings("trial"),
        *bindings("paging"),
        *bindings("tiles"),
        *bindings("remark"),
        *chart_keys(),
    ]
    chain_name = "trial"

    def __init__(self, reader: Reader, trial: str) -> None:
        """Follow a trial by its name, ``study/17``."""
        super().__init__(reader)
        self.trial = trial
        self.deck = TrialDeck(id="deck")
        self._busy = False
        self._only_differences = False
        self._said: dict[str, object] = {}
        self._begin(trial)

    def _begin(self, trial: str) -> None:
        """Forget everything about another trial."""
        self.trial = trial
        self.view: TrialView | None = None
        self._found: tuple[tuple[int, int], list[Line]] | None = None
        self._figures: tuple[tuple[int, int], TrialFigures] | None = None
        self._beside: tuple[tuple[object, ...], Beside] | None = None
        self._tail: Tail | None = None
        self._is_untold = False
        self._rested = 0.0
        self._anew = True

    def compose_body(self) -> Iterable[Widget]:
        """Lay out the title and the panes."""
        yield Static(id="title")
        yield self.deck

    def on_mount(self) -> None:
        """Look at the facts first."""
        self.watch(self, "focused", self.deck.follow_focus, init=False)
        self.deck.grid.show((_saying("reading…"),))
        self.deck.fit_into(self.size)

    @property
    def active(self) -> str:
        """The pane that has the focus."""
        return self.deck.active

    @property
    def topic(self) -> str:
        """The pane that has the focus."""
        return f"trial-{self.active}"

    @property
    def subject(self) -> Subject:
        """The trial."""
        from labtui.verdicts.remarks import Subject

        return Subject(self.trial, "trial")

    @property
    def twin(self) -> str:
        """The command that says the same as the active pane."""
        study, _, number = self.trial.rpartition("/")
        twin = TWINS.get(self.active, "labtui show {trial}")
        return clean(twin.format(study=study, number=number, trial=self.trial))

    @property
    def copy_text(self) -> str:
        """The command that trains this trial again; empty where nothing here can."""
        return self.view.again.command if self.view is not None else ""

    @property
    def copy_note(self) -> str:
        """What the command that is copied does, and which one repeats the very seed."""
        if self.view is None:
            return ""
        again = self.view.again
        exact = f"the very seed: {again.study} trains its whole study again" if again.study else ""
        return clean("; ".join(filter(None, (again.does, exact))))

    # -- following --------------------------------------------------------------------------

    async def follow(self, pulse: Pulse) -> None:
        """Read the trial, and show what is on screen of it."""
        name = self.trial
        view = await self.reader.ask(lambda lab: trial_feed.read_trial(lab, name))
        if name != self.trial:  # another one was asked for meanwhile
            return
        self.view = view
        self._say_title()
        self._say_facts()
        self._keep_up()

    def _say_title(self) -> None:
        if self.view is not None:
            text = trial_title(self.view.trial, self.view.study, self.size.width - 2)
            if self._is_new("title", text):
                self.query_one("#title", Static).update(text)

    def _is_new(self, what: str, said: object) -> bool:
        """Whether something else is to be said than before: the same again would cost a layout."""
        new = self._said.get(what) != said
        self._said[what] = said
        return new

    @on(TrialDeck.Arranged)
    def _keep_up(self) -> None:
        """Draw and read what is on screen and out of date."""
        if self.view is None:
            return
        if not self._busy:
            self._busy = True
            self._draw()
        if self.deck.is_shown("log"):
            self._follow_log()
        self.call_after_refresh(self._say_parameters)
        self.show_keys()

    @work(group="draw", exit_on_error=False)
    async def _draw(self) -> None:
        """Do what is due, one after the other."""
        try:
            while (due := self._due()) is not None:
                await due()
        except LabError as error:
            self.say_error(error)
        except Exception as error:  # said; the other panes go on
            self.say_unexpected(error)
        finally:
            self._busy = False

    def _due(self) -> Callable[[], Awaitable[None]] | None:
        """Choose what is on screen and out of date."""
        view = self.view
        if view is None:
            return None
        drawn = self._figures is not None and self._figures[0] == view.stamp
        blown_up = view.trial.state == "infeasible"
        if not drawn and (self.deck.is_shown("curves") or blown_up):
            return self._draw_figures
        if self.deck.is_shown("parameters") and self._late(view):
            return self._draw_parameters
        judged = self._found is not None and self._found[0] == view.stamp
        return self._judge if view.ended and not judged else None

    async def _draw_figures(self) -> None:
        """Read all curves; those of a trial that trains not too often."""
        from labtui.verdicts.figures_trial import trial_figures  # loads numpy

        if (rest := self._rested - time.monotonic()) > 0:
            await asyncio.sleep(min(rest, BEAT))
            return
        view, began = self.view, time.monotonic()
        if view is None:
            return
        found = await self.reader.ask(lambda lab: trial_figures(lab, view.study, view.trial))
        self._rested = time.monotonic() + REST * (time.monotonic() - began)
        if view.trial.name != self.trial:
            return
        self._figures = view.stamp, found
        specs = found.specs or (_saying(_why_empty(view)),)
        self.deck.grid.set_live(view.trial.state == "running")
        self.deck.grid.show(specs, anew=self._anew)
        self._anew = False
        self.deck.blown_up = found.blowup is not None
        self.deck.why.show(specs[0])
        self.deck.fit_into(self.size)
        self._say_facts()

    async def _judge(self) -> None:
        """Judge the curves of a trial that has ended."""
        view = self.view
        if view is None:
            return
        found = await self.reader.ask(lambda lab: trial_feed.judged(lab, view))
        if view.trial.name == self.trial:
            self._found = view.stamp, found
            self._say_facts()

    def _say_facts(self) -> None:
        view = self.view
        if view is None:
            return
        blowup = self._figures[1].blowup if self._figures is not None else None
        known = Known(
            view.checkpoints,
            view.warnings,
            self._found[1] if self._found is not None else (),
            view.noted,
            blowup.words if blowup is not None else (),
            view.again,
        )
        self.query_one("#facts-text", TextPane).say_lines(trial_text(view.study, view.trial, known))

    # -- parameters -------------------------------------------------------------------------

    def _late(self, view: TrialView) -> bool:
        """Whether another trial is the best by now, or another baseline may be there."""
        return self._beside is None or self._beside[0] != _stamp_of(view)

    async def _draw_parameters(self) -> None:
        from labtui.verdicts.beside import beside

        view = self.view
        if view is None:
            return
        found = await self.reader.ask(lambda lab: beside(lab, view.study, view.trial))
        if view.trial.name == self.trial:
            self._beside = _stamp_of(view), found
            self._say_parameters()

    def _say_parameters(self) -> None:
        if self._beside is None:
            return
        pane, found = self.query_one("#parameters-text", TextPane), self._beside[1]
        only = self._only_differences
        width = max(16, pane.outer_size.width - 4)
        if self._is_new("parameters", (found, only, width)):
            pane.say(parameters_text(found, only_differences=only, width=width))
        hint = "d: all" if only else "d: differences only"
        self.deck.note("parameters", counter(found), hint if found.others else "")

    # -- what it printed --------------------------------------------------------------------

    @work(exclusive=True, group="log", exit_on_error=False)
    async def _follow_log(self) -> None:
        """Read what is printed as long as somebody looks and something may come."""
        while self.view is not None and self.deck.is_shown("log"):
            ended = self.view.ended
            if self.is_active:
                await self._read_log(self.view)
                if ended:
                    return
            await asyncio.sleep(BEAT)

    async def _read_log(self, view: TrialView) -> None:
        anew = self._tail is None
        tail = self._tail = self._tail or Tail(self.reader.paths.trial_log(view.trial.id))

        def read(_: Lab) -> None:  # who asked may be gone when it is done: the next one shows it
            self._is_untold = tail.read() or self._is_untold

        try:
            await self.reader.ask(read)
        except OSError as error:
            self.deck.output.say(clean(f"It cannot be read: {error}"))
            return
        if view.trial.name != self.trial:
            return
        if not tail.lines:
            self.deck.output.say(why_silent(view.trial.state, clean(view.trial.source)))
        elif self._is_untold or anew:
            self._is_untold = False
            self.deck.output.show(tail.lines, dropped=tail.dropped, note=_left_out(tail))

    # -- panes ------------------------------------------------------------------------------

    def settle_focus(self) -> None:
        """Give the focus to the active pane when nothing has it."""
        if self.focused is None:
            self.deck.show(self.active)

    def on_resize(self, event: events.Resize) -> None:
        """Choose the panes anew."""
        self.deck.fit_into(event.size)
        self._say_title()
        self.call_after_refresh(self._say_parameters)

    @on(Figures.Arranged)
    def _label_curves(self) -> None:
        counted = self.deck.grid.counter
        more = f"{key_of('paging.next')} {key_of('paging.previous')}: more"
        self.deck.note("curves", counted, more if counted else "")
        self.show_keys()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer other curves only where there are some, on screen."""
        if action == "figures" and self.is_mounted:
            return self.deck.is_shown("curves") and bool(self.deck.grid.counter)
        return super().check_action(action, parameters)

    def action_show(self, name: str) -> None:
        """Go to a pane."""
        self.deck.show(name)
        self.show_keys()

    def action_pane(self, step: int) -> None:
        """Go to the next or previous pane."""
        self.deck.step(step)

    def action_zoom(self) -> None:
        """Give the screen to the active pane, or take it back."""
        self.deck.zoom()

    def action_figures(self, step: int) -> None:
        """Page through the curves."""
        self.deck.grid.page(step)

    def action_chart(self, step: int) -> None:
        """Go to the next or previous chart."""
        self.deck.grid.step(step)

    def action_on_chart(self, call: str) -> None:
        """Do something with the chart that was looked at last."""
        getattr(self.deck.grid.chart, f"action_{call}")()

    def action_differences(self) -> None:
        """Show only the hyperparameters that differ, or all; they come on screen for it."""
        if self.deck.is_shown("parameters"):
            self._only_differences = not self._only_differences
            self._say_parameters()
        else:
            self.deck.show("parameters")

    def action_find(self) -> None:
        """Look for something in what was printed."""
        self.deck.output.open_find()

    @on(OutputView.Moved)
    def _moved(self, message: OutputView.Moved) -> None:
        message.stop()

    def step_back(self) -> bool:
        """Forget what is looked for, or end the zoom."""
        if self.deck.output.close_find():
            return True
        if self.deck.zoomed:
            self.action_zoom()
            return True
        return False

    # -- other screens ----------------------------------------------------------------------

    async def action_trial(self, step: int) -> None:
        """Go to the next or previous trial of the study."""
        name = self.trial
        try:
            found = await self.reader.ask(lambda lab: trial_feed.neighbour(lab, name, step))
        except LabError as error:
            self.say_error(error)
            return
        if found is None:
            which = "last" if step > 0 else "first"
            self.notify(f"{clean(name)} is the {which} trial of its study", markup=False)
            return
        self._begin(found)
        try:
            await self.follow(await self.reader.pulse())
        except LabError as error:
            self.say_error(error)

    def action_again(self) -> None:
        """Show what came of training it again, and train it again."""
        from labtui.tui.screens.again import AgainScreen

        study = self.trial.rpartition("/")[0]
        self.app.push_screen(AgainScreen(self.reader, study, self.trial))

    def action_launch(self) -> None:
        """Show whether it becomes the baseline."""
        from labtui.tui.screens.launch import LaunchScreen

        study = self.trial.rpartition("/")[0]
        self.app.push_screen(LaunchScreen(self.reader, study, self.trial))

    def action_compare(self) -> None:
        """Put it beside the best trial of its study."""
        if self.view is None:
            return
        study, best = self.view.study, self.view.study.best_trial
        if best is None or best == self.view.trial.number:
            why = "no trial has completed" if best is None else "it is the best one itself"
            self.notify(f"Nothing to compare it with: {why}", markup=False)
            return
        from labtui.tui.screens.compare import CompareScreen

        self.app.push_screen(CompareScreen(self.reader, [self.trial, f"{study.name}/{best}"]))


def _stamp_of(view: TrialView) -> tuple[object, ...]:
    return view.trial.id, view.study.best_trial, view.study.revision


def _saying(text: str) -> ChartSpec:
    return ChartSpec("", Axis(), Axis(), (), empty=text)


def _why_empty(view: TrialView) -> str:
    """Say why there are no curves."""
    if view.ended:
        return f"it logged nothing: {clean(view.trial.reason) or view.trial.state}"
    waits = "it has not begun" if view.trial.state == "queued" else "no points yet"
    return f"{waits}: its curves appear as it logs them"


def _left_out(tail: Tail) -> str:
    """Say what of the output cannot be seen."""
    if tail.skipped:
        return f"{tail.skipped / 1e6:,.1f} MB before it are not shown"
    return f"{tail.dropped:,} lines before it are not shown" if tail.dropped else ""
