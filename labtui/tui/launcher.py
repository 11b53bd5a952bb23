"""The process that gives the terminal back, however the screen ends.

The screen runs in a child of the process that the shell started. When it is killed, or crashes
below Python, nobody is left in it to leave the terminal's other screen: its parent does that. When
the parent is killed, the screen sees it and closes as it does after a hangup.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labtui.store.paths import LabPaths

RESETS = b"".join(
    [
        *(b"\x1b[?%dl" % mode for mode in (1000, 1002, 1003, 1006, 1015)),  # clicks, movements
        b"\x1b[?1004l\x1b[?2004l\x1b[?2026l",  # focus, bracketed paste, frames in one piece
        b"\x1b[<u\x1b[0m\x1b[?1049l\x1b[?25h",  # plain keys, plain colours, main screen, cursor
    ]
)
"""What undoes everything that a screen asks of a terminal; what was not asked for it ignores."""

IN_FLIGHT = 0.05
"""Seconds in which reports of the mouse that are under way arrive, to be thrown away: a link to
another continent takes up to three times as long, one to the next city less."""

_FORWARDED = ("SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT")
_FROM_THE_KEYBOARD = ("SIGTSTP", "SIGTTIN", "SIGTTOU")


def show(paths: LabPaths, **options: Any) -> int:
    """Show a lab on the screen; takes and gives what `labtui.tui.app.run_app` does."""

    def run() -> int:
        from labtui.tui.app import run_app  # in the child alone: the parent stays small

        return run_app(paths, **options)

    return launch(run)


def launch(run: Callable[[], int]) -> int:
    """Run the screen in a child, and put the terminal in order after it.

    Args:
        run: Shows the screen until it is closed; gives the exit code.

    Returns:
        The exit code: of `run`, or 128 and the number of the signal that ended its process.

    Raises:
        SystemExit: In the child, once the screen is closed.
    """
    if not hasattr(os, "fork") or not os.isatty(0):
        return run()
    import termios

    before = termios.tcgetattr(0)
    alive, held = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        os.close(held)
        threading.Thread(target=_end_with_parent, args=(alive,), daemon=True).start()
        raise SystemExit(run())
    os.close(alive)
    with _passed_on(child):
        status = _wait(child)
    os.close(held)
    code = os.waitstatus_to_exitcode(status)
    with contextlib.suppress(OSError, termios.error):  # of a terminal that is closed
        if code < 0 or termios.tcgetattr(0) != before:
            _give_back(before)
    if code >= 0:
        return code
    name = signal.strsignal(-code) or f"signal {-code}"
    say = f"labtui: the screen was ended ({name}); no run is harmed: `labtui` opens it again"
    print(say, file=sys.stderr)
    return 128 - code


def _end_with_parent(alive: int) -> None:
    """Close the screen as after a hangup, once nobody is left who would wait for it."""
    with contextlib.suppress(OSError):
        os.read(alive, 1)
    os.kill(os.getpid(), signal.SIGHUP)


@contextlib.contextmanager
def _passed_on(child: int) -> Iterator[None]:
    """Pass signals on to the screen; a stop from the keyboard stops it first, and us after it."""

    def forward(number: int, _: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)

    wanted: dict[int, Any] = {getattr(signal, name): forward for name in _FORWARDED}
    wanted |= {getattr(signal, name): signal.SIG_IGN for name in _FROM_THE_KEYBOARD}
    before = {number: signal.signal(number, does) for number, does in wanted.items()}
    try:
        yield
    finally:
        for number, does in before.items():
            if number != signal.SIGTTOU:  # the terminal may be the shell's already
                signal.signal(number, does)


def _wait(child: int) -> int:
    """Wait for the child's end; while it is stopped, so are we, for the shell to see."""
    while True:
        _, status = os.waitpid(child, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            return status
        os.kill(os.getpid(), signal.SIGSTOP)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGCONT)


def _give_back(modes: list[Any]) -> None:
    import termios

    os.write(1, RESETS)
    time.sleep(IN_FLIGHT)
    termios.tcsetattr(0, termios.TCSAFLUSH, modes)
