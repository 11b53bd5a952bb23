import subprocess
import sys
import time

import numpy as np

from labtui.charts import Axis, ChartSpec, Series
from labtui.charts.raster import render


def cost(draw):
    """Processor time, which other programs take no part of."""
    start = time.process_time()
    draw()
    return time.process_time() - start


def test_a_frame_costs_a_small_multiple_of_placing_its_points():
    x = np.arange(2000)
    noise = np.random.default_rng(0).standard_normal((8, 2000))
    losses = np.exp(-x / 500 + 0.12 * noise)
    losses[2, 800:1100] = np.nan

    def frame():
        series = tuple(Series(x, y, f"{n}", key=n) for n, y in enumerate(losses))
        spec = ChartSpec("loss", Axis("step"), Axis("loss", scale="log"), series)
        render(spec, 200, 50, smoothing=0.95)

    def loop():
        rows = [[" "] * 200 for _ in range(50)]
        for y in np.nan_to_num(losses):
            lines = np.clip(y * 25, 0, 49).astype(int).tolist()
            for column, line in zip((x // 10).tolist(), lines, strict=True):
                rows[line][column] = "*"

    # By turns: what slows the machine for a while slows both.
    frames, loops = zip(*((cost(frame), cost(loop)) for _ in range(10)), strict=True)
    assert min(frames) < 40 * min(loops)  # 18 to 24 on an idle machine and on one with four jobs


def test_a_spec_needs_no_numpy_and_a_raster_no_plotext():
    code = (
        "import sys, labtui.charts; assert 'numpy' not in sys.modules;"
        "import labtui.charts.raster, labtui.charts.plotext_text;"
        "assert not {'plotext', 'textual', 'rich'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
