"""Stopped processes, clocks that jump, reused pids and reboots: nothing is stolen or mis-timed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labtui.engine import client
from labtui.store.identity import start_time
from labtui.store.lab import Lab
from tests.faults import kit
from tests.support.engine import (
    SCRIPT,
    fixed,
    points,
    processes,
    study_text,
    submit,
    wait_for_state,
    wait_until,
    write_study,
)

HOOKS = Path(__file__).with_name("hooks")
DAY = 24 * 3600


def study(pause, more="", trials=2):
    return study_text(trials=trials, steps=60, more=more, pause=fixed(pause))


def labtui(paths, *arguments):
    command = [sys.executable, "-m", "labtui", *arguments, "--lab", str(paths.db)]
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert "Traceback" not in found.stderr, found.stderr
    return found.stdout + found.stderr


# -- stopped and continued ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "role",
    [
        "group",
        "worker",
        pytest.param("runner", marks=pytest.mark.at_length),
        pytest.param("guard", marks=pytest.mark.at_length),
    ],
)
def test_what_was_stopped_goes_on_as_if_nothing_had_been(paths, tmp_path, reference, full, role):
    """A laptop that sleeps is the group; it stands still for longer than a trial may take."""
    still, timeout = (20.0, 15) if full else (6.0, 5)
    expected = reference(study(0), SCRIPT)
    text = study(0.01, f", timeout: {timeout}")
    file, events = write_study(tmp_path, text), tmp_path / "events.jsonl"
    submit(paths, file, events=events, slots=2)
    with Lab(paths) as lab:
        wait_until(lambda: lab.slots() and lab.trial("s/0").step > 2, 120)
        stopped = kit.send(tmp_path, role, signal.SIGSTOP)
        assert stopped
        time.sleep(still)
        assert lab.runner() is not None
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    trials = wait_for_state(paths, "s", "completed")
    assert [(t.state, t.attempt) for t in trials] == [("completed", 1)] * 2
    assert all(0 <= t.seconds < timeout for t in trials)
    kit.check_invariants(paths, expected, events)


# -- clocks that jump ---------------------------------------------------------------------------


@pytest.fixture
def clock(tmp_path, monkeypatch):
    """A wall clock for what is started from here on: ``clock(-3600)`` sets it an hour back."""
    file = tmp_path / "clock"
    file.write_text("0")
    monkeypatch.setenv("LABTUI_CLOCK", str(file))
    compiler, shim = shutil.which("cc"), tmp_path / "clock.so"
    if compiler:
        build = [compiler, "-shared", "-fPIC", "-O1", "-o", shim, HOOKS / "clock.c", "-ldl"]
        subprocess.run(build, check=True)
        monkeypatch.setenv("LD_PRELOAD", str(shim))
    else:
        monkeypatch.setenv("PYTHONPATH", kit.python_path(HOOKS))

    def move(seconds):
        file.with_name("clock.new").write_text(str(seconds))
        file.with_name("clock.new").rename(file)

    return move


def test_a_clock_that_jumps_changes_nothing(paths, tmp_path, reference, rounds, clock, tally):
    expected = reference(study(0), SCRIPT)
    said = []
    for number in range(rounds(short=1, full=10)):
        name = f"s{number}" if number else "s"
        text = study(0.02, ", timeout: 60, hours: 2").replace("study: s\n", f"study: {name}\n")
        file, events = write_study(tmp_path, text), tmp_path / "events.jsonl"
        command = [sys.executable, "-m", "labtui", "run", str(file), "--events", str(events)]
        following = subprocess.Popen(
            [*command, "--lab", str(paths.db)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        wait_until(lambda name=name: paths.db.exists() and steps(paths, name) > 5, 120)
        for jump in (DAY, -DAY):
            clock(jump)
            before = steps(paths, name)
            wait_until(lambda name=name, before=before: steps(paths, name) > before or over(paths))
            tally(clock_jumps=1)
        said.append(labtui(paths, "list"))
        said.append(following.communicate(timeout=120)[0].decode())
        assert following.returncode == 0, said[-1]
        clock(-DAY * (number + 1))  # everything in the lab lies in the future
        said += [labtui(paths, "list"), labtui(paths, "show", name)]
        trials = wait_for_state(paths, name, "completed")
        assert [(t.state, t.attempt) for t in trials] == [("completed", 1)] * 2
        assert all(0 <= t.seconds < 60 for t in trials)
        assert points(paths, name) == expected
        assert not kit.lost_points(paths, events)
        clock(0)
    assert not [text for text in said if "Traceback" in text]
    assert not [text for text in said if re.search(r"-\d+(\.\d+)?(s|m|h|d)\b", text)]
    wait_until(lambda: not processes(paths))


def steps(paths, name):
    """Sum the steps that a study's trials have done."""
    try:
        with Lab(paths) as lab:
            known = name in [found.name for found in lab.studies()]
            return sum(trial.step for trial in lab.trials(name)) if known else 0
    except Exception:
        return 0


def over(paths):
    with Lab(paths) as lab:
        return all(found.state == "completed" for found in lab.studies())


# -- who is alive -------------------------------------------------------------------------------


def another_boot(told, _):
    return {
        **told,
        "boot": "of another day",
        "pid": os.getpid(),
        "started": start_time(os.getpid()),
    }


def a_reused_pid(told, _):
    return {**told, "pid": os.getpid()}  # alive, but not since then


def a_zombie(told, zombie):
    return {**told, **zombie}


@pytest.fixture
def zombie():
    """A process that is dead, and that nobody has waited for."""
    process = subprocess.Popen(["sleep", "600"])
    began = start_time(process.pid)
    process.kill()
    wait_until(lambda: start_time(process.pid) is None)
    yield {"pid": process.pid, "started": began}
    process.wait()


def test_a_dead_runner_is_known_by_identity(paths, tmp_path, reference, rounds, zombie, tally):
    """Whoever has its pid by then: what reads says so and writes nothing, what writes cleans up."""
    expected = reference(study(0), SCRIPT)
    file, events = write_study(tmp_path, study(0.02)), tmp_path / "events.jsonl"
    for number in range(rounds(short=1, full=51)):
        submit(paths, file, events=events, slots=2)
        begun = running if number else kit.stored_points  # the first has points to take back
        wait_until(lambda begun=begun: begun(paths) or not unfinished(paths))
        kit.send(tmp_path, "group")
        tally(kills=1)
        assert not kit.wait_for_none(tmp_path)
        assert not kit.lost_points(paths, events)
        told = json.loads(paths.lock.read_bytes().strip() or b"{}")
        for change in (another_boot, a_reused_pid, a_zombie) if running(paths) else ():
            paths.lock.write_bytes(json.dumps(change(told, zombie)).encode().ljust(512))
            before = contents(paths)
            if change is a_reused_pid:
                assert "interrupted" in labtui(paths, "list"), number
            with Lab(paths) as lab:
                assert lab.study("s").state == "interrupted"
            assert contents(paths) == before
        client.add_note(paths, "s", "anything that writes")
        assert not running(paths)
        assert not kit.unsound_trials(paths)
    submit(paths, file, events=events)
    wait_for_state(paths, "s", "completed")
    kit.check_invariants(paths, expected, events)


def running(paths):
    """Name the trials whose rows say that they run."""
    return [name for name, row in kit.stored_trials(paths).items() if row[0] == "running"]


def unfinished(paths):
    return [name for name, row in kit.stored_trials(paths).items() if row[0] != "completed"]


def contents(paths):
    """Give every file of a lab with its content; SQLite's index of the log is for readers too."""
    files = [file for file in paths.db.parent.rglob("*") if file.is_file()]
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
        if file.suffix != ".db-shm"
    }
