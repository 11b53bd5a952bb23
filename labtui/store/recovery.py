"""Writing what is left of a damaged lab into a new one, and saying what is not in it.

The damaged file is opened to be read, and left as it is.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from labtui.store.errors import LabBroken, NoLab, NotALab
from labtui.store.lock import WriterLock
from labtui.store.pages import Image, Row
from labtui.store.paths import LabPaths
from labtui.store.salvage import Lost, Salvage, foreign_log, version_of
from labtui.store.schema import APPLICATION_ID, MIGRATIONS
from labtui.store.writer import now

BATCH = 5_000
"""Rows put in at once: the speed of more, at some megabytes."""
LOST = "its row was lost in a damaged file"
PLACEHOLDER = "recovered"
"""What stands in for a workload or study whose row is lost, so that what was of it is seen."""


@dataclass(frozen=True)
class Saved:
    """What became of one table: rows read from the file, and taken from a backup.

    Attributes:
        missing: Where rows are missing: ``above 1/2/40 up to 1/2/80``, in words.
    """

    table: str
    rows: int
    backup: int
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Hole:
    """A trial that has `found` of the `logged` points of a metric."""

    trial: str
    metric: str
    found: int
    logged: int


@dataclass
class Recovered:
    """What a recovery came to.

    Attributes:
        target: The new lab.
        backup: The backup that filled gaps; empty without.
        notes: What else is to be known, in sentences.
    """

    target: Path
    tables: list[Saved] = field(default_factory=list)
    holes: list[Hole] = field(default_factory=list)
    backup: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether nothing is known to be missing."""
        return not self.holes and not any(table.missing for table in self.tables)


def target_for(paths: LabPaths) -> Path:
    """Name a file beside a lab that is not there yet: ``lab.recovered.db``."""
    stem = paths.db.stem
    for number in range(1, 1000):
        name = f"{stem}.recovered{'' if number == 1 else f'-{number}'}{paths.db.suffix}"
        found = paths.db.with_name(name)
        if not found.exists():
            return found
    raise LabBroken(f"{paths.db.parent} has {number} recovered labs; name another with --to FILE")


def recover(paths: LabPaths, target: Path) -> Recovered:
    """Write what can be read of a lab, and what its backup still has, to a new file.

    Args:
        paths: The damaged lab; nobody may be writing it.
        target: The new file, which must not exist.

    Raises:
        NoLab, NotALab, LabHeld, LabBroken: It cannot be done; nothing was written.
    """
    if not paths.db.is_file():
        raise NoLab(f"{paths.db}: there is no lab here to recover; --lab names another")
    if target.exists():
        raise LabBroken(f"{target} exists; name a file with --to that does not")
    version = version_of(paths.db)
    if version > len(MIGRATIONS):
        raise NotALab(
            f"{paths.db} has version {version} and this labtui knows {len(MIGRATIONS)}; "
            "recover it with the labtui that wrote it"
        )
    with contextlib.ExitStack() as stack:
        if os.access(paths.db.parent, os.W_OK):
            stack.enter_context(WriterLock(paths.lock, "command"))
        draft = target.with_name(f".{target.name}.tmp")
        try:
            found = _write(paths, draft, target, version)
            os.replace(draft, target)
        except OSError as error:
            raise LabBroken(f"{target}: {error.strerror or error}; nothing was written") from error
        except sqlite3.Error as error:
            raise LabBroken(f"{target}: {error}; nothing was written") from error
        finally:
            draft.unlink(missing_ok=True)
        _bring_files(paths, LabPaths(target))
    return found


def _write(paths: LabPaths, draft: Path, target: Path, version: int) -> Recovered:
    found = Recovered(target)
    log: Path | None = paths.db.with_name(paths.db.name + "-wal")
    if foreign_log(paths.db):
        found.notes.append(f"{paths.db.name}-wal is of another lab and was left out")
        log = None
    image = Image(paths.db, log)
    draft.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    connection = sqlite3.connect(draft, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = OFF")  # a draft: synced as a whole at its end
        connection.execute("PRAGMA journal_mode = MEMORY")
        connection.execute("BEGIN")
        for statements in MIGRATIONS[:version]:
            for statement in statements:
                connection.execute(statement)
        connection.execute("DELETE FROM lab")
        salvage = Salvage(image, version)
        read = _fill(connection, salvage)
        if not any(read.values()):
            raise NotALab(f"{paths.db}: found no row of a lab in it; nothing was written")
        borrowed = _from_backup(connection, paths, salvage, found)
        _say_lost(found, salvage, read, borrowed)
        _mend(connection, found)
        _mark_holes(connection, found)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute("COMMIT")
        verdict = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if verdict != "ok":
            raise LabBroken(f"{draft}: what was written is not sound ({verdict})")
    finally:
        connection.close()
        image.close()
    _sync(draft)
    return found


# -- rows -----------------------------------------------------------------------------------------


def _fill(connection: sqlite3.Connection, salvage: Salvage) -> Counter[str]:
    """Put in what the file still has; gives rows by table."""
    read: Counter[str] = Counter()
    for table in salvage.shapes:
        read[table] += _insert(connection, salvage, table, salvage.rows(table))
    for table, rows in salvage.strays():
        read[table] += _insert(connection, salvage, table, rows)
    return read


def _insert(
    connection: sqlite3.Connection, salvage: Salvage, table: str, rows: Iterable[Row]
) -> int:
    """Put rows in; those that are there, or break a rule of the table, are left out."""
    before = connection.total_changes
    columns = salvage.shapes[table].columns
    source = iter(rows)
    while batch := list(islice(source, BATCH)):
        for length in {len(row) for row in batch}:  # older rows end before columns added later
            names = ", ".join(f'"{name}"' for name, _, _ in columns[:length])
            marks = ", ".join("?" * length)
            connection.executemany(
                f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})",
                [row for row in batch if len(row) == length],
            )
    return connection.total_changes - before


def _from_backup(
    connection: sqlite3.Connection, paths: LabPaths, salvage: Salvage, found: Recovered
) -> Counter[str]:
    """Take from the newest backup what lies where something was lost; gives rows by table."""
    taken: Counter[str] = Counter()
    backups = paths.db.parent.glob(f"{paths.db.name}.v*.bak")
    for backup in sorted(backups, key=lambda one: one.stat().st_mtime, reverse=True):
        try:
            with contextlib.closing(
                sqlite3.connect(f"{backup.as_uri()}?mode=ro", uri=True)
            ) as older:
                for lost in salvage.lost:
                    if lost.table in salvage.shapes:
                        rows = list(_between(older, salvage, lost))
                        taken[lost.table] += _insert(connection, salvage, lost.table, rows)
        except sqlite3.Error as error:
            found.notes.append(f"{backup.name} could not be used ({error})")
            continue
        if any(taken.values()):
            found.backup = backup.name
        break
    return taken


def _between(older: sqlite3.Connection, salvage: Salvage, lost: Lost) -> Iterator[Row]:
    """Yield a backup's rows of the range that was lost."""
    shape = salvage.shapes[lost.table]
    there = [row[1] for row in older.execute(f"PRAGMA table_info({lost.table})")]
    if there != [name for name, _, _ in shape.columns[: len(there)]] or not there:
        return
    keys = ", ".join(name for name, _, _ in shape.columns[: shape.keys])
    marks = ", ".join("?" * shape.keys)
    where: list[str] = []
    parameters: list[object] = []
    for sign, key in ((">", lost.after), ("<=", lost.until)):
        if key is not None:
            where.append(f"({keys}) {sign} ({marks})")
            parameters += key
    condition = f" WHERE {' AND '.join(where)}" if where else ""
    yield from older.execute(f"SELECT * FROM {lost.table}{condition}", parameters)


def _say_lost(
    found: Recovered, salvage: Salvage, read: Counter[str], borrowed: Counter[str]
) -> None:
    ranges: dict[str, list[str]] = {}
    for lost in salvage.lost:
        ranges.setdefault(lost.table, []).append(_words(lost))
    for table in salvage.shapes:
        missing = () if table == "slots" else tuple(ranges.get(table, ()))
        found.tables.append(Saved(table, read[table], borrowed[table], missing))
    if not salvage.schema:
        found.notes.append(
            "the list of tables is damaged: rows were found page by page and known by their form"
        )
    if not salvage.deleted_known:
        found.notes.append(
            "the header is damaged and with it the list of unused pages: rows may be back that had "
            "been deleted, such as points that a resumed trial went back before"
        )
    if salvage.stray:
        pages = ", ".join(map(str, salvage.stray[:5]))
        found.notes.append(
            f"{len(salvage.stray)} pages could be of several tables and were left out ({pages})"
        )


def _words(lost: Lost) -> str:
    """Say where rows are missing."""
    if not lost.page:
        return "anywhere: where it begins is not known"
    after, until = ("/".join(map(str, key)) if key else "" for key in (lost.after, lost.until))
    if after and until:
        return f"above {after}, up to {until}"
    return f"above {after}" if after else f"up to {until}" if until else "anywhere"


# -- making it a lab again -------------------------------------------------------------------------


def _mend(connection: sqlite3.Connection, found: Recovered) -> None:
    """Give rows whose study, trial or metric is lost something to belong to."""
    moment = now()
    revision = max(
        connection.execute(f"SELECT coalesce(max(revision), 0) FROM {table}").fetchone()[0]
        for table in ("trials", "studies", "summaries", "events", "notes")
    )
    connection.execute("INSERT OR IGNORE INTO lab VALUES (1, ?, ?)", (revision, moment))
    counts = {
        "trials": _stand_in_trials(connection, moment, revision),
        "studies": _stand_in_studies(connection, moment, revision),
        "workloads": _stand_in_workloads(connection, moment, revision),
        "metrics": _stand_in_metrics(connection),
    }
    _stand_in_runners(connection, moment, revision)
    for name, n in counts.items():
        if n:
            found.notes.append(
                f"{n} {name} whose own row is lost are there under the name {PLACEHOLDER}-…"
            )
    for table, rowid, _, _ in connection.execute("PRAGMA foreign_key_check").fetchall():
        if rowid is not None:
            _loosen(connection, table, rowid)
    left = connection.execute("PRAGMA foreign_key_check").fetchall()
    if left:
        found.notes.append(f"{len(left)} rows name something that is lost")


def _stand_in_trials(connection: sqlite3.Connection, moment: str, revision: int) -> int:
    """Make trials for points and checkpoints that are of none."""
    missing = connection.execute(
        "SELECT trial FROM (SELECT DISTINCT trial FROM points UNION SELECT trial FROM summaries "
        "UNION SELECT trial FROM checkpoints) WHERE trial NOT IN (SELECT id FROM trials)"
    ).fetchall()
    if missing:
        study = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM studies").fetchone()[0]
        beyond = connection.execute("SELECT coalesce(max(study), 0) + 1 FROM trials").fetchone()[0]
        connection.executemany(
            "INSERT INTO trials (id, study, number, arm, state, reason, params, finished, "
            "revision) VALUES (?, ?, ?, '', 'stopped', ?, '{}', ?, ?)",
            [(trial, max(study, beyond), trial, LOST, moment, revision) for (trial,) in missing],
        )
    return len(missing)


def _stand_in_studies(connection: sqlite3.Connection, moment: str, revision: int) -> int:
    missing = connection.execute(
        "SELECT study, count(*) FROM trials WHERE study NOT IN (SELECT id FROM studies) GROUP BY 1"
    ).fetchall()
    metric = (
        connection.execute("SELECT metric, direction FROM studies LIMIT 1").fetchone()
        or connection.execute("SELECT name, 'minimize' FROM metrics LIMIT 1").fetchone()
    )
    metric, direction = metric or ("validation/loss", "minimize")
    workload = connection.execute("SELECT min(id) FROM workloads").fetchone()[0] or 1
    for study, total in missing:
        connection.execute(
            "INSERT INTO studies (id, name, workload, goal, state, reason, metric, direction, "
            "selection, seed, sequence, total, spec, folder, interpreter, created, activity, "
            "revision) VALUES (?, ?, ?, ?, 'stopped', ?, ?, ?, 'best', '0', '', ?, ?, '', '', "
            "?, ?, ?)",
            (
                study,
                f"{PLACEHOLDER}-{study}",
                workload,
                "What it asked is lost.",
                LOST,
                metric,
                direction,
                total,
                _spec(study, metric, direction, total),
                moment,
                moment,
                revision,
            ),
        )
    return len(missing)


def _spec(study: int, metric: str, direction: str, total: int) -> str:
    """Give the least that a study must say of itself."""
    import json

    return json.dumps(
        {
            "study": f"{PLACEHOLDER}-{study}",
            "goal": "What it asked is lost.",
            "workload": PLACEHOLDER,
            "trainer": {"name": "numpy", "options": {}},
            "objective": {"metric": metric, "goal": direction},
            "budget": {"trials": total, "max_train_steps": 1},
            "hyperparameters": {},
        }
    )


def _stand_in_workloads(connection: sqlite3.Connection, moment: str, revision: int) -> int:
    missing = connection.execute(
        "SELECT DISTINCT workload FROM studies WHERE workload NOT IN (SELECT id FROM workloads)"
    ).fetchall()
    connection.executemany(
        "INSERT INTO workloads (id, name, trainer, metric, goal, created, revision) "
        "SELECT ?, ?, '', s.metric, s.direction, ?, ? FROM studies s WHERE s.workload = ? LIMIT 1",
        [(one, f"{PLACEHOLDER}-{one}", moment, revision, one) for (one,) in missing],
    )
    return len(missing)


def _stand_in_metrics(connection: sqlite3.Connection) -> int:
    missing = connection.execute(
        "SELECT metric FROM (SELECT DISTINCT metric FROM points UNION SELECT metric FROM summaries)"
        " WHERE metric NOT IN (SELECT id FROM metrics)"
    ).fetchall()
    connection.executemany(
        "INSERT INTO metrics (id, name) VALUES (?, ?)",
        [(one, f"{PLACEHOLDER}-{one}") for (one,) in missing],
    )
    return len(missing)


def _stand_in_runners(connection: sqlite3.Connection, moment: str, revision: int) -> None:
    """Make runners, dead ones, for trials whose own is lost: what trials say stays as it was."""
    connection.execute(
        "INSERT INTO runners (id, machine, boot, pid, process_start, version, slots, started, "
        "ended, revision) SELECT DISTINCT runner, '', '', 0, '', '', 1, ?, 'died', ? FROM trials "
        "WHERE runner NOT IN (SELECT id FROM runners)",
        (moment, revision),
    )


def _loosen(connection: sqlite3.Connection, table: str, rowid: int) -> None:
    """Make a row name nothing where what it named is lost and it can do without."""
    for key in connection.execute(f"PRAGMA foreign_key_list({table})").fetchall():
        other, column = key[2], key[3]
        with contextlib.suppress(sqlite3.IntegrityError):  # a column that must name something
            connection.execute(
                f"UPDATE {table} SET {column} = NULL WHERE rowid = ? AND {column} NOT IN "
                f"(SELECT id FROM {other})",
                (rowid,),
            )


def holes(connection: sqlite3.Connection) -> list[tuple[int, Hole]]:
    """List the trials (by id) that have fewer points than were counted as they were logged."""
    rows = connection.execute(
        """SELECT t.id, coalesce(s.name, '?') || '/' || t.number, m.name,
            (SELECT count(*) FROM points p
                WHERE p.trial = y.trial AND p.metric = y.metric) AS there,
            y.n
        FROM summaries y JOIN trials t ON t.id = y.trial LEFT JOIN studies s ON s.id = t.study
            JOIN metrics m ON m.id = y.metric
        WHERE there <> y.n ORDER BY 1, 3"""
    )
    return [(row[0], Hole(*row[1:5])) for row in rows]


def _mark_holes(connection: sqlite3.Connection, found: Recovered) -> None:
    """Leave a note on each trial that lacks points: nobody shall take it for whole."""
    by_trial: dict[int, list[Hole]] = {}
    for trial, hole in holes(connection):
        found.holes.append(hole)
        by_trial.setdefault(trial, []).append(hole)
    revision = connection.execute("SELECT revision FROM lab").fetchone()[0]
    moment = now()
    connection.executemany(
        "INSERT INTO notes (trial, text, created, revision) VALUES (?, ?, ?, ?)",
        [(trial, note_text(of_trial), moment, revision) for trial, of_trial in by_trial.items()],
    )


def note_text(found: Sequence[Hole]) -> str:
    """Say what a trial lacks."""
    parts = ", ".join(f"{one.found} of {one.logged} of {one.metric}" for one in found)
    return f"points were lost in a damaged file; recovered: {parts}"


# -- files ----------------------------------------------------------------------------------------


def _bring_files(damaged: LabPaths, new: LabPaths) -> None:
    """Give the new lab the files of the old: checkpoints, which nobody changes, as second names."""
    if not damaged.files.is_dir() or new.files.exists():
        return
    new.files.mkdir(mode=0o700)
    for name, copy in (("checkpoints", _link), ("logs", shutil.copy2), ("studies", shutil.copy2)):
        source = damaged.files / name
        if source.is_dir():
            shutil.copytree(source, new.files / name, copy_function=copy, symlinks=True)


def _link(source: str, target: str) -> str:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # another disk
        shutil.copy2(source, target)
    return target


def _sync(path: Path) -> None:
    for one in (path, path.parent):
        handle = os.open(one, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
