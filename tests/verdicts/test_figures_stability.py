"""Gradient norms against the step and as a histogram, of made-up and of real trials."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from labtui.analysis.gradients import judge_norms
from labtui.charts.plotext_text import to_text
from labtui.store.records import Curve
from labtui.verdicts.figure_words import above_words, clip_words, norm_words
from labtui.verdicts.figures_stability import (
    MOST_ABOVE,
    NAMED_OUTLIERS,
    NormPlots,
    above_plots,
    how_to_log,
    norm_curve,
    norm_histogram,
    norm_plots,
    norm_trials,
)
from labtui.verdicts.text import number
from tests.support.algoperf import ROOT, read_run


@pytest.fixture(scope="module")
def spiky():
    rng = np.random.default_rng(3)
    norms = np.exp(0.2 * rng.standard_normal(400))
    norms[[100, 150, 200, 250, 300]] = [40, 50, 60, 70, 80]
    norms[350] = math.nan
    return Curve(7, "grad_norm", tuple(range(1, 401)), tuple(norms.tolist()))


def test_outliers_are_points_and_the_largest_have_their_steps(spiky):
    spec = norm_curve("#7", spiky, judge_norms(spiky.steps, spiky.values))
    line, outliers, lost = spec.series
    assert list(line.x) == list(spiky.steps)
    assert sorted(outliers.x) == [101, 151, 201, 251, 301]
    assert outliers.label == "outliers: 5"
    steps = [mark.value for mark in spec.marks if mark.kind == "step"]
    assert len(steps) == NAMED_OUTLIERS
    assert steps == sorted(steps)
    assert 101 not in steps  # the smallest of them
    assert (list(lost.x), lost.role) == ([351], "infeasible")
    assert "step 301" in to_text(spec, 100, 20)


def test_the_percentile_is_marked_in_both(spiky):
    judged = judge_norms(spiky.steps, spiky.values)
    finite = [value for value in spiky.values if math.isfinite(value)]
    expected = pytest.approx(np.percentile(finite, 90))
    curve, histogram = norm_curve("", spiky, judged), norm_histogram("", spiky, judged)
    assert [m.value for m in curve.marks if m.axis == "y"] == [expected]
    assert [(m.axis, m.value) for m in histogram.marks] == [("x", expected)]


def test_the_histogram_holds_every_norm_in_bins_equal_in_the_logarithm(spiky):
    spec = norm_histogram("#7", spiky, judge_norms(spiky.steps, spiky.values))
    (bars,) = spec.series
    assert sum(bars.y) == 399
    assert np.ptp(np.diff(np.log10(bars.x))) < 1e-9
    assert spec.x.scale == "log"
    assert "399 steps, 1 not finite or zero left out" in spec.title


@pytest.mark.parametrize("values", [(), (math.nan,), (0.0, 0.0), (2.5,), (1.0,) * 50])
def test_norms_of_any_kind_are_drawn(values):
    curve = Curve(1, "grad_norm", tuple(range(len(values))), values)
    judged = judge_norms(curve.steps, curve.values)
    for spec in (norm_curve("a", curve, judged), norm_histogram("a", curve, judged)):
        assert len(to_text(spec, 60, 15).split("\n")) == 15


def test_the_best_of_each_arm_is_looked_at(lab):
    study, trials = lab.study("digits-optimizer"), lab.trials("digits-optimizer")
    chosen = norm_trials(study, trials)
    assert [t.arm for t in chosen] == ["optimizer=nesterov", "optimizer=adam"]
    plots = norm_plots(lab, chosen)
    assert [one.trial.id for one in plots] == [t.id for t in chosen]
    assert norm_plots(lab, chosen, metric="no such metric") == []


def test_real_norms():
    folder = next(path.parent for path in sorted(ROOT.rglob("measurements.csv")) if has_norms(path))
    run = read_run(folder)
    found = run.curves["grad_norm"]
    curve = Curve(1, "grad_norm", tuple(found.steps.tolist()), tuple(found.values.tolist()))
    judged = judge_norms(curve.steps, curve.values, run.last_step)
    spec = norm_histogram(run.trial, curve, judged)
    assert sum(spec.series[0].y) == int((np.isfinite(found.values) & (found.values > 0)).sum())
    assert spec.marks[0].value == pytest.approx(
        np.percentile(found.values[np.isfinite(found.values)], 90)
    )


def has_norms(path):
    with path.open() as stream:
        return "grad_norm" in stream.readline()


# -- just above the best rate ---------------------------------------------------------------


def of_arm(lab, arm):
    study, trials = lab.study("digits-optimizer"), lab.trials("digits-optimizer")
    (best,) = [one for one in norm_trials(study, trials) if one.arm == arm]
    return study, trials, best


def test_the_losses_above_the_best_rate_are_of_the_arm_and_near_in_all_else(lab):
    study, trials, best = of_arm(lab, "optimizer=adam")
    (above,) = above_plots(lab, study, trials, [best])
    low = best.params["learning_rate"]
    rates = [one.params["learning_rate"] for one, _ in above.judged]
    assert 1 <= len(rates) <= MOST_ABOVE
    assert rates == sorted(rates)
    assert all(low < rate <= 10 * low for rate in rates)
    assert {one.arm for one, _ in above.judged} == {"optimizer=adam"}

    def far(one):
        return abs(math.log(one.params["weight_decay"] / best.params["weight_decay"]))

    chosen = {one.id for one, _ in above.judged}
    others = [
        far(one)
        for one in trials
        if one.arm == best.arm
        and one.id not in chosen
        and low < one.params["learning_rate"] <= 10 * low
    ]
    assert not others or min(others) >= max(far(one) for one, _ in above.judged)


def test_each_curve_is_named_by_its_rate_and_what_became_of_it(lab):
    study, trials, best = of_arm(lab, "optimizer=nesterov")
    (above,) = above_plots(lab, study, trials, [best])
    lines = [one for one in above.spec.series if one.role == "line"]
    assert lines[0].label.split()[1] == "best"
    assert {one.label.split()[1] for one in lines[1:]} <= {"completed", "infeasible"}
    lost = [one for one in above.spec.series if one.role == "infeasible"]
    diverged = [loss.diverged for _, loss in above.judged if loss.diverged is not None]
    assert [list(one.x) for one in lost] == ([diverged] if diverged else [])


def test_a_best_rate_with_none_above_says_which_study_to_make(lab):
    study, trials, _ = of_arm(lab, "optimizer=adam")
    highest = max(trials, key=lambda one: (one.arm.endswith("adam"), one.params["learning_rate"]))
    (above,) = above_plots(lab, study, trials, [highest])
    assert not above.spec.series
    assert "labtui next digits-optimizer --kind dense-probe" in above.spec.empty
    assert above_words(above).sign == "?"


def test_trainers_are_told_apart_where_it_is_said_how_to_log(lab):
    study = lab.study("digits-optimizer")
    assert "trial.log(step" in how_to_log(study)
    spec = json.dumps({**study.spec, "trainer": {"name": "command"}})
    assert '{"step": …, "grad_norm": …}' in how_to_log(replace(study, spec_json=spec))
    imported = replace(study, provenance_json=json.dumps({"import": {}}))
    assert "column grad_norm" in how_to_log(imported)


def test_outliers_and_the_threshold_are_said_with_their_numbers(spiky, lab):
    trial = lab.trials("digits-optimizer")[0]
    judged = judge_norms(spiky.steps, spiky.values)
    drawn = norm_curve("#7", spiky, judged), norm_histogram("#7", spiky, judged)
    found = NormPlots(trial, *drawn, judged)
    assert norm_words(found).line.startswith("! 5 outliers, the largest ")
    assert "at step 301" in norm_words(found).text
    assert number(judged.threshold) in clip_words(found).text
    few = judge_norms((1, 2), (1.0, 2.0))
    assert norm_words(NormPlots(trial, *drawn, few)).sign == "?"
