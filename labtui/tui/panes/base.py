"""What all panes of a study have in common: drawing what is looked at, when it is out of date."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Vertical

from labtui.charts.spec import Axis, ChartSpec
from labtui.store.errors import LabError
from labtui.tui.feeds import REST, StudyView
from labtui.tui.judging import ended
from labtui.tui.widgets.figures import Figures
from labtui.tui.widgets.words import WordsLine
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from textual.timer import Timer

    from labtui.analysis.table import StudyTable
    from labtui.store.lab import Lab
    from labtui.store.records import TrialRecord
    from labtui.tui.judging import Judge
    from labtui.tui.reader import Reader
    from labtui.tui.screens.base import LiveScreen
    from labtui.tui.widgets.deck import Deck
    from labtui.verdicts.figure_words import Words


LONGEST_REST = 15.0
"""Seconds after which figures of a study that runs are drawn anew, however long drawing took: the
first time it also loads code, and the machine may be busy."""


@dataclass
class Desk:
    """What the panes of one study share.

    Attributes:
        view: The latest moment of the study; None before the first.
        marked: Ids of the marked trials, in the order of their marks.
        kept: Ids of the trials that the filter keeps; None without a filter.
        current: Id of the trial under the cursor of the table; None before anybody moved it.
    """

    reader: Reader
    judge: Judge
    view: StudyView | None = None
    marked: tuple[int, ...] = ()
    kept: frozenset[int] | None = None
    current: int | None = None
    _table: tuple[tuple[int, int], StudyTable] | None = field(default=None, init=False, repr=False)

    def table(self, lab: Lab, view: StudyView) -> StudyTable:
        """Give the ended trials as columns, laid out once for all panes; on the reading thread."""
        from labtui.verdicts.loading import study_table

        key = ended(view)
        if self._table is None or self._table[0] != key:
            self._table = key, study_table(lab, view.study, view.trials)
        return self._table[1]

    @property
    def outstanding(self) -> tuple[int, ...]:
        """Ids of the trials that stand out: the marked ones, else the one under the cursor."""
        return self.marked or (() if self.current is None else (self.current,))

    def outstanding_of(self, view: StudyView) -> list[TrialRecord]:
        """Give the trials that stand out, in the order of `outstanding`."""
        wanted = dict.fromkeys(self.outstanding)
        found = {trial.id: trial for trial in view.trials if trial.id in wanted}
        return [found[ident] for ident in wanted if ident in found]

    def chosen(self) -> list[TrialRecord] | None:
        """Give the trials that a person chose: the marked ones, else the filtered; None for no
        choice.
        """
        if self.view is None:
            return None
        if self.marked:
            by_id = {trial.id: trial for trial in self.view.trials}
            return [by_id[ident] for ident in self.marked if ident in by_id]
        if self.kept is not None:
            return [trial for trial in self.view.trials if trial.id in self.kept]
        return None


@dataclass
class Caption:
    """What the frame of a pane says.

    Attributes:
        counter: How many of what, beside the name.
        note: What is shown, at the lower edge.
    """

    counter: str = ""
    note: str = ""


class Pane(Vertical):
    """One pane: it is drawn while it is on screen, and whenever its `stamp` changes."""

    name_of_pane: ClassVar[str]
    is_chart: ClassVar[bool] = False
    """Charts have the right half of a wide screen."""
    needs_verdict: ClassVar[bool] = False
    """While it is on screen the study is judged as its trials end."""
    eager: ClassVar[bool] = False
    """It is laid out with the screen; the others when they are looked at for the first time."""

    def __init__(self, desk: Desk) -> None:
        """Create a pane about the study on a desk."""
        super().__init__(id=self.name_of_pane, classes="pane")
        self.desk = desk
        self._drawn: Hashable = None
        self._busy = False
        self._resting_until = 0.0
        self._drawn_for: Hashable = None
        self._wake_up: Timer | None = None
        self.is_shown = False
        self.is_ready = False
        self._has_begun = self._wants_focus = False

    def on_mount(self) -> None:
        """Show what is known by now."""
        self.is_ready = True
        if self.desk.view is None:
            return
        self.take(self.desk.view)
        self.keep_up()
        self.post_label()
        deck: Deck = self.query_ancestor("#deck")  # type: ignore[assignment]
        if self._wants_focus and deck.active == self.name_of_pane:
            self.take_focus()

    def take(self, view: StudyView) -> None:
        """Show a moment of the study, once it is laid out."""
        if not self.is_ready:
            return
        if not self._has_begun:
            self._has_begun = True
            self.begin(view)
        self.show(view)

    # -- what a pane may say ------------------------------------------------------------------

    def begin(self, view: StudyView) -> None:
        """Prepare for the study, once."""

    def show(self, view: StudyView) -> None:
        """Show what costs nothing, at every change and whether or not it is on screen."""

    def stamp(self, view: StudyView) -> Hashable:
        """Tell what `draw` would draw from what it drew last."""
        return None

    def asked(self) -> Hashable:
        """Tell what a person asked for from what they asked for last: it is drawn at once."""
        return self.desk.marked, self.desk.kept

    async def draw(self, view: StudyView) -> None:
        """Show what takes a while; called while it is on screen and its stamp has changed."""

    @property
    def caption(self) -> Caption:
        """What its frame says."""
        return Caption()

    # -- keeping up ---------------------------------------------------------------------------

    def keep_up(self) -> None:
        """Draw what is out of date, unless that is going on, or it rests after the last time."""
        if not self.is_shown or not self.is_ready or self._busy or not self._is_late():
            return
        if rest := self._rest():
            if self._wake_up is None:
                self._wake_up = self.set_timer(rest, self._wake)
            return
        self._busy = True
        self._draw_all()

    def _is_late(self) -> bool:
        view = self.desk.view
        return view is not None and view.whole and self.stamp(view) != self._drawn

    def _rest(self) -> float:
        """Give the seconds until it may draw again what nobody asked for.

        A figure of 10,000 trials takes longer than one of them trains: while the study runs, a
        chart rests `REST` times as long as it took, and at most `LONGEST_REST`.
        """
        view = self.desk.view
        if not self.is_chart or view is None or view.study.state != "running":
            return 0.0
        if self.asked() != self._drawn_for:
            return 0.0
        return max(0.0, self._resting_until - time.monotonic())

    def _wake(self) -> None:
        self._wake_up = None
        self.keep_up()

    @work(group="draw", exit_on_error=False)
    async def _draw_all(self) -> None:
        try:
            while self.is_shown and self._is_late() and (view := self.desk.view) is not None:
                if self._rest():
                    break
                stamp, self._drawn_for, began = self.stamp(view), self.asked(), time.monotonic()
                await self.draw(view)
                rest = min(REST * (time.monotonic() - began), LONGEST_REST)
                self._resting_until = time.monotonic() + rest
                self._drawn = stamp
                self.post_label()
            self.call_later(self.keep_up)
        except LabError as error:
            screen: LiveScreen = self.screen  # type: ignore[assignment]
            screen.say_error(error)
        except Exception as error:  # said in the pane; the others go on
            self._drawn = self.stamp(view) if view is not None else None
            self.say_problem(f"{type(error).__name__}: {clean(str(error))}")
        finally:
            self._busy = False

    def take_focus(self) -> None:
        """Give the focus to what is looked at first, once it is laid out."""
        self._wants_focus = not self.is_ready
        if self._wants_focus:
            self.screen.set_focus(None)  # else it would go on to a pane that still is on screen
        for widget in self.query("*"):
            if widget.focusable:
                self.screen.set_focus(widget)  # at once: the next key may have come already
                return

    def say_problem(self, text: str) -> None:
        """Say that it cannot be drawn, and why."""
        self.notify(text, title=self.name_of_pane, severity="error", markup=False)

    def post_label(self) -> None:
        """Have the frame written anew."""
        parent = self.query_ancestor("#deck")
        parent.call_later(parent.label)  # type: ignore[attr-defined]


SHORT = 16
"""Rows of a pane below which the sentence under a figure has one row: the figure needs the rest."""


def saying(text: str) -> ChartSpec:
    """Describe a figure that only says something."""
    return ChartSpec("", Axis(), Axis(), (), empty=text)


@dataclass(frozen=True)
class Drawn:
    """Figures with what is said of them.

    Attributes:
        figures: The figures.
        note: What they are of, for the frame.
        words: What to conclude from each, in their order; none where nothing is judged.
    """

    figures: Sequence[ChartSpec] = field(default_factory=tuple)
    note: str = ""
    words: Sequence[Words] = ()


class ChartPane(Pane):
    """A pane of figures that are described on the reading thread."""

    is_chart = True
    waiting = "drawing…"
    countable: ClassVar[bool] = False
    """Whether more or fewer curves can be asked for."""

    def __init__(self, desk: Desk) -> None:
        """Create a pane of figures about the study on a desk."""
        super().__init__(desk)
        self.figures = Figures(id=f"{self.name_of_pane}-figures", countable=self.countable)
        self._words: dict[int, Words] = {}
        self._wanted = ""

    def compose(self) -> ComposeResult:
        """Lay out the figures."""
        yield self.figures
        yield WordsLine(id=f"{self.name_of_pane}-words")

    @abstractmethod
    def describe(self, lab: Lab, view: StudyView) -> Drawn:
        """Describe its figures, on the reading thread."""

    async def draw(self, view: StudyView) -> None:
        """Describe the figures, and show them."""
        if not self.figures.filled:
            self.figures.chart.show(saying(self.waiting))

        def describe(lab: Lab) -> Drawn:
            found = self.describe(lab, view)
            self.figures.prepare(found.figures)
            return found

        drawn = await self.desk.reader.ask(describe)
        if drawn.figures:
            self._words = dict(zip(map(id, drawn.figures), drawn.words, strict=False))
            self.figures.show(drawn.figures, drawn.note)
            self.find(self._wanted)
            self._tell()

    def find(self, title: str) -> None:
        """Go to the figure whose title begins so, if need be as soon as it is drawn."""
        self._wanted = "" if self.figures.filled else title
        if title and self.figures.filled:
            self.figures.find(title)

    @on(Figures.Arranged)
    def _tell(self) -> None:
        """Say what to conclude from the figures on screen."""
        for line in self.query(WordsLine):
            shown = [one.spec for one in self.figures.shown]
            line.say([(one.title, self._words[id(one)]) for one in shown if id(one) in self._words])
        self.post_label()

    def on_resize(self, event: events.Resize) -> None:
        """Leave the sentence one row where rows are few."""
        for line in self.query(WordsLine):
            line.fit(short=event.size.height < SHORT)

    @property
    def caption(self) -> Caption:
        """Which figure of how many, and what it shows."""
        return Caption(self.figures.counter, self.figures.note)

    def say_problem(self, text: str) -> None:
        """Say it in place of the figures."""
        self.figures.show([saying(f"cannot be drawn: {text}")])
