from pathlib import Path

import pytest

from labtui.study.plan import assign_columns, plan, total_trials
from labtui.study.spec import load_study
from labtui_numpy import plugin
from labtui_workloads.settings import read

FOLDER = Path(__file__).parents[2] / "sample_studies"
TRIALS = {
    "digits_optimizers": 40,
    "diabetes_width": 60,
    "own_script": 24,
    "awk_softmax": 16,
    "torch_script": 20,
    "lightning_digits": 16,
    "huggingface_digits": 16,
    "keras_digits": 16,
}


@pytest.mark.parametrize("name", TRIALS)
def test_every_trial_has_hyperparameters_that_its_trainer_takes(name):
    study = load_study(FOLDER / f"{name}.yaml")
    assert total_trials(study) == TRIALS[name]
    trials = list(plan(study, assign_columns(study)))
    assert len(trials) == TRIALS[name]
    if study.trainer.name == "numpy":
        for trial in trials:
            read(trial.params, plugin.workloads[study.workload])


def test_the_script_is_where_its_study_says():
    study = load_study(FOLDER / "own_script.yaml")
    assert study.trainer.name == "python"
    assert dict(study.trainer.options) == {"file": "own_script.py", "function": "train"}
    assert (FOLDER / study.trainer.options["file"]).is_file()


@pytest.mark.parametrize(
    "name", ["torch_script", "lightning_digits", "huggingface_digits", "keras_digits"]
)
def test_a_whole_script_is_where_its_study_says(name):
    options = load_study(FOLDER / f"{name}.yaml").trainer.options
    assert dict(options) == {"script": f"{name}.py", "argv": []}
    assert (FOLDER / options["script"]).is_file()


def test_the_first_study_has_enough_evaluations_to_pick_a_checkpoint():
    budget = load_study(FOLDER / "digits_optimizers.yaml").budget
    assert budget.max_train_steps / budget.eval_every >= 20
