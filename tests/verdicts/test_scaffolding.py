"""Study files that are proposed: for every workload and budget they load, and nothing is amiss."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labtui.analysis.design import judge_designed
from labtui.analysis.design_budget import FEWEST_TRIALS, TRIALS_PER_DIMENSION
from labtui.analysis.designed import Designed
from labtui.analysis.findings import Finding
from labtui.engine.plugins import check_trainer, load_plugins
from labtui.store.paths import LabPaths
from labtui.study.spec import load_study
from labtui.verdicts.scaffolding import (
    Asked,
    ScaffoldError,
    find_source,
    read_compared,
    scaffold,
)

INSTALLED = sorted(
    (name, workload) for name, plugin in load_plugins().items() for workload in plugin.workloads
)


def make(trainer, workload, compared, trials, params=(), steps=1000, folder=None):
    paths = LabPaths(Path(folder or "/nowhere", "lab.db"))
    source = find_source(paths, workload, trainer=trainer, params=params)
    told = read_compared(source, compared)
    return scaffold(source, Asked("made", "Why?", told, trials, steps, max(1, steps // 25)))


def judged(made):
    plugin = check_trainer(made.study)
    workload = plugin.workloads.get(made.study.workload)
    declared = workload.hyperparameters if workload else {}
    design = Designed.of(made.study, declared, None)
    return design, [one for one in judge_designed(design) if isinstance(one, Finding)]


def roles(made):
    return {name: definitions[0].role for name, definitions in made.study.hyperparameters.items()}


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(INSTALLED),
    st.lists(st.integers(0, 40), max_size=2, unique=True),
    st.integers(1, 200),
    st.integers(1, 10**6),
)
def test_whatever_is_proposed_loads_and_has_no_alert(which, places, trials, steps):
    trainer, workload = which
    names = list(load_plugins()[trainer].workloads[workload].hyperparameters)
    compared = sorted({names[place % len(names)] for place in places})
    made = make(trainer, workload, compared, trials, steps=steps)
    design, findings = judged(made)
    assert [one.code for one in findings if one.severity == "alert"] == []
    warned = {one.code for one in findings if one.severity == "warning"}
    if {"beta1", "beta2", "epsilon"} & set(compared):
        warned.discard("adam-budget")  # a person's wish, and told so
    assert warned <= {"batch-size-tuned", "thin-budget"}
    assert ("thin-budget" in warned) == (trials < FEWEST_TRIALS and bool(design.arms))
    assert ("batch-size-tuned" in warned) == ("batch_size" in compared)
    for arm in design.arms:
        assert arm.dimensions <= max(1, trials // TRIALS_PER_DIMENSION)
    assert {name for name, role in roles(made).items() if role == "scientific"} == set(compared)


def test_optimizers_get_their_own_ranges_and_parameters():
    made = make("numpy", "digits-mlp", ["optimizer=sgd,nesterov,adam"], 30)
    rates = made.study.hyperparameters["learning_rate"]
    assert [(d.range, d.when["optimizer"]) for d in rates] == [
        ((0.001, 10), ["sgd", "nesterov"]),
        ((1e-5, 0.1), ["adam"]),
    ]
    held = {name: d[0].when.get("optimizer") for name, d in made.study.hyperparameters.items()}
    assert (held["momentum"], held["beta1"], held["epsilon"]) == (["nesterov"], ["adam"], ["adam"])
    assert set(made.roles.left_out) == {"rho", "final_factor"}


@pytest.mark.parametrize(
    ("trials", "tuned"),
    [
        (9, {"learning_rate"}),
        (10, {"learning_rate", "beta1"}),
        (25, {"learning_rate", "beta1", "epsilon"}),
        (50, {"learning_rate", "beta1", "epsilon", "beta2"}),
    ],
)
def test_adam_is_tuned_by_budget(trials, tuned):
    made = make("torch", "source-transformer", ["depth"], trials)
    of_adam = {"learning_rate", "beta1", "epsilon", "beta2"}
    assert {name for name in of_adam if roles(made)[name] == "nuisance"} == tuned
    assert set(made.roles.dropped) >= of_adam - tuned


def test_what_the_budget_does_not_feed_is_dropped_in_the_order_that_is_said():
    made = make("numpy", "digits-mlp", ["width"], 12, ["dropout=0.1"])
    tuned = [name for name, role in roles(made).items() if role == "nuisance"]
    # What the baseline uses comes before what it does not: dropout before weight decay.
    assert tuned == ["learning_rate", "momentum", "dropout", "weight_decay"]
    assert made.roles.dropped == ["label_smoothing"]
    assert "12 trials an arm feed 4 nuisance dimensions" in made.text


def test_a_schedule_that_decays_has_its_parameters():
    constant = make("numpy", "digits-mlp", ["width"], 20)
    assert "final_factor" in constant.roles.left_out
    compared = make("numpy", "digits-mlp", ["schedule"], 20)
    (definition,) = compared.study.hyperparameters["final_factor"]
    assert definition.when == {"schedule": ["linear", "cosine"]}


def test_a_value_beyond_the_declared_range_is_searched_too():
    made = make("numpy", "digits-mlp", [], 20, ["momentum=0.9995", "weight_decay=0.5"])
    momentum = made.study.hyperparameters["momentum"][0].range
    assert momentum[0] == 0.5
    assert 0.9995 < momentum[1] < 1
    assert made.study.hyperparameters["weight_decay"][0].range[1] == 5


OWN = (
    *("optimizer=sgd", "learning_rate=0.1", "momentum=0.9", "beta1=0.9", "width=64"),
    *("weight_decay=5e-4", "dropout=0.1", "batch_size=32", "fancy=3", "augment=true"),
)


def test_a_script_of_ones_own_is_read_by_the_names(tmp_path):
    made = make("python:train.py:fit", None, ["optimizer=sgd,adam"], 12, OWN)
    assert made.study.workload == "train"
    assert made.study.trainer.options == {"file": "train.py", "function": "fit"}
    assert {name for name, role in roles(made).items() if role == "nuisance"} == {
        *("learning_rate", "momentum", "beta1", "weight_decay", "dropout")
    }
    rates = made.study.hyperparameters["learning_rate"]
    assert [(d.range, d.when["optimizer"]) for d in rates] == [
        ((0.001, 10), ["sgd"]),
        ((1e-5, 0.1), ["adam"]),
    ]
    assert "of unknown kind" in made.text
    _, findings = judged(made)
    assert not [one for one in findings if one.severity in ("alert", "warning")]
    (tmp_path / "study.yaml").write_text(made.text, "utf-8")
    assert load_study(tmp_path / "study.yaml") == made.study


@pytest.mark.parametrize(
    ("told", "said"),
    [("widht", "did you mean 'width'"), ("nothing=1,2", "it has"), ("activation=relu", "")],
)
def test_what_cannot_be_compared_is_refused_with_what_can(told, said):
    if not said:
        with pytest.raises(Exception, match="relu") as caught:
            make("python:a.py", None, ["activation"], 9, ["activation=relu"])
    else:
        with pytest.raises(ScaffoldError, match=said) as caught:
            make("numpy", "digits-mlp", [told], 9)
    assert isinstance(caught.value, ScaffoldError)
