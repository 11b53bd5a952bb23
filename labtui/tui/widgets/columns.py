"""The columns of a table: what they show of a record, and what they are sorted by."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from rich.cells import cell_len, set_cell_size

from labtui.verdicts.text import MISSING

T = TypeVar("T")
ROLES = ("completed", "running", "infeasible", "failed", "stopped", "interrupted", "queued", "dim")
"""What a cell can be about, which decides its colour."""


@dataclass(frozen=True)
class Column(Generic[T]):
    """One column.

    Attributes:
        cell: What it shows of a record: the text, and one of `ROLES` or nothing.
        order: What it is sorted by, None for what comes last; without it there is no sorting.
        width: In cells.
        right: Numbers stand on the right.
        grows: Takes what is left of the width.
        value: What an export says of a record; what the cell shows by default.
        ends: The end tells records apart: what is too long loses its middle.
    """

    key: str
    label: str
    width: int
    cell: Callable[[T], tuple[str, str]]
    order: Callable[[T], Any] | None = None
    right: bool = False
    grows: bool = False
    value: Callable[[T], object] | None = None
    ends: bool = False

    def shown(self, text: str, width: int) -> str:
        """Bring what a cell shows to a width."""
        return fit(text, width, self.right, self.ends)

    def exported(self, record: T) -> object:
        """Give what an export says of a record: a number, a text, or None for nothing."""
        found = self.cell(record)[0].strip() if self.value is None else self.value(record)
        return None if found == MISSING or _is_no_number(found) else found


def _is_no_number(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def fit(text: str, width: int, right: bool = False, ends: bool = False) -> str:
    """Bring text to a width in cells, with an ellipsis where something went: before its `ends`."""
    length = cell_len(text)
    if length > width:
        if width <= 0:
            return ""
        end = _end(text, (width - 1) * 2 // 3) if ends else ""
        return set_cell_size(text, width - 1 - cell_len(end)) + "…" + end
    pad = " " * (width - length)
    return pad + text if right else text + pad


def _end(text: str, width: int) -> str:
    """Give as much of the end of a text as a width takes."""
    while cell_len(text) > width:
        text = text[1:]
    return text
