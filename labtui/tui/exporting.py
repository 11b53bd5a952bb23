"""Writing what is on the screen into files, never over another one."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path

Exports = dict[str, Callable[[], str]]
"""What a widget can give: by a name with its extension, what makes the text."""

MOST = 999
"""Files of one name beside each other, after which something else is wrong."""


def write_new(file: Path, text: str) -> None:
    """Write a file that was not there; nothing is left of one that cannot be written.

    Raises:
        FileExistsError: It is there already, and stays as it was.
        OSError: It cannot be written.
    """
    stream = file.open("x", encoding="utf-8", newline="")
    try:
        with stream:
            stream.write(text)
    except OSError:
        with contextlib.suppress(OSError):
            file.unlink()
        raise


def write_beside(folder: Path, name: str, text: str) -> Path:
    """Write a file under a name that is free: ``trials.csv``, else ``trials-2.csv`` and so on.

    Raises:
        OSError: It cannot be written.
    """
    wanted = folder / name
    for number in range(2, MOST + 2):
        try:
            write_new(wanted, text)
        except FileExistsError:
            wanted = folder / f"{Path(name).stem}-{number}{Path(name).suffix}"
        else:
            return wanted
    raise FileExistsError(17, f"{MOST} files of this name are there already", str(folder / name))


def as_csv(names: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Write a table as CSV (RFC 4180)."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(names)
    writer.writerows(rows)
    return stream.getvalue()


def as_json(names: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Write a table as a JSON array of objects."""
    return json.dumps([dict(zip(names, row, strict=True)) for row in rows], indent=2) + "\n"
