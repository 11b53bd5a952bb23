"""The order of arms from reruns, on made ones whose truth is known; the spread of reruns."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.arms import World, rates, study, wrong
from labtui.analysis.luck import Known, judge_luck
from labtui.analysis.rerun_order import ArmReruns, order_of_reruns
from labtui.analysis.sampling import judge_sampling
from labtui.analysis.spread import chi_square_quantile, deviation_interval, spread
from tests.analysis.made_tables import LINEAR, table

RNG = np.random.default_rng(5)


def arm(name, mean, *, noise=1.0, configurations=3, reruns=3, selected=0.0):
    values = mean + noise * RNG.standard_normal((configurations, reruns))
    trials = tuple(f"s/{name}{i}" for i in range(configurations))
    return ArmReruns(name, trials, values, np.full(configurations, selected))


def order(*arms):
    found = order_of_reruns(arms)
    assert found is not None
    return found


def share_wrong(world, studies):
    rng = np.random.default_rng(1)
    found = 0
    for _ in range(studies):
        reruns, _, true = study(world, rng)
        found += wrong(order(*reruns), true)
    return found / studies


@pytest.mark.parametrize(
    "world",
    [World("", arms=2), World("", arms=3, seeds=0.7), World("", seeds=1.0), World("", surface=10)],
)
def test_equal_arms_are_called_ordered_in_few_studies(world):
    assert share_wrong(world, 250) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 250)


def test_a_lead_of_two_deviations_is_seen_and_more_reruns_show_it_better():
    _, three, _ = rates(World("", lead=2), 60)
    _, five, beyond = rates(World("", lead=2, reruns=5), 60)
    assert three >= 0.6
    assert five >= 0.95
    assert beyond >= 0.8


def test_other_searches_could_have_found_what_only_these_configurations_show():
    """Each arm drew points of its own from one wide surface: the better draw is no better arm."""
    false, supported, beyond = rates(World("", surface=100, shared=False, reruns=3), 60)
    assert false == 0
    assert supported > 0.5
    assert beyond <= 0.1


def test_a_supported_order_has_an_interval_without_nothing():
    found = order(arm("a", 10.0), arm("b", 0.0), arm("c", 4.0))
    assert [one.arm for one in found.arms] == ["b", "c", "a"]
    assert [one.other for one in found.pairs] == ["c", "a"]
    assert found.supported
    assert found.beyond_search is None  # no search was given
    for one in found.pairs:
        assert one.low < one.difference < one.high
        assert (one.low > 0) == (one.p < 0.05)


def test_what_shares_a_seed_shares_its_luck():
    """Nine reruns an arm, but three seeds: only these count where they move all alike."""
    shift = np.array([-1.0, 0.0, 1.0])
    ours, theirs = (
        ArmReruns(name, ("1", "2", "3"), np.tile(row, (3, 1)), np.zeros(3))
        for name, row in (("a", shift), ("b", 1.5 - 3 * shift))
    )
    found = order(ours, theirs)
    assert found.pairs[0].error == pytest.approx(4 / math.sqrt(3))
    assert not found.supported


def test_holm_lets_the_far_arm_go_and_keeps_the_near_one_open():
    still = np.array([[-0.5, 0.0, 0.5]] * 3)
    arms = [
        ArmReruns(n, ("1", "2", "3"), m + still * [[1], [-1], [1]], np.zeros(3))
        for n, m in (("a", 0.0), ("b", 0.3), ("c", 9.0))
    ]
    found = order(*arms)
    assert [one.supported for one in found.pairs] == [False, True]
    assert not found.supported


def test_a_trainer_without_chance_is_said_and_not_divided_by():
    found = order(arm("a", 0.5, noise=0.0), arm("b", 0.1, noise=0.0))
    assert found.deterministic
    assert found.supported
    assert (found.pairs[0].error, found.pairs[0].p) == (0.0, 0.0)
    same = order(arm("a", 0.1, noise=0.0), arm("b", 0.1, noise=0.0))
    assert not same.supported
    assert same.pairs[0].p == 1.0


def test_an_arm_that_fails_to_train_more_often_is_held_back():
    broken = arm("a", 0.0, noise=0.1)
    broken.values[0, 1] = np.nan
    found = order(broken, arm("b", 9.0, noise=0.1))
    assert found.pairs[0].supported
    assert not found.supported
    assert found.held == "a could not be trained in 1 of 9 reruns, b in 0 of 9"
    whole = order(arm("a", 0.0, noise=0.1), broken := arm("b", 9.0, noise=0.1))
    assert whole.supported
    broken.values[:2] = np.inf
    assert order(arm("a", 0.0, noise=0.1), broken).supported


def test_arms_of_which_nothing_can_be_trained_come_last():
    dead = ArmReruns("a", ("1",), np.full((1, 3), np.nan), np.zeros(1))
    found = order(dead, arm("b", 1.0), arm("c", 99.0))
    assert [one.arm for one in found.arms] == ["b", "c", "a"]
    assert [one.other for one in found.pairs] == ["c"]
    alone = order(dead, arm("b", 1.0))
    assert alone.held
    assert not alone.supported


def test_too_few_reruns_or_arms_say_nothing():
    assert order_of_reruns([arm("a", 0.0)]) is None
    assert order_of_reruns([arm("a", 0.0, reruns=1), arm("b", 9.0, reruns=1)]) is None


def test_the_winners_curse_is_what_the_search_promised_more():
    found = order(arm("a", 5.0, noise=0.0, selected=4.0), arm("b", 9.0, noise=0.0, selected=9.5))
    assert [one.flattered for one in found.arms] == [1.0, -0.5]


# -- the spread of reruns -------------------------------------------------------------------


def test_chi_square_is_that_of_the_tables():
    known = ((0.05, 4, 0.710723), (0.95, 4, 9.487729), (0.95, 1, 3.841459), (0.05, 30, 18.49266))
    for level, freedom, value in known:
        assert chi_square_quantile(level, freedom) == pytest.approx(value, rel=1e-6)


def test_the_interval_holds_the_deviation_as_often_as_it_says():
    rng = np.random.default_rng(2)
    found = [spread(rng.standard_normal(4)) for _ in range(2000)]
    inside = np.mean([one.low < 1 < one.high for one in found])
    assert inside == pytest.approx(0.90, abs=0.02)


def test_reruns_that_could_not_be_trained_are_counted_and_left_out():
    one = spread(np.array([1.0, np.nan, 3.0, np.inf, 1e101]))
    assert (one.reruns, one.infeasible, one.feasible, one.mean) == (5, 3, 2, 2.0)
    assert one.deviation == pytest.approx(math.sqrt(2))
    assert (one.least, one.most) == (1.0, 3.0)
    nothing = spread(np.array([np.nan]))
    assert (nothing.mean, nothing.deviation) == (None, None)
    assert spread(np.array([2.0])).deviation is None


@given(st.floats(-1e99, 1e99), st.integers(2, 9))
def test_equal_reruns_deviate_by_nothing(value, reruns):
    one = spread(np.full(reruns, value))
    assert (one.deviation, one.low, one.high) == (0.0, None, None)
    assert one.mean == value


def test_a_deviation_of_few_reruns_is_known_roughly():
    assert deviation_interval(1.0, 4) == pytest.approx((0.649, 2.372), abs=1e-3)
    assert deviation_interval(1.0, 2) == pytest.approx((0.578, 4.415), abs=1e-3)


# -- where a study has no reruns of its own -------------------------------------------------

KNOWN = Known(deviation=0.01, reruns=5, mean=0.12, trial="made/3", date="2026-01-02")


def test_the_workloads_deviation_stands_in_where_nothing_was_rerun():
    values = np.linspace(0.1, 0.9, 30)
    (one,) = [o for o in judge_luck(table(values), KNOWN) if o.code == "search-luck"]
    assert one.evidence["retrain_deviation"] == 0.01
    assert "reruns of made/3 on 2026-01-02 deviate by 0.01 (5 reruns)" in one.message
    (none,) = [o for o in judge_luck(table(values)) if o.code == "search-luck"]
    assert "retrain_deviation" not in none.evidence
    assert "`labtui rerun made/0`" in none.advice
    own = table([*values, 0.1, 0.3], configurations=(*range(30), 0, 0))
    (kept,) = [o for o in judge_luck(own, KNOWN) if o.code == "search-luck"]
    assert kept.evidence["retrain_deviation"] == pytest.approx(np.std([0.1, 0.1, 0.3], ddof=1))


def test_a_workload_without_chance_is_said_and_gives_no_ratio():
    still = Known(deviation=0.0, reruns=5, mean=0.1, trial="made/3", date="2026-01-02")
    (one,) = [o for o in judge_luck(table(np.linspace(0, 1, 9)), still) if o.code == "search-luck"]
    assert "are all equal (5 reruns): training leaves nothing to chance" in one.message
    assert "ratio" not in one.evidence


def test_replicas_tell_how_the_best_varies():
    bests = np.array([0.1, 0.3, 0.2])
    found = judge_luck(table(np.linspace(0.1, 0.9, 30)), KNOWN, bests)
    (one,) = [o for o in found if o.code == "search-luck"]
    assert one.evidence["study_deviation"] == pytest.approx(0.1)
    assert one.evidence["studies"] == 3
    assert one.severity == "warning"
    assert "The bests of 3 searches deviate by 0.1 (resampling this one says" in one.message


def test_the_good_region_is_as_wide_as_the_workloads_deviation():
    params = [{f"h{i}": (7 * n * (i + 1)) % 30 / 30 for i in range(3)} for n in range(30)]
    axes = [(f"h{i}", LINEAR) for i in range(3)]
    values = [0.1, 0.105, *np.linspace(0.5, 0.9, 28)]
    (one,) = judge_sampling(table(values, params, axes), known=KNOWN)
    assert one.evidence["good_points"] == 2
    assert one.evidence["retrain_deviation"] == 0.01
    assert "within one retrain deviation of the best (that of made/3, 2026-01-02)" in one.message
    assert one.evidence["rerun_date"] == "2026-01-02"
    wide = Known(deviation=0.9, reruns=5, mean=0.1, trial="made/3", date="2026-01-02")
    assert judge_sampling(table(values, params, axes), known=wide) == []


def test_asking_for_more_until_an_order_is_supported_finds_none_among_equal_arms():
    random = np.random.default_rng(5)
    ordered = 0
    for _ in range(200):
        values = [random.normal(size=(3, 24)) for _ in range(2)]
        ordered += any(
            order_of_reruns(
                [
                    ArmReruns(name, ("s/1", "s/2", "s/3"), found[:, :seeds], np.zeros(3))
                    for name, found in zip("ab", values, strict=True)
                ]
            ).supported
            for seeds in (3, 6, 12, 24)
        )
    assert ordered <= 8  # of 200; at 0.05 throughout 15
