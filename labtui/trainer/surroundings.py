"""What a trainer may change of its worker's process, and how it is put back for the next trial."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Dict, Tuple

from labtui.trainer.patience import open_stream

LIMITS = (
    "RLIMIT_AS",
    "RLIMIT_CORE",
    "RLIMIT_CPU",
    "RLIMIT_DATA",
    "RLIMIT_FSIZE",
    "RLIMIT_NOFILE",
    "RLIMIT_NPROC",
    "RLIMIT_STACK",
)
"""The limits that decide what a trial can do."""


class Surroundings:
    """The folder, the umask, the limits and the streams that a worker began with.

    They cost 10 µs a trial. What is slower to look at, the trainers of people's own code put back.
    """

    def __init__(self) -> None:
        """Remember them."""
        self._folder = os.getcwd()
        self._umask = os.umask(0o077)
        os.umask(self._umask)
        self._limits = _limits()
        self._streams = {name: getattr(sys, name) for name in ("stdin", "stdout", "stderr")}

    def put_back(self) -> bool:
        """Put them back as they were; False when a limit stays lowered, for any later trial."""
        with contextlib.suppress(OSError):  # it is gone: the next trial says so
            os.chdir(self._folder)
        os.umask(self._umask)
        for name, number in (("stdout", 1), ("stderr", 2)):
            if self._streams[name] is None or self._streams[name].closed:
                self._streams[name] = open_stream(number)
        for name, stream in self._streams.items():
            setattr(sys, name, stream)
        return self._raise_limits()

    def _raise_limits(self) -> bool:
        if _limits() == self._limits:
            return True
        import resource

        try:
            for name, limits in self._limits.items():
                resource.setrlimit(getattr(resource, name), limits)
        except (OSError, ValueError):
            return False
        return True


def _limits() -> Dict[str, Tuple[int, int]]:
    try:
        import resource
    except ImportError:  # pragma: no cover - Windows has none
        return {}
    names = [name for name in LIMITS if hasattr(resource, name)]
    return {name: resource.getrlimit(getattr(resource, name)) for name in names}
