"""Judgements of trials that are kept beside the lab, so that only changed trials are judged again.

A file a study and objective in ``lab.files/cache``, written when judging took long enough to be
felt, thrown away when the code that judges changed, or what the study declares. Losing it loses
nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import labtui
from labtui.analysis.findings import Finding, NotJudged, Outcome
from labtui.store.paths import LabPaths
from labtui.store.records import StudyRecord, TrialRecord

FELT_SECONDS = 1.0
"""Judging that takes longer is kept."""

_JUDGES = ("analysis", "verdicts")


class JudgedTrials:
    """The outcomes of a study's trials, by trial and what it was when it was judged."""

    def __init__(self, paths: LabPaths, study: StudyRecord, declared: object = None) -> None:
        """Read what was kept for a study under its objective.

        Args:
            paths: Of the lab.
            study: The study; its metric, direction and selection are its objective.
            declared: What else the judgements of all its trials rest on, known by its ``repr``.
        """
        objective = (study.metric, study.direction, study.selection)
        name = f"check-{study.id}-{_digest(objective)[:12]}.json"
        self._path = paths.files / "cache" / name
        # Another study may have the same id: in a lab that was made anew.
        self._version = _digest(_code(), study.name, study.created, declared)
        self._kept = self._read()
        self._seconds = 0.0

    def outcomes(
        self, trial: TrialRecord, judge: Callable[[TrialRecord], Iterable[Outcome]]
    ) -> list[Outcome]:
        """Give the outcomes of a trial: as kept, or as judged now."""
        known, seen = str(trial.id), [trial.revision, trial.state, trial.finished]
        with contextlib.suppress(TypeError, KeyError, ValueError):  # not what was written
            then, kept = self._kept[known]
            if then == seen:
                return [_outcome(one) for one in kept]
        start = time.perf_counter()
        found = list(judge(trial))
        self._seconds += time.perf_counter() - start
        self._kept[known] = [seen, [vars(one) for one in found]]
        return found

    def keep(self) -> None:
        """Write what was judged, if that took long and it can be written."""
        if self._seconds < FELT_SECONDS:
            return
        _write(self._path, {"version": self._version, "trials": self._kept})

    def _read(self) -> dict[str, Any]:
        document = _document(self._path)
        if document.get("version") != self._version:
            return {}
        trials = document.get("trials")
        return trials if isinstance(trials, dict) else {}


class KeptVerdicts:
    """Verdicts in a line of whole studies, for the experiment log: one file for all of them."""

    def __init__(self, paths: LabPaths) -> None:
        """Read what was kept."""
        self._path = paths.files / "cache" / "verdicts.json"
        self._kept = _document(self._path)

    def verdict(self, study: StudyRecord, rests_on: object, judge: Callable[[], str]) -> str:
        """Give the verdict of a study: as kept, or as judged now and kept.

        Args:
            study: The study.
            rests_on: What the verdict rests on beside it, known by its ``repr``.
            judge: Judges it.
        """
        version = _digest(_code(), study.name, study.created, rests_on)
        known = self._kept.get(str(study.id))
        if isinstance(known, list) and len(known) == 2 and known[0] == version:
            return str(known[1])
        found = judge()
        self._kept[str(study.id)] = [version, found]
        _write(self._path, self._kept)
        return found


def _document(path: Path) -> dict[str, Any]:
    """Read what was kept; nothing where that cannot be."""
    try:
        document = json.loads(path.read_text("ascii"))
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _write(path: Path, document: object) -> None:
    """Write a file whole, if it can be written."""
    with contextlib.suppress(OSError, TypeError, ValueError):  # no folder, or no JSON
        text = json.dumps(document)  # in one piece, at a quarter of the price of a stream
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        try:
            with os.fdopen(handle, "w", encoding="ascii") as stream:
                stream.write(text)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise


def _outcome(kept: dict[str, Any]) -> Outcome:
    return NotJudged(**kept) if "reason" in kept else Finding(**kept)


@cache
def _code() -> str:
    """Identify the code that judges: its version, and the size and time of its files."""
    root = Path(labtui.__file__).parent
    files = sorted(path for room in _JUDGES for path in (root / room).glob("*.py"))
    seen = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return _digest(labtui.__version__, seen)


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode("ascii", "backslashreplace")).hexdigest()
