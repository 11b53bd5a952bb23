"""Quick looks at a lab: what SQLite's own check does not look for in a file with views."""

import contextlib
import sqlite3

import pytest

from labtui.store.soundness import damage
from tests.support.labs import make_lab


@pytest.fixture
def whole(tmp_path):
    """Give a lab without a log, and where the pages of its tables lie."""
    db = make_lab(tmp_path).db
    with contextlib.closing(sqlite3.connect(db)) as lab:
        lab.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        try:
            lab.execute("SELECT 1 FROM dbstat")
        except sqlite3.OperationalError:
            pytest.skip("this SQLite was built without dbstat")
        roots = dict(lab.execute("SELECT name, rootpage FROM sqlite_master WHERE type = 'table'"))
        leaves = "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf'"
        leaf = {name: lab.execute(leaves, (name,)).fetchall() for name in roots}
        size = lab.execute("PRAGMA page_size").fetchone()[0]
    return (
        db,
        size,
        {name: (roots[name], leaf[name][0][0]) for name in roots if len(leaf[name]) > 1},
    )


def test_a_table_that_lost_most_of_its_pages_is_damaged(whole):
    db, size, tables = whole
    sound = db.read_bytes()
    assert damage(db) == ""
    assert {"points", "trials"} <= set(tables)
    for name, (root, leaf) in tables.items():
        data = bytearray(sound)
        data[(root - 1) * size : root * size] = data[(leaf - 1) * size : leaf * size]
        db.write_bytes(data)
        said = damage(db)
        assert "damaged" in said, name
        if name == "points":  # no index of it lacks rows, and every page that is left is whole
            assert "pages are never used" in said
