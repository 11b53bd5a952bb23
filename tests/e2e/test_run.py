"""`labtui run` as people use it: a terminal, Ctrl-C, d, a pipe, exit codes."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time

import pytest

from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from tests.e2e.terminal import Terminal
from tests.support.engine import (
    acknowledged,
    fixed,
    processes,
    runner_pid,
    study_text,
    wait_until,
    write_study,
)

SLOW = study_text(trials=6, steps=200, every=10, pause=fixed(0.01))


def labtui(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "labtui", *arguments], cwd=cwd, capture_output=True, text=True
    )


@pytest.fixture
def paths(tmp_path):
    paths = LabPaths(tmp_path / "lab.db")
    yield paths
    for pid in processes(paths):
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not processes(paths), 10)


def test_a_pipe_gets_plain_lines_and_the_report(paths, tmp_path):
    file = write_study(tmp_path, study_text(trials=3))
    found = labtui("run", str(file), "--events", "events.jsonl", cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert "\x1b" not in found.stdout + found.stderr
    assert "3/3 trials" in found.stderr
    assert "arm" in found.stdout
    assert "Open it on the screen:  labtui" in found.stdout
    events = acknowledged(tmp_path / "events.jsonl")
    assert {e["event"] for e in events} == {"point", "trial", "study"}
    shown = json.loads(labtui("show", "s", "--json", cwd=tmp_path).stdout)
    assert [t["state"] for t in shown["trials"]] == ["completed"] * 3


def test_the_command_that_reproduces_a_study_does_from_anywhere(paths, tmp_path):
    folder = tmp_path / "my studies"
    folder.mkdir()
    file = write_study(folder, study_text(trials=1, steps=2, every=1))
    arguments = ("run", f"my studies/{file.name}", "--lab", "lab.db")
    assert labtui(*arguments, cwd=tmp_path).returncode == 0
    with Lab(paths) as lab:
        (study,) = lab.studies()
    again = f"cd {shlex.quote(study.folder)} && {study.command}"
    program = f'labtui() {{ {shlex.quote(sys.executable)} -m labtui "$@"; }}'
    done = subprocess.run(["bash", "-c", f"{program}\n{again}"], cwd="/", capture_output=True)
    assert done.returncode == 0, done.stderr


def test_ctrl_c_stops_cleanly_and_run_goes_on(paths, tmp_path):
    file = write_study(tmp_path, SLOW)
    terminal = Terminal("run", str(file), cwd=tmp_path)
    wait_until(lambda: paths.db.exists() and len(processes(paths, "bootstrap")) == 2)
    time.sleep(0.5)
    terminal.interrupt()
    assert terminal.wait() == 130
    assert b"resumes it" in terminal.output
    wait_until(lambda: not processes(paths))
    with Lab(paths) as lab:
        assert lab.study("s").state == "stopped"
        states = {t.state for t in lab.trials("s")}
        assert states <= {"queued", "completed"}
    assert labtui("run", "s", cwd=tmp_path).returncode == 0


def test_d_detaches_and_the_study_goes_on(paths, tmp_path):
    file = write_study(tmp_path, study_text(trials=8, steps=100, pause=fixed(0.01)))
    terminal = Terminal("run", str(file), cwd=tmp_path)
    wait_until(lambda: paths.db.exists() and len(processes(paths, "bootstrap")) == 2)
    time.sleep(0.3)
    terminal.press(b"d")
    assert terminal.wait() == 0
    assert b"goes on in the background" in terminal.output
    with Lab(paths) as lab:
        assert lab.study("s").state == "running"
        wait_until(lambda: lab.study("s").state == "completed")


def test_a_closed_terminal_does_not_end_the_study(paths, tmp_path):
    file = write_study(tmp_path, study_text(trials=4, steps=50, pause=fixed(0.01)))
    terminal = Terminal("run", str(file), cwd=tmp_path)
    wait_until(lambda: paths.db.exists() and len(processes(paths, "bootstrap")) == 2)
    os.killpg(terminal.process.pid, signal.SIGHUP)
    terminal.wait()
    with Lab(paths) as lab:
        wait_until(lambda: lab.study("s").state == "completed")


def test_a_runner_that_dies_is_said_and_run_goes_on(paths, tmp_path):
    file = write_study(tmp_path, SLOW)
    terminal = Terminal("run", str(file), cwd=tmp_path)
    wait_until(lambda: paths.db.exists() and len(processes(paths, "bootstrap")) == 2)
    time.sleep(0.3)
    os.kill(runner_pid(paths), signal.SIGKILL)
    assert terminal.wait() == 1
    assert b"its runner died; nothing is lost" in terminal.output
    listed = json.loads(labtui("list", "--json", cwd=tmp_path).stdout)
    assert listed["studies"][0]["state"] == "interrupted"
    assert "running" not in listed["studies"][0]["trials"]
    assert labtui("run", "s", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["run", "nothing.yaml"], 2, "nothing.yaml: no such file"),
        (["run", "sutdy"], 2, "no study 'sutdy' in this lab"),
        (["run", "study.yaml", "--slots", "0"], 2, "--slots: found 0; expected 1 to"),
        (["run", "study.yaml", "--slots", "9999"], 2, "--slots: found 9999; expected 1 to"),
        (["run", "study.yaml", "--new", "--extend"], 2, "exclude each other"),
        (["stop", "nothing"], 2, "no study 'nothing' in this lab"),
        (["run", "study.yaml", "--lab", "."], 2, "is a directory"),
    ],
)
def test_wrong_usage_is_one_clear_line(paths, tmp_path, arguments, code, message):
    write_study(tmp_path, study_text(trials=1))
    assert labtui("run", "study.yaml", cwd=tmp_path).returncode == 0
    before = paths.db.read_bytes()
    found = labtui(*arguments, cwd=tmp_path)
    assert (found.returncode, found.stdout) == (code, "")
    assert message in found.stderr
    assert "Traceback" not in found.stderr
    assert paths.db.read_bytes() == before


def test_a_program_that_always_breaks_is_exit_code_1(paths, tmp_path):
    file = write_study(tmp_path, study_text(trials=2, mode=fixed("raise")))
    found = labtui("run", str(file), cwd=tmp_path)
    assert found.returncode == 1
    assert "2 of 2 trials failed; the first, s/0: RuntimeError: the data are broken" in found.stderr
