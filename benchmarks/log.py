"""What a logged point costs: at the training loop, until it is committed, and on the disk.

The same 100,000 points (20 trials x 1,000 steps x 5 metrics) go through labtui's own path (a
trial's `log` in one process, the runner's receiving and committing in another), through a CSV file
that is appended to and flushed each step, and through TensorBoard's writer, in interleaved rounds.

Run: make bench-log
"""

from __future__ import annotations

import csv
import json
import math
import multiprocessing
import os
import selectors
import socket
import statistics
import sys
import tempfile
import time
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


def labtui(folder: Path) -> tuple[float, float, int, float]:
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
    return loop, total, (folder / "lab.db").stat().st_size, busy


def plain_csv(folder: Path) -> tuple[float, float, int, float]:
    start = time.perf_counter()
    for trial in range(TRIALS):
        with (folder / f"{trial}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            for step in range(1, STEPS + 1):
                writer.writerow((step, *values(step)))
                file.flush()
    took = time.perf_counter() - start
    return took, took, size(folder), took


def tensorboard(folder: Path) -> tuple[float, float, int, float]:
    from tensorboardX import SummaryWriter

    loop, began = 0.0, time.perf_counter()
    for trial in range(TRIALS):
        with SummaryWriter(str(folder / str(trial)), flush_secs=1) as writer:
            start = time.perf_counter()
            for step in range(1, STEPS + 1):
                for name, value in zip(NAMES, values(step), strict=True):
                    writer.add_scalar(name, value, step)
            loop += time.perf_counter() - start
    total = time.perf_counter() - began
    return loop, total, size(folder), total


def size(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())


def main() -> None:
    ways = {"labtui": labtui, "CSV append + flush": plain_csv, "TensorBoard writer": tensorboard}
    results: dict[str, list[tuple[float, float, int, float]]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            with tempfile.TemporaryDirectory() as folder:
                results[name].append(way(Path(folder)))
    csv_loop = statistics.median(r[0] for r in results["CSV append + flush"])
    print(
        f"{TOTAL:,} points, {ROUNDS} interleaved rounds, medians; {os.cpu_count()} cores, "
        f"Python {sys.version.split()[0]}"
    )
    print(f"{'':22}{'us/point':>10}{'us/point':>12}{'100,000':>12}{'bytes/':>8}{'loop x':>8}")
    print(f"{'':22}{'at the loop':>10}{'committed':>11}{'points, s':>12}{'point':>8}{'CSV':>8}")
    for name, rows in results.items():
        loop, total, bytes_, _ = (statistics.median(r[i] for r in rows) for i in range(4))
        print(
            f"{name:22}{loop / TOTAL * 1e6:10.2f}{total / TOTAL * 1e6:12.2f}{total:12.2f}"
            f"{bytes_ / TOTAL:8.1f}{loop / csv_loop:8.2f}"
        )
    busy = statistics.median(r[3] for r in results["labtui"])
    print(f"labtui's receiving process: {busy / TOTAL * 1e6:.2f} us of CPU a point")


if __name__ == "__main__":
    main()
