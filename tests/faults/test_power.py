"""Simulated power cuts over what SQLite really writes for labtui: nothing acknowledged is lost."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from contextlib import closing

import pytest

from labtui.store import connection
from labtui.store.errors import LabError
from labtui.store.paths import LabPaths
from labtui.store.writer import Writer
from tests.faults import kit
from tests.faults.power_disk import STRACE, Disk, calls, record
from tests.faults.power_session import contents
from tests.support.engine import study_text, write_study

needs_strace = pytest.mark.skipif(STRACE is None, reason="strace notes what reaches the disk")
LAST_OF_THE_BEGINNING = 2
"""The revision at which the session has its study and has claimed its trials; points follow."""


def lab_files(paths):
    """Give what SQLite writes; its first page, before there is a log, has a journal beside it."""
    beside = [paths.db.with_name(f"lab.db-{name}") for name in ("wal", "journal")]
    return [paths.db, *beside, paths.db.parent]


def session(folder, count, synchronous=""):
    """Record a session of the writer; gives its calls, acknowledgements among them."""
    paths, acks = LabPaths(folder / "lab" / "lab.db"), folder / "acks"
    paths.db.parent.mkdir(parents=True)
    command = [sys.executable, "-m", "tests.faults.power_session", str(paths.db), str(acks)]
    record([*command, str(count), synchronous], [*lab_files(paths), acks], folder / "trace")
    assert len(acks.read_text().split()) == count + 1
    found = list(calls(folder / "trace"))
    (folder / "trace").unlink()
    return paths, acks, found


def cut(paths, recorded, number, rng, folder):
    """Cut the power at `number` moments; gives each image's lab and the calls made before."""
    moments = sorted(rng.sample(range(len(recorded)), min(number, len(recorded))))
    disk, taken = Disk(paths.db.parent), 0
    for moment in moments:
        for call in recorded[taken:moment]:
            disk.take(call)
        taken = moment
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        disk.cut(folder, rng)
        yield LabPaths(folder / "lab.db"), moment


def opened(paths):
    """Open a lab as labtui does after a crash; gives revision, points by trial's id, and states."""
    with Writer(paths) as writer:
        found = [row[0] for row in writer.connection.execute("PRAGMA integrity_check")]
        assert found == ["ok"], found
        assert not writer.connection.execute("PRAGMA foreign_key_check").fetchall()
        rows = writer.connection.execute(
            "SELECT p.trial, m.name, p.step, p.value FROM points p "
            "JOIN metrics m ON m.id = p.metric"
        )
        points = {(trial, metric, step): value for trial, metric, step, value in rows}
        states = writer.connection.execute("SELECT state, last_step FROM trials").fetchall()
        return writer.revision, points, states


def judge(tmp_path, paths, acks, recorded, count, number, rng):
    """Count the cuts after which something acknowledged was gone, or the lab was not whole."""
    expected = dict(enumerate(contents(count), LAST_OF_THE_BEGINNING + 1))
    expected[LAST_OF_THE_BEGINNING] = {}
    acked, lost, corrupt, cuts = 0, 0, 0, 0
    seen = [0]
    for call in recorded:
        acked = int(call.data) if call.path == str(acks) and call.data else acked
        seen.append(acked)
    for image, moment in cut(paths, recorded, number, rng, tmp_path / "image"):
        cuts += 1
        try:
            revision, points, states = opened(image)
        except (AssertionError, sqlite3.Error, LabError, ValueError):
            corrupt += 1
            continue
        lost += revision < seen[moment]
        if revision >= LAST_OF_THE_BEGINNING and revision >= seen[moment]:
            last = {t: max((k[2] for k in points if k[0] == t), default=None) for t in range(1, 7)}
            torn = points != expected[revision]
            corrupt += torn or states != [("running", step) for step in last.values()]
    return cuts, lost, corrupt


@needs_strace
def test_a_power_cut_loses_nothing_acknowledged(tmp_path, rng, rounds, tally):
    count = rounds(short=100, full=300)
    recorded = session(tmp_path / "session", count)
    cuts, lost, corrupt = judge(tmp_path, *recorded, count, rounds(short=25, full=800), rng)
    tally(power_cuts=cuts, lost_by_power_cuts=lost, corrupt_by_power_cuts=corrupt)
    assert (lost, corrupt) == (0, 0)


@needs_strace
@pytest.mark.parametrize("synchronous", ["NORMAL", "OFF"])
def test_less_durability_would_be_seen_to_lose(tmp_path, rng, rounds, tally, synchronous):
    count = rounds(short=40, full=300)
    recorded = session(tmp_path / "session", count, synchronous)
    cuts, lost, corrupt = judge(tmp_path, *recorded, count, rounds(short=10, full=100), rng)
    name = f"with_synchronous_{synchronous}"
    tally(**{f"cuts_{name}": cuts, f"lost_{name}": lost, f"corrupt_{name}": corrupt})
    assert lost + corrupt > 0


@needs_strace
def test_a_power_cut_under_a_real_runner_loses_nothing(paths, tmp_path, rng, rounds, tally, full):
    if not full:
        pytest.skip("the session of the writer alone is short; make test-faults has the runner's")
    file = write_study(tmp_path, study_text(trials=12, steps=400, every=10))
    paths, events = LabPaths(tmp_path / "lab" / "lab.db"), tmp_path / "events.jsonl"
    paths.db.parent.mkdir()
    files = [*lab_files(paths), events]
    command = [sys.executable, "-m", "labtui", "run", str(file), "--lab", str(paths.db)]
    assert record([*command, "--events", str(events)], files, tmp_path / "trace") == 0
    kit.wait_for_none(tmp_path)
    recorded = list(calls(tmp_path / "trace"))
    lost = corrupt = cuts = 0
    for image, moment in cut(paths, recorded, rounds(short=0, full=300), rng, tmp_path / "image"):
        text = b"".join(c.data for c in recorded[:moment] if c.path == str(events))
        acked = tmp_path / "acked.jsonl"
        acked.write_bytes(text)
        cuts += 1
        try:
            opened(image)
            done = kit.completions(acked).keys() - kit.completed(image)
            lost += bool(kit.lost_points(image, acked) or done)
        except (AssertionError, sqlite3.Error, LabError):
            corrupt += 1
    tally(power_cuts=cuts, lost_by_power_cuts=lost, corrupt_by_power_cuts=corrupt)
    assert (lost, corrupt) == (0, 0)


@pytest.mark.parametrize(("platform", "full_sync"), [("linux", 0), ("darwin", 1)])
def test_the_pragmas_hold(tmp_path, monkeypatch, platform, full_sync):
    monkeypatch.setattr(connection.sys, "platform", platform)
    with closing(connection.open_writer(tmp_path / "lab.db")) as opened:
        names = ("journal_mode", "synchronous", "fullfsync", "checkpoint_fullfsync", "mmap_size")
        found = [opened.execute(f"PRAGMA {name}").fetchone()[0] for name in names]
    assert found == ["wal", 2, full_sync, full_sync, 0]


def test_a_file_system_that_keeps_nothing_is_refused(tmp_path, monkeypatch):
    class Careless(sqlite3.Connection):
        def execute(self, sql, *more):
            return super().execute(sql.replace("= FULL", "= NORMAL"), *more)

    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **more: real(*a, factory=Careless, **more))
    with pytest.raises(
        LabError, match=r"expected wal, 2 \(FULL\), 0: this file system cannot keep"
    ):
        connection.open_writer(tmp_path / "lab.db")
