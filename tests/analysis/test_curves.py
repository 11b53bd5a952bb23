"""The curve findings on real trials, each labelled by eye, and on curves with a known answer."""

import dataclasses
import functools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labtui.analysis.catalogue import CATALOGUE
from labtui.analysis.curves import judge_curves
from labtui.analysis.findings import Finding, NotJudged
from labtui.analysis.noise import residual_deviation
from labtui.analysis.runs import Curve, Run
from tests.support.algoperf import ROOT, read_run

CODES = {
    "overfitting",
    "late-variance",
    "still-improving",
    "saturated-early",
    "training-loss-rising",
    "periodic-validation",
}
OGBG = "external_tuning/baseline/study_0/ogbg_jax/trial_"
OGBG_AGAIN = "external_tuning/baseline/study_1/ogbg_jax/trial_"
VIT = "external_tuning/generalized_adam/study_0/imagenet_vit_jax/trial_"
PRODIGY = "external_tuning/schedule_free_prodigy/"
CONFORMER = "external_tuning/amos/study_1/librispeech_conformer_jax/trial_4"
DEEPSPEECH = "external_tuning/baseline/study_0/librispeech_deepspeech_jax/trial_1"


@functools.cache
def real(name):
    return read_run(ROOT / "algoperf_v05" / "logs" / name)


def run_of(values, *, train=None, steps=None, minimize=True, name="validation/loss", **more):
    steps = np.arange(len(values)) * 10 if steps is None else np.asarray(steps)
    curves = {name: Curve(steps.astype(np.int64), np.asarray(values, dtype=np.float64))}
    if train is not None:
        curves["train/loss"] = Curve(curves[name].steps, np.asarray(train, dtype=np.float64))
    given = {"state": "completed", "reason": "", "planned": int(steps[-1]), **more}
    return Run("s/1", "a", params={}, objective=name, minimize=minimize, curves=curves, **given)


def found(run):
    return {
        (one.code, one.evidence["of"]) if one.code == "overfitting" else one.code
        for one in judge_curves(run)
        if isinstance(one, Finding)
    }


def the(run, code):
    return next(one for one in judge_curves(run) if one.code == code)


def unknown(run):
    return {one.code for one in judge_curves(run) if isinstance(one, NotJudged)}


def falling(n=100, noise=0.0, rate=5.0):
    x = np.linspace(0, 1, n)
    return 1 + 2 * np.exp(-rate * x) + noise * np.random.default_rng(3).normal(size=n)


OF_LOSS, OF_METRIC = ("overfitting", "loss"), ("overfitting", "metric")


@pytest.mark.parametrize(
    ("name", "present", "absent"),
    [
        (OGBG + "1", {OF_LOSS}, {OF_METRIC, "still-improving", "training-loss-rising"}),
        (OGBG + "2", {OF_LOSS, OF_METRIC}, {"saturated-early", "still-improving"}),
        (OGBG + "3", {OF_LOSS}, {"late-variance", "still-improving"}),
        (OGBG + "4", {"still-improving"}, {OF_LOSS, OF_METRIC, "saturated-early"}),
        (OGBG_AGAIN + "2", {OF_LOSS, OF_METRIC}, {"late-variance"}),
        (OGBG_AGAIN + "4", {"still-improving"}, {OF_LOSS, OF_METRIC, "saturated-early"}),
        (VIT + "3", {"saturated-early"}, {"still-improving", OF_LOSS, OF_METRIC}),
        (VIT + "4", {"still-improving"}, {"saturated-early", "late-variance"}),
        (VIT + "5", {"still-improving"}, {"saturated-early", "training-loss-rising"}),
        (CONFORMER, {"saturated-early"}, {"still-improving", "late-variance"}),
        (DEEPSPEECH, set(), CODES - {"still-improving"}),
        (PRODIGY + "study_0/ogbg_pytorch/trial_4", set(), {OF_LOSS, "training-loss-rising"}),
        (PRODIGY + "study_1/ogbg_pytorch/trial_1", {"training-loss-rising"}, {OF_LOSS, OF_METRIC}),
        (PRODIGY + "study_1/ogbg_pytorch/trial_2", {"late-variance"}, {OF_LOSS, "saturated-early"}),
        (
            "external_tuning/lawa_ema/study_0/imagenet_vit_pytorch/trial_1",
            {"still-improving"},
            set(),
        ),
        ("self_tuning/adamg/study_0/ogbg_pytorch/trial_1", {"still-improving"}, {"late-variance"}),
    ],
)
def test_real_trials(name, present, absent):
    codes = found(real(name))
    assert present <= codes
    assert not absent & codes
    assert "periodic-validation" not in codes or "prodigy" in name


def test_a_diverged_real_trial_has_no_end_and_does_not_overfit():
    run = real(VIT + "1")
    assert found(run) <= {"training-loss-rising"}
    assert {"overfitting", "late-variance", "still-improving", "saturated-early"} <= unknown(run)


def test_too_few_evaluations_are_said():
    run = real("external_tuning/baseline/study_0/criteo1tb_jax/trial_1")
    assert unknown(run) == CODES - {"still-improving"}
    assert the(run, "overfitting").reason.startswith("6 evaluations")


def test_few_evaluations_each_better_than_the_one_before_still_improve():
    run = real("external_tuning/baseline/study_0/criteo1tb_jax/trial_2")
    assert found(run) == {"still-improving"}
    assert unknown(run) == CODES - {"still-improving"}
    assert unknown(dataclasses.replace(run, state="failed")) == CODES
    whole = run.curves["validation/loss"]
    values = whole.values.copy()
    values[[-3, -2]] = values[[-2, -3]]
    curves = {**run.curves, "validation/loss": Curve(whole.steps, values)}
    assert unknown(dataclasses.replace(run, curves=curves)) == CODES


def test_what_few_evaluations_cannot_show_is_not_told():
    assert "still-improving" in found(run_of([9, 6, 5, 4, 3, 2, 1]))
    assert not found(run_of([9, 5, 4, 3, 2, 1]))  # the first five may be the steep beginning
    assert not found(run_of([9, 6, 5, 4, 3.9, 4.1, 1]))
    assert not found(run_of([9, 6, 1.1, 1.08, 1.06, 1.04, 1.02]))  # 0.4 % of its way
    for values in ([1], [1, np.nan, np.nan], [np.nan] * 4):
        assert "still-improving" in unknown(run_of(values))


def test_the_last_evaluations_in_order_are_no_noise():
    noise = 0.3 * np.array([0, 1, -1, 1, -1, 1, 0, 0, 0, 0, 0])
    values = 2 - 0.12 * np.arange(11) + noise
    assert "still-improving" in found(run_of(values))
    values[[-5, -4]] = values[[-4, -5]]
    assert "still-improving" not in found(run_of(values))


def test_a_network_that_stays_at_chance_rises_little_and_surely():
    x = np.arange(50)
    stuck = 6.9 - 0.1 * np.exp(-(((x - 15) / 10) ** 2))  # learns 1.5 %, and forgets it
    assert "training-loss-rising" in found(run_of(stuck, train=stuck))
    wavers = 0.01 + np.exp(-3 * x) + 0.00008 * np.cos(x / 8)  # 1 % of its floor
    assert "training-loss-rising" not in found(run_of(wavers, train=wavers))
    less = 6.9 - 0.02 * np.exp(-(((x - 15) / 10) ** 2))
    assert "training-loss-rising" not in found(run_of(less, train=less))


def test_evidence_of_overfitting_is_what_the_curve_shows():
    run = real(OGBG + "2")
    both = [one for one in judge_curves(run) if one.code == "overfitting"]
    metric, loss = both
    assert metric.subject["metric"] == run.objective
    assert loss.subject["metric"] == "validation/loss"
    assert metric.advice != loss.advice
    best = run.evaluations()
    peak = int(best.steps[np.argmax(best.values)])
    assert abs(metric.evidence["best_step"] - peak) < 0.1 * run.last_step
    assert metric.evidence["end_value"] < 0.85 * metric.evidence["best_value"]
    assert loss.evidence["end_value"] > 1.3 * loss.evidence["best_value"]
    json.dumps([dict(one.evidence) for one in both], allow_nan=False)


def test_a_regularizer_under_study_changes_the_advice():
    run = real(OGBG + "2")
    plain, studied = (
        the(run, "overfitting"),
        the(dataclasses.replace(run, regularized=True), "overfitting"),
    )
    assert "regularizer" in plain.advice
    assert "this study compares" in studied.advice


def test_share_of_the_plan_is_told():
    run = real(OGBG + "4")
    share = the(run, "still-improving").evidence["trained_share_of_plan"]
    assert share == pytest.approx(57_700 / 80_000, abs=0.01)


@pytest.mark.parametrize("factor", [1e-6, 1e6])
@pytest.mark.parametrize(
    "name", [OGBG + "2", OGBG + "4", VIT + "3", PRODIGY + "study_1/ogbg_pytorch/trial_1", CONFORMER]
)
def test_units_make_no_difference(name, factor):
    run = real(name)
    curves = {k: Curve(c.steps * 7, c.values * factor) for k, c in run.curves.items()}
    assert found(dataclasses.replace(run, curves=curves)) == found(run)


def test_overfitting_needs_a_training_loss_that_falls():
    x = np.linspace(0, 1, 60)
    rises = 1 + 3 * np.exp(-12 * x) + x
    train = 0.1 + 2 * np.exp(-4 * x)
    assert OF_LOSS in found(run_of(rises, train=train))
    assert OF_LOSS not in found(run_of(rises, train=rises))
    assert OF_LOSS not in found(run_of(rises))
    assert "overfitting" in unknown(run_of(rises))
    assert "overfitting" not in unknown(run_of(falling(60)))


def test_batch_losses_between_evaluations_serve_as_training_loss():
    rng = np.random.default_rng(0)
    dense = np.arange(1, 3001)
    steps = np.arange(0, 3001, 50)
    noisy = 0.2 + 2 * np.exp(-dense / 700) + 0.3 * rng.normal(size=dense.size)
    run = run_of(1 + 3 * np.exp(-steps / 250) + steps / 3000, steps=steps)
    curves = {**run.curves, "train/loss": Curve(dense.astype(np.int64), noisy)}
    assert found(dataclasses.replace(run, curves=curves)) == {OF_LOSS}
    rising = Curve(dense.astype(np.int64), noisy[::-1].copy())
    codes = found(dataclasses.replace(run, curves={**run.curves, "train/loss": rising}))
    assert "training-loss-rising" in codes
    assert OF_LOSS not in codes


def test_the_end_of_a_curve():
    flat = np.concatenate([np.linspace(3, 1, 50), np.ones(50)])
    assert found(run_of(flat)) == {"saturated-early"}
    share = the(run_of(flat), "saturated-early").evidence["flat_share_of_steps"]
    assert share == pytest.approx(0.5, abs=0.03)
    assert found(run_of(np.linspace(3, 1, 100))) == {"still-improving"}
    assert found(run_of(np.linspace(1, 3, 100), minimize=False, name="validation/accuracy")) == {
        "still-improving"
    }
    assert found(run_of(np.full(100, 0.5))) == set()


def test_a_flat_curve_that_was_unsteady_before_is_flat_only_since():
    values = np.concatenate([np.linspace(3, 1, 30), np.full(10, 1.0), np.full(40, 2.0)])
    values = np.concatenate([values, np.full(20, 1.0)])
    assert "saturated-early" not in found(run_of(values))


def test_late_variance_is_neither_a_bend_nor_noise_before_it():
    rng = np.random.default_rng(1)
    noise = rng.normal(size=100)
    late = np.where(np.arange(100) > 75, noise, 0)
    assert "late-variance" in found(run_of(falling() + 0.3 * late))
    assert "late-variance" not in found(run_of(falling() + 0.3 * (noise - late)))
    bend = np.linspace(0, 1, 100) ** 12
    assert "late-variance" not in found(run_of(3 - 2 * bend))


def test_a_smooth_recovery_is_not_variance():
    values = falling()  # a restart: the loss goes up, and comes down again without noise
    values[80:] += 2 * np.exp(-np.arange(20) / 4)
    assert "late-variance" not in found(run_of(values))
    rough = values + 0.05 * np.random.default_rng(0).normal(size=100)
    assert "late-variance" in found(run_of(rough))


def test_a_network_that_never_learned_does_not_vary():
    noisy = 0.001 + 0.0003 * np.random.default_rng(0).random(100)
    chance = 6.9 - np.linspace(0, 0.05, 100)
    assert "late-variance" not in found(run_of(noisy, train=chance, minimize=False, name="a/top_1"))
    assert "late-variance" in found(run_of(noisy, train=falling(), minimize=False, name="a/top_1"))


def test_few_evaluations_that_fall_still_improve():
    noise = 0.01 * np.array([0, 1, -1, 1, 1, -1, 1, -1, 1, -1, 0])
    assert "still-improving" in found(run_of(np.linspace(3, 1, 11) + 5 * noise))
    assert "still-improving" not in found(run_of(falling(11, rate=40) + 5 * noise))


def test_what_recovers_from_a_collapse_still_improves():
    best_before = np.concatenate([np.linspace(3, 1, 30), np.linspace(2.9, 1.2, 70)])
    assert "still-improving" in found(run_of(best_before))


def test_what_just_fell_back_does_not_improve():
    run = real(PRODIGY + "study_1/ogbg_pytorch/trial_2")  # 0.15, then 0.065 at the end
    assert "still-improving" not in found(run)
    values = np.linspace(3, 1, 100)
    values[-2:] = 1.9
    assert "still-improving" not in found(run_of(values))


def test_a_curve_that_creeps_up_is_not_flat():
    assert "saturated-early" not in found(real(OGBG_AGAIN + "5"))
    assert "saturated-early" in found(real(OGBG_AGAIN + "3"))


def test_a_run_that_was_stopped_is_told_so():
    told = the(real(OGBG + "4"), "still-improving")
    assert "it was stopped at 71% of its plan" in told.message
    evaluations = real("external_tuning/lawa_ema/study_0/imagenet_vit_pytorch/trial_1")
    told = the(evaluations, "still-improving")  # its steps number evaluations, the plan steps
    assert "plan" not in told.message
    assert "trained_share_of_plan" not in told.evidence
    whole = the(run_of(np.linspace(3, 1, 100)), "still-improving")
    assert "stopped" not in whole.message


def test_overfitting_is_told_in_percent_of_the_best():
    told = the(real(OGBG + "2"), "overfitting").message
    assert "ends at 0.218, 17% below its best of 0.2622 (step 18764), while" in told


def test_a_rise_of_evaluations_alone_is_told():
    told = the(real(PRODIGY + "study_1/ogbg_pytorch/trial_1"), "training-loss-rising")
    assert told.severity == "warning"
    assert "the loss of single steps does not rise" in told.message
    assert "averaging" in told.advice
    assert told.evidence["step_loss_rises"] is False


def test_a_loss_that_was_not_finite_is_not_rising_as_well():
    up = 1 + 2 * np.exp(-10 * np.linspace(0, 1, 80)) + np.linspace(0, 2, 80)
    assert "training-loss-rising" in found(run_of(falling(80), train=up))
    up[-1] = np.nan
    assert "training-loss-rising" not in found(run_of(falling(80), train=up))


def test_late_variance_reports_an_isolated_dip_apart():
    values = falling(noise=0.04)
    values[90] += 2.0
    dip = the(run_of(values), "late-variance").evidence
    assert dip["largest_dip"] == pytest.approx(2.0, rel=0.1)
    assert dip["standard_deviation"] < 0.5


def test_training_loss_that_recovers_is_not_rising():
    x = np.linspace(0, 1, 80)
    up = 1 + 2 * np.exp(-10 * x) + 2 * np.clip(x - 0.4, 0, None)
    assert "training-loss-rising" in found(run_of(falling(80), train=up))
    back = 1 + 2 * np.exp(-10 * x) + 2 * np.exp(-(((x - 0.75) / 0.12) ** 2))
    assert "training-loss-rising" not in found(run_of(falling(80), train=back))


def test_a_collapse_is_not_overfitting_and_not_variance():
    x = np.linspace(0, 1, 100)
    loss = np.where(x < 0.6, 1 + 4 * np.exp(-8 * x), 5.0)
    run = run_of(loss, train=loss)
    assert found(run) == {"training-loss-rising"}
    assert {"late-variance", "still-improving", "saturated-early"} <= unknown(run)
    assert "collapsed at step 600" in the(run, "still-improving").reason


def test_values_after_nan_do_not_count():
    loss = falling(60)
    loss[40:] = np.nan
    accuracy = Curve(np.arange(60) * 10, np.concatenate([np.linspace(0, 0.8, 40), np.zeros(20)]))
    run = run_of(loss, train=loss)
    run = dataclasses.replace(
        run,
        objective="validation/accuracy",
        minimize=False,
        curves={**run.curves, "validation/accuracy": accuracy},
    )
    assert found(run) == set()
    assert "not finite" in the(run, "still-improving").reason


@pytest.mark.parametrize("state", ["infeasible", "failed", "running"])
def test_a_trial_that_broke_has_no_end(state):
    run = run_of(np.linspace(3, 1, 100), state=state)
    assert "still-improving" not in found(run)
    assert "still-improving" in unknown(run)


def test_a_loss_without_a_way_or_noise_of_its_own():
    step = np.concatenate([np.ones(40), np.full(40, 3.0)])
    rise = the(run_of(falling(80), train=step), "training-loss-rising").evidence
    assert np.isfinite(rise["rise_share_of_way"])
    assert OF_LOSS not in found(run_of(step, train=falling(80)))


def test_a_range_next_to_nothing_gives_finite_evidence():
    values = np.concatenate([np.full(75, 5e-324), [0.0], np.tile([0.0, 1.0], 12)])
    told = the(run_of(values), "late-variance").evidence
    assert np.isfinite(told["spread_share_of_range"])


def test_nothing_logged():
    run = Run("s/1", "", "failed", "", {}, "validation/loss", True, None, {})
    assert unknown(run) == CODES


NUMBERS = st.floats(width=64) | st.sampled_from([0.0, 1.0, 1e300, -1e300, 1e-310, 5.0])


@settings(max_examples=150, deadline=None)
@given(
    values=st.lists(NUMBERS, max_size=60),
    train=st.lists(NUMBERS, max_size=60),
    gaps=st.lists(st.integers(1, 10**9), min_size=60, max_size=60),
    first=st.integers(0, 5),
    minimize=st.booleans(),
)
def test_no_values_break_it(values, train, gaps, first, minimize):
    steps = first + np.cumsum([0, *gaps])
    curves = {
        "validation/score": Curve(steps[: len(values)], np.array(values, dtype=np.float64)),
        "validation/loss": Curve(steps[: len(train)], np.array(train[::-1], dtype=np.float64)),
        "train/loss": Curve(steps[: len(train)], np.array(train, dtype=np.float64)),
    }
    run = Run("s/1", "a", "completed", "", {}, "validation/score", minimize, 100, curves)
    outcomes = judge_curves(run)
    assert {CATALOGUE[one.code].group for one in outcomes} <= {"curves"}
    for one in outcomes:
        if isinstance(one, Finding):
            assert json.loads(json.dumps(dict(one.evidence), allow_nan=False))


@pytest.mark.parametrize("size", [1, 2, 7, 8, 9, 23, 24, 25, 1000, 10_000])
@pytest.mark.parametrize("kind", ["constant", "noise", "huge", "two values"])
def test_any_length(size, kind):
    rng = np.random.default_rng(size)
    values = {
        "constant": np.full(size, 0.1),
        "noise": rng.normal(size=size),
        "huge": 1e300 * rng.normal(size=size),
        "two values": rng.integers(0, 2, size).astype(np.float64),
    }[kind]
    codes = {one.code for one in judge_curves(run_of(values, train=values))}
    assert codes <= CODES
    if size <= 8:
        assert codes == CODES


@pytest.mark.parametrize("degree", [1, 2])
def test_residuals_are_those_of_a_fitted_polynomial(degree):
    rng = np.random.default_rng(degree)
    x, y = np.sort(rng.uniform(0.75, 1, 20)), rng.normal(size=20)
    rest = y - np.polyval(np.polyfit(x - x.mean(), y, degree), x - x.mean())
    expected = np.sqrt(rest @ rest / (20 - degree - 1))
    assert residual_deviation(x, y, degree) == pytest.approx(expected)


def test_a_run_at_chance_has_nothing_to_lose():
    wave = np.r_[np.linspace(0.975, 0.9583, 10), np.linspace(0.9583, 0.9722, 20)]
    train = np.linspace(2.4, 2.0, 30)
    made = {"train": train, "name": "validation/error_rate"}
    assert OF_METRIC in found(run_of(wave, **made))
    assert OF_METRIC not in found(run_of(wave, **made, chance=0.9, examples=360))
    assert OF_METRIC not in found(run_of(wave - 0.1, **made, chance=0.9, examples=360))  # luck
    assert OF_METRIC in found(run_of(wave - 0.5, **made, chance=0.9, examples=360))
