"""What a runner's slots do, as it is written, and the order of its queue."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import astuple, dataclass

from labtui.store.runners import ACTIVE
from labtui.store.writer import Writer


@dataclass(frozen=True)
class Slot:
    """What is kept of a slot; see `labtui.store.runners.SlotRecord`. `trial` is an id."""

    slot: int
    device: str
    pid: int | None
    trial: int | None
    lanes: int
    step: int | None
    step_time: float | None
    utilization: float | None
    memory: int | None


def put_slots(writer: Writer, runner: int, slots: Sequence[tuple[Slot, str]]) -> None:
    """Set aside what all slots of a runner do, each with the time of its last change."""
    rows = [(*astuple(slot), runner, updated) for slot, updated in slots]

    def change(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM slots")
        connection.executemany(
            "INSERT INTO slots (slot, device, pid, trial, lanes, step, step_time, utilization, "
            "memory, runner, updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )

    writer.aside(change)


# -- the order of the queue ---------------------------------------------------------------------


def last_place(connection: sqlite3.Connection) -> int:
    """Give the place behind every study that is to be trained."""
    found = connection.execute(
        f"SELECT coalesce(max(place), 0) + 1 FROM studies WHERE state IN {ACTIVE}"
    ).fetchone()
    return int(found[0])


def put_order(writer: Writer, studies: Sequence[int]) -> None:
    """Queue the places of studies (by id) that are to be trained, the next first."""
    places = [(place, study) for place, study in enumerate(studies, start=1)]

    def change(connection: sqlite3.Connection, revision: int) -> None:
        connection.executemany(
            "UPDATE studies SET place = ?, revision = ? WHERE id = ? AND place <> ?",
            [(place, revision, study, place) for place, study in places],
        )

    writer.queue(change)
