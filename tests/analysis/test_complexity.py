"""What changes cost: every kind of change, and what takes its place."""

import math

import pytest

from labtui.analysis.complexity import (
    BORNE,
    DOUBLED,
    MOST,
    OPTIMIZER,
    PART_ON,
    STATE,
    UPKEEP,
    complexity,
)
from labtui.trainer.plugin import Hyperparameter

BASE = {
    "optimizer": "nesterov",
    "learning_rate": 0.1,
    "momentum": 0.9,
    "weight_decay": 0,
    "width": 64,
}


def least(candidate, **more):
    return complexity({**BASE, **candidate}, BASE, **more).least.deviations


def test_numbers_are_free():
    found = complexity({**BASE, "learning_rate": 0.3, "momentum": 0.95}, BASE)
    assert (found.least.deviations, found.simpler) == (0, False)
    assert [(one.kind, one.weight) for one in found.changes] == [("number", "changes")] * 2
    assert complexity(BASE, BASE).changes == ()


@pytest.mark.parametrize(
    ("candidate", "price"),
    [
        ({"weight_decay": 1e-3}, PART_ON),
        ({"schedule": "cosine"}, PART_ON),
        ({"schedule": "constant", "dropout": 0.0}, 0),
        ({"width": 256}, 2 * DOUBLED),
        ({"optimizer": "adam"}, OPTIMIZER + STATE),
        ({"optimizer": "Adam", "beta1": 0.9, "beta2": 0.99}, OPTIMIZER + STATE + 2 * UPKEEP),
        ({"optimizer": "momentum"}, OPTIMIZER),
        ({"optimizer": "my-own"}, OPTIMIZER),
        ({"width": 4096, "weight_decay": 1e-3}, MOST),
    ],
)
def test_additions_have_their_price(candidate, price):
    assert least(candidate) == pytest.approx(price)


@pytest.mark.parametrize(
    "candidate", [{"width": 32}, {"optimizer": "sgd"}, {"weight_decay": None, "learning_rate": 1}]
)
def test_removals_need_not_gain(candidate):
    base = {**BASE, "weight_decay": 1e-3}
    found = complexity({**base, **candidate}, base)
    assert found.simpler
    assert found.least.deviations == -BORNE


def test_what_removes_one_thing_and_adds_another_is_not_simpler():
    base = {**BASE, "weight_decay": 1e-3}
    found = complexity({**base, "weight_decay": 0, "dropout": 0.1}, base)
    assert not found.simpler
    assert found.least.deviations == pytest.approx(PART_ON)
    without = {name: value for name, value in base.items() if name != "momentum"}
    assert complexity(without, base).simpler


def test_a_declaration_overrides_a_name():
    declared = {"width": Hyperparameter("regularization", 0)}
    base = {**BASE, "width": 0}
    (change,) = complexity({**base, "width": 1}, base, declared).changes
    assert (change.kind, change.text) == ("part", "width switched on: 1")


def test_longer_training_and_slower_steps_are_paid_for():
    assert least({}, steps=(4000, 1000)) == pytest.approx(2 * DOUBLED)
    assert complexity(BASE, BASE, steps=(500, 1000)).simpler
    steady, slower = [0.10, 0.11, 0.10, 0.09, 0.10], [0.30, 0.29, 0.31, 0.30, 0.32]
    assert least({}, step_times=(slower, steady)) == pytest.approx(DOUBLED * math.log2(3))
    noisy = [0.30, 0.31, 0.08, 0.29, 0.09]
    little = [1.15 * time for time in steady]
    short = [time / 1000 for time in slower], [time / 1000 for time in steady]
    for ours, theirs in ((noisy, steady), (little, steady), (steady, slower), short, ([], steady)):
        assert complexity(BASE, BASE, step_times=(ours, theirs)).changes == ()
