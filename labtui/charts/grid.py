"""The drawn figure: a grid of characters, each with the role that decides its colour."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from labtui.charts.scale import Scale

# The right half of a wide character: it takes a cell and leaves no character behind.
_FILLER = "\ue000"


class Region(NamedTuple):
    """A rectangle of cells."""

    left: int
    top: int
    width: int
    height: int


class LegendRow(NamedTuple):
    """Where a series has its row in the legend: columns left … right-1 of a line."""

    row: int
    left: int
    right: int
    ident: str | int


class Reading(NamedTuple):
    """The value of a series nearest to the crosshair."""

    ident: str | int
    x: float
    y: float


@dataclass(frozen=True, eq=False)
class Grid:
    """A figure drawn at one size.

    Attributes:
        codes: Unicode code points, shape (height, width).
        roles: Places in `names`, shape (height, width).
        names: Role keys: `axis`, `label`, `series:0`, `raw:0`, `infeasible`, `bound` …
        plot: The cells inside the axes; None when nothing was drawn there.
        x: The horizontal scale of `plot`.
        y: The vertical scale of `plot`.
        legend: The legend's rows.
        readings: Values under the crosshair.
    """

    codes: npt.NDArray[np.uint32]
    roles: npt.NDArray[np.int16]
    names: tuple[str, ...]
    plot: Region | None = None
    x: Scale | None = None
    y: Scale | None = None
    legend: tuple[LegendRow, ...] = ()
    readings: tuple[Reading, ...] = ()

    @property
    def width(self) -> int:
        """Cells across."""
        return int(self.codes.shape[1])

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.codes.shape[0])

    @property
    def lines(self) -> list[str]:
        """The rows as text, every one `width` cells wide."""
        return [_decode(row) for row in self.codes]

    def runs(self, row: int) -> list[tuple[str, str]]:
        """Split a row into pieces (text, role) of one role each."""
        roles = self.roles[row]
        cuts = [0, *(np.flatnonzero(roles[1:] != roles[:-1]) + 1).tolist(), self.width]
        text = _encode(self.codes[row])
        return [
            (text[start:stop].replace(_FILLER, ""), self.names[int(roles[start])])
            for start, stop in pairwise(cuts)
            if stop > start
        ]

    def role_at(self, row: int, column: int) -> str:
        """The role of one cell."""
        return self.names[int(self.roles[row, column])]


def _encode(row: npt.NDArray[np.uint32]) -> str:
    return str(row.astype("<u4", copy=False).tobytes(), "utf-32-le")


def _decode(row: npt.NDArray[np.uint32]) -> str:
    return _encode(row).replace(_FILLER, "")


def in_cells(text: str) -> str:
    """Spell text so that every character stands for one cell.

    Control and combining characters go, a wide character is followed by a filler.
    """
    if text.isascii() and text.isprintable():
        return text
    spelled = []
    for char in text:
        category = unicodedata.category(char)
        if category in ("Mn", "Me", "Cf", "Co", "Cs"):
            continue
        if category[0] in "CZ":
            spelled.append(" ")
        elif unicodedata.east_asian_width(char) in "WF":
            spelled.append(char + _FILLER)
        else:
            spelled.append(char)
    return "".join(spelled)


def without_fillers(text: str) -> str:
    """Undo what `in_cells` did to wide characters."""
    return text.replace(_FILLER, "")


def cut(text: str, width: int) -> str:
    """Shorten text already in cells to `width`, with an ellipsis where something went."""
    if len(text) <= width:
        return text
    if width <= 0:
        return ""
    kept = text[: width - 1]
    if text[width - 1] == _FILLER:
        kept = kept[:-1] + " "
    return kept + "…"


class Canvas:
    """Cells being drawn."""

    def __init__(self, width: int, height: int) -> None:
        """Start with blank cells; sizes below zero count as zero."""
        shape = max(height, 0), max(width, 0)
        self.codes = np.full(shape, ord(" "), dtype=np.uint32)
        self.roles = np.zeros(shape, dtype=np.int16)
        self._names: dict[str, int] = {"": 0}
        self._wide = False

    def copy(self) -> Canvas:
        """Give the same cells to be drawn over."""
        other = Canvas(0, 0)
        other.codes, other.roles = self.codes.copy(), self.roles.copy()
        other._names, other._wide = dict(self._names), self._wide
        return other

    @property
    def width(self) -> int:
        """Cells across."""
        return int(self.codes.shape[1])

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.codes.shape[0])

    @property
    def names(self) -> tuple[str, ...]:
        """Role keys in the order of their numbers."""
        return tuple(self._names)

    def role(self, name: str) -> int:
        """The number of a role key."""
        return self._names.setdefault(name, len(self._names))

    def text(self, row: int, column: int, text: str, role: str) -> None:
        """Write text already in cells; what leaves the canvas is cut off."""
        if not 0 <= row < self.height:
            return
        text = text[max(0, -column) :]
        column = max(column, 0)
        text = text[: max(0, self.width - column)]
        if not text:
            return
        end = column + len(text)
        codes = self.codes[row]
        codes[column:end] = np.frombuffer(text.encode("utf-32-le", "replace"), dtype="<u4")
        self.roles[row, column:end] = self.role(role)
        self._wide = self._wide or _FILLER in text
        if self._wide:
            self._mend(row, column)
            self._mend(row, end)

    def _mend(self, row: int, column: int) -> None:
        """Blank the halves of a wide character that was cut in two at a column."""
        codes, filler = self.codes[row], ord(_FILLER)
        if column < self.width and codes[column] == filler:
            wide = column > 0 and unicodedata.east_asian_width(chr(codes[column - 1])) in "WF"
            if not wide:
                codes[column] = ord(" ")
        if column == self.width or (column > 0 and codes[column] != filler):
            last = column - 1
            if unicodedata.east_asian_width(chr(codes[last])) in "WF":
                codes[last] = ord(" ")

    def cells(
        self, region: Region, codes: npt.NDArray[np.uint32], role: str, *, over: bool = True
    ) -> None:
        """Draw code points, shape (height, width) of the region; 0 leaves a cell as it is.

        Args:
            region: Where, inside the canvas.
            codes: What.
            role: The role of the drawn cells.
            over: False draws only where the canvas is blank.
        """
        rows = slice(region.top, region.top + region.height)
        columns = slice(region.left, region.left + region.width)
        drawn = codes != 0
        if not over:
            drawn &= self.codes[rows, columns] == ord(" ")
        np.copyto(self.codes[rows, columns], codes, where=drawn)
        np.copyto(self.roles[rows, columns], np.int16(self.role(role)), where=drawn)

    def glyphs(
        self,
        region: Region,
        rows: npt.NDArray[np.int64],
        columns: npt.NDArray[np.int64],
        glyph: str,
        role: str,
    ) -> None:
        """Draw one character in some cells of a region."""
        at = rows + region.top, columns + region.left
        self.codes[at] = ord(glyph)
        self.roles[at] = self.role(role)

    def ink(self, region: Region) -> int:
        """How much of a region is drawn on: a cell of a faint curve counts 1, any other 3."""
        rows = slice(region.top, region.top + region.height)
        columns = slice(region.left, region.left + region.width)
        weight = np.array([1 if name.startswith("raw:") else 3 for name in self._names])
        drawn = self.codes[rows, columns] != ord(" ")
        return int(weight[self.roles[rows, columns]][drawn].sum())
