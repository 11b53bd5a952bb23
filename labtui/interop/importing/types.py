"""What importers give and the writer takes: studies, the trials in them, and what went wrong.

A reader says which studies there are before anything is written; the trials of each come one by
one, so that memory holds one trial, whatever the size of the source.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from labtui.store.summaries import Columns

IMPORTED = "imported"
"""The trainer of every imported study: it names none that could train."""

READER = b"labtui-import-2"
"""Stands before what is hashed: a reader that reads differently reads everything again."""


class ImportFailed(Exception):
    """Nothing can be imported; says what was found, what was expected, and what to do."""

    exit_code = 2


class BadTrial(Exception):
    """One trial cannot be read; the others can."""

    def __init__(self, where: str, reason: str) -> None:
        """Say where, such as ``trials.jsonl:12``, and why."""
        super().__init__(f"{where}: {reason}")
        self.where, self.reason = where, reason


@dataclass(frozen=True)
class Skipped:
    """A part of the source that is no trial: where it is, and why it was passed over."""

    where: str
    reason: str


@dataclass(frozen=True)
class TrialRead:
    """A trial as the lab will hold it.

    Attributes:
        params: Its configuration.
        columns: Metric → steps (ascending) and values; NaN for "not a number".
        state: ``completed``, ``infeasible``, ``failed`` or ``stopped``; `reason` says why.
        step: The last step that was trained.
        max_steps: Steps that were planned; None where nobody said.
        point: Number of its configuration in the search space; None where unknown.
        seconds: Time spent on training.
        notes: What the person should know about it.
    """

    params: Mapping[str, Any]
    columns: Columns
    state: str
    reason: str
    step: int
    max_steps: int | None = None
    point: int | None = None
    seed: int | None = None
    seconds: float = 0.0
    device: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrialSource:
    """A trial that can be read.

    Attributes:
        source: Where it came from, kept with the trial.
        key: What tells it apart in its study, also when the source was moved.
        file: What its hash is the hash of, by name.
        fingerprint: Hashes everything that `read` reads.
        read: Reads it; raises `BadTrial`.
        repetition: Which repetition of its study it belongs to, from 0.
    """

    source: str
    key: str
    file: str
    fingerprint: Callable[[], str]
    read: Callable[[], TrialRead]
    repetition: int = 0


@dataclass(frozen=True)
class StudySource:
    """A study that can be imported.

    Attributes:
        name: What the lab calls it; `longer` if another study has that name already.
        identity: What tells it from every other import: an import of the same adds to it.
        root: What was imported, as an absolute path.
        points: Whether the search space is a list of points, not ranges.
        definitions: Name → definitions as in a study file; None to take them from the trials.
        declared: Without `definitions`: those that are known, for the names that trials have.
        metrics: Metric → ``goal``, ``chance``, ``examples``, as far as they are known.
        trials: Begins to give the trials, in an order that does not change.
        key_of: Gives the key of a trial in the lab by its source and repetition.
    """

    name: str
    identity: str
    format: str
    root: str
    workload: str
    goal: str
    metric: str
    direction: str
    trials: Callable[[], Iterator[TrialSource | Skipped]]
    selection: str = "best"
    design: str = "separate"
    points: bool = False
    definitions: Mapping[str, list[dict[str, Any]]] | None = None
    declared: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    metrics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    key_of: Callable[[str, int], str] = lambda source, repetition: source
    notes: tuple[str, ...] = ()
    longer: str = ""


def fingerprint(*parts: bytes) -> str:
    """Hash the parts of a source (SHA-256)."""
    digest = hashlib.sha256(READER)
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()
