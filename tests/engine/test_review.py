"""Faults that a second pair of eyes found: each of these once failed."""

import os
import signal
import sys

import pytest

from labtui.engine import client
from labtui.engine.client import RequestRefused
from labtui.engine.plugins import TrainerError
from labtui.store.lab import Lab
from labtui.trainer.plugin import Plugin
from tests.support.engine import (
    fixed,
    processes,
    run,
    runner_pid,
    study_text,
    submit,
    wait_for_state,
    wait_until,
    write_study,
)


def states(paths, name="s"):
    with Lab(paths) as lab:
        return [trial.state for trial in lab.trials(name)]


def test_a_signal_without_a_name_does_not_end_the_runner(paths, tmp_path):
    script = "import os\ndef train(trial):\n    os.kill(os.getpid(), 40)\n"
    (trial,) = run(paths, write_study(tmp_path, study_text(trials=1), script))
    assert trial.state == "failed"
    assert "killed by " in trial.reason


LATE = """
import threading, time

def train(trial):
    def late():
        time.sleep(0.05)
        trial.warn("too late")
        trial.log(1, {"late": 1.0})
        trial.flush()
    if trial.name == "s/0":
        threading.Thread(target=late).start()
    else:
        time.sleep(0.3)
    trial.log(1, {"validation/error_rate": 0.5, "validation/loss": 1.0})
"""


def test_what_a_thread_says_after_its_trial_is_nobodys(paths, tmp_path):
    trials = run(paths, write_study(tmp_path, study_text(trials=3), LATE), slots=1)
    assert {trial.state for trial in trials} == {"completed"}
    with Lab(paths) as lab:
        assert [lab.warnings(trial.id) for trial in trials] == [[], [], []]
        assert "late" not in {metric for _, metric, _, _ in lab.points("s")}


def test_a_worker_that_sends_nonsense_harms_its_own_trial_alone(paths, tmp_path):
    script = (
        "def train(trial):\n"
        "    if trial.name == 's/0':\n"
        "        trial.sink._channel.send(b'J' + (3).to_bytes(4, 'little') + b'no!')\n"
        "        import time; time.sleep(60)\n"
        "    trial.log(1, {'validation/error_rate': 0.5, 'validation/loss': 1.0})\n"
    )
    trials = run(paths, write_study(tmp_path, study_text(trials=3), script))
    assert [trial.state for trial in trials] == ["failed", "completed", "completed"]
    assert "wrote to labtui's connection what labtui never does (Expecting" in trials[0].reason


def test_one_trial_stays_one_when_its_runner_is_killed(paths, tmp_path):
    file = write_study(tmp_path, study_text(trials=4, pause=fixed(0.05)))
    submit(paths, file, one=True)
    wait_until(lambda: states(paths)[0] == "running")
    os.kill(runner_pid(paths), signal.SIGKILL)
    wait_until(lambda: not processes(paths))
    submit(paths, file, one=True)  # not refused: nobody trains it
    wait_for_state(paths, "s", "stopped")
    assert states(paths) == ["completed", "queued", "queued", "queued"]
    submit(paths, file, one=True)
    wait_until(lambda: states(paths)[1] == "running")
    os.kill(runner_pid(paths), signal.SIGTERM)
    wait_until(lambda: not processes(paths))
    other = write_study(tmp_path / "other", study_text("t", trials=1))
    submit(paths, other)
    wait_for_state(paths, "t", "completed")
    wait_for_state(paths, "s", "stopped")
    assert states(paths) == ["completed", "completed", "queued", "queued"]


def test_a_refused_request_changes_nothing(paths, tmp_path):
    file = write_study(tmp_path, study_text(trials=2, pause=fixed(0.05)))
    submit(paths, file)
    wait_until(lambda: "running" in states(paths))
    file.write_text(study_text(trials=5, pause=fixed(0.05)))
    with pytest.raises(RequestRefused, match="study 's' is being trained already"):
        submit(paths, file, one=True, mode="extend")
    wait_for_state(paths, "s", "completed")
    assert states(paths) == ["completed", "completed"]


def test_trials_that_trained_do_not_stop_their_study_by_failing(paths, tmp_path):
    script = (
        "def train(trial):\n"
        "    trial.log(1, {'train/loss': 1.0})\n"
        "    trial.flush()\n"
        "    raise ValueError('the data are broken')\n"
    )
    run(paths, write_study(tmp_path, study_text(trials=6), script))
    assert states(paths) == ["failed"] * 6


def interpreter(folder, script):
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    "before", ["echo activating env", "printf 'caf\\351\\n'", "printf 'no newline'; echo"]
)
def test_an_interpreter_may_talk_before_it_answers(tmp_path, before):
    python = interpreter(tmp_path, f'{before}; exec {sys.executable} "$@"')
    client.check_frameworks(Plugin("x", "x:x", "", frameworks=("json",)), python)
    with pytest.raises(TrainerError, match="needs no_such, which is not installed in"):
        client.check_frameworks(Plugin("x", "x:x", "", frameworks=("no_such",)), python)


def test_what_is_no_python_is_refused(tmp_path):
    python = interpreter(tmp_path, "exit 0")
    with pytest.raises(TrainerError, match="is no Python that runs"):
        client.check_frameworks(Plugin("x", "x:x", "", frameworks=("json",)), python)


PROGRAM = """
import json, os, signal
start = int(os.environ["LABTUI_START_STEP"])
for step in range(start + 1, 61):
    if step % 5 == 0:
        path = os.path.join(os.environ["LABTUI_CHECKPOINT_DIR"], f"s{step}")
        open(path, "w").write(str(step))
        report = {"step": step, "validation/error_rate": 1 / step, "validation/loss": 1 / step}
        print(json.dumps(report))
        print(json.dumps({"step": step, "checkpoint": f"s{step}"}), flush=True)
    if step == start + 25:
        os.kill(os.getpid(), signal.SIGKILL)
print("started at", start)
"""


def test_a_program_that_is_killed_goes_on_from_what_it_saved(paths, tmp_path):
    text = study_text(trials=1, steps=60, every=5)
    command = f"{{command: [{sys.executable}, program.py]}}"
    file = write_study(tmp_path, text.replace("{python: train.py:train}", command))
    (tmp_path / "program.py").write_text(PROGRAM)
    (trial,) = run(paths, file)
    assert (trial.state, trial.attempt) == ("completed", 3)
    with Lab(paths) as lab:
        assert "started at 50" in lab.paths.trial_log(trial.id).read_text()
