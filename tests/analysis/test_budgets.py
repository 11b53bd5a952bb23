"""The best of fewer trials, against every subset there is."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labtui.analysis.budgets import MOST_BUDGETS, QUANTILES, budget_curve


def every_subset(values, k, quantile):
    """The smallest value that at least this share of all subsets' bests reach."""
    bests = sorted(min(subset) for subset in itertools.combinations(values, k))
    best = bests[math.ceil(quantile * len(bests) - 1e-9) - 1]
    return best if math.isfinite(best) else math.nan


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([0.1, 0.2, 0.5, 1.0, 3.0, math.inf]), min_size=1, max_size=8),
    st.randoms(),
)
def test_it_equals_the_bests_of_all_subsets(values, random):
    curve = budget_curve(np.array(values))
    assert curve.budgets.tolist() == list(range(1, len(values) + 1))
    for column, k in enumerate(curve.budgets.tolist()):
        expected = [every_subset(values, k, q) for q in QUANTILES]
        np.testing.assert_array_equal(curve.values[:, column], expected)
        none = sum(
            math.isinf(min(subset)) for subset in itertools.combinations(values, k)
        ) / math.comb(len(values), k)
        assert curve.none_feasible[column] == pytest.approx(none, abs=1e-12)


def test_nothing_is_said_beyond_the_trials_there_are():
    curve = budget_curve(np.array([3.0, 1.0, 2.0]))
    assert curve.budgets.max() == curve.trials == 3
    assert curve.values[:, -1].tolist() == [1.0] * 5


def test_ten_thousand_trials_stay_exact():
    values = np.random.default_rng(0).permutation(np.arange(10_000.0))
    curve = budget_curve(values, quantiles=(0.5,))
    assert curve.budgets.size <= MOST_BUDGETS
    assert (curve.budgets[0], curve.budgets[-1]) == (1, 10_000)
    at = int(np.flatnonzero(curve.budgets > 100)[0])
    k = int(curve.budgets[at])
    place = int(curve.values[0, at]) + 1  # values are their own places
    above = [math.comb(10_000 - j, k) / math.comb(10_000, k) for j in (place - 1, place)]
    assert above[0] > 0.5 >= above[1]
    assert (np.diff(curve.values) <= 0).all()


def test_a_mask_says_what_is_feasible():
    values = np.array([0.0, 1.0, 2.0])
    curve = budget_curve(values, np.array([False, True, True]), quantiles=(0.5,))
    assert curve.values[0].tolist() == [2.0, 1.0, 1.0]


def test_no_trials_and_none_feasible():
    assert budget_curve(np.array([])).values.shape == (5, 0)
    curve = budget_curve(np.array([np.nan, np.nan]))
    assert np.isnan(curve.values).all()
    assert curve.none_feasible.tolist() == [1.0, 1.0]
