"""What a study of small networks costs, everything included: labtui beside the usual ways.

The digits MLP 64-128-128-10, 1,000 steps of 64 examples, Nesterov momentum, learning rates drawn at
random, evaluated every 100 steps, two processes with one thread each:

- labtui, numpy trainer, trials stacked (its default)
- labtui, torch trainer, warm workers
- two bare torch loops: one import each, no bookkeeping at all
- Optuna on SQLite, the same torch network, two processes
- a process a trial, two at a time

CPU time of all processes, start-up included, per trial; interleaved rounds.

Run: make bench-study, or make bench-study TRIALS=200 ROUNDS=15 for the long form.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import random
import statistics
import sys
import tempfile
from pathlib import Path

from pairs import QUIET, adopt_orphans, cpu_seconds, interleave, machine, ratio

HERE = Path(__file__)
LOW, HIGH = 1e-3, 1e-1
STEPS, EVERY, BATCH = 1000, 100, 64
STUDY = """
study: bench
goal: What does a study cost?
workload: digits-mlp
trainer: {trainer}
objective: {{metric: validation/error_rate, goal: minimize}}
budget: {{trials: {trials}, max_train_steps: {steps}, eval_every: {every}}}
device: cpu
hyperparameters:
  learning_rate: {{role: nuisance, scale: log, range: [{low}, {high}]}}
  optimizer: {{role: fixed, value: nesterov}}
  depth: {{role: fixed, value: 2}}
  width: {{role: fixed, value: 128}}
  batch_size: {{role: fixed, value: {batch}}}
"""


# -- the peers' part: an ordinary torch program, used by all of them -----------------------------


def load_digits():
    import torch

    from labtui_numpy.data import load

    data = load("digits")
    inputs = torch.tensor(data.inputs)
    labels = torch.tensor(data.targets).argmax(1)
    return inputs, labels, data.splits


def train(rate: float, seed: int, data, report=None) -> float:
    import torch
    from torch import nn

    inputs, labels, splits = data
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9, nesterov=True)
    criterion = nn.CrossEntropyLoss()
    train_inputs, train_labels = inputs[splits["train"]], labels[splits["train"]]
    order, at, best = torch.randperm(len(train_inputs)), 0, 1.0
    for step in range(1, STEPS + 1):
        if at + BATCH > len(order):
            order, at = torch.randperm(len(train_inputs)), 0
        rows = order[at : at + BATCH]
        at += BATCH
        optimizer.zero_grad()
        loss = criterion(model(train_inputs[rows]), train_labels[rows])
        loss.backward()
        optimizer.step()
        if step % EVERY == 0:
            with torch.no_grad():
                outputs = model(inputs[splits["validation"]])
                wrong = outputs.argmax(1) != labels[splits["validation"]]
            error = wrong.float().mean().item()
            best = min(best, error)
            if report is not None:
                report(error, step)
    return best


def draw(seed: int) -> float:
    return math.exp(random.Random(seed).uniform(math.log(LOW), math.log(HIGH)))


def bare(trials: int, seed: int) -> None:
    import torch

    torch.set_num_threads(1)
    data = load_digits()
    for trial in range(trials):
        train(draw(1000 * seed + trial), trial, data)


def optuna_worker(trials: int, storage: str) -> None:
    import optuna
    import torch

    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    data = load_digits()
    study = optuna.load_study(
        study_name="bench", storage=storage, sampler=optuna.samplers.RandomSampler()
    )

    def objective(trial):
        rate = trial.suggest_float("learning_rate", LOW, HIGH, log=True)
        return train(rate, trial.number, data, trial.report)

    study.optimize(objective, n_trials=trials)


def optuna_create(storage: str) -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    optuna.create_study(study_name="bench", storage=storage)


# -- the ways, measured from outside --------------------------------------------------------------


def part(*arguments: object) -> list[str]:
    return [sys.executable, str(HERE), *map(str, arguments)]


def two(*commands: list[str]) -> float:
    """Run commands side by side; gives the CPU time of all."""
    script = (
        "import subprocess, sys, json\n"
        "ps = [subprocess.Popen(c) for c in json.loads(sys.argv[1])]\n"
        "sys.exit(any([p.wait() for p in ps]))"
    )
    return cpu_seconds([sys.executable, "-c", script, json.dumps(commands)])


def labtui(trainer: str, trials: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "study.yaml")
        text = STUDY.format(
            trainer=trainer,
            trials=trials,
            steps=STEPS,
            every=EVERY,
            low=LOW,
            high=HIGH,
            batch=BATCH,
        )
        file.write_text(text)
        lab = Path(folder, "lab.db")
        run = [sys.executable, "-m", "labtui.cli.app", "run", str(file), "--lab", str(lab)]
        spent = cpu_seconds([*run, "--slots", "2"], stderr=-3)
        from labtui.store.lab import Lab
        from labtui.store.paths import LabPaths

        with Lab(LabPaths(lab)) as opened:
            states = [trial.state for trial in opened.trials("bench")]
        assert states == ["completed"] * trials, states
    return spent / trials


def two_bare_loops(trials: int) -> float:
    half = trials // 2
    return two(part("bare", half, 1), part("bare", half, 2)) / (2 * half)


def optuna(trials: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        storage = f"sqlite:///{folder}/optuna.db"
        spent = cpu_seconds(part("optuna-create", storage), stderr=-3)
        half = trials // 2
        worker = part("optuna", half, storage)
        return (spent + two(worker, worker)) / (2 * half)


def process_a_trial(trials: int) -> float:
    few = max(2, trials // 8)  # its cost does not depend on their number
    commands = [part("bare", 1, number) for number in range(few)]
    return sum(two(*commands[at : at + 2]) for at in range(0, few, 2)) / few


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    adopt_orphans()
    ways = {
        "labtui, numpy stacked": functools.partial(labtui, "numpy", options.trials),
        "labtui, torch warm": functools.partial(labtui, "torch", options.trials),
        "two bare torch loops": functools.partial(two_bare_loops, options.trials),
        "Optuna + torch, 2 processes": functools.partial(optuna, options.trials),
        "a torch process a trial": functools.partial(process_a_trial, options.trials),
    }
    results = interleave(ways, options.rounds)
    print(
        f"{options.rounds} interleaved rounds of studies of {options.trials} trials; "
        f"MLP 64-128-128-10, {STEPS} steps; {machine()}; CPU time, start-up included"
    )
    for name, seconds in results.items():
        low, high = min(seconds), max(seconds)
        middle = statistics.median(seconds)
        print(f"{name:30}{middle:7.3f} core-s a trial   ({low:.3f} to {high:.3f})")
    print("\nratios, median of pairs with a 95 % interval:")
    claims = (
        ("labtui, numpy stacked", "Optuna + torch, 2 processes", 4.0),
        ("labtui, torch warm", "two bare torch loops", 0.9),
        ("labtui, torch warm", "a torch process a trial", 3.0),
    )
    for ours, theirs, target in claims:
        middle, low, high = ratio(results[ours], results[theirs])
        print(f"{ours} is {middle:.2f} x {theirs} ({low:.2f} to {high:.2f}); target {target:g} x")


if __name__ == "__main__":
    if sys.argv[1:2] == ["bare"]:
        bare(int(sys.argv[2]), int(sys.argv[3]))
    elif sys.argv[1:2] == ["optuna"]:
        optuna_worker(int(sys.argv[2]), sys.argv[3])
    elif sys.argv[1:2] == ["optuna-create"]:
        optuna_create(sys.argv[2])
    else:
        assert QUIET["OMP_NUM_THREADS"] == "1"
        main()
