"""Changes about workloads and what is decided of them: cards, baselines, launches, notes, tags."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from labtui.store.changes import next_id
from labtui.store.writer import Writer, now


@dataclass(frozen=True)
class NewBaseline:
    """A configuration that becomes a workload's baseline, a child of the one before.

    Attributes:
        configuration: ``{"params", "trainer", "objective", "budget", "common", "folder"}``.
        study: Where it is from; `trial` likewise, by id.
    """

    workload: int
    configuration: Mapping[str, Any]
    study: int | None = None
    trial: int | None = None
    reason: str = ""


@dataclass(frozen=True)
class NewLaunch:
    """A decision, or the next state of one that is not made yet (P30).

    Attributes:
        baseline: Id of the baseline compared with; None for a first one.
        verdict: ``adopt``, ``reject`` or ``undecided``.
        evidence: What it rests on, copied: numbers, findings, reruns.
        data: The plan of looks and the looks taken.
        adopt: What becomes the baseline by it.
        card: Entries of the workload's card that follow from its reruns.
    """

    workload: int
    study: int | None
    trial: int | None
    baseline: int | None
    verdict: str
    evidence: Mapping[str, Any]
    reason: str
    data: Mapping[str, Any] = field(default_factory=dict)
    adopt: NewBaseline | None = None
    card: Mapping[str, Any] = field(default_factory=dict)


def put_card(
    writer: Writer,
    workload: str,
    entries: Mapping[str, Any],
    *,
    trainer: str,
    metric: str,
    goal: str,
) -> None:
    """Queue entries of a workload's card: they replace those of the same names, others stay.

    A workload that is new gets one.
    """
    row = (workload, trainer, metric, goal, now())
    text = json.dumps(dict(entries))

    def change(connection: sqlite3.Connection, revision: int) -> None:
        connection.execute(
            "INSERT OR IGNORE INTO workloads (name, trainer, metric, goal, created, revision) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (*row, revision),
        )
        (found,) = connection.execute(
            "SELECT id FROM workloads WHERE name = ?", (workload,)
        ).fetchone()
        _put_card(connection, found, text, revision)

    writer.queue(change)


def _put_card(connection: sqlite3.Connection, workload: int, text: str, revision: int) -> None:
    (card,) = connection.execute("SELECT card FROM workloads WHERE id = ?", (workload,)).fetchone()
    connection.execute(
        "UPDATE workloads SET card = ?, revision = ? WHERE id = ?",
        (json.dumps({**json.loads(card), **json.loads(text)}), revision, workload),
    )


def current_baseline(writer: Writer, new: NewBaseline) -> int | None:
    """Give the id of a workload's current baseline if it is this one, for the same reason."""
    row = writer.connection.execute(
        "SELECT b.id, b.configuration FROM workloads w JOIN baselines b ON b.id = w.baseline "
        "WHERE w.id = ? AND b.study IS ? AND b.trial IS ? AND b.reason = ?",
        (new.workload, new.study, new.trial, new.reason),
    ).fetchone()
    same = row is not None and json.loads(row[1]) == dict(new.configuration)
    return int(row[0]) if same else None


def set_baseline(writer: Writer, new: NewBaseline) -> int:
    """Commit a baseline as the workload's current one.

    Returns:
        Its id.
    """
    found, when = next_id(writer, "baselines"), now()
    writer.queue(
        lambda connection, revision: _put_baseline(connection, found, new, None, when, revision)
    )
    writer.commit()
    return found


def _put_baseline(
    connection: sqlite3.Connection,
    baseline: int,
    new: NewBaseline,
    launch: int | None,
    when: str,
    revision: int,
) -> None:
    connection.execute(
        "INSERT INTO baselines (id, workload, parent, launch, study, trial, configuration, reason, "
        "created, revision) SELECT ?, id, baseline, ?, ?, ?, ?, ?, ?, ? FROM workloads "
        "WHERE id = ?",
        (
            baseline,
            launch,
            new.study,
            new.trial,
            json.dumps(dict(new.configuration)),
            new.reason,
            when,
            revision,
            new.workload,
        ),
    )
    connection.execute(
        "UPDATE workloads SET baseline = ?, revision = ? WHERE id = ?",
        (baseline, revision, new.workload),
    )


def roll_back(writer: Writer, workload: int, baseline: int, reason: str) -> None:
    """Commit that a baseline was given up: its parent is the workload's current one."""
    when = now()

    def change(connection: sqlite3.Connection, revision: int) -> None:
        connection.execute(
            "UPDATE workloads SET baseline = (SELECT parent FROM baselines WHERE id = ?), "
            "revision = ? WHERE id = ?",
            (baseline, revision, workload),
        )
        connection.execute(
            "UPDATE baselines SET rolled_back = ?, rollback_reason = ?, revision = ? WHERE id = ?",
            (when, reason, revision, baseline),
        )

    writer.queue(change)
    writer.commit()


def put_launch(writer: Writer, new: NewLaunch, launch: int | None = None) -> tuple[int, int | None]:
    """Commit a launch, anew or in the place of its earlier state, with what follows from it.

    Returns:
        The id of the launch, and of the baseline it made.
    """
    found = next_id(writer, "launches") if launch is None else launch
    adopted = None if new.adopt is None else next_id(writer, "baselines")
    when = now()
    values = {
        "workload": new.workload,
        "study": new.study,
        "trial": new.trial,
        "baseline": new.baseline,
        "verdict": new.verdict,
        "evidence": json.dumps(dict(new.evidence)),
        "reason": new.reason,
        "data": json.dumps(dict(new.data)),
        "updated": when,
    }
    card = json.dumps(dict(new.card))

    def change(connection: sqlite3.Connection, revision: int) -> None:
        if launch is None:
            row = {"id": found, **values, "created": when, "revision": revision}
            marks = ", ".join("?" * len(row))
            connection.execute(
                f"INSERT INTO launches ({', '.join(row)}) VALUES ({marks})", tuple(row.values())
            )
        else:
            row = {**values, "revision": revision}
            places = ", ".join(f"{name} = ?" for name in row)
            connection.execute(f"UPDATE launches SET {places} WHERE id = ?", (*row.values(), found))
        if new.adopt is not None and adopted is not None:
            _put_baseline(connection, adopted, new.adopt, found, when, revision)
            connection.execute("UPDATE launches SET adopted = ? WHERE id = ?", (adopted, found))
        _put_card(connection, new.workload, card, revision)

    writer.queue(change)
    writer.commit()
    return found, adopted


def add_note(
    writer: Writer,
    text: str,
    *,
    workload: int | None = None,
    study: int | None = None,
    trial: int | None = None,
) -> None:
    """Queue a note on a workload, a study or a trial (by id)."""
    row = (workload, study, trial, text, now())

    def change(connection: sqlite3.Connection, revision: int) -> None:
        connection.execute(
            "INSERT INTO notes (workload, study, trial, text, created, revision) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (*row, revision),
        )

    writer.queue(change)


def change_tags(
    writer: Writer,
    *,
    workload: int | None = None,
    study: int | None = None,
    trial: int | None = None,
    add: Iterable[str] = (),
    remove: Iterable[str] = (),
) -> None:
    """Queue tags of a workload, a study or a trial (by id); one it has already stays as it is."""
    ids, when = (workload, study, trial), now()
    added, removed = list(dict.fromkeys(add)), list(remove)
    place = "workload IS ? AND study IS ? AND trial IS ? AND tag = ?"

    def change(connection: sqlite3.Connection, revision: int) -> None:
        for tag in removed:
            connection.execute(f"DELETE FROM tags WHERE {place}", (*ids, tag))
        for tag in added:
            connection.execute(
                "INSERT INTO tags (workload, study, trial, tag, created, revision) "
                f"SELECT ?, ?, ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM tags WHERE {place})",
                (*ids, tag, when, revision, *ids, tag),
            )

    writer.queue(change)
