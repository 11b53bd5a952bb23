"""What belongs to one library: its numbers against torch alone, its own evaluations."""

import lightning
import pytest
import torch

from tests.integrations.libraries import (
    BATCH,
    INPUTS,
    TARGETS,
    Module,
    fit_huggingface,
    fit_keras,
    fit_lightning,
    square,
)
from tests.integrations.test_callbacks import curve, make_trial, pytestmark, rows, trained

__all__ = ["pytestmark"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def by_hand(accumulate, rate=0.05):
    """Train as Lightning does, in torch alone; gives losses and gradient norms, an update each."""
    lightning.seed_everything(1, verbose=False)
    layer = Module(rate).layer
    optimizer = torch.optim.SGD(layer.parameters(), rate)
    losses, norms = [], []
    while len(losses) < 13:
        batches = list(zip(INPUTS.split(BATCH), TARGETS.split(BATCH), strict=True))
        for first in range(0, len(batches), accumulate):
            window = [square(layer(x), y) for x, y in batches[first : first + accumulate]]
            optimizer.zero_grad()
            (sum(window) / accumulate).backward()
            norms.append(
                torch.linalg.vector_norm(torch.cat([p.grad.flatten() for p in layer.parameters()]))
            )
            optimizer.step()
            losses.append(sum(window).detach() / len(window))
    return [float(loss) for loss in losses][:13], [float(norm) for norm in norms][:13]


@pytest.mark.parametrize("accumulate", [1, 3])
def test_lightnings_numbers_are_those_of_torch(accumulate):
    losses, norms = by_hand(accumulate)
    trial = trained(fit_lightning, accumulate=accumulate)
    assert list(curve(trial, "train/loss").values()) == pytest.approx(losses, rel=1e-5)
    assert list(curve(trial, "grad_norm").values()) == pytest.approx(norms, rel=1e-5)


def test_what_a_lightning_module_logs_once_an_epoch():
    trial = trained(fit_lightning)
    losses = list(curve(trial, "train/loss").values())
    assert list(curve(trial, "train/double")) == [5, 10, 13]
    means = curve(trial, "train/loss_epoch")
    sizes = [16, 16, 16, 16, 6]
    weighted = sum(n * loss for n, loss in zip(sizes, losses[:5], strict=True)) / sum(sizes)
    assert means[5] == pytest.approx(weighted, rel=1e-5)
    assert curve(trial, "train/double")[5] == pytest.approx(2 * weighted, rel=1e-5)
    names = {name for name, _, _ in rows(trial)}
    assert names == {
        "train/loss",
        "train/loss_epoch",
        "train/double",
        "validation/loss",
        "grad_norm",
        "learning_rate",
    }


def test_lightning_without_gradient_norms():
    assert not curve(trained(fit_lightning, grad_norm=False), "grad_norm")


def test_lightnings_own_evaluations():
    trial = trained(fit_lightning, evaluate=False, options={"check_val_every_n_epoch": 2})
    assert list(curve(trial, "validation/loss")) == [10]


def test_a_sanity_check_of_lightning_is_no_evaluation():
    trial = trained(fit_lightning, options={"num_sanity_val_steps": 2})
    assert list(curve(trial, "validation/loss")) == [1, 5, 10, 13]


def test_huggingfaces_own_evaluations():
    options = {"eval_strategy": "steps", "eval_steps": 4, "logging_steps": 6}
    trial = trained(fit_huggingface, evaluate=False, options=options)
    assert list(curve(trial, "validation/loss")) == [4, 8, 12, 13]
    assert list(curve(trial, "train/loss")) == [6, 12]
    names = {name for name, _, _ in rows(trial)}
    assert names == {"train/loss", "validation/loss", "grad_norm", "learning_rate"}


def test_evaluations_of_both_huggingface_and_the_study_come_once_a_step():
    options = {"eval_strategy": "steps", "eval_steps": 4}
    trial = trained(fit_huggingface, options=options)
    steps = [step for name, step, _ in rows(trial) if name == "validation/loss"]
    assert steps == [1, 4, 5, 8, 10, 12, 13]


def test_checkpoints_of_trials_must_not_share_huggingfaces_folder(tmp_path):
    with pytest.raises(ValueError, match=r"found output_dir '.*shared', which trials share; exp"):
        fit_huggingface(make_trial(), options={"output_dir": str(tmp_path / "shared")})


def test_keras_evaluates_at_the_ends_of_epochs_by_itself():
    data = (INPUTS.numpy(), TARGETS.numpy())
    trial = trained(fit_keras, validation=None, options={"validation_data": data})
    assert list(curve(trial, "validation/loss")) == [5, 10, 13]
    study = trained(fit_keras)
    for step in (5, 10):  # evaluating leaves the training as it was
        ours, theirs = curve(study, "validation/loss")[step], curve(trial, "validation/loss")[step]
        assert ours == pytest.approx(theirs, rel=1e-6)


def test_metrics_of_keras_keep_their_own_names_if_wanted():
    trial = trained(fit_keras, names={"loss": "train/square"})
    assert list(curve(trial, "train/square")) == list(range(1, 14))
    assert not curve(trial, "train/loss")
