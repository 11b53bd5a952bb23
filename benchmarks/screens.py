"""What the screen costs: first paint, opening a large study, a frame of curves, memory, following.

    python benchmarks/screens.py [--rounds 15] [--trials 10000] [--lab FOLDER]

A lab of 10,000 trials x 400 points is written by the real writer. Beside first paint and opening
stand an empty Textual app and an empty screen, timed in turn in the same run; both are given as
processor time, which other programs on the machine disturb less, and as time on the clock. The work
on the screen's thread is its processor time, callback by callback, while another process streams
points into the lab and ends trials.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

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
TOLD = """
import os, sys, time
def painted(app):
    spent, now = time.process_time(), time.time()
    with open(os.environ["PAINTED"], "w") as file:
        file.write(f"{spent} {now}")
    app.exit()
"""
EMPTY = f"""{TOLD}
from textual.app import App
class Empty(App):
    def on_mount(self): self.call_after_refresh(painted, self)
Empty().run()
"""
FIRST = f"""{TOLD}
from pathlib import Path
from labtui.store.paths import LabPaths
from labtui.tui.app import LabApp
class First(LabApp):
    def on_mount(self): self.call_after_refresh(painted, self)
First(LabPaths(Path(sys.argv[1]))).run()
"""


def spawn(code: str, *arguments: str) -> tuple[float, float]:
    """Run a program on a terminal of its own until it ends.

    Returns:
        Seconds until its first frame was painted: of the processor, and on the clock.
    """
    import pty

    with tempfile.NamedTemporaryFile("r") as told:
        start = time.time()
        pid, master = pty.fork()
        if pid == 0:
            os.environ.update(TERM="xterm-256color", COLUMNS="200", LINES="50", PAINTED=told.name)
            os.execv(sys.executable, [sys.executable, "-c", code, *arguments])
        try:
            while os.read(master, 65536):
                pass
        except OSError:
            pass
        os.close(master)
        os.waitpid(pid, 0)
        spent, painted = map(float, told.read().split())
    return spent, painted - start


Pairs = list[tuple[tuple[float, float], tuple[float, float]]]
"""Seconds of the processor and on the clock: of the empty one and of ours, in turn."""


def first_paint(lab: Path, rounds: int) -> Pairs:
    """Measure from a process's start until its first frame: an empty app, and labtui."""
    return [(spawn(EMPTY), spawn(FIRST, str(lab))) for _ in range(rounds)]


async def _painted(app: App[Any], screen: Screen[Any], ready: Callable[[Any], bool]) -> None:
    """Wait until a frame of the screen was written in which what it waits for can be seen."""
    done, write = asyncio.Event(), app._display

    def display(of: Screen[Any], frame: Any) -> None:
        write(of, frame)
        if of is screen and ready(screen):
            done.set()

    app._display = display  # type: ignore[method-assign]
    await done.wait()
    del app._display


async def opening(lab: Path, rounds: int) -> Pairs:
    """Measure until an empty screen, and the study screen with its first rows, is painted."""
    from labtui.tui.screens.lab import LabScreen

    app, found = LabApp(LabPaths(lab)), []
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause(4.0)
        for _ in range(rounds):
            blank = await _opened(app, lambda: app.push_screen(Screen()), lambda _: True)
            app.pop_screen()
            await pilot.pause(0.3)
            ours = await _opened(
                app,
                lambda: app.on_lab_screen_chosen(LabScreen.Chosen("large")),
                lambda one: one.view is not None,
            )
            found.append((blank, ours))
            await pilot.pause(1.5)
            app.pop_screen()
            await pilot.pause(2.0)
    return found


async def _opened(
    app: LabApp, push: Callable[[], object], ready: Callable[[Any], bool]
) -> tuple[float, float]:
    start, spent = time.perf_counter(), time.thread_time()
    push()
    await _painted(app, app.screen, ready)
    return time.thread_time() - spent, time.perf_counter() - start


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
        self.calls: list[float] = []
        self._run = run = asyncio.Handle._run
        measured = self

        def timed(handle: asyncio.Handle) -> None:
            before = time.thread_time()
            run(handle)
            measured.calls.append(time.thread_time() - before)

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
                claim_trial(writer, current, study=study, runner=runner, attempt=1, start_step=0)
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
        await pilot.pause(8.0)
        with Work() as work:
            began, spent = time.monotonic(), time.process_time()
            while time.monotonic() - began < seconds:
                await asyncio.sleep(0.05)
            share = (time.process_time() - spent) / (time.monotonic() - began)
    child.join()
    return share, work


MEMORY = """
import asyncio, resource, sys
from pathlib import Path
from labtui.store.paths import LabPaths
from labtui.tui.app import LabApp
async def look():
    app = LabApp(LabPaths(Path(sys.argv[1])), study="large")
    async with app.run_test(size=(200, 50)) as pilot:
        await pilot.pause(4)
        for key in "12345678":
            await pilot.press(key)
            await pilot.pause(1.5)
    status = Path("/proc/self/status")  # ru_maxrss counts what the parent had before exec
    if status.exists():
        print(status.read_text().split("VmHWM:")[1].split()[0])
    else:
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
asyncio.run(look())
"""


def memory(lab: Path) -> float:
    """Give the most megabytes of a process that has the large study open, all panes seen."""
    command = [sys.executable, "-c", MEMORY, str(lab)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout) / 1024


def middle(pairs: Pairs, place: int) -> tuple[float, float, float]:
    """Give the medians in milliseconds, of the empty one and of ours, and that of the ratios."""
    empty, ours = [one[place] for one, _ in pairs], [one[place] for _, one in pairs]
    ratio = statistics.median(b / a for a, b in zip(empty, ours, strict=True))
    return 1000 * statistics.median(empty), 1000 * statistics.median(ours), ratio


def tell(what: str, pairs: Pairs) -> None:
    """Print both times of both."""
    for place, name in enumerate(("processor", "clock")):
        empty, ours, ratio = middle(pairs, place)
        print(
            f"{what:<22} {name:<9}  empty {empty:5.0f} ms  labtui {ours:5.0f} ms  "
            f"{ratio:.2f}x  +{ours - empty:.0f} ms",
            flush=True,
        )


def main() -> None:
    """Print one line for every promise."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--lab", type=Path, help="a folder in which the lab is kept")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.lab or Path(scratch)
        lab = folder / "lab.db"
        if not lab.exists():
            write_lab(folder, asked.trials, 100)
        print(f"others at work: load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        # First, in a small process: what the others leave behind is gone through while it is timed.
        print(f"8 curves x 10,000      {asyncio.run(frames()):.1f} ms a frame at 200x50")
        tell("first paint", first_paint(lab, asked.rounds))
        tell(f"open {asked.trials:,} trials", asyncio.run(opening(lab, max(3, asked.rounds // 3))))
        print(f"memory                 {memory(lab):.0f} MB at most, all panes seen", flush=True)
        share, work = asyncio.run(following(lab, 15, 2))
        worst = ", ".join(f"{1000 * one:.1f}" for one in sorted(work.calls, reverse=True)[:5])
        print(f"following at 2 Hz      {100 * share:.1f} % of a core")
        print(f"work at a time         {worst} ms of the screen's thread at most")


if __name__ == "__main__":
    main()
