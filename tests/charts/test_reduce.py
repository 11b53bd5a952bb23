import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labtui.charts.reduce import (
    chosen_limits,
    curve,
    decay_for,
    ema,
    envelope,
    finite_runs,
    limits,
    paired,
    window,
)
from labtui.charts.scale import Scale, coordinates

nan, inf = np.nan, np.inf
values = st.lists(st.floats(), max_size=40)


def test_runs_end_at_every_value_that_cannot_be_drawn():
    runs = finite_runs(range(7), [1, 2, nan, 3, inf, -inf, 4])
    assert [y.tolist() for _, y in runs] == [[1, 2], [3], [4]]
    assert [x.tolist() for x, _ in runs] == [[0, 1], [3], [6]]


def test_zero_and_below_are_gaps_on_a_log_axis():
    runs = finite_runs([1, 10, 100, 1000], [1.0, 0.0, -1.0, 100.0], log_x=True, log_y=True)
    assert [(x.tolist(), y.tolist()) for x, y in runs] == [([0], [0]), ([3], [2])]


def test_points_without_x_are_dropped_and_the_rest_sorted():
    x, y = paired([3, nan, 1, 2], [30, 99, 10, nan, 7])
    assert x.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(y, [10, nan, 30])


@given(values, values, st.booleans(), st.booleans())
def test_runs_hold_exactly_the_drawable_points(x, y, log_x, log_y):
    runs = finite_runs(x, y, log_x=log_x, log_y=log_y)
    count = min(len(x), len(y))
    drawable = np.isfinite(coordinates(x[:count], log_x)) & np.isfinite(
        coordinates(y[:count], log_y)
    )
    assert sum(part.size for part, _ in runs) == drawable.sum()
    assert all(part.size and np.all(np.diff(part) >= 0) for part, _ in runs)


def test_an_envelope_keeps_a_spike_of_one_step():
    y = np.ones(2000)
    y[777], y[1400] = 50.0, -3.0
    whole = curve(np.arange(2000.0), y)
    reduced = envelope(whole, Scale(0, 1999), 100)
    assert len(reduced) <= 410
    assert (reduced.y.min(), reduced.y.max()) == (-3, 50)
    assert reduced.x[reduced.y.argmax()] == 777


def test_an_envelope_keeps_gaps():
    y = np.sin(np.arange(1000.0))
    y[500:503] = nan
    reduced = envelope(curve(np.arange(1000.0), y), Scale(0, 999), 20)
    assert np.unique(reduced.run).size == 2
    assert {499.0, 503.0} <= set(reduced.x.tolist())


def test_an_envelope_keeps_early_points_of_a_log_axis():
    x, y = paired(np.arange(1, 5001), np.arange(5000.0), log_x=True)
    reduced = envelope(curve(x, y), Scale(0, float(x[-1]), log=True), 100)
    assert reduced.y[:10].tolist() == list(range(10))


def test_a_short_curve_is_its_own_envelope():
    whole = curve(np.arange(20.0), np.arange(20.0))
    assert envelope(whole, Scale(0, 19), 10) is whole


def slow_ema(y, decay):
    out = np.full(len(y), nan)
    for t in range(len(y)):
        weights = decay ** np.abs(np.arange(len(y)) - t) * np.isfinite(y)
        if np.isfinite(y[t]):
            out[t] = np.sum(weights * np.nan_to_num(y)) / weights.sum()
    return out


@pytest.mark.parametrize("decay", [0.3, 0.9, 0.999])
def test_the_average_equals_its_definition(decay):
    y = np.random.default_rng(1).standard_normal(257)
    y[[0, 7, 8, 100, 256]] = nan
    np.testing.assert_allclose(ema(y, decay), slow_ema(y, decay), atol=1e-12)


def test_the_average_distorts_neither_constants_nor_ends():
    y = np.full(500, 3.7)
    y[200:250] = nan
    np.testing.assert_allclose(ema(y, 0.99), y)
    assert ema(y, 0.0) is y


def test_a_slope_is_not_delayed():
    y = np.arange(1000.0)
    np.testing.assert_allclose(ema(y, 0.95)[300:700], y[300:700], atol=1e-3)


def test_smoothing_does_not_depend_on_how_often_was_logged():
    assert decay_for(0.95, 1000) == pytest.approx(0.95)
    assert decay_for(0.95, 2000) ** 2 == pytest.approx(0.95)
    assert decay_for(0.95, 40) == 0
    assert decay_for(0.0, 2000) == decay_for(1.0, 2000) == decay_for(nan, 2000) == 0


@given(st.lists(values, max_size=3), st.booleans())
def test_limits_are_always_usable(arrays, log):
    low, high = limits([coordinates(array, log) for array in arrays], log=log)
    assert np.isfinite([low, high, high - low]).all()
    assert low < high
    assert Scale(low, high, log).unit(np.array([low, high])).tolist() == [0, 1]


def test_limits_are_three_per_cent_wider_than_the_data():
    assert limits([np.array([0.0, 100.0])]) == (-3.0, 103.0)


def test_a_single_value_has_a_window_around_it():
    assert limits([np.array([0.0])]) == (-1, 1)
    assert limits([np.array([5.0])]) == (4.5, 5.5)
    assert limits([np.array([2.0])], log=True) == (1.5, 2.5)
    assert limits([]) == (0, 1)


@given(st.floats(), st.floats(), st.booleans())
def test_a_wanted_window_is_used_as_far_as_possible(low, high, log):
    found = chosen_limits((low, high), (0.0, 1.0), log=log)
    assert found[0] < found[1]
    assert np.isfinite(found[1] - found[0])


def test_a_reversed_window_is_turned_round():
    assert window(2.0, 1.0) == (1, 2)
    assert chosen_limits((nan, 5.0), (0.0, 1.0), log=False) == (0, 5)
