"""Opening a lab: the writer's connection with its durability, and readers that change nothing."""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path
from urllib.parse import quote

from labtui.store.errors import LabBroken, NoLab
from labtui.store.schema import check

DISK_CODES = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk failed",
    sqlite3.SQLITE_CORRUPT: "the file is damaged",
    sqlite3.SQLITE_READONLY: "the file cannot be written",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened",
}


UNREADABLE = sqlite3.Error, UnicodeDecodeError
"""What SQLite raises of a damaged file: its schema may no longer be text."""


def broken(path: Path, error: Exception) -> LabBroken:
    """Turn SQLite's error into one that says what happened to which file."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return LabBroken(f"{path}: {DISK_CODES.get(code, 'SQLite failed')} ({error})")


def open_writer(path: Path) -> sqlite3.Connection:
    """Open the lab to write it, creating the file; transactions are begun explicitly.

    What is committed survives a power cut: WAL with a sync at each commit.

    Raises:
        LabBroken: When the file cannot be opened, or the pragmas do not hold.
    """
    try:
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = sqlite3.connect(path, isolation_level=None, timeout=5.0)
        check(connection, path)
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        if sys.platform == "darwin":
            connection.execute("PRAGMA fullfsync = ON")
            connection.execute("PRAGMA checkpoint_fullfsync = ON")
        level = connection.execute("PRAGMA synchronous").fetchone()[0]
    except sqlite3.Error as error:
        raise broken(path, error) from error
    except OSError as error:
        raise LabBroken(f"{path}: {error.strerror}; a lab is written where it lies") from error
    if (mode, level) != ("wal", 2):
        raise LabBroken(
            f"{path}: found journal {mode}, synchronous {level}; expected wal, 2 (FULL): "
            "this file system cannot keep what is acknowledged; put the lab on a local disk"
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
    if not _writable(path):
        return _open_immutable(path)
    return _connect(path, "mode=ro")


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
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
    except UNREADABLE as error:
        raise broken(path, error) from error
    return connection
