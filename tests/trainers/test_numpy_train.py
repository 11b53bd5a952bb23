import json
import math
import subprocess
import sys
import warnings

import numpy as np
import pytest

from labtui.trainer import Diverged, Objective, Trial
from labtui.trainer.checkpoints import Keeper
from labtui.trainer.trial import Sink
from labtui_numpy import plugin
from labtui_numpy.data import load
from labtui_numpy.lane import norm
from labtui_numpy.optimizers import OPTIMIZERS
from labtui_numpy.train import DATA, train
from labtui_workloads.settings import LIMITS, read

DIGITS = plugin.workloads["digits-mlp"]


def trained(params, *, max_steps=60, eval_every=20, seed=1, workload="digits-mlp"):
    trial = Trial(params, max_steps=max_steps, eval_every=eval_every, seed=seed, workload=workload)
    train(trial)
    trial.finish()
    return curves(trial)


def curves(trial):
    found = {}
    for name, step, value in trial.sink.rows:
        assert step not in found.setdefault(name, {}), f"{name} twice at {step}"
        found[name][step] = value
    return found


def test_declarations_need_no_numpy():
    code = "import sys, labtui_numpy; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("workload", plugin.workloads)
def test_declared_metrics_are_the_logged_ones(workload):
    found = set(trained({"clip_norm": 1.0}, workload=workload))
    others = {"grad_norm", "learning_rate", "clipped", "step_time", "data_wait"}
    assert found - others == set(plugin.workloads[workload].metrics)
    assert others <= found


@pytest.mark.parametrize("workload", plugin.workloads)
def test_defaults_beat_chance_by_a_clear_margin(workload):
    found = trained({}, max_steps=300, eval_every=50, workload=workload)
    for name, metric in plugin.workloads[workload].metrics.items():
        if metric.chance and name != "train/loss":
            assert min(found[name].values()) < 0.6 * metric.chance
    if workload == "diabetes-mlp":
        assert min(found["validation/rmse"].values()) < 60  # the target's spread is 75


@pytest.mark.parametrize(
    ("optimizer", "rate"),
    [
        ("sgd", 0.2),
        ("momentum", 0.05),
        ("nesterov", 0.05),
        ("rmsprop", 2e-3),
        ("adam", 3e-3),
        ("nadam", 3e-3),
    ],
)
def test_every_optimizer_learns_digits(optimizer, rate):
    found = trained({"optimizer": optimizer, "learning_rate": rate}, max_steps=300, eval_every=100)
    assert found["validation/error_rate"][300] < 0.06


def test_every_option_trains():
    params = {
        "depth": 3,
        "width": 20,
        "activation": "tanh",
        "dropout": 0.2,
        "label_smoothing": 0.1,
        "weight_decay": 1e-3,
        "schedule": "cosine",
        "warmup_steps": 10,
        "final_factor": 0.1,
        "clip_norm": 0.5,
        "init_scale": 0.5,
        "batch_size": 50,
    }
    found = trained(params, max_steps=200, eval_every=50)
    assert found["train/loss"][200] < found["train/loss"][1] / 2
    assert found["learning_rate"][5] == pytest.approx(0.05 * 5 / 10)
    assert found["learning_rate"][11] == 0.05
    assert 0.005 < found["learning_rate"][200] < 0.0051
    assert set(found["clipped"].values()) == {0.0, 1.0}
    norms = found["grad_norm"]
    assert all(found["clipped"][s] == float(norms[s] > 0.5) for s in norms)


def test_no_hidden_layer_is_logistic_regression():
    assert (
        trained({"depth": 0, "learning_rate": 0.1}, max_steps=200)["validation/error_rate"][200]
        < 0.1
    )


def test_clipping_changes_the_update_and_not_the_logged_norm():
    free, clipped = (
        trained({"optimizer": "sgd", "learning_rate": 0.1, "clip_norm": limit}, max_steps=3)
        for limit in (None, 0.1)
    )
    assert free["grad_norm"][1] == clipped["grad_norm"][1] > 0.1
    assert free["train/loss"][3] < clipped["train/loss"][3]
    assert "clipped" not in free


def test_points_are_dense_only_at_first():
    found = trained({}, max_steps=250, eval_every=25)
    dense = set(range(1, 101))
    expected = dense | set(range(110, 251, 10)) | set(range(25, 251, 25))
    for name in ("train/loss", "grad_norm", "learning_rate"):
        assert set(found[name]) == expected
    evaluations = {1, *range(25, 251, 25)}
    for name in ("validation/loss", "test/error_rate", "step_time", "data_wait"):
        assert set(found[name]) == evaluations
    assert all(0 <= found["data_wait"][s] <= found["step_time"][s] for s in evaluations)


def test_divergence_is_noticed_where_it_happens_and_silently(capfd):
    params = {"learning_rate": 1e4, "depth": 2, "momentum": 0.99}
    trial = Trial(params, max_steps=1000, eval_every=500, workload="digits-mlp")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(Diverged) as caught:
            train(trial)
    first = min(s for s, v in curves(trial)["train/loss"].items() if not math.isfinite(v))
    assert first == caught.value.step < 100
    assert trial.step <= first + 9
    assert capfd.readouterr() == ("", "")


def test_late_divergence_is_logged_outside_the_logging_steps():
    params = {"learning_rate": 1.0, "weight_decay": 2.5}
    trial = Trial(
        {**params, "optimizer": "sgd", "depth": 0},
        max_steps=3000,
        eval_every=3000,
        workload="digits-mlp",
        objective=Objective("validation/error_rate"),
    )
    with pytest.raises(Diverged) as caught:
        train(trial)
    losses = curves(trial)["train/loss"]
    assert caught.value.step > 100
    assert [s for s, v in losses.items() if not math.isfinite(v)] == list(
        range(caught.value.step, caught.value.step + 10)
    )


@pytest.mark.parametrize("workload", plugin.workloads)
def test_the_best_checkpoint_tells_what_it_predicts(workload, tmp_path):
    metric = next(iter(plugin.workloads[workload].metrics))
    sink = Sink()
    keeper = Keeper(str(tmp_path), 1, keep=1, minimize=True, announce=sink.messages.append)
    trial = Trial(
        {},
        max_steps=200,
        eval_every=100,
        workload=workload,
        objective=Objective(metric),
        sink=sink,
        keeper=keeper,
    )
    train(trial)
    trial.finish()
    [best] = [m for m in sink.messages if m["kind"] == "kept"][-1]["best"]
    shown = json.loads((tmp_path / f"a1-s{best}" / "predictions.json").read_text())
    assert [example["index"] for example in shown] == list(range(8))
    data = load(DATA[workload])
    rows = slice(data.splits["validation"].start, data.splits["validation"].start + 8)
    if workload == "digits-mlp":
        expected = data.targets[rows].argmax(axis=1).tolist()
        assert sum(e["predicted"] == e["expected"] for e in shown) >= 6
        assert all(0.1 < e["probability"] <= 1.0 for e in shown)
    else:
        expected = data.targets[rows, 0].tolist()
        assert np.corrcoef([[e["predicted"], e["expected"]] for e in shown], rowvar=False)[0, 1] > 0
    assert [e["expected"] for e in shown] == pytest.approx(expected)


def test_norm_beyond_the_squares_of_float32():
    assert norm(np.full(4, 1e30, np.float32)) == pytest.approx(2e30, rel=1e-6)
    assert norm(np.array([3.0, 4.0], np.float32)) == 5.0
    assert math.isnan(norm(np.array([np.nan], np.float32)))


@pytest.mark.parametrize(
    ("params", "words"),
    [
        (
            {"learning_rat": 0.1},
            ["'learning_rat'", "did you mean 'learning_rate'?", "beta1, beta2"],
        ),
        ({"optimizer": "nesterof"}, ["'nesterof'", "did you mean 'nesterov'?", "rmsprop"]),
        ({"momentum": 1.0}, ["momentum", "found 1.0", "≥ 0 and < 1"]),
        ({"learning_rate": -0.1}, ["learning_rate", "found -0.1", "a number ≥ 0"]),
        ({"learning_rate": math.nan}, ["learning_rate", "found nan"]),
        ({"learning_rate": "0.1"}, ["learning_rate", "found '0.1'"]),
        ({"width": 2.5}, ["width", "found 2.5", "a whole number ≥ 1"]),
        ({"batch_size": True}, ["batch_size", "found True"]),
        ({"batch_size": 5000}, ["batch_size", "found 5000", "at most 1077"]),
        ({"depth": math.inf}, ["depth", "found inf"]),
        ({"dropout": None}, ["dropout", "found None"]),
    ],
)
def test_wrong_hyperparameters_are_explained(params, words):
    with pytest.raises(ValueError, match="found") as caught:
        trained(params)
    for word in words:
        assert word in str(caught.value)


def test_unknown_workload_is_explained():
    with pytest.raises(ValueError, match=r"'digit-mlp'; did you mean 'digits-mlp'\?"):
        trained({}, workload="digit-mlp")
    with pytest.raises(ValueError, match="label_smoothing"):
        trained({"label_smoothing": 0.1}, workload="diabetes-mlp")


def test_values_become_what_the_trainer_computes_with():
    found = read({"width": 32.0, "learning_rate": 1, "clip_norm": None}, DIGITS)
    assert (found["width"], found["learning_rate"], found["clip_norm"]) == (32, 1.0, 0.0)
    assert type(found["width"]) is int
    assert type(found["learning_rate"]) is float
    assert set(found) == set(DIGITS.hyperparameters)


@pytest.mark.parametrize("workload", plugin.workloads.values())
def test_declarations_agree_with_what_is_accepted(workload):
    for name, declared in workload.hyperparameters.items():
        assert declared.kind in (
            ["optimizer", "schedule", "regularization", "architecture", "batch", "data"]
        )
        for value in declared.values or (declared.default, declared.low, declared.high):
            read({name: value}, workload)
        assert bool(declared.values) != (name in LIMITS)
    assert workload.hyperparameters["optimizer"].values == tuple(OPTIMIZERS)


def test_a_checkpoint_of_another_shape_is_refused(tmp_path):
    np.save(tmp_path / "state.npy", np.zeros((2, 3), np.float32))
    trial = Trial(
        {},
        max_steps=9,
        workload="digits-mlp",
        start_step=1,
        resume_path=str(tmp_path / "state.npy"),
    )
    with pytest.raises(
        ValueError, match=r"checkpoint: found an array of \(2, 3\); expected \(2, 9610\)"
    ):
        train(trial)
