"""The objective over each hyperparameter, with what was judged of its range."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labtui.tui.feeds import StudyView
from labtui.tui.judging import ended
from labtui.tui.panes.base import ChartPane, Desk, Drawn
from labtui.verdicts import figures
from labtui.verdicts.text import condition_text

if TYPE_CHECKING:
    from labtui.charts.spec import ChartSpec
    from labtui.store.lab import Lab
    from labtui.verdicts.figure_words import Words

GRAVE, LAST = {"▲": 0, "!": 1}, 2
"""The order of the plots: the gravest first, otherwise that of the study."""


@dataclass(frozen=True)
class _Plots:
    """The plots of a moment, whichever trials stand out in them.

    Attributes:
        moment: The ended trials, and what was judged of them.
        told: Definition, figure, and what to conclude from it.
    """

    moment: Hashable
    told: list[tuple[figures.Definition, ChartSpec, Words]]


class AxesPane(ChartPane):
    """An axis plot for each varied hyperparameter, with the ranges that the verdict proposes.

    The marked trials stand out, else the one under the cursor of the table.
    """

    name_of_pane = "axes"
    needs_verdict = True

    def __init__(self, desk: Desk) -> None:
        """Begin without plots."""
        super().__init__(desk)
        self._plots = _Plots(None, [])

    def stamp(self, view: StudyView) -> Hashable:
        """The ended trials, what was judged of them, and those that stand out."""
        return self._moment(view), self.desk.outstanding

    def asked(self) -> Hashable:
        """The marks, the filter, and the cursor of the table."""
        return super().asked(), self.desk.outstanding

    def _moment(self, view: StudyView) -> Hashable:
        return ended(view), self.desk.judge.judged

    def describe(self, lab: Lab, view: StudyView) -> Drawn:
        """Describe the plots, and say of each where its best points lie."""
        moment = self._moment(view)
        if self._plots.moment != moment:  # else the cursor moved: 10,000 trials stay placed
            self._plots = _Plots(moment, self._told(view))
        chosen = self.desk.outstanding_of(view)
        told = self._plots.told
        specs = [figures.with_chosen(spec, definition, chosen) for definition, spec, _ in told]
        return Drawn(specs, "", [words for _, _, words in told])

    def _told(self, view: StudyView) -> list[tuple[figures.Definition, ChartSpec, Words]]:
        from labtui.verdicts import figure_words  # on the reading thread: it takes a moment

        study, judge = view.study, self.desk.judge
        judged = figure_words.Judged.of(judge.brief)
        told = []
        for definition in figures.varied(view.definitions):
            points = figures.axis_points(view.trials, definition)
            spec = figures.axis_plot(study, view.trials, definition, judge.findings, points=points)
            about = figure_words.short_name(str(definition["name"]), condition_text(definition))
            said = figure_words.axis_words(study, definition, points, judged)
            told.append((definition, spec, figure_words.titled(about, said)))
        # Ranges that are cut off come first: what they hide makes the others provisional.
        told.sort(key=lambda one: GRAVE.get(one[2].sign, LAST) if one[2].own else LAST)
        return told
