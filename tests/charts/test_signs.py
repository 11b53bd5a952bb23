"""Curves told apart without colour: the signs along them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labtui.charts import Axis, ChartSpec, Series
from labtui.charts.palette import ON_DARK
from labtui.charts.raster import View, render
from labtui.charts.signs import ALONG, SIGNS, line_signs
from labtui.charts.svg import to_svg

STEPS = np.arange(400)


def figure(count, **kind):
    curves = (
        Series(STEPS, np.exp(-STEPS / (40 * (n + 1))), f"#{n}", key=n, **kind) for n in range(count)
    )
    return ChartSpec("t", Axis("step"), Axis(), tuple(curves))


def inside(grid):
    """The figure's cells without its legend, by rows and columns."""
    plot, covered = (
        grid.plot,
        {(one.row, at) for one in grid.legend for at in range(one.left, one.right)},
    )
    return {
        (row, column): chr(grid.codes[row, column])
        for row in range(plot.top, plot.top + plot.height)
        for column in range(plot.left, plot.left + plot.width)
        if (row, column) not in covered
    }


def test_there_is_a_sign_for_every_colour():
    assert len(set(SIGNS)) == len(SIGNS) == len(ON_DARK)


@pytest.mark.parametrize("count", range(2, 9))
@pytest.mark.parametrize("smoothing", [0.0, 0.95])
def test_each_of_a_few_curves_has_a_sign_of_its_own(count, smoothing):
    grid = render(figure(count), 90, 30, smoothing=smoothing)
    signs = {grid.lines[one.row][one.left + 2] for one in grid.legend}
    assert len(signs) == count
    drawn = inside(grid)
    for sign in signs:
        places = [place for place, glyph in drawn.items() if glyph == sign]
        assert ALONG - 1 <= len(places) <= ALONG
        assert len({column for _, column in places}) == len(places)


def test_a_curve_alone_has_none():
    grid = render(figure(1), 90, 30)
    assert "━━ #0" in grid.lines[grid.legend[0].row]
    assert not set(SIGNS) & set("".join(grid.lines))
    pair = figure(1).series[0], Series(STEPS, STEPS / 400, key=9, emphasis=False)
    assert not set(SIGNS) & set("".join(render(ChartSpec("", Axis(), Axis(), pair), 90, 30).lines))


def test_curves_over_each_other_show_the_signs_of_both():
    same = tuple(Series([0, 5, 100], [3, 1, 1], f"#{n}", key=n) for n in range(4))
    grid = render(ChartSpec("t", Axis(), Axis(), same), 60, 16)
    signs = {glyph for glyph in inside(grid).values() if glyph in SIGNS}
    assert len(signs) == 4


def test_a_sign_is_on_its_curve_and_not_in_a_gap():
    y = np.where((STEPS > 100) & (STEPS < 300), np.nan, 0.25)
    pair = Series(STEPS, y, "a", key="a"), Series(STEPS, np.full(400, 0.75), "b", key="b")
    grid = render(ChartSpec("t", Axis("step"), Axis(limits=(0, 1)), pair), 90, 20)
    first, second = (sign.glyph for sign in line_signs(pair).values())
    heights = {first: 0.25, second: 0.75}
    for (row, column), glyph in inside(grid).items():
        if glyph in heights:
            share = 1 - (row - grid.plot.top + 0.5) / grid.plot.height
            assert abs(share - heights[glyph]) < 1 / grid.plot.height
            assert glyph == second or not 0.3 < (column - grid.plot.left) / grid.plot.width < 0.7


def test_zoomed_in_curves_have_signs_in_what_is_seen():
    grid = render(figure(4), 60, 20, view=View(x=(20.0, 24.0), y=(0.4, 0.8)))
    seen = {glyph for glyph in inside(grid).values() if glyph in SIGNS}
    expected = {s.glyph for n, s in line_signs(figure(4).series).items() if n in (0, 1, 2, 3)}
    assert seen <= expected
    assert len(seen) >= 2


def test_a_hidden_curve_leaves_the_signs_of_the_others():
    whole, fewer = render(figure(3), 90, 30), render(figure(3), 90, 30, hidden=frozenset({1}))
    named = {one.ident: whole.lines[one.row][one.left + 2] for one in whole.legend}
    assert {glyph for glyph in inside(fewer).values() if glyph in SIGNS} == {named[0], named[2]}


@given(st.integers(2, 43), st.data())
def test_signs_are_never_shared_whatever_the_slots(count, data):
    slots = data.draw(st.lists(st.integers(0, 7), min_size=count, max_size=count))
    series = [Series((), (), f"#{n}", key=n) for n in range(count)]
    found = line_signs(series, slots)
    assert len({sign.glyph for sign in found.values()}) == count
    assert len({sign.turn for sign in found.values()}) == count


def test_a_picture_has_the_signs_on_its_curves_and_in_its_legend():
    signed = to_svg(figure(2), theme="light")
    glyphs = [sign.glyph for sign in line_signs(figure(2).series).values()]
    slots = [SIGNS.index(glyph) for glyph in glyphs]
    for slot in slots:
        pieces = [piece for piece in signed.split("<path ") if f'class="s{slot}"' in piece]
        assert len(pieces) == 4  # the curve, its signs, and both in the legend
        assert [piece.split(' d="')[1].split('"')[0].count("M") for piece in pieces][1] == ALONG


def test_clouds_of_a_picture_have_their_shapes():
    clouds = [
        Series([0, 1, 2], [1, 2, 3], name, "points", name, marker=sign)
        for name, sign in (("a", "■"), ("b", "▲"))
    ]
    drawn = to_svg(ChartSpec("t", Axis(), Axis(), tuple(clouds)))
    assert drawn.count("h8v8h-8z") == 4  # three points and the legend
    assert drawn.count("l4.8 8.6h-9.6z") == 4
