"""What readers get: rows of the lab as frozen records."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

STATES = ("queued", "running", "completed", "infeasible", "failed", "stopped")
INTERRUPTED = "interrupted"  # stored as running, but its runner is dead: seen, never written
ENDED = frozenset({"completed", "infeasible", "failed", "stopped"})


@dataclass(frozen=True)
class TrialRecord:
    """One trial.

    Attributes:
        id: Its number in the lab; `number` is that in its study, from 0.
        point: Which nuisance point it is at; trials of all arms share it.
        state: One of `STATES`, or ``interrupted``.
        value: The objective as the study selects it (best or final), None without one.
        step: Updates done; `max_steps` are planned.
        seconds: Training time over all attempts.
        code: The user's files it was trained with, path → SHA-256.
        source: Where an imported trial came from.
        repetition: Which repetition of its study it belongs to, from 0.
    """

    id: int
    study: str
    number: int
    point: int | None
    arm: str
    state: str
    reason: str
    detail: str
    params_json: str = field(repr=False)
    unit_json: str = field(repr=False)
    seed: int | None
    best_value: float | None
    best_step: int | None
    last_value: float | None
    last_step: int | None
    selection: str
    step: int
    max_steps: int | None
    attempt: int
    seconds: float
    device: str
    versions_json: str = field(repr=False)
    code_json: str = field(repr=False)
    source: str
    started: str | None
    finished: str | None
    revision: int
    repetition: int = 0

    @property
    def name(self) -> str:
        """The name people use: ``study/17``."""
        return f"{self.study}/{self.number}"

    @property
    def value(self) -> float | None:
        """The objective by the study's selection; None when there is none that is finite."""
        found = self.best_value if self.selection == "best" else self.last_value
        return found if found is not None and math.isfinite(found) else None

    @cached_property
    def params(self) -> dict[str, Any]:
        """Active hyperparameters, name → value."""
        return dict(json.loads(self.params_json))

    @cached_property
    def unit(self) -> dict[str, float]:
        """Unit coordinates of the sampled ones, name → [0, 1)."""
        return dict(json.loads(self.unit_json))

    @cached_property
    def versions(self) -> dict[str, str]:
        """Versions of the interpreter and frameworks."""
        return dict(json.loads(self.versions_json))

    @cached_property
    def code(self) -> dict[str, str]:
        """The user's files it was trained with, path → SHA-256."""
        return dict(json.loads(self.code_json))


@dataclass(frozen=True)
class StudyRecord:
    """One study, with its trials counted.

    Attributes:
        metric: The objective; `direction` is ``minimize`` or ``maximize``.
        state: ``queued``, ``running``, ``completed``, ``stopped`` or ``interrupted``.
        total: Trials planned.
        counts: Trials in each state that occurs.
        best_value: Over completed trials; None without any.
        best_trial: Number of the trial that has it.
        activity: When something last changed, ISO 8601 UTC.
        provenance: Git commit and diff, versions, and what else reproduces it.
        parent: The study it goes on from; `kind` says as what (``widen``, ``rerun`` …).
        baseline: Id of the baseline that it was planned against.
        inherited: Hyperparameters it does not name, with the values of that baseline.
    """

    id: int
    name: str
    workload: str
    goal: str
    state: str
    reason: str
    metric: str
    direction: str
    selection: str
    total: int
    counts: Mapping[str, int]
    best_value: float | None
    best_trial: int | None
    spec_json: str = field(repr=False)
    source: str = field(repr=False)
    file: str
    folder: str
    interpreter: str
    command: str
    provenance_json: str = field(repr=False)
    created: str
    finished: str | None
    activity: str
    revision: int
    parent: str = ""
    kind: str = ""
    baseline: int | None = None
    inherited_json: str = field(default="{}", repr=False)

    @property
    def minimize(self) -> bool:
        """Whether lower is better."""
        return self.direction == "minimize"

    @property
    def ended(self) -> int:
        """Trials that will not be trained any further."""
        return sum(n for state, n in self.counts.items() if state in ENDED)

    @cached_property
    def spec(self) -> dict[str, Any]:
        """The study as asked for: `labtui.study.spec.Study.from_json` takes it."""
        return dict(json.loads(self.spec_json))

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """What reproduces the study."""
        return dict(json.loads(self.provenance_json))

    @cached_property
    def inherited(self) -> dict[str, Any]:
        """Values of its baseline for hyperparameters that it does not name."""
        return dict(json.loads(self.inherited_json))


@dataclass(frozen=True)
class WorkloadRecord:
    """What is tuned.

    Attributes:
        baseline: Id of its current baseline; None without one.
        card: What is kept about it: probes, retrain deviation.
    """

    id: int
    name: str
    trainer: str
    metric: str
    goal: str
    card: Mapping[str, Any]
    baseline: int | None
    created: str


@dataclass(frozen=True)
class BaselineRecord:
    """A configuration that is or was a workload's baseline; `parent` is the one before.

    Attributes:
        launch: Id of the launch that made it; None when a person set it.
        trial: Name of the trial it is from, empty for none; `study` likewise.
        configuration: ``{"params", "trainer", "objective", "budget", "common", "folder"}``.
        rolled_back: When it was given up; None if it was not.
    """

    id: int
    workload: str
    parent: int | None
    launch: int | None
    study: str
    trial: str
    configuration: Mapping[str, Any]
    reason: str
    created: str
    rolled_back: str | None
    rollback_reason: str

    @property
    def params(self) -> dict[str, Any]:
        """Every hyperparameter of it."""
        return dict(self.configuration.get("params", {}))

    @property
    def trainer(self) -> str:
        """The name of what trained it; empty where that is not known."""
        return str(self.configuration.get("trainer", {}).get("name", ""))


@dataclass(frozen=True)
class LaunchRecord:
    """A decision about a candidate (P30); see `labtui.store.decisions.NewLaunch`."""

    id: int
    workload: str
    study: str
    trial: str
    baseline: int | None
    adopted: int | None
    verdict: str
    evidence: Mapping[str, Any]
    reason: str
    data: Mapping[str, Any]
    created: str
    updated: str


@dataclass(frozen=True)
class NoteRecord:
    """A note.

    Attributes:
        subject: ``workload:NAME``, or the name of a study or trial.
        trial: Number of the trial, where it is on one.
    """

    subject: str
    created: str
    text: str
    trial: int | None = None


@dataclass(frozen=True)
class Curve:
    """One metric of one trial: `steps` ascending and `values`, NaN where it was not a number."""

    trial: int
    metric: str
    steps: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class SummaryRecord:
    """What is known of one metric of one trial; see `labtui.store.summaries`."""

    trial: int
    metric: str
    n: int
    first_nonfinite_step: int | None
    min: float | None
    min_step: int | None
    max: float | None
    max_step: int | None
    last: float | None
    last_step: int | None


@dataclass(frozen=True)
class CheckpointRecord:
    """A state on the disk: `folder` is relative to the trial's checkpoint folder."""

    step: int
    value: float | None
    best: bool
    folder: str
    size: int
    created: str


@dataclass(frozen=True)
class EventRecord:
    """Something that happened, or the answer to a request."""

    id: int
    created: str
    kind: str
    study: int | None
    trial: int | None
    data: Mapping[str, Any]
