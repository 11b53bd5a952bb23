"""A program as a child in a process group of its own: started, listened to, ended, swept up."""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import shutil
import signal
import sys
import time
from typing import Callable, Dict, List, Mapping, NoReturn, Optional, Sequence, Tuple

from labtui_command.errors import CommandError, nearest

GRACE = 10.0  # seconds from SIGTERM to SIGKILL
BLOCK = 1 << 18
OUT, ERR = 1, 2
Chunk = Tuple[int, bytes]
_DEFAULTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)


class Program:
    """A running program.

    Attributes:
        code: Its exit code once it has ended, below 0 for a signal; None while it runs.
    """

    def __init__(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        *,
        marker: str,
        watched: Optional[bool] = None,
    ) -> None:
        """Start it.

        Args:
            argv: Program and arguments.
            environment: All of its variables.
            marker: A variable that no other process has with this value: it tells what the
                program leaves behind.
            watched: Whether a watcher ends the program when this process dies. On Linux the guard
                does that.

        Raises:
            CommandError: It cannot be started.
        """
        self.code: Optional[int] = None
        self._marker = f"{marker}={environment[marker]}".encode("utf-8", "surrogateescape")
        self._selector = selectors.DefaultSelector()
        self._pipes: Dict[int, int] = {}
        self._watch = -1
        self._pid = self._start(argv, environment)
        if watched or (watched is None and not sys.platform.startswith("linux")):
            self._start_watcher()

    def _start(self, argv: Sequence[str], environment: Mapping[str, str]) -> int:
        path = find(argv[0])
        ends = {stream: os.pipe() for stream in (OUT, ERR)}
        actions = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
        actions += [(os.POSIX_SPAWN_DUP2, ends[s][1], s) for s in (OUT, ERR)]  # type: ignore[misc]
        actions += [(os.POSIX_SPAWN_CLOSE, handle) for handle in _inheritable()]  # type: ignore[misc]
        try:
            pid = os.posix_spawn(
                path,
                list(argv),
                environment,
                file_actions=actions,
                setpgroup=0,
                setsigdef=_DEFAULTS,
                setsigmask=(),
            )
        except OSError as error:
            for end, _ in ends.values():
                os.close(end)
            _explain(path, argv, error)
        finally:
            for _, end in ends.values():
                os.close(end)
        for stream, (end, _) in ends.items():
            self._pipes[end] = stream
            self._selector.register(end, selectors.EVENT_READ)
        return pid

    def _start_watcher(self) -> None:
        """Have a shell in the program's group kill it when this process's end of a pipe closes."""
        theirs, self._watch = os.pipe()
        try:
            os.posix_spawn(
                "/bin/sh",
                ["sh", "-c", "read _; kill -KILL 0"],
                {},
                file_actions=[(os.POSIX_SPAWN_DUP2, theirs, 0)],
                setpgroup=self._pid,
            )
        except OSError:  # the program is gone already
            pass
        finally:
            os.close(theirs)

    # -- while it runs ----------------------------------------------------------------------

    def read(self, timeout: float) -> List[Chunk]:
        """Wait at most `timeout` seconds for output: (OUT or ERR, bytes), at most one of each."""
        if not self._pipes:
            self._wait(timeout)
            return []
        found = []
        for key, _ in self._selector.select(timeout):
            data = os.read(key.fd, BLOCK)
            if data:
                found.append((self._pipes[key.fd], data))
            else:
                self._hang_up(key.fd)
        self.poll()
        return found

    def poll(self) -> Optional[int]:
        """Look whether it has ended; its code."""
        if self.code is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self.code = _exit_code(status)
        return self.code

    @property
    def silent(self) -> bool:
        """Whether it closed everything that it could print to."""
        return not self._pipes

    def _wait(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while self.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)

    def _hang_up(self, end: int) -> None:
        self._selector.unregister(end)
        del self._pipes[end]
        os.close(end)

    # -- its end ----------------------------------------------------------------------------

    def end(self, take: Callable[[Chunk], None], *, patience: float = 0.0) -> None:
        """End it: SIGTERM after `patience` seconds, SIGKILL after `GRACE` more; then sweep up.

        What it still prints goes to `take`, so that it never waits for a reader.
        """
        for wait, number in ((patience, signal.SIGTERM), (GRACE, signal.SIGKILL)):
            self._listen(take, wait)
            if self.code is None:
                self._kill(number)
        while self.code is None:
            self._listen(take, 1.0)
        self.sweep()

    def _listen(self, take: Callable[[Chunk], None], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.code is None:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            for chunk in self.read(min(left, 0.05)):
                take(chunk)

    def sweep(self) -> None:
        """Kill what an ended program left behind, in its group or with its mark."""
        self._kill(signal.SIGKILL)
        for pid in _marked(self._marker):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """Close the pipes."""
        for end in list(self._pipes):
            self._hang_up(end)
        if self._watch >= 0:
            os.close(self._watch)
            self._watch = -1
        self._selector.close()

    def _kill(self, number: int) -> None:
        with contextlib.suppress(OSError):
            os.killpg(self._pid, number)


def find(name: str) -> str:
    """Find a program as a shell does, relative to the current folder or on PATH.

    Raises:
        CommandError: There is none.
    """
    try:
        folder = os.getcwd()
    except OSError as error:
        raise CommandError(f"command: the study's folder is gone: {error.strerror}") from error
    if os.sep in name:
        if not os.path.exists(name):
            raise CommandError(f"command: found no program {name!r} in {folder}{_near(name)}")
        return name
    path = shutil.which(name)
    if path is None:
        here = f"; there is one in the study's folder: ./{name}" if os.path.exists(name) else ""
        raise CommandError(f"command: found no program {name!r} on PATH{here}")
    return path


def _near(name: str) -> str:
    folder, base = os.path.split(name)
    try:
        close = nearest(base, os.listdir(folder))
    except OSError:
        return ""
    return close.replace("'", f"'{folder}/", 1)


def _explain(path: str, argv: Sequence[str], error: OSError) -> NoReturn:
    """Say in the person's terms why a program does not start."""
    name = argv[0]
    if os.path.isdir(path):
        why = "it is a folder; expected a program"
    elif error.errno == errno.EACCES:
        why = f"it is not executable; make it so (chmod +x {name}) or name what runs it: [sh, …]"
    elif error.errno == errno.ENOEXEC:
        why = "it is no program for this machine, and no script: its first line has no '#!'"
    elif error.errno == errno.ENOENT:
        with open(path, "rb") as file:
            line = file.readline(200).decode("utf-8", "replace").strip()
        why = f"what its first line names is not there: {line}"
    elif error.errno == errno.E2BIG:
        why = "its arguments and variables are too long together; expected fewer bytes"
    else:
        why = str(error.strerror)
    raise CommandError(f"command: cannot start {name!r}: {why}") from error


def _inheritable() -> List[int]:
    """List the open files that a program would inherit: none of them is its business."""
    found = []
    for name in os.listdir("/dev/fd"):
        with contextlib.suppress(OSError):
            if int(name) > 2 and os.get_inheritable(int(name)):
                found.append(int(name))
    return found


def _exit_code(status: int) -> int:
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _marked(marker: bytes) -> List[int]:
    """List the processes whose environment holds `marker` (Linux; elsewhere nothing)."""
    found = []
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc"):
            if name.isdecimal() and int(name) != os.getpid():
                with contextlib.suppress(OSError), open(f"/proc/{name}/environ", "rb") as file:
                    if marker in file.read().split(b"\0"):
                        found.append(int(name))
    return found
