"""What a lab says of its living runner: its slots, and the studies that it will train next."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from labtui.store.identity import Identity
from labtui.store.lock import paused
from labtui.store.paths import LabPaths

SLOTS = 4
"""The version of a lab from which it holds slots, and an order of the studies that wait."""

ACTIVE = ("queued", "running")
"""States of the studies that a runner trains."""


@dataclass(frozen=True)
class RunnerRecord:
    """The runner that lives.

    Attributes:
        pid: Its process.
        slots: Trials, or stacks of them, that it trains on the CPU at a time.
        started: When, ISO 8601 UTC.
        version: That of labtui.
    """

    pid: int
    slots: int
    started: str
    version: str


@dataclass(frozen=True)
class SlotRecord:
    """A slot of the living runner: a worker, and what it trains.

    Attributes:
        slot: Its number, from 1; a worker keeps its number while it lives.
        device: What it holds: ``cpu``, ``mps``, ``cuda:1`` or ``cuda:0,cuda:1``. A trial whose
            framework cannot use that trains on the CPU, and says so itself.
        trial: Name of the trial, ``study/17``; the first one of a stack; None while it has none.
        study: Name of its study; None without a trial.
        step: Of the trial, as far as it has logged; `max_steps` are planned.
        step_time: Seconds of a step, as the trainer timed it last, else on average by the clock.
        utilization: From 0 to 1: of its GPUs, else of its part of the cores (those of the machine
            shared by the runner's slots). None where it is not known.
        memory: Bytes in use on its GPUs, else by its process and those below it.
        updated: When any of this last changed, ISO 8601 UTC.
        lanes: Trials that it trains together as a stack.
        pid: Its process.
    """

    slot: int
    device: str
    trial: str | None
    study: str | None
    step: int | None
    max_steps: int | None
    step_time: float | None
    utilization: float | None
    memory: int | None
    updated: str
    lanes: int = 1
    pid: int | None = None


class RunnerReader(ABC):
    """The part of `labtui.store.lab.Lab` that speaks of the runner."""

    _version: int
    paths: LabPaths

    @abstractmethod
    def _all(self, sql: str, parameters: Sequence[object] = ()) -> list[sqlite3.Row]: ...

    @abstractmethod
    def runner(self) -> Identity | None:
        """Identify the living runner of this lab; None without one."""

    def paused(self) -> str:
        """Say why the living runner waits, empty unless it does: the disk is full, for instance."""
        return paused(self.paths.lock)

    def runner_record(self) -> RunnerRecord | None:
        """Describe the living runner; None without one, or while it only begins."""
        rows = self._living("SELECT pid, slots, started, version FROM runners", "id")
        return RunnerRecord(*rows[-1]) if rows else None

    def slots(self) -> list[SlotRecord]:
        """Give the slots of the living runner by number; none without one.

        What they say is from the last second or two. It changes without a new revision.
        """
        if self._version < SLOTS:
            return []
        rows = self._living(
            "SELECT l.slot, l.device, s.name || '/' || t.number, s.name, l.step, t.max_steps, "
            "l.step_time, l.utilization, l.memory, l.updated, l.lanes, l.pid "
            "FROM slots l JOIN runners ON runners.id = l.runner "
            "LEFT JOIN trials t ON t.id = l.trial LEFT JOIN studies s ON s.id = t.study",
            "l.slot",
        )
        return [SlotRecord(*row) for row in rows]

    def slots_updated(self) -> str:
        """Say when a slot last changed, empty without any; costs microseconds.

        A screen asks for `slots` again when this differs, or the runner: unlike everything else in
        a lab they have no part in `revision`, so that they make nobody read trials again.
        """
        if self._version < SLOTS:
            return ""
        return str(self._all("SELECT coalesce(max(updated), '') FROM slots")[0][0])

    def queue(self) -> list[str]:
        """Name the studies to be trained, in the order in which the runner takes their trials.

        Those of which trials train are among them; without a runner it is what one would take.
        """
        return [row[1] for row in self._all(in_order(self._version))]

    def _living(self, sql: str, order: str) -> list[sqlite3.Row]:
        found = self.runner()
        if found is None:
            return []
        return self._all(
            f"{sql} WHERE runners.pid = ? AND runners.process_start = ? AND runners.boot = ? "
            f"AND runners.ended IS NULL ORDER BY {order}",
            (found.pid, found.started, found.boot),
        )


def in_order(version: int = SLOTS) -> str:
    """Give the query for id, name and reason of the studies to be trained, the next first."""
    place = "place, " if version >= SLOTS else ""
    return f"SELECT id, name, reason FROM studies WHERE state IN {ACTIVE} ORDER BY {place}id"
