"""Figures: which trials, which axes, which marks."""

import dataclasses
import math

import numpy as np
import pytest

from labtui.analysis.findings import finding
from labtui.charts.raster import render
from labtui.verdicts.figures import axis_plot, axis_plots, best_trials, curves, varied


@pytest.fixture
def study(lab):
    return lab.study("digits-optimizer")


@pytest.fixture
def trials(lab):
    return lab.trials("digits-optimizer")


def test_best_trials_of_each_arm(study, trials):
    chosen = best_trials(study, trials, 2)
    assert [t.arm for t in chosen] == ["optimizer=nesterov"] * 2 + ["optimizer=adam"] * 2
    assert chosen[0].value <= chosen[1].value
    assert all(t.state == "completed" for t in chosen)
    overall = best_trials(study, trials, 3, per_arm=False)
    completed = [t.value for t in trials if t.state == "completed"]
    assert [t.value for t in overall] == sorted(completed)[:3]


def test_an_arm_without_completed_trials_shows_the_others(study, trials):
    live = [dataclasses.replace(t, state="running") for t in trials[:6]]
    queued = dataclasses.replace(trials[7], state="queued", step=0, best_value=None)
    chosen = best_trials(study, [*live, queued], 9)
    assert {t.id for t in chosen} == {t.id for t in live}


def test_curves_show_objective_and_loss_with_their_training_twins(lab, study, trials):
    best = best_trials(study, trials, 2)
    error, loss = curves(lab, study, best)
    assert error.title == "validation/error_rate"
    assert loss.title == "loss: validation (bright), train (dimmed)"
    assert [s.key for s in error.series] == [t.id for t in best]
    bright = [s for s in loss.series if s.emphasis]
    dimmed = [s for s in loss.series if not s.emphasis]
    assert [s.key for s in bright] == [s.key for s in dimmed] == [t.id for t in best]
    assert [s.label for s in dimmed] == [""] * 4
    assert bright[0].label == f"#{best[0].number} {best[0].arm}"
    assert loss.series[-len(bright) :] == tuple(bright)


def test_curves_are_limited_to_the_best(lab, study, trials):
    (spec,) = curves(lab, study, trials, metrics=["validation/error_rate"], limit=3)
    assert [s.key for s in spec.series] == [
        t.id for t in best_trials(study, trials, 3, per_arm=False)
    ]


def test_one_trial_marks_the_step_that_is_selected(lab, study, trials):
    specs = curves(lab, study, trials[:1])
    assert [(m.axis, m.value, m.kind) for m in specs[0].marks] == [
        ("x", trials[0].best_step, "best")
    ]
    assert specs[1].marks == ()


def test_losses_far_apart_are_drawn_on_a_log_axis(lab, study, trials, monkeypatch):
    assert curves(lab, study, trials[:2])[1].y.scale == "linear"
    original = type(lab).curves

    def steep(self, ids, metric):
        found = original(self, ids, metric)
        return [dataclasses.replace(c, values=tuple(v**4 for v in c.values)) for c in found]

    monkeypatch.setattr(type(lab), "curves", steep)
    error, loss = curves(lab, study, trials[:2])
    assert (error.y.scale, loss.y.scale) == ("linear", "log")


def test_curves_of_nothing(lab, study):
    (error, loss) = curves(lab, study, [])
    assert error.series == loss.series == ()
    assert error.empty


def test_an_axis_plot_for_each_varied_definition(lab, study, trials):
    definitions = lab.hyperparameters(study.name)
    specs = axis_plots(study, trials, definitions)
    assert [spec.title for spec in specs] == [
        "learning_rate (optimizer=nesterov)",
        "learning_rate (optimizer=adam)",
        "weight_decay",
        "optimizer",
    ]
    assert len(varied(definitions)) == len(specs)


def test_conditional_hyperparameters_are_different_ones(lab, study, trials):
    nesterov, adam, decay, _ = axis_plots(study, trials, lab.hyperparameters(study.name))
    assert [s.label for s in nesterov.series] == ["optimizer=nesterov", "best", "infeasible"]
    assert [s.label for s in adam.series] == ["optimizer=adam", "best", "infeasible"]
    assert [s.label for s in decay.series][:2] == ["optimizer=nesterov", "optimizer=adam"]
    assert [m.value for m in nesterov.marks] == [1e-3, 10.0]
    assert [m.value for m in adam.marks] == [1e-5, 0.1]
    assert nesterov.x.scale == "log"
    assert nesterov.y.label == "validation/error_rate (best over training)"


def test_an_axis_plot_has_a_point_a_trial(lab, study, trials):
    decay = axis_plots(study, trials, lab.hyperparameters(study.name))[2]
    crosses = decay.series[-1]
    assert crosses.role == "infeasible"
    assert sum(len(s.x) for s in decay.series if s.key != "best") == len(trials)
    assert len(crosses.x) == sum(t.state in ("infeasible", "failed") for t in trials)
    assert np.isnan(crosses.y).all()
    assert all(math.isfinite(y) for s in decay.series[:-1] for y in s.y)


def test_categories_are_places_on_the_axis(lab, study, trials):
    optimizer = axis_plots(study, trials, lab.hyperparameters(study.name))[3]
    assert optimizer.x.categories == ("nesterov", "adam")
    assert set(optimizer.series[0].x) == {0.0}
    assert set(optimizer.series[1].x) == {1.0}


def test_one_minus_is_drawn_as_one_minus_x(study, trials):
    momentum = {
        "name": "momentum",
        "role": "nuisance",
        "scale": "log",
        "one_minus": True,
        "range": [0.5, 0.999],
    }
    trial = dataclasses.replace(trials[0], params_json='{"momentum": 0.9}', state="completed")
    spec = axis_plot(study, [trial], momentum)
    assert (spec.x.label, spec.x.scale) == ("1 - momentum", "log")
    assert list(spec.series[0].x) == [pytest.approx(0.1)]
    assert [m.value for m in spec.marks] == [pytest.approx(0.001), 0.5]


def test_values_are_matched_as_a_study_file_means_them(study, trials):
    flag = {"name": "flag", "role": "nuisance", "values": [1, True, "x"]}
    found = []
    for params in ('{"flag": true}', '{"flag": 1.0}', '{"flag": "y"}', "{}"):
        trial = dataclasses.replace(trials[0], params_json=params, state="completed")
        found.append([x for s in axis_plot(study, [trial], flag).series[:1] for x in s.x])
    assert found == [[1.0], [0.0], [], []]


def test_maximized_objectives_have_their_worst_below(study, trials):
    up = dataclasses.replace(study, direction="maximize")
    definition = {"name": "weight_decay", "role": "nuisance", "range": [0, 1]}
    assert axis_plot(up, trials, definition).worst == "bottom"
    assert axis_plot(study, trials, definition).worst == "top"


def test_arms_are_told_apart_by_shape_and_the_best_stands_out(lab, study, trials):
    decay = axis_plots(study, trials, lab.hyperparameters(study.name))[2]
    arms = [s for s in decay.series if s.role == "points" and s.key != "best"]
    assert len({s.marker for s in arms}) == len(arms) == 2
    (best,) = [s for s in decay.series if s.key == "best"]
    found = min((t for t in trials if t.state == "completed"), key=lambda t: t.value)
    assert (list(best.x), list(best.y)) == ([found.params["weight_decay"]], [found.value])
    assert best.marker not in {s.marker for s in arms}
    grid = render(decay, 76, 18)
    text = "".join(part for row in range(grid.height) for part, _ in grid.runs(row))
    for one in (*arms, best):
        assert one.marker in text


def test_marked_trials_stand_out_also_where_they_are_infeasible(lab, study, trials):
    definitions = lab.hyperparameters(study.name)
    lost = next(t for t in trials if t.state == "infeasible")
    good = [t for t in trials if t.state == "completed"][:2]
    decay = axis_plots(study, trials, definitions, (), [*good, lost])[2]
    (marked,) = [s for s in decay.series if s.key == "marked"]
    assert list(marked.y) == [t.value for t in good]
    labels = {mark.label: mark.value for mark in decay.marks}
    assert labels[f"#{lost.number} ✗"] == lost.params["weight_decay"]
    assert not any(s.key == "marked" for s in axis_plots(study, trials, definitions)[2].series)


def test_a_proposed_range_is_shaded_beyond_the_bound_alone(lab, study, trials):
    subject = {"hyperparameter": "weight_decay"}
    for proposed, shaded in (([1e-6, 10.0], True), ([1e-6, 1e-3], False)):
        one = finding(
            "search-boundary", "alert", "m", "a", subject=subject,
            evidence={"proposed_range": proposed},
        )  # fmt: skip
        decay = axis_plots(study, trials, lab.hyperparameters(study.name), [one])[2]
        bands = [s for s in decay.series if s.role == "band"]
        assert bool(bands) == shaded
        assert [m.label for m in decay.marks if m.kind == "proposal"] == [
            f"proposed {10 if shaded else 0.001}"
        ]
        if shaded:
            assert bands[0].x[0] == 0.1
            assert 1.0 < bands[0].x[1] < 10.0
