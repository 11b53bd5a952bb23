"""Reports from a CSV file that a program writes while it trains."""

from __future__ import annotations

import csv
import os
from typing import Dict, Iterator, List, Optional, Union

from labtui_command.errors import CommandError
from labtui_command.reports import Report, read_epoch, read_step

BLOCK = 1 << 20
_MISSING = {"", "na", "n/a", "null", "none", "-"}


class TableTail:
    """The rows that are added to a CSV file with a header, each once.

    A column ``step`` or ``epoch`` says when; every other column of numbers is a metric. What was in
    the file before the program started is not read again.

    Attributes:
        warnings: What the person should know.
    """

    def __init__(self, path: str) -> None:
        """Watch `path`, which need not be there yet."""
        self.path = path
        self.warnings: List[str] = []
        self._file = -1  # the inode
        self._restart()
        try:
            found = os.stat(path)
            self._file, self._skip = found.st_ino, found.st_size
        except OSError:
            pass

    def read(self, *, ended: bool = False, whole: bool = True) -> Iterator[Report]:
        """Give the rows that were added.

        Args:
            ended: The program has ended: a last line without a newline is a row.
            whole: It ended well, so that such a line is not half of one.

        Raises:
            CommandError: A row that cannot be one.
        """
        try:
            found = os.stat(self.path)
        except OSError:
            return
        if found.st_ino != self._file or found.st_size < self._at:
            self._restart()
            self._file = found.st_ino
        if found.st_size > self._at:
            with open(self.path, "rb") as file:
                file.seek(self._at)
                for block in iter(lambda: file.read(BLOCK), b""):
                    yield from self._take(block)
        if ended and whole and self._rest:
            yield from self._take(b"\n")

    def _restart(self) -> None:
        self._at = self._skip = self._line = 0
        self._rest = b""
        self._header: List[str] = []
        self._delimiter = ","
        self._left_out: Dict[str, bool] = {}

    def _take(self, block: bytes) -> Iterator[Report]:
        begin = self._at - len(self._rest)
        self._at += len(block)
        *lines, self._rest = (self._rest + block).split(b"\n")
        for line in lines:
            self._line += 1
            old, begin = begin < self._skip, begin + len(line) + 1
            fields = self._fields(line)
            if not any(fields):
                continue
            if not self._header:
                self._header = fields
            elif not old:
                yield self._row(fields)

    def _fields(self, line: bytes) -> List[str]:
        text = line.decode("utf-8-sig" if self._line == 1 else "utf-8", "replace").rstrip("\r")
        if not self._header:
            self._delimiter = max(",;\t", key=text.count)
        row = next(csv.reader([text], delimiter=self._delimiter, skipinitialspace=True), [])
        return [field.strip() for field in row]

    def _row(self, fields: List[str]) -> Report:
        if len(fields) != len(self._header):
            found = f"found {len(fields)} fields; expected {len(self._header)}, as the header has"
            raise CommandError(f"{self._place()}: {found}")
        row = dict(zip(self._header, fields))
        report = Report(None, {})
        try:
            if "step" in row:
                report.step = read_step(_at(row.pop("step")))
            elif "epoch" in row:
                report.epoch = read_epoch(_at(row.pop("epoch")))
        except CommandError as error:
            raise CommandError(f"{self._place()}: {error}") from error
        for name, text in row.items():
            if text.lower() not in _MISSING and name not in self._left_out:
                value = _number(text)
                if value is None:
                    self._leave_out(name, text)
                else:
                    report.metrics[name] = value
        return report

    def _leave_out(self, name: str, text: str) -> None:
        self._left_out[name] = True
        self.warnings.append(
            f"{self._place()}: column {name!r} holds {text[:40]!r}; it is left out from here on"
        )

    def _place(self) -> str:
        return f"{os.path.basename(self.path)} line {self._line}"


def _at(text: str) -> Union[float, str]:
    """Give a step or epoch as JSON would have it."""
    value = _number(text)
    if value is None:
        return text
    return int(value) if value.is_integer() else value


def _number(text: str) -> Optional[float]:
    if text.lower() in ("true", "false"):
        return float(text.lower() == "true")
    try:
        return float(text)
    except ValueError:
        return None
