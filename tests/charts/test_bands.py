"""Bands, notes under categories, and proposals: what both renderers draw of them."""

import numpy as np
import pytest

from labtui.charts import Axis, ChartSpec, Mark, Series
from labtui.charts.plotext_text import to_text
from labtui.charts.raster import View, render

X = np.arange(1, 21)


def banded(**options):
    y = 1 / X
    wide = Series(X, y * 4, "5–95 %", "band", key="n", emphasis=False, low=y / 4)
    narrow = Series(X, y * 2, "quartiles", "band", key="n", low=y / 2)
    return ChartSpec(
        "t", Axis("k"), Axis("y"), (wide, narrow, Series(X, y, "m", key="n")), **options
    )


def inked(lines):
    """The rows of each column that are not blank, inside the axes."""
    body = [line for line in lines if "│" in line or "┤" in line]
    return [
        [row for row, line in enumerate(body) if 0x2801 <= ord(line[column]) <= 0x28FF]
        for column in range(len(body[0]))
    ]


def test_a_band_lies_between_its_edges_and_its_curve_on_top():
    grid = render(banded(), 60, 24)
    left, right = inked(grid.lines)[8], inked(grid.lines)[-3]
    assert len(left) > len(right) > 0
    roles = {grid.role_at(row, column) for row in range(24) for column in range(60)}
    assert {"raw:0", "raw:1", "series:2"} <= roles
    top = next(row for row in range(2, 24) if grid.role_at(row, 10).startswith(("raw", "series")))
    assert grid.role_at(top, 10) == "raw:0"
    assert grid.y.high > 4 * 0.99  # the window shows the whole band


@pytest.mark.parametrize("swap", [False, True])
def test_it_does_not_matter_which_edge_is_called_low(swap):
    y = 2.0 + np.sin(X)
    edges = (y, -y) if swap else (-y, y)
    spec = ChartSpec("", Axis(), Axis(), (Series(X, edges[1], role="band", low=edges[0]),))
    columns = inked(render(spec, 50, 20).lines)
    assert all(max(rows) - min(rows) >= 3 for rows in columns[4:-4])


def test_a_band_has_a_gap_where_an_edge_has_one():
    low = np.where((X > 8) & (X < 13), np.nan, 0.0)
    spec = ChartSpec("", Axis(), Axis(), (Series(X, np.ones(20), role="band", low=low),))
    grid = render(spec, 60, 16)
    columns = inked(grid.lines)
    middle = grid.plot.left + grid.plot.width // 2
    assert columns[middle] == []
    assert columns[grid.plot.left + 5]
    assert columns[-5]


def test_a_band_follows_a_log_axis_and_a_zoom():
    grid = render(banded(), 60, 24, view=View(x=(1, 5), log_x=True, log_y=True))
    columns = inked(grid.lines)
    spans = [max(rows) - min(rows) for rows in columns[8:-4] if rows]
    assert max(spans) - min(spans) <= 2  # a constant factor is a constant height


def test_edges_of_other_lengths_are_cut_and_x_is_sorted_with_them():
    x = [3, 1, 2, 9]
    spec = ChartSpec("", Axis(), Axis(), (Series(x, [3, 1, 2], role="band", low=[0, 0, 0, 0]),))
    grid = render(spec, 60, 16)
    columns = inked(grid.lines)
    heights = [len(rows) for rows in columns if rows]
    assert heights == sorted(heights)
    assert grid.x.high < 4


def test_text_shades_bands_too():
    text = to_text(banded(), 70, 20)
    assert sum(0x2801 <= ord(char) <= 0x28FF for char in text) > 60
    assert "░ 5–95 %" in text
    assert "▒ quartiles" in text
    plain = to_text(banded(), 70, 20, ascii=True)
    assert plain.isascii()
    assert plain.count(":") > 5
    assert "\x1b[38;5;244m" in to_text(banded(), 70, 20, color=True)


def categories(notes):
    axis = Axis("optimizer", categories=("sgd", "adam", "lamb"), notes=notes)
    return ChartSpec("t", axis, Axis("error"), (Series([0, 1, 2], [1, 2, 3], role="points"),))


@pytest.mark.parametrize(
    "draw", [lambda s: render(s, 60, 16).lines, lambda s: to_text(s, 60, 16).split("\n")]
)
def test_notes_stand_under_the_names(draw):
    lines = draw(categories(("n=12 ✗3", "n=4", "n=0")))
    row = next(at for at, line in enumerate(lines) if "adam" in line)
    assert lines[row + 1].split() == ["n=12", "✗3", "n=4", "n=0"]
    assert abs(lines[row].index("adam") - lines[row + 1].index("n=4")) <= 2
    assert "optimizer" in lines[row + 2]
    assert "n=" not in "".join(draw(categories(())))


@pytest.mark.parametrize(
    ("width", "found"),
    [(120, ["n=100", "✗10"] * 8), (80, ["n=100"] * 8), (30, [])],
)
def test_notes_are_whole_words_or_nothing(width, found):
    many = Axis("", categories=tuple("abcdefgh"), notes=("n=100 ✗10",) * 8)
    spec = ChartSpec("t", many, Axis(), (Series([0], [1], role="points"),))
    assert render(spec, width, 14).lines[-1].split() == found
    assert to_text(spec, width, 14).split("\n")[-1].split() == found


def test_a_small_figure_has_no_room_for_notes():
    for height in range(6, 9):
        assert "n=1" not in "".join(render(categories(("n=1",) * 3), 40, height).lines)
        assert "n=1" not in to_text(categories(("n=1",) * 3), 40, height)


def test_a_proposal_differs_from_a_bound():
    marks = Mark("x", 5, "0.1", "bound"), Mark("x", 9, "try 1", "proposal")
    grid = render(banded(marks=marks), 60, 20)
    text = "\n".join(grid.lines)
    assert "┊" in text
    assert "╏" in text
    assert "try 1" in text
    assert "proposal" in grid.names
    assert "╏" in to_text(banded(marks=marks), 60, 20)


def test_dimmed_points_are_told_apart_without_colour():
    best, others = Series([1, 2], [1, 2], "best", "points"), Series([1, 2], [3, 4], "all", "points")
    dim = Series([1, 2], [3, 4], "all", "points", emphasis=False)
    for lines in (render(ChartSpec("", Axis(), Axis(), (best, dim)), 40, 12).lines,):
        assert sum(line.count("•") for line in lines) == 3  # two, and one in the legend
        assert sum(line.count("◦") for line in lines) == 3
    assert to_text(ChartSpec("", Axis(), Axis(), (best, dim)), 40, 12).count("◦") == 3
    assert "◦" not in to_text(ChartSpec("", Axis(), Axis(), (best, others)), 40, 12)


def test_bins_of_equal_width_leave_no_gap():
    edges = np.linspace(np.log10(0.0321), np.log10(7.77), 13)
    centres = 10 ** ((edges[:-1] + edges[1:]) / 2)
    spec = ChartSpec("", Axis(scale="log"), Axis(), (Series(centres, [5.0] * 12, role="bars"),))
    for width in range(40, 110):
        grid = render(spec, width, 12)
        row = grid.lines[grid.plot.top + grid.plot.height - 1][grid.plot.left :]
        assert " " not in row.strip(), width
