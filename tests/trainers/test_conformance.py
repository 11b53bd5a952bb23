"""The built-in trainers pass the suite that every plugin can run, and the suite catches faults."""

import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

import labtui_numpy.train
import labtui_python.train
from labtui.trainer import testing
from labtui.trainer.stack import alone
from labtui.trainer.testing import Case
from labtui_numpy import plugin
from labtui_numpy.optimizers import OPTIMIZERS

SAMPLES = Path(__file__).parents[2] / "sample_studies"
DIGITS = Case(
    labtui_numpy.train.train,
    {"depth": 2, "width": 16, "dropout": 0.1, "learning_rate": 0.02},
    workload="digits-mlp",
    metric="validation/error_rate",
    examples=360,
)
OWN = Case(
    labtui_python.train.train,
    {"features": "quadratic", "learning_rate": 0.1, "l2": 1e-3},
    options={"file": str(SAMPLES / "own_script.py"), "function": "train"},
    metric="validation/error_rate",
    examples=200,
)


def test_numpy_conforms():
    testing.conformance(DIGITS, diverging_params={"weight_decay": 1e4})
    regression = replace(
        DIGITS, workload="diabetes-mlp", metric="validation/rmse", params={"depth": 1}
    )
    testing.conformance(regression, diverging_params={"learning_rate": 1e3})


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_resumes_bit_for_bit(optimizer):
    params = {"optimizer": optimizer, "learning_rate": 1e-3, "schedule": "linear"}
    testing.check_resume_is_bit_equal(replace(DIGITS, params=params))


def test_a_resume_in_the_middle_of_an_epoch():
    assert 30 % (1077 // 64)
    testing.check_resume_is_bit_equal(replace(DIGITS, params={"batch_size": 64, "dropout": 0.3}))


def test_a_script_of_ones_own_conforms():
    testing.conformance(OWN)


def test_a_script_that_diverges_is_infeasible(tmp_path):
    script = tmp_path / "doubling.py"
    script.write_text(
        textwrap.dedent(
            """
            def train(trial):
                loss = 1e300
                for step in trial.steps():
                    loss *= trial.params["factor"]
                    trial.log(step, {"train/loss": loss})
            """
        )
    )
    case = replace(OWN, params={"factor": 10.0}, options={"file": str(script), "function": "train"})
    testing.check_divergence_is_infeasible(case)


class Fake:
    """A trainer without a model, with a fault that can be switched on."""

    def __init__(self, fault=""):
        self.fault, self.runs = fault, 0

    def __call__(self, trial):
        self.runs += 1
        value = trial.restore(self.load)
        for step in trial.steps():
            value = (value or 0.0) + 1.0 / (step + trial.seed)
            if self.fault == "memory":
                value += self.runs
            late = trial.should_evaluate(step - 1) if self.fault == "late" else False
            if late or (trial.should_evaluate(step) and self.fault != "late"):
                if self.fault != "silent":
                    trial.log(step, {"train/loss": value})
                logged = 1.0 if self.fault == "seedless" else value
                trial.log(step, {"validation/loss": logged, "step_time": 1.0 * self.runs})
                if self.fault != "waitless":
                    trial.log(step, {"data_wait": 9e9 if self.fault == "slow" else 0.5})
                third = 0.333 if self.fault == "unweighted" else 1 / 3
                trial.log(step, {"validation/error_rate": third})
                if self.fault != "careless":
                    state = b"" if self.fault == "empty" else repr(value).encode()
                    trial.checkpoint(step, state, predictions=self.predictions(value))
            if self.fault == "deaf":
                trial._stop = False

    def predictions(self, value):
        if self.fault == "wordless":
            return None
        return [] if self.fault == "silent words" else [{"predicted": value}]

    def load(self, path):
        with open(path) as file:
            return float(file.read() or 0.0)


def test_a_faultless_trainer_passes():
    testing.conformance(Case(Fake(), {}, examples=360))


@pytest.mark.parametrize(
    ("fault", "check", "words"),
    [
        ("memory", testing.check_same_seed_same_curve, "train/loss at step 1: found"),
        ("seedless", testing.check_other_seed_other_curve, "expected the seed to matter"),
        (
            "late",
            testing.check_evaluations_at_steps,
            "found [1, 2, 16, 31, 46]",
        ),
        ("silent", testing.check_training_loss_is_logged, "found [1, 15, 30, 45, 50]"),
        ("deaf", testing.check_stop_within_one_interval, "found completed; expected stopped"),
        ("careless", testing.check_stop_within_one_interval, "checkpoint: found None; expected 30"),
        ("careless", testing.check_resume_is_bit_equal, "checkpoint: found None; expected 30"),
        ("empty", testing.check_resume_is_bit_equal, "at step 45: found"),
        ("careless", testing.check_keeps_best, "best checkpoints: found []; expected [1]"),
        ("wordless", testing.check_predictions_are_kept, "predictions.json: found none beside"),
        ("silent words", testing.check_predictions_are_kept, "found no example; expected a few"),
        ("memory", testing.check_predictions_are_kept, "predictions of equal trials: found"),
        ("waitless", testing.check_times_are_reported, "steps of data_wait: found []"),
        ("slow", testing.check_times_are_reported, "data_wait at step 1: found 9000000000.0 of"),
        (
            "unweighted",
            testing.check_partial_batches_weigh_what_they_hold,
            "found 119.8800 of 360 examples wrong; expected a whole number",
        ),
        ("", testing.check_divergence_is_infeasible, "found completed; expected infeasible"),
    ],
)
def test_each_check_catches_its_fault(fault, check, words):
    with pytest.raises(AssertionError) as caught:
        check(Case(Fake(fault), {}, examples=360))
    assert words in str(caught.value)


def test_a_case_must_have_a_middle():
    with pytest.raises(ValueError, match="max_steps: found 30; expected more than 30"):
        Case(Fake(), {}, max_steps=30)


def test_declared_infeasibility_is_recorded(tmp_path):
    def train(trial):
        trial.log(1, {"train/loss": 1.0})
        trial.infeasible("width 7 does not divide by 8 heads")

    result = testing.record(Case(train, {}), str(tmp_path))
    assert (result.state, result.reason) == ("infeasible", "width 7 does not divide by 8 heads")


def test_the_python_plugin_declares_no_workload():
    import labtui_python

    assert not labtui_python.plugin.workloads
    assert plugin.name == "numpy"


RATES = [{"learning_rate": rate, "dropout": 0.1, "width": 16} for rate in (0.01, 0.1, 1e38)]


def test_stacked_numpy_trials_are_bit_equal_to_single_ones():
    cases = [replace(DIGITS, params=params, seed=seed) for seed, params in enumerate(RATES)]
    testing.check_stacked_is_bit_equal(cases, labtui_numpy.train.train_stack, stop_at=[0, 20, 0])


@pytest.mark.parametrize(
    ("fault", "words"),
    [("value", "train/loss at step 1: found"), ("state", "state of lane 1 at step 50: found")],
)
def test_the_check_of_stacks_catches_its_fault(fault, words):
    def train_stack(stack):
        for step, _ in stack.steps():
            lanes = range(len(stack.trials))
            more = [0.1 * lane for lane in lanes]  # what alone it never sees
            if stack.should_evaluate(step):
                values = [1.0 / step + (m if fault == "value" else 0.0) for m in more]
                stack.log(step, {"train/loss": values, "validation/loss": values})
                states = [repr(m if fault == "state" else 0.0).encode() for m in more]
                stack.checkpoint(step, states)

    cases = [Case(alone(train_stack), {}, seed=seed) for seed in range(2)]
    with pytest.raises(AssertionError) as caught:
        testing.check_stacked_is_bit_equal(cases, train_stack)
    assert words in str(caught.value)
