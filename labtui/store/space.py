"""How much room a lab's disk has, and how much a study is likely to need."""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

CHECKPOINTS_AHEAD = 10
"""Free space for fewer of the largest checkpoint than this is worth a word: two slots that keep
their two best and their newest write six, and one is written beside the old before it goes."""
LEAST_FREE = 100 << 20
"""Bytes that a study of logs and points alone is likely to need (100 MB hold 4 million points)."""


@dataclass(frozen=True)
class Room:
    """What is free beside a lab, and its largest checkpoint: bytes; 0 without one."""

    free: int
    largest: int

    @property
    def needed(self) -> int:
        """Bytes that a study may well need."""
        return max(LEAST_FREE, CHECKPOINTS_AHEAD * self.largest)

    @property
    def suffices(self) -> bool:
        """Whether they are free."""
        return self.free >= self.needed

    @property
    def holds_none(self) -> bool:
        """Whether not even one checkpoint is sure to fit beside an old one."""
        return self.free <= 2 * self.largest

    def __str__(self) -> str:
        """Say both."""
        beside = f"; the largest checkpoint takes {size(self.largest)}" if self.largest else ""
        return f"{size(self.free)}{beside}"


def room(folder: Path, lab: sqlite3.Connection | None) -> Room:
    """Look at the disk of a lab's folder, and at the checkpoints of an open lab.

    Raises:
        OSError: The system does not say.
        sqlite3.Error: The lab cannot be read.
    """
    free = shutil.disk_usage(folder).free
    if lab is None:
        return Room(free, 0)
    found = lab.execute("SELECT max(size) FROM checkpoints WHERE typeof(size) = 'integer'")
    return Room(free, found.fetchone()[0] or 0)


def shortage(folder: Path, lab: sqlite3.Connection) -> str:
    """Say what a study that begins may come to lack; empty when it has room, or none can tell."""
    try:
        found = room(folder, lab)
    except (OSError, sqlite3.Error):
        return ""
    if found.suffices:
        return ""
    return (
        f"free on the lab's disk: {found}; expected {size(found.needed)}: make room, or it waits "
        "when the disk is full"
    )


def size(number: float) -> str:
    """Write a number of bytes as people read it."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            return f"{number:.3g} {unit}" if number < 1000 else f"{number:.0f} {unit}"
        number /= 1000
    raise AssertionError  # pragma: no cover
