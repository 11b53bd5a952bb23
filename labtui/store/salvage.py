"""What can be read of a damaged lab, table by table, and between which keys something is missing.

Each table's tree is walked from its root as far as pages can be read: what leads to a page says
between which keys its rows lie, so a page that is lost has a name. Pages that nothing leads to any
more are then found one by one, and known by what their rows look like.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import UnionType

from labtui.store.pages import INNER_TABLE, LEAF_TABLE, Cell, Image, Row, frames
from labtui.store.schema import MIGRATIONS

Key = tuple[object, ...]
VERSION_AT = 60
"""Where a database's header keeps ``user_version``."""
SCHEMA = "sqlite_master"
MOST_DEEP = 20
"""Levels of a tree: SQLite's own limit."""
FIRST_FRAMES = 64
"""How many pages of a log are looked at for the row that says whose it is; the first commit has it
among its first three, since pages are logged in order."""


TYPES: dict[str, type | UnionType] = {"TEXT": str, "REAL": int | float}
"""What a column holds; SQLite keeps a REAL that is whole as an integer."""


JSON = frozenset(
    {"card", "spec", "environment", "provenance", "definition", "params", "unit", "versions"}
    | {"evidence", "data", "inherited", "configuration"}
)
"""Columns that hold JSON, in whichever table."""
ERASED = "\0\0\0\0"
"""What a text is full of where zeros were written over it."""


def sane(column: str, value: object) -> bool:
    """Say whether a column can hold this: JSON is whole, text has not been written over."""
    if not isinstance(value, str):
        return True
    if column in JSON:
        try:
            json.loads(value)
        except ValueError:
            return False
    return ERASED not in value


@dataclass(frozen=True)
class Shape:
    """How rows of a table lie in the file: name, type and NOT NULL of each column.

    Attributes:
        rowid: Whether rows are found by an integer that is not in the record.
        integer_key: Position of the column that is this integer; None without.
        keys: How many leading columns are the primary key of a table without.
        least: Columns that every version has: later ones were added behind.
    """

    name: str
    columns: tuple[tuple[str, str, bool], ...]
    rowid: bool
    integer_key: int | None
    keys: int
    least: int

    def fits(self, row: Row) -> bool:
        """Say whether a record can be one of this table."""
        if not self.least <= len(row) <= len(self.columns):
            return False
        for i, (value, (_, kind, required)) in enumerate(zip(row, self.columns, strict=False)):
            if i == self.integer_key:
                if value is not None:
                    return False
            elif value is None:
                if required:
                    return False
            elif not isinstance(value, TYPES.get(kind, int)) or not sane(self.columns[i][0], value):
                return False
        return True

    def key_of(self, cell: Cell) -> Key:
        """Give what a row is found by."""
        return (cell.rowid,) if self.rowid else (cell.row or ())[: self.keys]

    def values(self, cell: Cell) -> Row:
        """Give a row's columns."""
        row = cell.row or ()
        if self.integer_key is None:
            return row
        return (*row[: self.integer_key], cell.rowid, *row[self.integer_key + 1 :])


@dataclass(frozen=True)
class Lost:
    """A page of `table` whose rows, above `after` and up to `until`, could not all be read."""

    table: str
    page: int
    after: Key | None
    until: Key | None


def shapes(version: int) -> dict[str, Shape]:
    """Give the tables of a lab of a version, from labtui's own statements."""
    first = _tables(1)
    result = {}
    for name, columns in _tables(version).items():
        keys = [i for i, column in enumerate(columns) if column[5]]
        rowid = keys == [0] and columns[0][2] == "INTEGER" and name not in WITHOUT_ROWID
        result[name] = Shape(
            name,
            tuple((column[1], column[2], bool(column[3] or column[5])) for column in columns),
            rowid,
            0 if rowid else None,
            len(keys),
            len(first.get(name, columns)),
        )
    return result


WITHOUT_ROWID = frozenset({"hyperparameters", "points", "summaries", "checkpoints", "code"})


def _tables(version: int) -> dict[str, list[tuple[int, str, str, int, object, int]]]:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        for statements in MIGRATIONS[:version]:
            for statement in statements:
                connection.execute(statement)
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: connection.execute(f"PRAGMA table_info({name})").fetchall() for (name,) in names
        }


@dataclass
class Salvage:
    """Reads a damaged lab.

    Attributes:
        lost: Fills as tables are read.
        stray: Pages whose rows could belong to several tables, or to none.
        schema: Whether the list of tables could be read whole.
        deleted_known: Whether the file still says which of its pages are out of use.
    """

    image: Image
    version: int
    lost: list[Lost] = field(default_factory=list)
    stray: list[int] = field(default_factory=list)
    schema: bool = True
    deleted_known: bool = True
    _seen: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Read which tables there are, and where they begin."""
        self.shapes = shapes(self.version)
        self.roots = self._roots()
        self.deleted_known = self.image.header
        self._free = self.image.free_pages() if self.image.header else set()
        self.missing = [name for name in self.shapes if name not in self.roots]

    def _roots(self) -> dict[str, int]:
        text, number = ("", "TEXT", False), ("", "INTEGER", False)
        master = Shape(SCHEMA, (text, text, text, number, text), True, None, 0, 5)
        found, known = {}, set(self.shapes)
        self.indexes = []
        for cell in self._walk(master, 1, None, None, 0):
            kind, name, _, root, _ = cell.row or ()
            if not isinstance(root, int) or not 1 < root <= self.image.count:
                continue
            if kind == "table" and name in known:
                found[str(name)] = root
            elif kind == "index":
                self.indexes.append(root)
        self.schema = not self.lost and set(found) == known
        return found

    def rows(self, table: str) -> Iterator[Row]:
        """Yield what a table's tree leads to."""
        shape = self.shapes[table]
        root = self.roots.get(table)
        if root is None:
            self.lost.append(Lost(table, 0, None, None))
            return
        for cell in self._walk(shape, root, None, None, 0):
            yield shape.values(cell)

    def _walk(
        self, shape: Shape, number: int, after: Key | None, until: Key | None, depth: int
    ) -> Iterator[Cell]:
        """Yield a page's rows and those below it, whose keys are above `after`, up to `until`."""
        page = None if number in self._seen or depth > MOST_DEEP else self.image.page(number)
        lost = Lost(shape.name, number, after, until)
        if page is None or (page.kind in (LEAF_TABLE, INNER_TABLE)) is not shape.rowid:
            self.lost.append(lost)
            return
        holds = page.kind != INNER_TABLE
        if holds and not all(self._belongs(shape, cell, after, until) for cell in page.cells):
            self.lost.append(lost)  # a page of another place, written here: it is found by itself
            return
        self._seen.add(number)
        self._seen |= page.chains
        if not page.whole:
            self.lost.append(lost)
        if not page.inner:
            yield from page.cells
            return
        low = after
        for cell in page.cells:
            key = shape.key_of(cell)
            if cell.child is not None:
                yield from self._walk(shape, cell.child, low, key, depth + 1)
            if holds:
                yield cell
            low = key
        if page.right is not None:
            yield from self._walk(shape, page.right, low, until, depth + 1)

    def _belongs(self, shape: Shape, cell: Cell, after: Key | None, until: Key | None) -> bool:
        if cell.row is None or not shape.fits(cell.row):
            return False
        key = shape.key_of(cell)
        try:
            return (after is None or key > after) and (until is None or key <= until)
        except TypeError:
            return False

    def strays(self) -> Iterator[tuple[str, list[Row]]]:
        """Yield the rows of pages in use that nothing leads to, a page at a time, with the table.

        To be called when all tables were read. Pages of the indexes are theirs, not stray.
        """
        for root in self.indexes:
            self._mark(root, 0)
        for number in range(2, self.image.count + 1):
            if number in self._seen or number in self._free:
                continue
            page = self.image.page(number)
            if page is None or page.kind == INNER_TABLE or not page.cells:
                continue
            fitting = self._owners(page.kind == LEAF_TABLE, page.cells)
            if len(fitting) == 1:
                shape = fitting[0]
                yield shape.name, [shape.values(cell) for cell in page.cells]
            elif fitting:
                self.stray.append(number)

    def _owners(self, rowid: bool, cells: Sequence[Cell]) -> list[Shape]:
        return [
            shape
            for shape in self.shapes.values()
            if shape.rowid is rowid and all(shape.fits(cell.row or ()) for cell in cells)
        ]

    def _mark(self, number: int, depth: int) -> None:
        """Note the pages of an index; its rows say nothing that the table does not."""
        page = None if number in self._seen or depth > MOST_DEEP else self.image.page(number)
        if page is None:
            return
        self._seen.add(number)
        if page.inner:
            for child in (*(cell.child for cell in page.cells), page.right):
                if child is not None:
                    self._mark(child, depth + 1)


# -- whose log it is ----------------------------------------------------------------------------


def version_of(path: Path) -> int:
    """Give the version that a file's header names; the newest where it is lost or is none."""
    with path.open("rb") as file:
        head = file.read(100)
    found = int.from_bytes(head[VERSION_AT : VERSION_AT + 4], "big")
    plausible = len(head) == 100 and head.startswith(b"SQLite format 3\0") and found > 0
    return found if plausible else len(MIGRATIONS)


def foreign_log(path: Path) -> bool:
    """Say whether the log beside a lab was written for another: SQLite would take it as its own.

    Every commit writes the row that says when its lab was made, so a log that names another moment
    is another's. Where either cannot be read, nothing is said against it.
    """
    log = path.with_name(path.name + "-wal")
    try:
        if not log.is_file() or log.stat().st_size < 32 or path.stat().st_size < 512:
            return False
        image = Image(path)
    except OSError:
        return False
    try:
        ours = _born(image, 2)
        if not ours:
            return False
        for seen, (number, _, content) in enumerate(frames(log, image.size)):
            if number == 2:
                image._newer = {2: content}
                theirs = _born(image, 2)
                return bool(theirs) and theirs != ours
            if seen > FIRST_FRAMES:
                break
        return False
    finally:
        image.close()


def _born(image: Image, number: int) -> str:
    """Give when a lab was made, from the page of its first table; empty where that is not it."""
    page = image.page(number)
    if page is None or page.kind != LEAF_TABLE or len(page.cells) != 1:
        return ""
    row = page.cells[0].row or ()
    return str(row[2]) if len(row) == 3 and isinstance(row[2], str) else ""
