"""The training curves of a study (P17)."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult

from labtui.store.records import TrialRecord
from labtui.tui.actions import key_of
from labtui.tui.feeds import StudyView
from labtui.tui.panes.base import ChartPane, Desk, Drawn
from labtui.tui.widgets.chart import Chart
from labtui.verdicts import figures

if TYPE_CHECKING:
    from labtui.store.lab import Lab

FEW = 6
"""Trials whose curves are shown when a person has chosen none, over all arms."""

BRIGHT = 8
"""Trials that stand out at once: there are as many colours, and more cannot be told apart."""

MOST = 32
"""Trials that are drawn: beyond, the dimmed ones are a cloud that one more does not change."""


class CurvesPane(ChartPane):
    """The curves of the marked or filtered trials, else of the best of each arm."""

    name_of_pane = "curves"
    countable = True

    def __init__(self, desk: Desk) -> None:
        """Begin with a few."""
        super().__init__(desk)
        self._few = FEW

    def compose(self) -> ComposeResult:
        """Lay out the figures."""
        yield self.figures

    def show(self, view: StudyView) -> None:
        """Say whether new points are to be expected."""
        self.figures.set_live(view.study.state == "running")

    def asked(self) -> Hashable:
        """The marks, the filter, and how many curves."""
        return super().asked(), self._few

    def stamp(self, view: StudyView) -> Hashable:
        """The trials drawn, and how far they are."""
        shown = self._chosen(view)
        state = view.study.state, () if shown else len(view.trials)
        return tuple((trial.id, trial.revision) for trial in shown), state

    def describe(self, lab: Lab, view: StudyView) -> Drawn:
        """Read their curves, and draw them before they are shown."""
        chosen = self._chosen(view)
        bright = self._bright(view, chosen)
        found = figures.curves(lab, view.study, chosen, limit=MOST, bright=bright)
        return Drawn(found, self._note(view, len(chosen), len(bright)))

    @on(Chart.More)
    def _count(self, message: Chart.More) -> None:
        """Show the best of more or fewer trials."""
        message.stop()
        view = self.desk.view
        if view is None or self.desk.marked:
            off = key_of("trials.unmark")
            self.notify(f"The marked trials are shown; {off} takes the marks away")
            return
        arms = max(1, min(len(view.arms), FEW))
        self._few = min(max(self._few + message.step * arms, arms), MOST)
        self.keep_up()

    def asked_for(self, view: StudyView) -> list[TrialRecord]:
        """Give the trials drawn where a person asked for others than the usual ones."""
        asked = self.desk.chosen() is not None or self._few != FEW
        return self._chosen(view) if asked else []

    def _chosen(self, view: StudyView) -> list[TrialRecord]:
        asked = self.desk.chosen()
        if asked is not None and (self.desk.marked or len(asked) <= self._few):
            return asked
        each = max(1, self._few // max(len(view.arms), 1))
        pool = view.leaders if asked is None else asked
        best = figures.best_trials(view.study, pool, each)
        known = {trial.id for trial in best}
        active = [
            one for one in pool if one.state == "running" and one.step and one.id not in known
        ]
        return best + active[: max(BRIGHT - len(best), 0)]

    def _bright(self, view: StudyView, chosen: list[TrialRecord]) -> set[int]:
        """Give those that stand out: the best, or those that were marked first."""
        if len(chosen) <= BRIGHT:
            return {trial.id for trial in chosen}
        if self.desk.marked:
            return {trial.id for trial in chosen[:BRIGHT]}
        each = max(1, BRIGHT // max(len(view.arms), 1))
        best = figures.best_trials(view.study, chosen, each)[:BRIGHT]
        rest = figures.best_trials(view.study, chosen, BRIGHT, per_arm=False)
        found = dict.fromkeys(trial.id for trial in (*best, *rest))
        return set(list(found)[:BRIGHT])

    def _note(self, view: StudyView, shown: int, bright: int) -> str:
        dimmed = f", {shown - bright} of them dimmed" if shown > bright else ""
        if self.desk.marked:
            return f"{shown} marked{dimmed}"
        each = max(1, self._few // max(len(view.arms), 1))
        best = "the best" if each == 1 else f"the best {each}"
        which = "of the filtered" if self.desk.kept is not None else "of each arm"
        if len(view.arms) < 2 and self.desk.kept is None:
            which = "of the trials"
        active = ", and what runs" if view.study.state == "running" else ""
        return f"{best} {which}{active}{dimmed} · < >"
