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

import numpy as np
from textual.app import App, ComposeResult

from labtui.charts import Axis, ChartSpec, Mark, Series
from labtui.charts.plotext_text import to_text
from labtui.charts.raster import render
from labtui.tui.widgets.chart import SMOOTHING, Chart


def curves() -> ChartSpec:
    """Eight noisy losses of 2,000 steps on a log axis, with a gap and a divergence."""
    rng, x, series = np.random.default_rng(0), np.arange(2000), []
    for n in range(8):
        y = (2.3 * np.exp(-x / (150 + 60 * n)) + 0.02 * (n + 1)) * np.exp(
            0.12 * rng.standard_normal(x.size)
        )
        if n == 2:
            y[800:1100] = np.nan
        if n == 5:
            y = np.where(x < 700, y * np.exp(np.maximum(0, x - 400) / 60), np.nan)
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
    """The median time of a call."""
    draw()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        draw()
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


class Bench(App[None]):
    """A chart that fills the screen."""

    def compose(self) -> ComposeResult:
        yield Chart()


async def widget(make: Callable[[], ChartSpec], size: tuple[int, int], repeats: int) -> float:
    """The median time from a new figure to all its strips."""
    app = Bench()
    async with app.run_test(size=size):
        chart = app.query_one(Chart)
        figures = iter([make() for _ in range(repeats + 1)])

        def frame() -> None:
            chart.show(next(figures))
            for y in range(size[1]):
                chart.render_line(y)

        return milliseconds(frame, repeats)


def main() -> None:
    """Print one line for every figure and size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=30)
    repeats = parser.parse_args().repeats
    cases = [
        ("8 x 2,000 points, log y", curves, (120, 35)),
        ("8 x 2,000 points, log y", curves, (200, 50)),
        ("500 trials, log x", trials, (120, 35)),
        ("500 trials, log x", trials, (200, 50)),
    ]
    print(f"{'ms a frame, ratio to the loop':31}{'size':>8}{'loop':>7}", end="")
    print("".join(f"{name:>15}" for name in ("raster", "smoothed", "widget", "plotext")))
    for name, make, size in cases:
        spec = make()
        loop = milliseconds(lambda spec=spec, size=size: baseline(spec, *size), repeats)
        figures = [
            milliseconds(lambda spec=spec, size=size: render(spec, *size), repeats),
            milliseconds(
                lambda spec=spec, size=size: render(spec, *size, smoothing=SMOOTHING), repeats
            ),
            asyncio.run(widget(make, size, repeats)),
            milliseconds(lambda spec=spec, size=size: to_text(spec, *size), max(3, repeats // 6)),
        ]
        print(f"{name:31}{'{}x{}'.format(*size):>8}{loop:7.1f}", end="")
        print("".join(f"{time:8.1f} ({time / loop:3.1f}x)" for time in figures))


if __name__ == "__main__":
    main()
