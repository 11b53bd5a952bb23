"""Processes of a lab that outlived its runner; there are none where the guard did its work."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from labtui.engine.guard import token
from labtui.store.lock import living_runner
from labtui.store.paths import LabPaths

PROCESSES = Path("/proc")
ENVIRONMENT, FOLDER = "environ", "cwd"


def leftovers(paths: LabPaths) -> list[int] | None:
    """List processes that carry a worker's token, work in this lab's folder, and have no runner.

    Returns:
        Their numbers; None where the system does not list processes as files (macOS).
    """
    if not (PROCESSES / "self" / ENVIRONMENT).exists():
        return None
    if living_runner(paths.lock) is not None:
        return []
    found = []
    for name in os.listdir(PROCESSES):
        if name.isdecimal():
            with contextlib.suppress(OSError):
                if _is_worker(PROCESSES / name, paths):
                    found.append(int(name))
    return sorted(found)


def _is_worker(process: Path, paths: LabPaths) -> bool:
    marked = token(int(process.name))
    return bool(marked) and Path(os.readlink(process / FOLDER)).is_relative_to(paths.db.parent)
