"""From a trial's row to an attempt at it: its worker, its assignment, where it resumes."""

from __future__ import annotations

import json
import shutil
import sqlite3
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labtui.engine import devices
from labtui.engine.executor import Job, WorkerKey
from labtui.engine.plugins import find_plugin, package_folders, stack_limit
from labtui.store.changes import add_warning
from labtui.store.paths import LabPaths
from labtui.store.writer import Writer
from labtui.trainer.checkpoints import DATA, is_whole


@dataclass(frozen=True)
class StudyPlan:
    """What all trials of one study share, read from its row once."""

    id: int
    name: str
    workload: str
    metric: str
    direction: str
    eval_every: int
    timeout: float | None
    hours: float | None
    keep: int
    aliases: dict[str, str]
    options: dict[str, Any]
    frameworks: tuple[str, ...]
    steps_per_epoch: int | None
    key: WorkerKey
    request: devices.Request
    stack_entry: str
    stack_limit: int
    shape: dict[str, Any]  # the defaults of the hyperparameters that decide who may stack
    on_end: list[str]

    @property
    def minimize(self) -> bool:
        """Whether lower is better."""
        return self.direction == "minimize"


@dataclass(frozen=True)
class QueuedTrial:
    """A trial that waits for a slot.

    Attributes:
        attempt: Attempts made so far.
        alone: A stack that held it broke: it must not join another.
    """

    id: int
    number: int
    params: dict[str, Any]
    seed: int
    max_steps: int
    attempt: int
    alone: bool = False


@dataclass(frozen=True)
class Lane:
    """A trial about to be attempted, with the whole checkpoints it has, by step."""

    trial: QueuedTrial
    kept: list[dict[str, Any]]

    @property
    def start_step(self) -> int:
        """The step that it goes on from."""
        return int(self.kept[-1]["step"]) if self.kept else 0


def can_stack(plan: StudyPlan, one: Lane, other: Lane) -> bool:
    """Say whether two trials of a study have the shape and the steps of one batched model."""

    def shape(lane: Lane) -> tuple[Any, ...]:
        params = lane.trial.params
        values = (params.get(name, default) for name, default in plan.shape.items())
        return (lane.start_step, lane.trial.max_steps, *values)

    return not other.trial.alone and shape(one) == shape(other)


def study_plan(connection: sqlite3.Connection, study: int) -> StudyPlan:
    """Read a study's row.

    Raises:
        TrainerError, DeviceError: What it needs is not, or no longer, here.
    """
    connection.row_factory = sqlite3.Row
    try:
        row = connection.execute(
            "SELECT s.*, w.name AS workload_name FROM studies s "
            "JOIN workloads w ON w.id = s.workload WHERE s.id = ?",
            (study,),
        ).fetchone()
    finally:
        connection.row_factory = None
    spec = json.loads(row["spec"])
    plugin = find_plugin(spec["trainer"]["name"])
    budget = spec["budget"]
    environment = json.loads(row["environment"])
    request = devices.request(
        spec.get("device"),
        plugin.devices,
        gpus_per_trial=spec.get("gpus_per_trial"),
        trials_per_gpu=spec.get("trials_per_gpu"),
        environment=environment,
    )
    key = WorkerKey(
        entry=plugin.entry,
        interpreter=row["interpreter"],
        folder=row["folder"],
        environment=tuple(sorted(environment.items())),
        device=request.kind,
        packages=tuple(sorted(package_folders(plugin).items())),
    )
    workload = plugin.workloads.get(row["workload_name"])
    declared = workload.hyperparameters.items() if workload else ()
    return StudyPlan(
        id=study,
        name=row["name"],
        workload=row["workload_name"],
        metric=row["metric"],
        direction=row["direction"],
        eval_every=budget["eval_every"],
        timeout=budget.get("timeout"),
        hours=budget.get("hours"),
        keep=spec.get("keep_checkpoints", 1),
        aliases=spec.get("metrics") or {},
        options=spec["trainer"].get("options") or {},
        frameworks=plugin.frameworks,
        steps_per_epoch=spec.get("steps_per_epoch"),
        key=key,
        request=request,
        stack_entry=plugin.stack_entry,
        stack_limit=stack_limit(plugin, budget.get("stack", "auto"), budget.get("timeout")),
        shape={name: found.default for name, found in declared if found.shape},
        on_end=spec.get("on_end") or [],
    )


def queued_trials(connection: sqlite3.Connection, study: int) -> list[QueuedTrial]:
    """Read the trials of a study that wait, in the order of its sequence."""
    rows = connection.execute(
        "SELECT id, number, params, seed, max_steps, attempt FROM trials "
        "WHERE study = ? AND state = 'queued' ORDER BY number",
        (study,),
    )
    return [QueuedTrial(row[0], row[1], json.loads(row[2]), *row[3:]) for row in rows]


def whole_checkpoints(
    connection: sqlite3.Connection, paths: LabPaths, trial: int
) -> list[dict[str, Any]]:
    """List a trial's checkpoints that are still what they were when written, by step."""
    folder = paths.checkpoint_folder(trial)
    rows = connection.execute(
        "SELECT step, value, folder FROM checkpoints WHERE trial = ? ORDER BY step", (trial,)
    )
    found = [
        {"step": step, "value": value, "folder": str(folder / name)} for step, value, name in rows
    ]
    return [row for row in found if is_whole(row["folder"])]


def resume_step(connection: sqlite3.Connection, paths: LabPaths, trial: int) -> int:
    """Give the step of a trial's newest whole checkpoint; 0 without one."""
    kept = whole_checkpoints(connection, paths, trial)
    return int(kept[-1]["step"]) if kept else 0


def warn_of_spoiled(writer: Writer, study: int, trial: int, step: int) -> None:
    """Say which checkpoints of a trial that goes on from `step` were newer, and are not whole."""
    rows = writer.connection.execute(
        "SELECT step FROM checkpoints WHERE trial = ? AND step > ? ORDER BY step", (trial, step)
    ).fetchall()
    if rows:
        steps = ", ".join(str(row[0]) for row in rows)
        start = f"from the one at step {step}" if step else "from the beginning"
        text = f"its checkpoint at step {steps} is damaged: it goes on {start}"
        add_warning(writer, study, trial, text)


def place(plan: StudyPlan, where: str) -> WorkerKey:
    """Give the worker for a study's trials on the devices that `free_place` chose."""
    environment = {**dict(plan.key.environment), **devices.seen(where)}
    return replace(plan.key, device=where, environment=tuple(sorted(environment.items())))


def make_job(plan: StudyPlan, lanes: list[Lane], paths: LabPaths, where: str = devices.CPU) -> Job:
    """Describe the next attempt at a trial, or at several that train as a stack."""
    key = place(plan, where)
    stacked = len(lanes) > 1
    return Job(
        tuple(lane.trial.id for lane in lanes),
        key,
        tuple(_assignment(plan, key, lane, paths, stacked) for lane in lanes),
    )


def _assignment(
    plan: StudyPlan, key: WorkerKey, lane: Lane, paths: LabPaths, stacked: bool
) -> dict[str, Any]:
    trial = lane.trial
    newest = lane.kept[-1] if lane.kept else None
    return {
        "trial": trial.id,
        "name": f"{plan.name}/{trial.number}",
        "attempt": trial.attempt + 1,
        "entry": plan.stack_entry if stacked else key.entry,
        "stacked": stacked,
        "folder": key.folder,
        "params": trial.params,
        "seed": trial.seed,
        "workload": plan.workload,
        "options": plan.options,
        "max_steps": trial.max_steps,
        "eval_every": plan.eval_every,
        "steps_per_epoch": plan.steps_per_epoch,
        "objective": {"metric": plan.metric, "goal": plan.direction},
        "aliases": plan.aliases,
        "device": devices.for_trainer(key.device),
        "frameworks": list(plan.frameworks),
        "directory": str(paths.checkpoint_folder(trial.id)),
        "keep": plan.keep,
        "kept": lane.kept,
        "start_step": lane.start_step,
        "resume_path": str(Path(newest["folder"], DATA)) if newest else None,
        "log": str(paths.trial_log(trial.id)),
    }


def clear_leftovers(paths: LabPaths, trial: int, kept: list[dict[str, Any]]) -> None:
    """Remove checkpoint folders that no row names: half-written ones and those rewound past."""
    folder = paths.checkpoint_folder(trial)
    names = {Path(row["folder"]).name for row in kept}
    if folder.is_dir():
        for entry in folder.iterdir():
            if entry.name not in names:
                shutil.rmtree(entry, ignore_errors=True)
