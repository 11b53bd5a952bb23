"""Launch decisions on made reruns: what is proven, the odd cases, and a small simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.launches import simulate
from labtui.analysis.decision import (
    ADOPT_LEVELS,
    CAUSES,
    GROUPS,
    REJECT_LEVELS,
    Least,
    beats_chance,
    decide,
    looks,
    side,
)

RNG = np.random.default_rng(3)
NOISE = RNG.standard_normal((2, 20))


def last(candidate, baseline, least=None):
    *_, look = looks(np.asarray(candidate, float), np.asarray(baseline, float), least)
    return look


def test_the_plan_spends_what_it_says():
    assert len(GROUPS) == len(ADOPT_LEVELS) == len(REJECT_LEVELS)
    assert sum(ADOPT_LEVELS) <= 0.05
    assert sum(REJECT_LEVELS) <= 0.10 + 1e-12
    assert math.comb(2 * GROUPS[0], GROUPS[0]) >= 1 / ADOPT_LEVELS[0]  # ranks can say so much


def test_equal_noise_is_not_adopted_more_often_than_planned():
    for noise in ("normal", "heavy skew", "coarse"):
        found = simulate(noise, (1, 1), 0.0, Least(), 80)
        assert found.adopt <= 0.05, noise  # 0.005 to 0.014 over 1,000


def test_a_gain_of_two_deviations_is_seen_within_ten_reruns():
    for noise, widths in (("normal", (1, 1)), ("normal", (2, 1)), ("skew", (1, 1)), ("t3", (2, 1))):
        found = simulate(noise, widths, 2.0, Least(), 50)
        assert found.early >= 0.85, noise  # 0.93 to 0.96 over 1,000
        assert (found.reject, found.undecided) == (0, 0)


def test_what_just_pays_is_adopted_rarely_and_a_loss_hardly_ever():
    assert simulate("normal", (1, 1), 0.5, Least(deviations=0.5), 80).adopt <= 0.05
    assert simulate("normal", (1, 1), -1.0, Least(deviations=-1.0), 60).adopt <= 0.05
    assert simulate("normal", (1, 1), 0.0, Least(deviations=-1.0), 60).adopt >= 0.45  # 0.62


def test_a_look_says_what_it_saw():
    look = decide(NOISE[0], NOISE[1] + 3, 2)
    assert (look.verdict, look.cause, look.candidate.reruns, look.following) == (
        "adopt",
        "gain",
        10,
        15,
    )
    assert look.gain == pytest.approx(3 + NOISE[1, :10].mean() - NOISE[0, :10].mean())
    assert look.low < look.gain < look.high
    deviations = [NOISE[i, :10].std(ddof=1) for i in (0, 1)]
    assert look.deviation == pytest.approx(math.sqrt(np.mean(np.square(deviations))))
    assert look.error == pytest.approx(look.deviation * math.sqrt(0.2))
    assert look.worth == pytest.approx(look.deviation)


def test_a_worse_candidate_is_rejected_and_an_unclear_one_ends_undecided():
    assert last(NOISE[0], NOISE[1] - 3).verdict == "reject"
    unclear = last(NOISE[0] - NOISE[0].mean(), NOISE[1] - NOISE[1].mean() + 0.6)
    assert (unclear.verdict, unclear.cause, unclear.following) == ("undecided", "unclear", None)


def test_a_named_least_gain_is_held_against_as_it_is():
    assert last(NOISE[0], NOISE[1] + 3, Least(absolute=1.0)).verdict == "adopt"
    assert last(NOISE[0], NOISE[1] + 3, Least(absolute=5.0)).verdict == "reject"


def test_a_candidate_that_fails_is_not_adopted_on_its_survivors():
    fails = np.where(np.arange(20) % 3 == 1, math.nan, NOISE[0])
    look = last(fails, NOISE[1] + 5)
    assert (look.verdict, look.cause) == ("reject", "fails")
    assert look.candidate.infeasible > look.baseline.infeasible == 0
    once = np.where(np.arange(20) == 2, math.inf, NOISE[0])
    held = last(once, NOISE[1] + 5)
    assert (held.verdict, held.cause) == ("undecided", "held-by-failures")
    assert last(once, np.where(np.arange(20) == 0, 1e200, NOISE[1] + 5)).verdict == "adopt"
    assert last(np.full(20, math.nan), NOISE[1]).cause == "fails"


def test_ranks_have_to_agree_with_the_means():
    ours, theirs = np.array([0, 0.05, 0, 0.05, 0.5]), np.array([0.45, 1, 1, 1.05, 1])
    look = decide(ours, theirs, 0)
    assert (look.verdict, look.cause) == ("undecided", "ranks")
    assert look.low > look.least
    assert decide(np.minimum(ours, 0.4), theirs, 0).verdict == "adopt"


def test_a_baseline_that_no_longer_trains_gives_way():
    look = last(NOISE[0], np.full(20, math.nan))
    assert (look.verdict, look.cause, look.gain) == ("adopt", "baseline-fails", None)
    assert last(np.full(20, math.nan), np.full(20, math.nan)).cause == "few-values"


def test_a_trainer_without_chance_is_decided_at_the_first_look():
    ours, equal, more = np.full(5, 0.1), np.full(5, 0.1 + 1e-17), np.full(5, 0.2)
    assert decide(ours, more, 0).verdict == "adopt"
    assert (decide(ours, equal, 0).verdict, decide(ours, equal, 0).cause) == ("reject", "no-gain")
    assert decide(more, ours, 0).verdict == "reject"
    assert decide(ours, more, 0, Least(absolute=0.15)).verdict == "reject"
    assert decide(ours, equal, 0, Least(deviations=-1)).cause == "not-worse"
    assert decide(more, ours, 0, Least(deviations=-1)).verdict == "reject"


def test_one_constant_side_leaves_the_freedom_of_the_other():
    look = decide(np.full(5, 0.0), NOISE[1] + 9, 0)
    assert (look.verdict, look.candidate.deviation) == ("adopt", 0.0)
    assert look.error == pytest.approx(NOISE[1, :5].std(ddof=1) / math.sqrt(5))


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=10, max_size=10),
    st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=10, max_size=10),
    st.integers(0, 2),
    st.sampled_from([Least(), Least(0.1), Least(deviations=1), Least(deviations=-1)]),
)
def test_any_values_give_a_decision(ours, theirs, number, least):
    look = decide(np.array(ours), np.array(theirs), number, least)
    assert look.cause in CAUSES
    for value in (look.gain, look.low, look.high, look.error, look.least):
        assert value is None or math.isfinite(value)
    if look.verdict == "adopt":
        assert look.candidate.infeasible <= look.baseline.infeasible
        assert look.cause == "not-worse" or look.chance <= ADOPT_LEVELS[number]


def test_a_look_is_planned_or_refused():
    with pytest.raises(ValueError, match="7"):
        decide(NOISE[0][:6], NOISE[1], 1)
    with pytest.raises(ValueError, match="look 5"):
        decide(NOISE[0], NOISE[1], 5)
    assert [look.candidate.reruns for look in looks(NOISE[0][:9], NOISE[1][:9])] == [5, 7]


def test_a_first_baseline_beats_chance_or_does_not():
    values = [0.5, 0.52, 0.48]
    beaten, gain, error = beats_chance(values, 0.9, 0.05, 3)
    assert (beaten, gain) == (True, pytest.approx(0.4))
    assert error == pytest.approx(math.hypot(0.05, 0.02 / math.sqrt(3)))
    assert not beats_chance(values, 0.6, 0.05, 3)[0]
    assert not beats_chance([0.9, 0.9], 0.9, 0.0, 3)[0]
    assert beats_chance([0.8, 0.8], 0.9, 0.0, 3)[0]


def test_a_side_keeps_huge_values_apart():
    found = side(np.array([1.0, 3.0, math.nan, 1e101]))
    assert (found.reruns, found.infeasible, found.mean) == (4, 2, 2.0)
    assert side(np.array([math.nan])).mean is None
    assert side(np.array([2.0])).deviation is None
