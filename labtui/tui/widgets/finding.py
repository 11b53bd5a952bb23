"""Looking for something in a text: which rows have it, and the line in which it is written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.widgets import Input

from labtui.tui.actions import bindings


class Finder:
    """Which rows have what is looked for, and which of them is the present one.

    Capitals count where what is looked for has some.

    Attributes:
        wanted: What is looked for; empty for nothing.
        rows: The rows with it, ascending.
        row: The present one; None before there is one.
    """

    def __init__(self) -> None:
        """Look for nothing."""
        self.wanted = ""
        self.rows: Sequence[int] = ()
        self.row: int | None = None

    def look_for(self, text: str) -> None:
        """Look for something else; `search` or `rows` has to follow."""
        self.wanted, self.row, self.rows = text, None, ()

    def search(self, lines: Sequence[str]) -> None:
        """Find the rows among lines of which each is whole; quick, for many of them."""
        found = enumerate(lines) if self.wanted else ()
        self.rows = [place for place, line in found if self.has(line)]

    def has(self, line: str) -> bool:
        """Say whether a line has it."""
        wanted = self.wanted
        return bool(wanted) and wanted in (line if wanted != wanted.lower() else line.lower())

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Give where in a text it is, from and to; a line break is as good as a space."""
        if not self.wanted.strip():
            return iter(())
        pattern = re.sub(r"(?:\\?\s)+", r"\\s+", re.escape(self.wanted))
        capitals = self.wanted != self.wanted.lower()
        return (one.span() for one in re.finditer(pattern, text, 0 if capitals else re.IGNORECASE))

    def step(self, step: int, here: int) -> int | None:
        """Make the next or previous row the present one, round and round.

        Args:
            step: 1 or -1.
            here: The row to go on from where none is the present one.

        Returns:
            The row; None where nothing is found.
        """
        if self.rows:
            here = here if self.row is None else self.row
            if step > 0:
                self.row = ([one for one in self.rows if one > here] or self.rows)[0]
            else:
                self.row = ([one for one in self.rows if one < here] or self.rows)[-1]
        return self.row

    @property
    def text(self) -> str:
        """Which match of how many; empty when nothing is looked for."""
        if not self.wanted:
            return ""
        if not self.rows:
            return "not found"
        place = self.rows.index(self.row) + 1 if self.row in self.rows else "–"
        return f"match {place} of {len(self.rows):,}"


class FindLine(Input):
    """The line in which it is written what to look for."""

    place = "find"
    BINDINGS: ClassVar[list[BindingType]] = bindings("find")
