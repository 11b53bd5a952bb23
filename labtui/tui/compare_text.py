"""What the comparison says on screen: its table, and a row of it in full."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from labtui.store.records import INTERRUPTED, STATES
from labtui.tui.states import state_text
from labtui.tui.widgets.columns import Column
from labtui.tui.widgets.textpane import Line
from labtui.verdicts.comparison_words import CAUTION, NOTE, SUPPORTED, told
from labtui.verdicts.summary import GLYPHS
from labtui.verdicts.text import MISSING, clean

if TYPE_CHECKING:
    from labtui.verdicts.comparison import Comparison, Row

NAME_WIDTH, CELL_WIDTH = (12, 30), (14, 40)
"""Fewest and most columns of the names of rows, and of a cell; a sentence is cut, and stands in
full below the table."""

WHOLE = 3
"""So many sides share the width of the screen; of more, a person scrolls to the others."""

_STYLES = {
    SUPPORTED[True]: "$text-success bold",
    SUPPORTED[False]: "bold",
    SUPPORTED[None]: "bold",
    CAUTION: "$text-warning",
    NOTE: "$faded",
}
_HEAVY = {f"{GLYPHS['alert']} alert": "infeasible", f"{GLYPHS['warning']} warning": "stopped"}


@dataclass(frozen=True)
class Entry:
    """A line of the table: a row, or the heading of a section.

    Attributes:
        section: The name of the section.
        row: The row; None for the heading.
        note: What the heading says beside the name.
    """

    section: str
    row: Row | None
    note: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What tells it apart."""
        return self.section, "" if self.row is None else self.row.name


def entries(found: Comparison, *, differences: bool) -> list[Entry]:
    """Give the lines of the table.

    Args:
        found: The comparison.
        differences: Only the rows that differ.
    """
    lines = []
    for section in found.sections:
        rows = [row for row in section.rows if row.differs or not differences]
        alike = sum(not row.differs for row in section.rows)
        note = f"{len(section.rows) - alike} of {len(section.rows)} differ"
        if alike == len(section.rows):
            note = f"all {alike} alike" if alike > 1 else "alike"
        lines.append(Entry(section.name, None, note))
        lines += [Entry(section.name, row) for row in rows]
    return lines


def columns(found: Comparison, room: int) -> list[Column[Entry]]:
    """Give the columns: what a row is about, and a cell each.

    Args:
        found: The comparison.
        room: Columns of the screen.
    """
    rows = [row for section in found.sections for row in section.rows]
    widths = [len(row.name) + 2 for row in rows]
    name = Column[Entry]("name", "", _within(widths, NAME_WIDTH), _name)
    short = [row for row in rows if not row.long]
    made = [name]
    share = (room - 4 - name.width) // min(len(found.sides), WHOLE) - 3
    most = max(CELL_WIDTH[0], min(CELL_WIDTH[1], share))
    for place, label in enumerate(found.labels):
        widths = [len(label), *(len(row.cells[place]) + 2 * (row.name == "state") for row in short)]
        cell = partial(_cell, place)
        made.append(Column(f"side-{place}", label, _within(widths, (CELL_WIDTH[0], most)), cell))
    return made


def _within(widths: Sequence[int], limits: tuple[int, int]) -> int:
    return min(max([limits[0], *widths]), limits[1])


def _name(entry: Entry) -> tuple[str, str]:
    if entry.row is None:
        return entry.section, "sorted"
    name = clean(entry.row.name)
    return (f"≠ {name}", "") if entry.row.differs else (f"  {name}", "dim")


def _cell(place: int, entry: Entry) -> tuple[str, str]:
    if entry.row is None:
        return (entry.note, "dim") if place == 0 else ("", "")
    text = clean(entry.row.cells[place])
    if entry.row.name == "state" and text in (*STATES, INTERRUPTED):
        return state_text(text), text
    if text == MISSING or not entry.row.differs:
        return text, _HEAVY.get(text, "dim")
    return text, _HEAVY.get(text, "")


def told_lines(found: Comparison) -> Iterator[Line]:
    """Write what may be concluded, and why the comparison is not fair."""
    for one in told(found):
        yield Line(f"{one.glyph} {clean(one.text)}", _STYLES[one.glyph], hang="  ")


def whole_lines(found: Comparison, entry: Entry | None) -> list[Line]:
    """Write a row in full, a side a line."""
    if entry is None or entry.row is None:
        return [Line("the cells of the row under the cursor stand here in full", "$faded")]
    width = max(len(label) for label in found.labels)
    lines = [Line(clean(entry.row.name), "$text-primary bold")]
    for label, cell in zip(found.labels, entry.row.cells, strict=True):
        told = f"{label.ljust(width)}  {clean(cell)}"
        lines.append(Line(told, hang=" " * min(width + 2, 24), indent=2))
    return lines
