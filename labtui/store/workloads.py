"""Reading what a lab keeps about workloads: cards, baselines and their lineage, launches, notes."""

from __future__ import annotations

import json
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, TypeVar

from labtui.store.errors import UnknownName
from labtui.store.records import BaselineRecord, LaunchRecord, NoteRecord, WorkloadRecord

DECISIONS = 3
"""The version of a lab from which it holds baselines, tags, and launches that name theirs."""

_Record = TypeVar("_Record", WorkloadRecord, BaselineRecord, LaunchRecord)
_TRIAL = "ts.name || '/' || t.number"


class WorkloadReader(ABC):
    """The part of `labtui.store.lab.Lab` that speaks of workloads."""

    _version: int

    @abstractmethod
    def _all(self, sql: str, parameters: Sequence[object] = ()) -> list[sqlite3.Row]: ...

    def workloads(self) -> list[WorkloadRecord]:
        """Give all workloads by name."""
        baseline = "baseline" if self._version >= DECISIONS else "NULL"
        rows = self._all(
            f"SELECT id, name, trainer, metric, goal, card, {baseline}, created FROM workloads "
            "ORDER BY name"
        )
        return [_record(WorkloadRecord, row, ("card",)) for row in rows]

    def workload(self, name: str) -> WorkloadRecord:
        """Give one workload.

        Raises:
            UnknownName: The lab holds no such workload; the nearest is named.
        """
        found = self.workloads()
        for one in found:
            if one.name == name:
                return one
        names = [one.name for one in found]
        raise UnknownName("workload", name, names, "a study or a probe makes one")

    def card(self, workload: str) -> dict[str, Any]:
        """Give what is kept about a workload itself, such as its probes; see `put_card`.

        Raises:
            UnknownName: The lab holds no such workload.
        """
        return dict(self.workload(workload).card)

    def baselines(self, workload: str) -> list[BaselineRecord]:
        """Give every baseline that a workload had, in the order they were made."""
        if self._version < DECISIONS:
            return []
        rows = self._all(
            "SELECT b.id, w.name, b.parent, b.launch, coalesce(s.name, ''), "
            f"coalesce({_TRIAL}, ''), b.configuration, b.reason, b.created, b.rolled_back, "
            "b.rollback_reason FROM baselines b JOIN workloads w ON w.id = b.workload "
            "LEFT JOIN studies s ON s.id = b.study LEFT JOIN trials t ON t.id = b.trial "
            "LEFT JOIN studies ts ON ts.id = t.study WHERE w.name = ? ORDER BY b.id",
            (workload,),
        )
        return [_record(BaselineRecord, row, ("configuration",)) for row in rows]

    def baseline(self, workload: str) -> BaselineRecord | None:
        """Give the current baseline of a workload; None without one, or without the workload."""
        current = next((one.baseline for one in self.workloads() if one.name == workload), None)
        return next((one for one in self.baselines(workload) if one.id == current), None)

    def launches(
        self, *, workload: str | None = None, study: str | None = None
    ) -> list[LaunchRecord]:
        """Give the launches, of a workload or of a study if asked, in the order they were begun."""
        if self._version < DECISIONS:
            return []
        rows = self._all(
            f"SELECT l.id, w.name, coalesce(s.name, ''), coalesce({_TRIAL}, ''), l.baseline, "
            "l.adopted, l.verdict, l.evidence, l.reason, l.data, l.created, "
            "coalesce(l.updated, l.created) FROM launches l JOIN workloads w ON w.id = l.workload "
            "LEFT JOIN studies s ON s.id = l.study LEFT JOIN trials t ON t.id = l.trial "
            "LEFT JOIN studies ts ON ts.id = t.study "
            "WHERE (? IS NULL OR w.name = ?) AND (? IS NULL OR s.name = ?) ORDER BY l.id",
            (workload, workload, study, study),
        )
        return [_record(LaunchRecord, row, ("evidence", "data")) for row in rows]

    def notes(self, study: str) -> list[tuple[str, str]]:
        """Give the notes on a study and its trials: (when, text), oldest first."""
        rows = self._all(
            "SELECT n.created, n.text FROM notes n LEFT JOIN trials t ON t.id = n.trial "
            "JOIN studies s ON s.id = coalesce(n.study, t.study) WHERE s.name = ? ORDER BY n.id",
            (study,),
        )
        return [(row[0], row[1]) for row in rows]

    def workload_notes(self, workload: str) -> list[tuple[str, str]]:
        """Give the notes on a workload itself: (when, text), oldest first."""
        if self._version < DECISIONS:
            return []
        rows = self._all(
            "SELECT n.created, n.text FROM notes n JOIN workloads w ON w.id = n.workload "
            "WHERE w.name = ? ORDER BY n.id",
            (workload,),
        )
        return [(row[0], row[1]) for row in rows]

    def all_notes(self, study: str | None = None) -> list[NoteRecord]:
        """Give every note of the lab, or of a study and its trials, oldest first."""
        if self._version < DECISIONS:
            workload, join = "NULL", ""
        else:
            workload, join = "w.name", "LEFT JOIN workloads w ON w.id = n.workload"
        rows = self._all(
            f"SELECT coalesce('workload:' || {workload}, s.name, {_TRIAL}), n.created, n.text, "
            f"t.number FROM notes n {join} LEFT JOIN studies s ON s.id = n.study "
            "LEFT JOIN trials t ON t.id = n.trial LEFT JOIN studies ts ON ts.id = t.study "
            "WHERE ? IS NULL OR coalesce(s.name, ts.name) = ? ORDER BY n.id",
            (study, study),
        )
        return [NoteRecord(*row) for row in rows]

    def tags(self) -> dict[str, list[str]]:
        """Give all tags by what has them: ``workload:NAME``, a study or a trial by its name."""
        if self._version < DECISIONS:
            return {}
        rows = self._all(
            f"SELECT coalesce('workload:' || w.name, s.name, {_TRIAL}), g.tag FROM tags g "
            "LEFT JOIN workloads w ON w.id = g.workload LEFT JOIN studies s ON s.id = g.study "
            "LEFT JOIN trials t ON t.id = g.trial LEFT JOIN studies ts ON ts.id = t.study "
            "ORDER BY g.tag"
        )
        found: dict[str, list[str]] = {}
        for about, tag in rows:
            found.setdefault(about, []).append(tag)
        return found


def _record(kind: type[_Record], row: sqlite3.Row, written: Sequence[str]) -> _Record:
    """Turn a row in the order of a record's fields into one; `written` are those kept as JSON."""
    values = dict(zip((field.name for field in fields(kind)), row, strict=True))
    return kind(**values | {name: json.loads(values[name]) for name in written})
