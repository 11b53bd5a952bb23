"""The panes of figures that are drawn from the trials that have ended."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, ClassVar

from labtui.tui.feeds import StudyView
from labtui.tui.judging import ended
from labtui.tui.panes.base import ChartPane, Drawn
from labtui.verdicts import figures

if TYPE_CHECKING:
    from labtui.store.lab import Lab


class AxesPane(ChartPane):
    """An axis plot for each varied hyperparameter, with the ranges that the verdict proposes."""

    name_of_pane = "axes"
    needs_verdict = True

    def stamp(self, view: StudyView) -> Hashable:
        """The ended trials, and what was judged of them."""
        return ended(view), self.desk.judge.judged

    def describe(self, lab: Lab, view: StudyView) -> Drawn:
        """Describe the plots."""
        found = self.desk.judge.findings
        return Drawn(figures.axis_plots(view.study, view.trials, view.definitions, found))


class GalleryPane(ChartPane):
    """Figures of some kinds of the gallery, drawn anew as trials end."""

    kinds: ClassVar[Sequence[str]]

    def stamp(self, view: StudyView) -> Hashable:
        """The ended trials."""
        return ended(view)

    def describe(self, lab: Lab, view: StudyView) -> Drawn:
        """Describe them."""
        from labtui.verdicts import gallery  # on the reading thread: it takes a moment

        study, known = view.study, view.trials
        found = [
            one.spec for kind in self.kinds for one in gallery.figures_of(lab, study, known, kind)
        ]
        return Drawn(found)


class IsolationPane(GalleryPane):
    """The best of each value after tuning the rest (P24)."""

    name_of_pane = "isolation"
    kinds = ("isolation",)


class BudgetPane(GalleryPane):
    """What more trials, and more steps, would bring (P31, P33)."""

    name_of_pane = "budget"
    kinds = ("budget", "best-step")


class StabilityPane(GalleryPane):
    """Gradient norms against the step and as a histogram (P38, P41)."""

    name_of_pane = "stability"
    kinds = ("grad-norm",)
