"""How much memory a probe's worker takes, and how much there is: read from the system.

On Linux from /proc, exact to the highest page; elsewhere by sampling what `ps` lists.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")
CGROUP = Path("/sys/fs/cgroup")
UNLIMITED = 2**63
LOOK_SECONDS = 2.0  # between two looks for processes
SAMPLE_SECONDS = 0.1 if PROC.is_dir() else 0.5  # `ps` takes tens of milliseconds


def free_memory() -> int:
    """Give the bytes that new processes can take without swapping.

    On Linux what the kernel says is available, within the limit of a container; elsewhere all
    that the machine has.
    """
    with contextlib.suppress(OSError):
        for line in (PROC / "meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return min(int(line.split()[1]) * 1024, _container())
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _container(folder: Path = CGROUP) -> int:
    """Give what the limit of a container leaves; more than any machine has without one."""
    try:
        limit = (folder / "memory.max").read_text().strip()
        used = int((folder / "memory.current").read_text())
    except (OSError, ValueError):
        return UNLIMITED
    return int(limit) - used if limit.isdecimal() else UNLIMITED


def children(parents: Iterable[int]) -> list[int]:
    """List all processes below `parents`, which are not among them."""
    parents_of = _parents()
    found, level = [], set(parents)
    while level := {pid for pid, parent in parents_of.items() if parent in level}:
        found += sorted(level)
    return found


def _parents() -> dict[int, int]:
    """Give every process's parent."""
    if not PROC.is_dir():
        return {pid: parent for pid, (parent, _) in _listed().items()}
    found = {}
    for name in os.listdir(PROC):
        if name.isdecimal():
            with contextlib.suppress(OSError, IndexError):
                fields = (PROC / name / "stat").read_text().rpartition(")")[2].split()
                found[int(name)] = int(fields[1])
    return found


def _listed() -> dict[int, tuple[int, int]]:
    """Ask ``ps``, where there is no /proc: every process's parent and resident bytes."""
    command = ["ps", "-A", "-o", "pid=,ppid=,rss="]
    lines = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    rows = (line.split() for line in lines.splitlines())
    return {int(row[0]): (int(row[1]), int(row[2]) * 1024) for row in rows if len(row) == 3}


class WorkerMemory:
    """The memory of everything below a guard: the worker and what it started."""

    def __init__(self, guards: Iterable[int]) -> None:
        """Watch what is below the processes `guards`."""
        self._guards = list(guards)
        self._processes: list[int] = []
        self._peak = 0
        self._next_look = 0.0
        self._next_sample = 0.0

    def reset(self) -> None:
        """Begin to look for a new peak."""
        self._peak, self._next_look = 0, 0.0
        for pid in children(self._guards):  # Linux: the kernel's own record of it
            with contextlib.suppress(OSError):
                (PROC / str(pid) / "clear_refs").write_text("5")

    def sample(self) -> int:
        """Give the resident bytes, or 0 when that was asked a moment ago.

        To look for processes costs more than to read what one takes, so it is done less often.
        """
        clock = time.monotonic()
        if clock < self._next_sample:
            return 0
        if clock >= self._next_look:
            self._processes, self._next_look = children(self._guards), clock + LOOK_SECONDS
        self._next_sample = clock + SAMPLE_SECONDS
        found = _resident(self._processes)
        self._peak = max(self._peak, found)
        return found

    def peak(self) -> int | None:
        """Give the most bytes since `reset`; None where they are not known."""
        self._next_sample = self._next_look = 0.0
        self.sample()
        return max(self._peak, sum(map(_high_water, self._processes))) or None


def _resident(processes: Iterable[int]) -> int:
    """Add up what processes hold at present; those that are gone hold nothing."""
    if not PROC.is_dir():
        table = _listed()
        return sum(table[pid][1] for pid in processes if pid in table)
    found = 0
    for pid in processes:
        with contextlib.suppress(OSError, IndexError):
            pages = (PROC / str(pid) / "statm").read_text().split()[1]
            found += int(pages) * os.sysconf("SC_PAGE_SIZE")
    return found


def _high_water(pid: int) -> int:
    """Give the kernel's record of the most that a process held."""
    with contextlib.suppress(OSError):
        for line in (PROC / str(pid) / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0
