"""Opening a lab: the writer's connection with its durability, and readers that change nothing."""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path
from urllib.parse import quote

from labtui.store.errors import LabBroken, LabDamaged, NoLab
from labtui.store.holders import writers
from labtui.store.schema import check

MOST_BYTES = 32 << 20
"""What a reader takes as one value or row; the longest that labtui writes is 1 MiB of code."""

DISK_CODES = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk failed",
    sqlite3.SQLITE_CORRUPT: "the file is damaged",
    sqlite3.SQLITE_READONLY: "the file cannot be written",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened",
    sqlite3.SQLITE_BUSY: "another program holds it",
    sqlite3.SQLITE_TOOBIG: (
        f"it holds a value of more than {MOST_BYTES >> 20} MiB, which no labtui wrote"
    ),
}

UNREADABLE = sqlite3.Error, UnicodeDecodeError
"""What SQLite raises of a damaged file: its schema may no longer be text."""


ADVICE = "`labtui doctor` says more, `labtui doctor --recover` saves what can be saved"
DAMAGED = sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB

LEAST = 32768
"""Bytes that SQLite needs to open a lab, for the memory its readers share: where that is not free,
it speaks of an I/O error."""


def broken(path: Path, error: Exception, *, needed: int = 0) -> LabBroken:
    """Turn SQLite's error into one that says what happened to which file.

    Args:
        path: The file.
        error: What SQLite raised.
        needed: Bytes that what failed takes on the disk, about; 0 when that is not known.
    """
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    free = _free(path)
    if code == sqlite3.SQLITE_IOERR and free is not None and free < LEAST:
        code, needed = sqlite3.SQLITE_FULL, max(needed, LEAST)
    said = f"{path}: {DISK_CODES.get(code, 'SQLite failed')} ({error})"
    if code == sqlite3.SQLITE_BUSY:
        said = f"{path}: {_held(path)} ({error}); let it end what it writes, then run again"
    if code == sqlite3.SQLITE_FULL and needed:
        missing = needed - (free or 0)
        what = "missing" if missing > 0 else "needed"  # a quota, or not yet seen to be free
        said += f"; about {-(-(missing if missing > 0 else needed) // 1000)} kB are {what}"
    if code in DAMAGED:
        return LabDamaged(f"{said}; {ADVICE}")
    return LabBroken(said)


def _held(path: Path) -> str:
    """Say who holds a lab, as far as that can be known."""
    found = [f"pid {pid}" + (f" ({name})" if name else "") for pid, name in writers(path)]
    return f"held by {' and '.join(found)}" if found else DISK_CODES[sqlite3.SQLITE_BUSY]


def _free(path: Path) -> int | None:
    """Give the bytes that are free where a lab lies; None where that is not known."""
    try:
        found = os.statvfs(path.parent)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize


def untrustworthy(error: sqlite3.Error) -> bool:
    """Say whether after this error it is not known what the file holds.

    A write that failed leaves no doubt: it is undone, and its place is written again. After a sync
    or a read that failed nothing is known of what reached the disk before.
    """
    code = getattr(error, "sqlite_errorcode", 0)
    failed = code & 0xFF == sqlite3.SQLITE_IOERR and code != sqlite3.SQLITE_IOERR_WRITE
    return failed or code & 0xFF in DAMAGED


def check_whole(connection: sqlite3.Connection, path: Path) -> None:
    """Look at every page and index of an open lab.

    Raises:
        LabDamaged: Something is wrong; the first of it is named.
    """
    verdict = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if verdict != "ok":
        raise LabDamaged(f"{path} is damaged ({verdict}); nothing more is written to it; {ADVICE}")


def open_writer(path: Path) -> sqlite3.Connection:
    """Open the lab to write it, creating the file; transactions are begun explicitly.

    What is committed survives a power cut: WAL with a sync at each commit.

    Raises:
        LabBroken: When the file cannot be opened, or the pragmas do not hold.
    """
    refuse_emptied(path)
    try:
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = sqlite3.connect(path, isolation_level=None, timeout=5.0)
        check(connection, path)
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA mmap_size = 0")  # an error of a mapped page would end us
        darwin = int(sys.platform == "darwin")  # its fsync alone does not reach the disk
        connection.execute(f"PRAGMA fullfsync = {darwin}")
        connection.execute(f"PRAGMA checkpoint_fullfsync = {darwin}")
        level = connection.execute("PRAGMA synchronous").fetchone()[0]
        full = connection.execute("PRAGMA fullfsync").fetchone()[0]
    except sqlite3.Error as error:
        raise broken(path, error) from error
    except OSError as error:
        raise LabBroken(f"{path}: {error.strerror}; a lab is written where it lies") from error
    if (mode, level, full) != ("wal", 2, darwin):
        raise LabBroken(
            f"{path}: found journal {mode}, synchronous {level}, fullfsync {full}; "
            f"expected wal, 2 (FULL), {darwin}: this file system cannot keep what is "
            "acknowledged; put the lab on a local disk"
        )
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """Open the lab to read it, also in a folder that cannot be written.

    Raises:
        NoLab: When there is no file.
        NotALab: When it is something else.
        LabBroken: When it cannot be read.
    """
    if not path.is_file():
        raise NoLab(
            f"{path}: there is no lab here; `labtui run STUDY.yaml` makes one, --lab names another"
        )
    # Asked, not tried: closing a file drops all locks this process holds on it, SQLite's too.
    if not os.access(path, os.R_OK):
        raise LabBroken(f"{path}: permission denied; expected a lab that you may read")
    refuse_emptied(path)
    if not _writable(path):
        return _open_immutable(path)
    return _connect(path, "mode=ro")


def refuse_emptied(path: Path) -> None:
    """Make sure that an empty file has no log: SQLite, opening the two, removes the log.

    No lab is ever so: its file has a page before its log has a commit.

    Raises:
        LabDamaged: It has one, which holds all that is left of a lab.
    """
    log = path.with_name(path.name + "-wal")
    if path.is_file() and not path.stat().st_size and log.is_file() and log.stat().st_size:
        raise LabDamaged(
            f"{path} is empty, and {log.name} beside it holds commits of the lab that it was; "
            f"nothing was opened, which would remove them; {ADVICE}"
        )


def _writable(path: Path) -> bool:
    """Say whether SQLite can keep the shared memory that a reader of a WAL file needs."""
    shared = path.with_name(path.name + "-shm")
    return os.access(path.parent, os.W_OK) or (shared.exists() and os.access(shared, os.R_OK))


def _open_immutable(path: Path) -> sqlite3.Connection:
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size:
        raise LabBroken(
            f"{path}: its folder cannot be written and {log.name} holds commits that are not yet "
            "merged; copy both files to a folder of your own and open them there"
        )
    return _connect(path, "immutable=1")


def _connect(path: Path, how: str) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?{how}", uri=True, isolation_level=None, timeout=5.0
        )
        connection.row_factory = sqlite3.Row
        check(connection, path)
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_BYTES)
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
    except UNREADABLE as error:
        raise broken(path, error) from error
    return connection
