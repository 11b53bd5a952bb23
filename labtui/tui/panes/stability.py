"""Whether training is stable: the norm of the gradient, and the loss just above the best rate."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from labtui.tui.feeds import StudyView
from labtui.tui.judging import ended
from labtui.tui.panes.base import ChartPane, Drawn

if TYPE_CHECKING:
    from labtui.store.lab import Lab


class StabilityPane(ChartPane):
    """Of the best trial of each arm: its gradient norms, and the losses of those above its rate."""

    name_of_pane = "stability"

    def stamp(self, view: StudyView) -> Hashable:
        """The ended trials."""
        return ended(view)

    def describe(self, lab: Lab, view: StudyView) -> Drawn:
        """Describe the figures, trial by trial, and say what each shows (P37, P38, P41)."""
        from labtui.verdicts import figure_words, gallery
        from labtui.verdicts import figures_stability as stability

        titled = figure_words.titled
        study, trials = view.study, view.trials
        best = stability.norm_trials(study, trials)
        if not best:
            return Drawn([gallery.NOT_TRAINED])
        norms = {one.trial.id: one for one in stability.norm_plots(lab, best)}
        specs, words = [], []
        for above in stability.above_plots(lab, study, trials, best):
            name = f"#{above.best.number}"
            if (found := norms.get(above.best.id)) is not None:
                specs += [found.curve, found.histogram]
                words.append(titled(f"{name} norms", figure_words.norm_words(found)))
                words.append(titled(f"{name} clipping", figure_words.clip_words(found)))
            specs.append(above.spec)
            words.append(titled(f"{name} above", figure_words.above_words(above)))
        if not norms:
            specs.append(gallery.no_norms(study))
            words.append(figure_words.Words("cannot judge: no gradient norm was logged", "?"))
        return Drawn(specs, "", words)
