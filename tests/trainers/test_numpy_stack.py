"""Trials that train together equal, bit for bit, those that train alone."""

import math
import struct
import time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from labtui.trainer import Diverged, Objective, Stopped, Trial
from labtui.trainer.stack import Stack
from labtui_numpy import plugin
from labtui_numpy.batches import StackedBatches
from labtui_numpy.lane import Lane
from labtui_numpy.optimizers import OPTIMIZERS
from labtui_numpy.train import train, train_stack
from labtui_workloads.settings import read

TIMES = {"step_time", "data_wait"}
DIVERGING = {"learning_rate": 1e38}  # at once, whatever the optimizer


class Recorded(Trial):
    """A trial that keeps every state it offers, and can be asked to stop during a step."""

    def __init__(self, params, *, stop_at=0, **more):
        super().__init__(params, **more)
        self.stop_at, self.states, self.shown, self.end = stop_at, {}, {}, "never ended"

    def steps(self):
        for step in super().steps():
            if step == self.stop_at:
                self.request_stop()
            yield step

    def checkpoint(self, step, save, predictions=None):
        self.states[step], self.shown[step] = save, predictions()

    def result(self):
        """All that came of it but how long it took."""
        self.finish()
        points = [
            (name, step, struct.pack("<d", value))
            for name, step, value in self.sink.rows
            if name not in TIMES
        ]
        return {"end": self.end, "points": points, "states": self.states, "shown": self.shown}


def trial(lane, shape, *, max_steps=12, eval_every=4, workload="digits-mlp", **more):
    own = {**shape, **lane}
    seed, stop_at = own.pop("seed", 0), own.pop("stop_at", 0)
    return Recorded(
        own,
        seed=seed,
        stop_at=stop_at,
        max_steps=max_steps,
        eval_every=eval_every,
        workload=workload,
        name=f"lane {lane}",
        objective=Objective("validation/loss"),
        **more,
    )


def describe(end):
    return None if end is None else (type(end), str(end))


def alone(*args, **more):
    one = trial(*args, **more)
    try:
        train(one)
        one.end = None
    except (Diverged, Stopped) as end:
        one.end = describe(end)
    return one.result()


def together(lanes, shape, **more):
    trials = [trial(lane, shape, **more) for lane in lanes]

    def ended(one, end):
        one.end = describe(end)

    train_stack(Stack(trials, ended))
    return [one.result() for one in trials]


def assert_same(lanes, shape, **more):
    """Compare all lanes of a stack with the same trials alone; give the trials' results."""
    expected = [alone(lane, shape, **more) for lane in lanes]
    for lane, found, right in zip(lanes, together(lanes, shape, **more), expected, strict=True):
        for what in right:
            assert found[what] == right[what], f"{what} of {lane} in {lanes}"
    return expected


RATES = st.sampled_from([1e-3, 0.05, 0.3, 1e4, 1e38])  # the last ones diverge
LANES = st.lists(
    st.fixed_dictionaries(
        {"seed": st.integers(0, 3), "learning_rate": RATES},
        optional={
            "momentum": st.sampled_from([0.0, 0.5, 0.99]),
            "beta1": st.sampled_from([0.0, 0.8]),
            "beta2": st.sampled_from([0.9, 0.9999]),
            "epsilon": st.sampled_from([1e-10, 1e-2]),
            "rho": st.sampled_from([0.5, 0.99]),
            "weight_decay": st.sampled_from([0.0, 1e-2, 1e4]),
            "dropout": st.sampled_from([0.0, 0.3, 0.7]),
            "clip_norm": st.sampled_from([None, 0.1, 10.0]),
            "init_scale": st.sampled_from([0.1, 3.0]),
            "schedule": st.sampled_from(["constant", "linear", "cosine"]),
            "warmup_steps": st.sampled_from([0, 5]),
            "final_factor": st.sampled_from([0.0, 0.5]),
            "stop_at": st.integers(1, 11),
        },
    ),
    min_size=1,
    max_size=5,
)
SHAPES = st.fixed_dictionaries(
    {
        "optimizer": st.sampled_from(list(OPTIMIZERS)),
        "depth": st.integers(0, 2),
        "width": st.sampled_from([1, 8, 13, 20, 33]),
        "activation": st.sampled_from(["relu", "tanh"]),
        "batch_size": st.sampled_from([1, 16, 37]),
    }
)


@settings(max_examples=60, deadline=None)
@given(LANES, SHAPES, st.sampled_from(list(plugin.workloads)))
def test_any_packing_equals_its_trials_alone(lanes, shape, workload):
    assert_same(lanes, shape, workload=workload)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.1, 0.25]), min_size=2, max_size=5), st.data())
@example([0.0, 0.1], None)
def test_smoothing_is_a_lane_s_own(amounts, data):
    dropout = [0.0] * 5 if data is None else data.draw(st.permutations([0.0, 0.2, 0.0, 0.4, 0.0]))
    lanes = [{"label_smoothing": a, "dropout": d} for a, d in zip(amounts, dropout, strict=False)]
    assert_same(lanes, {"width": 9, "batch_size": 37})


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_eight_lanes_of_the_benchmark_s_shape(optimizer):
    """Long enough for the steps that are not all logged, with two deaths, one of them late."""
    shape = {"optimizer": optimizer, "depth": 2, "width": 128, "batch_size": 64}
    lanes = [{"seed": i, "learning_rate": 1e-3 * (1 + i)} for i in range(8)]
    lanes[2] = {**DIVERGING, "seed": 2}
    lanes[5] = {"seed": 5, "learning_rate": 0.01, "stop_at": 103}
    results = assert_same(lanes, shape, max_steps=125, eval_every=55)
    assert [result["end"] and result["end"][0] for result in results] == (
        [None, None, Diverged, None, None, Stopped, None, None]
    )
    assert together(lanes[::-1], shape, max_steps=125, eval_every=55) == results[::-1]


def test_the_order_and_the_company_do_not_matter():
    lanes = [{"seed": i, "dropout": 0.1 * i, "learning_rate": 0.01 * (i + 1)} for i in range(5)]
    shape = {"width": 50, "depth": 1, "batch_size": 50}
    expected = {lane["seed"]: alone(lane, shape) for lane in lanes}
    for packing in ([0, 1, 2, 3, 4], [4, 2, 0, 3, 1], [3, 3], [1, 4], [2]):
        results = together([lanes[i] for i in packing], shape)
        for i, found in zip(packing, results, strict=True):
            assert found == expected[i], f"lane {i} of {packing}"


def test_a_lane_diverges_at_its_own_step_and_the_others_never_notice():
    """Weights that double decide when; nobody else is logged where it is."""
    late = {"learning_rate": 1.0, "weight_decay": 2.5, "seed": 1}
    shape = {"optimizer": "sgd", "depth": 0, "batch_size": 64}
    calm = [{"learning_rate": 0.01, "seed": i} for i in (2, 3)]
    results = assert_same([calm[0], late, calm[1]], shape, max_steps=300, eval_every=300)
    assert [result["end"] and result["end"][0] for result in results] == [None, Diverged, None]
    losses = {s: struct.unpack("<d", v)[0] for n, s, v in results[1]["points"] if n == "train/loss"}
    bad = [step for step, loss in losses.items() if not math.isfinite(loss)]
    assert bad[0] > 100
    assert bad == list(range(bad[0], bad[0] + 10))
    assert results[1]["end"][1] == f"diverged at step {bad[0]}"
    steps = {step for name, step, _ in results[0]["points"]}
    assert steps == {*range(1, 101), *range(110, 301, 10)}


def test_the_last_lane_dies_and_the_stack_ends():
    results = assert_same([DIVERGING, {**DIVERGING, "seed": 1}], {"width": 8}, max_steps=40)
    assert all(result["end"][0] is Diverged for result in results)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_stack_resumes_bit_for_bit_in_any_packing(optimizer, tmp_path):
    shape = {"optimizer": optimizer, "width": 20, "schedule": "cosine", "batch_size": 37}
    lanes = [{"seed": i, "dropout": 0.2 * i, "learning_rate": 0.002 * (i + 1)} for i in range(3)]
    whole = together(lanes, shape, max_steps=75, eval_every=25)
    trials = []
    for i in (2, 0):
        path = tmp_path / str(i)
        path.write_bytes(whole[i]["states"][50])
        more = {"start_step": 50, "resume_path": str(path)}
        trials.append(trial(lanes[i], shape, max_steps=75, eval_every=25, **more))
    train_stack(Stack(trials, lambda one, end: None))
    for i, resumed in zip((2, 0), trials, strict=True):
        later = [point for point in whole[i]["points"] if point[1] > 50]
        assert resumed.result()["points"] == later
        assert resumed.states == {75: whole[i]["states"][75]}


def test_a_checkpoint_is_the_lane_s_own_rows():
    results = together([{"seed": 1}, {"seed": 2}], {"optimizer": "adam", "width": 16, "depth": 1})
    assert results[0]["states"].keys() == {1, 4, 8, 12}
    assert len(results[0]["states"][4]) == 3 * (65 * 16 + 17 * 10) * 4 + 128
    assert results[0]["states"][4] != results[1]["states"][4]


def test_times_are_a_lane_s_share():
    """The shares of all trials add up to no more than the time that passed."""
    trials = [trial({"seed": i}, {}, max_steps=400, eval_every=400) for i in range(4)]
    start = time.perf_counter()
    train_stack(Stack(trials, lambda one, end: None))
    passed = time.perf_counter() - start
    for one in trials:
        one.finish()
    times = [{n: v for n, s, v in one.sink.rows if s == 400 and n in TIMES} for one in trials]
    assert all(found == times[0] for found in times)
    assert 0.25 * passed < times[0]["step_time"] * 4 * 399 < passed
    assert 0 <= times[0]["data_wait"] <= times[0]["step_time"]


def lane(**params):
    shape = {"optimizer": "sgd", "dropout": 0.5, **params}
    complete = read(shape, plugin.workloads["digits-mlp"])
    one = Trial(shape, max_steps=9, seed=3)
    return Lane(one, complete, np.zeros((1, 3), np.float32), np.zeros(3, np.float32))


@pytest.mark.parametrize("limit", [None, 0.1])
def test_the_step_after_a_loss_that_was_not_finite_is_logged_too(limit):
    one = lane(clip_norm=limit)
    losses = [1.0, math.inf, 1.0, 1.0, math.nan, math.nan, 2.0, 2.0]
    logged = [one.update(7, np.ones(3, np.float32), loss, False) for loss in losses]
    assert [bool(found) for found in logged] == [False, True, True, False, True, True, True, False]
    assert one.update(7, np.ones(3, np.float32), 1.0, True)["train/loss"] == 1.0


def test_masks_are_a_function_of_seed_and_step():
    first, again, later = (lane().dropout_numbers(step).random() for step in (4, 4, 5))
    assert first == again != later
    assert lane(dropout=0.0).dropout_numbers(4) is None


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"momentum": 1.0}, "momentum: found 1.0; expected a number ≥ 0 and < 1"),
        ({"batch_size": 5000}, "batch_size: found 5000; expected at most 1077"),
        ({"width": 16}, "width: found 16; expected 8, as its stack has"),
        ({"optimizer": "adam"}, "optimizer: found 'adam'; expected 'sgd', as its stack has"),
    ],
)
def test_a_bad_lane_is_named_before_anything_is_trained(own, words):
    shape = {"width": 8, "optimizer": "sgd"}
    trials = [trial(each, shape) for each in ({}, own)]
    with pytest.raises(ValueError, match="found") as caught:
        train_stack(Stack(trials, lambda one, end: None))
    assert str(caught.value) == f"{trials[1].name}: {words}"
    assert all(not one.states for one in trials)


def test_a_checkpoint_that_does_not_fit_is_named(tmp_path):
    np.save(tmp_path / "state.npy", np.zeros((2, 3), np.float32))
    path = str(tmp_path / "state.npy")
    trials = [trial({"seed": i}, {}, start_step=4, resume_path=path) for i in range(2)]
    with pytest.raises(ValueError, match=r"^lane .*: checkpoint: found an array of \(2, 3\);"):
        train_stack(Stack(trials, lambda one, end: None))


def examples(count):
    rows = np.arange(count, dtype=np.float32)[:, None]
    return rows, -rows


def test_an_epoch_shows_each_example_at_most_once_to_a_lane():
    inputs, targets = examples(10)
    batches = StackedBatches(inputs, [targets, targets * 2], size=3, seeds=[4, 5])
    assert batches.per_epoch == 3
    shown = []
    for step in range(1, 7):
        seen, right = batches.at(step)
        assert seen.shape == right.shape == (2, 3, 1)
        np.testing.assert_array_equal(right, -seen * np.array([1, 2])[:, None, None])
        shown.append(seen[:, :, 0].copy())
    for lane in range(2):
        epochs = [np.concatenate([s[lane] for s in shown[i : i + 3]]).tolist() for i in (0, 3)]
        assert [len(set(epoch)) for epoch in epochs] == [9, 9]
        assert epochs[0] != epochs[1]
    assert not np.array_equal(shown[0][0], shown[0][1])


def test_what_an_epoch_leaves_out_changes():
    left_out = set()
    inputs, targets = examples(10)
    batches = StackedBatches(inputs, [targets], 3, [4])
    for epoch in range(40):
        shown = {x for s in (1, 2, 3) for x in batches.at(3 * epoch + s)[0][0, :, 0].tolist()}
        left_out |= set(range(10)) - shown
    assert left_out == set(range(10))


def test_batches_are_a_function_of_the_lane_s_seed_and_the_step():
    inputs, targets = examples(10)

    def shown(step, seeds):
        found = StackedBatches(inputs, [targets] * len(seeds), 4, seeds).at(step)[0]
        return [lane[:, 0].tolist() for lane in found]

    for step in (7, 2, 5, 1):
        pair = shown(step, [4, 9])
        assert pair == shown(step, [9, 4])[::-1] == [shown(step, [4])[0], shown(step, [9])[0]]
