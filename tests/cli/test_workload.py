"""`labtui workload`: the card, and what a baseline changes for it and for the studies to come."""

import json

import pytest

from labtui.engine.client import put_card
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from tests.docs.pages import ROOT
from tests.support.labs import make_lab

SAMPLE = ROOT / "sample_studies" / "digits_optimizers.yaml"
STUDY = """\
study: next
goal: Is a wider network better?
workload: digits-mlp
trainer: numpy
objective: {metric: validation/error_rate, goal: minimize}
budget: {trials: 8, max_train_steps: 1000, eval_every: 40}
hyperparameters:
  width: {role: scientific, values: [32, 128]}
  learning_rate: {role: nuisance, scale: log, range: [1e-3, 10]}
"""


@pytest.fixture
def paths(tmp_path):
    return make_lab(tmp_path, points=4)


@pytest.fixture
def study(tmp_path):
    file = tmp_path / "next.yaml"
    file.write_text(STUDY)
    return file


@pytest.fixture
def on(labtui, paths):
    def call(*arguments):
        return labtui(*arguments, "--lab", paths.db)

    return call


def adopt(on, trial="digits-optimizer/0", **options):
    return on("workload", "digits-mlp", "--baseline", trial, "--reason", "a start", **options)


def test_the_card_without_a_baseline(on):
    out = on("workload", "digits-mlp").out
    assert "data       8x8 images of handwritten digits" in out
    assert "chance     0.9; 360 validation examples" in out
    assert "step       400 µs a step (median of" in out
    assert "batch      not probed; `labtui probe batch-size digits-mlp`" in out
    assert "it has no baseline" in out
    assert "set a baseline" in on("workload").out


def test_a_baseline_by_hand(on, paths):
    found = adopt(on)
    assert found.code == 0
    assert "digits-optimizer/0 is the baseline of digits-mlp" in found.err
    assert "set by hand: a start" in found.out
    with Lab(paths) as lab:
        trial, baseline = lab.trial("digits-optimizer/0"), lab.baseline("digits-mlp")
    assert baseline.params == trial.params
    assert baseline.configuration["budget"] == {"max_train_steps": 1000, "eval_every": 40}
    document = json.loads(on("workload", "digits-mlp", "--json").out)
    assert document["baseline"]["value"] == trial.value
    assert document["baseline"]["trial"] == trial.name
    assert document["findings"] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["digits-mlp", "--baseline", "digits-optimizer/0"], "found no reason"),
        (["digits-mlp", "--baseline", "digits-optimizer/0", "--reason", " "], "found no reason"),
        (["--baseline", "digits-optimizer/0", "--reason", "x"], "found no workload"),
        (["digits-mlp", "--reason", "x"], "name the trial with --baseline"),
        (["digits-mpl"], "did you mean 'digits-mlp'"),
        (["digits-mlp", "--baseline", "digits-optimizer/99", "--reason", "x"], "no trial"),
    ],
)
def test_what_cannot_be_is_refused(on, paths, arguments, said):
    found = on("workload", *arguments)
    assert found.code == 2
    assert said in found.err
    with Lab(paths) as lab:
        assert lab.baselines("digits-mlp") == []


def test_an_infeasible_trial_is_no_baseline(on, paths):
    with Lab(paths) as lab:
        bad = next(t for t in lab.trials("digits-optimizer") if t.state == "infeasible")
    found = adopt(on, bad.name)
    assert found.code == 2
    assert "expected a completed trial" in found.err


def test_a_study_takes_what_it_does_not_name_from_the_baseline(on, paths, study):
    adopt(on)
    document = json.loads(on("plan", study, "--json").out)
    with Lab(paths) as lab:
        params = lab.baseline("digits-mlp").params
    assert document["inherited"] == {k: v for k, v in params.items() if k != "learning_rate"}
    assert document["baseline"] == 1
    assert "batch_size" not in document["defaults"]
    out = on("plan", study).out
    assert "baseline   1 (digits-optimizer/0); 3 hyperparameters have its values" in out
    assert "of the baseline" in out


def test_a_change_of_the_batch_size_asks_to_tune_again_until_a_study_has(on, paths, study):
    adopt(on)
    card = {"batch_size_probe": {"params": {"optimizer": "sgd"}, "table": [], "date": "2026"}}
    put_card(paths, "digits-mlp", card, trainer="numpy", metric="m", goal="minimize")
    study.write_text(STUDY + "  batch_size: {role: fixed, value: 256}\n")
    out = on("plan", study).out
    assert "! retune  batch_size  [P03]" in out
    assert "weight_decay" in out.split("Make")[1].split("nuisance")[0]
    out = on("workload", "digits-mlp").out
    assert "probe the batch sizes again" in out
    assert "optimizer sgd → nesterov (P02)" in out


def test_a_baseline_that_is_no_better_than_chance_has_not_earned_tuning(on, paths, study):
    from labtui.engine.asking import set_baseline

    with Lab(paths) as lab:
        trials = lab.trials("digits-optimizer")
    worst = max((t for t in trials if t.state == "completed"), key=lambda t: t.value)
    card = {"metrics": {"validation/error_rate": {"chance": worst.value + 0.01, "examples": 360}}}
    put_card(paths, "digits-mlp", card, trainer="numpy", metric="m", goal="minimize")
    found = adopt(on, worst.name)
    assert "below-chance [P01]: The baseline's validation/error_rate" in found.out
    assert on("plan", study, "--fail-on", "alert").code == 3
    refused = on("run", study)
    assert refused.code == 3
    assert "below-chance [P01]" in refused.err
    assert "add --force" in refused.err
    with Lab(paths) as lab:
        assert [one.name for one in lab.studies()] == ["digits-optimizer"]
    best = min((t for t in trials if t.value is not None), key=lambda t: t.value)
    set_baseline(
        paths,
        "digits-mlp",
        {"params": best.params, "trainer": {"name": "numpy"}},
        trial=best.name,
        reason="better",
    )
    assert on("plan", study, "--fail-on", "alert").code == 0


def test_an_empty_lab_says_what_to_do(labtui, tmp_path):
    from labtui.store.writer import Writer

    Writer(LabPaths(tmp_path / "lab.db")).close()
    found = labtui("workload", "--lab", tmp_path / "lab.db")
    assert (found.code, found.out) == (0, "")
    assert "labtui init" in found.err


def test_every_key_of_the_documents_is_described(on, paths, study, tmp_path):
    described = (ROOT / "docs" / "lab-file.md").read_text("utf-8")
    adopt(on)
    for arguments in (["workload", "digits-mlp"], ["plan", study], ["init", "digits-mlp"]):
        document = json.loads(on(*arguments, "--json").out)
        assert document
        for key in document:
            assert f"`{key}`" in described, (arguments, key)
