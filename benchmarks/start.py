"""How long from `labtui run` to the first point of a torch study, beside ``import torch`` alone.

Wall time: it is what a person waits. The point counts when it is committed (`--events`).

Run: make bench-start
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pairs import QUIET, adopt_orphans, difference, interleave, machine

ROUNDS = 15
STUDY = """
study: start
goal: How long until the first point?
workload: digits-mlp
trainer: torch
objective: {metric: validation/error_rate, goal: minimize}
budget: {trials: 1, max_train_steps: 20, eval_every: 10}
device: cpu
hyperparameters:
  learning_rate: {role: nuisance, scale: log, range: [1e-3, 1e-1]}
"""


def import_torch() -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch"], check=True, env=QUIET)
    return time.perf_counter() - start


def first_point() -> float:
    with tempfile.TemporaryDirectory() as folder:
        file, events = Path(folder, "study.yaml"), Path(folder, "events")
        file.write_text(STUDY)
        command = [sys.executable, "-m", "labtui.cli.app", "run", str(file)]
        command += ["--lab", f"{folder}/lab.db", "--events", str(events)]
        start = time.perf_counter()
        process = subprocess.Popen(
            command, env=QUIET, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while not (events.exists() and '"point"' in events.read_text()):
            assert process.poll() in (None, 0), "labtui run failed"
            time.sleep(0.005)
        spent = time.perf_counter() - start
        assert process.wait() == 0
        _wait_for_the_runner()
    return spent


def _wait_for_the_runner() -> None:
    import os

    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def main() -> None:
    adopt_orphans()
    results = interleave({"import": import_torch, "first point": first_point}, ROUNDS)
    print(f"{ROUNDS} interleaved rounds; {machine()}; wall time")
    for name, seconds in results.items():
        print(
            f"{name:12}{statistics.median(seconds):6.2f} s "
            f"({min(seconds):.2f} to {max(seconds):.2f})"
        )
    middle, low, high = difference(results["first point"], results["import"])
    print(f"difference  {middle:6.2f} s ({low:.2f} to {high:.2f}); bar 1.5")


if __name__ == "__main__":
    main()
