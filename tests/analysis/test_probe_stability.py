"""Signs of instability, on made curves with a known answer."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labtui.analysis.gradients import Norms, judge_norms
from labtui.analysis.rises import Curve, judge_curve
from labtui.analysis.stability import Run, Sweep, judge, judge_sweep, rates_above

STEPS = np.arange(1, 501)


def decay(noise=0.02, seed=0, size=500):
    random = np.random.default_rng(seed)
    steps = np.arange(1, size + 1)
    return 2.3 * np.exp(-steps / (0.16 * size)) + 0.1 + noise * random.standard_normal(size)


def bump(at, height, length):
    return np.where(at <= STEPS, height * np.exp(-(STEPS - at) / length), 0.0)


# -- curves -------------------------------------------------------------------------------------


def test_a_loss_that_falls_has_no_rise():
    found = judge_curve(STEPS, decay())
    assert (found.rises, found.diverged, found.unstable) == ((), None, False)


def test_an_early_blow_up_that_recovers_slowly():
    found = judge_curve(STEPS, decay() + bump(4, 3.0, 12.0))
    assert [rise.early for rise in found.rises] == [True]
    rise = found.rises[0]
    assert rise.start <= 4 <= rise.peak <= 7
    assert rise.high > 4
    assert 15 <= rise.recovered <= 60
    assert found.early


def test_a_later_blow_up():
    found = judge_curve(STEPS, decay() + bump(300, 1.0, 12.0))
    (rise,) = found.rises
    assert not rise.early
    assert 280 <= rise.start <= 300 <= rise.peak <= 305
    assert 315 <= rise.recovered <= 360


def test_two_blow_ups_are_two():
    losses = decay() + bump(200, 1.0, 8.0) + bump(350, 1.0, 8.0)
    assert [200 <= r.peak < 350 for r in judge_curve(STEPS, losses).rises] == [True, False]


def test_what_never_comes_back_is_not_recovered():
    losses = np.where(STEPS > 250, 2.3, decay())
    (rise,) = judge_curve(STEPS, losses).rises
    assert rise.recovered is None


def test_a_slow_rise_late_in_training_is_no_instability():
    losses = decay() + np.where(STEPS > 300, (STEPS - 300) / 400, 0.0)
    assert judge_curve(STEPS, losses).unstable is False


def test_one_hard_batch_is_no_instability():
    losses = decay()
    losses[[40, 200]] += 3
    assert judge_curve(STEPS, losses).unstable is False


def test_noise_is_rarely_taken_for_instability():
    alarms = 0
    for seed in range(200):
        factor = np.exp(0.3 * np.random.default_rng(seed).standard_normal(500))
        alarms += bool(judge_curve(STEPS, decay(0.0) * factor).rises)
    assert alarms <= 10


def test_a_loss_that_is_not_finite_has_diverged_early_or_later():
    losses = decay()
    losses[29:] = math.nan
    assert judge_curve(STEPS[:30], losses[:30]).diverged == 30
    assert judge_curve(STEPS[:30], losses[:30]).early
    losses = decay()
    losses[449] = math.inf
    found = judge_curve(STEPS, losses)
    assert (found.diverged, found.early, found.unstable) == (450, False, True)
    assert judge_curve(STEPS, losses, planned=10_000).early  # of what was planned, it is


def test_too_few_losses_cannot_be_judged_but_an_end_is_one():
    found = judge_curve([1, 2, 3], [3.0, 2.0, 1.0])
    assert found.unstable is None
    assert "3 finite losses" in found.unknown
    assert judge_curve([1, 2], [3.0, math.nan]).unstable
    assert judge_curve([], []).unstable is None


finite = st.floats(-1e6, 1e6)


@settings(max_examples=60)
@given(st.lists(st.one_of(finite, st.just(math.nan), st.just(math.inf)), max_size=80))
def test_any_curve(losses):
    found = judge_curve(range(1, len(losses) + 1), losses)
    last = 0
    for rise in found.rises:
        assert last <= rise.peak
        assert rise.start <= rise.peak
        assert rise.low < rise.high
        assert rise.recovered is None or rise.recovered > rise.peak
        last = rise.recovered or len(losses)


@settings(max_examples=30)
@given(st.lists(st.floats(0.01, 1e3), min_size=8, max_size=60), st.sampled_from([2.0**-9, 2.0**9]))
def test_the_unit_of_the_loss_does_not_matter(losses, unit):
    steps = range(1, len(losses) + 1)
    one, other = judge_curve(steps, losses), judge_curve(steps, [unit * loss for loss in losses])
    assert [(r.start, r.peak) for r in one.rises] == [(r.start, r.peak) for r in other.rises]


# -- sweeps -------------------------------------------------------------------------------------


def run(rate, value=None, diverged=False, losses=()):
    return Run(rate, diverged, value, tuple(range(1, len(losses) + 1)), tuple(losses))


def test_the_best_rate_beside_one_that_diverges_is_at_the_edge():
    runs = [run(0.1, 0.5), run(0.2, 0.3), run(0.4, diverged=True), run(0.8, diverged=True)]
    found = judge_sweep(runs)
    assert (found.best, found.value, found.first_bad) == (0.2, 0.3, 0.4)
    assert found.at_edge
    assert judge_sweep(reversed(runs)) == found


def test_the_best_rate_far_from_the_edge():
    found = judge_sweep([run(0.01, 0.3), run(0.1, 0.4), run(1.0, diverged=True)])
    assert (found.best, found.end, found.at_edge) == (0.01, "lowest", False)
    assert "1, 1e+02 times" in found.reason


def test_without_failures_the_edge_cannot_be_judged():
    found = judge_sweep([run(0.1, 0.5), run(0.2, 0.3)])
    assert found.at_edge is None
    assert found.end == "highest"
    assert "does not reach" in found.reason


def test_where_no_rate_separates_the_edge_cannot_be_judged():
    runs = [run(0.1, 0.1), run(0.2, diverged=True), run(0.4, 0.3), run(0.8, diverged=True)]
    found = judge_sweep(runs)
    assert found.at_edge is None
    assert "no rate separates" in found.reason


def test_rates_that_learn_nothing_are_beyond_the_edge_too():
    by_chance = [run(0.1, 0.1), run(0.2, 2.29)]
    assert judge_sweep(by_chance, chance=2.3).bad == (0.2,)
    assert judge_sweep(by_chance).bad == ()
    falling, flat, up = np.linspace(2.3, 0.1, 50), np.full(50, 2.3), np.linspace(2.3, 1e9, 50)
    runs = [run(0.1, 0.1, losses=falling), run(0.2, 0.2, losses=flat), run(0.4, 0.3, losses=up)]
    assert judge_sweep(runs).bad == (0.2, 0.4)


def test_a_low_rate_that_learned_nothing_yet_is_not_beyond_the_edge():
    runs = [run(1e-4, 2.29), run(0.1, 0.1), run(1.0, diverged=True)]
    assert judge_sweep(runs, chance=2.3).bad == (1.0,)


def test_a_sweep_without_any_result_cannot_be_judged():
    found = judge_sweep([run(1.0, diverged=True)])
    assert (found.best, found.at_edge) == (None, None)


def test_rates_just_above_the_best():
    runs = [run(rate, 1.0) for rate in (0.9, 0.1, 0.3, 1.0, 1.1)]
    assert [r.rate for r in rates_above(runs, 0.1)] == [0.3, 0.9, 1.0]


# -- gradient norms -----------------------------------------------------------------------------


def norms(size=400, seed=3):
    return 2.0 * np.exp(0.2 * np.random.default_rng(seed).standard_normal(size))


def test_outliers_of_the_norm_are_named_by_their_steps():
    values = norms()
    values[[99, 249, 349]] *= 30
    found = judge_norms(np.arange(1, 401), values)
    assert [step for step, _, _ in found.outliers] == [100, 250, 350]
    assert all(ratio > 5 for _, _, ratio in found.outliers)
    assert found.are_a_sign
    assert found.threshold == pytest.approx(np.percentile(values, 90))


def test_large_norms_at_the_start_are_none_and_two_are_no_sign():
    values = norms()
    values[:10] *= 1000
    assert judge_norms(np.arange(1, 401), values).outliers == ()
    values[[99, 249]] *= 30
    assert judge_norms(np.arange(1, 401), values).are_a_sign is False


def test_few_norms_and_those_that_are_not_finite():
    assert judge_norms([], []).are_a_sign is None
    found = judge_norms(np.arange(1, 21), norms(20))
    assert "18 gradient norms; 30" in found.unknown
    values = norms()
    values[100] = math.inf
    assert judge_norms(np.arange(1, 401), values).outliers == ()


# -- the verdict --------------------------------------------------------------------------------

STEADY, UNKNOWN = Curve(), Curve(unknown="it was not logged")
RISING = judge_curve(STEPS, decay() + bump(4, 3.0, 12.0))
CALM = Norms()
INSIDE = Sweep(0.1, 0.3, (3.0,), "", False, "")
EDGE = Sweep(0.1, 0.3, (0.2,), "", True, "")


def test_nothing_seen_is_no_instability():
    found = judge(INSIDE, [(0.2, STEADY), (0.4, STEADY)], STEADY, CALM)
    assert (found.unstable, found.signs, found.unknown, found.rate) == (False, (), (), None)


def test_a_rise_just_above_the_best_rate_is_a_sign_and_one_far_above_is_not():
    found = judge(INSIDE, [(0.2, STEADY), (0.5, RISING)], STEADY, CALM)
    assert (found.unstable, found.signs, found.rate, found.when) == (
        True,
        ("curves",),
        0.5,
        "early",
    )
    assert not judge(INSIDE, [(0.2, STEADY), (0.9, RISING)], STEADY, CALM).unstable


def test_the_edge_and_the_dense_run_are_signs_and_the_lowest_rate_is_named():
    found = judge(EDGE, [(0.2, Curve(diverged=400, early=False))], RISING, CALM)
    assert found.signs == ("edge", "curves", "dense")
    assert (found.rate, found.when) == (0.2, "early")
    later = judge(EDGE, [(0.2, Curve(diverged=400, early=False))], STEADY, CALM)
    assert later.when == "mid-training"


def test_outliers_of_the_norm_alone_are_no_instability():
    wild = Norms(tuple((step, 9.0, 9.0) for step in (50, 60, 70)), 1.0)
    found = judge(INSIDE, [(0.2, STEADY)], STEADY, wild)
    assert (found.unstable, found.signs) == (False, ("norms",))


def test_what_cannot_be_judged_is_said():
    found = judge(INSIDE, [], UNKNOWN, Norms(unknown="none"))
    assert (found.unstable, found.unknown) == (None, ("curves", "dense", "norms"))
    nothing = judge_sweep([])
    assert judge(nothing, [], UNKNOWN, CALM).unstable is None
