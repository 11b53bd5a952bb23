"""Whole trials of the MLX trainer: it conforms, resumes, learns, and says what it cannot do."""

import math
import subprocess
import sys
import textwrap
from dataclasses import replace

import mlx.core as mx
import pytest

import labtui_mlx.train
from labtui.trainer import Infeasible, Trial
from labtui.trainer.testing import (
    Case,
    check_other_seed_other_curve,
    check_resume_is_bit_equal,
    conformance,
)
from labtui_mlx import plugin
from labtui_mlx.data import DATA
from labtui_mlx.devices import out_of_memory
from labtui_mlx.learner import Learner
from labtui_mlx.models import MODELS
from labtui_mlx.optimizers import RULES
from labtui_mlx.train import LOG_EVERY, _Curve, _load, train
from labtui_workloads.settings import read
from tests.support.backends import ALL, PERCEPTRONS, check_declared_metrics, curves, train_trial

pytestmark = pytest.mark.backend

MLP = Case(
    train,
    {"depth": 2, "width": 16, "dropout": 0.1, "learning_rate": 0.02},
    workload="digits-mlp",
    metric="validation/error_rate",
    max_steps=21,
    eval_every=8,
    examples=360,
)
TRANSFORMER = replace(
    MLP,
    workload="source-transformer",
    metric="validation/loss",
    params={"width": 4, "heads": 2, "depth": 1, "batch_size": 8, "dropout": 0.1},
    max_steps=5,
    eval_every=2,
    examples=67 * 64,
)
SMALL = {case.workload: case for case in (MLP, TRANSFORMER)}


class Recorded(Trial):
    """Remembers what would be kept beside the newest state."""

    def checkpoint(self, step, save, predictions=None):
        self.state, self.kept = save, predictions()


def trained(params, **options):
    return train_trial(train, params, kind=Recorded, **options)


@pytest.fixture
def fewer_windows(monkeypatch):
    """Evaluate a part of the corpus: MLX computes an exponential in 70 ns on the CPU."""
    whole = DATA["source-transformer"]()
    parts = {name: (x[:67], y[:67]) for name, (x, y) in whole.splits.items()}
    monkeypatch.setitem(
        labtui_mlx.train.DATA, "source-transformer", lambda: replace(whole, splits=parts)
    )


# -- what every trainer must do ------------------------------------------------------------------


@pytest.mark.usefixtures("fewer_windows")
@pytest.mark.parametrize("workload", SMALL)
def test_conforms(workload):
    diverging = {"optimizer": "sgd", "learning_rate": 1e30, "normalization": "none"}
    conformance(SMALL[workload], diverging_params=diverging)


@pytest.mark.parametrize("optimizer", RULES)
def test_every_optimizer_resumes_bit_for_bit(optimizer):
    params = {"optimizer": optimizer, "learning_rate": 1e-3, "depth": 3, "width": 16, **ALL}
    check_resume_is_bit_equal(replace(MLP, params=params))


@pytest.mark.usefixtures("fewer_windows")
@pytest.mark.parametrize("position", ["inside", "outside"])
def test_a_transformer_with_everything_resumes_bit_for_bit(position):
    known = plugin.workloads["source-transformer"].hyperparameters
    params = {name: value for name, value in ALL.items() if name in known}
    params = {**params, **TRANSFORMER.params, "normalization": "layer", "norm_position": position}
    check_resume_is_bit_equal(replace(TRANSFORMER, params=params))


def test_a_resume_in_a_later_epoch():
    case = replace(MLP, params={"batch_size": 64, "dropout": 0.3}, max_steps=50, eval_every=15)
    assert 30 % (1077 // 64)
    check_resume_is_bit_equal(case)


def test_a_loss_that_is_not_finite_is_logged_at_its_own_step_and_the_one_after_it():
    trial = Trial({}, max_steps=300, eval_every=125)
    curve = _Curve(trial)
    for step in range(98, 131):
        loss = mx.array(math.inf if step in (113, 114, 122) else 1.0)
        curve.add(step, {"train/loss": loss, "learning_rate": 0.1})
    curve.read()
    expected = [98, 99, 100, 110, 113, 114, 115, 120, 122, 123, 125, 130]
    assert list(curves(trial)["train/loss"]) == expected


def test_the_curve_is_read_often_enough(monkeypatch):
    """However slow the steps are, and however fast."""
    for seconds, most in ((0.0, 0), (math.inf, LOG_EVERY - 1)):
        monkeypatch.setattr(labtui_mlx.train, "READ_SECONDS", seconds)
        trial, late = Trial({}, max_steps=60, eval_every=60), 0
        curve = _Curve(trial)
        for step in range(1, 61):
            curve.add(step, {"train/loss": mx.array(1.0)})
            late = max(late, step - max(curves(trial).get("train/loss", {0: 0})))
        assert late == most


# -- declarations --------------------------------------------------------------------------------


def test_declarations_need_no_mlx():
    code = "import sys, labtui_mlx; sys.exit('mlx' in sys.modules or 'mlx.core' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_declared_is_what_there_is():
    assert plugin.workloads.keys() == MODELS.keys() == DATA.keys()
    for workload in plugin.workloads.values():
        names = workload.hyperparameters
        assert set(RULES) == set(names["optimizer"].values)
        for rule in RULES.values():
            assert set(rule.takes) < set(names)


@pytest.mark.usefixtures("fewer_windows")
@pytest.mark.parametrize("workload", SMALL)
def test_declared_metrics_are_the_logged_ones(workload):
    check_declared_metrics(plugin, train, workload, SMALL[workload].params)


@pytest.mark.parametrize("workload", SMALL)
def test_evaluations_see_the_declared_number_of_examples(workload):
    data = DATA[workload]()
    for name, metric in plugin.workloads[workload].metrics.items():
        if metric.examples:
            assert data.splits[name.partition("/")[0]][1].size == metric.examples
    assert len(data.splits["validation"][1]) % data.evaluation_batch  # the last one is partial


def test_the_same_digits_as_numpys():
    from labtui_numpy.data import load

    data, theirs = DATA["digits-mlp"](), load("digits")
    for split, rows in theirs.splits.items():
        inputs, labels = data.splits[split]
        assert inputs.tolist() == theirs.inputs[rows].tolist()
        assert labels.tolist() == theirs.targets[rows].argmax(axis=1).tolist()


# -- what is logged ------------------------------------------------------------------------------


def test_logs_the_start_densely_and_then_every_tenth_step():
    found, _ = trained({"width": 8, "clip_norm": 1.0}, max_steps=137, eval_every=63)
    expected = [*range(1, 101), 110, 120, 126, 130, 137]
    for name in ("train/loss", "grad_norm", "learning_rate", "clipped"):
        assert list(found[name]) == expected
    assert set(found["clipped"].values()) == {0.0, 1.0}
    assert list(found["train/error_rate"]) == [1, 63, 126, 137]


def test_clipped_is_said_where_the_norm_is_above_the_limit():
    found, _ = trained({"width": 8, "clip_norm": 0.8})
    assert {step: float(norm > 0.8) for step, norm in found["grad_norm"].items()} == (
        found["clipped"]
    )


@pytest.mark.usefixtures("fewer_windows")
@pytest.mark.parametrize("workload", SMALL)
def test_predictions_are_those_of_the_evaluated_model(workload):
    params = {**SMALL[workload].params, "polyak_decay": 0.9}
    found = [trained(params, max_steps=6, workload=workload)[1].kept for _ in range(2)]
    assert found[0] == found[1]
    assert [shown["index"] for shown in found[0]] == list(range(8))
    targets = DATA[workload]().splits["validation"][1][:8].tolist()
    if workload == "source-transformer":
        assert {len(shown["expected"]) for shown in found[0]} == {64}
        assert {len(shown["predicted"]) for shown in found[0]} == {64}
    else:
        assert [shown["expected"] for shown in found[0]] == targets
        assert all(0.1 <= shown["probability"] <= 1.0 for shown in found[0])


def test_an_evaluation_in_batches_is_one_of_the_whole(tmp_path):
    params = {"width": 8, "depth": 1, "init_scale": 3.0}
    found, trial = trained(params, max_steps=1)
    (tmp_path / "state").write_bytes(trial.state)
    settings = read(params, plugin.workloads["digits-mlp"])
    learner = Learner(MODELS["digits-mlp"](settings), settings, compiled=False)
    for split, batch in DATA["digits-mlp"]().splits.items():
        loss, wrong = learner.outcome(_load(str(tmp_path / "state")), batch)
        assert found[f"{split}/error_rate"][1] == wrong.item() / len(batch[1])
        if split != "train":
            assert found[f"{split}/loss"][1] == pytest.approx(loss.item(), rel=1e-5)


# -- it learns -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("optimizer", "rate"),
    [
        ("sgd", 0.2),
        ("momentum", 0.05),
        ("nesterov", 0.05),
        ("rmsprop", 2e-3),
        ("adam", 5e-3),
        ("nadam", 5e-3),
    ],
)
def test_every_optimizer_learns_digits(optimizer, rate):
    params = {"optimizer": optimizer, "learning_rate": rate, "width": 32}
    found, _ = trained(params, max_steps=150, eval_every=150)
    assert found["validation/error_rate"][150] < 0.08  # of 0.9


@pytest.mark.parametrize("params", PERCEPTRONS)
def test_every_kind_of_perceptron_learns_digits(params):
    found, _ = trained({"width": 32, **params}, max_steps=120, eval_every=60)
    assert found["validation/error_rate"][120] < 0.1
    assert found["train/error_rate"][120] < 0.06


@pytest.mark.usefixtures("fewer_windows")
def test_a_transformer_learns_source_code():
    params = {"width": 16, "heads": 2, "depth": 1, "batch_size": 8, "learning_rate": 0.02}
    found, _ = trained(params, max_steps=160, eval_every=160, workload="source-transformer")
    for split in ("validation", "test", "train"):
        assert found[f"{split}/error_rate"][160] < 0.69  # of 0.99; always a space is about 0.7
    assert found["validation/loss"][160] < 2.7 < 4.0 < found["validation/loss"][1]


def test_averaging_is_what_is_evaluated():
    params = {"learning_rate": 0.3, "batch_size": 8, "width": 16}
    plain, averaged = (trained({**params, "polyak_decay": d})[0] for d in (0.0, 0.95))
    assert averaged["train/loss"] == plain["train/loss"]  # training itself is untouched
    assert averaged["validation/loss"][1] == plain["validation/loss"][1]  # one update: no past
    assert averaged["validation/loss"][60] < plain["validation/loss"][60]


def test_dropout_differs_by_seed_and_is_off_in_evaluations():
    check_other_seed_other_curve(MLP)
    found = [trained({"width": 16, "dropout": d}, max_steps=1)[0] for d in (0.0, 0.5)]
    assert found[0]["train/loss"] != found[1]["train/loss"]


# -- what it cannot do ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("device", "found"), [("mps", "no Metal device"), ("cuda", "device 'cuda'")]
)
def test_a_fallback_is_said(device, found, monkeypatch):
    monkeypatch.setattr(mx.metal, "is_available", lambda: False)
    logged, trial = trained({"width": 8}, max_steps=2, device=device)
    assert trial.device == "cpu"
    assert mx.default_device() == mx.cpu
    assert logged["train/loss"] == trained({"width": 8}, max_steps=2)[0]["train/loss"]
    assert trial.sink.messages == [
        {"kind": "device", "device": "cpu"},
        {
            "kind": "warning",
            "text": f"trains on cpu, not {device}: found {found}; MLX {mx.__version__} trains on "
            "mps or cpu here",
        },
    ]


def test_what_cannot_be_is_infeasible():
    with pytest.raises(Infeasible, match="width 60 does not divide by 8 heads"):
        trained({"width": 60, "heads": 8}, workload="source-transformer")
    with pytest.raises(Infeasible, match="batch normalization over 1 example"):
        trained({"normalization": "batch", "batch_size": 1})


def test_a_batch_below_the_virtual_one_is_said():
    _, trial = trained({"normalization": "batch", "batch_size": 32, "width": 8}, max_steps=2)
    assert [message["text"] for message in trial.sink.messages] == [
        "batch normalization takes its statistics over 32 examples, the batch, and not over "
        "virtual_batch_size 64"
    ]


def test_wrong_requests_are_explained():
    with pytest.raises(ValueError, match=r"'digit-mlp'; did you mean 'digits-mlp'\?"):
        trained({}, workload="digit-mlp")
    with pytest.raises(ValueError, match=r"'digits-cnn'; .*known: digits-mlp, source-"):
        trained({}, workload="digits-cnn")
    with pytest.raises(ValueError, match="batch_size: found 5000; expected at most 1077"):
        trained({"batch_size": 5000})
    with pytest.raises(ValueError, match=r"did you mean 'adam'\?"):
        trained({"optimizer": "adm"})


def test_a_checkpoint_of_another_shape_is_refused(tmp_path):
    _, trial = trained({"width": 8}, max_steps=1)
    path = tmp_path / "state"
    path.write_bytes(trial.state)
    trial = Trial({"width": 9}, max_steps=9, workload="digits-mlp", start_step=1, resume_path=path)
    with pytest.raises(ValueError, match=r"values: found \(610,\); expected \(685,\): it belongs"):
        train(trial)


def test_out_of_memory_is_infeasible(monkeypatch):
    """What Metal says; the CPU's build ends in a segmentation fault instead."""
    said = (
        "[metal::malloc] Attempting to allocate 24454103552 bytes which is greater than the "
        "maximum allowed buffer size of 22613000192 bytes."
    )

    def update(*_, **__):
        raise RuntimeError(said)

    with monkeypatch.context() as patched:
        patched.setattr(labtui_mlx.train.Learner, "update", update)
        with pytest.raises(Infeasible, match=r"out of memory: \[metal::malloc\] Attempting"):
            trained({"width": 8})
    assert trained({"width": 8}, max_steps=2)[0]
    assert out_of_memory(RuntimeError("[malloc] Unable to allocate 1024 bytes."))
    assert out_of_memory(MemoryError())
    assert not out_of_memory(RuntimeError("[matmul] last dimension of first input"))


def test_other_errors_stay_errors(monkeypatch):
    def update(*_, **__):
        raise RuntimeError("[matmul] last dimension of first input")

    monkeypatch.setattr(labtui_mlx.train.Learner, "update", update)
    with pytest.raises(RuntimeError, match="last dimension"):
        trained({"width": 8})


# -- what it needs -------------------------------------------------------------------------------


def test_numpy_is_not_needed():
    params = {name: dict(case.params) for name, case in SMALL.items()}
    code = f"""
        import sys
        sys.modules["numpy"] = None
        from labtui.trainer import Trial
        from labtui_mlx.train import train
        for workload, params in {params}.items():
            trial = Trial(params, max_steps=2, workload=workload)
            train(trial)
            trial.finish()
            print(workload, len(trial.sink.rows) > 9)
        assert sys.modules["numpy"] is None
        """
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "".join(f"{name} True\n" for name in SMALL)
    assert done.stderr == ""
