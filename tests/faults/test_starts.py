"""Many starts at once: one runner trains, the others follow it or say that they cannot."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from itertools import pairwise

import pytest

from labtui.store.changes import claim_trial, end_trial, requeue_trial
from labtui.store.paths import LabPaths
from labtui.store.writer import Writer
from tests.faults import kit
from tests.support.engine import (
    SCRIPT,
    fixed,
    processes,
    study_text,
    wait_for_state,
    wait_until,
    write_study,
)
from tests.support.labs import make_lab

TEXT, FAST = (study_text(trials=2, steps=60, pause=fixed(pause)) for pause in (0.01, 0))
FOLLOWED, HELD = 0, 75


def start_at_once(folder, number):
    """Start `labtui run` so often on one lab that is not there yet; give codes and output."""
    paths, file = LabPaths(folder / "lab.db"), write_study(folder, TEXT)
    events = folder / "events.jsonl"
    command = [sys.executable, "-m", "labtui", "run", str(file), "--lab", str(paths.db)]
    begin, release = os.pipe()  # all wait for the end of this pipe: then they go at once
    waiting = ["sh", "-c", 'read -r _; exec "$@" < /dev/null', "sh", *command]
    started = [
        subprocess.Popen(
            [*waiting, "--events", str(events)],
            stdin=begin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(number)
    ]
    os.close(begin)
    os.close(release)
    said = [process.communicate(timeout=600)[0] for process in started]
    return paths, events, [process.returncode for process in started], said


def check_one_runner(paths, events, codes, said, expected):
    assert set(codes) <= {FOLLOWED, HELD}, said
    assert FOLLOWED in codes
    assert not [text for text in said if "Traceback" in text]
    wait_for_state(paths, "s", "completed")
    wait_until(lambda: not processes(paths))
    with closing(sqlite3.connect(paths.db)) as connection:
        trained = connection.execute("SELECT DISTINCT runner, attempt FROM trials").fetchall()
        lives = connection.execute("SELECT started, ended FROM runners ORDER BY started").fetchall()
    assert len(trained) == 1  # one runner trained everything, once
    assert trained[0][1] == 1
    assert all(ended and ended != "died" for _, ended in lives)
    # One that started too late to follow had a lab to itself, and nothing to do.
    assert all(ended <= begun for (_, ended), (begun, _) in pairwise(lives))
    assert set(kit.completions(events).values()) == {1}
    kit.check_invariants(paths, expected, events)


def test_two_at_once_make_one_runner(paths, tmp_path, reference, rounds, tally):
    expected = reference(FAST, SCRIPT)
    for number in range(rounds(short=1, full=50)):
        check_one_runner(*start_at_once(tmp_path / f"lab{number}", 2), expected)
        tally(starts_at_once=2)


def test_many_cold_starts_make_one_runner(paths, tmp_path, reference, rounds, tally):
    expected = reference(FAST, SCRIPT)
    number = rounds(short=4, full=32)
    check_one_runner(*start_at_once(tmp_path / "lab", number), expected)
    tally(starts_at_once=number)


def test_two_that_claim_at_once_never_share_a_lab_or_a_trial(tmp_path, rounds, tally):
    """Without the rest of a start, which takes seconds: bare processes, the lock, and the claim."""
    number = rounds(short=6, full=450)
    paths = make_lab(tmp_path, points=number, ended=0, state="queued")
    program = [sys.executable, "-m", "tests.faults.races", str(paths.db), str(number)]
    found = subprocess.run(program, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (0, "")
    said = [line.split() for line in found.stdout.splitlines()]
    rounds_said = [
        Counter(how for trial, how in said if trial == str(n)) for n in range(1, number + 1)
    ]
    assert all(one["claimed"] == 1 and one.total() == 2 for one in rounds_said)
    assert not any(one["held"] for one in rounds_said[::2])  # those waited
    with closing(sqlite3.connect(paths.db)) as connection:
        rows = connection.execute("SELECT state, attempt FROM trials WHERE id <= ?", (number,))
        assert set(rows.fetchall()) == {("running", 1)}
        (runners,) = connection.execute("SELECT count(DISTINCT runner) FROM trials").fetchone()
    assert runners == number
    tally(claims_at_once=2 * number)


def claim(writer, trial):
    claim_trial(writer, trial, study=1, runner=1, attempt=2, start_step=3)


def requeue(writer, trial):
    requeue_trial(writer, trial, reason="?", step=3, seconds=1.0, interrupted=True)


def end(writer, trial):
    end_trial(writer, trial, study=1, state="failed", reason="?", detail="", step=9, seconds=1.0)


@pytest.mark.parametrize("change", [claim, requeue, end])
def test_a_trial_that_has_ended_stays_as_it_is(tmp_path, change):
    """Whoever believes that it waits or runs: another runner, or this one after an edit by hand."""
    paths = make_lab(tmp_path, points=4)
    points = kit.stored_points(paths)
    with closing(sqlite3.connect(paths.db)) as connection:
        rows = connection.execute("SELECT * FROM trials").fetchall()
        completed = connection.execute("SELECT id FROM trials WHERE state = 'completed'").fetchall()
        assert completed
    with Writer(paths) as writer:
        for (trial,) in completed:
            change(writer, trial)
    assert kit.stored_points(paths) == points
    with closing(sqlite3.connect(paths.db)) as connection:
        assert connection.execute("SELECT * FROM trials").fetchall() == rows
