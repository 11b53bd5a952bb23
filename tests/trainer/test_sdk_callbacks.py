"""What the callbacks share, driven as a library's loop drives it; the libraries are elsewhere."""

import importlib
import sys

import pytest

from labtui.trainer import Diverged, Stopped, Trial
from labtui.trainer.callbacks.report import OfTrial, Report
from labtui.trainer.current import set_current


def make(**options):
    return Trial({}, **{"max_steps": 6, "eval_every": 3, **options})


def loop(report, *, steps=6, evaluations=(3, 6), loss=1.0):
    """Train as a library does."""
    for step in range(report.trial.start_step + 1, steps + 1):
        report.begin(step)
        report.begin(step)  # a second batch of the same update
        report.log(step, {"train_loss": loss})
        if step in evaluations:
            report.evaluated(step, {"val_loss": loss / step})
    report.close(steps)


def steps_of(trial, metric):
    trial.finish()
    return [step for name, step, _ in trial.sink.rows if name == metric]


def test_a_loop_reports_its_steps():
    trial = make()
    loop(Report(trial))
    assert steps_of(trial, "train/loss") == [1, 2, 3, 4, 5, 6]
    assert steps_of(trial, "validation/loss") == [3, 6]
    assert trial.step == 6
    assert not trial.sink.messages


@pytest.mark.parametrize("evaluations", [(3, 6), (2, 4)])
def test_a_stop_ends_it_after_the_next_evaluation_wherever_that_is(evaluations):
    trial = make()
    trial.request_stop()
    with pytest.raises(Stopped) as caught:
        loop(Report(trial), evaluations=evaluations)
    assert caught.value.step == evaluations[0]
    assert steps_of(trial, "train/loss")[-1] == evaluations[0]


def test_a_stop_at_the_last_evaluation_of_a_shorter_loop():
    trial = make()
    trial.request_stop()
    with pytest.raises(Stopped):
        loop(Report(trial), steps=3)


def test_a_stop_does_not_end_a_trial_that_has_all_its_steps():
    trial = make()
    trial.request_stop()
    loop(Report(trial), evaluations=(6,))
    assert trial.step == 6


def test_a_shorter_loop_warns():
    trial = make()
    loop(Report(trial), steps=4)
    (message,) = trial.sink.messages
    assert message["text"].startswith("the script trained for 4 of 6 steps")


def test_a_longer_loop_is_told_when_it_is_finished():
    report = Report(make())
    loop(report, steps=8)
    assert [report.finished(step) for step in (5, 6, 8)] == [False, True, True]


def test_divergence_comes_through():
    with pytest.raises(Diverged):
        loop(Report(make()), loss=float("nan"))


def test_a_resumed_trial_goes_on_and_never_begins_again():
    trial = make(start_step=3)
    loop(Report(trial))
    assert steps_of(trial, "train/loss") == [4, 5, 6]
    with pytest.raises(RuntimeError, match="goes on after step 3, and the training began at step "):
        Report(make(start_step=3)).begin(1)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("train_loss", "train/loss"),
        ("training/loss", "train/loss"),
        ("val_loss", "validation/loss"),
        ("valid/acc", "validation/acc"),
        ("validation_acc", "validation/acc"),
        ("eval_f1_macro", "validation/f1_macro"),
        ("test/loss", "test/loss"),
        ("train/loss", "train/loss"),
        ("loss", "loss"),
        ("validity", "validity"),
        ("val_", "val_"),
        ("val_custom", "mine"),
        ("val_dropped", None),
        ("val_aliased", "val_aliased"),
    ],
)
def test_metrics_get_labtuis_names(theirs, ours):
    trial = make(aliases={"validation/score": "val_aliased"})
    names = {"val_custom": "mine", "val_dropped": None}
    assert Report(trial, names).ours(theirs) == ours


class Array:
    def __init__(self, *shape):
        self.shape = shape

    def __float__(self):
        return 2.0


def test_only_numbers_are_logged():
    trial = make()
    values = {"a": 1, "b": True, "c": Array(), "d": Array(1, 1), "e": 0.5}
    nonsense = {"f": "text", "g": [1.0], "h": Array(3), "i": None, "j": {"x": 1}}
    Report(trial).log(1, {**values, **nonsense})
    Report(trial).log(2, nonsense)
    trial.finish()
    assert [name for name, _, _ in trial.sink.rows] == list(values)


def test_a_callback_takes_the_current_trial_unless_it_is_given_one():
    ours, given = make(resume_path="state"), make(steps_per_epoch=4)
    set_current(ours)
    try:
        callback = OfTrial(None, None, False)
        other = OfTrial(given, None, False)
    finally:
        set_current(None)
    assert (callback.trial, callback.resume_path) == (ours, "state")
    assert other.trial is given
    assert (other.max_epochs(), other.max_epochs(3), other.max_epochs(5)) == (2, 2, 2)
    with pytest.raises(ValueError, match=r"found no steps_per_epoch; .* `steps_per_epoch: N`"):
        callback.max_epochs()


@pytest.mark.parametrize("name", ["lightning", "huggingface", "keras"])
def test_no_library_is_needed_but_for_its_own_callback(name):
    library = {"huggingface": "transformers", "lightning": "torch"}.get(name, name)
    assert not {"torch", "transformers", "keras"} & set(sys.modules)
    with pytest.raises(ModuleNotFoundError) as caught:
        importlib.import_module(f"labtui.trainer.callbacks.{name}")
    assert caught.value.name == library
