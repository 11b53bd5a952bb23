"""What every callback does, with each library's own training loop."""

import os

import pytest

from labtui.trainer import Diverged, Objective, Stopped, Trial
from labtui.trainer.checkpoints import Keeper
from labtui.trainer.current import set_current
from tests.integrations.libraries import LIBRARIES
from tests.support.engine import CLOCKS

pytestmark = [
    pytest.mark.integration,
    # the libraries' own, under the versions that constraints.txt pins
    pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec.` is deprecated"),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy"),
    pytest.mark.filterwarnings("ignore:The '.*_dataloader' does not have many workers"),
    pytest.mark.filterwarnings("ignore:The number of training batches"),
]
EVERY = sorted(LIBRARIES)


@pytest.fixture(params=EVERY)
def fit(request, tmp_path, monkeypatch):
    """Train with one of the libraries, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return LIBRARIES[request.param]


def make_trial(folder=None, *, attempt=1, **options):
    keeper = folder and Keeper(
        str(folder), attempt, keep=1, minimize=True, announce=lambda message: None
    )
    return Trial({}, **{"max_steps": 13, "eval_every": 5, "seed": 1, "keeper": keeper, **options})


def rows(trial):
    trial.finish()
    return [row for row in trial.sink.rows if row[0] not in CLOCKS]


def curve(trial, metric):
    return {step: value for name, step, value in rows(trial) if name == metric}


def trained(fit, **more):
    trial = make_trial(**more.pop("trial", {}))
    fit(trial, **more)
    return trial


def request_stop_at(trial, step):
    """Ask `trial` to stop while its loop is at `step`, as the runner's message does."""
    log = trial.log

    def watched(at, metrics):
        log(at, metrics)
        if at == step:
            trial.request_stop()

    trial.log = watched


def test_the_same_seed_gives_the_same_curve(fit):
    first, second = (rows(trained(fit)) for _ in range(2))
    assert first == second
    other = rows(trained(fit, trial={"seed": 2}))
    assert [row[:2] for row in other] == [row[:2] for row in first]
    assert other != first


@pytest.mark.parametrize("accumulate", [1, 2])
def test_steps_are_updates_and_evaluations_come_at_the_studys_steps(fit, accumulate):
    trial = trained(fit, accumulate=accumulate)
    assert list(curve(trial, "train/loss")) == list(range(1, 14))
    assert list(curve(trial, "validation/loss")) == [1, 5, 10, 13]
    losses = list(curve(trial, "validation/loss").values())
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0] / 4
    rates = list(curve(trial, "learning_rate").values())
    assert rates == pytest.approx([0.05] * len(rates))
    assert rates
    assert trial.step == 13
    assert not trial.sink.messages


def test_the_time_of_steps_is_measured(fit):
    trial = trained(fit)
    trial.finish()
    times = {step: value for name, step, value in trial.sink.rows if name == "step_time"}
    assert times
    assert max(times) <= 13
    assert all(0 < value < 60 for value in times.values())


def test_a_stop_comes_after_the_next_evaluation_with_its_checkpoint(fit, tmp_path):
    trial = make_trial(tmp_path / "kept")
    request_stop_at(trial, 2)
    with pytest.raises(Stopped) as caught:
        fit(trial)
    assert caught.value.step == 5
    assert list(curve(trial, "validation/loss")) == [1, 5]
    assert max(curve(trial, "train/loss")) == 5
    assert os.listdir(tmp_path / "kept") == ["a1-s5"]


def test_a_stopped_training_goes_on_as_if_nothing_had_happened(fit, tmp_path):
    whole = rows(trained(fit))
    first = make_trial(tmp_path / "kept")
    request_stop_at(first, 2)
    with pytest.raises(Stopped):
        fit(first)
    state = str(tmp_path / "kept" / "a1-s5" / "state")
    second = make_trial(tmp_path / "kept", attempt=2, start_step=5, resume_path=state)
    fit(second)
    joined = rows(first) + rows(second)
    assert [row[:2] for row in joined] == [row[:2] for row in whole]
    assert [row[2] for row in joined] == pytest.approx([row[2] for row in whole])


def test_a_checkpoint_that_the_script_does_not_load_is_an_error(fit, tmp_path):
    first = make_trial(tmp_path / "kept")
    fit(first)
    first.finish()
    state = str(tmp_path / "kept" / "a1-s13" / "state")
    second = make_trial(max_steps=20, start_step=13, resume_path=state)
    with pytest.raises(RuntimeError, match=r"goes on after step 13, .* began at step 1; .*resume"):
        fit(second, resume=False)


def test_divergence_ends_the_training_and_the_library_does_not_swallow_it(fit):
    trial = make_trial(max_steps=2000, eval_every=1000)
    with pytest.raises(Diverged) as caught:
        fit(trial, rate=1e3)
    assert 3 < caught.value.step < 100
    again = trained(fit)  # what the library holds for one training is free again
    assert again.step == 13


def test_divergence_shows_at_an_evaluation(fit):
    with pytest.raises(Diverged):
        fit(make_trial(max_steps=100, eval_every=50), rate=1e30)


def test_a_training_shorter_than_the_studys_warns(fit, request):
    options = {"max_epochs": 2, "num_train_epochs": 2, "max_steps": -1, "epochs": 2}
    wanted = {
        "lightning": {"max_epochs", "max_steps"},
        "huggingface": {"num_train_epochs", "max_steps"},
        "keras": {"epochs"},
    }[request.node.callspec.params["fit"]]
    trial = trained(fit, options={name: options[name] for name in wanted})
    (message,) = trial.sink.messages
    assert message["text"].startswith("the script trained for 10 of 13 steps")


def test_metrics_get_the_names_that_the_script_or_the_study_says(fit):
    named = trained(fit, names={"val_loss": "validation/square", "eval_loss": None})
    assert not curve(named, "validation/loss")
    theirs = {"validation/loss": "val_loss"}
    aliased = trained(fit, trial={"aliases": theirs, "objective": Objective("validation/loss")})
    assert list(curve(aliased, "validation/loss")) == [1, 5, 10, 13]


def test_the_current_trial_is_taken(fit):
    trial = make_trial()
    set_current(trial)
    try:
        callback = fit_without_a_trial(fit, trial)
    finally:
        set_current(None)
    assert callback.trial is trial
    assert list(curve(trial, "validation/loss")) == [1, 5, 10, 13]


def fit_without_a_trial(fit, trial):
    class Seed:
        seed = trial.seed

        def __bool__(self):  # so that the callback looks for the current one
            return False

    return fit(Seed())


def test_epochs_become_steps(fit):
    callback = fit(make_trial())
    assert [callback.max_epochs(n) for n in (1, 5, 13, 14)] == [13, 3, 1, 1]
    with pytest.raises(ValueError, match="found no steps_per_epoch"):
        callback.max_epochs()
    assert fit(make_trial(steps_per_epoch=5)).max_epochs() == 3
