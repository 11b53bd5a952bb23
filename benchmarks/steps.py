"""What labtui's bookkeeping costs a training loop: a study of labtui's own that measures it.

One arm does the work of a step and nothing else; the other also takes its steps from
`trial.steps`, logs three metrics at every step, and at every 100th two more and a checkpoint of
100 kB. CPU time of the whole worker, its threads included, in pairs at the same point of the study,
one worker.

Run: make bench-steps
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from pairs import difference, machine, ratio

from labtui.engine import client
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.study.spec import parse_study

PAIRS = 20
SCRIPT = """
import os
import time

STATE = os.urandom(100_000)

def work(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass

def bare(trial, seconds):
    for step in range(trial.max_steps):
        if seconds:
            work(seconds)

def kept(trial, seconds):
    for step in trial.steps():
        if seconds:
            work(seconds)
        trial.log(step, {"train/loss": 1.0 / step, "grad_norm": 0.5, "learning_rate": 0.1})
        if trial.should_evaluate(step):
            trial.log(step, {"validation/error_rate": 0.5, "validation/loss": 0.7})
            trial.checkpoint(step, STATE)

def train(trial):
    seconds = trial.params["work"]
    start = time.process_time()
    {"bare": bare, "kept": kept}[trial.params["bookkeeping"]](trial, seconds)
    trial.flush()
    spent = (time.process_time() - start) / trial.max_steps
    trial.log(trial.max_steps, {"cost": spent})
"""
STUDY = """
study: {name}
goal: What does bookkeeping cost a step?
workload: bookkeeping
trainer: {{python: steps.py:train}}
objective: {{metric: cost, goal: minimize}}
budget: {{trials: {pairs}, max_train_steps: {steps}, eval_every: 100}}
hyperparameters:
  bookkeeping: {{role: scientific, values: [bare, kept]}}
  work: {{role: fixed, value: {seconds}}}
"""


def measure(name: str, seconds: float, steps: int) -> tuple[list[float], list[float]]:
    """Run the study; gives the cost of a step, bare and kept, by pair."""
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        (folder / "steps.py").write_text(SCRIPT)
        file = folder / "study.yaml"
        file.write_text(STUDY.format(name=name, pairs=PAIRS, steps=steps, seconds=seconds))
        paths = LabPaths(folder / "lab.db")
        client.submit(paths, parse_study(file.read_text()), file=file, folder=folder, slots=1)
        with Lab(paths) as lab:
            while lab.study(name).state != "completed":
                time.sleep(0.2)
            trials = lab.trials(name)
            while lab.runner() is not None:
                time.sleep(0.05)
    costs = {"bare": [], "kept": []}
    for trial in sorted(trials, key=lambda trial: trial.number):
        costs[trial.params["bookkeeping"]].append(trial.best_value)
    return costs["bare"], costs["kept"]


def main() -> None:
    print(f"{PAIRS} pairs on one worker; {machine()}; CPU time of the worker")
    bare, kept = measure("empty-step", 0.0, 20_000)
    middle, low, high = difference(kept, bare)
    print(
        f"an empty step:   {middle * 1e6:6.2f} us of bookkeeping a step "
        f"({low * 1e6:.2f} to {high * 1e6:.2f}); bar 10"
    )
    bare, kept = measure("one-ms-step", 1e-3, 1000)
    middle, low, high = (100 * (value - 1) for value in ratio(bare, kept))
    print(f"a step of 1 ms:  {middle:6.2f} %  ({low:.2f} to {high:.2f}); bar 5")


if __name__ == "__main__":
    main()
