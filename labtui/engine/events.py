"""``run --events FILE``: one JSON line for each committed point and state change, after its commit.

A line is an acknowledgement: what it says is in the lab and survives a power cut.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from labtui.store.summaries import Point


class EventFiles:
    """The files that followers of each study asked for."""

    def __init__(self) -> None:
        """Start with none."""
        self._files: dict[int, dict[Path, TextIO]] = {}
        self._waiting: list[tuple[int, str]] = []

    def open(self, study: int, path: Path) -> None:
        """Append the events of a study to a file from now on."""
        files = self._files.setdefault(study, {})
        if path not in files:
            files[path] = path.open("a", encoding="utf-8")
            if _is_cut(path):  # by a kill: what is half a line says nothing, and ends here
                files[path].write("\n")

    def close(self, study: int) -> None:
        """Close the files of a study that has ended."""
        for file in self._files.pop(study, {}).values():
            file.close()

    def points(self, study: int, trial: str, points: Sequence[Point]) -> None:
        """Note points that the next commit will hold."""
        if study in self._files:
            for metric, step, value in points:
                line = {"event": "point", "trial": trial, "metric": metric, "step": step}
                self._note(study, {**line, "value": _strict(value)})

    def state(self, study: int, trial: str | None, state: str, **more: object) -> None:
        """Note a change of state that the next commit will hold; without a trial, the study's."""
        if study in self._files:
            subject = {"event": "trial", "trial": trial} if trial else {"event": "study"}
            self._note(study, {**subject, "state": state, **more})

    def warning(self, study: int, trial: str, text: str) -> None:
        """Note what a trainer says about a trial; the next commit will hold it."""
        if study in self._files:
            self._note(study, {"event": "warning", "trial": trial, "text": text})

    def committed(self) -> None:
        """Write what was noted: its commit is durable."""
        waiting, self._waiting = self._waiting, []
        lines: dict[int, list[str]] = {}
        for study, line in waiting:
            lines.setdefault(study, []).append(line)
        for study, text in lines.items():
            files = self._files.get(study, {})
            for path, file in list(files.items()):
                try:
                    file.write("".join(text))
                    file.flush()
                except OSError as error:  # the study matters more than its log
                    del files[path]
                    with contextlib.suppress(OSError):
                        print(f"{path}: {error.strerror}; no more events", file=sys.stderr)

    def _note(self, study: int, line: dict[str, Any]) -> None:
        self._waiting.append((study, json.dumps(line, allow_nan=False) + "\n"))


def _is_cut(path: Path) -> bool:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        return file.read(1) not in (b"", b"\n")


def _strict(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
