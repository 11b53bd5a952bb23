import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from labtui.charts import Axis, ChartSpec, Mark, Series
from labtui.charts.overlay import short_labels
from labtui.charts.plotext_text import to_text
from labtui.charts.raster import View, render

anything = st.one_of(
    st.floats(),
    st.sampled_from(
        [0.0, -0.0, 5e-324, 1e-310, 1e308, -1e308, 1.7e308, float("nan"), float("inf")]
    ),
)
numbers = st.lists(anything, max_size=30)
roles = st.sampled_from(["line", "points", "infeasible", "bars", "band"])
series = st.builds(
    Series,
    numbers,
    numbers,
    label=st.text(max_size=12),
    role=roles,
    key=st.integers(0, 3),
    emphasis=st.booleans(),
    raw=st.none() | st.tuples(numbers, numbers),
    low=numbers,
)
pairs = st.none() | st.tuples(anything, anything)
axes = st.builds(
    Axis,
    label=st.text(max_size=12),
    scale=st.sampled_from(["linear", "log"]),
    limits=pairs,
    categories=st.none() | st.lists(st.text(max_size=9), max_size=5).map(tuple),
    notes=st.lists(st.text(max_size=9), max_size=5).map(tuple),
)
marks = st.builds(
    Mark,
    st.sampled_from(["x", "y"]),
    anything,
    st.text(max_size=9),
    st.sampled_from(["bound", "best", "step", "reference", "proposal"]),
)
specs = st.builds(
    ChartSpec,
    st.text(max_size=20),
    axes,
    axes,
    st.lists(series, max_size=4).map(tuple),
    st.lists(marks, max_size=3).map(tuple),
    worst=st.sampled_from(["top", "bottom"]),
)
views = st.none() | st.builds(
    View, pairs, pairs, st.none() | st.booleans(), st.none() | st.booleans()
)


@settings(max_examples=200, deadline=None)
@given(
    specs,
    st.integers(0, 70),
    st.integers(0, 24),
    views,
    st.sampled_from([0.0, 0.9, 1.0]),
    st.none() | anything,
    st.frozensets(st.integers(0, 3), max_size=2),
)
def test_any_figure_is_drawn_at_exactly_its_size(
    spec, width, height, view, smoothing, cursor, hidden
):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        grid = render(
            spec, width, height, view=view, smoothing=smoothing, cursor_x=cursor, hidden=hidden
        )
    assert (grid.width, grid.height) == (width, height)
    assert grid.codes.shape == grid.roles.shape == (height, width)
    for row, line in enumerate(grid.lines):
        assert "".join(text for text, _ in grid.runs(row)) == line
        assert line.isprintable()


def test_wide_labels_keep_the_width():
    spec = ChartSpec(
        "学习率 学习", Axis("步"), Axis("损失"), (Series([0, 1], [0, 1], "学习率" * 9),)
    )
    for width in range(20, 60):
        assert {cell_len(line) for line in render(spec, width, 12).lines} == {width}


RISING = [
    "loss",
    "1┤               ⣀⠤⠒",
    " │           ⣀⠤⠒⠉",
    " │       ⣀⠤⠒⠉",
    " │   ⣀⠤⠒⠉",
    "0┤⠤⠒⠉",
    " └┬────────┬───────┬",
    "  0        5      10",
]
SCATTER = [
    "        10 bound",
    " │         ┊                ✗",
    "3┤ •       ┊",
    " │         ┊",
    "2┤         ┊        •",
    " │         ┊",
    "1┤         •",
    " └─┬───────┬────────┬───────┬─",
    "   1       10      100    1000",
]
BARS = [
    "4┤     ▇▇▇▇▇▇",
    " │     ██████",
    "2┤     ██████▄▄▄▄▄",
    " │▂▂▂▂▂███████████",
    "0┤████████████████",
    " └───┬────────┬───",
    "     0        2",
]
CATEGORIES = [
    "3┤                    •",
    " │",
    "2┤                    •",
    " │",
    "1┤       •",
    " └───────┬────────────┬───────",
    "        adam       nesterov",
]


def picture(spec, width, height, **options):
    return [line.rstrip() for line in render(spec, width, height, **options).lines]


def test_a_rising_line():
    spec = ChartSpec("loss", Axis("step"), Axis(), (Series([0, 10], [0.0, 1.0]),))
    assert picture(spec, 20, 8) == RISING


def test_points_with_an_infeasible_one_and_a_bound():
    spec = ChartSpec(
        "",
        Axis(scale="log"),
        Axis(),
        (Series([1, 10, 100], [3, 1, 2], role="points"), Series([1000], (), role="infeasible")),
        (Mark("x", 10, "10 bound", "bound"),),
    )
    assert picture(spec, 30, 9) == SCATTER


def test_bars():
    spec = ChartSpec("", Axis(), Axis(), (Series([0, 1, 2], [1, 4, 2], role="bars"),))
    assert picture(spec, 18, 7) == BARS


def test_categories_are_named():
    spec = ChartSpec(
        "",
        Axis(categories=("adam", "nesterov")),
        Axis(),
        (Series([0, 1, 1], [1, 2, 3], role="points"),),
    )
    assert picture(spec, 30, 7) == CATEGORIES


def test_small_sizes_say_what_they_need():
    spec = ChartSpec("t", Axis(), Axis(), (Series([0, 1], [0, 1]),))
    assert render(spec, 0, 0).lines == []
    assert "needs 16x6" in render(spec, 15, 5).lines[2]
    assert render(spec, 16, 6).plot is not None


def test_an_empty_figure_says_so():
    spec = ChartSpec("t", Axis(), Axis(), (Series((), ()),), empty="no trial yet")
    assert any("no trial yet" in line for line in picture(spec, 40, 10))


def test_a_log_axis_says_why_nothing_is_there():
    spec = ChartSpec("t", Axis(), Axis(), (Series([1, 2], [-1.0, 0.0]),))
    lines = picture(spec, 60, 10, view=View(log_y=True))
    assert any("no value above zero" in line for line in lines)


def drawn_columns(grid, role="series:0"):
    plot = grid.plot
    rows = slice(plot.top, plot.top + plot.height)
    here = grid.roles[rows, plot.left : plot.left + plot.width] == grid.names.index(role)
    return np.flatnonzero(here.any(axis=0)), here


def test_a_spike_of_one_step_is_visible():
    y = np.ones(2000)
    y[1234] = 50.0
    grid = render(ChartSpec("", Axis(), Axis(), (Series(np.arange(2000), y),)), 60, 15)
    columns, here = drawn_columns(grid)
    spike = np.flatnonzero(here[0])
    assert spike.size in (1, 2)
    assert abs(spike[0] / grid.plot.width - 1234 / 2000) < 0.03
    assert columns.size == grid.plot.width


def test_a_gap_leaves_its_columns_empty():
    y = np.linspace(1, 2, 1000)
    y[400:600] = np.nan
    for smoothing in (0.0, 0.97):
        grid = render(
            ChartSpec("", Axis(), Axis(), (Series(np.arange(1000), y),)),
            80,
            15,
            smoothing=smoothing,
        )
        columns, _ = drawn_columns(grid)
        gap = set(range(grid.plot.width)) - set(columns.tolist())
        middle = grid.plot.width / 2
        assert len(gap) >= grid.plot.width * 0.18
        assert all(abs(column - middle) < grid.plot.width * 0.11 for column in gap)


@pytest.mark.parametrize(("worst", "row"), [("top", 1), ("bottom", -1)])
def test_infeasible_points_have_the_row_at_the_worst_edge(worst, row):
    spec = ChartSpec(
        "title",
        Axis(),
        Axis(),
        (Series([0, 1], [0, 1], role="points"), Series([0.5, 0.6], (), role="infeasible")),
        worst=worst,
    )
    grid = render(spec, 40, 12)
    row = row if row > 0 else grid.plot.top + grid.plot.height - 1
    assert grid.lines[row].count("✗") == 2
    assert all(
        grid.role_at(row, at) == "infeasible" for at, c in enumerate(grid.lines[row]) if c == "✗"
    )


def test_bounds_are_drawn_inside_the_frame_with_their_labels():
    spec = ChartSpec(
        "",
        Axis(scale="log"),
        Axis(),
        (Series([1e-5, 1e-1], [1, 2], role="points"),),
        (Mark("x", 1e-5, "1e-5 bound", "bound"), Mark("x", 1e-1, "0.1 bound", "bound")),
    )
    grid = render(spec, 60, 12)
    assert "1e-5 bound" in grid.lines[0]
    assert "0.1 bound" in grid.lines[0]
    line = grid.lines[5]
    assert line.count("┊") == 2
    assert line[grid.plot.left] != "┊"
    assert grid.role_at(5, line.index("┊")) == "bound"


def test_later_series_cover_whole_cells():
    x = np.arange(100)
    spec = ChartSpec("", Axis(), Axis(), (Series(x, x), Series(x, x)))
    grid = render(spec, 40, 12)
    assert drawn_columns(grid, "series:1")[0].size
    assert "series:0" not in {grid.role_at(r, c) for r in range(12) for c in range(40)}


def test_smoothing_keeps_the_raw_curve_dimmed_behind():
    noise = np.random.default_rng(0).standard_normal(500)
    spec = ChartSpec("", Axis(), Axis(), (Series(np.arange(500), noise),))
    assert "raw:0" not in render(spec, 60, 15).names
    grid = render(spec, 60, 15, smoothing=0.97)
    raw, here = drawn_columns(grid, "raw:0")
    assert raw.size > 40
    assert here.sum() > drawn_columns(grid)[1].sum()


def test_dimmed_series_lie_below_the_others():
    x = np.arange(50)
    spec = ChartSpec("", Axis(), Axis(), (Series(x, x), Series(x, x, emphasis=False)))
    grid = render(spec, 40, 12)
    assert drawn_columns(grid)[0].size
    assert not drawn_columns(grid, "raw:1")[0].size


def test_the_legend_avoids_the_curves_and_can_be_found():
    x = np.arange(100)
    rising = ChartSpec("", Axis(), Axis(), (Series(x, x, "up"),))
    grid = render(rising, 60, 15)
    (row,) = grid.legend
    assert row.ident == "up"
    assert "━━ up" in grid.lines[row.row]
    assert not (row.right > 40 and row.row < 4)
    falling = render(ChartSpec("", Axis(), Axis(), (Series(x, -x, "down"),)), 60, 15)
    assert falling.legend[0].right == 60
    assert falling.legend[0].row == falling.plot.top


def test_hidden_series_stay_in_the_legend():
    spec = ChartSpec("", Axis(), Axis(), (Series([0, 1], [0, 1], "a", key=7),))
    grid = render(spec, 60, 15, hidden=frozenset({7}))
    assert [row.ident for row in grid.legend] == [7]
    assert "╌╌ a" in grid.lines[grid.legend[0].row]
    assert "series:0" not in grid.names


def test_many_series_are_counted_in_the_last_row():
    spec = ChartSpec(
        "", Axis(), Axis(), tuple(Series([0, 1], [n, n], f"curve {n}") for n in range(20))
    )
    assert any("more" in line for line in render(spec, 60, 12).lines)


def test_the_crosshair_reads_the_nearest_value():
    x = np.arange(0, 101, 10)
    y = np.where((x > 30) & (x < 70), np.nan, x * 2.0)
    spec = ChartSpec("", Axis("step"), Axis(), (Series(x, y, "a"),))
    grid = render(spec, 60, 15, cursor_x=21.0)
    assert [(reading.x, reading.y) for reading in grid.readings] == [(20.0, 40.0)]
    assert any("step" in line and "20" in line for line in grid.lines)
    assert "cursor" in grid.names
    (reading,) = render(spec, 60, 15, cursor_x=50.0).readings
    assert np.isnan(reading.y)


def test_a_zoomed_figure_fits_the_values_in_sight():
    x = np.arange(100)
    spec = ChartSpec("", Axis(), Axis(), (Series(x, x.astype(float)),))
    grid = render(spec, 60, 15, view=View(x=(40, 50)))
    assert grid.x.value(0) == 40
    assert 39 < grid.y.value(0) < 41
    assert 49 < grid.y.value(1) < 51


def test_a_lonely_point_of_a_line_is_a_bullet():
    spec = ChartSpec("", Axis(), Axis(), (Series([3], [0.5]),))
    assert sum(line.count("•") for line in render(spec, 40, 12).lines) == 1


def test_an_empty_bars_series_beside_points_is_fine():
    spec = ChartSpec(
        "", Axis(), Axis(), (Series((), (), role="bars"), Series([1], [1], role="points"))
    )
    assert render(spec, 40, 12).plot is not None


def test_the_name_that_all_labels_share_is_left_out_where_their_values_are_words():
    assert short_labels(["#1 optimizer=sgd", "#2 optimizer=adam", ""]) == ["#1 sgd", "#2 adam", ""]
    for kept in (
        ["#1 width=64", "#2 width=128"],
        ["optimizer=sgd"],
        ["#1 optimizer=sgd", "#2 schedule=cosine"],
        ["#1 optimizer=sgd, depth=2", "#2 optimizer=adam, depth=2"],
    ):
        assert short_labels(kept) == kept


def test_a_figure_is_drawn_once_for_any_crosshair_and_badge():
    x = np.arange(400)
    spec = ChartSpec("t", Axis("step"), Axis(), (Series(x, np.sin(x / 9), "a"),))
    plain = render(spec, 60, 15, smoothing=0.9)
    (drawn,) = spec.drawn.values()
    read = render(spec, 60, 15, smoothing=0.9, cursor_x=100, badge="● live")
    assert list(spec.drawn.values()) == [drawn]
    assert read.lines[0].endswith("● live")
    assert read.readings
    assert render(spec, 60, 15, smoothing=0.9).lines == plain.lines
    for size in range(20, 60):
        render(spec, size, 12)
    assert len(spec.drawn) <= 2


def test_a_dimmed_curve_that_shares_its_key_is_not_read_twice():
    x = np.arange(10)
    train = Series(x, x + 1.0, key=3, emphasis=False)
    spec = ChartSpec("", Axis("step"), Axis(), (train, Series(x, x * 1.0, "#3", key=3)))
    grid = render(spec, 60, 15, cursor_x=4.0)
    assert [row.ident for row in grid.legend] == [3]


def test_a_low_plot_has_more_than_two_ticks():
    spec = ChartSpec("", Axis(), Axis(), (Series([0, 1], [0.02, 0.88]),))
    ticks = [line.partition("┤")[0] for line in render(spec, 50, 12).lines if "┤" in line]
    assert len(ticks) >= 4


def test_dense_clouds_are_told_apart_by_their_signs():
    """Colour alone tells nothing to one who cannot see it: some points keep their signs."""
    rng = np.random.default_rng(0)
    clouds = [
        Series(
            rng.uniform(0, 1, 400),
            rng.uniform(0, 1, 400),
            f"arm {sign}",
            "points",
            sign,
            marker=sign,
        )
        for sign in "○△"
    ]
    spec = ChartSpec("dense", Axis("x"), Axis("y"), tuple(clouds))
    for lines in (render(spec, 90, 24).lines, to_text(spec, 90, 24).splitlines()):
        body = "\n".join(line[10:] for line in lines[1:-6])
        assert body.count("○") > 10
        assert body.count("△") > 10
        assert sum("\u2800" < sign <= "\u28ff" for sign in body) > 100
