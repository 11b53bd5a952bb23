"""The tables of a lab file, and how an older one becomes the current one.

Every migration is a list of statements that runs in one transaction with those of all later
versions, after a backup. Rows carry `revision`, the number of the commit that last changed them.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from labtui.store.errors import LabBroken, NotALab

APPLICATION_ID = 0x6C616274  # "labt"
VIEWS = frozenset({"experiment_log", "v_trials", "v_metrics"})
"""The views that labtui makes, for people; it reads none of them itself."""

VERSION_1 = (
    """CREATE TABLE lab (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        revision INTEGER NOT NULL,
        created TEXT NOT NULL
    )""",
    "INSERT INTO lab VALUES (1, 0, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))",
    """CREATE TABLE workloads (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        trainer TEXT NOT NULL,
        metric TEXT NOT NULL,
        goal TEXT NOT NULL CHECK (goal IN ('minimize', 'maximize')),
        card TEXT NOT NULL DEFAULT '{}',
        created TEXT NOT NULL,
        revision INTEGER NOT NULL
    )""",
    """CREATE TABLE studies (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        workload INTEGER NOT NULL REFERENCES workloads(id),
        goal TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'completed', 'stopped')),
        reason TEXT NOT NULL DEFAULT '',
        metric TEXT NOT NULL,
        direction TEXT NOT NULL CHECK (direction IN ('minimize', 'maximize')),
        selection TEXT NOT NULL CHECK (selection IN ('best', 'final')),
        seed TEXT NOT NULL,
        sequence TEXT NOT NULL,
        total INTEGER NOT NULL,
        spec TEXT NOT NULL,
        source TEXT NOT NULL DEFAULT '',
        file TEXT NOT NULL DEFAULT '',
        folder TEXT NOT NULL,
        interpreter TEXT NOT NULL,
        environment TEXT NOT NULL DEFAULT '{}',
        command TEXT NOT NULL DEFAULT '',
        provenance TEXT NOT NULL DEFAULT '{}',
        created TEXT NOT NULL,
        finished TEXT,
        activity TEXT NOT NULL,
        revision INTEGER NOT NULL
    )""",
    """CREATE TABLE hyperparameters (
        study INTEGER NOT NULL REFERENCES studies(id),
        name TEXT NOT NULL,
        position INTEGER NOT NULL,
        role TEXT NOT NULL CHECK (role IN ('scientific', 'nuisance', 'fixed')),
        sequence_column INTEGER,
        definition TEXT NOT NULL,
        PRIMARY KEY (study, name, position)
    ) WITHOUT ROWID""",
    """CREATE TABLE runners (
        id INTEGER PRIMARY KEY,
        machine TEXT NOT NULL,
        boot TEXT NOT NULL,
        pid INTEGER NOT NULL,
        process_start TEXT NOT NULL,
        version TEXT NOT NULL,
        slots INTEGER NOT NULL,
        started TEXT NOT NULL,
        ended TEXT,
        revision INTEGER NOT NULL
    )""",
    """CREATE TABLE trials (
        id INTEGER PRIMARY KEY,
        study INTEGER NOT NULL REFERENCES studies(id),
        number INTEGER NOT NULL,
        point INTEGER,
        arm TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN
            ('queued', 'running', 'completed', 'infeasible', 'failed', 'stopped')),
        reason TEXT NOT NULL DEFAULT '',
        detail TEXT NOT NULL DEFAULT '',
        params TEXT NOT NULL,
        unit TEXT NOT NULL DEFAULT '{}',
        seed INTEGER,
        max_steps INTEGER,
        step INTEGER NOT NULL DEFAULT 0,
        start_step INTEGER NOT NULL DEFAULT 0,
        attempt INTEGER NOT NULL DEFAULT 0,
        interruptions INTEGER NOT NULL DEFAULT 0,
        runner INTEGER REFERENCES runners(id),
        best_value REAL,
        best_step INTEGER,
        last_value REAL,
        last_step INTEGER,
        seconds REAL NOT NULL DEFAULT 0,
        device TEXT NOT NULL DEFAULT '',
        versions TEXT NOT NULL DEFAULT '{}',
        code TEXT NOT NULL DEFAULT '{}',
        source TEXT NOT NULL DEFAULT '',
        started TEXT,
        finished TEXT,
        revision INTEGER NOT NULL,
        UNIQUE (study, number)
    )""",
    """CREATE TABLE metrics (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        goal TEXT
    )""",
    """CREATE TABLE points (
        trial INTEGER NOT NULL,
        metric INTEGER NOT NULL,
        step INTEGER NOT NULL,
        value REAL,
        PRIMARY KEY (trial, metric, step)
    ) WITHOUT ROWID""",
    """CREATE TABLE summaries (
        trial INTEGER NOT NULL REFERENCES trials(id),
        metric INTEGER NOT NULL REFERENCES metrics(id),
        n INTEGER NOT NULL,
        first_nonfinite_step INTEGER,
        min REAL, min_step INTEGER,
        max REAL, max_step INTEGER,
        last REAL, last_step INTEGER,
        revision INTEGER NOT NULL,
        PRIMARY KEY (trial, metric)
    ) WITHOUT ROWID""",
    """CREATE TABLE checkpoints (
        trial INTEGER NOT NULL REFERENCES trials(id),
        step INTEGER NOT NULL,
        value REAL,
        best INTEGER NOT NULL DEFAULT 0,
        folder TEXT NOT NULL,
        size INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        created TEXT NOT NULL,
        PRIMARY KEY (trial, step)
    ) WITHOUT ROWID""",
    """CREATE TABLE code (
        sha256 TEXT PRIMARY KEY,
        path TEXT NOT NULL,
        content TEXT
    ) WITHOUT ROWID""",
    """CREATE TABLE launches (
        id INTEGER PRIMARY KEY,
        workload INTEGER NOT NULL REFERENCES workloads(id),
        study INTEGER REFERENCES studies(id),
        trial INTEGER REFERENCES trials(id),
        verdict TEXT NOT NULL CHECK (verdict IN ('adopt', 'reject', 'undecided')),
        evidence TEXT NOT NULL DEFAULT '{}',
        reason TEXT NOT NULL DEFAULT '',
        created TEXT NOT NULL,
        revision INTEGER NOT NULL
    )""",
    """CREATE TABLE notes (
        id INTEGER PRIMARY KEY,
        study INTEGER REFERENCES studies(id),
        trial INTEGER REFERENCES trials(id),
        text TEXT NOT NULL,
        created TEXT NOT NULL,
        revision INTEGER NOT NULL
    )""",
    """CREATE TABLE events (
        id INTEGER PRIMARY KEY,
        created TEXT NOT NULL,
        kind TEXT NOT NULL,
        request TEXT UNIQUE,
        study INTEGER REFERENCES studies(id),
        trial INTEGER REFERENCES trials(id),
        data TEXT NOT NULL DEFAULT '{}',
        revision INTEGER NOT NULL
    )""",
    """CREATE VIEW v_trials AS
        SELECT s.name AS study, s.name || '/' || t.number AS trial, t.id, t.arm, t.state, t.reason,
            t.best_value, t.best_step, t.last_value, t.last_step, t.params, t.seed, t.step,
            t.max_steps, t.seconds, t.source, t.started, t.finished
        FROM trials t JOIN studies s ON s.id = t.study""",
    """CREATE VIEW v_metrics AS
        SELECT s.name AS study, s.name || '/' || t.number AS trial, p.step, m.name AS key, p.value
        FROM points p JOIN trials t ON t.id = p.trial
            JOIN studies s ON s.id = t.study JOIN metrics m ON m.id = p.metric""",
    """CREATE VIEW experiment_log AS
        SELECT s.name AS study, s.goal, w.name AS workload, s.state,
            count(t.id) AS trials,
            count(iif(t.state = 'completed', 1, NULL)) AS completed,
            count(iif(t.state = 'infeasible', 1, NULL)) AS infeasible,
            CASE s.direction WHEN 'minimize'
                THEN min(CASE WHEN t.state = 'completed' AND abs(t.value) < 9e999 THEN t.value END)
                ELSE max(CASE WHEN t.state = 'completed' AND abs(t.value) < 9e999 THEN t.value END)
            END AS best_value,
            (SELECT group_concat(n.text, char(10)) FROM notes n WHERE n.study = s.id) AS notes,
            s.command, s.created, s.finished
        FROM studies s JOIN workloads w ON w.id = s.workload
            LEFT JOIN (SELECT t.*, iif(s.selection = 'best', t.best_value, t.last_value) AS value
                FROM trials t JOIN studies s ON s.id = t.study) t ON t.study = s.id
        GROUP BY s.id""",
)

VERSION_2 = (
    # Which repetition of its study a trial belongs to: reruns of one configuration are told apart.
    "ALTER TABLE trials ADD COLUMN repetition INTEGER NOT NULL DEFAULT 0",
)

VERSION_3 = (
    # Studies go on from each other, and are planned against a workload's baseline.
    "ALTER TABLE studies ADD COLUMN parent TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE studies ADD COLUMN kind TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE studies ADD COLUMN baseline INTEGER",
    "ALTER TABLE studies ADD COLUMN inherited TEXT NOT NULL DEFAULT '{}'",
    """CREATE TABLE baselines (
        id INTEGER PRIMARY KEY,
        workload INTEGER NOT NULL REFERENCES workloads(id),
        parent INTEGER REFERENCES baselines(id),
        launch INTEGER REFERENCES launches(id),
        study INTEGER REFERENCES studies(id),
        trial INTEGER REFERENCES trials(id),
        configuration TEXT NOT NULL,
        reason TEXT NOT NULL DEFAULT '',
        created TEXT NOT NULL,
        rolled_back TEXT,
        rollback_reason TEXT NOT NULL DEFAULT '',
        revision INTEGER NOT NULL
    )""",
    "ALTER TABLE workloads ADD COLUMN baseline INTEGER REFERENCES baselines(id)",
    "ALTER TABLE launches ADD COLUMN baseline INTEGER REFERENCES baselines(id)",
    "ALTER TABLE launches ADD COLUMN adopted INTEGER REFERENCES baselines(id)",
    "ALTER TABLE launches ADD COLUMN data TEXT NOT NULL DEFAULT '{}'",
    "ALTER TABLE launches ADD COLUMN updated TEXT",
    "ALTER TABLE notes ADD COLUMN workload INTEGER REFERENCES workloads(id)",
    """CREATE TABLE tags (
        id INTEGER PRIMARY KEY,
        workload INTEGER REFERENCES workloads(id),
        study INTEGER REFERENCES studies(id),
        trial INTEGER REFERENCES trials(id),
        tag TEXT NOT NULL,
        created TEXT NOT NULL,
        revision INTEGER NOT NULL
    )""",
    "DROP VIEW experiment_log",
    """CREATE VIEW experiment_log AS
        SELECT s.name AS study, s.goal, w.name AS workload, s.state,
            count(t.id) AS trials,
            count(iif(t.state = 'completed', 1, NULL)) AS completed,
            count(iif(t.state = 'infeasible', 1, NULL)) AS infeasible,
            CASE s.direction WHEN 'minimize'
                THEN min(CASE WHEN t.state = 'completed' AND abs(t.value) < 9e999 THEN t.value END)
                ELSE max(CASE WHEN t.state = 'completed' AND abs(t.value) < 9e999 THEN t.value END)
            END AS best_value,
            (SELECT group_concat(text, char(10)) FROM (SELECT n.text FROM notes n
                LEFT JOIN trials o ON o.id = n.trial
                WHERE coalesce(n.study, o.study) = s.id ORDER BY n.id)) AS notes,
            s.command, s.created, s.finished, s.kind, s.parent,
            (SELECT group_concat(tag, ', ') FROM (SELECT g.tag FROM tags g
                WHERE g.study = s.id ORDER BY g.tag)) AS tags,
            (SELECT group_concat(said, char(10)) FROM (
                SELECT l.verdict || coalesce(' ' || c.name || '/' || o.number, '') AS said
                FROM launches l LEFT JOIN trials o ON o.id = l.trial
                LEFT JOIN studies c ON c.id = o.study
                WHERE l.study = s.id ORDER BY l.id)) AS launches
        FROM studies s JOIN workloads w ON w.id = s.workload
            LEFT JOIN (SELECT t.*, iif(s.selection = 'best', t.best_value, t.last_value) AS value
                FROM trials t JOIN studies s ON s.id = t.study) t ON t.study = s.id
        GROUP BY s.id""",
    # People's own SQL does not come upon the test set by accident (P32); `points` has it.
    "DROP VIEW v_metrics",
    """CREATE VIEW v_metrics AS
        SELECT s.name AS study, s.name || '/' || t.number AS trial, p.step, m.name AS key, p.value
        FROM points p JOIN trials t ON t.id = p.trial
            JOIN studies s ON s.id = t.study JOIN metrics m ON m.id = p.metric
        WHERE lower(substr(m.name, 1, 5)) <> 'test/' OR m.name = s.metric""",
)

VERSION_4 = (
    # The order of the studies that wait; what the slots of the living runner do just now.
    "ALTER TABLE studies ADD COLUMN place INTEGER NOT NULL DEFAULT 0",
    """CREATE TABLE slots (
        slot INTEGER PRIMARY KEY,
        runner INTEGER NOT NULL REFERENCES runners(id),
        device TEXT NOT NULL,
        pid INTEGER,
        trial INTEGER REFERENCES trials(id),
        lanes INTEGER NOT NULL DEFAULT 1,
        step INTEGER,
        step_time REAL,
        utilization REAL,
        memory INTEGER,
        updated TEXT NOT NULL
    )""",
)

VERSION_5 = (
    # How a study stands and what changed in it, without its rows: of 10,000 in 3 ms, not 30.
    "CREATE INDEX trials_standing ON trials (study, state, best_value, last_value, number)",
    "CREATE INDEX trials_revision ON trials (study, revision)",
)

MIGRATIONS: tuple[Sequence[str], ...] = (VERSION_1, VERSION_2, VERSION_3, VERSION_4, VERSION_5)


def check(connection: sqlite3.Connection, path: Path, known: int = len(MIGRATIONS)) -> int:
    """Make sure that an open file is a lab, and give its version (0 for a new, empty file).

    Raises:
        NotALab: For another program's file, or a file that is no database.
    """
    try:
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        objects = connection.execute("SELECT type, name FROM sqlite_master").fetchall()
    except sqlite3.DatabaseError as error:
        if "not a database" not in str(error) and "encrypted" not in str(error):
            raise
        header = path.read_bytes()[:16]
        raise NotALab(
            f"{path} is not a lab: it begins with {header!r}; expected a SQLite file of labtui"
        ) from error
    if application != APPLICATION_ID and (objects or application):
        raise NotALab(
            f"{path} is another program's database (application id {application:#x}); "
            "name a lab with --lab, or a new file"
        )
    _check_objects([(row[0], row[1]) for row in objects], path)
    return version


def _check_objects(objects: Sequence[tuple[str, str]], path: Path) -> None:
    """Refuse what would run as the lab is read or written: somebody put it there.

    Raises:
        NotALab: There is a trigger, or a view in the place of a table.
    """
    for kind, name in objects:
        if kind == "trigger" or (kind == "view" and name not in VIEWS):
            raise NotALab(
                f"{path} has the {kind} {name!r}, which is not labtui's and would run when the lab "
                f"is used; expected tables alone: `sqlite3 {path.name} 'DROP {kind} {name}'` "
                "removes it"
            )


def migrate(
    connection: sqlite3.Connection,
    path: Path,
    migrations: Sequence[Sequence[str]] = MIGRATIONS,
) -> None:
    """Bring a lab to the newest version, in one transaction, after a backup of an older one.

    Raises:
        NotALab: For a lab of a newer labtui, which is only ever read.
        LabBroken: When an older one is damaged, so that changing it could lose more.
    """
    version = check(connection, path)
    newest = len(migrations)
    if version == newest:
        return
    if version > newest:
        raise NotALab(
            f"{path} has version {version} and this labtui writes version {newest}; "
            "it can be read; update labtui to change it"
        )
    if version:
        _back_up(connection, path, version)
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statements in migrations[version:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {newest}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _back_up(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Write the lab as it is to ``lab.db.v<version>.bak``, synced, before it is changed."""
    verdict = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if verdict != "ok":
        raise LabBroken(f"{path} is damaged ({verdict}); it was not changed")
    target = path.with_name(f"{path.name}.v{version}.bak")
    target.unlink(missing_ok=True)
    try:
        connection.execute("VACUUM INTO ?", (str(target),))
    except sqlite3.Error:  # a full disk, say: nothing half is left
        target.unlink(missing_ok=True)
        raise
    for place in (target, target.parent) if os.name != "nt" else (target,):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
