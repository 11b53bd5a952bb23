"""Ending in good order when something else ends the screen: a closed terminal, a `kill`."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable

ENDING = ("SIGTERM", "SIGHUP", "SIGINT")
"""What ends the screen. Ctrl-C is no signal while it is shown: the terminal sends it as a key."""

PATIENCE = 3.0
"""Seconds until the process ends whether or not the terminal took its last words: closing takes
0.2 s, and a terminal that is gone (SIGHUP) takes none."""


def end_on_signals(leave: Callable[[int], object]) -> None:
    """Have `leave` called with an exit code, on the running loop, when a signal ends the screen."""
    loop = asyncio.get_running_loop()
    for name in ENDING:
        number = getattr(signal, name, None)
        if number is None:
            continue
        try:
            loop.add_signal_handler(number, _end, leave, 128 + number)
        except (NotImplementedError, RuntimeError, ValueError):  # Windows, or not the main thread
            return


def _end(leave: Callable[[int], object], code: int) -> None:
    impatient = threading.Timer(PATIENCE, os._exit, (code,))
    impatient.daemon = True
    impatient.start()
    leave(code)
