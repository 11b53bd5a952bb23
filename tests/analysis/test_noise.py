"""Medians and quantiles that are numpy's, only cheaper."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from labtui.analysis.course import at_evaluations, follow
from labtui.analysis.noise import REMEMBERED, deviation, mean, middle, quantile, window_median
from labtui.analysis.runs import Curve

numbers = st.one_of(st.floats(-1e6, 1e6), st.integers(-2, 2).map(float))
curves = st.lists(numbers, min_size=1, max_size=90)


def medians(values, before, after):
    """What `window_median` is to give, one numpy median a window."""
    windows = [values[max(i - before, 0) : i + after] for i in range(values.size)]
    return [float(np.median(one)) if one.size else float(values[0]) for one in windows]


@given(curves, st.integers(0, 7), st.integers(0, 7))
@example([3.0, 1.0, 2.0], 1, 2)
@example([3.0, 1.0, 2.0, 0.0], 1, 2)
@example([5.0, 3.0, 1.0, 2.0, 0.0, 4.0], 5, 0)
@example([5.0, 3.0, 1.0, 2.0, 0.0, 4.0], 4, 1)
@example([5.0, 3.0, 1.0, 2.0, 0.0, 4.0], 0, 5)
@settings(max_examples=150, deadline=None)
def test_windows_are_those_of_numpy(values, before, after):
    if before + after == 0:
        after = 1
    array = np.array(values)
    found = window_median(array, before, after)
    assert found.tolist() == pytest.approx(medians(array, before, after), rel=1e-12, abs=1e-300)
    assert array.tolist() == values  # looked at, not sorted


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 3), (4, 1), (5, 0), (20, 21)])
@pytest.mark.parametrize("size", [60, REMEMBERED + 1])
def test_windows_of_long_curves_too(before, after, size):
    values = np.random.default_rng(size).normal(size=size)
    for _ in range(2):  # the places of medians are remembered
        assert window_median(values, before, after).tolist() == medians(values, before, after)


def test_a_window_of_nothing():
    assert window_median(np.zeros(0), 1, 2).size == 0


@given(curves)
@settings(max_examples=100, deadline=None)
def test_few_values_are_summed_up_as_by_numpy(values):
    array = np.array(values)
    assert middle(array) == np.median(array)
    assert mean(array) == pytest.approx(array.mean(), rel=1e-12)
    for share in (0.0, 0.1, 0.5, 0.9, 1.0):
        assert quantile(array, share) == pytest.approx(np.quantile(array, share), rel=1e-12)
    assert array.tolist() == values


def test_noise_ignores_slope_and_bends():
    x = np.linspace(0, 1, 400)
    noise = 0.1 * np.random.default_rng(0).normal(size=400)
    assert deviation(5 * x - 3 * x**2 + noise) == pytest.approx(0.1, rel=0.15)
    assert deviation(np.array([1.0, 2.0])) == 0.0


def test_a_training_loss_of_the_same_steps_is_its_own_course():
    steps = np.arange(0, 100, 10)
    values = np.random.default_rng(1).normal(size=10)
    values[4] = 1e200  # diverged: such a value is none
    same = at_evaluations(Curve(steps, values), 0, steps[1:])
    more = np.append(steps, 95)  # one more point, after the last evaluation
    other = at_evaluations(Curve(more, np.append(values, 7.0)), 0, steps[1:])
    assert same.steps.tolist() == other.steps.tolist() == [10, 20, 30, 50, 60, 70, 80, 90]
    assert (
        same.values.tolist()
        == other.values.tolist()
        == follow(Curve(steps, values)).values.tolist()
    )
