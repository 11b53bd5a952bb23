"""Quick looks at a lab before it is written or shown: bounded in time, so that nobody waits."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from pathlib import Path

from labtui.store.connection import ADVICE, UNREADABLE, broken, open_reader
from labtui.store.errors import LabDamaged
from labtui.store.filesystem import check_place
from labtui.store.salvage import foreign_log

WRITER_SECONDS = 0.2
"""How long a writer looks before it writes: 100 MB (4 million points) take 1.4 s, so that labs up
to some 10 MB are seen whole, and of larger ones the tables that come before the points."""
READER_SECONDS = 0.05
"""How long a command looks before it shows: half the time in which Python starts."""
FIRST = ("studies", "trials")
"""Tables that are looked at before the whole file, as every verdict rests on their rows: 34 ms with
10,000 trials."""


def look(connection: sqlite3.Connection, seconds: float) -> str:
    """Check as many pages as can be in a time.

    Returns:
        What is wrong, as SQLite says it; empty where nothing was found.
    """
    timer = threading.Timer(seconds, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        known = {row[0] for row in tables}
        # Not the quick check: it believes an index that lacks rows, whose trials nobody then sees.
        # With points it is no quicker: 1.2 s for 4 million.
        for part in (*(name for name in FIRST if name in known), "1"):
            found = connection.execute(f"PRAGMA integrity_check({part})").fetchone()
            verdict = "" if found is None or found[0] == "ok" else str(found[0])
            if verdict:
                break
        else:
            verdict = unused_pages(connection)
    except sqlite3.Error as error:
        interrupted = getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT
        verdict = "" if interrupted or busy(error) else str(error)
    except UnicodeDecodeError as error:
        verdict = str(error)
    finally:
        timer.cancel()
        timer.join()
    return verdict.replace("*** in database main ***\n", "").replace("\n", "; ")


_PAGES = """SELECT p.page_count - f.freelist_count - (SELECT count(*) FROM dbstat)
    - (p.page_count * s.page_size > 1 << 30)
FROM pragma_page_count p, pragma_freelist_count f, pragma_page_size s"""
"""One statement, hence one moment of the file; the page at 1 GiB is SQLite's own, for its locks."""


def unused_pages(connection: sqlite3.Connection) -> str:
    """Look for pages that no table, index or free list has: rows that nobody can reach.

    SQLite's own check looks for them only where a table comes first in its list of tables: in a
    file with views (seen with 3.40) it may leave that part out.

    Returns:
        What is wrong; empty where nothing is, or where this SQLite was built without the means.
    """
    try:
        lost = connection.execute(_PAGES).fetchone()[0]
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return ""
        raise
    return f"{lost} pages are never used" if lost else ""


def busy(error: sqlite3.Error) -> bool:
    """Say whether an error only says that another process holds the file just now."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
    )


def damage(path: Path) -> str:
    """Say in a sentence what a quick look finds wrong with a lab; empty for nothing.

    Raises:
        LabError: What it would show is not that lab's, or nothing.
    """
    if foreign_log(path):
        raise LabDamaged(_of_another(path))
    try:
        with contextlib.closing(open_reader(path)) as connection:
            found = look(connection, READER_SECONDS)
    except UNREADABLE as error:
        return str(broken(path, error)).removesuffix(f"; {ADVICE}")
    return f"{path} is damaged ({found})" if found else ""


def check_before_writing(path: Path) -> None:
    """Make sure that a lab may be written where it lies, and that its log is its own.

    Raises:
        LabBroken: It may not.
    """
    check_place(path)
    if foreign_log(path):
        raise LabDamaged(_of_another(path))


def check_soundness(connection: sqlite3.Connection, path: Path) -> None:
    """Look quickly at a lab that is about to be written.

    Raises:
        LabDamaged: It is damaged, and writing could lose more.
    """
    found = look(connection, WRITER_SECONDS)
    if found:
        raise LabDamaged(f"{path} is damaged ({found}); it was not changed; {ADVICE}")


def ready(path: Path) -> None:
    """Make sure that a runner could write a lab, before one is started.

    Raises:
        LabBroken: It could not.
    """
    check_before_writing(path)
    if path.is_file() and path.stat().st_size:
        try:
            with contextlib.closing(open_reader(path)) as connection:
                check_soundness(connection, path)
        except UNREADABLE as error:
            raise broken(path, error) from error


def _of_another(path: Path) -> str:
    return (
        f"{path.name}-wal beside {path} was written for another lab: reading it would mix the two; "
        "move it away (if it came with a copy) or put back the one that belongs here"
    )
