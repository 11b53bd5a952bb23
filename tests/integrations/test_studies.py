"""The samples and the page's scripts with the callbacks, in real studies and alone."""

import pytest

from labtui.engine import client
from labtui.store.lab import Lab
from labtui.trainer import Trial
from labtui.trainer.current import set_current
from labtui_python import script
from tests.engine.conftest import paths as paths
from tests.integrations.test_callbacks import curve, pytestmark
from tests.support.engine import points, run, submit, wait_for_state, wait_until
from tests.support.environments import environment_without_labtui
from tests.support.samples import change, copy_samples, write_page

__all__ = ["pytestmark"]


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """A python that has the libraries and not labtui."""
    return environment_without_labtui(tmp_path_factory.mktemp("theirs") / "environment")


@pytest.mark.parametrize("library", ["lightning", "huggingface", "keras"])
def test_a_sample_trains_where_labtui_is_not_installed(paths, tmp_path, elsewhere, library):
    file = change(
        copy_samples(tmp_path) / f"{library}_digits.yaml",
        ("trials: 8", "trials: 2"),
        ("max_train_steps: 200, eval_every: 10", "max_train_steps: 50, eval_every: 20"),
        interpreter=elsewhere,
    )
    trials = run(paths, file)
    assert [(t.state, t.detail) for t in trials] == [("completed", "")] * 4
    assert {t.step for t in trials} == {50}
    found = {(metric, step) for _, metric, step, _ in points(paths, f"{library}-digits")}
    assert {step for metric, step in found if metric == "validation/loss"} == {1, 20, 40, 50}
    assert max(step for metric, step in found if metric == "train/loss") == 50
    assert {path.name for path in paths.checkpoints.glob("t*/*") if "-s" not in path.name} == set()
    kept = {path.name for path in paths.checkpoints.glob("t*/a1-s50")}
    assert kept == {"a1-s50"}


def test_a_diverged_and_a_stopped_trial_of_a_study(paths, tmp_path, elsewhere):
    file = change(
        copy_samples(tmp_path) / "lightning_digits.yaml",
        ("trials: 8", "trials: 1"),
        ("max_train_steps: 200", "max_train_steps: 100000"),
        ("values: [16, 64]", "values: [16]"),
        ("{role: nuisance, scale: log, range: [1e-3, 1]}", "{role: fixed, value: 0.01}"),
        interpreter=elsewhere,
    )
    submit(paths, file)
    with Lab(paths) as lab:
        wait_until(lambda: lab.trials("lightning-digits")[0].step > 0)
    client.stop(paths, "lightning-digits")
    (trial,) = wait_for_state(paths, "lightning-digits", "stopped")
    assert trial.reason.startswith("stopped at step")
    assert trial.step % 10 == 0 or trial.step == 1
    kept = {path.name for path in paths.checkpoints.glob("t*/*")}
    assert f"a1-s{trial.step}" in kept
    wild = change(file, ("value: 0.01", "value: 1e30"), ("lightning-digits", "wild"))
    (trial,) = run(paths, wild)
    assert (trial.state, trial.reason[:16]) == ("infeasible", "diverged at step")


@pytest.mark.parametrize("part", ["Lightning", "Hugging Face transformers", "Keras"])
def test_the_scripts_of_the_page_train(tmp_path, monkeypatch, part):
    write_page(tmp_path, part, "A function")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(script, "_compiled", {})
    trial = Trial({"learning_rate": 0.1}, max_steps=30, eval_every=10)
    set_current(trial)
    try:
        script.run("train.py")
    finally:
        set_current(None)
    losses = curve(trial, "validation/loss")
    assert list(losses) == [1, 10, 20, 30]
    assert losses[30] < losses[1] / 4
