"""Whole trials of the torch trainer: it conforms, resumes, learns, and says what it cannot do."""

import math
import subprocess
import sys
import textwrap
from dataclasses import replace

import pytest
import torch

import labtui_torch.devices
from labtui.trainer import Diverged, Infeasible, Objective, Trial
from labtui.trainer.loop import evaluation_steps
from labtui.trainer.testing import Case, check_resume_is_bit_equal, conformance
from labtui_torch import RULES, plugin
from labtui_torch.data import DATA
from labtui_torch.models import MODELS
from labtui_torch.optimizers import OPTIMIZERS
from labtui_torch.train import _norm, _Run, train
from labtui_workloads.corpus import encode
from labtui_workloads.settings import read
from tests.support.backends import ALL, PERCEPTRONS, check_declared_metrics, curves, train_trial

pytestmark = pytest.mark.backend

MLP = Case(
    train,
    {"depth": 2, "width": 16, "dropout": 0.1, "learning_rate": 0.02},
    workload="digits-mlp",
    metric="validation/error_rate",
    examples=360,
)
CNN = replace(MLP, workload="digits-cnn", params={"width": 4, "batch_size": 16})
TRANSFORMER = replace(
    MLP,
    workload="source-transformer",
    metric="validation/loss",
    examples=251 * 64,
    params={"width": 16, "heads": 2, "depth": 1, "batch_size": 4, "dropout": 0.1},
)
SMALL = {case.workload: case for case in (MLP, CNN, TRANSFORMER)}


def trained(params, **options):
    return train_trial(train, params, **options)


# -- what every trainer must do ------------------------------------------------------------------


@pytest.mark.parametrize("workload", SMALL)
def test_conforms(workload):
    diverging = {"optimizer": "sgd", "weight_decay": 1e4, "normalization": "none"}
    conformance(SMALL[workload], diverging_params=diverging)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_resumes_bit_for_bit(optimizer):
    params = {"optimizer": optimizer, "learning_rate": 1e-3, "depth": 3, "width": 16, **ALL}
    check_resume_is_bit_equal(replace(MLP, params=params))


@pytest.mark.parametrize(
    ("workload", "params"),
    [
        ("digits-mlp", {"normalization": "layer", "norm_position": "outside"}),
        ("digits-cnn", {}),
        ("digits-cnn", {"norm_position": "outside", "residual": False}),
        ("source-transformer", {"normalization": "none", "norm_position": "outside"}),
    ],
)
def test_every_family_resumes_bit_for_bit(workload, params):
    case = SMALL[workload]
    every = {name: value for name, value in ALL.items() if name in known(workload)}
    if workload == "source-transformer":
        every["normalization"] = "layer"
    check_resume_is_bit_equal(replace(case, params={**every, **case.params, **params}))


def test_a_resume_in_the_middle_of_an_epoch():
    assert 30 % (1077 // 64)
    check_resume_is_bit_equal(replace(MLP, params={"batch_size": 64, "dropout": 0.3}))


def known(workload):
    return plugin.workloads[workload].hyperparameters


# -- declarations --------------------------------------------------------------------------------


def test_declarations_need_no_torch():
    code = "import sys, labtui_torch; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_declared_is_what_there_is():
    assert tuple(OPTIMIZERS) == RULES
    assert plugin.workloads.keys() == MODELS.keys() == DATA.keys()
    for workload in plugin.workloads.values():
        names = workload.hyperparameters
        for rule in OPTIMIZERS.values():
            assert set(rule.TAKES) < set(names)


@pytest.mark.parametrize("workload", SMALL)
def test_declared_metrics_are_the_logged_ones(workload):
    check_declared_metrics(plugin, train, workload, SMALL[workload].params)


@pytest.mark.parametrize("workload", SMALL)
def test_evaluations_see_the_declared_number_of_examples(workload):
    splits = DATA[workload]("cpu").splits
    for name, metric in plugin.workloads[workload].metrics.items():
        if metric.examples:
            assert splits[name.partition("/")[0]][1].numel() == metric.examples


# -- it learns -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("optimizer", "rate"),
    [
        ("sgd", 0.2),
        ("momentum", 0.05),
        ("nesterov", 0.05),
        *((rule, 3e-3) for rule in ("adam", "nadam", "torch_adam", "torch_adamw", "torch_nadam")),
        ("rmsprop", 2e-3),
        ("torch_rmsprop", 3e-4),
    ],
)
def test_every_optimizer_learns_digits(optimizer, rate):
    params = {"optimizer": optimizer, "learning_rate": rate}
    found, _ = trained(params, max_steps=200, eval_every=100)
    assert found["validation/error_rate"][200] < 0.06


@pytest.mark.parametrize("params", PERCEPTRONS)
def test_every_kind_of_perceptron_learns_digits(params):
    found, _ = trained({"width": 32, **params}, max_steps=150, eval_every=50)
    assert found["validation/error_rate"][150] < 0.09
    assert found["train/error_rate"][150] < 0.05


@pytest.mark.parametrize(
    "params",
    [
        {"virtual_batch_size": 16},
        {"norm_position": "outside", "zero_init_residual": True, "virtual_batch_size": 32},
        {"residual": False, "normalization": "layer"},
    ],
)
def test_convolutions_learn_digits(params):
    params = {"width": 8, "batch_size": 32, **params}
    found, _ = trained(params, max_steps=200, eval_every=200, workload="digits-cnn")
    assert found["validation/error_rate"][200] < 0.2  # of 0.9


def test_a_transformer_learns_source_code():
    params = {"width": 32, "batch_size": 8, "learning_rate": 0.01, "dropout": 0.05}
    found, _ = trained(params, max_steps=200, eval_every=100, workload="source-transformer")
    for split in ("validation", "test", "train"):
        assert found[f"{split}/error_rate"][200] < 0.65  # of 0.99; always a space is about 0.7
    assert found["validation/loss"][200] < 2.6 < found["validation/loss"][1]


def test_averaging_is_what_is_evaluated():
    params = {"learning_rate": 0.3, "batch_size": 8}
    plain, averaged = (trained({**params, "polyak_decay": d})[0] for d in (0.0, 0.95))
    assert averaged["train/loss"] == plain["train/loss"]  # training itself is untouched
    assert averaged["validation/loss"][1] == plain["validation/loss"][1]
    assert averaged["validation/loss"][60] < plain["validation/loss"][60]


# -- what it logs --------------------------------------------------------------------------------


def test_points_are_dense_only_at_first():
    found, _ = trained({}, max_steps=250, eval_every=25)
    expected = {*range(1, 101), *range(110, 251, 10), *range(25, 251, 25)}
    for name in ("train/loss", "grad_norm", "learning_rate"):
        assert set(found[name]) == expected
    evaluations = set(evaluation_steps(25, 250))
    for name in ("validation/loss", "test/error_rate", "step_time", "data_wait"):
        assert set(found[name]) == evaluations
    assert all(0 <= found["data_wait"][s] <= found["step_time"][s] for s in evaluations)


def test_clipping_changes_the_update_and_not_the_logged_norm():
    params = {"optimizer": "sgd", "learning_rate": 0.1}
    free, clipped = (trained({**params, "clip_norm": c}, max_steps=3)[0] for c in (None, 0.1))
    assert free["grad_norm"][1] == clipped["grad_norm"][1] > 0.1
    assert free["train/loss"][3] < clipped["train/loss"][3]
    assert "clipped" not in free
    assert set(clipped["clipped"].values()) == {1.0}
    loose, _ = trained({**params, "clip_norm": 1e6}, max_steps=3)
    assert loose["train/loss"] == free["train/loss"]
    assert set(loose["clipped"].values()) == {0.0}


def test_schedules_with_warmup():
    params = {"schedule": "cosine", "warmup_steps": 10, "final_factor": 0.1, "learning_rate": 0.05}
    found, _ = trained(params, max_steps=40)
    assert found["learning_rate"][5] == pytest.approx(0.025)
    assert found["learning_rate"][11] == 0.05
    assert 0.005 < found["learning_rate"][40] < 0.0052


def test_divergence_is_logged_outside_the_logging_steps():
    params = {"learning_rate": 1.0, "weight_decay": 2.5, "optimizer": "sgd", "depth": 0}
    trial = Trial(
        params,
        max_steps=3000,
        eval_every=3000,
        workload="digits-mlp",
        objective=Objective("validation/error_rate"),
    )
    with pytest.raises(Diverged) as caught:
        train(trial)
    losses = curves(trial)["train/loss"]
    first = caught.value.step
    assert first > 100
    assert [s for s, v in losses.items() if not math.isfinite(v)] == [*range(first, first + 10)]


def test_norm_beyond_the_squares_of_float32():
    assert float(_norm(torch.full((4,), 1e30), exact=True)) == pytest.approx(2e30, rel=1e-6)
    assert float(_norm(torch.tensor([3.0, 4.0]), exact=True)) == 5.0
    assert float(_norm(torch.tensor([3.0, 4.0]), exact=False)) == 5.0
    assert math.isnan(_norm(torch.tensor([math.nan]), exact=True))


def run_of(params, workload="digits-mlp", seed=1):
    trial = Trial(params, max_steps=9, seed=seed, workload=workload)
    return _Run(trial, read(params, plugin.workloads[workload]), torch.device("cpu"))


@pytest.mark.parametrize("workload", SMALL)
def test_an_evaluation_is_of_all_units_and_whole_splits(workload):
    """Also with dropout and batch statistics, which are the training's, and in partial batches."""
    every = {name: value for name, value in ALL.items() if name in known(workload)}
    if workload == "source-transformer":
        every["normalization"] = "layer"
    run = run_of({**every, **SMALL[workload].params, "dropout": 0.5, "polyak_decay": 0.0}, workload)
    for step in (1, 2):
        run._backward(step, *run._batches.at(step))
        run._update(step, norm=True)
    before = run._flat.values.clone()
    found = run._evaluate()
    assert torch.equal(run._flat.values, before)
    run._model.eval()
    for split, (inputs, targets) in DATA[workload]("cpu").splits.items():
        with torch.no_grad():
            logits = run._model(inputs).flatten(0, -2)
        wrong = (logits.argmax(1) != targets.flatten()).double().mean().item()
        assert found[f"{split}/error_rate"] == pytest.approx(wrong, abs=2 / targets.numel())
        if split != "train":
            loss = torch.nn.functional.cross_entropy(logits.double(), targets.flatten()).item()
            assert found[f"{split}/loss"] == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize("workload", SMALL)
def test_dropout_is_a_function_of_seed_and_step(workload):
    params = {**SMALL[workload].params, "dropout": 0.5}
    run = run_of(params, workload)
    other = run_of(params, workload, seed=2)
    other._flat.values.copy_(run._flat.values)
    batch = run._batches.at(1)
    first, again, later = (float(run._backward(step, *batch)) for step in (1, 1, 2))
    assert first == again
    assert len({first, later, float(other._backward(1, *batch))}) == 3


class OnADevice(Trial):
    """Keeps what is logged as it comes, as for a device whose numbers are read later."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.seen = {}

    def log(self, step, metrics):
        assert step not in self.seen
        self.seen[step] = metrics

    def should_evaluate(self, step):
        return False


def test_no_number_is_read_between_evaluations(monkeypatch):
    params = {**ALL, "width": 16, "optimizer": "torch_nadam"}
    trial = OnADevice(params, max_steps=120, seed=1, workload="digits-mlp")
    run = _Run(trial, read(params, plugin.workloads["digits-mlp"]), torch.device("cpu"))
    run._on_cpu = False
    expected, _ = trained(params, max_steps=120, eval_every=120)

    def wait(*_):
        raise AssertionError("it waited for the device")

    with monkeypatch.context() as patch:
        for name in ("item", "tolist", "__float__", "__bool__", "__int__", "cpu", "numpy"):
            patch.setattr(torch.Tensor, name, wait)
        run.run()
    assert set(trial.seen) == set(range(1, 121))  # a loss that is not finite would be seen
    for name in ("train/loss", "grad_norm", "learning_rate", "clipped"):
        found = {s: float(m[name]) for s, m in trial.seen.items() if name in m}
        assert found.items() >= expected[name].items()
        assert name in ("train/loss", "learning_rate") or found.keys() == expected[name].keys()


class KeepingPredictions(Trial):
    """Remembers what would be kept beside the newest state."""

    def checkpoint(self, step, save, predictions=None):
        self.kept = predictions()


@pytest.mark.parametrize("workload", SMALL)
def test_predictions_are_on_the_first_validation_examples(workload):
    params = {**SMALL[workload].params, "polyak_decay": 0.9}
    trial = KeepingPredictions(params, max_steps=2, workload=workload)
    train(trial)
    assert [shown["index"] for shown in trial.kept] == list(range(8))
    targets = DATA[workload]("cpu").splits["validation"][1][:8]
    if workload == "source-transformer":
        assert [encode(shown["expected"]) for shown in trial.kept] == [
            *map(bytes, targets.tolist())
        ]
        assert {len(shown["predicted"]) for shown in trial.kept} == {64}
    else:
        assert [shown["expected"] for shown in trial.kept] == targets.tolist()
        assert all(0.1 <= shown["probability"] <= 1.0 for shown in trial.kept)


def test_predictions_are_the_averaged_models():
    params = {"learning_rate": 0.5, "batch_size": 8}
    kept = {}
    for decay in (0.0, 0.999):
        trial = KeepingPredictions(
            {**params, "polyak_decay": decay}, max_steps=20, workload="digits-mlp"
        )
        train(trial)
        kept[decay] = [shown["probability"] for shown in trial.kept]
    assert kept[0.0] != kept[0.999]


def test_predictions_do_not_touch_the_training():
    params = {**ALL, "width": 16}
    trial = KeepingPredictions(params, max_steps=30, eval_every=10, seed=1, workload="digits-mlp")
    train(trial)
    trial.finish()
    expected, _ = trained(params, max_steps=30, eval_every=10)
    assert curves(trial)["train/loss"] == expected["train/loss"]


# -- what it cannot do ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("device", "words"), [("cuda", "cannot use it"), ("mps", "cannot use it"), ("abacus", "abacus")]
)
def test_a_fallback_is_said(device, words):
    found, trial = trained({"width": 8}, max_steps=2, device=device)
    assert trial.device == "cpu"
    assert found["train/loss"] == trained({"width": 8}, max_steps=2)[0]["train/loss"]
    warnings = [m["text"] for m in trial.sink.messages if m["kind"] == "warning"]
    assert len(warnings) == 1
    assert warnings[0].startswith(f"trains on cpu, not {device}: torch {torch.__version__}")
    assert words in warnings[0]


def test_out_of_memory_is_infeasible():
    with pytest.raises(Infeasible, match=r"out of memory: .*allocate"):
        trained({"width": 3_000_000, "depth": 2})
    assert trained({"width": 8}, max_steps=2)[0]  # and the next trial has it again


def test_other_errors_are_not_about_memory():
    assert labtui_torch.devices.out_of_memory(RuntimeError("mat1 and mat2")) == ""
    text = "CUDA out of memory. Tried to allocate 2 GiB\nmore"
    found = labtui_torch.devices.out_of_memory(RuntimeError(text))
    assert found == "CUDA out of memory. Tried to allocate 2 GiB"


def test_what_cannot_be_is_infeasible():
    with pytest.raises(Infeasible, match="width 60 does not divide by 8 heads"):
        trained({"width": 60, "heads": 8}, workload="source-transformer")
    with pytest.raises(Infeasible, match="batch normalization over 1 example"):
        trained({"normalization": "batch", "batch_size": 1})


def test_a_batch_below_the_virtual_one_is_said():
    _, trial = trained({"normalization": "batch", "batch_size": 32}, max_steps=2)
    texts = [m["text"] for m in trial.sink.messages]
    assert texts == [
        "batch normalization takes its statistics over 32 examples, the batch, and not over "
        "virtual_batch_size 64"
    ]
    for virtual in (0, 32):
        params = {"normalization": "batch", "batch_size": 32, "virtual_batch_size": virtual}
        assert not trained(params, max_steps=2)[1].sink.messages


def test_wrong_requests_are_explained():
    with pytest.raises(ValueError, match=r"'digit-mlp'; did you mean 'digits-mlp'\?"):
        trained({}, workload="digit-mlp")
    with pytest.raises(ValueError, match="batch_size: found 5000; expected at most 1077"):
        trained({"batch_size": 5000})
    with pytest.raises(ValueError, match=r"did you mean 'torch_adam'\?"):
        trained({"optimizer": "torch_adm"})


def test_a_checkpoint_of_another_shape_is_refused(tmp_path):
    path = str(tmp_path / "state")
    torch.save({"values": torch.zeros(3), "optimizer": torch.zeros(1, 3)}, path)
    trial = Trial({}, max_steps=9, workload="digits-mlp", start_step=1, resume_path=path)
    with pytest.raises(ValueError, match=r"values: found \(3,\); expected \(9610,\): it belongs"):
        train(trial)


# -- what it leaves behind -----------------------------------------------------------------------


def test_nothing_of_a_trial_is_left_for_the_next():
    expected = trained(ALL)[0]["validation/loss"]
    torch.set_default_dtype(torch.float64)
    torch.set_grad_enabled(False)
    torch.use_deterministic_algorithms(True)
    threads = labtui_torch.devices.THREADS
    torch.set_num_threads(threads + 1)
    torch.manual_seed(0)
    assert trained(ALL)[0]["validation/loss"] == expected
    assert torch.get_default_dtype() == torch.float32
    assert torch.is_grad_enabled()
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.get_num_threads() == threads


def test_numpy_is_not_needed():
    """In an interpreter that cannot import it; torch itself warns of that, on stderr."""
    params = {name: dict(case.params) for name, case in SMALL.items()}
    code = textwrap.dedent(
        f"""
        import sys
        sys.modules["numpy"] = None
        from labtui.trainer import Trial
        from labtui_torch.train import train
        for workload, params in {params!r}.items():
            trial = Trial(params, max_steps=2, workload=workload)
            train(trial)
            trial.finish()
            print(workload, len(trial.sink.rows) > 9)
        assert sys.modules["numpy"] is None
        """
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "".join(f"{name} True\n" for name in SMALL)
