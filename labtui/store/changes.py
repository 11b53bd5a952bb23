"""The changes a lab knows, each queued whole on its writer: studies, trials, checkpoints, notes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from labtui.store.identity import Identity
from labtui.store.occupancy import last_place
from labtui.store.writer import Writer, now


@dataclass(frozen=True)
class NewHyperparameter:
    """One definition of a hyperparameter; `column` is its place in the sequence, if sampled."""

    name: str
    role: str
    column: int | None
    definition: Mapping[str, Any]


@dataclass(frozen=True)
class NewTrial:
    """A trial to be queued, or, with another `state`, one that was trained elsewhere."""

    number: int
    point: int | None
    arm: str
    params: Mapping[str, Any]
    unit: Mapping[str, float]
    seed: int | None
    max_steps: int | None
    state: str = "queued"
    source: str = ""
    repetition: int = 0


@dataclass(frozen=True)
class NewStudy:
    """A study as asked for, with what reproduces it.

    Attributes:
        parent: The study it goes on from; `kind` says as what.
        baseline: Id of the baseline it was planned against.
        inherited: Hyperparameters that it does not name, with the values of that baseline.
    """

    name: str
    workload: str
    trainer: str
    goal: str
    metric: str
    direction: str
    selection: str
    seed: int
    sequence: str
    total: int
    spec: Mapping[str, Any]
    folder: str
    interpreter: str
    hyperparameters: Sequence[NewHyperparameter] = ()
    source: str = ""
    file: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    command: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    state: str = "queued"
    parent: str = ""
    kind: str = ""
    baseline: int | None = None
    inherited: Mapping[str, Any] = field(default_factory=dict)


def next_id(writer: Writer, table: str) -> int:
    """Give the next free id of a table; the writer is alone, so it stays free."""
    row = writer.connection.execute(f"SELECT coalesce(max(id), 0) + 1 FROM {table}").fetchone()
    return int(row[0])


def add_study(writer: Writer, new: NewStudy, trials: Iterable[NewTrial]) -> int:
    """Commit a study with its workload (a card is made on first use), definitions and trials.

    Returns:
        The id of the study.
    """
    study = next_id(writer, "studies")
    place = last_place(writer.connection)
    when = now()

    def change(connection: sqlite3.Connection, revision: int) -> None:
        connection.execute(
            "INSERT OR IGNORE INTO workloads (name, trainer, metric, goal, created, revision) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (new.workload, new.trainer, new.metric, new.direction, when, revision),
        )
        (workload,) = connection.execute(
            "SELECT id FROM workloads WHERE name = ?", (new.workload,)
        ).fetchone()
        row = {
            "id": study,
            "name": new.name,
            "workload": workload,
            "goal": new.goal,
            "state": new.state,
            "metric": new.metric,
            "direction": new.direction,
            "selection": new.selection,
            "seed": str(new.seed),  # up to 2**64 - 1, more than SQLite's integers hold
            "sequence": new.sequence,
            "total": new.total,
            "spec": json.dumps(new.spec),
            "source": new.source,
            "file": new.file,
            "folder": new.folder,
            "interpreter": new.interpreter,
            "environment": json.dumps(dict(new.environment)),
            "command": new.command,
            "provenance": json.dumps(dict(new.provenance)),
            "created": when,
            "activity": when,
            "parent": new.parent,
            "kind": new.kind,
            "baseline": new.baseline,
            "inherited": json.dumps(dict(new.inherited)),
            "place": place,
            "revision": revision,
        }
        connection.execute(
            f"INSERT INTO studies ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
            tuple(row.values()),
        )
        put_hyperparameters(connection, study, new.hyperparameters)

    writer.queue(change)
    add_trials(writer, study, trials)
    writer.commit()
    return study


def put_hyperparameters(
    connection: sqlite3.Connection, study: int, definitions: Sequence[NewHyperparameter]
) -> None:
    """Store a study's definitions in their order, replacing earlier ones."""
    connection.execute("DELETE FROM hyperparameters WHERE study = ?", (study,))
    connection.executemany(
        "INSERT INTO hyperparameters VALUES (?, ?, ?, ?, ?, ?)",
        [
            (study, d.name, position, d.role, d.column, json.dumps(dict(d.definition)))
            for position, d in enumerate(definitions)
        ],
    )


def add_trials(writer: Writer, study: int, trials: Iterable[NewTrial]) -> None:
    """Queue trials to be added to a study."""
    rows = [
        (
            study,
            t.number,
            t.point,
            t.arm,
            t.state,
            json.dumps(dict(t.params)),
            json.dumps(dict(t.unit)),
            t.seed,
            t.max_steps,
            t.source,
            t.repetition,
        )
        for t in trials
    ]
    writer.queue(
        lambda connection, revision: _many(
            connection,
            "INSERT INTO trials (study, number, point, arm, state, params, unit, seed, max_steps, "
            "source, repetition, revision) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(*row, revision) for row in rows],
        )
    )


def _many(connection: sqlite3.Connection, sql: str, rows: Sequence[Sequence[object]]) -> None:
    connection.executemany(sql, rows)


def set_study(writer: Writer, study: int, state: str, reason: str = "") -> None:
    """Queue a study's new state; `reason` says who or what stopped it."""
    when = now()
    finished = when if state in ("completed", "stopped") else None
    writer.queue(
        lambda connection, revision: _one(
            connection,
            "UPDATE studies SET state = ?, reason = ?, finished = ?, activity = ?, revision = ? "
            "WHERE id = ?",
            (state, reason, finished, when, revision, study),
        )
    )


def claim_trial(
    writer: Writer, trial: int, *, study: int, runner: int, attempt: int, start_step: int
) -> None:
    """Queue the claim of a queued trial by a runner, and remove its points after `start_step`.

    One that does not wait stays as it is.
    """
    when = now()
    rewind = writer.rewinding(trial, start_step)

    def change(connection: sqlite3.Connection, revision: int) -> None:
        claimed = connection.execute(
            "UPDATE trials SET state = 'running', reason = '', detail = '', runner = ?, "
            "attempt = ?, start_step = ?, started = coalesce(started, ?), finished = NULL, "
            "revision = ? WHERE id = ? AND state = 'queued'",
            (runner, attempt, start_step, when, revision, trial),
        )
        if claimed.rowcount and attempt > 1:
            rewind(connection, revision)

    writer.queue(change)
    writer.touch(study)


def record_start(
    writer: Writer,
    trial: int,
    *,
    device: str,
    versions: Mapping[str, str],
    code: Mapping[str, str],
) -> None:
    """Queue what a trial is trained with: device, versions, and the hashes of the user's files."""
    writer.queue(
        lambda connection, revision: _one(
            connection,
            "UPDATE trials SET device = ?, versions = ?, code = ?, revision = ? WHERE id = ?",
            (device, json.dumps(dict(versions)), json.dumps(dict(code)), revision, trial),
        )
    )


def record_device(writer: Writer, trial: int, device: str) -> None:
    """Queue the device that a trial trains on after all."""
    writer.queue(
        lambda connection, revision: _one(
            connection,
            "UPDATE trials SET device = ?, revision = ? WHERE id = ?",
            (device, revision, trial),
        )
    )


def add_warning(writer: Writer, study: int, trial: int, text: str) -> None:
    """Queue what a trainer says about a trial that does not end it."""
    writer.event("warning", {"text": text}, study=study, trial=trial)


def end_trial(
    writer: Writer,
    trial: int,
    *,
    study: int,
    state: str,
    reason: str,
    detail: str,
    step: int,
    seconds: float,
    code: Mapping[str, str] | None = None,
) -> None:
    """Queue a running trial's end; `code` are the user's files it was really trained with."""
    files = None if code is None else json.dumps(dict(code))
    when = now()

    def change(connection: sqlite3.Connection, revision: int) -> None:
        connection.execute(
            "UPDATE trials SET state = ?, reason = ?, detail = ?, step = max(step, ?), "
            "seconds = seconds + ?, code = coalesce(?, code), finished = ?, revision = ? "
            "WHERE id = ? AND state = 'running'",
            (state, reason, detail, step, seconds, files, when, revision, trial),
        )

    writer.forget(trial)
    writer.queue(change)
    writer.touch(study)


def requeue_trial(
    writer: Writer, trial: int, *, reason: str, step: int, seconds: float, interrupted: bool
) -> None:
    """Queue a running trial's return to the queue, rewound to its last checkpoint at `step`.

    One that does not run stays as it is.
    """
    writer.forget(trial)
    rewind = writer.rewinding(trial, step)

    def change(connection: sqlite3.Connection, revision: int) -> None:
        returned = connection.execute(
            "UPDATE trials SET state = 'queued', reason = ?, seconds = seconds + ?, "
            "interruptions = interruptions + ?, runner = NULL, revision = ? "
            "WHERE id = ? AND state = 'running'",
            (reason, seconds, int(interrupted), revision, trial),
        )
        if returned.rowcount:
            rewind(connection, revision)

    writer.queue(change)


def add_checkpoint(
    writer: Writer,
    trial: int,
    *,
    step: int,
    value: float | None,
    folder: str,
    size: int,
    sha256: str,
) -> None:
    """Queue the row of a checkpoint that is whole on the disk."""
    row = (trial, step, value, 0, folder, size, sha256, now())
    writer.execute("INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)


def keep_checkpoints(writer: Writer, trial: int, steps: Sequence[int], best: Sequence[int]) -> None:
    """Queue the removal of a trial's checkpoints that are not at `steps`, and mark the best."""
    marks = ", ".join("?" * len(steps))
    writer.execute(
        f"DELETE FROM checkpoints WHERE trial = ? AND step NOT IN ({marks})", (trial, *steps)
    )
    places = ", ".join("?" * len(best))
    writer.execute(
        f"UPDATE checkpoints SET best = step IN ({places}) WHERE trial = ?", (*best, trial)
    )


def add_code(writer: Writer, files: Mapping[str, tuple[str, str | None]]) -> None:
    """Queue copies of the user's files: SHA-256 → (path, content; None when it is too large)."""
    rows = [(sha256, path, content) for sha256, (path, content) in files.items()]
    writer.queue(
        lambda connection, _: _many(connection, "INSERT OR IGNORE INTO code VALUES (?, ?, ?)", rows)
    )


def add_runner(writer: Writer, who: Identity, *, version: str, slots: int) -> int:
    """Commit a runner's row, and forget what the slots of one before it did."""
    runner = next_id(writer, "runners")
    row = (runner, who.machine, who.boot, who.pid, who.started, version, slots, now())

    def change(connection: sqlite3.Connection, revision: int) -> None:
        connection.execute("DELETE FROM slots")
        connection.execute(
            "INSERT INTO runners (id, machine, boot, pid, process_start, version, slots, started, "
            "revision) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*row, revision),
        )

    writer.queue(change)
    writer.commit()
    return runner


def end_runner(writer: Writer, runner: int) -> None:
    """Queue the proper end of a runner."""
    when = now()
    writer.queue(
        lambda connection, revision: _one(
            connection,
            "UPDATE runners SET ended = ?, revision = ? WHERE id = ?",
            (when, revision, runner),
        )
    )


def _one(connection: sqlite3.Connection, sql: str, parameters: Sequence[object]) -> None:
    connection.execute(sql, tuple(parameters))
