"""The figures of a study's page, each kind under a heading that says what to look for."""

from __future__ import annotations

from collections.abc import Sequence

from labtui.analysis.findings import Finding
from labtui.charts.spec import ChartSpec
from labtui.charts.svg import to_svg
from labtui.store.lab import Lab
from labtui.store.records import StudyRecord, TrialRecord
from labtui.verdicts.figures import best_trials
from labtui.verdicts.gallery import LAUNCH, Choice, figures_of, is_launched
from labtui.verdicts.html import Markup, markup, tag

SIZE = 460, 310
"""Of a figure, in pixels: letters stay legible where it is shrunk to the width of a telephone."""

MOST_CURVES = 100
"""Trials in the figure of all curves: of more, the best."""

LEADS = {
    "axis": "One point a trial. Best points at the edge of a range ask for a wider one (P14); ✗ is "
    "where training failed (P16).",
    "curves": "The best trials of each arm (P17): do they overfit (P18), vary from step to step "
    "(P19), still improve (P20), or stop early (P21)?",
    "isolation": "The best of each value after tuning everything else (P24).",
    "budget": "What a search of fewer trials would have found (P31).",
    "grad-norm": "Norms far above their surroundings speak for clipping (P38, P41).",
    "stability": "A training loss that goes up at rates just above the best one: it is instability "
    "that limits the rate (P37); try warmup, then clipping (P40, P41).",
    "best-step": "Best steps near the end ask for longer training, early ones for shorter (P33).",
    LAUNCH: "A point a fresh rerun; the candidate's mean has to get beyond the dashed line (P30). "
    "◦ is the value it was selected for, which does not count.",
}
HEADINGS = {
    "axis": "Search space",
    "curves": "Training curves",
    "isolation": "Isolation",
    "budget": "Budget",
    "grad-norm": "Gradient norms",
    "stability": "Just above the best rate",
    "best-step": "Best steps",
    LAUNCH: "Launches",
}


def figure_sections(
    lab: Lab, study: StudyRecord, trials: Sequence[TrialRecord], findings: Sequence[Finding]
) -> dict[str, Markup]:
    """Draw the figures of a study.

    Args:
        lab: Where the points are.
        study: The study.
        trials: All its trials.
        findings: What was found; proposed ranges are drawn.

    Returns:
        Heading → figures, in the order in which a study is read.
    """
    sections = {}
    for kind, heading in HEADINGS.items():
        if kind == LAUNCH and not is_launched(lab, study):
            continue
        specs = [one.spec for one in figures_of(lab, study, trials, kind, findings=findings)]
        content = markup(tag("p", LEADS[kind], class_="quiet"), _drawn(specs))
        if kind == "curves":
            content = markup(content, _all_curves(lab, study, trials))
        sections[heading] = content
    return sections


def _drawn(specs: Sequence[ChartSpec]) -> Markup:
    figures = [tag("figure", Markup(to_svg(spec, *SIZE))) for spec in specs]
    return tag("div", *figures, class_="figures")


def _all_curves(lab: Lab, study: StudyRecord, trials: Sequence[TrialRecord]) -> Markup:
    """The curves of all trials, the best of each arm bright: selection hides what went wrong."""
    shown, said = list(trials), "The best of each arm is bright."
    if len(shown) > MOST_CURVES:
        shown = best_trials(study, shown, MOST_CURVES, per_arm=False)
        said = f"The best {len(shown)} of {len(trials)}; the best of each arm is bright."
    choice = Choice(trials=shown, all_curves=True)
    specs = [one.spec for one in figures_of(lab, study, trials, "curves", choice)]
    return markup(tag("h3", "All trials"), tag("p", said, class_="quiet"), _drawn(specs))
