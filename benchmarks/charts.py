"""Milliseconds a frame of the charts, beside a plain numpy loop timed in the same run.

    python benchmarks/charts.py [--repeats 30]

The baseline is what a frame cannot do without: the place of every point on the grid, computed
with numpy and set one cell at a time in Python, for the same data and size.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from textual.app import App, ComposeResult

from labtui.charts import Axis, ChartSpec, Mark, Series
from labtui.charts.plotext_text import to_text
from labtui.charts.raster import render
from labtui.tui.widgets.chart import SMOOTHING, Chart


def curves(points: int = 2000) -> ChartSpec:
    """Eight noisy losses on a log axis, with a gap and a divergence."""
    rng, x, series = np.random.default_rng(0), np.arange(points), []
    once = x / points * 2000
    for n in range(8):
        y = (2.3 * np.exp(-once / (150 + 60 * n)) + 0.02 * (n + 1)) * np.exp(
            0.12 * rng.standard_normal(x.size)
        )
        if n == 2:
            y[(once >= 800) & (once < 1100)] = np.nan
        if n == 5:
            y = np.where(once < 700, y * np.exp(np.maximum(0, once - 400) / 60), np.nan)
        series.append(Series(x, y, f"lr={10.0**-n:g}", key=n))
    return ChartSpec("loss", Axis("step"), Axis("train/loss", scale="log"), tuple(series))


def trials() -> ChartSpec:
    """Five hundred trials over a log axis, fifty of them infeasible."""
    rng = np.random.default_rng(0)
    rate = 10 ** rng.uniform(-5, -1, 450)
    error = 0.05 + 0.03 * (np.log10(rate) + 3) ** 2 + 0.02 * rng.random(450)
    return ChartSpec(
        "trials",
        Axis("learning_rate", scale="log"),
        Axis("error"),
        (
            Series(rate, error, "completed", "points"),
            Series(10 ** rng.uniform(-1.6, -1, 50), (), "infeasible", "infeasible"),
        ),
        (Mark("x", 1e-5, "1e-5 bound", "bound"), Mark("x", 1e-1, "0.1 bound", "bound")),
    )


def baseline(spec: ChartSpec, width: int, height: int) -> list[str]:
    """Place every point of the figure on a grid of characters."""
    rows = [[" "] * width for _ in range(height)]
    for series in spec.series:
        x = np.asarray(series.x, dtype=float)
        y = np.asarray(series.y, dtype=float) if len(series.y) else np.zeros(x.size)
        with np.errstate(all="ignore"):
            x = np.log10(x) if spec.x.scale == "log" else x
            y = np.log10(y) if spec.y.scale == "log" else y
        seen = np.isfinite(x) & np.isfinite(y)
        x, y = x[seen], y[seen]
        columns = ((x - x.min()) / (np.ptp(x) or 1) * (width - 1)).astype(int)
        lines = ((y - y.min()) / (np.ptp(y) or 1) * (height - 1)).astype(int)
        for column, line in zip(columns.tolist(), lines.tolist(), strict=True):
            rows[line][column] = "*"
    return ["".join(row) for row in rows]


def milliseconds(draw: Callable[[], object], repeats: int) -> float:
    """The median processor time of a call on this thread."""
    draw()
    times = []
    for _ in range(repeats):
        start = time.thread_time()
        draw()
        times.append(time.thread_time() - start)
    return 1000 * statistics.median(times)


def anew(spec: ChartSpec) -> ChartSpec:
    """The same figure, of which nothing has been drawn yet."""
    return replace(spec, series=tuple(map(replace, spec.series)))


class Bench(App[None]):
    """A chart that fills the screen."""

    def compose(self) -> ComposeResult:
        yield Chart()


async def widget(spec: ChartSpec, size: tuple[int, int], repeats: int) -> list[float]:
    """The median times to all strips: a new figure, one drawn in advance, zoom, crosshair."""
    app = Bench()
    async with app.run_test(size=size):
        chart = app.query_one(Chart)

        def paint() -> None:
            for y in range(size[1]):
                chart.render_line(y)

        def timed(change: Callable[[], object]) -> float:
            return milliseconds(lambda: (change(), paint()), repeats)

        new = timed(lambda: chart.show(anew(spec)))
        figures = [anew(spec) for _ in range(repeats + 1)]
        for one in figures:
            chart.prepare(one)
        ready = timed(lambda: chart.show(figures.pop()))
        chart.action_zoom(1)
        turn = iter(range(2 * repeats))

        def pan() -> None:
            chart.spec.drawn.clear()
            chart.action_pan(1 if next(turn) % 2 else -1)

        moved = timed(pan)
        chart.action_reset()
        return [new, ready, moved, timed(lambda: chart.action_move_crosshair(1))]


def main() -> None:
    """Print one line for every figure and size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=30)
    repeats = parser.parse_args().repeats
    cases = [
        ("8 x 2,000 points, log y", curves, (120, 35)),
        ("8 x 2,000 points, log y", curves, (200, 50)),
        ("8 x 10,000 points, log y", partial(curves, 10_000), (200, 50)),
        ("500 trials, log x", trials, (120, 35)),
        ("500 trials, log x", trials, (200, 50)),
    ]
    print(f"{'ms a frame, ratio to the loop':31}{'size':>8}{'loop':>7}", end="")
    print(
        "".join(
            f"{name:>15}"
            for name in ("raster", "smoothed", "widget", "ready", "pan", "crosshair", "plotext")
        )
    )
    for name, make, size in cases:
        spec = make()
        loop = milliseconds(lambda spec=spec, size=size: baseline(spec, *size), repeats)
        smoothed = partial(render, smoothing=SMOOTHING)
        figures = [
            *(
                milliseconds(
                    lambda draw=draw, spec=spec, size=size: draw(anew(spec), *size), repeats
                )
                for draw in (render, smoothed)
            ),
            *asyncio.run(widget(spec, size, repeats)),
            milliseconds(lambda spec=spec, size=size: to_text(spec, *size), max(3, repeats // 6)),
        ]
        print(f"{name:31}{'{}x{}'.format(*size):>8}{loop:7.1f}", end="")
        print("".join(f"{time:8.1f} ({time / loop:3.1f}x)" for time in figures))


if __name__ == "__main__":
    main()
