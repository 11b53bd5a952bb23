"""What the screen costs: first paint, opening a large study, a frame of curves, memory, following.

    python benchmarks/screens.py [--rounds 7] [--trials 10000]

A lab of 10,000 trials x 400 points is written by the real writer. Beside first paint and opening
stand an empty Textual app and an empty screen, timed in the same run; the work on the screen's
thread is its processor time, callback by callback, while another process streams points into the
lab and ends trials.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np
from check import write_lab
from textual.app import App
from textual.screen import Screen

from labtui.charts import Axis, ChartSpec, Series
from labtui.store.changes import add_runner, claim_trial, end_trial, set_study
from labtui.store.identity import own_identity
from labtui.store.paths import LabPaths
from labtui.store.writer import Writer
from labtui.tui.app import LabApp
from labtui.tui.widgets.chart import Chart

SIZE = (200, 50)
FRESH = 40
"""Trials of the large study that are trained anew while it is followed."""
EMPTY = """
from textual.app import App
class Empty(App):
    def on_mount(self): self.call_after_refresh(self.exit)
Empty().run()
"""
FIRST = """
import sys
from labtui.store.paths import LabPaths
from labtui.tui.app import LabApp
from pathlib import Path
class First(LabApp):
    def on_mount(self):
        super().on_mount()
        self.call_after_refresh(self.exit)
First(LabPaths(Path(sys.argv[1]))).run()
"""


def spawn(code: str, *arguments: str) -> float:
    """Run a program on a terminal of its own until it ends; give its seconds."""
    import pty

    start = time.perf_counter()
    pid, master = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS="200", LINES="50")
        os.execv(sys.executable, [sys.executable, "-c", code, *arguments])
    try:
        while os.read(master, 65536):
            pass
    except OSError:
        pass
    os.close(master)
    os.waitpid(pid, 0)
    return time.perf_counter() - start


def first_paint(lab: Path, rounds: int) -> tuple[float, float]:
    """Milliseconds from a process's start to its end after the first frame: empty, and labtui."""
    pairs = [(spawn(EMPTY), spawn(FIRST, str(lab))) for _ in range(rounds)]
    empty, ours = zip(*pairs, strict=True)
    return 1000 * statistics.median(empty), 1000 * statistics.median(ours)


async def _painted(app: App[object], ready) -> None:
    while not ready():
        await asyncio.sleep(0.001)
    done = asyncio.Event()
    app.call_after_refresh(done.set)
    await done.wait()


async def opening(lab: Path, rounds: int) -> tuple[float, float]:
    """Milliseconds until an empty screen, and the study screen with its rows, is painted."""
    from labtui.tui.screens.study import StudyScreen

    app, empty, ours = LabApp(LabPaths(lab)), [], []
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause(1.0)
        for _ in range(rounds):
            start = time.perf_counter()
            app.push_screen(Screen())
            await _painted(app, lambda: True)
            empty.append(time.perf_counter() - start)
            app.pop_screen()
            await pilot.pause(0.2)
            screen = StudyScreen(app.reader, "large")
            start = time.perf_counter()
            app.push_screen(screen)
            await _painted(app, lambda screen=screen: screen.view is not None)
            ours.append(time.perf_counter() - start)
            await pilot.pause(1.5)
            app.pop_screen()
            await pilot.pause(0.5)
    return 1000 * statistics.median(empty), 1000 * statistics.median(ours)


class Bench(App[None]):
    """A chart that fills the screen."""

    def compose(self):
        yield Chart()


def curves(points: int = 10_000) -> ChartSpec:
    """Eight noisy losses on a log axis."""
    rng, x = np.random.default_rng(0), np.arange(points)
    noise = np.exp(0.12 * rng.standard_normal((8, points)))
    falls = [2.3 * np.exp(-x / (points / (6 + n))) + 0.02 * (n + 1) for n in range(8)]
    series = [Series(x, fall * noise[n], f"#{n}", key=n) for n, fall in enumerate(falls)]
    return ChartSpec("loss", Axis("step"), Axis("loss", scale="log"), tuple(series))


async def frames(repeats: int = 20) -> float:
    """Milliseconds of a frame of 8 curves x 10,000 points, from a new figure to its strips."""
    app = Bench()
    async with app.run_test(size=SIZE):
        chart = app.query_one(Chart)
        times = []
        for spec in [curves() for _ in range(repeats)]:
            start = time.perf_counter()
            chart.show(spec)
            for y in range(SIZE[1]):
                chart.render_line(y)
            times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times[2:])


class Work:
    """Measures the processor time of every callback on the loop's thread."""

    def __enter__(self) -> Work:
        self.longest, self.total, self.calls = 0.0, 0.0, []
        self._run = run = asyncio.Handle._run
        measured = self

        def timed(handle: asyncio.Handle) -> None:
            before = time.thread_time()
            run(handle)
            spent = time.thread_time() - before
            measured.total += spent
            measured.calls.append((spent, ""))
            measured.longest = max(measured.longest, spent)

        asyncio.Handle._run = timed  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.Handle._run = self._run  # type: ignore[method-assign]


def stream(lab: str, seconds: float, rate: float) -> None:
    """Log points of two trials of the study that runs, `rate` times a second, and end some."""
    with closing(Writer(LabPaths(Path(lab)), "runner")) as writer:
        study, total = writer.connection.execute("SELECT id, total FROM studies").fetchone()
        runner = add_runner(writer, own_identity(), version="bench", slots=2)
        fresh = [(total - place,) for place in range(FRESH)]
        for table, column in (("points", "trial"), ("summaries", "trial")):
            writer.connection.executemany(f"DELETE FROM {table} WHERE {column} = ?", fresh)
        writer.connection.executemany("UPDATE trials SET state = 'queued' WHERE id = ?", fresh)
        set_study(writer, study, "running")
        writer.commit()
        step, trial, end = 0, iter(row[0] for row in fresh), time.monotonic() + seconds
        current = None
        while time.monotonic() < end:
            if current is None or step >= 5 * rate:
                if current is not None:
                    end_trial(
                        writer, current, study=study, state="completed", reason="", detail="",
                        step=step, seconds=1.0,
                    )  # fmt: skip
                current, step = next(trial), 0
                claim_trial(
                    writer, current, study=study, runner=runner, attempt=1, start_step=0
                )
                writer.watch(current, "validation/loss", minimize=True)
            step += 1
            writer.add_points(
                current,
                [("validation/loss", step, 1 / step), ("train/loss", step, 0.8 / step)],
            )
            writer.commit()
            time.sleep(1 / rate)


async def following(lab: Path, seconds: float, rate: float) -> tuple[float, Work]:
    """The share of a core that following a stream takes, and the work on the screen's thread."""
    from labtui.tui.screens.study import StudyScreen

    context = multiprocessing.get_context("spawn")
    child = context.Process(target=stream, args=(str(lab), seconds + 12, rate))
    child.start()
    app = LabApp(LabPaths(lab), study="large")
    async with app.run_test(size=SIZE) as pilot:
        while not (isinstance(app.screen, StudyScreen) and app.screen.view is not None):
            await pilot.pause(0.05)
        app.screen.action_show("trials")
        await pilot.pause(6.0)
        with Work() as work:
            began, spent = time.monotonic(), time.process_time()
            while time.monotonic() - began < seconds:
                await asyncio.sleep(0.05)
            share = (time.process_time() - spent) / (time.monotonic() - began)
    child.join()
    return share, work


def memory(lab: Path) -> float:
    """Megabytes of a process that has the large study open."""
    code = f"""
import asyncio, resource, sys
from pathlib import Path
from labtui.store.paths import LabPaths
from labtui.tui.app import LabApp
async def main():
    app = LabApp(LabPaths(Path({str(lab)!r})), study="large")
    async with app.run_test(size={SIZE!r}) as pilot:
        await pilot.pause(4)
        for key in "12345678":
            await pilot.press(key)
            await pilot.pause(1.5)
    print(open("/proc/self/status").read().split("VmRSS:")[1].split()[0],
          resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
asyncio.run(main())
"""
    import subprocess

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[1]) / 1024


def main() -> None:
    """Print one line for every promise."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--lab", type=Path, help="a folder in which the lab is kept")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.lab or Path(scratch)
        lab = folder / "lab.db"
        if not lab.exists():
            write_lab(folder, asked.trials, 100)
        empty, ours = first_paint(lab, asked.rounds)
        print(f"first paint            empty {empty:6.0f} ms  labtui {ours:6.0f} ms  {ours / empty:.2f}x")
        empty, ours = asyncio.run(opening(lab, asked.rounds))
        print(f"open {asked.trials} trials     empty {empty:6.0f} ms  study  {ours:6.0f} ms  +{ours - empty:.0f} ms")
        print(f"8 curves x 10,000 at {SIZE[0]}x{SIZE[1]}   {asyncio.run(frames()):.1f} ms a frame")
        print(f"memory, all panes seen   {memory(lab):.0f} MB at most")
        share, work = asyncio.run(following(lab, 15, 2))
        print(f"following at 2 Hz        {100 * share:.1f} % of a core; longest work on the screen's thread {1000 * work.longest:.1f} ms")
        for spent, what in sorted(work.calls, reverse=True)[:5]:
            print(f"    {1000 * spent:6.1f} ms  {what}")


if __name__ == "__main__":
    main()
