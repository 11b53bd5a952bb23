"""What the runner needs of whatever trains its trials: a small interface, and its messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from labtui.trainer.channel import Points


@dataclass(frozen=True)
class WorkerKey:
    """What a warm worker was started for; a trial that differs in any of it needs another.

    Attributes:
        device: ``cpu``, ``mps``, or the GPUs it sees: ``cuda:1``, ``cuda:0,cuda:1``.
    """

    entry: str
    interpreter: str
    folder: str
    environment: tuple[tuple[str, str], ...]
    device: str
    packages: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Job:
    """One attempt at a trial, or at several as a stack: the worker it needs, and what it is told.

    Attributes:
        trials: Their ids; position is the lane.
        assignments: One a trial.
    """

    trials: tuple[int, ...]
    key: WorkerKey
    assignments: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Message:
    """A trial says something: ``started``, ``metric``, ``checkpoint``, ``warning``, ``done`` …"""

    trial: int
    kind: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Logged:
    """A trial logged points; metric indices are those of its ``metric`` messages."""

    trial: int
    points: Points


@dataclass(frozen=True)
class Lost:
    """A trial's worker is gone.

    Attributes:
        signal: What killed it; None when it was not the worker's own death (the guard's, say).
        reason: For people.
        final: Whether trying again would end the same way.
        study: Whether no trial of its study could have begun.
    """

    trial: int
    signal: int | None
    reason: str
    final: bool
    study: bool = False


@dataclass(frozen=True)
class Place:
    """A worker and what it trains now.

    Attributes:
        slot: Its number, from 1, kept while it lives.
        device: As in `WorkerKey`.
        pid: Its process; None while it only starts.
        trials: Ids of those it trains: several as a stack, none while it waits.
    """

    slot: int
    device: str
    pid: int | None
    trials: tuple[int, ...]


Event = Message | Logged | Lost


class Executor(Protocol):
    """Trains jobs and tells what happens, in the order in which it happened for each trial."""

    def free(self) -> int:
        """Count the jobs that could start on the CPU now."""
        ...

    def start(self, job: Job) -> None:
        """Begin a job; only while one is free."""
        ...

    def stop(self, trial: int) -> None:
        """Ask a trial to end after its next evaluation."""
        ...

    def kill(self, trial: int) -> None:
        """End a trial now; a `Lost` event follows."""
        ...

    def wait(self, timeout: float) -> list[Event]:
        """Wait at most `timeout` seconds for something to happen."""
        ...

    def places(self) -> list[Place]:
        """List the workers by slot; cheap."""
        ...

    def close(self) -> None:
        """End everything; nothing is left running."""
        ...
