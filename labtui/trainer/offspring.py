"""What a trainer started and left running: ended before its trial's end is reported (Linux)."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import time
from typing import Iterator, List, Set, Tuple

MARK = "LABTUI_WORKER"
"""The variable of the environment that tells the guard, too, whose a process is."""

PATIENCE = 0.5
"""Seconds in which what a trainer no longer needs (a pool, a loader) may end by itself, and then
again once it was asked to: those of multiprocessing and of torch take a tenth of it."""

KILLING = 2.0
"""Seconds in which what was killed is gone, unless it waits for a device."""

POLL_SECONDS = 0.01


class Offspring:
    """Finds and ends the processes below this one, and those that became the guard's.

    A look costs 40 µs a trial where nothing was started: it reads one short file of the guard.
    """

    def __init__(self) -> None:
        """Take the parent of this process for the guard."""
        self._guard = os.getppid()
        self._mark = f"{MARK}={os.environ.get(MARK, '')}".encode()
        self._others: Set[int] = {os.getpid()}

    def sweep(self) -> bool:
        """End what was left running.

        Returns:
            Whether anything was. What this process holds of it, a pool say, is of no use any more.
        """
        if not self._left():
            return False
        gc.collect()  # a pool that nobody refers to ends what it started
        if self._gone(PATIENCE):
            return False
        self._send(signal.SIGTERM)
        if not self._gone(PATIENCE):
            self._gone(KILLING, signal.SIGKILL)
        return True

    def _gone(self, seconds: float, number: int = 0) -> bool:
        """Wait until nothing is left, with a signal to whatever appears meanwhile."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._send(number)
            time.sleep(POLL_SECONDS)
            if not self._left():
                return True
        return False

    def _send(self, number: int) -> None:
        for pid in self._left() if number else ():
            with contextlib.suppress(OSError):
                os.kill(pid, number)

    def _left(self) -> List[int]:
        helpers = set(_helpers())
        own = [pid for pid in _children() if pid not in helpers]
        adopted = set(_children_of(self._guard, self._guard))
        self._others &= adopted
        for pid in adopted - self._others:
            if self._is_ours(pid):
                own.append(pid)
            else:
                self._others.add(pid)
        return [pid for pid in own if not _is_dead(pid)]

    def _is_ours(self, pid: int) -> bool:
        if pid == os.getpid():
            return False
        with contextlib.suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
            return self._mark in file.read().split(b"\0")
        return False


def _children() -> Iterator[int]:
    """List the children of this process, where the system tells them."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except (ChildProcessError, AttributeError):  # there is none, mostly; macOS has no such call
        return
    with contextlib.suppress(OSError):
        for thread in os.listdir("/proc/self/task"):
            yield from _children_of(os.getpid(), int(thread))


def _children_of(pid: int, thread: int) -> Iterator[int]:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/children") as file:
        yield from map(int, file.read().split())


def _is_dead(pid: int) -> bool:
    """Say whether a process has ended, and only nobody asked how."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] in ("Z", "X")
    except OSError:
        return True


def _helpers() -> Iterator[int]:
    """List what multiprocessing keeps for as long as this process lives: they hold no device."""
    places: Tuple[Tuple[str, str, str], ...] = (
        ("multiprocessing.resource_tracker", "_resource_tracker", "_pid"),
        ("multiprocessing.forkserver", "_forkserver", "_forkserver_pid"),
    )
    for module, name, attribute in places:
        found = getattr(getattr(sys.modules.get(module), name, None), attribute, None)
        if isinstance(found, int):
            yield found
