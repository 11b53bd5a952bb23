"""Real studies in real processes: submit, wait, look for what is left."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from labtui.engine import client
from labtui.store.lab import Lab
from labtui.store.lock import living_runner
from labtui.store.paths import LabPaths
from labtui.study.spec import parse_study

WALL = 60.0
CLOCKS = {"step_time", "data_wait"}  # measured times differ from run to run

# A deterministic "training" whose state is one number, resumable, with every way to go wrong.
SCRIPT = """
import json, os, signal, subprocess, sys, time

def train(trial):
    mode, pause = trial.params.get("mode", "fine"), trial.params.get("pause", 0.0)
    state = trial.restore(lambda path: json.load(open(path))["x"])
    x = float(trial.seed % 1000) if state is None else state
    for step in trial.steps():
        x = 0.97 * x + trial.params["u"] / (step + 1)
        time.sleep(pause)
        if step == 10:
            act(mode)
        trial.log(step, {"train/loss": float("nan") if mode == "nan" and step >= 10 else x})
        if trial.should_evaluate(step):
            if mode != "silent":
                trial.log(step, {"validation/loss": x, "validation/error_rate": x / 1000})
            trial.checkpoint(step, json.dumps({"x": x}).encode())

def act(mode):
    if mode == "raise":
        raise RuntimeError("the data are broken")
    if mode == "exit":
        sys.exit("leaving")
    if mode == "hard-exit":
        os._exit(3)
    if mode == "memory":
        raise MemoryError("cannot allocate 99 GiB")
    if mode == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if mode == "hang":
        time.sleep(600)
    if mode == "stray":
        subprocess.Popen(["sleep", "654"], start_new_session=True)
    if mode == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        subprocess.Popen(["sh", "-c", "trap '' TERM; sleep 654"], start_new_session=True)
        time.sleep(600)
"""


def study_text(
    name="s", *, trials=4, steps=40, every=10, more="", workload=None, **hyperparameters
) -> str:
    lines = [
        f"study: {name}",
        "goal: Does the engine do what it says?",
        f"workload: {workload or name}",
        "trainer: {python: train.py:train}",
        "objective: {metric: validation/error_rate, goal: minimize}",
        f"budget: {{trials: {trials}, max_train_steps: {steps}, eval_every: {every}{more}}}",
        "hyperparameters:",
        "  u: {role: nuisance, range: [0, 1]}",
    ]
    lines += [f"  {key}: {json.dumps(value)}" for key, value in hyperparameters.items()]
    return "\n".join(lines) + "\n"


def fixed(value):
    return {"role": "fixed", "value": value}


def arms(*values):
    return {"role": "scientific", "values": list(values)}


def write_study(folder: Path, text: str, script: str = SCRIPT) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train.py").write_text(script)
    (folder / "study.yaml").write_text(text)
    return folder / "study.yaml"


def submit(paths: LabPaths, file: Path, **options) -> str:
    study = parse_study(file.read_text(), str(file))
    return client.submit(paths, study, file=file, folder=file.parent, **options).study


def wait_until(condition, wall: float = WALL):
    """Wait for a condition on the world outside, and give what it found."""
    deadline = time.monotonic() + wall
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {wall:g} s: {condition}")


def wait_for_state(paths: LabPaths, name: str, *states: str):
    with Lab(paths) as lab:
        wait_until(lambda: lab.study(name).state in states)
        return lab.trials(name)


def run(paths: LabPaths, file: Path, **options):
    """Run a study to its end; gives its trials."""
    name = submit(paths, file, **options)
    trials = wait_for_state(paths, name, "completed", "stopped")
    wait_until(lambda: not processes(paths))
    return trials


def points(paths: LabPaths, name: str):
    with Lab(paths) as lab:
        return sorted((n, m, s, repr(v)) for n, m, s, v in lab.points(name) if m not in CLOCKS)


def runner_pid(paths: LabPaths) -> int:
    """Give the runner that holds the lab; another may wait for the lock for a moment."""
    return wait_until(lambda: living_runner(paths.lock)).pid


def processes(paths: LabPaths, role: str = "") -> list[int]:
    """List the living runner, guard and workers of one lab, by role: service, guard, bootstrap."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if "Z" in (entry / "stat").read_text().rpartition(")")[2].split()[0]:
                    continue
                ours = _belongs(entry, line, paths)
            except OSError:
                continue
            if ours and role in line:
                found.append(int(entry.name))
    return found


def _belongs(entry: Path, line: str, paths: LabPaths) -> bool:
    if "engine.service" in line:
        return str(paths.db) in line
    if "guard.py" in line or "bootstrap.py" in line or "sleep 654" in line:
        return os.readlink(entry / "cwd").startswith(str(paths.db.parent))
    return False


def acknowledged(file: Path):
    return [json.loads(line) for line in file.read_text().splitlines()]
