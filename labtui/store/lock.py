"""The one writer: whoever writes a lab holds the lock on its `lab.lock`, and says who it is."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path
from types import TracebackType

from labtui.store.errors import LabBroken, LabHeld
from labtui.store.identity import Identity, own_identity

if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try_lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


NOTE = 4096
"""Bytes of what the holder says of itself: written in place, so that a full disk still takes it."""

REASON = 500
"""Characters of why the holder waits, at most: six bytes each in JSON, they fit into the note."""


class WriterLock:
    """Holds the lock of a lab while it lives; the system lets go of it when the process dies."""

    def __init__(self, path: Path, role: str, *, wait: float = 0.0) -> None:
        """Take the lock.

        Args:
            path: The lock file.
            role: ``runner`` or ``command``, told to those who find the lab held.
            wait: Seconds to wait for another holder to let go.

        Raises:
            LabHeld: When it is still held then.
            LabBroken: When the file cannot be written.
        """
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise LabBroken(
                f"{path}: {error.strerror}; a lab is written only where its folder can be"
            ) from error
        deadline = time.monotonic() + wait
        while not _try_lock(self._handle):
            if time.monotonic() >= deadline:
                os.close(self._handle)
                raise LabHeld(f"{path}: held by {describe(holder(path))}")
            time.sleep(0.01)
        self._who = {**own_identity().to_json(), "role": role}
        try:
            self._say(self._who)
        except OSError as error:
            os.close(self._handle)
            raise LabBroken(f"{path}: {error.strerror}; make room and run again") from error

    def _say(self, content: dict[str, object]) -> None:
        data = json.dumps(content).encode() if content else b""
        os.pwrite(self._handle, data.ljust(NOTE), 0)

    def pause(self, reason: str) -> None:
        """Tell those who look why the holder waits; with an empty reason it goes on."""
        waits = {"paused": reason[:REASON]} if reason else {}
        with contextlib.suppress(OSError):  # of a disk that takes not even that
            self._say({**self._who, **waits})

    def release(self) -> None:
        """Let go of the lock."""
        if self._handle >= 0:
            with contextlib.suppress(OSError):  # whoever looks sees a process that is dead
                self._say({})
            os.close(self._handle)
            self._handle = -1

    def __enter__(self) -> WriterLock:
        """Hold the lock inside a ``with`` block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of it."""
        self.release()


def holder(path: Path) -> tuple[Identity, str] | None:
    """Read who last took the lock and in which role; None when it was let go of properly.

    The holder may be dead: ask its identity.
    """
    try:
        data = json.loads(path.read_bytes().strip() or b"null")
        return None if data is None else (Identity.from_json(data), str(data["role"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def living_runner(path: Path) -> Identity | None:
    """Identify the runner that holds the lab; None when there is none or it is dead."""
    found = holder(path)
    if found is None or found[1] != "runner":
        return None
    alive = found[0].is_alive()
    if alive is None:  # another machine's, or this one under another name: the lock itself tells
        alive = _is_locked(path)
    return found[0] if alive else None


def paused(path: Path) -> str:
    """Say why the living runner waits with a lab that it cannot write; empty unless it does."""
    if living_runner(path) is None:
        return ""
    try:
        return str(json.loads(path.read_bytes()).get("paused", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def _is_locked(path: Path) -> bool:
    handle = os.open(path, os.O_RDWR)
    try:
        return not _try_lock(handle)
    finally:
        os.close(handle)


def describe(found: tuple[Identity, str] | None) -> str:
    """Say who holds a lab, for people."""
    if found is None:
        return "another process"
    who, role = found
    where = "" if who.is_alive() is not None else f" on {who.machine.rpartition(':')[2]}"
    return f"the {role} with pid {who.pid}{where}"
