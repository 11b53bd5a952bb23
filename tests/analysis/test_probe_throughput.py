"""Which batch sizes pay, on made tables."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labtui.analysis.throughput import (
    PAYS,
    Size,
    bottleneck,
    gains,
    is_saturated,
    largest_that_pays,
)


def ladder(*throughputs, waiting=None, first=8):
    sizes = []
    for place, throughput in enumerate(throughputs):
        batch = first * 2**place
        time = batch / throughput
        sizes.append(Size(batch, (time,), None if waiting is None else waiting * time))
    return sizes


def test_gain_is_what_a_size_brings_over_the_best_smaller_one():
    found = gains(ladder(100, 200, 150, 220))
    assert found[0] is None
    assert found[1:] == pytest.approx([1.0, -0.25, 0.10])


def test_the_largest_that_pays_skips_a_dip_and_ends_where_nothing_is_won():
    assert largest_that_pays(ladder(100, 200, 150, 300, 301)).batch_size == 64
    assert largest_that_pays(ladder(100, 101, 102)).batch_size == 8
    assert largest_that_pays([]) is None
    assert largest_that_pays([Size(8, outcome="out of memory")]) is None


def test_one_doubling_without_gain_may_be_chance_and_two_are_not():
    assert not is_saturated(ladder(100, 200, 205))
    assert is_saturated(ladder(100, 200, 205, 210))
    assert not is_saturated(ladder(100, 200, 205, 260))
    assert not is_saturated(ladder(100, 105))


def test_of_several_rounds_the_fastest_counts():
    size = Size(10, (0.2, 0.1))
    assert (size.step_time, size.throughput) == (0.1, 100)
    assert size.spread == pytest.approx(1.0)
    assert Size(10, (0.2,)).spread is None


@pytest.mark.parametrize(
    ("waiting", "kind"), [(0.4, "input-bound"), (0.05, "compute-bound"), (None, "unknown")]
)
def test_the_bottleneck_is_named_where_doubling_stops_to_pay(waiting, kind):
    assert bottleneck(ladder(100, 200, 201, waiting=waiting)).kind == kind


def test_there_is_no_bottleneck_while_doubling_pays():
    assert bottleneck([*ladder(100, 200, waiting=0.5), Size(32, outcome="out of memory")]) is None


positive = st.floats(1e-3, 1e6)


@given(st.lists(positive, min_size=1, max_size=12))
def test_any_table(throughputs):
    sizes = ladder(*throughputs)
    paying, found = largest_that_pays(sizes), gains(sizes)
    assert paying in sizes
    assert all(math.isfinite(gain) for gain in found[1:])
    beyond = found[sizes.index(paying) + 1 :]
    assert all(gain < PAYS for gain in beyond)
    assert is_saturated(sizes) == (len(sizes) > 2 and all(gain < PAYS for gain in found[-2:]))
    assert (bottleneck(sizes) is None) == (paying is sizes[-1])
