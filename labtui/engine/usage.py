"""What the machine gives its workers: cores, memory and GPUs in use.

Linux says all of it in one file a process, `ps` the same of macOS; no library is needed for it.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

PS_SECONDS = 5.0
"""The longest to wait for `ps`, which takes some hundredths."""


@dataclass(frozen=True)
class Use:
    """What a process and those below it use.

    Attributes:
        seconds: Of cores so far; what a process has waited for that ended counts in full.
        memory: Bytes resident; pages that several share count for each.
    """

    seconds: float
    memory: int


def uses(pids: Iterable[int]) -> dict[int, Use]:
    """Give what processes use, each with all below it; those that are gone are left out."""
    table = {pid: (parent, use) for pid, parent, use in _processes()}
    below: dict[int, list[int]] = {}
    for pid, (parent, _) in table.items():
        below.setdefault(parent, []).append(pid)
    return {pid: _sum(pid, table, below) for pid in pids if pid in table}


def _sum(pid: int, table: Mapping[int, tuple[int, Use]], below: Mapping[int, list[int]]) -> Use:
    seconds, memory, waiting = 0.0, 0, [pid]
    while waiting:
        one = waiting.pop()
        seconds, memory = seconds + table[one][1].seconds, memory + table[one][1].memory
        waiting += below.get(one, ())
    return Use(seconds, memory)


def _processes() -> Iterator[tuple[int, int, Use]]:
    return _from_proc() if sys.platform.startswith("linux") else from_ps()


def _from_proc() -> Iterator[tuple[int, int, Use]]:
    """Read process, parent and use of all processes; proc(5) numbers the fields from 1."""
    tick, page = 1 / os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    for name in os.listdir("/proc"):
        if name.isdecimal():
            with contextlib.suppress(OSError, IndexError), open(f"/proc/{name}/stat", "rb") as file:
                found = file.read().rpartition(b")")[2].split()  # from field 3 on
                ticks = sum(map(int, found[11:15]))  # user and system, its own and its children's
                yield int(name), int(found[1]), Use(ticks * tick, int(found[21]) * page)


def from_ps() -> Iterator[tuple[int, int, Use]]:
    """Read the same from `ps`: kibibytes, and a time such as ``1-02:03:04`` or ``3:04.56``."""
    arguments = ["ps", "-A", "-o", "pid=,ppid=,rss=,time="]
    try:
        found = subprocess.run(
            arguments, capture_output=True, text=True, timeout=PS_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return
    for line in found.stdout.splitlines():
        with contextlib.suppress(ValueError):
            pid, parent, size, time = line.split()
            yield int(pid), int(parent), Use(_seconds(time), int(size) * 1024)


def _seconds(time: str) -> float:
    days, _, rest = time.rpartition("-")
    total = 0.0
    for part in rest.split(":"):
        total = 60 * total + float(part)
    return total + 86400 * int(days or 0)
