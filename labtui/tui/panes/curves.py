"""The training curves of a study (P17)."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from labtui.store.records import TrialRecord
from labtui.tui.feeds import StudyView
from labtui.tui.panes.base import ChartPane, Drawn
from labtui.verdicts import figures

if TYPE_CHECKING:
    from labtui.store.lab import Lab

FEW = 6
"""Curves that are shown when a person has chosen no trials, over all arms."""


class CurvesPane(ChartPane):
    """The curves of the marked or filtered trials, else of the best of each arm."""

    name_of_pane = "curves"

    def stamp(self, view: StudyView) -> Hashable:
        """The trials drawn, and how far they are."""
        shown = self._chosen(view)
        state = (view.study.state, len(view.trials)) if not shown else ()
        return tuple((trial.id, trial.revision) for trial in shown), state

    def describe(self, lab: Lab, view: StudyView) -> Drawn:
        """Read their curves."""
        shown = self._chosen(view)
        return Drawn(figures.curves(lab, view.study, shown), self._note(len(shown)))

    def _chosen(self, view: StudyView) -> list[TrialRecord]:
        asked = self.desk.chosen()
        if asked is not None and (self.desk.marked or len(asked) <= FEW):
            return asked
        each = max(1, FEW // max(len(view.arms), 1))
        return figures.best_trials(view.study, view.trials if asked is None else asked, each)

    def _note(self, shown: int) -> str:
        if self.desk.marked:
            return f"{shown} marked"
        return "the best of the filtered" if self.desk.kept is not None else "the best of each arm"
