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
from datetime import UTC, datetime
from pathlib import Path

import pytest

from labtui.engine import client
from labtui.store.identity import start_time
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
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
NEGATIVE = r"-\d+(\.\d+)?(s|m|h|d)\b"
"""A duration that cannot be."""


def study(pause, more="", trials=2):
    return study_text(trials=trials, steps=60, more=more, pause=fixed(pause))


def labtui(paths, *arguments):
    command = [sys.executable, "-m", "labtui", *arguments, "--lab", str(paths.db)]
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert "Traceback" not in found.stderr, found.stderr
    return found.stdout + found.stderr


# -- stopped and continued ----------------------------------------------------------------------


EACH = ("group", "worker", "runner", "guard")
"""What is stopped; a laptop that sleeps is the group."""


@pytest.mark.parametrize("role", ["group", "worker"])
def test_what_was_stopped_goes_on_as_if_nothing_had_been(paths, tmp_path, reference, full, role):
    if full:
        pytest.skip("the full form stops each process for a minute")
    stand_still(tmp_path, reference, [role], still=6.0, timeout=5)


@pytest.mark.at_length
def test_what_was_stopped_for_a_minute_goes_on(paths, tmp_path, reference, tally):
    stand_still(tmp_path, reference, EACH, still=60.0, timeout=30)
    tally(minutes_stopped=len(EACH))


def stand_still(folder, reference, roles, *, still, timeout):
    """Stop a role in a lab each, for longer than a trial may take, all at the same time."""
    expected = reference(study(0), SCRIPT)
    text = study(0.01, f", timeout: {timeout}")
    labs, stopped = {}, []
    for role in roles:
        place = folder / role
        labs[role] = LabPaths(place / "lab.db")
        submit(labs[role], write_study(place, text), events=place / "events.jsonl", slots=2)
        with Lab(labs[role]) as lab:
            wait_until(lambda lab=lab: lab.slots() and lab.trial("s/0").step > 2, 120)
        found = kit.send(place, role, signal.SIGSTOP)
        assert found
        stopped += found
    time.sleep(still)
    for role, paths in labs.items():
        with Lab(paths) as lab:
            assert lab.runner() is not None
            assert lab.study("s").state == "running" or role == "guard"  # the others need none
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)
    for paths in labs.values():
        trials = wait_for_state(paths, "s", "completed")
        assert [(t.state, t.attempt) for t in trials] == [("completed", 1)] * 2
        assert all(0 <= t.seconds < timeout for t in trials)
        kit.check_invariants(paths, expected, paths.db.parent / "events.jsonl")


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
    assert not [text for text in said if re.search(NEGATIVE, text)]
    wait_until(lambda: not processes(paths))


BERLIN = "CET-1CEST,M3.5.0,M10.5.0/3"
"""Its rules, in the form that needs no table of the system's."""
SWITCHES = {
    "forward": datetime(2026, 3, 29, 1, tzinfo=UTC),
    "back": datetime(2026, 10, 25, 1, tzinfo=UTC),
}
"""When its clocks leave out 02:00 to 03:00, and when they go through it twice."""


@pytest.mark.at_length
@pytest.mark.parametrize("switch", SWITCHES)
def test_a_study_trains_through_a_switch_of_summer_time(
    paths, tmp_path, reference, clock, monkeypatch, tally, switch
):
    monkeypatch.setenv("TZ", BERLIN)
    expected = reference(study(0), SCRIPT)
    at = SWITCHES[switch].timestamp()
    clock(at - 600 - time.time())
    file, events = (
        write_study(tmp_path, study(0.05, ", timeout: 60, hours: 2")),
        tmp_path / "events.jsonl",
    )
    submit(paths, file, events=events, slots=2)
    wait_until(lambda: steps(paths, "s") > 5, 120)
    clock(at - 0.5 - time.time())  # the switch comes by itself, while both trials train
    assert not over(paths)
    said = [labtui(paths, "list")]
    trials = wait_for_state(paths, "s", "completed")
    assert [(t.state, t.attempt) for t in trials] == [("completed", 1)] * 2
    assert all(1 < t.seconds < 60 for t in trials)
    for trial in trials:  # they began before it and ended after it, as the lab says it: in UTC
        assert (
            datetime.fromisoformat(trial.started)
            < SWITCHES[switch]
            < datetime.fromisoformat(trial.finished)
        )
    said += [labtui(paths, "list"), labtui(paths, "show", "s"), labtui(paths, "show", "s/0")]
    assert not [text for text in said if re.search(NEGATIVE, text)]
    kit.check_invariants(paths, expected, events, inputs={"clock", "clock.so"})
    tally(switches_of_summer_time=1)


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
