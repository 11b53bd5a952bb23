"""`labtui doctor`: what it finds, what it leaves alone, and what a recovery says."""

from __future__ import annotations

import json

from tests.store.test_recovery import erase, pages_of
from tests.support.labs import make_lab


def test_of_a_good_lab_nothing_is_wrong_and_nothing_is_changed(labtui, tmp_path):
    paths = make_lab(tmp_path, points=2)
    before = paths.db.read_bytes()
    found = labtui("doctor", "--lab", paths.db)
    assert found.code == 0
    assert "every page and index is whole" in found.out
    assert "say what the points say" in found.out
    assert "nothing is wrong" in found.err
    assert paths.db.read_bytes() == before


def test_leftovers_are_named(labtui, tmp_path):
    paths = make_lab(tmp_path, points=2)
    (paths.checkpoint_folder(1) / "a1-s40").mkdir(parents=True)
    (paths.inbox / ".half.tmp").write_text("{")
    document = json.loads(labtui("doctor", "--lab", paths.db, "--json").out)
    behind = {one["name"]: one["readings"] for one in document["sections"]}["left behind"]
    said = {one["what"]: one["found"] for one in behind if one["level"] == "notice"}
    assert "t1/a1-s40" in said["checkpoints"]
    assert said["drafts"].startswith("1 unfinished files")


def test_damage_is_found_and_what_is_left_is_saved(labtui, tmp_path):
    paths = make_lab(tmp_path, points=8)
    erase(paths.db, [pages_of(paths.db, 4)[1]])
    before = paths.db.read_bytes()
    found = labtui("doctor", "--lab", paths.db)
    assert found.code == 1
    assert "labtui doctor --recover" in found.out
    saved = labtui("doctor", "--recover", "--lab", paths.db)
    assert saved.code == 1
    assert "lacks points" in saved.out
    assert "wrote" in saved.err
    assert paths.db.read_bytes() == before
    again = labtui("doctor", "--lab", tmp_path / "lab.recovered.db")
    assert again.code == 0
    assert "trials that lack points" in again.out


def test_to_goes_with_recover(labtui, tmp_path):
    assert labtui("doctor", "--to", tmp_path / "x.db").code == 2
