"""Best and order of results with gaps."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from labtui.analysis.ranking import best_of, kendall, ranked

RESULTS = st.lists(st.none() | st.floats() | st.sampled_from([0.5, 0.5, 1.0, -0.0, 0.0]))


def usable(value):
    return value is not None and math.isfinite(value)


@pytest.mark.parametrize(
    ("values", "minimize", "expected"),
    [
        ([], True, None),
        ([None, math.nan, math.inf, -math.inf], True, None),
        ([None, math.nan, math.inf, -math.inf], False, None),
        ([0.3, 0.1, 0.1], True, 1),
        ([0.3, 0.1, 0.3], False, 0),
        ([math.nan, -math.inf, 5.0], True, 2),
        ([math.inf, -5.0, None], False, 1),
    ],
)
def test_best(values, minimize, expected):
    assert best_of(values, minimize) == expected


@given(RESULTS, st.booleans())
def test_order_is_total_with_gaps_last(values, minimize):
    order = ranked(values, minimize)
    assert sorted(order) == list(range(len(values)))
    good = [index for index in order if usable(values[index])]
    assert order[: len(good)] == good
    assert order[len(good) :] == sorted(order[len(good) :])
    for first, second in itertools.pairwise(good):
        a, b = values[first], values[second]
        assert (a, first) < (b, second) if minimize else (-a, first) < (-b, second)


@given(RESULTS, st.booleans())
def test_best_is_the_first_of_the_order(values, minimize):
    best = best_of(values, minimize)
    if best is None:
        assert not any(usable(value) for value in values)
    else:
        assert ranked(values, minimize)[0] == best


@pytest.mark.parametrize("size", [2, 3, 17, 60])
def test_the_agreement_of_two_rankings_is_scipys(size):
    random = np.random.default_rng(size)
    first, second = random.integers(0, 12, size).astype(float), random.standard_normal(size)
    assert kendall(first, second) == pytest.approx(kendalltau(first, second).statistic)


def test_rankings_without_an_order_do_not_agree_or_disagree():
    assert kendall([1.0], [2.0]) is None
    assert kendall([1.0, 1.0], [1.0, 2.0]) is None
