"""`labtui launch` and `labtui lineage`: real studies, real reruns, a truth that is known."""

import json
import os
import signal

import pytest

from labtui.analysis.decision import GROUPS
from labtui.engine import asking
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.verdicts.card import baseline_text, read_card
from labtui.verdicts.text import number
from tests.support.engine import (
    processes,
    runner_pid,
    submit,
    wait_for_state,
    wait_until,
    write_study,
)
from tests.support.labs import make_lab

# The objective is level + noise of deviation 1, a function of seed and configuration alone.
SCRIPT = """
import random, time

def train(trial):
    p = trial.params
    draw = random.Random(f"{trial.seed} {sorted(p.items())}")
    value = 100 + p["level"] + p.get("noise", 1.0) * draw.gauss(0, 1) - p.get("weight_decay", 0)
    broken = draw.random() < p.get("fails", 0.0)
    for step in trial.steps():
        time.sleep(p.get("pause", 0.0))
        trial.log(step, {"train/loss": float("nan") if broken else value})
        if trial.should_evaluate(step):
            trial.log(step, {"validation/loss": value + 1 / step, "test/loss": value - 50})
"""

STUDY = """
study: {name}
goal: Is another level better?
workload: w
trainer: {{python: train.py:train}}
objective: {{metric: validation/loss, goal: minimize}}
budget: {{max_train_steps: 4, eval_every: 2}}
design: configurations
configurations: {configurations}
"""

MAPPING = """
study: old
goal: Which rate?
workload: elsewhere
objective: {metric: validation/loss, goal: minimize}
hyperparameters: {lr: {role: nuisance, values: [0.1, 0.2]}}
values: {validation/loss: loss}
"""


@pytest.fixture
def paths(tmp_path):
    paths = LabPaths(tmp_path / "lab.db")
    yield paths
    for pid in processes(paths):
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def launch(labtui, paths):
    """Launch as a person does, and give the JSON document."""

    def call(*arguments, code=0):
        outcome = labtui("launch", *arguments, "--lab", paths.db, "--json")
        assert outcome.code == code, outcome.err
        return json.loads(outcome.out)

    return call


def study(folder, paths, name, *configurations):
    """Train each configuration once; the trials are the candidates."""
    text = STUDY.format(name=name, configurations=json.dumps(configurations))
    submit(paths, write_study(folder, text, SCRIPT))
    return wait_for_state(paths, name, "completed")


def baseline(paths, **params):
    configuration = {"params": params, "budget": {"max_train_steps": 4}}
    return asking.set_baseline(paths, "w", configuration, reason="by hand")


def test_a_first_baseline_then_a_gain_then_back(labtui, launch, paths, tmp_path):
    study(tmp_path, paths, "s", {"level": 0}, {"level": 90})
    first = launch("s")
    assert (first["verdict"], first["adopted"], first["baseline"]) == ("adopt", 1, None)
    assert first["candidate"]["trial"] == "s/0"
    assert first["looks"][0]["cause"] == "chance-unknown"
    assert launch("s")["launch"] == first["launch"]  # said again, nothing trained

    study(tmp_path, paths, "t", {"level": -5}, {"level": 2})
    found = launch("t", "--until-decided")
    assert (found["verdict"], found["adopted"], found["next"]) == ("adopt", 2, None)
    assert found["baseline"]["id"] == 1
    evidence, candidate = found["evidence"], found["candidate"]
    assert evidence["gain"] == pytest.approx(5, abs=2)
    assert evidence["interval"][0] > evidence["least_gain"] == 0
    values = [one["value"] for one in candidate["trials"]]
    assert candidate["selected_value"] not in values  # the selected trial's own value is left out
    assert evidence["flattered"] == pytest.approx(candidate["mean"] - candidate["selected_value"])
    n = found["looks"][-1]["reruns"]
    assert len(values) == n == len(found["baseline"]["trials"])
    test = evidence["test"]["test/loss"]
    assert test["mean"] == pytest.approx(candidate["mean"] - 50.25)
    assert test["reruns"] == n
    with Lab(paths) as lab:
        mean = number(candidate["mean"])
        known = read_card(lab, "w")
        assert known.value == pytest.approx(candidate["mean"])  # not what it was selected for
        assert f"{mean} ± " in baseline_text(known)
        assert f"(mean of {n} fresh reruns)" in baseline_text(known)
        card = lab.card("w")["retrain"]
        assert (card["trial"], card["reruns"]) == ("t/0", n)
        assert lab.baseline("w").params == {"level": -5}
        assert len({trial.seed for trial in lab.trials("t-launch")}) == n  # one a repetition

    shown = labtui("show", "t-launch", "--lab", paths.db).out
    assert "candidate t/0" in shown
    assert mean in shown
    assert "baseline 1 s/0" in shown
    assert "level=" not in shown.split("configuration")[-1].split("nuisance")[0]
    assert number(candidate["selected_value"]) not in shown
    (listed,) = (
        line
        for line in labtui("list", "--lab", paths.db).out.splitlines()
        if line.strip().startswith("t-launch")
    )
    assert " – " in listed  # the best of reruns is luck

    rolled = labtui("lineage", "w", "--roll-back", 2, "--lab", paths.db)
    assert rolled.code == 2
    assert "--reason" in rolled.err
    arguments = ["w", "--roll-back", 2, "--reason", "slower on Mondays", "--lab", paths.db]
    tree = labtui("lineage", *arguments).out
    assert "└─ 2" in tree
    assert "slower on Mondays" in tree
    assert "s/0  ← current" in tree
    document = json.loads(labtui("lineage", "w", "--lab", paths.db, "--json").out)
    assert document["current"] == 1
    assert [one["parent"] for one in document["baselines"]] == [None, 1]
    refused = labtui("launch", "t", "--lab", paths.db)
    assert refused.code == 2
    assert "launch 2 adopted it after" in refused.err
    assert "slower on Mondays" in refused.err
    again = launch("t", "--overrule", "--reason", "it was the disk")
    assert (again["launch"], again["adopted"]) == (3, 3)
    assert (again["looks"], again["reruns"]) == (found["looks"], "t-launch")  # no second chance
    assert again["reason"].endswith("adopted again because: it was the disk")
    late = labtui("launch", "t", "--least-gain", 0.1, "--lab", paths.db)
    assert late.code == 2
    assert "decides nothing" in late.err


def test_a_twin_of_a_candidate_gets_no_looks_of_its_own(labtui, launch, paths, tmp_path):
    study(tmp_path, paths, "s", {"level": -9, "noise": 0.1}, {"level": 9, "noise": 0.1})
    study(tmp_path, paths, "t", {"level": -9, "noise": 0.1}, {"level": 8, "noise": 0.1})
    baseline(paths, level=0, noise=0.1)
    found = launch("s", "--until-decided")
    labtui("lineage", "w", "--roll-back", 2, "--reason", "wrong", "--lab", paths.db)
    refused = labtui("launch", "t", "--lab", paths.db)
    assert refused.code == 2
    assert "trial t/0 (as s/0, which is the same) was compared with baseline 1" in refused.err
    again = launch("t", "--overrule", "--reason", "right")
    assert (again["candidate"]["trial"], again["looks"]) == ("s/0", found["looks"])
    with Lab(paths) as lab:
        assert [one.name for one in lab.studies() if one.kind == "launch"] == ["s-launch"]


def test_equal_means_are_looked_at_as_planned_and_not_adopted(labtui, launch, paths, tmp_path):
    study(tmp_path, paths, "s", {"level": 0.0, "other": 1})
    baseline(paths, level=0, other=2)
    first = launch("s")
    assert [look["reruns"] for look in first["looks"]] == [5]
    assert first["plan"]["groups"] == list(GROUPS)
    outcome = labtui("launch", "s", "--show", "--lab", paths.db)
    assert "validation/loss" in outcome.out
    last = launch("s", "--until-decided")
    assert last["verdict"] in ("reject", "undecided")
    assert last["looks"][0] == first["looks"][0]
    assert launch("s", "--groups", 3) == last  # nothing further is planned: no further look
    assert last["next"] is None
    with Lab(paths) as lab:
        assert len(lab.trials("s-launch")) == 2 * last["looks"][-1]["reruns"]
        assert lab.baseline("w").id == 1
    if last["looks"]:
        refused = labtui("launch", "s", "--least-gain", 9, "--lab", paths.db)
        assert refused.code == 2
        assert "planned" in refused.err
    assert "not adopted" in labtui("lineage", "w", "--lab", paths.db).out


def test_a_candidate_that_diverges_is_rejected(launch, paths, tmp_path):
    trials = study(tmp_path, paths, "s", *({"level": -9, "fails": 0.75, "k": k} for k in range(12)))
    trained = next(trial for trial in trials if trial.state == "completed")
    baseline(paths, level=0, k=0)
    found = launch("s", "--trial", trained.number, "--until-decided")
    assert found["verdict"] == "reject"
    assert found["looks"][-1]["cause"] == "fails"
    assert found["candidate"]["infeasible"] > found["baseline"]["infeasible"] == 0
    assert "could not be trained" in found["reason"]


def test_a_trainer_without_chance_and_a_price(launch, paths, tmp_path):
    study(tmp_path, paths, "s", {"level": 0, "noise": 0, "weight_decay": 0.5})
    baseline(paths, level=0, noise=0)
    found = launch("s", "--least-gain", 0.6)
    assert (found["verdict"], found["looks"][0]["cause"]) == ("reject", "no-gain")
    assert found["evidence"]["gain"] == pytest.approx(0.5)
    assert [one["kind"] for one in found["evidence"]["complexity"]] == ["part"]


def test_an_alert_holds_back_unless_overruled(labtui, launch, paths, tmp_path):
    text = """
study: s
goal: How low can the level be?
workload: w
trainer: {python: train.py:train}
objective: {metric: validation/loss, goal: minimize}
budget: {trials: 16, max_train_steps: 4, eval_every: 1}
hyperparameters: {level: {role: nuisance, range: [20, 80]}, noise: {role: fixed, value: 0.5}}
"""
    submit(paths, write_study(tmp_path, text, SCRIPT))
    wait_for_state(paths, "s", "completed")
    baseline(paths, level=50, noise=0.5)
    held = launch("s", "--reason", "asked for by Ada")
    assert held["verdict"] == "undecided"
    assert held["reason"].endswith(". A person adds: asked for by Ada")
    assert held["looks"][-1]["verdict"] == "adopt"
    assert [one["code"] for one in held["held"]] == ["search-boundary"]
    assert held["next"] == "labtui next s"
    assert "noise=0.5" in " ".join(held["evidence"]["caveats"])
    assert labtui("launch", "s", "--overrule", "--lab", paths.db).code == 2
    found = launch("s", "--overrule", "--reason", "the range ends where the model does")
    assert (found["verdict"], found["adopted"]) == ("adopt", 2)
    assert found["looks"] == held["looks"]
    assert "the range ends where the model does. A person adds: asked for" in found["reason"]


def test_a_killed_launch_goes_on_where_it_was(labtui, launch, paths, tmp_path):
    study(tmp_path, paths, "s", {"level": -9, "pause": 0.04})
    baseline(paths, level=0, pause=0.04)
    assert labtui("launch", "s", "--detach", "--slots", 1, "--lab", paths.db).code == 0
    with Lab(paths) as lab:
        wait_until(lambda: any(trial.finished for trial in lab.trials("s-launch")))
        os.kill(runner_pid(paths), signal.SIGKILL)
        wait_until(lambda: lab.runner() is None)
        done = {trial.id: trial.finished for trial in lab.trials("s-launch") if trial.finished}
        assert lab.launches(study="s")[0].data["looks"] == []  # planned, before any rerun
    found = launch("s")
    assert found["launch"] == 1
    assert [look["verdict"] for look in found["looks"]] == ["adopt"]
    with Lab(paths) as lab:
        after = {trial.id: trial.finished for trial in lab.trials("s-launch")}
    assert len(after) == 2 * GROUPS[0]
    assert done.items() <= after.items()


def test_what_cannot_be_launched_is_refused_plainly(labtui, tmp_path):
    lab = make_lab(tmp_path, name="s", points=4).db
    make_lab(tmp_path, name="waiting", points=4, ended=3, state="queued")
    make_lab(tmp_path, name="none", points=4, ended=0, state="stopped")
    (tmp_path / "runs.csv").write_text("lr,loss\n0.1,0.5\n0.2,0.4\n")
    (tmp_path / "runs.yaml").write_text(MAPPING)
    mapped = ["--mapping", tmp_path / "runs.yaml", "--lab", lab]
    assert labtui("import", tmp_path / "runs.csv", *mapped).code == 0

    def refused(*arguments):
        outcome = labtui("launch", *arguments, "--lab", lab)
        assert outcome.code == 2
        return outcome.err

    make_lab(tmp_path, name="two words", points=2)
    assert "`labtui launch 'two words/1'`" in refused("two words/1", "--show")  # for a shell
    assert "was imported: nothing here can train" in refused("old")
    assert "never launched" in refused("s", "--show")
    assert "only one that completed" in refused("waiting", "--trial", "7")
    assert "is queued: 5 of 8 trials are to come" in refused("waiting")
    assert "no trial" in refused("s", "--trial", "9")
    assert "did you mean 's'" in refused("sx")
    assert "finite number" in refused("s", "--least-gain", "nan")
    assert "0 or more" in refused("s", "--least-gain", -1)
    assert "no completed trial" in refused("none")
    with Lab(LabPaths(lab)) as opened:
        best = opened.trial(f"s/{opened.study('s').best_trial}")
    configuration = {"params": best.params}
    asking.set_baseline(LabPaths(lab), "digits-mlp", configuration, reason="by hand")
    assert "has the configuration of baseline 1" in refused("s")
    assert labtui("lineage", "nowhere", "--lab", lab).code == 2
    with Lab(LabPaths(lab)) as opened:
        assert opened.launches() == []


def test_a_person_rejects_what_is_undecided_until_that_is_overruled(
    labtui, launch, paths, tmp_path
):
    study(tmp_path, paths, "s", {"level": 0})
    baseline(paths, level=0, other=2)
    wrong = [["--reject"], ["--reject", "--overrule", "--reason", "x"], ["--reason", " "]]
    wrong += [["--detach", "--reason", "x"], ["--show", "--reason", "x"]]  # nothing would keep it
    for one in wrong:
        assert labtui("launch", "s", *one, "--lab", paths.db).code == 2
    rejected = launch("s", "--reject", "--reason", "too slow to serve")
    assert (rejected["verdict"], rejected["rejected"]) == ("reject", "too slow to serve")
    assert rejected["reason"].endswith("Rejected by a person: too slow to serve")
    assert launch("s", "--until-decided") == rejected  # nothing is trained for it
    lost = labtui("launch", "s", "--reason", "x", "--lab", paths.db)
    assert lost.code == 2
    assert "expected --overrule beside it" in lost.err
    again = labtui("launch", "s", "--reject", "--reason", "x", "--lab", paths.db)
    assert again.code == 2
    assert "says reject already, by a person: too slow to serve" in again.err
    reopened = launch("s", "--overrule", "--reason", "a faster machine")
    assert (reopened["verdict"], reopened["looks"]) == ("undecided", [])
    with Lab(paths) as lab:
        assert [one.name for one in lab.studies()] == ["s"]
    looked = launch("s")
    assert len(looked["looks"]) == 1
    assert looked["launch"] == rejected["launch"]
    shown = labtui("launch", "s", "--show", "--lab", paths.db).out
    assert "fresh reruns of s/0" in shown
    drawn = labtui("plot", "s", "launch", "--lab", paths.db)
    assert "baseline 1" in drawn.out
    assert drawn.code == 0
