"""All figures of a study by kind, and what a person can choose of them."""

import dataclasses

import pytest

from labtui.analysis.findings import finding
from labtui.charts.plotext_text import to_text
from labtui.charts.raster import render
from labtui.store.errors import UnknownName
from labtui.verdicts.figures import axis_plots, why_empty
from labtui.verdicts.gallery import KINDS, Choice, all_figures, figures_of

NAME = "digits-optimizer"


@pytest.fixture
def study(lab):
    return lab.study(NAME)


@pytest.fixture
def trials(lab):
    return lab.trials(NAME)


def test_every_kind_is_there_and_drawn(lab, study, trials):
    figures = all_figures(lab, study, trials)
    assert tuple(dict.fromkeys(one.kind for one in figures)) == KINDS
    assert len({(one.kind, one.name) for one in figures}) == len(figures)
    for one in figures:
        assert any(len(series.x) for series in one.spec.series), one.name
        assert len(to_text(one.spec, 80, 18).split("\n")) == 18
        assert render(one.spec, 80, 20).plot is not None


def test_a_study_that_has_just_begun_has_every_kind_too(lab):
    study = lab.study("second")
    none = [
        dataclasses.replace(t, state="queued", step=0, best_value=None)
        for t in lab.trials("second")
    ]
    for one in all_figures(lab, study, none):
        assert one.spec.empty or any(len(s.x) for s in one.spec.series)
        render(one.spec, 60, 15)


def test_all_curves_are_dimmed_but_the_best_of_each_arm(lab, study, trials):
    for figure in figures_of(lab, study, trials, "curves", Choice(all_curves=True)):
        bright = [s for s in figure.spec.series if s.emphasis]
        dimmed = {s.key for s in figure.spec.series if not s.emphasis}
        assert len(bright) == 2
        assert all(s.label for s in bright)
        assert figure.spec.series[-2:] == tuple(bright)
        assert {t.id for t in trials} == dimmed | {s.key for s in bright}


def test_a_hyperparameter_is_chosen_by_name(lab, study, trials):
    chosen = Choice(hyperparameter="learning_rate")
    axis = figures_of(lab, study, trials, "axis", chosen, findings=())
    assert [one.name for one in axis] == [
        "learning_rate (optimizer=nesterov)",
        "learning_rate (optimizer=adam)",
    ]
    assert len(figures_of(lab, study, trials, "isolation", chosen)) == 2
    for kind in ("axis", "isolation"):
        with pytest.raises(UnknownName, match="did you mean 'learning_rate'"):
            figures_of(lab, study, trials, kind, Choice(hyperparameter="lerning_rate"))


def test_chosen_trials_have_their_norms_drawn(lab, study, trials):
    figures = figures_of(lab, study, trials, "grad-norm", Choice(trials=trials[3:5]))
    assert [one.name for one in figures] == [
        "trial 3",
        "trial 3 histogram",
        "trial 4",
        "trial 4 histogram",
    ]
    (empty,) = figures_of(lab, study, trials, "grad-norm", Choice(trials=[]))
    assert empty.spec.empty == "no trial has been evaluated yet"


def test_a_proposed_range_is_drawn_beside_the_bounds(lab, study, trials):
    found = finding(
        "search-boundary",
        "alert",
        "the best are at the upper end",
        "widen",
        subject={"hyperparameter": "learning_rate", "condition": "optimizer=adam", "side": "high"},
        evidence={"proposed_range": [1e-5, 1.0]},
    )
    nothing = dataclasses.replace(found, evidence={"proposed_range": None})
    specs = axis_plots(study, trials, lab.hyperparameters(NAME), [found, nothing])
    proposals = [
        (spec.title, m.value) for spec in specs for m in spec.marks if m.kind == "proposal"
    ]
    assert proposals == [("learning_rate (optimizer=adam)", 1.0)]
    assert "proposed 1" in to_text(specs[1], 80, 18)


def test_a_proposal_for_one_minus_x_is_drawn_as_the_axis_is(study):
    momentum = {
        "name": "momentum",
        "role": "nuisance",
        "scale": "log",
        "one_minus": True,
        "range": [0.5, 0.9],
    }
    found = finding(
        "search-boundary",
        "alert",
        "the best are at the upper end",
        "widen",
        subject={"hyperparameter": "momentum", "side": "high"},
        evidence={"proposed_range": [0.5, 0.99]},
    )
    (spec,) = axis_plots(study, [], [momentum], [found])
    (mark,) = [m for m in spec.marks if m.kind == "proposal"]
    assert mark.value == pytest.approx(0.01)
    assert mark.label == "proposed 0.99"


def test_curves_say_why_they_will_never_come(lab, study, monkeypatch):
    assert "no points yet" in why_empty(lab, lab.study("second"))
    failed = [
        dataclasses.replace(t, state="failed", reason="the trainer raised ValueError")
        for t in lab.trials(NAME)
    ]
    monkeypatch.setattr(lab, "trials", lambda name: failed)
    said = why_empty(lab, study)
    assert "40 failed" in said
    assert "the trainer raised ValueError" in said
    assert "appear" not in said


def test_stability_says_when_nothing_has_trained_and_how_norms_are_logged(lab, study, trials):
    none = [dataclasses.replace(t, state="queued", step=0, best_value=None) for t in trials]
    for kind in ("stability", "grad-norm"):
        (one,) = figures_of(lab, study, none, kind)
        assert one.spec.empty == "no trial has been evaluated yet"
    bare = [dataclasses.replace(t, id=10_000 + t.id) for t in trials]  # none has any points
    (one,) = figures_of(lab, study, bare, "grad-norm")
    assert 'trial.log(step, {"grad_norm": …})' in one.spec.empty
