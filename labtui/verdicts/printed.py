"""What trials printed: the end of a file of any size, made safe to show."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from functools import cache
from io import BufferedReader
from pathlib import Path

from labtui.study.secrets import redactor
from labtui.verdicts.text import clean

TAIL_BYTES = 256 * 1024
"""Of a longer file only so much of its end is read: some 4,000 lines, more than anybody scrolls
through. `labtui log` prints the whole of it."""

MOST_LINES = 20_000
"""Lines kept of a file that grows while it is watched; the earliest are forgotten first."""

LONGEST_LINE = 2_000
"""Characters shown of one line; arrays and JSON documents are longer."""

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours, cursor movements
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # titles, links
    r"|\x1b[@-Z\\^_]"
)


_hide = cache(redactor)


def last_overwrite(line: str) -> str:
    """Give what is left to see of a line that overwrote itself by carriage returns."""
    return next((part for part in reversed(line.split("\r")) if part), "")


def printed_line(line: str) -> str:
    """Give a line as it is shown: without escape sequences and secrets, not endless."""
    if "\r" in line:
        line = last_overwrite(line)
    if "\x1b" in line:
        line = _ESCAPES.sub("", line)
    if "\t" in line:
        line = line.expandtabs()
    line = _hide()(line)
    if len(line) > LONGEST_LINE:
        return f"{clean(line[:LONGEST_LINE])}… ({len(line):,} characters)"
    return clean(line)


class Tail:
    """The end of what a trial printed, followed while the file grows.

    Attributes:
        lines: What is shown, the newest last; an unfinished line is the last one.
        skipped: Bytes of the file before them that were never read.
        dropped: Lines that were shown once and are forgotten.
        exists: Whether there is a file.
    """

    def __init__(
        self, path: Path, *, most_bytes: int = TAIL_BYTES, most_lines: int = MOST_LINES
    ) -> None:
        """Follow a file, which need not exist yet."""
        self._path = path
        self._most_bytes, self._most_lines = most_bytes, most_lines
        self._forget()

    def _forget(self) -> None:
        self.lines: tuple[str, ...] = ()
        self.skipped = self.dropped = 0
        self.exists = False
        self._whole: list[str] = []
        self._end = 0
        self._rest = b""
        self._inode = 0

    def read(self) -> bool:
        """Read what is new; a file that was replaced or cut is read anew.

        Returns:
            Whether there is anything else to show than before.

        Raises:
            OSError: The file is there and cannot be read.
        """
        try:
            with self._path.open("rb") as file:
                return self._read(file)
        except FileNotFoundError:
            was = self.exists
            self._forget()
            return was

    def _read(self, file: BufferedReader) -> bool:
        found = os.fstat(file.fileno())
        if found.st_ino != self._inode or found.st_size < self._end:
            self._forget()
            self._inode = found.st_ino
        fresh, self.exists = not self.exists, True
        if found.st_size == self._end:
            return fresh
        if found.st_size - self._end > self._most_bytes:
            self._leap(file, found.st_size)
        file.seek(self._end)
        data = file.read(self._most_bytes)
        self._end += len(data)
        self._take(self._rest + data)
        return True

    def _leap(self, file: BufferedReader, size: int) -> None:
        """Go on at the end of a file that has more than is read; at the beginning of a line."""
        self.dropped += len(self.lines)
        self._whole, self._rest = [], b""
        start = size - self._most_bytes - 1  # that byte may end the line before
        file.seek(start)
        piece = file.readline(self._most_bytes // 2)
        self._end = start + (len(piece) if piece.endswith(b"\n") else 0)
        self.skipped = self._end

    def _take(self, data: bytes) -> None:
        *whole, self._rest = data.split(b"\n")
        self._whole += _shown(whole)
        if len(self._whole) > self._most_lines:
            over = len(self._whole) - self._most_lines
            self.dropped += over
            del self._whole[:over]
        if len(self._rest) > self._most_bytes:  # no line is that long: a bar that overwrites itself
            self._rest = self._rest[-self._most_bytes :]
        self.lines = (*self._whole, *_shown([self._rest] if self._rest else []))


def _shown(lines: Iterable[bytes]) -> list[str]:
    return [printed_line(line.decode("utf-8", "replace").removesuffix("\r")) for line in lines]


def why_silent(state: str, source: str) -> str:
    """Say why there is nothing that a trial printed, and what to expect.

    Args:
        state: Its state.
        source: Where it was imported from; empty for a trial of this lab.
    """
    if source:
        return "It was imported: what it printed has stayed where it was trained."
    if state == "queued":
        return "It has not begun; what it prints will appear here."
    if state == "running":
        return "It has printed nothing so far; what it prints will appear here."
    return (
        "It printed nothing. Of trials that trained together in one stack, the first one has what "
        "they printed."
    )
