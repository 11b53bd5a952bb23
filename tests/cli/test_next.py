"""`labtui next`, and what it leads to, trained for real by a real runner."""

import json

import pytest

from labtui.cli.app import main
from labtui.store.paths import LabPaths
from labtui.study.spec import parse_study
from tests.support.engine import fixed, run, study_text, write_study

NAME = "digits-optimizer"

# Lowest at a rate of 0.05; the training set is fitted soonest at 0.015.
SURFACE = """
import math

def train(trial):
    rate = trial.params["learning_rate"]
    u = math.log10(rate / 0.05)
    floor = 0.1 + 0.1 * u * u + 0.01 * abs(math.log10(trial.params["weight_decay"] or 1e-4) + 4)
    for step in trial.steps():
        fitted = 1 - step * min(rate, 0.015**2 / rate) * 5
        trial.log(step, {"train/loss": 0.01 + max(0.0, fitted), "grad_norm": 1 + u * u})
        if trial.should_evaluate(step):
            left = 0.9 * math.exp(-12 * step / trial.max_steps)
            trial.log(step, {"validation/error_rate": floor + left})
            trial.log(step, {"train/error_rate": max(0.0, fitted)})
"""
STUDY = """
study: surface
goal: Which rate is best?
workload: surface
trainer: {python: train.py:train}
objective: {metric: validation/error_rate, goal: minimize}
budget: {trials: 16, max_train_steps: 40, eval_every: 2}
hyperparameters:
  learning_rate: {role: nuisance, scale: log, range: [1e-3, 3e-2]}
  weight_decay: {role: nuisance, scale: log, range: [1e-6, 1e-2]}
"""
# Eight layers from weights 1.8 times too large, without normalization: unstable from about 0.008.
DEEP = """
study: deep
goal: At which rate does a deep network without normalization train best?
workload: digits-mlp
trainer: numpy
objective: {metric: validation/error_rate, goal: minimize}
budget: {trials: 10, max_train_steps: 600, eval_every: 60}
hyperparameters:
  learning_rate: {role: nuisance, scale: log, range: [2e-3, 1e-1]}
  optimizer: {role: fixed, value: sgd}
  depth: {role: fixed, value: 8}
  width: {role: fixed, value: 64}
  batch_size: {role: fixed, value: 128}
  init_scale: {role: fixed, value: 1.8}
"""


@pytest.fixture(scope="module")
def surface(tmp_path_factory):
    """A lab whose study cut the best rate off."""
    folder = tmp_path_factory.mktemp("surface")
    (folder / "train.py").write_text(SURFACE)
    (folder / "surface.yaml").write_text(STUDY)
    assert main(["run", str(folder / "surface.yaml"), "--lab", str(folder / "lab.db")]) == 0
    return folder / "lab.db"


@pytest.fixture
def at_surface(labtui, surface):
    def call(*arguments):
        return labtui(*arguments, "--lab", surface)

    return call


# -- what it prints -----------------------------------------------------------------------------


def test_the_most_important_study_is_on_stdout_and_the_others_on_stderr(at_surface):
    found = at_surface("next", "surface")
    assert found.code == 0
    study = parse_study(found.out)
    assert study.study == "surface-widen"
    assert study.follows.answers == ["search-boundary learning_rate high"]
    assert "# search-boundary learning_rate high: it ended at 0.03" in found.out
    assert found.err.startswith("widen: ")
    assert "possible: " in found.err


def test_a_kind_can_be_chosen_and_all_are_listed(labtui):
    chosen = parse_study(labtui("next", NAME, "--kind", "narrow").out)
    assert chosen.follows.kind == "narrow"
    listed = labtui("next", NAME, "--list")
    assert listed.out.split()[:3] == ["kind", "for", "trials"]
    assert f"labtui next {NAME} --kind narrow" in listed.out
    document = json.loads(labtui("next", NAME, "--list", "--json").out)
    assert document["chosen"] is None
    kinds = [one["kind"] for one in document["follow_ups"]]
    assert len(set(kinds)) > 10


def test_the_document_holds_the_text(labtui):
    document = json.loads(labtui("next", NAME, "--kind", "fix", "--trials", "9", "--json").out)
    study = parse_study(document["chosen"]["text"])
    assert study.budget.trials == 9
    assert study.to_json() == document["chosen"]["study"]


def test_a_study_that_still_runs_is_judged_so_far(labtui):
    assert "5 of 8 trials have ended" in labtui("next", "second").err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--kind", "widn"], "did you mean 'widen'"),
        (["--kind", "widen"], "no boundary alerted"),
        (["--kind", "split", "--about", "x"], "compares one thing already"),
        (["--kind", "extend", "--trials", "3"], "20 trials already"),
        (["--kind", "longer", "--steps", "10"], "no longer than 1000"),
        (["--list", "--run"], "--list only lists"),
        (["--detach"], "are for --run"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(labtui, arguments, said):
    found = labtui("next", NAME, *arguments)
    assert found.code == 2
    assert said in found.err
    assert not found.out


def test_a_study_is_written_to_a_file_that_is_not_there(labtui, tmp_path):
    file = tmp_path / "next.yaml"
    found = labtui("next", NAME, "--kind", "replica", "--to", file)
    assert found.code == 0
    assert not found.out
    assert parse_study(file.read_text()).follows.kind == "replica"
    again = labtui("next", NAME, "--kind", "replica", "--to", file)
    assert again.code == 2
    assert "is there already" in again.err


# -- what it leads to ---------------------------------------------------------------------------


def test_the_widened_study_finds_the_optimum_that_the_first_cut_off(at_surface):
    before = json.loads(at_surface("show", "surface", "--json").out)
    assert at_surface("next", "surface", "--run").code == 0
    after = json.loads(at_surface("show", "surface-widen", "--json").out)
    assert after["best_value"] < before["best_value"]
    (best,) = [t for t in after["trials"] if t["trial"] == after["best_trial"]]
    assert 0.03 < best["params"]["learning_rate"] < 0.08
    assert after["parent"]["study"] == "surface"
    (answer,) = after["parent"]["answers"]
    assert answer["finding"] == "search-boundary learning_rate high"
    assert answer["status"] == "answered"
    assert answer["before"]["severity"] == "alert"
    shared = after["parent"]["shared"]
    assert (shared["trials"], shared["best_trial"]) == (16, after["best_trial"])
    checked = at_surface("check", "surface-widen").out
    assert "follows surface (widen)" in checked
    assert "16 of the 16 trials of surface lie in this space; best of both: " in checked
    assert "  answered: search-boundary learning_rate high\n    before  alert: " in checked
    assert "follows surface (widen)" in at_surface("show", "surface-widen").out


def test_what_is_there_already_is_pointed_to_unless_another_is_wanted(at_surface):
    def names():
        return {one["name"] for one in json.loads(at_surface("list", "--json").out)["studies"]}

    asked = ("next", "surface", "--kind", "longer", "--trials", "2", "--run")
    assert at_surface(*asked).code == 0
    before = names()
    found = at_surface(*asked)
    assert found.code == 0
    assert "surface-longer (completed, 2 of 2 trials) answers the same already" in found.err
    assert "nothing was started" in found.err
    assert names() == before
    assert "there is surface-longer (completed" in at_surface("next", "surface", "--list").out
    assert at_surface(*asked, "--new").code == 0
    assert names() - before == {"surface-longer-2"}


def test_an_extended_study_keeps_its_trials(at_surface):
    before = json.loads(at_surface("show", "surface", "--json").out)["trials"]
    assert at_surface("next", "surface", "--kind", "extend", "--trials", "18", "--run").code == 0
    after = json.loads(at_surface("show", "surface", "--json").out)["trials"]
    assert len(after) == 18
    assert after[:16] == before


def test_the_fastest_perfect_fit_is_the_first_length(at_surface):
    """The rate that fits first is 0.015, after 1 / (5 * 0.015) steps; the grid has 0.0162."""
    assert at_surface("next", "surface", "--kind", "first-length", "--run").code == 0
    document = json.loads(at_surface("check", "surface-first-length", "--json").out)
    reading = document["parent"]["reading"]
    assert reading["evidence"]["rate"] == 0.0162
    assert reading["evidence"]["boundary"] == ""
    assert reading["evidence"]["steps"] == 15
    found = at_surface("next", "surface-first-length")
    assert "first max_train_steps: 15" in found.err
    study = parse_study(found.out)
    assert (study.follows.study, study.follows.kind) == ("surface", "length")
    assert study.budget.max_train_steps == 15


def test_a_dense_probe_is_read_beside_its_parent(at_surface):
    assert at_surface("next", "surface", "--kind", "dense-probe", "--run").code == 0
    document = json.loads(at_surface("check", "surface-dense-probe", "--json").out)
    assert document["parent"]["reading"]["evidence"]["unstable"] is False


def test_a_warmup_sweep_of_an_unstable_network_ends_with_the_shortest_that_trains(labtui, tmp_path):
    (tmp_path / "deep.yaml").write_text(DEEP)
    lab = tmp_path / "lab.db"
    assert labtui("run", tmp_path / "deep.yaml", "--lab", lab).code == 0
    listed = json.loads(labtui("next", "deep", "--list", "--json", "--lab", lab).out)
    first = listed["follow_ups"][0]
    assert (first["kind"], first["answers"]) == ("warmup", ["stability-edge learning_rate high"])
    assert labtui("next", "deep", "--run", "--lab", lab).code == 0
    document = json.loads(labtui("check", "deep-warmup", "--json", "--lab", lab).out)
    evidence = document["parent"]["reading"]["evidence"]
    assert evidence["warmup_steps"] == [0, 10, 60]
    assert evidence["trains"] == [False, False, True]
    assert evidence["shortest"] == 60
    schedule = parse_study(labtui("next", "deep-warmup", "--lab", lab).out)
    assert schedule.follows.study == "deep"
    assert schedule.budget.max_train_steps == 660
    assert schedule.hyperparameters["warmup_steps"][0].value == 60
    assert schedule.hyperparameters["learning_rate"][0].range[1] == evidence["learning_rate"]


def test_a_program_that_always_breaks_is_to_be_repaired_first(labtui, tmp_path):
    text = study_text("broken", trials=2, mode=fixed("raise"))
    paths = LabPaths(tmp_path / "lab.db")
    run(paths, write_study(tmp_path, text))
    found = labtui("next", "broken", "--lab", paths.db)
    assert found.out == ""
    assert "every trial that ended has failed" in found.err
    assert "repair the program first; `labtui show broken/0` has the traceback" in found.err
