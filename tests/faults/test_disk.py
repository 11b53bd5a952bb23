"""Real full disks: everything waits and says so, nothing is lost, and it goes on by itself."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from labtui.engine import client
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.trainer.checkpoints import Keeper, is_whole
from tests.e2e.terminal import Terminal
from tests.faults import kit
from tests.support.engine import (
    SCRIPT,
    WALL,
    fixed,
    run,
    study_text,
    submit,
    wait_for_state,
    wait_until,
    write_study,
)

DISK = 3 << 20
"""Bytes of the disk: SQLite merges its log at 4 MB, so the log alone can fill it."""

BANNER_SECONDS = 2.0
"""How long after the last commit that went well it is said that the next does not (R8)."""

PRINTING = SCRIPT.replace(
    "        time.sleep(pause)\n",
    "        time.sleep(pause)\n        print('.' * 400, flush=True)\n",
)
"""A trainer that prints more than a page every ten steps, to the same disk."""


@pytest.fixture
def disk(tmp_path):
    """A small disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a disk of its own needs root on Linux; test_hostile fills one by RLIMIT_FSIZE")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def free(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def fill(folder: Path, left: int) -> Path:
    """Leave so many bytes, or fewer: others may take them at the same time."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        file.write(b"x" * max(0, free(folder) - left))
        while free(folder) > left:
            file.write(b"x" * 4096)
    return ballast


def fill_under(disk):
    """Give what fills the disk of a lab but for so many bytes, and what frees it again."""

    def fill_it(paths, left):
        ballast = fill(disk, left)
        return ballast.unlink

    return fill_it


def limit_files(paths, left):
    """Let no file of the lab's processes grow beyond its log, of now, and so many bytes."""
    most = paths.db.with_name("lab.db-wal").stat().st_size + left
    limited = {}
    for pid in [pid for role in kit.ROLES for pid in kit.family(paths.db.parent, role)]:
        with contextlib.suppress(ProcessLookupError):
            limited[pid] = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, limited[pid][1]))

    def lift():
        for pid, limits in limited.items():
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)

    return lift


def wait_for_the_banner(lab, said=None):
    """Wait until the lab, or `said`, says that it waits; gives what it says, and the seconds.

    They count from the last commit that succeeded, which is before the first that failed.
    """
    revision, since = lab.revision(), time.monotonic()
    deadline = since + WALL
    while not (found := (said or lab.paused)()):
        assert time.monotonic() < deadline, "nobody said that the disk is full"
        if lab.revision() != revision:
            revision, since = lab.revision(), time.monotonic()
        time.sleep(0.02)
    return found, time.monotonic() - since


def stands_still(lab):
    """Whether nothing is committed; merging the log makes room for a few commits more."""
    before = lab.revision()
    time.sleep(1.2)  # longer than until the next attempt
    return lab.paused() and lab.revision() == before


def run_full(paths, tmp_path, script, fill_it, left, *, trials=4, steps=400):
    """Fill the disk under a study; gives what was said, and the trials at the end."""
    text = study_text(trials=trials, steps=steps, every=20, pause=fixed(0.004))
    file = write_study(tmp_path / "code", text, script)
    events = tmp_path / "events.jsonl"
    submit(paths, file, events=events)
    with Lab(paths) as lab:
        wait_until(lambda: lab.trial("s/0").step > 5)
        free_it = fill_it(paths, left)
        said, seconds = wait_for_the_banner(lab)
        assert seconds <= BANNER_SECONDS
        alive = {pid for role in kit.ROLES for pid in kit.family(tmp_path, role)}
        if fill_it is not limit_files:  # there merging the log can make room again and again
            wait_until(lambda: stands_still(lab))
        assert alive == {pid for role in kit.ROLES for pid in kit.family(tmp_path, role)}
        assert not kit.lost_points(paths, events)
        free_it()
        wait_until(lambda: not lab.paused())
    return said, wait_for_state(paths, "s", "completed", "stopped"), events


CODE = {"code", "code/study.yaml", "code/train.py"}
FULL = r"is full \(database or disk is full\); about \d+ kB are (missing|needed)"
LIMITED = r"failed \(disk I/O error\)"
"""What SQLite makes of an error that is not ENOSPC."""


def check_full(paths, tmp_path, reference, fill_it, left, words):
    """Fill a disk under a study and free it again: all is as if it had never been full."""
    said, trials, events = run_full(paths, tmp_path, SCRIPT, fill_it, left)
    assert re.fullmatch(rf"{paths.db}: the disk {words}; trying again", said)
    assert [(t.state, t.attempt) for t in trials] == [("completed", 1)] * 4
    expected = reference(study_text(trials=4, steps=400, every=20), SCRIPT)
    kit.check_invariants(paths, expected, events, inputs=CODE)


@pytest.mark.parametrize("point", range(10))
def test_a_full_disk_pauses_and_loses_nothing(disk, tmp_path, paths, reference, full, tally, point):
    if point and not full:
        pytest.skip("one fill point; make test-faults has ten")
    paths = LabPaths(disk / "lab.db")
    check_full(paths, tmp_path, reference, fill_under(disk), 90_000 * point, FULL)
    with Lab(paths) as lab:  # and when it began it said that the disk is small
        (told,) = [e.data["text"] for e in lab.events("s") if e.kind == "warning"]
    assert re.fullmatch(
        r"free on the lab's disk: [\d.]+ MB; expected 105 MB: make room, "
        "or it waits when the disk is full",
        told,
    )
    tally(fill_points=1)


@pytest.mark.at_length
@pytest.mark.parametrize("point", range(10))
def test_files_that_must_not_grow_pause_and_lose_nothing(tmp_path, paths, reference, tally, point):
    """RLIMIT_FSIZE, as of a quota; the short form is in tests/engine/test_hostile.py."""
    check_full(paths, tmp_path, reference, limit_files, 90_000 * point, LIMITED)
    tally(fill_points=1)


def test_a_study_that_begins_says_what_the_disk_lacks(tmp_path, paths):
    """Ten times the lab's largest checkpoint is to be free."""
    run(paths, write_study(tmp_path, study_text(trials=1, steps=10)))
    with closing(sqlite3.connect(paths.db, isolation_level=None)) as connection:
        connection.execute("UPDATE checkpoints SET size = ?", (shutil.disk_usage(tmp_path).total,))
    file = write_study(tmp_path, study_text("t", trials=1, steps=10))
    command = [sys.executable, "-m", "labtui", "run", str(file), "--lab", str(paths.db)]
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert found.returncode == 0
    assert re.search(
        r"^t: free on the lab's disk: [\d.]+ [MG]B; the largest checkpoint takes [\d.]+ [MG]B; "
        r"expected [\d.]+ [MG]B: make room, or it waits when the disk is full$",
        found.stderr,
        re.MULTILINE,
    ), found.stderr
    with Lab(paths) as lab:
        assert [e.data for e in lab.events("s") if e.kind == "warning"] == []
    assert not kit.wait_for_none(tmp_path)


@pytest.mark.at_length
def test_the_screen_and_the_command_say_so_at_once(tmp_path, paths, monkeypatch):
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    text = study_text(trials=4, steps=4000, every=20, pause=fixed(0.004))
    file = write_study(tmp_path, text)
    following = Terminal("run", str(file), "--lab", str(paths.db), cwd=tmp_path)
    wait_until(lambda: paths.db.exists() and kit.family(tmp_path, "worker"))
    screen = Terminal(cwd=tmp_path)
    with Lab(paths) as lab:
        wait_until(lambda: b"at work" in screen.output and lab.trial("s/0").step > 5)
        lift = limit_files(paths, 0)
        both = (following, screen)
        _, seconds = wait_for_the_banner(
            lab, lambda: all(b"nothing is lost" in one.output for one in both)
        )
        assert seconds <= BANNER_SECONDS
        lift()
        wait_until(lambda: not lab.paused())
    client.stop(paths, "s", now=True)
    assert following.wait() is not None
    screen.process.kill()
    screen.wait()


def test_what_a_trainer_prints_waits_too(disk, tmp_path, paths, rounds, full):
    if not full:
        pytest.skip("make test-faults has it")
    paths = LabPaths(disk / "lab.db")
    filling = fill_under(disk)
    _, trials, events = run_full(paths, tmp_path, PRINTING, filling, 20_000, trials=2, steps=300)
    assert [(t.state, t.reason) for t in trials] == [("completed", "")] * 2
    kit.check_invariants(paths, None, events)


def test_a_checkpoint_on_a_full_disk_leaves_the_old_one(disk, capfd):
    root, said = disk / "t1", []
    root.mkdir()
    keeper = Keeper(str(root), 1, keep=1, minimize=True, announce=said.append, interval=0.0)
    keeper.offer(1, b"x" * 100_000, 0.5, final=True)
    ballast = fill(disk, 50_000)
    keeper.offer(2, b"y" * 100_000, 0.4, final=True)
    keeper.offer(3, lambda path: Path(path).write_bytes(b"z" * 100_000), 0.3, final=True)
    assert [entry.name for entry in root.iterdir()] == ["a1-s1"]
    assert is_whole(str(root / "a1-s1"))
    assert [m["step"] for m in said if m["kind"] == "checkpoint"] == [1]
    assert capfd.readouterr().err == "".join(
        f"checkpoint at step {step} was not written: No space left on device; "
        "older ones are kept and training goes on\n"
        for step in (2, 3)
    )
    ballast.unlink()
    keeper.offer(4, b"w" * 100_000, 0.2, final=True)
    assert is_whole(str(root / "a1-s4"))
    assert said[-1] == {"kind": "kept", "steps": [4], "best": [4]}


def test_a_command_on_a_full_disk_says_so(disk, tmp_path, paths, monkeypatch):
    from tests.support.labs import make_lab

    paths = make_lab(disk, points=2)
    command = [sys.executable, "-m", "labtui", "note"]
    fill(disk, 0)
    found = subprocess.run(
        [*command, "digits-optimizer", "x" * 50_000, "--lab", str(paths.db)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 74
    assert re.fullmatch(
        rf".*{paths.db}: the disk is full \(.*\); about \d+ kB are (missing|needed)\n", found.stderr
    ), found.stderr
    (disk / "ballast").unlink()
    with Lab(paths) as lab:
        assert lab.notes("digits-optimizer") == []
    assert not kit.faults_of_file(paths)
