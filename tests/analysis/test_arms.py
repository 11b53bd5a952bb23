"""The order of arms: claims about equal arms are rare, and true differences are found."""

import re

import numpy as np
import pytest

from labtui.analysis.arms import order_of_arms
from tests.analysis.made_tables import table


def study(seed, ahead=0.0):
    """Arms of one landscape, the first one better by `ahead`; hostile in turn."""
    random = np.random.default_rng(seed)
    arms, points = int(random.integers(2, 5)), int(random.integers(10, 21))
    paired, heavy, bad = seed % 2 == 0, seed % 3 == 0, (seed // 2) % 2 * 0.3
    place = random.random((points if paired else points * arms, 3))
    landscape = 4 * ((place - 0.4) ** 2).sum(axis=1)
    values = np.tile(landscape, arms) if paired else landscape
    noise = random.standard_t(1.5, values.size) if heavy else random.normal(size=values.size)
    values = values + 0.1 * noise
    values[:points] -= ahead
    values[random.random(values.size) < bad] = np.nan
    return table(
        values,
        arms=tuple(f"optimizer={'abcd'[i]}" for i in range(arms) for _ in range(points)),
        points=tuple(range(points)) * arms if paired else (),
    )


def test_equal_arms_are_called_unusual_in_at_most_5_percent_of_1000_studies():
    found = [order_of_arms(study(seed)) for seed in range(1000)]
    claimed = [one.unusual for one in found]
    assert sum(claimed) <= 50
    assert sum(claimed) >= 5  # a test that never speaks would pass too
    assert sum(one.paired for one in found) >= 450
    for one in found:
        assert one.unusual == ("rarely" in one.statement)
        assert ("no order is supported" in one.statement) != one.unusual


def test_a_true_lead_is_found_and_pairs_find_more():
    found = [order_of_arms(study(seed, ahead=0.6)) for seed in range(200)]
    right = [one.unusual and one.arms[0].arm == "optimizer=a" for one in found]
    paired = [r for r, one in zip(right, found, strict=True) if one.paired]
    unpaired = [r for r, one in zip(right, found, strict=True) if not one.paired]
    assert np.mean(paired) >= 0.7
    assert 0.25 <= np.mean(unpaired) < np.mean(paired)


def test_the_statement_speaks_of_this_sample():
    random = np.random.default_rng(0)
    landscape = random.random(20)
    values = np.concatenate([landscape, landscape + 0.05 * random.normal(size=20)])
    made = table(values, arms=("adam",) * 20 + ("sgd",) * 20, points=(*range(20), *range(20)))
    order = order_of_arms(made)
    assert order.paired
    assert order.points == 20
    assert order.gap == pytest.approx(abs(values[:20].min() - values[20:].min()))
    assert re.fullmatch(
        r"In this sample (adam|sgd)'s best is [\d.e-]+ lower than (adam|sgd)'s; \d of the best 5 "
        r"trials are (adam|sgd)'s; 20 paired points, p = [\d.]+: no order is supported; rerun each "
        r"arm's best three with three seeds or more: `labtui rerun made --arms`\.",
        order.statement,
    )
    assert "rerun" not in order_of_arms(made, rerun=True).statement
    assert sum(arm.top for arm in order.arms) == order.top == 5


def test_a_metric_to_maximize_is_higher():
    made = table([-0.9, -0.8], arms=("a", "b"), minimize=False)
    assert "a's best is 0.1 higher than b's" in order_of_arms(made).statement


def test_exact_p_of_few_pairs():
    first = np.arange(6.0)
    made = table(np.r_[first, first + 100], arms=("a",) * 6 + ("b",) * 6, points=(*range(6),) * 2)
    order = order_of_arms(made)
    assert order.p == 2 / 2**6  # all six pairs one way, or all the other
    assert order.unusual
    made = table(np.r_[first, first + 100], arms=("a",) * 6 + ("b",) * 6)
    pooled = order_of_arms(made)
    assert not pooled.paired
    assert pooled.points == 12
    # 2 of C(12, 6) = 924 labellings keep the six best together
    assert 0 < pooled.p < 0.02


def test_points_of_repetitions_are_told_apart_and_strays_have_no_partner():
    made = table(
        np.arange(24.0),
        arms=("a",) * 12 + ("b",) * 12,
        points=(*range(6), *range(6), *range(6), *range(6)),
        repetitions=(0,) * 6 + (1,) * 6 + (0,) * 6 + (1,) * 6,
    )
    assert order_of_arms(made).points == 12
    made = table(
        np.arange(24.0), arms=("a",) * 12 + ("b",) * 12, points=(*range(12), *(None,) * 12)
    )
    assert not order_of_arms(made).paired


@pytest.mark.parametrize(
    ("values", "arms", "said"),
    [
        ([], (), "nothing to order"),
        ([1.0, 2.0], ("", ""), "nothing to order"),
        ([np.nan, np.nan], ("a", "b"), "No arm has a feasible trial"),
        ([1.0, np.nan], ("a", "b"), "Only a has a feasible trial"),
        ([1.0, 2.0], ("a", "b"), "too few trials to test it, so no order is supported"),
        ([1.0] * 20, ("a",) * 10 + ("b",) * 10, "have the same best"),
    ],
)
def test_no_claim_where_nothing_can_be_claimed(values, arms, said):
    order = order_of_arms(table(values, arms=arms))
    assert said in order.statement
    assert not order.unusual
