"""Which process keeps a lab from being written, where the system tells (Linux)."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

LOCKS = Path("/proc/locks")
"""A line a lock: ``1: POSIX ADVISORY WRITE <pid> <major>:<minor>:<inode> <first> <last>``."""


def writers(path: Path) -> list[tuple[int, str]]:
    """Name the other processes that hold a lock to write a lab: pid and program, by pid.

    Empty where nobody does, and where that cannot be known. In WAL mode the lock lies on the
    shared memory beside the file. A file system may say another device there than of its files
    (overlayfs): only the inode is compared, as it is one of two that were just waited for.
    """
    inodes = set()
    for file in (path, path.with_name(path.name + "-shm")):
        with contextlib.suppress(OSError):
            inodes.add(str(file.stat().st_ino))
    try:
        lines = [line.split() for line in LOCKS.read_text().splitlines()]
    except OSError:
        return []
    found = {
        int(line[4])
        for line in lines
        if len(line) > 5 and line[3] == "WRITE" and line[5].rpartition(":")[2] in inodes
    }
    return [(pid, _program(pid)) for pid in sorted(found - {os.getpid()}) if pid > 0]


def _program(pid: int) -> str:
    try:
        name = Path(f"/proc/{pid}/comm").read_text(errors="replace").strip()
    except OSError:
        return ""
    return "".join(c if c.isprintable() else "�" for c in name)
