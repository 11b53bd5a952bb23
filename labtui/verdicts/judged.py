"""Judgements of trials that are kept beside the lab, so that only changed trials are judged again.

A file a study and objective in ``lab.files/cache``, written when judging took long enough to be
felt, thrown away when the code that judges changed. Losing it loses nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
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
    """The outcomes of a study's trials, by trial and revision."""

    def __init__(self, paths: LabPaths, study: StudyRecord) -> None:
        """Read what was kept for a study under its objective."""
        objective = f"{study.metric}\n{study.direction}\n{study.selection}"
        digest = hashlib.sha256(objective.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        self._path = paths.files / "cache" / f"check-{study.id}-{digest}.json"
        self._kept = self._read()
        self._seconds = 0.0

    def outcomes(
        self, trial: TrialRecord, judge: Callable[[TrialRecord], Iterable[Outcome]]
    ) -> list[Outcome]:
        """Give the outcomes of a trial: as kept, or as judged now."""
        kept = self._kept.get(str(trial.id))
        if kept is not None and kept[0] == trial.revision:
            return [_outcome(one) for one in kept[1]]
        start = time.perf_counter()
        found = list(judge(trial))
        self._seconds += time.perf_counter() - start
        self._kept[str(trial.id)] = [trial.revision, [asdict(one) for one in found]]
        return found

    def keep(self) -> None:
        """Write what was judged, if that took long; a folder that cannot be written is let be."""
        if self._seconds < FELT_SECONDS:
            return
        document = {"version": _version(), "trials": self._kept}
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self._path.parent, suffix=".tmp")
            try:
                with os.fdopen(handle, "w", encoding="ascii") as stream:
                    json.dump(document, stream)
                os.replace(temporary, self._path)
            except BaseException:
                os.unlink(temporary)
                raise

    def _read(self) -> dict[str, Any]:
        try:
            document = json.loads(self._path.read_text("ascii"))
        except (OSError, ValueError):
            return {}
        fits = isinstance(document, dict) and document.get("version") == _version()
        return dict(document["trials"]) if fits else {}


def _outcome(kept: dict[str, Any]) -> Outcome:
    return NotJudged(**kept) if "reason" in kept else Finding(**kept)


@cache
def _version() -> str:
    """Identify the code that judges: its version, and the size and time of its files."""
    root = Path(labtui.__file__).parent
    files = sorted(path for room in _JUDGES for path in (root / room).glob("*.py"))
    seen = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return hashlib.sha256(f"{labtui.__version__} {seen}".encode()).hexdigest()
