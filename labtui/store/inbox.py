"""Requests to a living runner: files written beside and renamed in, answered by a row in events."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labtui.store.paths import LabPaths


def post(paths: LabPaths, request: dict[str, Any]) -> str:
    """Leave a request for the runner.

    Args:
        paths: The lab.
        request: A JSON object with a ``kind``.

    Returns:
        The id that the answering row in ``events`` will carry.
    """
    name = uuid.uuid4().hex
    paths.make_folders()
    target = paths.inbox / f"{name}.json"
    draft = paths.inbox / f".{name}.tmp"
    with draft.open("w", encoding="utf-8") as file:
        json.dump({**request, "id": name}, file)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(target)
    return name


def withdraw(paths: LabPaths, name: str) -> None:
    """Take a request back that nobody has carried out."""
    (paths.inbox / f"{name}.json").unlink(missing_ok=True)


def waiting(paths: LabPaths) -> Iterator[tuple[Path, dict[str, Any] | None]]:
    """Yield the requests that wait, oldest first; None for a file that is no request."""
    try:
        files = [entry for entry in os.scandir(paths.inbox) if entry.name.endswith(".json")]
    except OSError:
        return
    for entry in sorted(files, key=lambda found: (found.stat().st_mtime_ns, found.name)):
        try:
            data = json.loads(Path(entry.path).read_text("utf-8"))
        except (OSError, ValueError):
            data = None
        yield Path(entry.path), data if isinstance(data, dict) and "id" in data else None
