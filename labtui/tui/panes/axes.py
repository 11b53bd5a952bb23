"""The objective over each hyperparameter, with what was judged of its range."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from labtui.tui.feeds import StudyView
from labtui.tui.judging import ended
from labtui.tui.panes.base import ChartPane, Drawn
from labtui.verdicts import figures
from labtui.verdicts.text import condition_text

if TYPE_CHECKING:
    from labtui.store.lab import Lab

GRAVE, LAST = {"▲": 0, "!": 1}, 2
"""The order of the plots: the gravest first, otherwise that of the study."""


class AxesPane(ChartPane):
    """An axis plot for each varied hyperparameter, with the ranges that the verdict proposes."""

    name_of_pane = "axes"
    needs_verdict = True

    def stamp(self, view: StudyView) -> Hashable:
        """The ended trials, what was judged of them, and the marked ones."""
        return ended(view), self.desk.judge.judged, self.desk.marked

    def describe(self, lab: Lab, view: StudyView) -> Drawn:
        """Describe the plots, and say of each where its best points lie."""
        from labtui.verdicts import figure_words  # on the reading thread: it takes a moment

        study, judge = view.study, self.desk.judge
        judged = figure_words.Judged.of(judge.brief)
        marked = self.desk.chosen() if self.desk.marked else None
        told = []
        for definition in figures.varied(view.definitions):
            points = figures.axis_points(view.trials, definition)
            spec = figures.axis_plot(
                study, view.trials, definition, judge.findings, marked or (), points
            )
            about = figure_words.short_name(str(definition["name"]), condition_text(definition))
            said = figure_words.axis_words(study, definition, points, judged)
            told.append((spec, figure_words.titled(about, said)))
        # Ranges that are cut off come first: what they hide makes the others provisional.
        told.sort(key=lambda pair: GRAVE.get(pair[1].sign, LAST) if pair[1].own else LAST)
        return Drawn([spec for spec, _ in told], "", [words for _, words in told])
