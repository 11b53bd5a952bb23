"""What dispatching a trial costs: a trial that does nothing, with its state committed.

labtui's own runner, guard and two warm workers run a study of trials that only report one number;
beside it Optuna on SQLite (random sampler, one process, as its quick start has it) and a bare pool
of two processes that keeps nothing, in interleaved rounds.

Run: make bench-dispatch
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import sys
import tempfile
import time
import warnings
from datetime import datetime
from pathlib import Path

from labtui.engine import client
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.study.spec import parse_study

ROUNDS = 5
TRIALS, WARM = 1000, 100
OPTUNA_TRIALS = 100
STUDY = """
study: noop
goal: What does a trial cost?
workload: noop
trainer: {{python: noop.py:train}}
objective: {{metric: validation/loss, goal: minimize}}
budget: {{trials: {trials}, max_train_steps: 1, eval_every: 1}}
hyperparameters:
  x: {{role: nuisance, range: [0, 1]}}
"""
SCRIPT = 'def train(trial):\n    trial.log(1, {"validation/loss": trial.params["x"]})\n'


def labtui(folder: Path) -> float:
    (folder / "noop.py").write_text(SCRIPT)
    file = folder / "study.yaml"
    file.write_text(STUDY.format(trials=TRIALS))
    paths = LabPaths(folder / "lab.db")
    study = parse_study(file.read_text())
    client.submit(paths, study, file=file, folder=folder, slots=2)
    with Lab(paths) as lab:
        while lab.study("noop").state != "completed":
            time.sleep(0.05)
        trials = lab.trials("noop")
        while lab.runner() is not None:
            time.sleep(0.01)
    assert all(trial.state == "completed" for trial in trials)
    ends = sorted(datetime.fromisoformat(trial.finished) for trial in trials)
    return (ends[-1] - ends[WARM - 1]).total_seconds() / (TRIALS - WARM)


def optuna(folder: Path) -> float:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        storage=f"sqlite:///{folder / 'optuna.db'}", sampler=optuna.samplers.RandomSampler(seed=1)
    )
    start = time.perf_counter()
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=OPTUNA_TRIALS)
    return (time.perf_counter() - start) / OPTUNA_TRIALS


def nothing(x: float) -> float:
    return x


def bare_pool(folder: Path) -> float:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.map(nothing, range(WARM), chunksize=1)
        start = time.perf_counter()
        pool.map(nothing, range(TRIALS), chunksize=1)
        return (time.perf_counter() - start) / TRIALS


def main() -> None:
    warnings.simplefilter("ignore")
    ways = {
        "labtui, 2 warm workers": labtui,
        "Optuna on SQLite": optuna,
        "bare process pool": bare_pool,
    }
    results: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            with tempfile.TemporaryDirectory() as folder:
                results[name].append(way(Path(folder)))
    print(
        f"no-op trials, {ROUNDS} interleaved rounds, medians; {os.cpu_count()} cores, "
        f"Python {sys.version.split()[0]}"
    )
    ours = statistics.median(results["labtui, 2 warm workers"])
    for name, seconds in results.items():
        middle = statistics.median(seconds)
        print(
            f"{name:24}{middle * 1e3:9.3f} ms a trial   ({min(seconds) * 1e3:.3f} to "
            f"{max(seconds) * 1e3:.3f})   {middle / ours:7.2f} x labtui"
        )


if __name__ == "__main__":
    main()
