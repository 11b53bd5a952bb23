"""Trainers, requests and surroundings that misbehave: one trial pays, the others do not."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time

import pytest

from labtui.engine import client
from labtui.engine.plugins import TrainerError
from labtui.store.lab import Lab
from labtui.store.writer import Writer
from tests.support.engine import (
    SCRIPT,
    arms,
    fixed,
    points,
    processes,
    run,
    runner_pid,
    study_text,
    submit,
    wait_for_state,
    wait_until,
    write_study,
)

NONSENSE = """
import os, threading, time
def train(trial):
    mode = trial.params["mode"]
    for step in trial.steps():
        trial.log(step, {"validation/error_rate": 0.5})
    if mode == "number":
        trial.log(1, {5: 1.0})
    if mode == "negative":
        trial.log(-1, {"a": 1.0})
    if mode == "far":
        trial.log(2**63, {"a": 1.0})
    if mode == "surrogate":
        trial.log(1, {"caf\\udce9": 1.0})
    if mode == "reason":
        raise ValueError("bad file " + os.fsdecode(b"caf\\xe9.png"))
    if mode == "checkpoint":
        trial.checkpoint(2**63, b"x")
    if mode == "closed":
        import sys
        sys.stdout.close()
    if mode == "late":
        def late():
            for n in range(40):
                time.sleep(0.01)
                trial.log(n, {f"late{n}": 1.0})
        threading.Thread(target=late).start()
"""


def test_what_a_trainer_says_wrong_costs_its_own_trial_only(paths, tmp_path):
    modes = ("fine", "number", "negative", "far", "surrogate", "reason", "checkpoint", "closed")
    file = write_study(
        tmp_path, study_text(trials=1, steps=3, mode=arms(*modes, "late", "last")), NONSENSE
    )
    found = {t.params["mode"]: (t.state, t.reason) for t in run(paths, file, slots=1)}
    good = ("completed", "")
    assert [found[mode] for mode in ("fine", "surrogate", "closed", "late", "last")] == [good] * 5
    assert found["number"] == ("failed", "TypeError: log: found metric name 5; expected text")
    assert found["negative"][1].startswith("ValueError: log: found step -1")
    assert found["far"][0] == "failed"
    assert found["reason"] == ("failed", "ValueError: bad file caf\\udce9.png")
    assert found["checkpoint"][1].startswith(
        "ValueError: checkpoint: found step 9223372036854775808"
    )
    with Lab(paths) as lab:
        assert not [name for name in lab.metrics("s") if name.startswith("late")]


def test_a_study_stopped_and_resumed_beside_another_does_not_stop_again(paths, tmp_path):
    other = write_study(tmp_path / "b", study_text("other", trials=6, steps=60, pause=fixed(0.02)))
    file = write_study(tmp_path / "a", study_text(trials=2, steps=100, pause=fixed(0.03)))
    submit(paths, file)
    submit(paths, other)
    with Lab(paths) as lab:
        wait_until(lambda: lab.trial("s/0").step > 5)
        client.stop(paths, "s")
        wait_for_state(paths, "s", "stopped")
        submit(paths, file)
        trials = wait_for_state(paths, "s", "completed")
    assert max(t.attempt for t in trials) == 2
    client.stop(paths, "other", now=True)
    wait_for_state(paths, "other", "stopped", "completed")


def test_a_disk_that_cannot_be_written_pauses_and_goes_on(paths, tmp_path):
    file = write_study(tmp_path, study_text(trials=4, steps=60, pause=fixed(0.03)))
    submit(paths, file)
    wait_until(lambda: len(processes(paths, "bootstrap")) == 2)
    runner = runner_pid(paths)
    log = paths.db.with_name("lab.db-wal")
    before = resource.prlimit(runner, resource.RLIMIT_FSIZE)
    resource.prlimit(runner, resource.RLIMIT_FSIZE, (log.stat().st_size, before[1]))
    wait_until(lambda: "trying again" in (paths.logs / "runner.log").read_text())
    with Lab(paths) as lab:
        seen = lab.revision()
        time.sleep(0.5)
        assert lab.revision() == seen
        assert lab.runner() is not None
    resource.prlimit(runner, resource.RLIMIT_FSIZE, before)
    trials = wait_for_state(paths, "s", "completed")
    assert [(t.state, t.attempt) for t in trials] == [("completed", 1)] * 4
    other = write_study(tmp_path, study_text("reference", trials=4, steps=60))
    run(paths, other)
    ours = {key[:3]: key[3] for key in points(paths, "s")}
    assert ours == {key[:3]: key[3] for key in points(paths, "reference")}


@pytest.mark.parametrize("events", ["missing/e.jsonl", "."])
def test_events_that_cannot_be_written_are_refused_at_once(paths, tmp_path, events):
    file = write_study(tmp_path, study_text(trials=1))
    with pytest.raises(TrainerError, match="--events"):
        submit(paths, file, events=tmp_path / events)
    assert not paths.db.exists()


def test_a_request_that_cannot_be_carried_out_is_answered_and_removed(paths, tmp_path):
    from labtui.store import inbox

    file = write_study(tmp_path, study_text(trials=4, steps=60, pause=fixed(0.01)))
    submit(paths, file)
    asked = inbox.post(paths, {"kind": "submit", "study": {"nonsense": 1}})
    with Lab(paths) as lab:
        answer = wait_until(lambda: lab.answer(asked))
    assert "error" in answer.data
    wait_until(lambda: not list(paths.inbox.glob("*.json")))
    trials = wait_for_state(paths, "s", "completed")
    assert [t.attempt for t in trials] == [1] * 4


def test_a_request_is_carried_out_once_though_its_runner_dies(paths, tmp_path):
    file = write_study(tmp_path, study_text(trials=2, steps=60, pause=fixed(0.03)))
    submit(paths, file)
    wait_until(lambda: len(processes(paths, "bootstrap")) == 2)
    runner = runner_pid(paths)
    os.kill(runner, signal.SIGSTOP)
    asking = subprocess.Popen(
        [sys.executable, "-m", "labtui", "note", "s", "once", "--lab", str(paths.db)],
        stderr=subprocess.PIPE,
    )
    wait_until(lambda: list(paths.inbox.glob("*.json")))
    os.kill(runner, signal.SIGKILL)
    assert asking.communicate(timeout=60)[1] == b"noted on s\n"
    run(paths, file)
    with Lab(paths) as lab:
        assert [text for _, text in lab.notes("s")] == ["once"]


def test_a_study_all_of_whose_trials_were_stopped_ends(paths, tmp_path):
    file = write_study(tmp_path, study_text(trials=2, mode=fixed("hang")))
    submit(paths, file)
    wait_until(lambda: len(processes(paths, "bootstrap")) == 2)
    os.kill(runner_pid(paths), signal.SIGKILL)
    wait_until(lambda: not processes(paths))
    client.stop(paths, "s/0")
    client.stop(paths, "s/1")
    submit(paths, file)
    trials = wait_for_state(paths, "s", "completed")
    assert [t.state for t in trials] == ["stopped"] * 2


def test_a_dead_runner_of_another_host_name_is_not_waited_for(paths, tmp_path):
    file = write_study(tmp_path, study_text(trials=1))
    run(paths, file)
    left = {"machine": "elsewhere:host", "boot": "b", "pid": 1, "started": "1", "role": "runner"}
    paths.lock.write_text(json.dumps(left))
    file.write_text(study_text("t", trials=1))
    assert [t.state for t in run(paths, file)] == ["completed"]


def test_files_beside_the_lab_do_not_shadow_the_runners_modules(paths, tmp_path):
    file = write_study(tmp_path, study_text(trials=1))
    for name in ("signal", "json", "socket", "labtui"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('shadowed')\n")
    script = file.with_name("train.py")
    script.write_text(SCRIPT.replace("import json, os", "import os\nimport json"))
    (trial,) = run(paths, file)
    assert (trial.state, trial.reason) == ("completed", "")


def test_a_folder_that_is_gone_stops_the_study_and_fails_no_trial(paths, tmp_path):
    file = write_study(tmp_path / "code", study_text(trials=3))
    with Writer(paths):
        pass
    name = submit(paths, file)
    wait_for_state(paths, name, "completed")
    wait_until(lambda: not processes(paths))
    file.write_text(study_text(trials=5))
    from labtui.engine import requests
    from labtui.study.spec import parse_study

    with Writer(paths) as writer:
        study = parse_study(file.read_text()).to_json()
        requests.submit(writer, {"study": study, "mode": "extend"})
    (tmp_path / "code").rename(tmp_path / "away")
    client.resume(paths, "s")
    trials = wait_for_state(paths, "s", "stopped")
    assert [t.state for t in trials] == ["completed"] * 3 + ["queued"] * 2
    with Lab(paths) as lab:
        assert "the folder that it trains in is gone" in lab.study("s").reason
    (tmp_path / "away").rename(tmp_path / "code")
    client.resume(paths, "s")
    assert {t.state for t in wait_for_state(paths, "s", "completed")} == {"completed"}


def test_an_interpreter_that_is_no_python_stops_the_study(paths, tmp_path):
    file = write_study(tmp_path, study_text(trials=2) + "interpreter: ./odd\n")
    odd = tmp_path / "odd"  # a Python when it is asked, and none when it is to work
    odd.write_text(f'#!/bin/sh\n[ "$1" = -c ] && exec {sys.executable} "$@"\nexit 0\n')
    odd.chmod(0o755)
    submit(paths, file)
    trials = wait_for_state(paths, "s", "stopped")
    assert [t.state for t in trials] == ["queued"] * 2
    with Lab(paths) as lab:
        assert f"{odd} ended with exit code 0 before it could train" in lab.study("s").reason


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_change_nothing(paths, tmp_path, closed):
    file = write_study(tmp_path, study_text(trials=1))
    command = f"exec {sys.executable} -m labtui run {file} --lab {paths.db} {closed}"
    found = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60)
    assert found.returncode == 0, found.stderr
    assert "Traceback" not in found.stderr
    assert [t.state for t in wait_for_state(paths, "s", "completed")] == ["completed"]


def test_only_kept_checkpoints_are_on_the_disk(paths, tmp_path):
    (trial,) = run(paths, write_study(tmp_path, study_text(trials=1, steps=100, every=5)))
    with Lab(paths) as lab:
        kept = lab.checkpoints(trial.id)
    folders = {entry.name for entry in paths.checkpoint_folder(trial.id).iterdir()}
    assert folders == {c.folder for c in kept}
    assert [c.step for c in kept if c.best] == [trial.best_step]
    assert max(c.step for c in kept) == 100
