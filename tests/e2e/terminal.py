"""The real program on a pseudo-terminal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading


class Terminal:
    """A real `labtui` on a pseudo-terminal of its own."""

    def __init__(
        self,
        *arguments,
        cwd,
        columns=120,
        lines=40,
        program=None,
        environment=(),
        piped=False,
    ):
        self.output = b""
        self.master, slave = pty.openpty()
        self.resize(columns, lines)
        self.process = subprocess.Popen(
            [*(program or [sys.executable, "-m", "labtui"]), *arguments],
            cwd=cwd,
            stdin=subprocess.DEVNULL if piped else slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(1, termios.TIOCSCTTY, 0),
            env={**os.environ, "TERM": "xterm-256color", **dict(environment)},
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        with contextlib.suppress(OSError):
            while data := os.read(self.master, 65536):
                self.output += data

    def resize(self, columns, lines):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def press(self, keys):
        os.write(self.master, keys)

    def interrupt(self):
        os.kill(self.process.pid, signal.SIGINT)

    def modes(self):
        """The modes of the terminal: echo, line by line, signals, speeds, special characters."""
        return termios.tcgetattr(self.master)

    def ended(self):
        """Wait for the end, with the terminal left open; gives the exit code."""
        code = self.process.wait(timeout=60)
        self._reader.join(timeout=5)
        return code

    def close(self):
        """Close the terminal as a lost connection does."""
        os.close(self.master)

    def wait(self):
        code = self.ended()
        self.close()
        return code
