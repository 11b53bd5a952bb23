import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labtui.study.model import Hyperparameter
from labtui.study.space import Dimension, active, resolve, topological
from labtui.study.spec import parse_study
from tests.study.samples import DIGITS, study_text

units = st.floats(0, 1, exclude_max=True)


def dimension(**fields) -> Dimension:
    return Dimension(Hyperparameter(role="nuisance", **fields))


@st.composite
def continuous(draw):
    scale = draw(st.sampled_from(["linear", "log"]))
    one_minus = draw(st.booleans())
    if scale == "log" and not one_minus:
        bounds = st.floats(1e-12, 1e12)
    elif scale == "log":
        bounds = st.floats(-1e6, 0.999999)
    else:
        bounds = st.floats(-1e300, 1e300)
    low, high = sorted([draw(bounds), draw(bounds)])
    high = high if high > low else low + abs(low) * 1e-3 + 1e-9
    if scale == "log" and one_minus and high >= 1:
        low, high = 0.5, 0.9
    return dimension(range=(low, high), scale=scale, one_minus=one_minus)


@settings(deadline=None)
@given(continuous(), units)
def test_values_stay_within_the_range(axis, u):
    low, high = axis.definition.range
    assert low <= axis.value(u) <= high


@settings(deadline=None)
@given(continuous())
def test_the_ends_are_hit_exactly(axis):
    low, high = axis.definition.range
    assert (axis.value(0.0), axis.value(1.0)) == (low, high)
    assert axis.position(low) == pytest.approx(0, abs=1e-6)
    assert axis.position(high) == pytest.approx(1, abs=1e-6)


@settings(deadline=None)
@given(units)
def test_position_is_the_inverse(u):
    for axis in (
        dimension(range=(1e-5, 10), scale="log"),
        dimension(range=(-3, 8)),
        dimension(range=(0.5, 0.999), scale="log", one_minus=True),
    ):
        assert axis.position(axis.value(u)) == pytest.approx(u, abs=1e-9)


def test_scales_interpolate_as_they_say():
    assert dimension(range=(1e-4, 1), scale="log").value(0.5) == pytest.approx(1e-2)
    assert dimension(range=(0, 10)).value(0.25) == 2.5
    momentum = dimension(range=(0.9, 0.999), scale="log", one_minus=True)
    assert momentum.value(0.5) == pytest.approx(0.99)
    assert dimension(range=(0, 1), one_minus=True).value(0.25) == pytest.approx(0.25)


def test_outside_the_range_the_position_is_the_nearer_end():
    axis = dimension(range=(1e-3, 1), scale="log")
    assert (axis.position(0), axis.position(-1), axis.position(7)) == (0, 0, 1)
    momentum = dimension(range=(0.5, 0.9), scale="log", one_minus=True)
    assert (momentum.position(0), momentum.position(1), momentum.position(2)) == (0, 1, 1)
    whole = dimension(range=(1, 9), scale="log", integer=True)
    assert (whole.position(0), whole.position(100)) == (0, 1)


COUNTABLE = [
    dimension(values=["a", 1, 2.5, True, None]),
    dimension(range=(3, 12), integer=True),
    dimension(range=(3, 300), integer=True, scale="log"),
    dimension(range=(0.1, 1), step=0.1),
    dimension(range=(8, 64), step=8, integer=True),
    dimension(range=(2, 3), integer=True, scale="log"),
]


@pytest.mark.parametrize("axis", COUNTABLE)
def test_countable_values_round_trip_and_rise(axis):
    values = list(axis.choices)
    positions = [axis.position(value) for value in values]
    assert [axis.value(position) for position in positions] == values
    assert positions == sorted(positions)
    assert axis.count == len(values)
    assert axis.value(0.0) == values[0]
    assert axis.value(1 - 2**-53) == axis.value(1.0) == values[-1]
    assert all(axis.holds(value) for value in values)


@pytest.mark.parametrize("axis", [a for a in COUNTABLE if a.definition.scale == "linear"])
def test_countable_cells_are_equal(axis):
    count = axis.count
    found = Counter(str(axis.value((i + 0.5) / (100 * count))) for i in range(100 * count))
    assert set(found.values()) == {100}


def test_steps_are_the_decimals_that_were_written():
    assert list(dimension(range=(0.1, 0.6), step=0.1).choices) == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    assert list(dimension(range=(0, 1), step=0.3).choices) == [0.0, 0.3, 0.6, 0.9]


def test_log_whole_numbers_are_wider_where_they_are_small():
    axis = dimension(range=(1, 7), scale="log", integer=True)
    found = Counter(axis.value((i + 0.5) / 30000) for i in range(30000))
    for n in range(1, 8):
        assert found[n] / 30000 == pytest.approx(math.log((n + 1) / n) / math.log(8), abs=1e-3)


def test_large_whole_numbers_are_exact():
    axis = dimension(range=(0, 2**70), integer=True)
    assert axis.count == 2**70 + 1
    assert axis.value(0.5) == (2**70 + 1) // 2
    assert axis.value(1.0) == 2**70


def test_holds_knows_its_values():
    assert not dimension(values=[1, 2]).holds(True)
    assert not dimension(range=(1, 4), integer=True).holds(2.5)
    assert not dimension(range=(1, 4), integer=True).holds(5)
    assert not dimension(range=(1, 4)).holds("x")
    assert dimension(range=(1, 4)).holds(2.5)


def test_position_refuses_what_is_no_value():
    with pytest.raises(ValueError, match="choices"):
        dimension(values=["a"]).position("b")
    with pytest.raises(ValueError, match="number"):
        dimension(range=(1, 2)).position("b")


NESTED = study_text(
    "{depth: {role: fixed, value: 3, when: {kind: deep}}, "
    "kind: {role: nuisance, values: [deep, flat], when: {model: [mlp, cnn]}}, "
    "model: {role: scientific, values: [mlp, cnn, linear]}}"
)


def test_parents_come_first_whatever_the_file_says():
    assert topological(parse_study(NESTED)) == ["model", "kind", "depth"]


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({"model": "mlp", "kind": "deep"}, {"model", "kind", "depth"}),
        ({"model": "mlp", "kind": "flat"}, {"model", "kind"}),
        ({"model": "linear", "kind": "deep"}, {"model"}),
        ({}, {"model"}),
    ],
)
def test_conditions_hold_only_below_parents_that_exist(params, names):
    if params.get("model") == "linear":
        params = {"model": "linear"}
    assert set(active(parse_study(NESTED), params)) == names


def test_active_gives_the_definition_of_the_arm():
    study = parse_study(DIGITS)
    assert active(study, {"optimizer": "adam"})["learning_rate"].range == (1e-5, 1e-1)
    assert active(study, {"optimizer": "nesterov"})["learning_rate"].range == (1e-3, 10)


def test_resolve_asks_for_what_exists_and_fills_in_what_is_fixed():
    asked = []

    def choose(name, definition):
        asked.append(name)
        return definition.values[0]

    assert resolve(parse_study(NESTED), choose) == {"model": "mlp", "kind": "deep", "depth": 3}
    assert asked == ["model", "kind"]


@given(continuous(), st.lists(st.floats(allow_nan=False) | st.integers() | st.booleans()))
def test_many_positions_are_those_of_each(axis, values):
    inside = [axis.value(u) for u in (0.0, 0.1, 0.5, 0.9, 1.0)]
    given_values = [*values, *inside, "text", None]

    def one(value):
        try:
            return axis.position(value)
        except (ValueError, TypeError):
            return math.nan

    found = axis.positions(given_values)
    assert [str(at) for at in found] == [str(one(value)) for value in given_values]


def test_positions_of_a_list_are_nan_where_there_is_none():
    axis = Dimension(Hyperparameter(role="nuisance", values=["a", "b"]))
    assert axis.positions(["b", "a"]) == [0.75, 0.25]
    assert math.isnan(axis.positions(["c"])[0])
