import re
import warnings

import numpy as np
import plotext
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from labtui.charts import Axis, ChartSpec, Mark, Series
from labtui.charts.plotext_text import to_text

from .test_raster import specs

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def curves(count=2):
    x = np.arange(300)
    return ChartSpec(
        "training loss",
        Axis("step"),
        Axis("train/loss", scale="log"),
        tuple(Series(x, np.exp(-x / (40 * (n + 1))), f"lr={n}", key=n) for n in range(count)),
    )


def trials():
    return ChartSpec(
        "trials",
        Axis("learning_rate", scale="log"),
        Axis("error"),
        (
            Series([1e-4, 1e-3, 1e-2], [0.3, 0.1, 0.2], "completed", "points"),
            Series([0.1], (), "infeasible", "infeasible"),
        ),
        (Mark("x", 1e-5, "1e-5 bound", "bound"), Mark("y", 0.1, "best", "best")),
    )


def test_plotext_is_the_version_that_survives_nan():
    assert int(plotext.__version__.split(".")[0]) < 6


@settings(max_examples=60, deadline=None)
@given(specs, st.integers(0, 70), st.integers(0, 20), st.booleans(), st.booleans())
def test_any_figure_becomes_text_of_exactly_its_size(spec, width, height, color, ascii):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        text = to_text(spec, width, height, color, ascii=ascii)
    lines = text.split("\n") if height else []
    assert len(lines) == height
    plain = [ESCAPE.sub("", line) for line in lines]
    assert color or plain == lines
    assert not ascii or (text.isascii() and {len(line) for line in plain} <= {width})


@pytest.mark.parametrize("width", [16, 40, 100, 250])
@pytest.mark.parametrize("color", [False, True])
@pytest.mark.parametrize("spec", [curves(), trials()], ids=["curves", "trials"])
def test_the_width_is_exact_also_beyond_the_terminal(spec, width, color):
    lines = to_text(spec, width, 24, color).split("\n")
    assert len(lines) == 24
    assert {cell_len(ESCAPE.sub("", line)) for line in lines} == {width}


def test_wide_labels_keep_the_width():
    spec = ChartSpec("学习率", Axis("步"), Axis(), (Series([0, 1], [0, 1], "曲线"),))
    assert {cell_len(line) for line in to_text(spec, 41, 12).split("\n")} == {41}
    assert {len(line) for line in to_text(spec, 41, 12, ascii=True).split("\n")} == {41}


def test_trials_show_infeasible_ones_bounds_and_best():
    text = to_text(trials(), 80, 20)
    assert "\x1b" not in text
    assert text.count("✗") == 2
    assert "1e-5 bound" in text
    assert text.count("┊") > 10
    assert " best " in text
    assert text.count("•") == 4
    assert [label for label in ("1e-5", "1e-4", "1e-3", "0.01", "0.1") if label in text]


def test_infeasible_trials_are_red_and_bounds_are_not():
    text = to_text(trials(), 80, 20, color=True)
    assert re.search(r"\x1b\[38;5;160m✗", text)
    assert re.search(r"\x1b\[38;5;172m┊", text)
    assert text.endswith(" ") or text.endswith("m")


@pytest.mark.parametrize("color", [False, True])
def test_curves_are_told_apart_by_signs_with_and_without_colour(color):
    text = ESCAPE.sub("", to_text(curves(), 80, 20, color))
    lines = text.split("\n")
    first, second = re.fullmatch(r" ━(.) lr=0   ━(.) lr=1 *", lines[-1]).groups()
    assert first != second
    plot = "".join(line.partition("│")[2] for line in lines)
    assert plot.count(first) >= 3
    assert plot.count(second) >= 3
    assert "━━ lr=0" in to_text(curves(1), 80, 20)


def test_without_colour_dimmed_curves_have_signs_too():
    x = np.arange(300)
    pair = Series(x, x, "ideal", emphasis=False), Series(x, x / 2, "measured")
    spec = ChartSpec("t", Axis(), Axis(), pair)
    assert "━━" not in to_text(spec, 60, 16)
    assert "━━ ideal   ━━ measured" in ESCAPE.sub("", to_text(spec, 60, 16, color=True))


def test_ascii_uses_a_character_a_curve():
    text = to_text(curves(), 80, 20, ascii=True)
    assert text.isascii()
    assert "* lr=0   + lr=1" in text


def test_gaps_stay_open_and_spikes_stay_visible():
    y = np.ones(2000)
    y[300] = 50.0
    y[1000:1400] = np.nan
    text = to_text(ChartSpec("", Axis(), Axis(), (Series(range(2000), y),)), 80, 16)
    lines = text.split("\n")
    width = len(lines[0])
    blank = [
        column
        for column in range(4, width)
        if all(line[column] in " ─┬" or row > 13 for row, line in enumerate(lines))
    ]
    assert len(blank) >= 12
    assert any("\u2800" < char < "\u2900" for char in lines[0] + lines[1])


def test_a_text_says_when_there_is_nothing():
    spec = ChartSpec("t", Axis(), Axis(), (), empty="no trial yet")
    assert "no trial yet" in to_text(spec, 50, 10)
    assert "needs 16x6" in to_text(curves(), 12, 3)


def test_bars_are_drawn():
    spec = ChartSpec("", Axis(), Axis(), (Series([0, 1, 2], [1, 4, 2], "n", "bars"),))
    assert to_text(spec, 40, 12).count("█") > 40
    assert to_text(spec, 40, 12, ascii=True).count("#") > 40


def test_nothing_is_left_behind_for_the_next_figure():
    first = to_text(trials(), 60, 15)
    to_text(curves(), 90, 30, color=True)
    assert to_text(trials(), 60, 15) == first
