"""Bayesian studies: trials suggested while others train, stopped, killed, extended, recomputed."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys

import pytest

from labtui.engine import client
from labtui.engine.searching import suggested_again
from labtui.engine.suggest import FEWEST, METHOD, Incomputable
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.study.plan import trial_seed
from labtui.study.spec import parse_study
from tests.support.engine import (
    processes,
    run,
    runner_pid,
    submit,
    wait_for_state,
    wait_until,
    write_study,
)

# Rates above a tenth diverge, more of them with less decay; the optimum is just below.
SCRIPT = """
import math, time

def train(trial):
    rate, decay = math.log10(trial.params["rate"]), math.log10(trial.params["decay"])
    for step in trial.steps():
        time.sleep(0.005)
        diverged = rate > -1 + 0.1 * (decay + 3)
        trial.log(step, {"train/loss": math.nan if diverged else 1 / step})
        if trial.should_evaluate(step):
            value = 0.1 + 0.1 * (rate + 1.3) ** 2 + 0.02 * (decay + 3) ** 2
            trial.log(step, {"validation/error_rate": value})
"""
PARENT = """
study: parent
goal: Which rate?
workload: w
trainer: {python: train.py:train}
objective: {metric: validation/error_rate, goal: minimize}
budget: {trials: 16, max_train_steps: 4, eval_every: 2}
hyperparameters:
  rate: {role: nuisance, scale: log, range: [1e-3, 1]}
  decay: {role: nuisance, scale: log, range: [1e-6, 1e-1]}
"""
CHILD = PARENT.replace(
    "study: parent", "study: child\nsampler: bayesian\nfollows: {study: parent, kind: exploit}"
)


@pytest.fixture(scope="module")
def explored(tmp_path_factory):
    """A lab whose parent study was trained."""
    folder = tmp_path_factory.mktemp("explored")
    paths = LabPaths(folder / "lab.db")
    trials = run(paths, write_study(folder, PARENT, SCRIPT))
    assert {trial.state for trial in trials} == {"completed", "infeasible"}
    return folder


@pytest.fixture
def paths(paths, explored):
    """The lab of the test, with the parent in it."""
    shutil.copy(explored / "lab.db", paths.db)
    return paths


def child(folder, trials, **changes):
    text = CHILD.replace("trials: 16", f"trials: {trials}")
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after)
    return write_study(folder, text, SCRIPT)


def recomputed(paths):
    """Compute every suggestion again from the lab file; gives where each came from."""
    sources = []
    with Lab(paths) as lab:
        kept = suggestions(lab)
        trials = lab.trials("child")
    connection = sqlite3.connect(f"file:{paths.db}?mode=ro", uri=True)
    for trial in trials:
        again = suggested_again(connection, trial.id)
        assert again.candidate.params == trial.params
        assert again.candidate.unit == trial.unit
        assert (again.arm, again.seed) == (trial.arm, trial.seed)
        sources.append(again.source)
    connection.close()
    assert [data["source"] for data in kept] == sources
    assert {data["method"] for data in kept} == {METHOD}
    return sources


def suggestions(lab):
    return [event.data for event in lab.events("child") if event.kind == "suggestion"]


def test_suggestions_outlive_a_killed_runner_and_can_be_computed_again(paths, tmp_path):
    submit(paths, child(tmp_path, 6), slots=2)
    with Lab(paths) as lab:
        wait_until(lambda: sum(lab.study("child").counts.values()) >= 3)
    os.kill(runner_pid(paths), signal.SIGKILL)
    wait_until(lambda: not processes(paths))
    client.resume(paths, "child", slots=2)
    trials = wait_for_state(paths, "child", "completed")
    wait_until(lambda: not processes(paths))

    assert [trial.number for trial in trials] == list(range(6))
    assert [trial.seed for trial in trials] == [trial_seed(1, n) for n in range(6)]
    assert {trial.point for trial in trials} == {None}
    assert recomputed(paths) == ["model"] * 6
    with Lab(paths) as lab:
        parent, study, events = lab.study("parent"), lab.study("child"), suggestions(lab)
        prior = {trial.id for trial in lab.trials("parent")}
    assert (study.total, study.best_value < parent.best_value) == (6, True)
    assert all(prior <= set(data["known"]) for data in events)
    assert any(data["pending"] for data in events)  # one trained while another was suggested

    connection = sqlite3.connect(paths.db)
    connection.execute("UPDATE events SET data = json_set(data, '$.libraries.scipy', '0.1')")
    with pytest.raises(Incomputable, match=r"suggested with scipy 0\.1; this is"):
        suggested_again(connection, trials[0].id)
    connection.close()


OTHER = {"max_train_steps: 4": "max_train_steps: 2"}  # no trial of the parent is as long


def test_one_trial_is_trained_more_are_added_and_it_is_stopped(paths, tmp_path):
    submit(paths, child(tmp_path, 3, **OTHER), one=True)
    assert len(wait_for_state(paths, "child", "stopped")) == 1
    with Lab(paths) as lab:
        assert lab.study("child").reason == "one trial trained, as asked"
    file = child(tmp_path, 200, **OTHER)
    study = parse_study(file.read_text(), str(file))
    found = client.submit(paths, study, file=file, folder=tmp_path, mode="extend")
    assert found.added == 197
    with Lab(paths) as lab:
        wait_until(lambda: sum(lab.study("child").counts.values()) >= 3)
    client.stop(paths, "child")
    trials = wait_for_state(paths, "child", "stopped")
    assert [trial.number for trial in trials] == list(range(len(trials)))
    assert 3 <= len(trials) < 200
    assert sum(trial.state == "queued" for trial in trials) <= 2  # what was interrupted goes on


def test_arms_take_turns_and_without_prior_data_begin_with_the_sequence(paths, tmp_path):
    arms = "hyperparameters:\n  width: {role: scientific, values: [8, 16]}"
    trials = run(paths, child(tmp_path, 2, **OTHER, **{"hyperparameters:": arms}), slots=2)
    assert [trial.arm for trial in trials] == ["width=8", "width=16"] * 2
    assert [trial.params["rate"] for trial in trials[::2]] == [
        t.params["rate"] for t in trials[1::2]
    ]
    assert recomputed(paths) == ["halton"] * 4
    with Lab(paths) as lab:
        told = [e.data["text"] for e in lab.events("child") if e.kind == "warning"]
    assert told == [
        "no trial of parent is prior data: another max_train_steps; it begins with Halton "
        f"points, until {FEWEST} trials of each arm have a value"
    ]


def test_a_parent_that_is_not_there_is_refused(paths, tmp_path):
    with pytest.raises(client.RequestRefused, match="no study 'parents' in this lab"):
        submit(paths, child(tmp_path, 3, **{"study: parent,": "study: parents,"}))
    with Lab(paths) as lab:
        assert [study.name for study in lab.studies()] == ["parent"]


def test_without_the_extra_it_is_refused_before_anything_is_queued(paths, tmp_path):
    file = child(tmp_path, 3)
    blocked = (
        "import sys; sys.modules['sklearn'] = None; from labtui.cli.app import main; "
        "sys.exit(main())"
    )
    command = [sys.executable, "-c", blocked, "run", str(file), "--lab", str(paths.db)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "pip install 'labtui[bayes]'" in done.stderr
    assert "Traceback" not in done.stderr
    with Lab(paths) as lab:
        assert [study.name for study in lab.studies()] == ["parent"]


def test_a_suggestion_that_cannot_be_made_stops_its_study_with_the_reason(paths, tmp_path):
    submit(paths, child(tmp_path, 200, **OTHER))
    with Lab(paths) as lab:
        wait_until(lambda: lab.study("child").counts.get("completed"))
    connection = sqlite3.connect(paths.db, timeout=10)
    with connection:  # what the sampler reads is spoilt
        connection.execute("UPDATE trials SET params = '{' WHERE study = 2 AND number = 0")
    connection.close()
    trials = wait_for_state(paths, "child", "stopped")
    wait_until(lambda: not processes(paths))
    assert 1 <= len(trials) < 200
    with Lab(paths) as lab:
        assert lab.study("child").reason.startswith("no next trial: JSONDecodeError: ")
