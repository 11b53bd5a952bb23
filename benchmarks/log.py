"""What a logged point costs: at the training loop, until it is committed, and on the disk.

The same 100,000 points (20 trials x 1,000 steps x 5 metrics) go through labtui's own path (a
trial's `log` in one process, the runner's receiving and committing in another) and through a CSV
file that is appended to and flushed each step; the first of them through what people have today
(as many as each takes in about a second), in interleaved rounds.

Run: make bench-log
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import logging
import math
import multiprocessing
import os
import selectors
import shutil
import socket
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from labtui.store.changes import NewStudy, NewTrial, add_study, claim_trial
from labtui.store.paths import LabPaths
from labtui.store.writer import Writer
from labtui.trainer.channel import POINTS, Channel, FrameBuffer, unpack_points
from labtui.trainer.trial import Objective, Trial
from labtui.trainer.worker import ChannelSink

TRIALS, STEPS, METRICS = 20, 1000, 5
TOTAL = TRIALS * STEPS * METRICS
ROUNDS = 5
NAMES = ("train/loss", "validation/loss", "validation/error_rate", "grad_norm", "learning_rate")
COMMIT_SECONDS = 0.1


def values(step: int) -> tuple[float, ...]:
    base = math.exp(-step / 300)
    return base, base * 1.1, base * 0.3, 1 + base, 1e-3 * base


def receive(stream: socket.socket, folder: str, report: socket.socket) -> None:
    """The runner's part: cut frames, queue points, commit every 100 ms."""
    paths = LabPaths(Path(folder, "lab.db"))
    writer = Writer(paths)
    add_study(writer, study(), [NewTrial(n, n, "", {}, {}, 0, STEPS) for n in range(TRIALS)])
    for trial in range(1, TRIALS + 1):
        claim_trial(writer, trial, study=1, runner=None, attempt=1, start_step=0)
        writer.watch(trial, "validation/error_rate", minimize=True)
    writer.commit()
    frames, names, trial, seen, committed = FrameBuffer(), {}, 0, 0, 0.0
    selector = selectors.DefaultSelector()
    selector.register(stream, selectors.EVENT_READ)
    report.send(b"r")
    busy = 0.0
    while seen < TOTAL:
        selector.select()
        began = time.process_time()
        for kind, payload in frames.feed(stream.recv(1 << 20)):
            if kind == POINTS:
                _, (metrics, steps, numbers) = unpack_points(payload)
                rows = [(names[m], s, v) for m, s, v in zip(metrics, steps, numbers, strict=True)]
                writer.add_points(trial, rows)
                seen += len(rows)
            else:
                message = json.loads(payload)
                if message["index"] == 0:
                    trial += 1
                names[message["index"]] = message["name"]
        if time.monotonic() - committed > COMMIT_SECONDS or seen == TOTAL:
            writer.commit()
            committed = time.monotonic()
        busy += time.process_time() - began
    report.send(json.dumps(busy).encode())
    writer.close()


def study() -> NewStudy:
    return NewStudy(
        "bench", "none", "none", "", "validation/error_rate", "minimize", "best", 1, "halton-1",
        TRIALS, {}, "/", "python",
    )  # fmt: skip


@dataclass(frozen=True)
class Cost:
    """What points cost: seconds in the calls, until all are kept, and bytes on the disk."""

    points: int
    loop: float
    total: float
    bytes: int
    receiving: float = 0.0
    """CPU seconds of labtui's receiving process."""


def labtui(folder: Path) -> Cost:
    ours, theirs = socket.socketpair()
    told, report = socket.socketpair()
    process = multiprocessing.get_context("spawn").Process(
        target=receive, args=(theirs, str(folder), report)
    )
    process.start()
    theirs.close()
    assert told.recv(1) == b"r"
    sink_channel = Channel(ours)
    loop = 0.0
    began = time.perf_counter()
    for _ in range(TRIALS):
        trial = Trial(
            {}, max_steps=STEPS, eval_every=50, objective=Objective("validation/error_rate"),
            sink=ChannelSink(sink_channel, 0),
        )  # fmt: skip
        rows = [dict(zip(NAMES, values(step), strict=True)) for step in range(1, STEPS + 1)]
        start = time.perf_counter()
        for step, row in enumerate(rows, 1):
            trial.log(step, row)
        loop += time.perf_counter() - start
        trial.flush()
    busy = json.loads(told.recv(100))
    total = time.perf_counter() - began
    process.join()
    return Cost(TOTAL, loop, total, (folder / "lab.db").stat().st_size, busy)


def plain_csv(folder: Path) -> Cost:
    start = time.perf_counter()
    for trial in range(TRIALS):
        with (folder / f"{trial}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            for step in range(1, STEPS + 1):
                writer.writerow((step, *values(step)))
                file.flush()
    took = time.perf_counter() - start
    return Cost(TOTAL, took, took, size(folder))


def size(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


def logged(
    folder: Path, steps: int, log: Callable[[int], object], close: Callable[[], object]
) -> Cost:
    """Log steps of one run with a peer's own call."""
    start = time.perf_counter()
    for step in range(1, steps + 1):
        log(step)
    loop = time.perf_counter() - start
    close()
    return Cost(steps * METRICS, loop, time.perf_counter() - start, size(folder))


def named(step: int) -> dict[str, float]:
    return dict(zip(NAMES, values(step), strict=True))


def tensorboard(folder: Path) -> Cost:
    from tensorboardX import SummaryWriter

    writer = SummaryWriter(str(folder), flush_secs=1)

    def log(step: int) -> None:
        for name, value in named(step).items():
            writer.add_scalar(name, value, step)

    return logged(folder, 2000, log, writer.close)


def wandb(folder: Path) -> Cost:
    import wandb

    settings = wandb.Settings(mode="offline", silent=True)
    run = wandb.init(project="bench", dir=str(folder), settings=settings)
    return logged(folder, 2000, lambda step: run.log(named(step), step=step), run.finish)


def trackio(folder: Path) -> Cost:
    os.environ.setdefault("TRACKIO_DIR", str(folder.parent / "labtui-bench-trackio"))
    with contextlib.redirect_stdout(io.StringIO()):
        import trackio  # reads where it writes once, at its import

        trackio.init(project=folder.name, embed=False)
        cost = logged(
            folder, 2000, lambda step: trackio.log(named(step), step=step), trackio.finish
        )
    there = Path(os.environ["TRACKIO_DIR"])
    return replace(cost, bytes=sum(p.stat().st_size for p in there.glob(f"{folder.name}.db*")))


def optuna(folder: Path, storage: object) -> Cost:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    trial = optuna.create_study(storage=storage).ask()

    def log(step: int) -> None:  # one intermediate value a step is all that it has
        for n, value in enumerate(values(step)):
            trial.report(value, step * METRICS + n)

    return logged(folder, 60, log, lambda: None)


def optuna_sqlite(folder: Path) -> Cost:
    return optuna(folder, f"sqlite:///{folder / 'optuna.db'}")


def optuna_journal(folder: Path) -> Cost:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    return optuna(folder, JournalStorage(JournalFileBackend(str(folder / "optuna.log"))))


def mlflow(folder: Path, steps: int, batch: int) -> Cost:
    """Log a batch of steps at a call: its newest way."""
    import mlflow
    from mlflow.entities import Metric

    logging.getLogger("mlflow").setLevel(logging.ERROR)  # its import sets it otherwise

    client = mlflow.MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.create_experiment("bench", artifact_location=str(folder))
    run = client.create_run(experiment).info.run_id
    rows: list[Metric] = []

    def log(step: int) -> None:
        rows.extend(Metric(name, value, 0, step) for name, value in named(step).items())
        if step % batch == 0:
            client.log_batch(run, rows)
            rows.clear()

    return logged(folder, steps, log, lambda: None)


PEERS = {
    "Trackio log": trackio,
    "wandb offline log": wandb,
    "TensorBoard add_scalar": tensorboard,
    "MLflow, 1,000 at a time": lambda folder: mlflow(folder, 2000, 200),
    "MLflow, a step at a time": lambda folder: mlflow(folder, 60, 1),
    "Optuna journal report": optuna_journal,
    "Optuna SQLite report": optuna_sqlite,
}
OURS, CSV = "labtui", "CSV append + flush"


def main() -> None:
    warnings.simplefilter("ignore")
    ways = {OURS: labtui, CSV: plain_csv, **PEERS}
    results: dict[str, list[Cost]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                results[name].append(way(Path(folder)))
    print(
        f"{TOTAL:,} points of labtui and of CSV, the first of them of each other, {ROUNDS} "
        f"interleaved rounds, medians; {os.cpu_count()} cores, Python {sys.version.split()[0]}"
    )
    print(f"{'':26}{'us/point':>12}{'us/point':>11}{'':>8}{'bytes/':>8}{'loop x':>9}{'loop x':>9}")
    print(f"{'':26}{'in the call':>12}{'kept':>11}{'spread':>8}{'point':>8}{'CSV':>9}{OURS:>9}")
    middle = {name: statistics.median(in_the_call(rows)) for name, rows in results.items()}
    for name, rows in results.items():
        loops = in_the_call(rows)
        total = statistics.median(row.total / row.points for row in rows) * 1e6
        print(
            f"{name:26}{middle[name]:12.2f}{total:11.2f}"
            f"{(max(loops) - min(loops)) / middle[name]:8.2f}"
            f"{statistics.median(row.bytes / row.points for row in rows):8.1f}"
            f"{middle[name] / middle[CSV]:9.2f}{middle[name] / middle[OURS]:9.2f}"
        )
    busy = statistics.median(row.receiving for row in results[OURS])
    shutil.rmtree(os.environ["TRACKIO_DIR"], ignore_errors=True)
    print(f"labtui's receiving process: {busy / TOTAL * 1e6:.2f} us of CPU a point")


def in_the_call(rows: list[Cost]) -> list[float]:
    """Give the microseconds a point that the training loop waits."""
    return [row.loop / row.points * 1e6 for row in rows]


if __name__ == "__main__":
    main()
