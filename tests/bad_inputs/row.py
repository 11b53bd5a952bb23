"""One bad input of the catalogue: what is done, and what a person must then see."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from labtui.cli.app import main


@dataclass(frozen=True)
class Seen:
    """What a person saw: the message, the exit code (None: nothing ended), the lab afterwards."""

    message: str
    code: int | None
    lab: str

    def __post_init__(self):
        assert "Traceback (most recent" not in self.message, self.message


@dataclass(frozen=True)
class BadInput:
    """One row: `do` gets an empty folder. `…` in the message stands for what differs each run."""

    number: int
    what: str
    do: Callable[[Path], Seen]
    message: str
    code: int | None
    lab: str

    def check(self, folder: Path) -> Seen:
        """Do it, and compare everything that was seen."""
        seen = self.do(folder)
        pattern = ".+?".join(re.escape(part) for part in self.message.split("…"))
        assert re.fullmatch(pattern, seen.message, re.DOTALL), (
            f"{self.number}: expected\n{self.message}\nand found\n{seen.message}"
        )
        assert (seen.code, seen.lab) == (self.code, self.lab), f"{self.number}: {seen}"
        return seen


def lab_state(file: Path) -> list[str] | None:
    """Everything a lab holds as SQL text (of a damaged one: its bytes); None: there is no lab."""
    if not file.is_file():
        return None
    if not file.stat().st_size:  # SQLite would remove the log of an empty file
        return []
    try:
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            return list(connection.iterdump())
    except (sqlite3.Error, UnicodeDecodeError):
        return [hashlib.sha256(file.read_bytes()).hexdigest()]


def compare_labs(before: list[str] | None, after: list[str] | None) -> str:
    """Say what became of a lab: none, made, gone, unchanged or changed."""
    if before is None or after is None:
        return {(True, True): "none", (True, False): "made", (False, True): "gone"}[
            before is None, after is None
        ]
    return "unchanged" if before == after else "changed"


def call(
    folder: Path,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    out: bool = False,
) -> Seen:
    """Call a command in this process, as typed in `folder` with its lab at `folder/lab.db`.

    The message is what it says on stderr (or stdout, with `out`), with FOLDER for the folder.
    """
    file = folder / "lab.db"
    before = lab_state(file)
    spoken, printed = io.StringIO(), io.StringIO()
    with (
        _standing_in(folder, environment or {}),
        contextlib.redirect_stderr(spoken),
        contextlib.redirect_stdout(printed),
    ):
        code = int(main(list(arguments)))
    message = (printed if out else spoken).getvalue()
    return Seen(as_seen(message, folder), code, compare_labs(before, lab_state(file)))


def call_process(
    folder: Path,
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    out: bool = False,
    timeout: float = 60,
    **options,
) -> Seen:
    """As `call`, in a process of its own."""
    file = folder / "lab.db"
    before = lab_state(file)
    ended = subprocess.run(
        [sys.executable, "-m", "labtui.cli.app", *arguments],
        cwd=folder,
        env={**os.environ, **_surroundings(folder), **(environment or {})},
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=timeout,
        check=False,
        **options,
    )
    message = (ended.stdout if out else ended.stderr).decode("utf-8", "replace")
    return Seen(as_seen(message, folder), ended.returncode, compare_labs(before, lab_state(file)))


def as_seen(message: str, folder: Path) -> str:
    """What a person saw, with FOLDER for the folder."""
    return message.replace(str(folder.resolve()), "FOLDER").replace(str(folder), "FOLDER").strip()


def _surroundings(folder: Path) -> dict[str, str]:
    return {"LABTUI_LAB": str(folder / "lab.db"), "COLUMNS": "1000", "NO_COLOR": "1"}


@contextlib.contextmanager
def _standing_in(folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    kept, here = dict(os.environ), Path.cwd()
    os.environ.update({**_surroundings(folder), **environment})
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(here)
        os.environ.clear()
        os.environ.update(kept)
