"""Cuts what a program prints into lines, whatever it prints: progress bars, bytes, no newlines."""

from __future__ import annotations

from typing import List

LONGEST = 1 << 20  # bytes of a line; what is behind them is dropped
_CUT = b" [cut by labtui]"


class Lines:
    """The lines of one stream.

    A carriage return starts a line anew, as it does on a terminal, so that of a progress bar only
    the last state is left.

    Attributes:
        cut: How many lines were longer than `LONGEST`.
    """

    def __init__(self) -> None:
        """Start with nothing read."""
        self.cut = 0
        self._rest = b""
        self._skipping = False

    def feed(self, data: bytes) -> List[bytes]:
        """Give the lines that are complete with `data`, without their newlines."""
        lines = (self._rest + data).split(b"\n")
        rest = lines.pop()
        if self._skipping and lines:
            del lines[0]
            self._skipping = False
        if b"\r" in data or b"\r" in self._rest:
            lines = [_last_state(line) for line in lines]
            # A return at the very end may belong to a newline that comes next.
            rest = rest[max(0, rest.rfind(b"\r", 0, len(rest) - 1)) :]
        if lines and len(lines[0]) > LONGEST:  # only the first can be: a read is shorter
            lines[0] = self._shorten(lines[0])
        if self._skipping:
            rest = b""
        elif len(rest) > LONGEST:
            lines.append(self._shorten(rest))
            rest, self._skipping = b"", True
        self._rest = rest
        return lines

    def end(self) -> bytes:
        """Give what stands after the last newline."""
        rest, self._rest = self._rest, b""
        return _last_state(rest)

    def _shorten(self, line: bytes) -> bytes:
        self.cut += 1
        return line[:LONGEST] + _CUT


def _last_state(line: bytes) -> bytes:
    """Give what a terminal would show last of a line with carriage returns."""
    return line.rstrip(b"\r").rpartition(b"\r")[2]
