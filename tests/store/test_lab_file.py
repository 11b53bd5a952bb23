"""Opening labs: creation, migration, foreign files, read-only folders, identity, inbox."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace

import pytest

from labtui.engine.client import move
from labtui.interop.experiment_log import Exported, log_row
from labtui.store import inbox, schema
from labtui.store.changes import add_runner
from labtui.store.errors import LabBroken, NoLab, NotALab, UnknownName
from labtui.store.identity import Identity, own_identity
from labtui.store.lab import Lab
from labtui.store.lock import WriterLock, living_runner
from labtui.store.occupancy import Slot, put_slots
from labtui.store.paths import LabPaths, find_lab
from labtui.store.runners import SlotRecord
from labtui.store.writer import Writer
from tests.support.labs import make_lab
from tests.support.old_labs import OLD_VERSIONS, old_lab


def test_the_nearest_lab_upwards_is_found(tmp_path):
    Writer(LabPaths(tmp_path / "lab.db")).close()
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert find_lab(None, {}, folder=deep).db == tmp_path / "lab.db"
    assert find_lab(None, {"LABTUI_LAB": str(tmp_path / "x.db")}, folder=deep).db.name == "x.db"
    assert find_lab(tmp_path / "y.db", {"LABTUI_LAB": "x"}).db.name == "y.db"


def test_a_folder_is_not_a_lab(tmp_path):
    with pytest.raises(NoLab, match="is a directory"):
        find_lab(tmp_path)


def test_without_a_lab_reading_says_what_makes_one(tmp_path):
    with pytest.raises(NoLab, match=r"labtui run STUDY\.yaml"):
        Lab(LabPaths(tmp_path / "lab.db"))


@pytest.mark.parametrize("content", [b"\xff\xd8\xff\xe0 a picture, not a lab", b"just text\n" * 99])
def test_another_file_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "lab.db"
    path.write_bytes(content)
    with pytest.raises(NotALab, match="is not a lab: it begins with"):
        Lab(LabPaths(path))
    with pytest.raises(NotALab):
        Writer(LabPaths(path))
    assert path.read_bytes() == content


def test_another_programs_database_is_refused(tmp_path):
    path = tmp_path / "lab.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(NotALab, match="another program's database"):
        Writer(LabPaths(path))
    assert path.read_bytes() == before


def test_a_newer_lab_is_read_and_never_written(tmp_path):
    paths = make_lab(tmp_path, points=2)
    connection = sqlite3.connect(paths.db)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(NotALab, match="version 99 and this labtui writes version 5"):
        Writer(paths)
    with Lab(paths) as lab:
        assert len(lab.trials("digits-optimizer")) == 4


NEXT = (*schema.MIGRATIONS, ("ALTER TABLE notes ADD COLUMN author TEXT", "CREATE TABLE extra (x)"))


def test_a_migration_keeps_every_row_and_a_backup(tmp_path):
    paths = make_lab(tmp_path, points=2)
    connection = sqlite3.connect(paths.db, isolation_level=None)
    rows = connection.execute("SELECT * FROM points ORDER BY 1, 2, 3").fetchall()
    schema.migrate(connection, paths.db, NEXT)
    assert connection.execute("PRAGMA user_version").fetchone() == (6,)
    assert connection.execute("SELECT * FROM points ORDER BY 1, 2, 3").fetchall() == rows
    connection.close()
    backup = sqlite3.connect(tmp_path / "lab.db.v5.bak")
    assert backup.execute("PRAGMA user_version").fetchone() == (5,)
    assert backup.execute("SELECT * FROM points ORDER BY 1, 2, 3").fetchall() == rows
    backup.close()


def test_a_migration_that_fails_changes_nothing(tmp_path):
    paths = make_lab(tmp_path, points=2)
    connection = sqlite3.connect(paths.db, isolation_level=None)
    broken = (*NEXT[:-1], (*NEXT[-1], "CREATE TABLE extra (x)"))
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        schema.migrate(connection, paths.db, broken)
    assert connection.execute("PRAGMA user_version").fetchone() == (5,)
    assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'extra'").fetchall()
    connection.close()


@pytest.mark.parametrize("version", OLD_VERSIONS)
def test_an_older_lab_is_read_as_it_is_and_brought_up_by_a_writer(tmp_path, version):
    paths = old_lab(tmp_path, version)
    content = paths.db.read_bytes()
    before = everything(paths)
    assert paths.db.read_bytes() == content
    with Lab(paths) as lab:
        assert lab.study("first").counts == {"completed": 4, "failed": 4, "infeasible": 4}
        assert lab.study("second").state == "interrupted"  # nobody holds the lock
        assert (lab.slots(), lab.queue()) == ([], ["second"])
        assert bool(lab.slots_updated()) == (version > 3)
        assert [text for _, text in lab.notes("first")] == NOTES
        assert [trial.repetition for trial in lab.trials("first")] == [0] * 12
        if version < 3:
            assert lab.baseline("first") is None
            assert (lab.launches(), lab.tags()) == ([], {})
        else:
            assert len(lab.launches()) == 1
            assert lab.baseline("first").trial == "first/0"
            assert lab.study("first-launch").parent == "first"
    Writer(paths).close()
    assert everything(paths) == before
    assert (tmp_path / f"lab.db.v{version}.bak").exists()


NOTES = ["the loss is finite in most trials — α 试验", "on one trial"]


def everything(paths):
    """Read what a lab says of all it holds."""
    with Lab(paths) as lab:
        said = [lab.workloads(), lab.launches(), lab.tags(), lab.all_notes(), lab.runner_record()]
        for study in lab.studies():
            trials = lab.trials(study.name)
            said += [study, trials, sorted(lab.points(study.name)), lab.events(study.name)]
            said += [lab.checkpoints(trial.id) for trial in trials]
            said += [lab.baseline(study.workload), lab.workload_notes(study.workload)]
            said.append(list(log_row(lab, Exported(study, trials))))
    return repr(said)  # NaN is not equal to itself


def test_a_lab_of_version_3_keeps_its_queue_and_can_be_put_in_another_order(tmp_path):
    paths = old_lab(tmp_path, 3)
    with closing(sqlite3.connect(paths.db, isolation_level=None)) as connection:
        connection.execute("UPDATE studies SET state = 'queued', finished = NULL")
        connection.execute("UPDATE trials SET state = 'queued'")
    with Lab(paths) as lab:
        names = lab.queue()
        assert names == ["first", "first-launch", "second"]
        assert lab.has_changed()
        move(paths, "second", 0)
        assert lab.has_changed()  # and it reads what it could not hold before
        assert lab.queue() == ["second", "first", "first-launch"]
    assert (tmp_path / "lab.db.v3.bak").exists()


READER = """
import os, sys
from pathlib import Path
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
if os.getuid() == 0:  # root ignores read-only folders
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
with Lab(LabPaths(Path(sys.argv[1]))) as lab:
    print(len(lab.trials("digits-optimizer")), lab.study("digits-optimizer").best_value)
"""


def read_without_rights(path):
    return subprocess.run(
        [sys.executable, "-c", READER, str(path)], capture_output=True, text=True, check=False
    )


@pytest.fixture
def readable(tmp_path):
    """A lab in a folder that can be read and not written, on a path that anyone can walk."""
    paths = make_lab(tmp_path, points=2)
    folder = tmp_path
    while folder != folder.parent and folder.stat().st_uid == os.getuid():
        folder.chmod(folder.stat().st_mode | 0o055)
        folder = folder.parent
        if folder.stat().st_mode & 0o005 == 0o005:
            break
    paths.db.chmod(0o444)
    tmp_path.chmod(0o555)
    yield paths
    tmp_path.chmod(0o755)


def test_a_lab_in_a_read_only_folder_opens(readable):
    result = read_without_rights(readable.db)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split()[0] == "4"


def test_commits_that_cannot_be_merged_are_said(readable):
    log = readable.db.with_name("lab.db-wal")
    readable.db.parent.chmod(0o755)
    log.write_bytes(b"x" * 100)
    readable.db.parent.chmod(0o555)
    result = read_without_rights(readable.db)
    assert "holds commits that are not yet merged" in result.stderr
    readable.db.parent.chmod(0o755)
    log.unlink()


def test_names_that_are_not_there_come_with_the_nearest(tmp_path):
    with Lab(make_lab(tmp_path, points=1)) as lab:
        with pytest.raises(UnknownName, match="did you mean 'digits-optimizer'"):
            lab.study("digits-optimiser")
        for reference in ("digits-optimizer/99", "99", "digits", "digits-optimizer/x"):
            with pytest.raises(UnknownName, match="no trial"):
                lab.trial(reference)
        with pytest.raises(UnknownName, match="did you mean 'digits-optimizer'"):
            lab.trial("digits-optimiser/1")
        for reference in ("digits-optimizer/99", "digits-optimizer"):
            with pytest.raises(UnknownName) as caught:
                lab.trial(reference)
            assert "did you mean" not in str(caught.value)  # the study is the one that was meant
        assert lab.trial("1") == lab.trial("digits-optimizer/0")


def test_readers_ask_only_for_what_is_newer(tmp_path):
    paths = make_lab(tmp_path, points=3, ended=2)
    with Lab(paths) as lab:
        assert lab.has_changed()
        assert not lab.has_changed()
        seen = max(t.revision for t in lab.trials("digits-optimizer"))
        with Writer(paths) as writer:
            writer.queue(
                lambda c, r: c.execute(
                    "UPDATE trials SET step = 5, revision = ? WHERE id = 4", (r,)
                )
            )
        assert lab.has_changed()
        assert [t.id for t in lab.trials("digits-optimizer", newer_than=seen)] == [4]


SLOT = Slot(1, "cpu", 7, 1, 1, 5, 0.25, 0.5, 1 << 20)


def test_slots_are_seen_without_a_revision_and_only_of_a_living_runner(tmp_path):
    paths = make_lab(tmp_path, points=1)
    with Lab(paths) as lab:
        with Writer(paths, "runner") as writer:
            runner = add_runner(writer, own_identity(), version="0", slots=3)
            revision = writer.revision
            assert lab.slots_updated() == ""
            lab.has_changed()
            put_slots(writer, runner, [(SLOT, "2026-01-01"), (replace(SLOT, slot=2), "2026-01-02")])
            put_slots(writer, runner, [(SLOT, "2026-01-03")])
            writer.commit()
            assert lab.has_changed()
            assert lab.revision() == writer.revision == revision
            assert lab.slots_updated() == "2026-01-03"
            assert lab.slots() == [
                SlotRecord(
                    slot=1,
                    device="cpu",
                    trial="digits-optimizer/0",
                    study="digits-optimizer",
                    step=5,
                    max_steps=1000,
                    step_time=0.25,
                    utilization=0.5,
                    memory=1 << 20,
                    updated="2026-01-03",
                    pid=7,
                )
            ]
            assert lab.runner_record().slots == 3
        assert lab.slots() == []  # as after a kill: its rows are still there
        assert lab.slots_updated()
        with Writer(paths, "runner") as writer:
            add_runner(writer, replace(own_identity(), pid=1), version="0", slots=1)
            assert lab.slots() == []
            assert lab.slots_updated() == ""


def test_on_a_full_disk_slots_are_forgotten_and_nothing_else(tmp_path):
    paths = make_lab(tmp_path, points=1)
    with Writer(paths) as writer:
        runner = add_runner(writer, own_identity(), version="0", slots=1)
        writer.connection.execute("PRAGMA query_only = ON")  # every commit fails
        put_slots(writer, runner, [(SLOT, "2026-01-01")])
        writer.commit()
        assert not writer.dirty
        put_slots(writer, runner, [(SLOT, "2026-01-02")])
        writer.touch(1)
        writer.execute("UPDATE studies SET reason = 'kept' WHERE id = 1")
        with pytest.raises(LabBroken):
            writer.commit()
        writer.connection.execute("PRAGMA query_only = OFF")
    with Lab(paths) as lab:
        assert lab.study("digits-optimizer").reason == "kept"


def test_a_running_trial_without_a_runner_is_seen_as_interrupted_and_nothing_is_written(tmp_path):
    paths = make_lab(tmp_path, points=1, state="running")
    with Writer(paths) as writer:
        writer.execute("UPDATE trials SET state = 'running' WHERE id = 1")
    with Lab(paths) as lab:
        assert lab.trial("1").state == "interrupted"
        assert lab.study("digits-optimizer").state == "interrupted"
        assert lab.study("digits-optimizer").counts == {"interrupted": 1, "completed": 1}
    stored = sqlite3.connect(paths.db)
    assert stored.execute("SELECT state FROM trials WHERE id = 1").fetchone() == ("running",)
    stored.close()


def test_views_answer_in_plain_sql(tmp_path):
    paths = make_lab(tmp_path, points=2)
    connection = sqlite3.connect(paths.db)
    log = connection.execute("SELECT study, trials, completed FROM experiment_log").fetchall()
    assert log == [("digits-optimizer", 4, 4)]
    assert connection.execute(
        "SELECT count(*) FROM v_metrics WHERE key = 'grad_norm'"
    ).fetchone() == (100,)
    assert connection.execute("SELECT trial FROM v_trials").fetchall()[3] == ("digits-optimizer/3",)
    connection.close()


# -- identity, lock and inbox ---------------------------------------------------------------------


def test_identity_tells_a_reused_process_number_and_another_boot():
    me = own_identity()
    assert me.is_alive() is True
    assert Identity(me.machine, me.boot, me.pid, "1").is_alive() is False
    assert Identity(me.machine, "another boot", me.pid, me.started).is_alive() is False
    assert Identity("another machine", me.boot, me.pid, me.started).is_alive() is None


def test_a_zombie_is_dead():
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    me = own_identity()
    assert Identity(me.machine, me.boot, process.pid, me.started).is_alive() is False
    process.wait()


def test_the_lock_names_its_holder_and_forgets_it(tmp_path):
    path = tmp_path / "lab.lock"
    assert living_runner(path) is None
    with WriterLock(path, "runner"):
        assert living_runner(path) == own_identity()
    assert living_runner(path) is None
    path.write_text(json.dumps({**own_identity().to_json(), "started": "1", "role": "runner"}))
    assert living_runner(path) is None


def test_requests_come_whole_and_in_order(tmp_path):
    paths = LabPaths(tmp_path / "lab.db")
    names = [inbox.post(paths, {"kind": "note", "n": n}) for n in range(3)]
    (paths.inbox / ".half.tmp").write_text("{")
    (paths.inbox / "broken.json").write_text("{")
    found = [request for _, request in inbox.waiting(paths) if request is not None]
    assert [request["id"] for request in found] == names
    assert [request["n"] for request in found] == [0, 1, 2]


def test_a_lab_that_cannot_be_made_says_why(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises((LabBroken, NotADirectoryError, FileExistsError)):
        Writer(LabPaths(tmp_path / "file" / "lab.db"))


def test_damage_that_is_no_text_is_a_broken_lab(tmp_path):
    paths = make_lab(tmp_path, points=20)
    with closing(sqlite3.connect(paths.db)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(paths.db.read_bytes())
    for place in range(8192, len(content) - 200, 7919):
        content[place : place + 200] = b"\xff" * 200
    paths.db.write_bytes(content)
    with pytest.raises(LabBroken):
        Lab(paths).studies()
