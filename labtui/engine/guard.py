"""The guard: parent of all workers, and the reason why nothing outlives the runner.

It is the reaper of every process below it (Linux), so that even what a trainer left behind in a
session of its own comes back to it. When the runner's end of the socket closes, for whatever
reason, it kills everything below and leaves. Standard library only: it must start fast and never
fail.

From the runner, one JSON line each: ``spawn`` (with the worker's socket attached), ``kill``.
To the runner: ``spawned``, ``unspawned``, ``exited``.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import sys
import time
from typing import Any

PR_SET_CHILD_SUBREAPER = 36
TOKEN = "LABTUI_WORKER"
BOOTSTRAP = os.path.join(os.path.dirname(os.path.dirname(__file__)), "trainer", "bootstrap.py")


def become_reaper() -> None:
    """Have orphans below this process handed to it rather than to the system (Linux)."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children() -> list[int]:
    """List this process's children, adopted ones included (Linux; elsewhere nothing)."""
    me = str(os.getpid())
    found = []
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc"):
            if name.isdecimal():
                with contextlib.suppress(OSError), open(f"/proc/{name}/stat") as file:
                    if file.read().rpartition(")")[2].split()[1] == me:
                        found.append(int(name))
    return found


def kill(pid: int, number: int) -> None:
    """Signal a process and its group, if they are still there."""
    for send in (os.killpg, os.kill):
        with contextlib.suppress(OSError):
            send(pid, number)


def sweep(known: set[int], *, patience: float = 5.0) -> None:
    """Kill everything below this process until nothing is left; `known` are direct children."""
    for pid in known:
        kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        for pid in children():
            kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.002)


class Guard:
    """Starts, kills and buries workers for the runner."""

    def __init__(self, runner: socket.socket) -> None:
        """Serve the runner at the other end of `runner`."""
        self._runner = runner
        self._handles: list[int] = []
        self._text = b""
        self._workers: dict[int, int] = {}  # process → worker
        self._deadlines: dict[int, float] = {}  # process → when patience with it ends

    def run(self) -> None:
        """Serve until the runner is gone; then nothing below is left either."""
        wake, waker = socket.socketpair()
        waker.setblocking(False)
        wake.setblocking(False)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # it leaves when the runner does
        try:
            while self._serve(wake):
                pass
        except BrokenPipeError:
            pass
        finally:
            sweep(set(self._workers))

    def _serve(self, wake: socket.socket) -> bool:
        timeout = None
        if self._deadlines:
            timeout = max(0.0, min(self._deadlines.values()) - time.monotonic())
        ready, _, _ = select.select([self._runner, wake], [], [], timeout)
        if wake in ready:
            with contextlib.suppress(BlockingIOError):
                wake.recv(4096)
        if self._runner in ready and not self._receive():
            return False
        self._bury()
        self._lose_patience()
        return True

    def _receive(self) -> bool:
        try:
            data, handles, _, _ = socket.recv_fds(self._runner, 65536, 64)
        except OSError:
            return False
        if not data:
            return False
        self._handles += handles
        *lines, self._text = (self._text + data).split(b"\n")
        for line in lines:
            self._obey(json.loads(line))
        return True

    def _obey(self, order: dict[str, Any]) -> None:
        if order["do"] == "spawn":
            self._spawn(order, self._handles.pop(0))
        elif order["do"] == "kill":
            for pid, worker in self._workers.items():
                if worker == order["worker"]:
                    kill(pid, signal.SIGTERM if order["grace"] else signal.SIGKILL)
                    self._deadlines[pid] = time.monotonic() + order["grace"]

    def _spawn(self, order: dict[str, Any], handle: int) -> None:
        worker = order["worker"]
        os.set_inheritable(handle, True)
        arguments = [order["interpreter"], "-u", BOOTSTRAP, str(handle), str(os.getpid())]
        arguments += [order["folder"], json.dumps(order["packages"])]
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        try:
            pid = os.posix_spawn(
                order["interpreter"],
                arguments,
                {**order["environment"], TOKEN: order["token"]},
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 1, order["log"], flags, 0o600),
                    (os.POSIX_SPAWN_DUP2, 1, 2),
                ],
                setsigdef=[signal.SIGINT, signal.SIGTERM, signal.SIGHUP],
            )
        except OSError as error:
            self._say({"kind": "unspawned", "worker": worker, "error": error.strerror})
        else:
            self._workers[pid] = worker
            self._say({"kind": "spawned", "worker": worker, "pid": pid})
        finally:
            os.close(handle)

    def _bury(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            worker = self._workers.pop(pid, None)
            self._deadlines.pop(pid, None)
            if worker is not None:
                with contextlib.suppress(OSError):
                    os.killpg(pid, signal.SIGKILL)
            # Also when an orphan was killed: its own children have only now come here.
            self._kill_left_behind()
            if worker is not None:
                code = os.waitstatus_to_exitcode(status)
                self._say({"kind": "exited", "worker": worker, "code": code})

    def _kill_left_behind(self) -> None:
        """Kill adopted processes whose worker is gone, by the token they inherited from it."""
        tokens = {token(pid) for pid in self._workers}
        for pid in children():
            if pid not in self._workers and token(pid) not in tokens:
                kill(pid, signal.SIGKILL)

    def _lose_patience(self) -> None:
        for pid, deadline in list(self._deadlines.items()):
            if time.monotonic() >= deadline:
                kill(pid, signal.SIGKILL)
                del self._deadlines[pid]

    def _say(self, message: dict[str, Any]) -> None:
        self._runner.sendall(json.dumps(message).encode() + b"\n")


def token(pid: int) -> bytes:
    """Give the mark of the worker that a process belongs to; empty for none, or where unknown."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
        for entry in file.read().split(b"\0"):
            if entry.startswith(TOKEN.encode() + b"="):
                return entry
    return b""


def main() -> None:
    """Guard for the runner whose socket is the file descriptor named on the command line."""
    become_reaper()
    os.set_inheritable(int(sys.argv[1]), False)  # a worker's child would hide the guard's death
    Guard(socket.socket(fileno=int(sys.argv[1]))).run()


if __name__ == "__main__":
    main()
