"""What the trials reached: the best of each value, and what more trials and steps would bring."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from labtui.tui.feeds import StudyView
from labtui.tui.judging import ended
from labtui.tui.panes.base import ChartPane, Drawn

if TYPE_CHECKING:
    from labtui.charts.spec import ChartSpec
    from labtui.store.lab import Lab


class ResultsPane(ChartPane):
    """Figures of the ended trials, with what was judged of them."""

    needs_verdict = True

    def stamp(self, view: StudyView) -> Hashable:
        """The ended trials, and what was judged of them."""
        return ended(view), self.desk.judge.judged


class IsolationPane(ResultsPane):
    """The best of each value after tuning the rest (P24)."""

    name_of_pane = "isolation"

    def describe(self, lab: Lab, view: StudyView) -> Drawn:
        """Describe the plots, and say of each how far its best value is ahead."""
        from labtui.verdicts import figure_words, figures_results

        table = self.desk.table(lab, view)
        judged = figure_words.Judged.of(self.desk.judge.brief)
        found = figures_results.isolations(table)
        launches = _launches(lab, view)
        told = figure_words.titled("launch", figure_words.Words(STRIPS))
        return Drawn(
            [
                *launches,
                *(figures_results.isolation_plot(view.study, table, one) for one in found),
            ],
            "",
            [told] * len(launches)
            + [
                figure_words.titled(
                    figure_words.short_name(one.name, one.condition),
                    figure_words.isolation_words(table, one, judged),
                )
                for one in found
            ],
        )


STRIPS = "fresh reruns of both sides: every value, its mean and the interval of the mean (P30)"


def _launches(lab: Lab, view: StudyView) -> list[ChartSpec]:
    """Describe what a launch saw of the reruns that this study is; none of any other study."""
    from labtui.verdicts import gallery

    if view.study.kind != "launch" or not gallery.is_launched(lab, view.study):
        return []
    found = gallery.figures_of(lab, view.study, view.trials, gallery.LAUNCH)
    return [one.spec for one in found]


class BudgetPane(ResultsPane):
    """What more trials, and more steps, would bring (P31, P33)."""

    name_of_pane = "budget"

    def describe(self, lab: Lab, view: StudyView) -> Drawn:
        """Describe the plots, and say what the last trials brought."""
        from labtui.verdicts import figure_words, figures_results

        study, table = view.study, self.desk.table(lab, view)
        judged = figure_words.Judged.of(self.desk.judge.brief)
        return Drawn(
            [
                figures_results.budget_plot(study, table),
                figures_results.best_step_plot(study, view.trials),
            ],
            "",
            [
                figure_words.titled("budget", figure_words.budget_words(table, judged)),
                figure_words.titled("best steps", figure_words.best_step_words(judged)),
            ],
        )
