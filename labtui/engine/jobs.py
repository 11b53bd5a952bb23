"""From a trial's row to an attempt at it: its worker, its assignment, where it resumes."""

from __future__ import annotations

import json
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labtui.engine.devices import check_device
from labtui.engine.executor import Job, WorkerKey
from labtui.engine.plugins import find_plugin, package_folders
from labtui.store.paths import LabPaths
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
    key: WorkerKey

    @property
    def minimize(self) -> bool:
        """Whether lower is better."""
        return self.direction == "minimize"


@dataclass(frozen=True)
class QueuedTrial:
    """A trial that waits for a slot."""

    id: int
    number: int
    params: dict[str, Any]
    seed: int
    max_steps: int
    attempt: int


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
    key = WorkerKey(
        entry=plugin.entry,
        interpreter=row["interpreter"],
        folder=row["folder"],
        environment=tuple(sorted(json.loads(row["environment"]).items())),
        device=check_device(spec.get("device")),
        packages=tuple(sorted(package_folders(plugin).items())),
    )
    return StudyPlan(
        id=study,
        name=row["name"],
        workload=row["workload_name"],
        metric=row["metric"],
        direction=row["direction"],
        eval_every=budget["eval_every"],
        timeout=budget.get("timeout"),
        hours=budget.get("hours"),
        keep=spec.get("keep_checkpoints") or 1,
        aliases=spec.get("metrics") or {},
        options=spec["trainer"].get("options") or {},
        frameworks=plugin.frameworks,
        key=key,
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


def make_job(
    plan: StudyPlan, trial: QueuedTrial, paths: LabPaths, kept: list[dict[str, Any]]
) -> Job:
    """Describe the next attempt at a trial that goes on from the last of its `kept` checkpoints."""
    folder = paths.checkpoint_folder(trial.id)
    newest = kept[-1] if kept else None
    assignment = {
        "trial": trial.id,
        "name": f"{plan.name}/{trial.number}",
        "attempt": trial.attempt + 1,
        "entry": plan.key.entry,
        "folder": plan.key.folder,
        "params": trial.params,
        "seed": trial.seed,
        "workload": plan.workload,
        "options": plan.options,
        "max_steps": trial.max_steps,
        "eval_every": plan.eval_every,
        "objective": {"metric": plan.metric, "goal": plan.direction},
        "aliases": plan.aliases,
        "device": plan.key.device,
        "frameworks": list(plan.frameworks),
        "directory": str(folder),
        "keep": plan.keep,
        "kept": kept,
        "start_step": newest["step"] if newest else 0,
        "resume_path": str(Path(newest["folder"], DATA)) if newest else None,
        "log": str(paths.trial_log(trial.id)),
    }
    return Job(trial.id, plan.key, assignment)


def clear_leftovers(paths: LabPaths, trial: int, kept: list[dict[str, Any]]) -> None:
    """Remove checkpoint folders that no row names: half-written ones and those rewound past."""
    folder = paths.checkpoint_folder(trial)
    names = {Path(row["folder"]).name for row in kept}
    if folder.is_dir():
        for entry in folder.iterdir():
            if entry.name not in names:
                shutil.rmtree(entry, ignore_errors=True)
