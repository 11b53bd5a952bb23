"""The pages of a database file as they lie on the disk, whatever became of the others.

SQLite gives up at the first page it cannot use; here every page is judged for itself, so that one
that is damaged costs its own rows only. The format: https://sqlite.org/fileformat2.html
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

Value = int | float | str | bytes | None
Row = tuple[Value, ...]

MAGIC = b"SQLite format 3\0"
USUAL_SIZE = 4096
"""Bytes of a page of every lab that labtui made; taken where the header is lost."""
LEAF_TABLE, LEAF_INDEX, INNER_TABLE, INNER_INDEX = 0x0D, 0x0A, 0x05, 0x02
MOST_LOST = 1000
"""How many times the pages it has may a file say that it had; beyond, its header is damaged."""
HEADER_SIZE = {LEAF_TABLE: 8, LEAF_INDEX: 8, INNER_TABLE: 12, INNER_INDEX: 12}
INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
"""Serial types of integers, and how many bytes each takes."""
EMPTY = 10
"""Stands for NULL among the serial types: one that SQLite does not use in files."""
DOUBLE = struct.Struct(">d")
LOG_HEADER, FRAME_HEADER = 32, 24
LOG_MAGIC = {0x377F0682: "<", 0x377F0683: ">"}
"""What a write-ahead log begins with: the order of bytes of its checksums."""


class Unreadable(Exception):
    """Bytes that are not what the format allows."""


class Cell(NamedTuple):
    """One entry of a page: `rowid` of a table's row, `child` of an inner page's, and the record."""

    rowid: int | None
    child: int | None
    row: Row | None


@dataclass
class Page:
    """One b-tree page: its kind, its entries in order, and whether all of it could be read.

    Attributes:
        right: The last child of an inner page.
        chains: Pages that its long rows continue on.
    """

    kind: int
    cells: list[Cell]
    whole: bool
    right: int | None = None
    chains: set[int] = field(default_factory=set)

    @property
    def inner(self) -> bool:
        """Whether it leads to other pages."""
        return self.kind in (INNER_TABLE, INNER_INDEX)


class Image:
    """A database file with what its log committed, page by page; opened to read and nothing else.

    Attributes:
        size: Bytes a page.
        count: Pages there are.
        header: Whether the file's first bytes are those of a database.
    """

    def __init__(self, path: Path, log: Path | None = None) -> None:
        """Open a file, and `log` over it; OSError where it cannot be read."""
        self._handle = os.open(path, os.O_RDONLY)
        head = _read(self._handle, 100, 0)
        self.header = head[:16] == MAGIC
        size = int.from_bytes(head[16:18], "big")
        size = 65536 if size == 1 else size
        plausible = self.header and size >= 512 and not size & (size - 1)
        self.size = size if plausible else USUAL_SIZE
        reserved = head[20] if plausible and len(head) > 20 else 0
        self._usable = self.size - (reserved if reserved < 64 else 0)
        self.count = -(-os.fstat(self._handle).st_size // self.size)
        self._newer: dict[int, bytes] = {}
        if log is not None and log.is_file():
            self._newer, count = read_log(log, self.size)
            self.count = max(self.count, count)
        claimed = int.from_bytes(head[28:32], "big") if self.header else 0
        # Of a file that was cut short, pages that are there lead to some that are not.
        self.most = max(self.count, min(claimed, MOST_LOST * self.count))

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)

    def bytes_of(self, number: int) -> bytes:
        """Give a page's bytes, empty where it cannot be read; pages count from 1."""
        newer = self._newer.get(number)
        if newer is not None:
            return newer
        found = _read(self._handle, self.size, (number - 1) * self.size)
        return found.ljust(self.size, b"\0") if number == 1 else found

    def free_pages(self) -> set[int]:
        """Give the pages that the file says are not in use; their rows were deleted."""
        found: set[int] = set()
        trunk = int.from_bytes(self.bytes_of(1)[32:36], "big")
        while 0 < trunk <= self.count and trunk not in found:
            found.add(trunk)
            page = self.bytes_of(trunk)
            if len(page) < self.size:
                break
            trunk, n = struct.unpack_from(">II", page)
            leaves = struct.unpack_from(f">{min(n, self.size // 4 - 2)}I", page, 8)
            if n > self.size // 4 - 2 or not all(0 < leaf <= self.count for leaf in leaves):
                break
            found.update(leaves)
        return found

    def page(self, number: int) -> Page | None:
        """Read a b-tree page; None for one that is none, or is damaged beyond use."""
        data = self.bytes_of(number)
        start = 100 if number == 1 else 0
        if len(data) < self.size or data[start] not in HEADER_SIZE:
            return None
        kind = data[start]
        count, content = struct.unpack_from(">HH", data, start + 3)
        content = content or 65536
        first = start + HEADER_SIZE[kind]
        if data[start + 7] > 60 or first + 2 * count > content or content > self._usable:
            return None
        page = Page(kind, [], whole=True)
        if page.inner:
            page.right = int.from_bytes(data[start + 8 : start + 12], "big")
            if not 0 < page.right <= self.most or not count:
                return None
        pointers = struct.unpack_from(f">{count}H", data, first)
        self._read_cells(page, data, pointers, content)
        return page

    def _read_cells(self, page: Page, data: bytes, pointers: tuple[int, ...], start: int) -> None:
        """Read all entries; one that is not as it must be spoils those that lie next to it."""
        read: dict[int, tuple[int, Cell]] = {}
        bad: set[int] = set()
        for place in pointers:
            try:
                if not start <= place < self._usable or place in read:
                    raise Unreadable
                read[place] = self._cell(page, data, place)
            except (Unreadable, IndexError, struct.error, UnicodeDecodeError):
                bad.add(place)
        places = sorted({*read, *bad})
        for before, after in pairwise(places):
            overlap = before in read and read[before][0] > after
            if overlap or before in bad or after in bad:
                bad.update({before, after} if overlap else ())
                # Damage has no respect for borders: where it begins, an entry may be half of it.
                read.pop(after if before in bad else before, None)
        for place in bad:
            read.pop(place, None)
        page.whole = not bad
        page.cells = [read[place][1] for place in pointers if place in read]
        if not _ascends(page.cells):
            page.whole, page.cells = False, []

    def _cell(self, page: Page, data: bytes, place: int) -> tuple[int, Cell]:
        """Read one entry; gives where it ends, too."""
        child = rowid = None
        if page.inner:
            child = int.from_bytes(data[place : place + 4], "big")
            if not 0 < child <= self.most:
                raise Unreadable
            place += 4
        if page.kind == INNER_TABLE:
            rowid, place = varint(data, place)
            return place, Cell(signed(rowid), child, None)
        length, place = varint(data, place)
        if page.kind == LEAF_TABLE:
            rowid, place = varint(data, place)
            rowid = signed(rowid)
        local = self._local(length, page.kind)
        payload, end = data[place : place + local], place + local
        if end > self._usable:
            raise Unreadable
        if local < length:
            payload += self._chain(page, int.from_bytes(data[end : end + 4], "big"), length - local)
            end += 4
        return max(end, place), Cell(rowid, child, record(payload))

    def _local(self, length: int, kind: int) -> int:
        """Say how many bytes of a row lie on its own page."""
        usable = self._usable
        most = usable - 35 if kind == LEAF_TABLE else (usable - 12) * 64 // 255 - 23
        if length <= most:
            return length
        least = (usable - 12) * 32 // 255 - 23
        fit = least + (length - least) % (usable - 4)
        return fit if fit <= most else least

    def _chain(self, page: Page, number: int, length: int) -> bytes:
        """Read the rest of a long row."""
        parts: list[bytes] = []
        if length > self.count * self.size:
            raise Unreadable
        while length > 0:
            data = self.bytes_of(number) if 0 < number <= self.count else b""
            if len(data) < self.size or number in page.chains:
                raise Unreadable
            page.chains.add(number)
            parts.append(data[4 : min(self._usable, 4 + length)])
            length -= len(parts[-1])
            number = int.from_bytes(data[:4], "big")
        return b"".join(parts)


def _read(handle: int, length: int, place: int) -> bytes:
    try:
        return os.pread(handle, length, place)
    except OSError:  # a sector that the disk cannot read any more
        return b""


def _ascends(cells: list[Cell]) -> bool:
    """Say whether entries are in their order."""
    if cells and cells[0].rowid is not None:
        return all(a.rowid < b.rowid for a, b in pairwise(cells))  # type: ignore[operator]
    try:
        return all(a.row < b.row for a, b in pairwise(cells))  # type: ignore[operator]
    except TypeError:  # NULL, or numbers beside text
        return all(_key(a) <= _key(b) for a, b in pairwise(cells))


def _key(cell: Cell) -> tuple[tuple[int, Value], ...]:
    """Give what entries of a page are ordered by: SQLite orders NULL, numbers, text, blobs."""
    return tuple((_rank(value), 0 if value is None else value) for value in cell.row or ())


def _rank(value: Value) -> int:
    if value is None:
        return 0
    return 1 if isinstance(value, int | float) else 2 if isinstance(value, str) else 3


def varint(data: bytes, place: int) -> tuple[int, int]:
    """Read an integer of one to nine bytes; gives the place after it."""
    value = data[place]
    if value < 0x80:
        return value, place + 1
    value = 0
    for _ in range(8):
        byte = data[place]
        place += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place
    return value << 8 | data[place], place + 1


def signed(value: int) -> int:
    """Read 64 bits as a number with a sign."""
    return value - (1 << 64) if value >> 63 else value


def record(payload: bytes) -> Row:
    """Read a row.

    Raises:
        Unreadable, IndexError, UnicodeDecodeError: It is none, to the last byte.
    """
    head, place = varint(payload, 0)
    if not place <= head <= len(payload):
        raise Unreadable
    kinds, length = _layout(payload[place:head])
    if length != len(payload) - head:
        raise Unreadable
    values: list[Value] = []
    for kind, start, end in kinds:
        if kind < 7:
            values.append(int.from_bytes(payload[head + start : head + end], "big", signed=True))
        elif kind == 7:
            values.append(DOUBLE.unpack_from(payload, head + start)[0])
        elif kind == EMPTY:
            values.append(None)
        elif kind in (8, 9):
            values.append(kind - 8)
        else:
            content = payload[head + start : head + end]
            values.append(content.decode("utf-8") if kind % 2 else content)
    return tuple(values)


@lru_cache(maxsize=4096)
def _layout(header: bytes) -> tuple[tuple[tuple[int, int, int], ...], int]:
    """Read a row's header: serial type, start and end of each value, and the length of all."""
    found = []
    place = at = 0
    while place < len(header):
        kind, place = varint(header, place)
        if kind in (10, 11):
            raise Unreadable
        length = 8 if kind == 7 else (kind - 12) // 2 if kind >= 12 else INTEGERS.get(kind, 0)
        found.append((kind or EMPTY, at, at + length))
        at += length
    return tuple(found), at


# -- the write-ahead log ------------------------------------------------------------------------


def read_log(log: Path, size: int) -> tuple[dict[int, bytes], int]:
    """Read what a log committed: pages by number, and how many pages the file then has.

    It ends where a checksum does not hold, as for SQLite.
    """
    pages: dict[int, bytes] = {}
    pending: dict[int, bytes] = {}
    count = 0
    for number, total, content in frames(log, size):
        pending[number] = content
        if total:
            pages.update(pending)
            pending.clear()
            count = total
    return pages, count


def frames(log: Path, size: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield a log's whole frames: number of the page, pages of the file at a commit (else 0)."""
    with log.open("rb") as file:
        head = file.read(LOG_HEADER)
        if len(head) < LOG_HEADER:
            return
        magic, _, found, _, _, _, _, _ = struct.unpack(">8I", head)
        order = LOG_MAGIC.get(magic)
        if order is None or (1 << 16 if found == 1 else found) != size:
            return
        sums = checksum(head[:24], (0, 0), order)
        if sums != struct.unpack(">2I", head[24:]):
            return
        while len(frame := file.read(FRAME_HEADER + size)) == FRAME_HEADER + size:
            number, total = struct.unpack_from(">2I", frame)
            sums = checksum(frame[:8], sums, order)
            sums = checksum(frame[FRAME_HEADER:], sums, order)
            if frame[8:16] != head[16:24] or sums != struct.unpack_from(">2I", frame, 16):
                return
            yield number, total, frame[FRAME_HEADER:]


def checksum(data: bytes, sums: tuple[int, int], order: str) -> tuple[int, int]:
    """Go on with a log's checksum over `data`, of a multiple of eight bytes."""
    first, second = sums
    for one, other in struct.iter_unpack(f"{order}II", data):
        first = first + one + second & 0xFFFFFFFF
        second = second + other + first & 0xFFFFFFFF
    return first, second
