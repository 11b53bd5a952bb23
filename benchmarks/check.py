"""What `labtui check` and `labtui import` cost on large studies.

    python benchmarks/check.py [--rounds 3]

Studies of 1,000 trials (46 evaluations, four metrics) and of 10,000 trials x 200 points are written
by the real writer; `labtui check --json` runs as a process of its own, without what it keeps
beside the lab. Beside it stands what it cannot do without: reading every point with plain SQL.
1,000 trial folders of 46 kB of CSV each, copies of the AlgoPerf logs in tests/data, are imported.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from labtui.store.changes import (
    NewHyperparameter,
    NewStudy,
    NewTrial,
    add_runner,
    add_study,
    claim_trial,
    end_trial,
    set_study,
)
from labtui.store.identity import own_identity
from labtui.store.paths import LabPaths
from labtui.store.writer import Writer

DATA = Path(__file__).parents[1] / "tests" / "data" / "algoperf"
BYTES = 46_000
DIMENSIONS = ("learning_rate", "weight_decay", "beta1", "dropout")
PEAK = """
import os, sys
pid = os.posix_spawn(sys.executable, [sys.executable, *sys.argv[1:]], os.environ)
_, status, used = os.wait4(pid, 0)
print(used.ru_maxrss, used.ru_utime + used.ru_stime, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status))
"""
READ = """
import sqlite3, sys
total = 0
for row in sqlite3.connect(sys.argv[1]).execute("SELECT trial, metric, step, value FROM points"):
    total += row[3] is not None
print(total)
"""


def write_lab(folder: Path, trials: int, evaluations: int) -> Path:
    """Write a study whose curves have the shapes of real ones."""
    paths = LabPaths(folder / "lab.db")
    draw = np.random.default_rng(0)
    unit = draw.random((trials, len(DIMENSIONS)))
    definition = {"role": "nuisance", "range": [0.0, 1.0]}
    with Writer(paths) as writer:
        names = [NewHyperparameter(n, "nuisance", i, definition) for i, n in enumerate(DIMENSIONS)]
        planned = [
            NewTrial(n, n, "", dict(zip(DIMENSIONS, unit[n].tolist(), strict=True)), {}, n, 10_000)
            for n in range(trials)
        ]
        study = add_study(
            writer,
            NewStudy(
                "large",
                "made",
                "numpy",
                "?",
                "validation/loss",
                "minimize",
                "best",
                1,
                "halton-1",
                trials,
                {"trainer": {"name": "none"}},
                "",
                "",
                names,
            ),
            planned,
        )
        runner = add_runner(writer, own_identity(), version="bench", slots=1)
        for number in range(trials):
            _train(writer, study, runner, number + 1, unit[number], evaluations, draw)
            if number % 100 == 99:
                writer.commit()
        set_study(writer, study, "completed")
    return paths.db


def _train(writer, study, runner, trial, unit, evaluations, draw) -> None:
    claim_trial(writer, trial, study=study, runner=runner, attempt=1, start_step=0)
    writer.watch(trial, "validation/loss", minimize=True)
    x = np.linspace(0, 1, evaluations)
    floor = 0.2 + float(((unit - 0.4) ** 2 * (4, 1, 0.2, 0)).sum())
    fall = np.exp(-x / (0.05 + 0.4 * unit[1]))
    train = floor * 0.8 + 2 * fall + 0.01 * draw.standard_normal(evaluations)
    value = floor + 2 * fall + 0.3 * unit[3] * x**2 + 0.02 * draw.standard_normal(evaluations)
    norm = np.exp(0.4 * draw.standard_normal(evaluations)) + 5 * fall
    steps = np.maximum(1, (10_000 * x)).astype(int).tolist()
    columns = {
        "train/loss": train,
        "validation/loss": value,
        "grad_norm": norm,
        "validation/error_rate": np.clip(value / 3, 0, 1),
    }
    for name, values in columns.items():
        writer.add_points(trial, list(zip(itertools.repeat(name), steps, values.tolist())))
    end_trial(
        writer,
        trial,
        study=study,
        state="completed",
        reason="",
        detail="",
        step=10_000,
        seconds=1.0,
    )


def write_folders(folder: Path, trials: int) -> Path:
    """Copy trials of the logs, cut or repeated to the size of a usual one."""
    source = next(DATA.rglob("ogbg_jax/trial_1/measurements.csv")).parent
    with (source / "measurements.csv").open(newline="") as stream:
        header, *rows = list(csv.reader(stream))
    text, size = [",".join(header)], 0
    step = header.index("global_step")
    for number, row in enumerate(itertools.cycle(rows)):
        if size > BYTES:
            break
        lap = number // len(rows)
        text.append(
            ",".join([*row[:step], str(int(float(row[step])) + lap * 100_000), *row[step + 1 :]])
        )
        size += len(text[-1]) + 1
    root = folder / "algoperf_v05" / "logs" / "external_tuning" / "baseline"
    for number in range(trials):
        study, trial = divmod(number, 5)
        target = root / f"study_{study}" / "ogbg_jax" / f"trial_{trial + 1}"
        shutil.copytree(source, target)
        shutil.copy(source.parent / f"trial_{trial + 1}" / "hparams.json", target)
        (target / "measurements.csv").write_text("\n".join(text) + "\n")
    shutil.copytree(DATA / "algoperf_v05" / "submissions", folder / "algoperf_v05" / "submissions")
    return folder


def timed(*command: str) -> tuple[float, float, float]:
    """Run a command; give its seconds, its greatest memory in MB, and its seconds of CPU."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *command],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    memory, cpu = done.stderr.split()[-2:]
    return time.perf_counter() - start, int(memory) / 1024, float(cpu)


def report(
    name: str, results: list[tuple[float, float, float]], beside: list[float], bar: str
) -> None:
    seconds = [one[0] for one in results]
    print(
        f"{name:34}{statistics.median(seconds):7.2f} s ({min(seconds):.2f} to {max(seconds):.2f}), "
        f"{statistics.median(one[2] for one in results):6.2f} s of CPU, "
        f"{max(one[1] for one in results):5.0f} MB, "
        f"{statistics.median(seconds) / statistics.median(beside):5.1f} x the plain reading; {bar}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    print(f"{rounds} rounds; {os.cpu_count()} cores, Python {sys.version.split()[0]}; wall time")
    for trials, evaluations, bar in ((1000, 46, "bar 5 s"), (10_000, 50, "bar 30 s, 1 GB")):
        with tempfile.TemporaryDirectory() as folder:
            db = str(write_lab(Path(folder), trials, evaluations))
            checks, plain = [], []
            for _ in range(rounds):
                shutil.rmtree(Path(folder, "lab.files", "cache"), ignore_errors=True)
                plain.append(timed("-c", READ, db)[0])
                checks.append(
                    timed("-m", "labtui.cli.app", "check", "large", "--json", "--lab", db)
                )
            report(f"check, {trials:,} x {4 * evaluations} points", checks, plain, bar)
            again = [timed("-m", "labtui.cli.app", "check", "large", "--json", "--lab", db)]
            report("  again, with what was kept", again, plain, "no bar")
    with tempfile.TemporaryDirectory() as folder:
        root = write_folders(Path(folder, "logs"), 1000)
        imports, plain = [], []
        for number in range(rounds):
            db = f"{folder}/lab{number}.db"
            imports.append(timed("-m", "labtui.cli.app", "import", str(root), "--lab", db))
            plain.append(timed("-c", READ, db)[0])
        report("import, 1,000 trials of 46 kB", imports, plain, "bar 60 s")


if __name__ == "__main__":
    main()
