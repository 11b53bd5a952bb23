"""What all panes of a study have in common: drawing what is looked at, when it is out of date."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical

from labtui.charts.spec import Axis, ChartSpec
from labtui.store.errors import LabError
from labtui.tui.feeds import StudyView
from labtui.tui.widgets.figures import Figures
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.store.records import TrialRecord
    from labtui.tui.judging import Judge
    from labtui.tui.reader import Reader
    from labtui.tui.screens.base import LiveScreen


@dataclass
class Desk:
    """What the panes of one study share.

    Attributes:
        view: The latest moment of the study; None before the first.
        marked: Ids of the marked trials, in the order of their marks.
        kept: Ids of the trials that the filter keeps; None without a filter.
    """

    reader: Reader
    judge: Judge
    view: StudyView | None = None
    marked: tuple[int, ...] = ()
    kept: frozenset[int] | None = None

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

    def __init__(self, desk: Desk) -> None:
        """Create a pane about the study on a desk."""
        super().__init__(id=self.name_of_pane, classes="pane")
        self.desk = desk
        self._drawn: Hashable = None
        self._busy = False
        self.is_shown = False

    # -- what a pane may say ------------------------------------------------------------------

    def begin(self, view: StudyView) -> None:
        """Prepare for the study, once."""

    def show(self, view: StudyView) -> None:
        """Show what costs nothing, at every change and whether or not it is on screen."""

    def stamp(self, view: StudyView) -> Hashable:
        """Tell what `draw` would draw from what it drew last."""
        return None

    async def draw(self, view: StudyView) -> None:
        """Show what takes a while; called while it is on screen and its stamp has changed."""

    @property
    def caption(self) -> Caption:
        """What its frame says."""
        return Caption()

    # -- keeping up ---------------------------------------------------------------------------

    def keep_up(self) -> None:
        """Draw what is out of date, unless that is going on."""
        if self.is_shown and not self._busy and self._is_late():
            self._busy = True
            self._draw_all()

    def _is_late(self) -> bool:
        view = self.desk.view
        return view is not None and view.whole and self.stamp(view) != self._drawn

    @work(group="draw", exit_on_error=False)
    async def _draw_all(self) -> None:
        try:
            while self.is_shown and self._is_late() and (view := self.desk.view) is not None:
                stamp = self.stamp(view)
                await self.draw(view)
                self._drawn = stamp
                self.post_label()
        except LabError as error:
            screen: LiveScreen = self.screen  # type: ignore[assignment]
            screen.say_error(error)
        except Exception as error:  # said in the pane; the others go on
            self._drawn = self.stamp(view) if view is not None else None
            self.say_problem(f"{type(error).__name__}: {clean(str(error))}")
        finally:
            self._busy = False

    def take_focus(self) -> None:
        """Give the focus to what is looked at first."""
        for widget in self.query("*"):
            if widget.focusable:
                widget.focus()
                return

    def say_problem(self, text: str) -> None:
        """Say that it cannot be drawn, and why."""
        self.notify(text, title=self.name_of_pane, severity="error", markup=False)

    def post_label(self) -> None:
        """Have the frame written anew."""
        parent = self.query_ancestor("#deck")
        parent.call_later(parent.label)  # type: ignore[attr-defined]


def saying(text: str) -> ChartSpec:
    """Describe a figure that only says something."""
    return ChartSpec("", Axis(), Axis(), (), empty=text)


@dataclass(frozen=True)
class Drawn:
    """Figures with what is said of them."""

    figures: Sequence[ChartSpec] = field(default_factory=tuple)
    note: str = ""


class ChartPane(Pane):
    """A pane of figures that are described on the reading thread."""

    is_chart = True
    waiting = "drawing…"

    def compose(self) -> ComposeResult:
        """Lay out the figures."""
        yield Figures(id=f"{self.name_of_pane}-figures")

    @property
    def figures(self) -> Figures:
        """Its figures."""
        return self.query_one(Figures)

    def describe(self, lab: Lab, view: StudyView) -> Drawn:
        """Describe its figures, on the reading thread."""
        raise NotImplementedError

    async def draw(self, view: StudyView) -> None:
        """Describe the figures, and show them."""
        if not self.figures.filled:
            self.figures.chart.show(saying(self.waiting))
        drawn = await self.desk.reader.ask(lambda lab: self.describe(lab, view))
        if drawn.figures:
            self.figures.show(drawn.figures, drawn.note)

    @property
    def caption(self) -> Caption:
        """Which figure of how many, and what it shows."""
        return Caption(self.figures.counter, self.figures.note)

    def say_problem(self, text: str) -> None:
        """Say it in place of the figures."""
        self.figures.show([saying(f"cannot be drawn: {text}")])
