"""A lab that any older labtui wrote and that is killed while migrated is the old or the new one."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from labtui.store import schema
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.store.writer import Writer
from tests.support.old_labs import OLD_VERSIONS, old_lab

NEWEST = len(schema.MIGRATIONS)
SECONDS = 0.02
"""A migration of so small a lab takes this long, so that kills by the clock meet all of it."""
HOLDS = {1: 18, 2: 18, 3: 28, 4: 28}
"""Trials of the labs of each version."""


def look(path):
    """Give version, definitions, and the rows of every table, as SQLite itself reads them."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        shape = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
        tables = [name for name, sql in shape if sql and sql.startswith("CREATE TABLE")]
        rows = {}
        for table in tables:
            cursor = connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2")
            names = [column[0] for column in cursor.description]
            rows[table] = [dict(zip(names, row, strict=True)) for row in cursor]
        return version, shape, rows


def holds(found, before):
    """Say whether every value of before is there; later versions have more columns and tables."""
    return all(
        len(found[table]) == len(rows)
        and all(new | old == new for new, old in zip(found[table], rows, strict=True))
        for table, rows in before.items()
    )


def killed(paths, folder, moments):
    """Migrate copies of a lab, killed at each of the moments; gives what was printed."""
    program = [sys.executable, "-m", "tests.faults.power_migration", str(paths.db), str(folder)]
    found = subprocess.run([*program, *moments], capture_output=True, text=True, check=True)
    return found.stdout.split()


@pytest.mark.parametrize("version", OLD_VERSIONS)
def test_killed_at_any_statement_it_is_the_old_or_the_new(tmp_path, full, rng, tally, version):
    paths = old_lab(tmp_path / "old", version)
    found, shape, rows = look(paths.db)
    assert (found, len(rows["trials"])) == (version, HOLDS[version])
    (statements,) = killed(paths, tmp_path / "whole", ["0"])
    _, new_shape, new_rows = look(tmp_path / "whole" / "0" / "lab.db")
    assert holds(new_rows, rows)
    moments = [str(n) for n in range(1, int(statements) + 1)]
    moments = moments if full else rng.sample(moments, 3)
    if full:
        moments += sorted({f"{rng.uniform(0.0005, SECONDS):.6f}" for _ in range(50)})
    printed = killed(paths, tmp_path / "killed", moments)
    assert len(printed) <= sum("." in moment for moment in moments)
    versions = set()
    for moment in moments:
        lab = LabPaths(tmp_path / "killed" / moment / "lab.db")
        backup = lab.db.with_name(f"lab.db.v{version}.bak")
        found = look(lab.db)
        versions.add(found[0])
        if found[0] == version:
            assert found == (version, shape, rows)
        else:
            assert found == (NEWEST, new_shape, new_rows)
            assert look(backup) == (version, shape, rows)
        Writer(lab).close()
        assert look(lab.db) == (NEWEST, new_shape, new_rows)
        assert look(backup) == (version, shape, rows)
        beside = {entry.name for entry in lab.db.parent.iterdir()}
        assert beside == {"lab.db", "lab.lock", "lab.files", backup.name}
        with Lab(lab) as reader:
            assert sum(len(reader.trials(s.name)) for s in reader.studies()) == HOLDS[version]
        tally(migration_kills=1)
    assert version in versions


def test_a_backup_that_was_cut_short_is_made_again(tmp_path):
    paths = old_lab(tmp_path / "old", 3)
    before = look(paths.db)
    backup = paths.db.with_name("lab.db.v3.bak")
    backup.write_bytes(paths.db.read_bytes()[:5000])
    Writer(paths).close()
    assert look(backup) == before
