import hashlib
from pathlib import Path

import numpy as np
import pytest

import labtui_numpy
from labtui_numpy.batches import StackedBatches
from labtui_numpy.data import SETS, load, split_order

FOLDER = Path(labtui_numpy.__file__).parent
SHAPES = {"digits": ((1797, 64), (1797, 10), 1077), "diabetes": ((442, 10), (442, 1), 266)}


@pytest.mark.parametrize("name", SETS)
def test_shapes_and_values(name):
    data = load(name)
    inputs, targets, training = SHAPES[name]
    assert (data.inputs.shape, data.targets.shape) == (inputs, targets)
    assert data.inputs.dtype == data.targets.dtype == np.float32
    assert np.isfinite(data.inputs).all()
    assert np.isfinite(data.targets).all()
    assert data.splits["train"] == slice(0, training)
    assert load(name) is data


@pytest.mark.parametrize("name", SETS)
def test_splits_cover_everything_once(name):
    data = load(name)
    count = len(data.inputs)
    rows = [i for rows in data.splits.values() for i in range(count)[rows]]
    assert sorted(rows) == list(range(count))
    assert sorted(split_order(name, count)) == list(range(count))


def test_split_is_frozen():
    assert split_order("digits", 1797)[:5] == [180, 937, 216, 31, 1050]
    assert split_order("diabetes", 442)[:5] == [55, 48, 81, 408, 354]


def test_the_file_is_the_one_that_is_documented():
    digest = hashlib.sha256((FOLDER / "diabetes.npz").read_bytes()).hexdigest()
    assert digest in (FOLDER / "DATA.md").read_text("utf-8")


def test_only_training_examples_standardise():
    digits, diabetes = load("digits"), load("diabetes")
    training = digits.inputs[digits.splits["train"]]
    assert (training.mean(), training.std()) == pytest.approx((0, 1), abs=1e-4)
    training = diabetes.inputs[diabetes.splits["train"]]
    np.testing.assert_allclose(training.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(training.std(axis=0), 1, atol=1e-5)
    assert diabetes.targets[diabetes.splits["train"]].std() == pytest.approx(1, abs=1e-5)
    assert 70 < diabetes.target_scale < 80


def test_every_class_is_in_every_split():
    data = load("digits")
    for rows in data.splits.values():
        assert (data.targets[rows].sum(axis=0) >= 24).all()


def test_cached_arrays_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        load("digits").inputs[0, 0] = 1


def examples(count):
    return np.arange(count, dtype=np.float32)[:, None], -np.arange(count, dtype=np.float32)[:, None]


class Batches:
    """The batches of one lane."""

    def __init__(self, inputs, targets, size, seed):
        self.lanes = StackedBatches(inputs, [targets], size=size, seeds=[seed])
        self.per_epoch = self.lanes.per_epoch

    def at(self, step):
        return tuple(lanes[0] for lanes in self.lanes.at(step))


def test_an_epoch_shows_each_example_at_most_once():
    batches = Batches(*examples(10), size=3, seed=4)
    assert batches.per_epoch == 3
    shown = []
    for step in (1, 2, 3):
        inputs, targets = batches.at(step)
        np.testing.assert_array_equal(inputs, -targets)
        shown += inputs[:, 0].tolist()
    assert len(set(shown)) == 9
    second = [x for step in (4, 5, 6) for x in batches.at(step)[0][:, 0].tolist()]
    assert len(set(second)) == 9
    assert second != shown


def test_what_an_epoch_leaves_out_changes():
    left_out = set()
    for epoch in range(40):
        batches = Batches(*examples(10), size=3, seed=4)
        shown = {x for s in (1, 2, 3) for x in batches.at(3 * epoch + s)[0][:, 0].tolist()}
        left_out |= set(range(10)) - shown
    assert left_out == set(range(10))


def test_batches_are_a_function_of_seed_and_step():
    forwards = Batches(*examples(10), size=4, seed=4)
    order = [forwards.at(step)[0][:, 0].tolist() for step in range(1, 8)]
    for step in (7, 2, 5, 1):
        assert Batches(*examples(10), size=4, seed=4).at(step)[0][:, 0].tolist() == order[step - 1]
    assert Batches(*examples(10), size=4, seed=5).at(1)[0][:, 0].tolist() != order[0]
