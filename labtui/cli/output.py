"""stdout is data, stderr is narration: the only two ways out of a command."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Sequence
from typing import Any, TextIO

from labtui.verdicts.text import clean

GAP = "  "
SMALLEST_WIDTH = 20


def write(text: str = "") -> None:
    """Print data; what came from a person or a program passes `clean` before."""
    sys.stdout.write(f"{text}\n")


def write_sentence(text: str, indent: str = "") -> None:
    """Print a sentence, broken between words where the terminal ends."""
    text, width = clean(text), line_width()
    if width is None:
        write(f"{indent}{text}")
        return
    lines = textwrap.wrap(
        text, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )
    write("\n".join(lines))


def say(text: str) -> None:
    """Print narration."""
    print(clean(text, multiline=True), file=sys.stderr)


def print_json(document: Any) -> None:
    """Print one strict JSON document, in ASCII so that nothing in it can reach a terminal."""
    write(json.dumps(document, indent=2, allow_nan=False))


def prepare_streams() -> None:
    """Let streams fail softly: closed ones lead nowhere, and one without UTF-8 shows escapes."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - as long as the process
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def is_terminal(stream: TextIO) -> bool:
    """Say whether a stream is a terminal that understands more than plain lines."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def use_color(asked: bool | None = None) -> bool:
    """Say whether stdout gets colours: as asked, else on a terminal without ``NO_COLOR``."""
    if asked is not None:
        return asked
    return is_terminal(sys.stdout) and not os.environ.get("NO_COLOR")


def use_ascii() -> bool:
    """Say whether stdout cannot show anything but ASCII."""
    return "utf" not in (getattr(sys.stdout, "encoding", None) or "utf-8").lower()


def line_width() -> int | None:
    """Give the width that lines are cut to: that of the terminal; None where there is none."""
    return max(SMALLEST_WIDTH, shutil.get_terminal_size().columns) if sys.stdout.isatty() else None


def chart_width(asked: int | None = None) -> int:
    """Give the width of a figure: as asked, else that of the terminal."""
    return asked or max(SMALLEST_WIDTH, shutil.get_terminal_size().columns)


def display_width(text: str) -> int:
    """Count the cells of a terminal that cleaned text takes."""
    if text.isascii():
        return len(text)
    marks = ("Mn", "Me")
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.category(c) in marks for c in text)


def fit(text: str, width: int | None) -> str:
    """Cut a line that is wider than `width` cells, with an ellipsis at its end."""
    if width is None or display_width(text) <= width:
        return text
    while text and display_width(text) > width - 1:
        text = text[:-1]
    return f"{text}…"


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, right: str = "") -> list[str]:
    """Lay out a plain table: a line for the headers and one a row, cut to the terminal's width.

    Args:
        headers: Names of the columns.
        rows: Cells, cleaned here.
        right: Space-separated names of the columns whose cells are aligned to the right.
    """
    cells = [[clean(cell) for cell in row] for row in (headers, *rows)]
    widths = [max(display_width(row[i]) for row in cells) for i in range(len(headers))]
    aligned = {headers.index(name) for name in right.split()}
    lines = []
    for row in cells:
        padded = [_pad(cell, widths[i], i in aligned) for i, cell in enumerate(row)]
        lines.append(fit(GAP.join(padded).rstrip(), line_width()))
    return lines


def _pad(cell: str, width: int, right: bool) -> str:
    space = " " * (width - display_width(cell))
    return space + cell if right else cell + space


def print_table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, right: str = "") -> None:
    """Print what `table` lays out."""
    for line in table(headers, rows, right=right):
        write(line)


def print_fields(fields: Sequence[tuple[str, str]]) -> None:
    """Print named values, one a line; those that are empty are left out."""
    width = max((len(name) for name, _ in fields), default=0)
    for name, value in fields:
        if value:
            write(fit(f"{name.ljust(width)}{GAP}{clean(value)}", line_width()))
