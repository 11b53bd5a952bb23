import math
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labtui.charts.reduce import window
from labtui.charts.scale import Scale
from labtui.charts.ticks import axis_ticks, category_ticks, linear_ticks, log_ticks, short_number


def labels(ticks):
    return [tick.label for tick in ticks]


@pytest.mark.parametrize(
    ("low", "high", "count", "expected"),
    [
        (0, 1, 6, ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (0, 1000, 5, ["0", "500", "1000"]),
        (-1, 1, 5, ["-1.0", "-0.5", "0", "0.5", "1.0"]),
        (0, 20000, 5, ["0", "5k", "10k", "15k", "20k"]),
        (0, 2e6, 5, ["0", "0.5M", "1.0M", "1.5M", "2.0M"]),
        (0.051, 0.049 + 0.01, 5, ["0.052", "0.054", "0.056", "0.058"]),
        (0, 1e-6, 3, ["0", "5e-7", "1e-6"]),
        (0, 5e10, 3, ["0", "2e10", "4e10"]),
        (99999.9, 100000.3, 5, ["99999.9", "100000.0", "100000.1", "100000.2", "100000.3"]),
    ],
)
def test_linear_ticks(low, high, count, expected):
    assert labels(linear_ticks(low, high, count)) == expected


@pytest.mark.parametrize(
    ("low", "high", "count", "expected"),
    [
        (-5, 1, 8, ["1e-5", "1e-4", "1e-3", "0.01", "0.1", "1", "10"]),
        (-5, 1, 3, ["1e-3", "1"]),
        (-0.1, 4.1, 8, ["1", "10", "100", "1000", "1e4"]),
        (-2, -1, 6, ["0.01", "0.02", "0.05", "0.1"]),
        (-3.1, -2.2, 6, ["1e-3", "2e-3", "5e-3"]),
        (math.log10(0.3), math.log10(0.5), 5, ["0.30", "0.35", "0.40", "0.45", "0.50"]),
        (-320, -300, 4, ["1e-318", "1e-312", "1e-306", "1e-300"]),
    ],
)
def test_log_ticks(low, high, count, expected):
    assert labels(log_ticks(low, high, count)) == expected


@given(st.floats(-1e308, 1e308), st.floats(-1e308, 1e308), st.booleans(), st.integers(0, 30))
def test_ticks_are_inside_ascending_unique_and_never_minus_zero(low, high, log, count):
    if log:
        low, high = math.fmod(low, 300), math.fmod(high, 300)
    low, high = window(low, high, log=log)
    ticks = axis_ticks(Scale(low, high, log), count)
    slack = (high - low) * 1e-6
    assert all(low - slack <= tick.at <= high + slack for tick in ticks)
    assert all(one.at < two.at for one, two in pairwise(ticks))
    assert len(set(labels(ticks))) == len(ticks)
    assert not any(re.fullmatch(r"-0(\.0*)?\D?", label) for label in labels(ticks))
    assert len(ticks) <= max(count, 2) * 2.5 + 1
    if not log:
        assert len(ticks) >= 2


def test_categories_are_thinned_out():
    names = ["a", "b", "c", "d"]
    assert labels(category_ticks(names, 9)) == names
    assert labels(category_ticks(names, 2)) == ["a", "c"]
    assert category_ticks([], 2) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (-0.0, "0"), (1.0, "1"), (0.02134567, "0.02135"), (1e-7, "1e-7"),
        (123456.0, "1.235e5"), (math.nan, "NaN"), (math.inf, "inf"), (-math.inf, "-inf"),
    ],
)  # fmt: skip
def test_short_numbers(value, text):
    assert short_number(value) == text
