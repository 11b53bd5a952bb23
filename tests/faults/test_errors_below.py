"""Errors of the disk below SQLite: each is heard, and nothing is acknowledged that is not there."""

from __future__ import annotations

import subprocess
import sys

import pytest

from labtui.store.errors import LabDamaged
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.store.writer import Writer
from tests.faults import kit
from tests.faults.power_disk import STRACE
from tests.faults.power_session import contents
from tests.support.engine import (
    SCRIPT,
    fixed,
    runner_pid,
    study_text,
    submit,
    wait_for_state,
    wait_until,
    write_study,
)
from tests.support.labs import make_lab

pytestmark = pytest.mark.skipif(
    STRACE is None, reason="strace makes calls fail; test_hostile has them fail by RLIMIT_FSIZE"
)
FIRST = 3
"""The revision of the first commit with points."""

LATEST = 100
"""How late a call fails at most."""


def commits(call, when):
    """Say how long a session must be, to go on after its `when`-th call: a commit syncs once."""
    return max(30, when + 10) if call == "fdatasync" else 30


def failing(paths, trace, call, error, when):
    """Give the command that makes the `when`-th call on the lab's files fail.

    Of a runner more than one: what its slots do just now is forgotten rather than tried again.
    """
    return [
        *(STRACE, "-f", "-qq", "-y", "-e", "signal=none", "--seccomp-bpf", "-o", str(trace)),
        *("-P", str(paths.db), "-P", str(paths.db.with_name("lab.db-wal"))),
        *("-e", "trace=openat,pwrite64,fdatasync"),
        *("-e", f"inject={call}:error={error}:when={when}"),
    ]


def session(folder, call, error, when):
    """Run the writer's session with a call that fails; gives its lab, what it said, its calls."""
    folder.mkdir()
    paths, acks, trace = LabPaths(folder / "lab.db"), folder / "acks", folder / "trace"
    program = [sys.executable, "-m", "tests.faults.power_session"]
    length = str(commits(call, when))
    subprocess.run(
        [
            *failing(paths, trace, call, error, when),
            *program,
            paths.db,
            acks,
            length,
            "",
        ],
        capture_output=True,
        check=False,
    )
    return paths, acks.read_text().splitlines(), trace.read_text().splitlines()


def is_reopened(calls):
    """Say whether after the call that failed the lab was opened again before it was written."""
    at = next(n for n, line in enumerate(calls) if "INJECTED" in line)
    opened = [n for n, line in enumerate(calls[at:]) if "openat" in line and 'lab.db"' in line]
    written = [n for n, line in enumerate(calls[at:]) if "pwrite64" in line and "-wal>" in line]
    return not written or (bool(opened) and opened[0] < written[0])


@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
@pytest.mark.parametrize("call", ["fdatasync", "pwrite64"])
def test_no_error_is_swallowed(tmp_path, rounds, rng, full, tally, call, error):
    expected = dict(enumerate(contents(commits(call, LATEST)), FIRST))
    moments = range(1, LATEST + 1) if full else [rng.randrange(8, LATEST)]
    for when in moments:
        paths, said, calls = session(tmp_path / f"{when}", call, error, when)
        assert any("INJECTED" in line for line in calls)
        acks = [int(line) for line in said if not line.startswith("#")]
        heard = [line for line in said if line.startswith("#")]
        # An error while the lab is made or opened ends the command, which says it.
        assert heard or not acks or acks[-1] < FIRST + commits(call, when) - 1
        words = "the disk failed" if (call, error) != ("pwrite64", "ENOSPC") else "the disk is full"
        assert all(words in line for line in heard)
        if heard and call == "fdatasync":
            assert is_reopened(calls)
        with Writer(paths) as writer:
            rows = writer.connection.execute(
                "SELECT p.trial, m.name, p.step, p.value FROM points p "
                "JOIN metrics m ON m.id = p.metric"
            )
            points = {(trial, metric, step): value for trial, metric, step, value in rows}
            revision = writer.revision
        assert revision >= max(acks, default=0)
        if heard:
            assert acks == list(range(FIRST - 1, FIRST + commits(call, when)))
        if revision >= FIRST:
            assert points == expected[revision]
        assert not kit.faults_of_file(paths)
        tally(errors_below_sqlite=1)


@pytest.mark.parametrize(
    ("call", "error"), [("fdatasync", "EIO"), ("pwrite64", "EIO"), ("pwrite64", "ENOSPC")]
)
def test_a_runner_tries_again(paths, tmp_path, reference, rng, rounds, full, tally, call, error):
    if not full and call != "fdatasync":
        pytest.skip("one of the three; make test-faults has all")
    expected = reference(study_text(trials=4, steps=60), SCRIPT)
    for number in range(rounds(short=1, full=5)):
        folder = tmp_path / str(number)
        paths = LabPaths(folder / "lab.db")
        file = write_study(folder, study_text(trials=4, steps=60, pause=fixed(0.03)))
        events, trace = folder / "events.jsonl", tmp_path / f"trace{number}"
        submit(paths, file, events=events)
        first = rng.randrange(1, 12)
        command = failing(paths, trace, call, error, f"{first}..{first + 2}")
        tracer = subprocess.Popen([*command, "-p", str(runner_pid(paths))])
        log = paths.logs / "runner.log"
        wait_until(lambda log=log: "trying again" in log.read_text())
        trials = wait_for_state(paths, "s", "completed")
        assert [(t.state, t.attempt) for t in trials] == [("completed", 1)] * 4
        tracer.wait()
        kit.check_invariants(paths, expected, events)
        with Lab(paths) as lab:
            assert not lab.paused()
        tally(errors_below_sqlite=1)


def test_a_lab_found_damaged_after_an_error_is_not_written_any_more(tmp_path):
    paths = make_lab(tmp_path, points=40)
    content = bytearray(paths.db.read_bytes())
    for place in range(4096 * 8, len(content), 4096):
        content[place : place + 8] = b"\xff" * 8
    writer = Writer(paths)
    writer.execute("UPDATE studies SET goal = 'x'")
    paths.db.write_bytes(content)
    writer._doubtful = True
    writer.retry = lambda _: pytest.fail("it was tried again")
    with pytest.raises(LabDamaged, match="damaged"):
        writer.commit()
    writer.abandon()
    writer.close()
    assert paths.db.read_bytes() == bytes(content)
