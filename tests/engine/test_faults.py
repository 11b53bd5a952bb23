"""kill -9 of anything: nothing acknowledged is lost, nothing runs twice, nothing is left."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from tests.support.engine import (
    acknowledged,
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

# Slow enough that a busy machine still finds it running; the pause changes no point.
TEXT = study_text(trials=4, steps=60, every=10, pause=fixed(0.03))
FAST = study_text(trials=4, steps=60, every=10, pause=fixed(0))


@pytest.fixture
def reference(tmp_path):
    other = LabPaths(tmp_path / "reference" / "lab.db")
    run(other, write_study(tmp_path / "reference", FAST))
    return points(other, "s")


@pytest.mark.parametrize("role", ["service", "guard", "bootstrap"])
def test_a_killed_process_costs_nothing(paths, tmp_path, reference, role):
    file, events = write_study(tmp_path, TEXT), tmp_path / "events.jsonl"
    for _ in range(3):
        submit(paths, file, events=events)
        wait_until(lambda: len(processes(paths, "bootstrap")) == 2)
        time.sleep(0.15)
        victims = [runner_pid(paths)] if role == "service" else processes(paths, role)
        if not victims:
            break
        os.kill(victims[0], signal.SIGKILL)
        if role == "service":
            wait_until(lambda: not processes(paths), 2.0)
            check_acknowledged(paths, events)  # with nobody left to change either
    submit(paths, file, events=events)
    wait_for_state(paths, "s", "completed")
    assert points(paths, "s") == reference
    ends = [
        e["trial"] for e in acknowledged(events) if e.get("state") == "completed" and "trial" in e
    ]
    assert sorted(ends) == sorted(set(ends))
    assert len(ends) == 4
    check_acknowledged(paths, events)


def check_acknowledged(paths, events):
    """Whatever was acknowledged and not rewound since is in the lab."""
    expected = {}
    for event in acknowledged(events):
        if event["event"] == "point":
            expected[event["trial"], event["metric"], event["step"]] = event["value"]
        elif event["event"] == "trial" and event["state"] in ("queued", "running"):
            after = event["step"]
            expected = {
                key: value
                for key, value in expected.items()
                if key[0] != event["trial"] or key[2] <= after
            }
    connection = sqlite3.connect(paths.db)
    stored = {
        (trial, key, step): value
        for trial, key, step, value in connection.execute(
            "SELECT trial, key, step, value FROM v_metrics"
        )
    }
    connection.close()
    assert not {key for key, value in expected.items() if stored.get(key) != value}


def test_a_stopped_study_resumes_from_its_checkpoints_bit_for_bit(paths, tmp_path, reference):
    from labtui.engine import client

    file = write_study(tmp_path, TEXT)
    submit(paths, file)
    with Lab(paths) as lab:
        wait_until(lambda: any(t.step > 15 for t in lab.trials("s")))
        client.stop(paths, "s")
        trials = wait_for_state(paths, "s", "stopped")
        assert {t.state for t in trials} <= {"queued", "completed"}
        begun = [t for t in trials if t.state == "queued" and t.attempt]
        assert begun
        assert all(t.step % 10 == 0 or t.step == 1 for t in begun)
        assert all(t.reason.startswith("stopped at step") for t in begun)
        wait_until(lambda: not processes(paths))
        submit(paths, file)
        wait_for_state(paths, "s", "completed")
        resumed = [lab.trial(t.name) for t in begun]
    assert points(paths, "s") == reference
    connection = sqlite3.connect(paths.db)
    starts = connection.execute("SELECT start_step FROM trials WHERE attempt = 2").fetchall()
    connection.close()
    assert sorted(row[0] for row in starts) == sorted(t.step for t in begun)
    assert all(t.attempt == 2 for t in resumed)


def test_a_damaged_checkpoint_is_not_resumed_from(paths, tmp_path, reference):
    from labtui.engine import client

    file = write_study(tmp_path, TEXT)
    submit(paths, file)
    with Lab(paths) as lab:
        wait_until(lambda: any(t.step > 15 for t in lab.trials("s")))
        client.stop(paths, "s")
        wait_for_state(paths, "s", "stopped")
    wait_until(lambda: not processes(paths))
    for state in paths.checkpoints.glob("t*/a*/state"):
        data = bytearray(state.read_bytes())
        data[-2] ^= 1
        state.write_bytes(data)
    submit(paths, file)
    wait_for_state(paths, "s", "completed")
    assert points(paths, "s") == reference


def test_what_a_trainer_left_behind_goes_with_the_runner(paths, tmp_path):
    file = write_study(tmp_path, study_text(trials=2, mode=fixed("stubborn")))
    submit(paths, file)
    wait_until(lambda: len(processes(paths, "sleep 654")) >= 2)
    os.kill(runner_pid(paths), signal.SIGKILL)
    wait_until(lambda: not processes(paths), 2.0)


def test_what_a_trainer_left_behind_goes_with_its_worker(paths, tmp_path):
    run(paths, write_study(tmp_path, study_text(trials=2, mode=fixed("stray"))))
    assert not processes(paths, "sleep 654")


def test_a_stopped_process_is_waited_for_and_not_replaced(paths, tmp_path, reference):
    file = write_study(tmp_path, TEXT)
    submit(paths, file)
    wait_until(lambda: len(processes(paths, "bootstrap")) == 2)
    victims = processes(paths)
    for pid in victims:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(1.5)
    with Lab(paths) as lab:
        assert lab.study("s").state == "running"
        assert lab.runner() is not None
    for pid in victims:
        os.kill(pid, signal.SIGCONT)
    trials = wait_for_state(paths, "s", "completed")
    assert all(t.attempt == 1 for t in trials)
    assert points(paths, "s") == reference


def test_many_cold_starts_make_one_runner(paths, tmp_path, reference):
    file = write_study(tmp_path, TEXT)
    command = [sys.executable, "-m", "labtui", "run", str(file), "--lab", str(paths.db)]
    followers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(6)
    ]
    outputs = [follower.communicate(timeout=60) for follower in followers]
    assert [f.returncode for f in followers] == [0] * 6, outputs
    assert not any(b"Traceback" in text for pair in outputs for text in pair)
    assert points(paths, "s") == reference
    connection = sqlite3.connect(paths.db)
    assert connection.execute("SELECT max(attempt) FROM trials").fetchone() == (1,)
    connection.close()


def test_two_studies_wait_for_each_other_in_one_runner(paths, tmp_path):
    first = write_study(tmp_path / "a", study_text("first", trials=6, pause=fixed(0.03)))
    second = write_study(tmp_path / "b", study_text("second", trials=2))
    submit(paths, first)
    submit(paths, second)
    wait_for_state(paths, "first", "completed")
    wait_for_state(paths, "second", "completed")
    connection = sqlite3.connect(paths.db)
    assert connection.execute("SELECT count(*) FROM runners").fetchone() == (1,)
    connection.close()


def test_slots_bound_what_trains_at_a_time(paths, tmp_path):
    file = write_study(tmp_path, study_text(trials=3, pause=fixed(0.01), mode=arms("fine")))
    submit(paths, file, slots=1)
    with Lab(paths) as lab:
        most = 0
        while lab.study("s").state != "completed":
            most = max(most, lab.study("s").counts.get("running", 0))
            time.sleep(0.005)
    assert most == 1
