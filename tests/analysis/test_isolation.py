"""The best trial of each value, with the number of trials it was chosen from."""

import numpy as np
import pytest

from labtui.analysis.isolation import isolate, isolate_arms
from labtui.study.model import Hyperparameter
from tests.analysis.made_tables import LINEAR, LOG, scientific, table, under


def columns(isolation):
    return [(c.label, c.best, c.feasible, c.infeasible) for c in isolation.columns]


def test_one_column_a_value_in_the_order_of_the_study():
    params = [{"optimizer": v} for v in ("adam", "sgd", "adam", "sgd", "adam")]
    values = [0.3, 0.2, np.nan, 0.4, 0.1]
    made = table(values, params, [("optimizer", scientific("sgd", "adam", "lion"))])
    found = isolate(made, made.axes[0])
    assert (found.name, found.role, found.bucketed) == ("optimizer", "scientific", False)
    assert columns(found) == [("sgd", 0.2, 2, 0), ("adam", 0.1, 2, 1), ("lion", None, 0, 0)]
    assert [c.center for c in found.columns] == pytest.approx([1 / 6, 1 / 2, 5 / 6])
    adam = found.columns[1]
    assert (adam.low, adam.high, adam.best_trial, adam.best_index) == ("adam", "adam", "made/4", 4)
    assert adam.values.tolist() == [0.3, 0.1]


def test_a_range_has_buckets_equal_on_its_own_scale():
    params = [{"lr": lr} for lr in (1e-5, 5e-5, 2e-4, 0.05, 0.1)]
    made = table([5.0, 4.0, np.nan, 2.0, 1.0], params, [("lr", LOG)])
    found = isolate(made, made.axes[0], buckets=4)
    assert found.bucketed
    assert [c.low for c in found.columns] == pytest.approx([1e-5, 1e-4, 1e-3, 1e-2])
    assert [c.high for c in found.columns] == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1])
    assert [(c.best, c.feasible, c.infeasible) for c in found.columns] == [
        (4.0, 2, 0),
        (None, 0, 1),
        (None, 0, 0),
        (1.0, 2, 0),  # the upper end of the range belongs to the last bucket
    ]
    assert found.columns[0].label == "1e-05 to 0.0001"
    assert [c.center for c in found.columns] == pytest.approx([0.125, 0.375, 0.625, 0.875])


def test_few_whole_numbers_are_values_and_many_are_buckets():
    few = Hyperparameter(role="nuisance", range=(1, 4), integer=True)
    many = Hyperparameter(role="nuisance", range=(1, 400), integer=True)
    made = table([1.0, 2.0], [{"few": 2, "many": 7}, {"few": 4, "many": 399}],
                 [("few", few), ("many", many)])  # fmt: skip
    assert [c.label for c in isolate(made, made.axes[0]).columns] == ["1", "2", "3", "4"]
    assert [c.feasible for c in isolate(made, made.axes[0]).columns] == [0, 1, 0, 1]
    assert [c.feasible for c in isolate(made, made.axes[1]).columns] == [1, 0, 0, 0, 0, 0, 0, 1]


def test_a_long_list_of_numbers_is_bucketed():
    listed = Hyperparameter(role="nuisance", values=[float(i) for i in range(20)])
    made = table(np.arange(20.0), [{"x": float(i)} for i in range(20)], [("x", listed)])
    found = isolate(made, made.axes[0])
    assert found.bucketed
    assert sum(c.feasible for c in found.columns) == 20
    assert found.columns[0].best == 0.0


def test_values_that_nobody_declared_get_columns_of_their_own():
    made = table([1.0, 2.0], [{"o": "a"}, {"o": "z"}], [("o", scientific("a", "b"))])
    assert columns(isolate(made, made.axes[0])) == [
        ("a", 1.0, 1, 0),
        ("b", None, 0, 0),
        ("z", 2.0, 1, 0),
    ]


def test_a_conditional_axis_holds_its_own_trials_only():
    params = [{"o": "a", "x": 0.1}, {"o": "b"}, {"o": "a", "x": 0.2}]
    made = table([1.0, 0.5, 2.0], params, [("x", under(LINEAR, o="a"))])
    found = isolate(made, made.axes[0], buckets=2)
    assert found.condition == "o=a"
    assert columns(found) == [("0 to 0.5", 1.0, 2, 0), ("0.5 to 1", None, 0, 0)]


def test_arms_and_stopped_trials():
    made = table(
        [3.0, 1.0, 2.0, 0.0],
        arms=("a", "b", "a", "a"),
        states=("completed", "completed", "completed", "stopped"),
        scientific=("optimizer", "depth"),
    )
    found = isolate_arms(made)
    assert found.name == "optimizer, depth"
    assert columns(found) == [("a", 2.0, 2, 0), ("b", 1.0, 1, 0)]
    assert [c.center for c in found.columns] == [0.25, 0.75]


def test_no_trials_at_all():
    assert isolate_arms(table([])).columns == ()
    made = table([], [], [("x", LINEAR)])
    assert all(c.best is None for c in isolate(made, made.axes[0]).columns)
