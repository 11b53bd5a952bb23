"""What `labtui doctor` finds about a lab's file and what lies beside it; it changes nothing."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from labtui.store import inbox
from labtui.store.connection import ADVICE, UNREADABLE, broken, open_reader
from labtui.store.errors import LabError
from labtui.store.filesystem import place_of, try_locks
from labtui.store.identity import Identity
from labtui.store.lock import describe, holder, living_runner
from labtui.store.paths import LabPaths
from labtui.store.recovery import holes
from labtui.store.salvage import foreign_log, sane
from labtui.store.schema import MIGRATIONS
from labtui.store.soundness import unused_pages
from labtui.store.space import room, size
from labtui.store.summaries import summarize

Level = Literal["ok", "notice", "wrong"]
MOST_NAMED = 5
"""How many faults of a kind are named; the rest is counted."""
OTHER = "name a lab with --lab; of one whose beginning is lost, --recover reads the rest"
RECOVER = "`labtui doctor --recover` writes what can be saved to a new lab"


@dataclass(frozen=True)
class Reading:
    """One thing that was looked at: what it is, how it is, what was found, what to do next."""

    what: str
    level: Level
    found: str
    advice: str = ""


# -- where it lies --------------------------------------------------------------------------------


def read_place(paths: LabPaths) -> Iterator[Reading]:
    """Look at the file system: its type, locks and shared memory, and its free space."""
    place = place_of(paths.db)
    yield Reading(
        "type",
        "wrong" if place.against else "ok",
        f"{place.kind}: {place.against}" if place.against else f"{place.kind}, local",
        "copy the lab to a local disk and name it with --lab" if place.against else "",
    )
    folder = paths.db.parent
    if not os.access(folder, os.W_OK):
        yield Reading("folder", "notice", "cannot be written", "a lab in it is only read")
        return
    fault = try_locks(folder)
    yield Reading(
        "locks",
        "wrong" if fault else "ok",
        fault or "files can be locked, and memory shared",
        "put the lab on a local disk" if fault else "",
    )
    yield _free_space(paths)


def _free_space(paths: LabPaths) -> Reading:
    found = room(paths.db.parent, None)
    with contextlib.suppress(LabError, *UNREADABLE), contextlib.closing(_open(paths)) as lab:
        found = room(paths.db.parent, lab)
    level: Level = "ok" if found.suffices else "wrong" if found.holds_none else "notice"
    advice = "" if level == "ok" else f"make room for {size(found.needed)}: a study pauses without"
    return Reading("free space", level, str(found), advice)


# -- the file -------------------------------------------------------------------------------------


def _open(paths: LabPaths) -> sqlite3.Connection:
    return open_reader(paths.db)


def read_lab(paths: LabPaths) -> Iterator[Reading]:
    """Look at the lab: that it is one, whole, with its own log, and says the same everywhere."""
    if not paths.db.exists():
        advice = "`labtui run STUDY.yaml` makes one; --lab names another"
        yield Reading("file", "notice", f"there is none at {paths.db}", advice)
        return
    yield from _log(paths)
    if foreign_log(paths.db):
        return
    try:
        lab = _open(paths)
    except LabError as error:
        damaged = error.exit_code == 74
        yield Reading("file", "wrong", str(error), RECOVER if damaged else OTHER)
        return
    with contextlib.closing(lab):
        lab.execute("BEGIN")  # one moment of it, also while a runner writes
        parts = (_header, _pages, _keys, _texts, _numbers, _counts, _sums)
        yield from _guarded(paths, lab, parts)


Part = Callable[[LabPaths, sqlite3.Connection], Iterator[Reading]]


def _guarded(paths: LabPaths, lab: sqlite3.Connection, parts: Iterable[Part]) -> Iterator[Reading]:
    """Look at what an open lab holds; where it cannot be read, that is what is wrong."""
    for part in parts:
        try:
            yield from part(paths, lab)
        except UNREADABLE as error:
            said = str(broken(paths.db, error)).removesuffix(f"; {ADVICE}")
            yield Reading(part.__name__.strip("_"), "wrong", said, RECOVER)
        except (AttributeError, LookupError, TypeError, ValueError) as error:  # a NULL for a name
            said = f"rows hold what no labtui wrote ({type(error).__name__}: {error})"
            yield Reading(part.__name__.strip("_"), "wrong", said, RECOVER)


def _log(paths: LabPaths) -> Iterator[Reading]:
    log = paths.db.with_name(paths.db.name + "-wal")
    if foreign_log(paths.db):
        yield Reading(
            "log",
            "wrong",
            f"{log.name} was written for another lab",
            "move it away, or put back the one that belongs here",
        )
    elif log.exists() and log.stat().st_size and living_runner(paths.lock) is None:
        yield Reading(
            "log",
            "ok",
            f"{log.name} holds {size(log.stat().st_size)} that the next command merges",
        )


def _header(paths: LabPaths, lab: sqlite3.Connection) -> Iterator[Reading]:
    version = lab.execute("PRAGMA user_version").fetchone()[0]
    newest = len(MIGRATIONS)
    said = f"version {version}, {size(paths.db.stat().st_size)}"
    if not version:
        yield Reading("file", "notice", "empty", "the next study makes a lab of it")
    elif version > newest:
        advice = "it can be read; update labtui to write it"
        yield Reading("file", "notice", f"{said}, of a newer labtui ({newest})", advice)
    else:
        older = "the next command that writes brings it up, after a backup"
        yield Reading("file", "ok", said, older if version < newest else "")


def _pages(paths: LabPaths, lab: sqlite3.Connection) -> Iterator[Reading]:
    found = [row[0] for row in lab.execute(f"PRAGMA integrity_check({MOST_NAMED + 1})")]
    if found == ["ok"]:
        unused = unused_pages(lab)
        found = [unused] if unused else found
    if found == ["ok"]:
        yield Reading("pages", "ok", "every page and index is whole")
        return
    lines = [line for row in found for line in row.split("\n") if not line.startswith("***")]
    more = "; …" if len(lines) > MOST_NAMED else ""
    yield Reading("pages", "wrong", f"damaged: {'; '.join(lines[:MOST_NAMED])}{more}", RECOVER)


def _keys(paths: LabPaths, lab: sqlite3.Connection) -> Iterator[Reading]:
    found = lab.execute("PRAGMA foreign_key_check").fetchall()
    if found:
        where = ", ".join(sorted({row[0] for row in found}))
        yield Reading(
            "references",
            "wrong",
            f"{len(found)} rows name others that are not there: {where}",
            RECOVER,
        )
    else:
        yield Reading("references", "ok", "every row that names another finds it")


def _texts(paths: LabPaths, lab: sqlite3.Connection) -> Iterator[Reading]:
    """Read every text: SQLite checks how pages hang together, and not what is written on them."""
    bad = []
    for (table,) in lab.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        if table in ("points", "summaries") or not table.isidentifier():
            continue
        try:
            for row in lab.execute(f"SELECT * FROM {table}"):
                if not all(sane(name, value) for name, value in zip(row.keys(), row, strict=True)):
                    bad.append(table)
                    break
        except (UnicodeDecodeError, sqlite3.OperationalError):
            bad.append(table)
    if bad:
        yield Reading("texts", "wrong", f"rows with unreadable text: {', '.join(bad)}", RECOVER)


def _numbers(paths: LabPaths, lab: sqlite3.Connection) -> Iterator[Reading]:
    """Look for texts in columns of numbers: SQLite allows them, and labtui never writes them."""
    bad = []
    for (table,) in lab.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        if not table.isidentifier():
            continue
        columns = lab.execute(f"PRAGMA table_info({table})").fetchall()
        numbers = [row["name"] for row in columns if row["type"] in ("INTEGER", "REAL")]
        strange = " OR ".join(f"typeof({name}) IN ('text', 'blob')" for name in numbers)
        if strange and lab.execute(f"SELECT 1 FROM {table} WHERE {strange}").fetchone():
            bad.append(table)
    if bad:
        yield Reading("numbers", "wrong", f"rows with texts for numbers: {', '.join(bad)}", RECOVER)


def _counts(paths: LabPaths, lab: sqlite3.Connection) -> Iterator[Reading]:
    if not lab.execute("PRAGMA user_version").fetchone()[0]:
        return
    row = lab.execute("SELECT revision, created FROM lab").fetchone()
    n = [
        lab.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        for table in ("studies", "trials", "points")
    ]
    if row is None:
        yield Reading("rows", "wrong", "the row of the lab itself is missing", RECOVER)
        return
    found = f"{n[0]} studies, {n[1]} trials, {n[2]} points; revision {row[0]}, made {row[1]}"
    yield Reading("rows", "ok", found)


def _sums(paths: LabPaths, lab: sqlite3.Connection) -> Iterator[Reading]:
    """Compare what was counted as points arrived with the points there are."""
    if not lab.execute("PRAGMA user_version").fetchone()[0]:
        return
    known = {
        row[0]
        for row in lab.execute(
            "SELECT t.id FROM trials t JOIN notes n ON n.trial = t.id "
            "WHERE n.text LIKE 'points were lost in a damaged file%'"
        )
    }
    lacking = holes(lab)
    if any(trial in known for trial, _ in lacking):
        names = sorted({hole.trial for trial, hole in lacking if trial in known})
        yield Reading("recovered", "notice", f"trials that lack points: {_named(names)}")
    wrong = [hole.trial for trial, hole in lacking if trial not in known]
    skip = {trial for trial, _ in lacking}
    wrong += [name for trial, name in _differing(lab) if trial not in skip]
    if wrong:
        yield Reading(
            "summaries",
            "wrong",
            f"do not say what the points say: {_named(sorted(set(wrong)))}",
            "points were changed or lost behind labtui's back; train these trials again",
        )
    else:
        yield Reading("summaries", "ok", "say what the points say")


def _differing(lab: sqlite3.Connection) -> list[tuple[int, str]]:
    """List trials whose lowest, highest or last values are not among their points.

    Only those that plain SQL finds suspicious are summarized anew: values beside a loss that is not
    finite do not count, which SQL does not know.
    """
    rows = lab.execute(
        """SELECT DISTINCT y.trial FROM summaries y JOIN
            (SELECT trial, metric, min(iif(abs(value) < 9e999, value, NULL)) AS low,
                max(iif(abs(value) < 9e999, value, NULL)) AS high, max(step) AS last_step
            FROM points GROUP BY trial, metric) p ON p.trial = y.trial AND p.metric = y.metric
        LEFT JOIN points l ON l.trial = y.trial AND l.metric = y.metric AND l.step = y.last_step
        WHERE y.min IS NOT p.low OR y.max IS NOT p.high OR y.last_step IS NOT p.last_step
            OR y.last IS NOT l.value"""
    ).fetchall()
    found = []
    for (trial,) in rows:
        points = lab.execute(
            "SELECT m.name, p.step, p.value FROM points p JOIN metrics m ON m.id = p.metric "
            "WHERE p.trial = ?",
            (trial,),
        ).fetchall()
        anew = summarize((n, s, float("nan") if v is None else v) for n, s, v in points)
        told = lab.execute(
            "SELECT m.name, y.n, y.first_nonfinite_step, y.min, y.min_step, y.max, y.max_step, "
            "y.last, y.last_step FROM summaries y JOIN metrics m ON m.id = y.metric "
            "WHERE y.trial = ?",
            (trial,),
        ).fetchall()
        expected = {name: _plain(one.row()) for name, one in anew.metrics.items()}
        if {row[0]: tuple(row[1:]) for row in told} != expected:
            name = lab.execute(
                "SELECT s.name || '/' || t.number FROM trials t JOIN studies s ON s.id = t.study "
                "WHERE t.id = ?",
                (trial,),
            ).fetchone()
            found.append((trial, name[0] if name else f"trial {trial}"))
    return found


def _plain(row: tuple[float | int | None, ...]) -> tuple[float | int | None, ...]:
    """Write NaN as the lab does."""
    return tuple(None if value is not None and value != value else value for value in row)


def _named(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(names[:MOST_NAMED])}{more}"


# -- what was left behind -------------------------------------------------------------------------


def read_leftovers(paths: LabPaths) -> Iterator[Reading]:
    """Look for what nobody works on any more: runners, requests, drafts, checkpoints."""
    alive = living_runner(paths.lock)
    found = holder(paths.lock)
    if found is not None and alive is None and found[0].is_alive() is False:
        yield Reading(
            "lock", "ok", f"was held by {describe(found)}, which is dead; it holds nothing back"
        )
    yield from _requests(paths, alive)
    yield from _drafts(paths)
    if not paths.db.is_file() or foreign_log(paths.db):
        return
    with contextlib.suppress(LabError, *UNREADABLE), contextlib.closing(_open(paths)) as lab:
        if not lab.execute("PRAGMA user_version").fetchone()[0]:
            return
        yield from _guarded(paths, lab, (_runners, _checkpoints))


def _runners(paths: LabPaths, lab: sqlite3.Connection) -> Iterator[Reading]:
    rows = lab.execute(
        "SELECT machine, boot, pid, process_start FROM runners WHERE ended IS NULL"
    ).fetchall()
    dead = [
        row["pid"]
        for row in rows
        if Identity(row["machine"], row["boot"], row["pid"], row["process_start"]).is_alive()
        is False
    ]
    if dead:
        n = lab.execute("SELECT count(*) FROM trials WHERE state = 'running'").fetchone()[0]
        yield Reading(
            "runners",
            "notice",
            f"{len(dead)} died without a word (pid {_named([str(pid) for pid in dead])}); "
            f"{n} trials were training",
            "the next `labtui run` takes them up from their last checkpoints",
        )
    else:
        alive = living_runner(paths.lock)
        pid = f", pid {alive.pid} works" if alive else ""
        yield Reading("runners", "ok", f"none is dead{pid}")


def _requests(paths: LabPaths, alive: Identity | None) -> Iterator[Reading]:
    waiting = list(inbox.waiting(paths))
    broken_ones = [path.name for path, request in waiting if request is None]
    if broken_ones:
        advice = f"remove them from {paths.inbox}"
        yield Reading("requests", "notice", f"no request: {_named(broken_ones)}", advice)
    good = len(waiting) - len(broken_ones)
    if good and alive is None:
        advice = "the next `labtui run` carries them out"
        yield Reading("requests", "notice", f"{good} wait and no runner lives", advice)
    elif not waiting:
        yield Reading("requests", "ok", "none waits")


def _drafts(paths: LabPaths) -> Iterator[Reading]:
    """Find temporary files whose writers are gone; of living ones they are minutes old at most."""
    places = [
        *paths.inbox.glob(".*.tmp"),
        *(paths.files / "cache").glob("*.tmp"),
        *paths.db.parent.glob(f".{paths.db.stem}*.tmp"),
    ]
    if living_runner(paths.lock) is None:
        places += [*paths.checkpoints.glob("*/tmp-*")]
    if places:
        total = sum(_weight(place) for place in places)
        advice = f"remove them: {_named([str(place) for place in places])}"
        yield Reading("drafts", "notice", f"{len(places)} unfinished files, {size(total)}", advice)
    else:
        yield Reading("drafts", "ok", "no unfinished file")


def _checkpoints(paths: LabPaths, lab: sqlite3.Connection) -> Iterator[Reading]:
    alive = living_runner(paths.lock)
    rows = lab.execute("SELECT trial, folder, size FROM checkpoints").fetchall()
    named = {paths.checkpoint_folder(row["trial"]) / row["folder"] for row in rows}
    there = {one for one in paths.checkpoints.glob("t*/*") if not one.name.startswith("tmp-")}
    lost = sorted(named - there)
    if lost:
        yield Reading(
            "checkpoints",
            "notice" if alive else "wrong",
            f"{len(lost)} of {len(named)} are in the lab and not on the disk: "
            f"{_named([str(one.relative_to(paths.checkpoints)) for one in lost])}",
            "resumed trials go back to an older one, or begin again",
        )
    stray = sorted(there - named)
    if stray and alive is None:
        total = sum(_weight(one) for one in stray)
        yield Reading(
            "checkpoints",
            "notice",
            f"{len(stray)} folders that no row names, {size(total)}: "
            f"{_named([str(one.relative_to(paths.checkpoints)) for one in stray])}",
            f"remove them from {paths.checkpoints}",
        )
    if not lost and (not stray or alive is not None):
        total = sum(row["size"] for row in rows)
        yield Reading("checkpoints", "ok", f"{len(named)}, {size(total)}, all there")


def _weight(place: Path) -> int:
    """Count the bytes of a file or of a folder."""
    with contextlib.suppress(OSError):
        if not place.is_dir():
            return place.stat().st_size
        return sum(one.stat().st_size for one in place.rglob("*") if one.is_file())
    return 0
