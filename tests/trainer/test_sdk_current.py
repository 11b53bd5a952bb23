"""`labtui.current_trial()`: under a study, and alone."""

import pytest

import labtui
from labtui.trainer import Diverged, current
from labtui.trainer.current import set_current, was_asked
from labtui.trainer.trial import Trial


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    """No trial of another test is the current one."""
    for name in ("_current", "_alone", "_remote"):
        monkeypatch.setattr(current, name, None)
    monkeypatch.delenv(current.ENVIRONMENT, raising=False)


def in_study(params, **options):
    trial = Trial(params, max_steps=9, **options)
    set_current(trial)
    return trial


def warnings_of(trial):
    return [message["text"] for message in trial.sink.messages if message["kind"] == "warning"]


def test_a_script_alone_trains_with_its_own_values(capsys):
    trial = labtui.current_trial({"learning_rate": 0.5}, max_steps=4, eval_every=2)
    assert trial.params == {"learning_rate": 0.5}
    for step in trial.steps():
        trial.log(step, {"train/loss": 1.0 / step})
        trial.checkpoint(step, b"nobody keeps it")
    shown = [line for line in capsys.readouterr().err.splitlines() if "train/loss" in line]
    assert shown == ["step 1  train/loss 1", "step 2  train/loss 0.5", "step 4  train/loss 0.25"]


def test_a_script_alone_diverges_and_warns_as_in_a_study(capsys):
    trial = labtui.current_trial(max_steps=4, eval_every=2)
    trial.warn("something is odd")
    assert capsys.readouterr().err == "something is odd\n"
    with pytest.raises(Diverged):
        trial.log(1, {"train/loss": float("nan")})


def test_alone_a_call_without_arguments_gives_the_trial_of_the_last_one():
    first = labtui.current_trial({"width": 3}, max_steps=4, seed=5, device="cuda")
    assert labtui.current_trial() is first
    assert (first.max_steps, first.eval_every, first.seed, first.device) == (4, 100, 5, "cuda")
    second = labtui.current_trial({"width": 4})
    assert second is not first
    assert second.params == {"width": 4}
    assert labtui.current_trial(max_steps=7).max_steps == 7


def test_alone_without_a_word():
    trial = labtui.current_trial()
    assert (trial.params, trial.max_steps, trial.eval_every, trial.seed) == ({}, 1000, 100, 0)


def test_a_study_overrides_what_the_script_says():
    ours = in_study({"learning_rate": 0.1})
    trial = labtui.current_trial({"learning_rate": 0.5, "width": 3}, max_steps=4)
    assert trial is ours is labtui.current_trial()
    assert trial.params == {"learning_rate": 0.1, "width": 3}
    assert trial.max_steps == 9
    assert not warnings_of(trial)


def test_a_hyperparameter_that_the_script_does_not_know_is_warned_of():
    trial = in_study({"learning_rte": 0.1})
    labtui.current_trial()
    assert not warnings_of(trial)
    for _ in range(2):
        labtui.current_trial({"learning_rate": 0.5, "width": 3})
    (warning,) = warnings_of(trial)
    assert warning == (
        "the study sets 'learning_rte', and the script's current_trial({…}) names "
        "learning_rate, width; did you mean 'learning_rate'?"
    )


def test_the_worker_knows_whether_a_trial_was_asked_for():
    in_study({})
    assert not was_asked()
    labtui.current_trial()
    assert was_asked()
    in_study({})
    assert not was_asked()
