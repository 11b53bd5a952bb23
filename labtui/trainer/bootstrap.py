"""First code of a worker, run as a script by whatever interpreter the user trains with.

It dies with its parent, makes the few packages that the runner names importable without exposing
anything else of the runner's environment, and hands over to `labtui.trainer.worker`.

Usage: python bootstrap.py FD PARENT_PID FOLDER {"package": "its folder", …}
"""

from __future__ import annotations

import ctypes
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import signal
import sys
from typing import Any, Mapping, Optional, Sequence

PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent ends (Linux; elsewhere: end of pipe)."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it was gone before the request
        os._exit(1)


class Named(importlib.abc.MetaPathFinder):
    """Finds exactly the packages it was given, each in its folder."""

    def __init__(self, folders: Mapping[str, str]) -> None:
        """Map top-level package names to their folders."""
        self._folders = dict(folders)

    def find_spec(
        self, name: str, path: Optional[Sequence[str]] = None, target: Any = None
    ) -> Optional[importlib.machinery.ModuleSpec]:
        """Find a package by its top-level name."""
        folder = self._folders.get(name)
        if folder is None:
            return None
        return importlib.util.spec_from_file_location(
            name, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
        )


def main(arguments: Sequence[str]) -> None:
    """Become a worker."""
    handle, parent, folder, packages = arguments
    die_with_parent(int(parent))
    os.setsid()  # a group of its own: what the trainer starts can be killed with it
    os.chdir(folder)
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    sys.meta_path.insert(0, Named(json.loads(packages)))
    from labtui.trainer.worker import serve  # before the user's folder can shadow what it needs

    sys.path.insert(0, folder)
    serve(int(handle))


if __name__ == "__main__":
    main(sys.argv[1:])
