"""Real full disks: everything waits and says so, nothing is lost, and it goes on by itself."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.trainer.checkpoints import Keeper, is_whole
from tests.faults import kit
from tests.support.engine import (
    SCRIPT,
    fixed,
    study_text,
    submit,
    wait_for_state,
    wait_until,
    write_study,
)

DISK = 3 << 20
"""Bytes of the disk: SQLite merges its log at 4 MB, so the log alone can fill it."""

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


def run_full(disk, paths, tmp_path, script, left, *, trials=4, steps=400):
    """Fill the disk under a study; gives what was said, and the trials at the end."""
    text = study_text(trials=trials, steps=steps, every=20, pause=fixed(0.004))
    file = write_study(tmp_path / "code", text, script)
    events = tmp_path / "events.jsonl"
    submit(paths, file, events=events)
    with Lab(paths) as lab:
        wait_until(lambda: lab.trial("s/0").step > 5)
        ballast = fill(disk, left)
        said = wait_until(lab.paused)
        alive = {pid for role in kit.ROLES for pid in kit.family(tmp_path, role)}
        before = lab.revision()
        time.sleep(1.2)  # longer than until the next attempt
        assert lab.revision() == before
        assert alive == {pid for role in kit.ROLES for pid in kit.family(tmp_path, role)}
        assert not kit.lost_points(paths, events)
        ballast.unlink()
        wait_until(lambda: not lab.paused())
    return said, wait_for_state(paths, "s", "completed", "stopped"), events


@pytest.mark.parametrize("point", range(10))
def test_a_full_disk_pauses_and_loses_nothing(disk, tmp_path, paths, reference, full, tally, point):
    if point and not full:
        pytest.skip("one fill point; make test-faults has ten")
    paths = LabPaths(disk / "lab.db")
    said, trials, events = run_full(disk, paths, tmp_path, SCRIPT, 90_000 * point)
    assert re.fullmatch(
        rf"{paths.db}: the disk is full \(database or disk is full\); "
        r"about \d+ kB are (missing|needed); trying again",
        said,
    )
    assert [(t.state, t.attempt) for t in trials] == [("completed", 1)] * 4
    expected = reference(study_text(trials=4, steps=400, every=20), SCRIPT)
    kit.check_invariants(paths, expected, events)
    tally(fill_points=1)


def test_what_a_trainer_prints_waits_too(disk, tmp_path, paths, rounds, full):
    if not full:
        pytest.skip("make test-faults has it")
    paths = LabPaths(disk / "lab.db")
    _, trials, events = run_full(disk, paths, tmp_path, PRINTING, 20_000, trials=2, steps=300)
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
