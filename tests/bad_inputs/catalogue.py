"""The rows of all modules, and the page of the docs that shows them."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable
from pathlib import Path

from tests.bad_inputs.row import BadInput

PAGE = Path(__file__).parents[2] / "docs" / "bad-inputs.md"
GROUPS = {
    "study_files": "Study files",
    "hyperparameters": "Hyperparameters",
    "labs": "Labs",
    "trainer_output": "What trainers print and do",
    "environment": "Commands and surroundings",
    "exchange": "Imports and exports",
}
"""Module → heading of its rows."""
NUMBERS = range(1, 93)
"""The numbers of the catalogue, each of which has a row at least."""

HEAD = """\
# Bad inputs

What labtui says to each input of a catalogue of 92 bad ones. `make bad-inputs` does every one of
them and writes this page; `make test` does them too, and compares each message as a whole.

The exit code is that of [the commands](lab-file.md#exit-codes); a dash is where nothing ended and
work went on. The lab is as it was before (*unchanged*), *changed*, *made* by the command, *gone*,
or there was *none* and is none. `FOLDER` is the folder it was typed in; `…` stands for what differs
from time to time. What is allowed stands here with what is said about it.
"""


def modules() -> Iterable[str]:
    """Name the modules that are there."""
    for name in GROUPS:
        if importlib.util.find_spec(f"tests.bad_inputs.{name}") is not None:
            yield name


def rows_of(module: str, *, slow: bool = True) -> list[BadInput]:
    """Give the rows of a module; those in its `SLOW` are done by `make bad-inputs` alone."""
    found = importlib.import_module(f"tests.bad_inputs.{module}")
    rows = [*found.ROWS, *(getattr(found, "SLOW", []) if slow else [])]
    return sorted(rows, key=lambda row: row.number)


def all_rows(*, slow: bool = True) -> list[BadInput]:
    """Give the rows of all modules, in the order of their numbers."""
    rows = [row for name in modules() for row in rows_of(name, slow=slow)]
    return sorted(rows, key=lambda row: row.number)


def missing_numbers() -> list[int]:
    """List the numbers of the catalogue that have no row."""
    found = {row.number for row in all_rows()}
    return [number for number in NUMBERS if number not in found]


def page() -> str:
    """Write the page of the docs from what the rows expect."""
    parts = [HEAD]
    for name in modules():
        parts += [f"## {GROUPS[name]}\n", "| # | Input | What is said | Exit | Lab |"]
        parts.append("| --- | --- | --- | --- | --- |")
        parts += [_line(row) for row in rows_of(name)]
        parts.append("")
    return "\n".join(parts)


def _line(row: BadInput) -> str:
    code = "–" if row.code is None else str(row.code)
    return f"| {row.number} | {_text(row.what)} | {_said(row.message)} | {code} | {row.lab} |"


def _said(message: str) -> str:
    return "<br>".join(_code(line) for line in message.splitlines() if line.strip()) or "nothing"


def _code(text: str) -> str:
    """Quote a line as code in a cell, whatever it holds."""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    gap = " " if len(fence) > 1 else ""
    escaped = text.strip().replace("|", "\\|")
    return f"{fence}{gap}{escaped}{gap}{fence}"


def _text(what: str) -> str:
    """Write an input as a cell; what stands between backticks stays code."""
    parts = what.replace("|", "\\|").split("`")
    plain = [re.sub(r"([\\*_<\[\]$])", r"\\\1", part) if i % 2 == 0 else part
             for i, part in enumerate(parts)]  # fmt: skip
    return "`".join(plain).replace("\\\\|", "\\|")
