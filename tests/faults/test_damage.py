"""Damaged labs: nothing is silent, nothing a traceback, and what is on whole pages is saved."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import io
import math
import os
import shutil
import sqlite3
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from labtui.cli import app
from labtui.cli.app import main
from labtui.store import soundness
from labtui.store.errors import LabError
from labtui.store.pages import INNER_TABLE, Image
from labtui.store.paths import LabPaths
from labtui.store.recovery import LOST, PLACEHOLDER
from labtui.store.salvage import Salvage
from labtui.store.writer import Writer
from labtui.tui.reader import Reader
from tests.support.labs import make_lab

PAGE = 4096
STUDY = "digits-optimizer"
COMMANDS = (["list", "--json"], ["show", STUDY, "--json"], ["check", STUDY, "--json"])
KINDS = ("zeros", "noise", "half", "head", "other", "cut", "cut at a page", "bit")
"""Damage to a page: written over (all, or its second half), its head alone, by another page; the
file cut short; one bit turned anywhere."""


BUDGETS = soundness.READER_SECONDS, soundness.WRITER_SECONDS


@pytest.fixture(scope="module", autouse=True)
def quick_commands():
    """Build the commands once, not with every call; let every look come to its end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app, "get_command", functools.cache(app.get_command))
        patch.setattr(soundness, "READER_SECONDS", 60.0)  # of a busy machine as well
        patch.setattr(soundness, "WRITER_SECONDS", 60.0)
        yield


@dataclass
class Whole:
    """A lab before anything was done to it."""

    content: bytes
    rows: dict[str, Counter]
    said: list[tuple[int, str]]
    chained: set[int]
    """Pages in the middle of long rows: what is written there has no form that could be wrong."""
    unused: set[int]
    """Pages of tables without a row: but for their head, what is written there is never read."""
    places: list[tuple[str, str, set[int]]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    paths = make_lab(folder, points=8)
    make_lab(folder, name="second", points=4, ended=5)
    with Writer(paths) as writer:  # a row that goes on over several pages
        text = "".join(f"# line {n}: {n * n}\n" for n in range(1500))
        writer.execute("UPDATE studies SET source = ? WHERE id = 1", (text,))
        for n in range(40):
            writer.execute(
                "INSERT INTO notes (trial, text, created, revision) VALUES (?, ?, '2026', 3)",
                (1 + n % 16, f"note {n} " * 20),
            )
    image = Image(paths.db)
    pages = [image.page(number) for number in range(1, image.count + 1)]
    image.close()
    chained = set().union(*(page.chains for page in pages if page))
    unused = {n for n, page in enumerate(pages, 1) if page and not page.cells and not page.right}
    said = [call(paths.db, command)[:2] for command in COMMANDS]
    places = where_rows_lie(paths.db)
    return Whole(paths.db.read_bytes(), rows(paths.db), said, chained, unused, places)


def rows(file: Path) -> dict[str, Counter]:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {
            name: Counter(map(repr, connection.execute(f"SELECT * FROM {name}")))
            for (name,) in tables.fetchall()
        }


def call(lab: Path, command: list[str]) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = int(main([*command, "--lab", str(lab)]))
    assert "Traceback" not in err.getvalue() + out.getvalue()
    assert "a fault of labtui" not in err.getvalue(), err.getvalue()
    return code, out.getvalue(), err.getvalue()


def damaged(content: bytes, kind: str, number: int, rng) -> tuple[bytes, set[int]]:
    """Damage a page (from 1); gives the pages that are not as they were."""
    start = (number - 1) * PAGE
    data, hit = bytearray(content), {number}
    if kind == "zeros":
        data[start : start + PAGE] = bytes(PAGE)
    elif kind == "noise":
        data[start : start + PAGE] = rng.randbytes(PAGE)
    elif kind == "half":
        data[start + PAGE // 2 : start + PAGE] = rng.randbytes(PAGE // 2)
    elif kind == "head":
        data[start : start + 8] = rng.randbytes(8)
    elif kind == "other":
        other = rng.randrange(len(content) // PAGE) * PAGE
        data[start : start + PAGE] = content[other : other + PAGE]
    elif kind == "bit":
        data[start + rng.randrange(PAGE)] ^= 1 << rng.randrange(8)
    else:
        keep = start + (rng.randrange(1, PAGE) if kind == "cut" else 0)
        hit = set(range(number, len(content) // PAGE + 1))
        data = data[: max(keep, 100)]
    return bytes(data), hit if bytes(data) != content else set()


def where_rows_lie(file: Path) -> list[tuple[str, str, set[int]]]:
    """Give all rows of a whole lab: table, row, and the pages that it is on."""
    image = Image(file)
    salvage = Salvage(image, 4)
    found = []
    for name, shape in salvage.shapes.items():
        waiting = [salvage.roots[name]]
        while waiting:
            number = waiting.pop()
            page = image.page(number)
            waiting += [cell.child for cell in page.cells if cell.child]
            waiting += [page.right] if page.right else []
            if page.kind != INNER_TABLE:
                on = {number, *page.chains}
                found += [(name, repr(full(shape, cell)), on) for cell in page.cells]
    image.close()
    return found


def full(shape, cell) -> tuple:
    values = shape.values(cell)
    return tuple(
        float(v) if column[1] == "REAL" and v is not None else v
        for v, column in zip(values, shape.columns, strict=True)
    )


def unlike(out: str, right: str) -> str:
    pairs = zip(out.splitlines(), right.splitlines(), strict=False)
    return next((f"{a!r}, not {b!r}" for a, b in pairs if a != b), "the end is missing")


def says_damage(code: int, err: str) -> bool:
    return "damaged" in err or (code in (2, 74) and bool(err.strip()))


def read_on_screen(paths: LabPaths) -> str:
    async def ask() -> str:
        reader = Reader(paths)
        try:
            await reader.pulse()
            trials = await reader.ask(lambda lab: len(lab.trials(STUDY)))
            assert trials == 16
        except LabError as error:
            return str(error)
        finally:
            reader.close()
        return ""

    return asyncio.run(ask())


def test_damage_is_said_and_the_rest_is_saved(whole, tmp_path, rounds, rng, tally, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    pages = len(whole.content) // PAGE
    total = saved = silent = 0
    for turn in range(rounds(short=15, full=500)):
        folder = tmp_path / str(turn)
        folder.mkdir()
        paths = LabPaths(folder / "lab.db")
        kind, number = KINDS[turn % len(KINDS)], rng.randrange(1, pages + 1)
        content, hit = damaged(whole.content, kind, number, rng)
        paths.db.write_bytes(content)
        what = f"{kind} on page {number}, round {turn}"
        # A bit of a number, or what stands in the middle of a text, could be anything.
        formless = kind == "bit" or (kind not in ("cut", "cut at a page") and hit & whole.chained)
        formless = formless or (kind == "half" and hit & whole.unused)

        for command, right in list(zip(COMMANDS, whole.said, strict=True))[: 3 if turn % 3 else 2]:
            code, out, err = call(paths.db, command)
            if (code, out) != right and not says_damage(code, err):
                assert formless, f"{what}: {command} is silent: {code} {unlike(out, right[1])}"
                silent += 1
        shown = read_on_screen(paths)
        found_by_doctor, _, _ = call(paths.db, ["doctor"])
        if hit and not formless:
            assert found_by_doctor == 1, f"{what}: the doctor finds nothing"
            assert shown or found_by_doctor
        assert paths.db.read_bytes() == content, f"{what}: the damaged file was changed"

        new = folder / "new.db"
        code, _, err = call(paths.db, ["doctor", "--recover", "--to", str(new)])
        assert paths.db.read_bytes() == content
        safe: dict[str, Counter] = {table: Counter() for table in whole.rows}
        for table, row, on in whole.places:
            safe[table].update([row] if not on & hit else [])
        if not new.exists():
            assert code in (2, 74), what
            assert not sum(map(len, safe.values())), f"{what}: {err}"
            continue
        got = rows(new)
        for table, true in whole.rows.items():
            if not formless:
                made_up = [
                    row
                    for row in (got[table] - true)
                    if PLACEHOLDER not in row and LOST not in row and "were lost" not in row
                ]
                allowed = table in ("runners", "lab") and not got[table] & true
                assert allowed or not made_up, f"{what}: {table}: {made_up[:2]}"
            missing = safe[table] - got[table]
            assert not missing, f"{what}: {table} lacks {list(missing)[:2]} of a whole page"
            total += sum(true.values())
            saved += sum((true & got[table]).values())
        assert call(new, ["list"])[0] == 0
        if turn % 3 == 0:
            assert call(new, ["check", STUDY])[0] in (0, 2)
        shutil.rmtree(folder)
    tally(damages=turn + 1, rows_in_them=total, rows_saved=saved, silent_in_formless_places=silent)


LONG = 40_000
"""Points of each trial of a large lab: of its 15 MB a reader's look sees a quarter."""


@pytest.fixture
def large(tmp_path):
    """A lab of which a quick look sees only a part."""
    paths = make_lab(tmp_path, points=8)
    with Writer(paths) as writer:
        for trial in range(1, 17):
            writer.watch(trial, "validation/error_rate", minimize=True)
            values = ((math.sin(step) / step) for step in range(1, LONG + 1))
            writer.add_points(trial, [("train/loss", n, v) for n, v in enumerate(values, 1001)])
            writer.commit()
    assert call(paths.db, ["doctor"])[0] == 0
    with contextlib.closing(sqlite3.connect(paths.db)) as connection:
        pages = connection.execute(
            "SELECT pageno FROM dbstat WHERE pagetype = 'leaf' AND name IN ('studies', 'trials')"
        )
        first = {page for (page,) in pages}
    said = [call(paths.db, command)[:2] for command in COMMANDS[:2]]
    return paths, first, said


@pytest.mark.at_length
def test_what_verdicts_rest_on_is_looked_at_in_the_time_there_is(large, rng, tally, monkeypatch):
    """With the real budgets; in the other tests a look may take as long as it needs."""
    monkeypatch.setattr(soundness, "READER_SECONDS", BUDGETS[0])
    monkeypatch.setattr(soundness, "WRITER_SECONDS", BUDGETS[1])
    paths, first, right = large
    content = paths.db.read_bytes()
    assert len(content) > 14e6
    silent = 0
    for turn in range(20):
        among = sorted(first) if turn % 2 else range(2, len(content) // PAGE + 1)
        number = rng.choice(among)
        data, hit = damaged(content, ("zeros", "noise", "head")[turn % 3], number, rng)
        paths.db.write_bytes(data)
        for command, said in zip(COMMANDS, right, strict=False):
            code, out, err = call(paths.db, command)
            if (code, out) != said and not says_damage(code, err):
                assert not hit & first, f"page {number}: {command} is silent"
                silent += 1
        if hit & first:
            with pytest.raises(LabError):
                Writer(paths)
        assert call(paths.db, ["doctor"])[0] == 1
        assert paths.db.read_bytes() == data
    tally(damages_of_large_labs=20, silent_of_large_labs=silent)


def test_an_index_that_lacks_rows_is_said(whole, tmp_path):
    """Every page of it is whole, and the trials are there; SQLite finds none of them by it."""
    file = tmp_path / "lab.db"
    file.write_bytes(whole.content)
    with contextlib.closing(sqlite3.connect(file)) as connection:
        roots = dict(
            connection.execute("SELECT tbl_name, rootpage FROM sqlite_master WHERE type = 'index'")
        )
    full, empty = (PAGE * (roots[table] - 1) for table in ("trials", "events"))
    content = bytearray(whole.content)
    content[full : full + PAGE] = content[empty : empty + PAGE]
    file.write_bytes(content)
    for command in COMMANDS:
        assert "is damaged" in call(file, command)[2]
    with pytest.raises(LabError, match="missing from index"):
        Writer(LabPaths(file))


def test_a_damaged_log_costs_commits_and_never_the_lab(whole, tmp_path, rounds, rng):
    """Whatever is done to the log, the lab is as some commit left it."""
    source = tmp_path / "source"
    source.mkdir()
    paths = LabPaths(source / "lab.db")
    paths.db.write_bytes(whole.content)
    states = []
    writer = Writer(paths)
    for n in range(8):
        states.append(notes_of(paths.db))
        writer.execute(
            "INSERT INTO notes (study, text, created, revision) VALUES (1, ?, '2026', 1)",
            (f"commit {n} " * 300,),
        )
        writer.commit()
    states.append(notes_of(paths.db))
    database, log = paths.db.read_bytes(), (source / "lab.db-wal").read_bytes()
    writer.close()
    for turn in range(rounds(short=6, full=100)):
        folder = tmp_path / f"log{turn}"
        folder.mkdir()
        (folder / "lab.db").write_bytes(database)
        data = bytearray(log)
        if turn % 3 == 0:
            del data[rng.randrange(len(data)) :]
        else:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        (folder / "lab.db-wal").write_bytes(data)
        new = folder / "new.db"
        assert call(folder / "lab.db", ["doctor", "--recover", "--to", str(new)])[0] == 0
        saved = notes_of(new)
        assert saved in states
        assert call(folder / "lab.db", ["list"])[0] == 0
        assert notes_of(folder / "lab.db") == saved


def notes_of(file: Path) -> list:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        return connection.execute("SELECT text FROM notes ORDER BY id").fetchall()


def test_the_log_of_another_lab_is_not_taken_for_its_own(tmp_path):
    labs = []
    for name in ("ours", "theirs"):
        folder = tmp_path / name
        folder.mkdir()
        labs.append(make_lab(folder, points=2))
    writer = Writer(labs[1])
    writer.execute("UPDATE studies SET reason = 'theirs' WHERE id = 1")
    writer.commit()
    shutil.copy(tmp_path / "theirs" / "lab.db-wal", tmp_path / "ours" / "lab.db-wal")
    before = rows(copy_of(labs[0].db))
    _, _, err = call(labs[0].db, ["list"])
    assert "was written for another lab" in err
    code, out, _ = call(labs[0].db, ["doctor"])
    assert code == 1
    assert "lab.db-wal was written for another lab" in out
    with pytest.raises(LabError, match="was written for another lab"):
        Writer(labs[0])
    assert call(labs[0].db, ["doctor", "--recover", "--to", str(tmp_path / "new.db")])[0] == 0
    assert rows(tmp_path / "new.db") == before
    writer.close()


def copy_of(file: Path) -> Path:
    target = file.with_name("alone.db")
    target.write_bytes(file.read_bytes())
    return target


def test_a_writer_looks_before_it_writes(whole, tmp_path):
    paths = LabPaths(tmp_path / "lab.db")
    content, _ = damaged(whole.content, "zeros", len(whole.content) // PAGE, None)
    paths.db.write_bytes(content)
    with pytest.raises(LabError, match=r"is damaged .* it was not changed"):
        Writer(paths)
    assert paths.db.read_bytes() == content
    assert os.listdir(tmp_path) == ["lab.db", "lab.lock"] or "lab.lock" in os.listdir(tmp_path)
