"""A trial's configuration beside others, as a table in text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual.content import Content

from labtui.tui.actions import key_of, with_keys
from labtui.verdicts.beside import DIFFERS, Beside, Row, value_cell
from labtui.verdicts.text import clean, cut

WIDEST = 18
"""Columns of a value; longer ones are cut."""

WIDEST_NAME = 24
"""Columns of a name."""


def parameters_text(found: Beside, *, only_differences: bool, width: int) -> Content:
    """Write the table.

    Args:
        found: The configurations.
        only_differences: Leave out what is the same in all of them.
        width: Columns there are; roles and ranges stand where they fit.
    """
    every = not only_differences or not found.others
    rows = [row for row in found.rows if every or any(row.differs)]
    parts: list[Content | tuple[str, str]] = [
        (f"{clean(remark)}\n", "$faded") for remark in found.remarks
    ]
    if not found.rows:
        return Content.assemble(*parts, ("It has no hyperparameters.\n", "$faded"))
    if not rows:
        words = with_keys("Nothing differs; {trial.differences} shows all of them.")
        parts.append((f"\n{words}\n", "$faded"))
        return Content.assemble(*parts)
    if parts:
        parts.append(Content("\n"))
    parts += _table(found, rows, width)
    left_out = len(found.rows) - len(rows)
    if left_out:
        key = key_of("trial.differences")
        parts.append((f"\n{left_out} that are the same in all are left out: {key}\n", "$faded"))
    return Content.assemble(*parts)


def counter(found: Beside) -> str:
    """Say how many hyperparameters differ."""
    differ = sum(any(row.differs) for row in found.rows)
    return f"{differ} of {len(found.rows)} differ" if found.others else f"{len(found.rows)}"


def _table(found: Beside, rows: Sequence[Row], width: int) -> list[Content | tuple[str, str]]:
    heads = ["", "this trial", *(_head(one.label, one.name, found.trial) for one in found.others)]
    cells = [[cut(clean(row.name), WIDEST_NAME), _value(row.value), *_others(row)] for row in rows]
    widths = [max(len(line[i]) for line in (heads, *cells)) for i in range(len(heads))]
    room = width - sum(widths) - 2 * len(widths)
    parts: list[Content | tuple[str, str]] = [(_line(heads, widths) + "\n", "$faded")]
    for row, line in zip(rows, cells, strict=True):
        parts.append((f"{line[0]:<{widths[0]}}  ", "$faded"))
        parts.append((f"{line[1]:<{widths[1]}}", ""))
        for place, text in enumerate(line[2:]):
            style = "$text-warning bold" if row.differs[place] else ""
            parts.append((f"  {text:<{widths[place + 2]}}", style))
        role = cut(row.role, room) if room >= WIDEST else ""
        parts.append((f"  {role}".rstrip() + "\n", "$faded"))
    return parts


def _head(label: str, name: str, trial: str) -> str:
    """Name another configuration: of a trial of the same study its number is enough."""
    study, _, number = name.rpartition("/")
    of = f"#{number}" if study == trial.rpartition("/")[0] else clean(name)
    return cut(f"  {label} {of}".rstrip(), WIDEST + 2)


def _others(row: Row) -> list[str]:
    return [
        f"{DIFFERS if differs else ' '} {_value(value)}"
        for value, differs in zip(row.others, row.differs, strict=True)
    ]


def _value(value: Any) -> str:
    return cut(value_cell(value), WIDEST)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
