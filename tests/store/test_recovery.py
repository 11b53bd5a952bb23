"""Recovery: all of a whole lab, the rest of a damaged one, gaps from a backup, places to write."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from labtui.store import filesystem
from labtui.store.errors import LabBroken, NotALab
from labtui.store.filesystem import FUSE, Place, judge, judge_name, place_of, synced_by
from labtui.store.lab import Lab
from labtui.store.pages import Image
from labtui.store.paths import LabPaths
from labtui.store.recovery import recover, target_for
from labtui.store.writer import Writer
from tests.support.labs import make_lab

STUDY = "digits-optimizer"


def erase(file: Path, pages) -> None:
    data = bytearray(file.read_bytes())
    for number in pages:
        data[(number - 1) * 4096 : number * 4096] = bytes(4096)
    file.write_bytes(data)


def pages_of(file: Path, length: int) -> list[int]:
    """Find the pages whose rows have so many columns."""
    image = Image(file)
    found = [n for n in range(2, image.count + 1) if (p := image.page(n)) and p.cells]
    found = [n for n in found if len(image.page(n).cells[0].row or ()) == length]
    image.close()
    return found


def count(file: Path, table: str) -> int:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_a_whole_lab_is_recovered_whole(tmp_path):
    paths = make_lab(tmp_path, points=4)
    found = recover(paths, target_for(paths))
    assert found.complete
    assert found.target == tmp_path / "lab.recovered.db"
    with Lab(paths) as old, Lab(LabPaths(found.target)) as new:
        assert new.trials(STUDY) == old.trials(STUDY)
        assert list(new.points(STUDY)) == list(old.points(STUDY))
    with pytest.raises(LabBroken, match="exists; name a file with --to"):
        recover(paths, found.target)


def test_trials_that_lack_points_say_so(tmp_path):
    paths = make_lab(tmp_path, points=8)
    erase(paths.db, [pages_of(paths.db, 4)[1]])
    found = recover(paths, target_for(paths))
    assert not found.complete
    assert found.holes
    assert any(one.table == "points" and one.missing for one in found.tables)
    with Lab(LabPaths(found.target)) as new:
        noted = {note.trial for note in new.all_notes() if "points were lost" in note.text}
    assert noted == {int(hole.trial.rpartition("/")[2]) for hole in found.holes}


def test_a_backup_fills_what_is_lost(tmp_path):
    paths = make_lab(tmp_path, points=8)
    shutil.copy(paths.db, tmp_path / "lab.db.v4.bak")
    erase(paths.db, [pages_of(paths.db, 4)[1]])
    found = recover(paths, target_for(paths))
    assert found.backup == "lab.db.v4.bak"
    assert not found.holes
    assert count(found.target, "points") == count(tmp_path / "lab.db.v4.bak", "points")


def test_rows_are_known_by_their_form_where_the_list_of_tables_is_lost(tmp_path):
    paths = make_lab(tmp_path, points=8)
    points, trials = count(paths.db, "points"), count(paths.db, "trials")
    erase(paths.db, [1])
    found = recover(paths, target_for(paths))
    assert (count(found.target, "points"), count(found.target, "trials")) == (points, trials)
    assert any("list of tables is damaged" in note for note in found.notes)


def test_what_is_no_lab_is_not_recovered(tmp_path):
    (tmp_path / "lab.db").write_bytes(b"text " * 9999)
    with pytest.raises(NotALab, match="found no row of a lab"):
        recover(LabPaths(tmp_path / "lab.db"), tmp_path / "new.db")
    assert not (tmp_path / "new.db").exists()


@pytest.mark.parametrize(
    ("magic", "mount", "kind", "refused"),
    [
        (0x6969, "", "NFS", True),
        (0xFF534D42, "", "CIFS (SMB)", True),
        (0xFF534D42 - (1 << 32), "", "CIFS (SMB)", True),  # as a 32-bit system gives it
        (0x01021997, "", "9p", True),
        (FUSE, "fuse.sshfs", "fuse.sshfs", True),
        (FUSE, "", "FUSE", True),
        (FUSE, "fuseblk", "fuseblk", False),
        (0xEF53, "", "ext4", False),
        (0x794C7630, "", "overlay", False),
    ],
)
def test_file_systems_are_judged_by_their_numbers(magic, mount, kind, refused):
    found = judge(magic, mount)
    assert (found.kind, bool(found.against)) == (kind, refused)


def test_folders_that_are_copied_elsewhere_are_known():
    assert synced_by(Path("/home/me/Dropbox/lab.db")) == "/home/me/Dropbox"
    assert synced_by(Path("/Users/me/Library/Mobile Documents/x/lab.db"))
    assert synced_by(Path("/home/me/OneDrive - Institute/lab.db"))
    assert not synced_by(Path("/home/me/Dropboxes/lab.db"))
    assert judge_name("smbfs").against
    assert judge_name("apfs") == Place("apfs")


def test_this_machine_can_hold_a_lab(tmp_path):
    assert not place_of(tmp_path / "not" / "there" / "lab.db").against


def test_locks_are_tried_on_a_file_system_that_is_not_known(tmp_path, monkeypatch):
    """No real one without locks is at hand: labtui is told of one, and its call refuses."""

    def refuse(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    paths = make_lab(tmp_path, points=1)
    monkeypatch.setattr(fcntl, "lockf", refuse)
    Writer(paths).close()  # on one that is known nothing is tried
    monkeypatch.setattr(filesystem, "magic_of", lambda _: 0x1234)
    monkeypatch.setattr(filesystem, "mount_of", lambda _: "oddfs")
    with pytest.raises(LabBroken, match=r"oddfs, which labtui does not know .*No locks available"):
        Writer(paths)
    with Lab(paths) as lab:
        assert len(lab.studies()) == 1
    monkeypatch.undo()
    monkeypatch.setattr(filesystem, "magic_of", lambda _: 0x1234)
    Writer(paths).close()  # where they work it is taken for local
