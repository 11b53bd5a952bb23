"""Stopping and resuming, damaged checkpoints, and what a trainer leaves behind.

Kills, stops and starts at once are in tests/faults.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import time

import pytest

from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from tests.support.engine import (
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
