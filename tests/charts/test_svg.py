import math
import re
import warnings
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labtui.charts import Axis, ChartSpec, Mark, Series
from labtui.charts.palette import ON_LIGHT, slots
from labtui.charts.svg import describe, to_svg

SVG = "{http://www.w3.org/2000/svg}"
anything = st.floats() | st.sampled_from([0.0, -0.0, 5e-324, 1e-310, 1.7e308, math.nan, math.inf])
numbers = st.lists(anything, max_size=20)
hostile = st.text(max_size=12) | st.sampled_from(
    ["<script>alert(1)</script>", "a\"b'c", "\x00\x1b[2J", "\u202eevil\u2066", "]]>&amp;", "\ufffe"]
)
specs = st.builds(
    ChartSpec,
    hostile,
    *[
        st.builds(
            Axis,
            label=hostile,
            scale=st.sampled_from(["linear", "log"]),
            limits=st.none() | st.tuples(anything, anything),
            categories=st.none() | st.lists(hostile, max_size=5).map(tuple),
            notes=st.lists(hostile, max_size=5).map(tuple),
        )
    ]
    * 2,
    st.lists(
        st.builds(
            Series,
            numbers,
            numbers,
            label=hostile,
            role=st.sampled_from(["line", "points", "infeasible", "bars", "band"]),
            key=st.integers(0, 3),
            emphasis=st.booleans(),
            raw=st.none() | st.tuples(numbers, numbers),
            low=numbers,
        ),
        max_size=4,
    ).map(tuple),
    st.lists(
        st.builds(
            Mark,
            st.sampled_from(["x", "y"]),
            anything,
            hostile,
            st.sampled_from(["bound", "best", "step", "reference", "proposal"]),
        ),
        max_size=3,
    ).map(tuple),
    worst=st.sampled_from(["top", "bottom"]),
)


def parsed(spec, *arguments, **options):
    return ElementTree.fromstring(to_svg(spec, *arguments, **options))


def texts(root):
    return [one.text for one in root.iter(f"{SVG}text")]


def paths(root, name):
    return [one for one in root.iter(f"{SVG}path") if one.get("class") == name]


@settings(max_examples=150, deadline=None)
@given(
    spec=specs,
    width=st.integers(-5, 900),
    height=st.integers(-5, 600),
    theme=st.sampled_from(["light", "dark", "auto"]),
)
def test_anything_gives_well_formed_xml_without_a_warning(spec, width, height, theme):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        root = parsed(spec, width, height, theme=theme)
    allowed = {"svg", "g", "title", "desc", "style", "rect", "path", "text"}
    assert {one.tag.removeprefix(SVG) for one in root.iter()} <= allowed
    drawn = " ".join(one.get("d", "") for one in root.iter(f"{SVG}path"))
    assert not re.search("nan|inf|e", drawn)


def test_a_hostile_name_stays_text():
    spec = ChartSpec(
        '<script src="https://x.test">', Axis("a&b"), Axis(), (Series([1, 2], [1, 2], "\x1b<b>"),)
    )
    root = parsed(spec)
    assert '<script src="https://x.test">' in texts(root)
    assert "a&b" in texts(root)
    assert not list(root.iter(f"{SVG}script"))
    assert "\x1b" not in to_svg(spec)


def test_it_refers_to_nothing_outside_itself():
    drawn = to_svg(ChartSpec("t", Axis("x"), Axis("y"), (Series([1, 2], [1, 2], "a"),)))
    assert re.findall(r"https?://[^\"]*", drawn) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"href|url\(|@import|<script|<image|\son\w+=", drawn)


def test_a_curve_has_a_gap_where_it_is_nan():
    whole = parsed(ChartSpec("t", Axis(), Axis(), (Series(range(9), range(9), key=1),)))
    broken = [0, 1, 2, 3, math.nan, 5, 6, 7, 8]
    split = parsed(ChartSpec("t", Axis(), Axis(), (Series(range(9), broken, key=1),)))
    name = f"s{slots([1])[0]}"
    assert paths(whole, name)[0].get("d").count("M") == 1
    assert paths(split, name)[0].get("d").count("M") == 2


def test_a_point_between_gaps_is_a_dot():
    values = [0, 1, math.nan, 5, math.nan, 2, 3]
    root = parsed(ChartSpec("t", Axis(), Axis(), (Series(range(7), values, key=1),)))
    dots = [one for one in root.iter(f"{SVG}path") if one.get("stroke-linecap") == "round"]
    assert [one.get("d").count("h0") for one in dots] == [1]


def test_a_long_curve_stays_small_and_keeps_its_spike():
    values = np.random.default_rng(0).normal(size=200_000)
    values[123_456] = 50
    drawn = to_svg(ChartSpec("t", Axis(), Axis(), (Series(np.arange(200_000), values, key=1),)))
    assert len(drawn) < 60_000
    moves = re.findall(r"l[\d.-]+?[ -][\d.]+", drawn)
    assert max(float(re.split(r"[ -]", move)[-1]) for move in moves) > 200


def test_infeasible_points_lie_at_the_worst_edge():
    def height(worst):
        crosses = Series([1, 2], [math.nan] * 2, "bad", role="infeasible")
        cloud = Series([1, 2], [1, 2], "good", role="points")
        root = parsed(ChartSpec("t", Axis(), Axis(), (cloud, crosses), worst=worst))
        first = paths(root, "bad")[0].get("d")
        assert first.count("M") == 2
        return float(re.match(r"M[\d.]+ ([\d.]+)", first).group(1))

    assert height("top") < 60
    assert height("bottom") > 200


def test_the_legend_is_below_the_plot_and_says_what_it_leaves_out():
    named = tuple(Series([1, 2], [1, 2], f"a rather long name {n}", key=n) for n in range(60))
    root = parsed(ChartSpec("t", Axis("step"), Axis(), named))
    shown = [one for one in root.iter(f"{SVG}text") if "rather long" in (one.text or "")]
    more = next(text for text in texts(root) if re.fullmatch(r"\+\d+ more", text))
    assert len(shown) + int(more[1:-5]) == 60
    step = next(one for one in root.iter(f"{SVG}text") if one.text == "step")
    assert min(float(one.get("y")) for one in shown) > float(step.get("y"))
    assert max(float(one.get("y")) for one in shown) <= 360


def test_series_that_share_a_colour_differ_in_their_dashes():
    many = tuple(Series([1, 2], [n, n], key=n) for n in range(20))
    root = parsed(ChartSpec("t", Axis(), Axis(), many))
    looks = [
        (one.get("class"), one.get("stroke-dasharray"))
        for one in root.iter(f"{SVG}path")
        if re.fullmatch(r"s\d", one.get("class"))
    ]
    assert len(looks) == len(set(looks)) == 20


def test_a_trial_keeps_its_colour():
    alone = to_svg(ChartSpec("t", Axis(), Axis(), (Series([1, 2], [1, 2], key=7),)), theme="light")
    slot = slots([7])[0]
    assert f".lab-light .s{slot}{{color:{ON_LIGHT[slot]}}}" in alone
    assert "prefers-color-scheme" not in alone


def test_both_schemes_and_paper_are_there():
    drawn = to_svg(ChartSpec("t", Axis(), Axis(), (Series([1, 2], [1, 2], key=7),)))
    assert "@media (prefers-color-scheme:dark)" in drawn
    assert "@media print" in drawn


def test_marks_and_notes_are_written():
    spec = ChartSpec(
        "t",
        Axis("optimizer", categories=("sgd", "adam"), notes=("19 of 20", "7 of 20")),
        Axis("loss"),
        (Series([0, 1], [1, 2], "best", role="points"),),
        (Mark("x", 1, "chosen", "best"), Mark("y", 1.5, "goal", "reference")),
    )
    assert {"sgd", "adam", "19 of 20", "7 of 20", "chosen", "goal"} <= set(texts(parsed(spec)))


def test_bars_stand_on_zero_and_a_band_is_closed():
    bars = parsed(ChartSpec("t", Axis(), Axis(), (Series([0, 1], [3, 0], role="bars", key=1),)))
    first, second = paths(bars, f"s{slots([1])[0]}")[0].get("d").strip("z").split("z")
    foot = re.match(r"M[\d.]+ ([\d.]+)V", first).group(1)
    assert f"V{foot}h" in second
    band = Series([0, 1, 2], [3, 3, 3], role="band", key=1, low=[1, math.nan, 1])
    line = Series([0, 1, 2], [2, 2, 2], key=2)
    root = parsed(ChartSpec("t", Axis(), Axis(), (band, line)))
    closed = paths(root, f"s{slots([2])[0]}")[0]  # the colour of the line it surrounds
    assert closed.get("d").count("z") == 2


@pytest.mark.parametrize(
    ("axis", "text"),
    [(Axis(), "no trial has ended"), (Axis(scale="log"), "no value above zero")],
)
def test_nothing_to_draw_is_said(axis, text):
    values = [math.nan] if axis.scale == "linear" else [-1.0]
    spec = ChartSpec("t", Axis(), axis, (Series([1], values),), empty="no trial has ended")
    assert any(text in one for one in texts(parsed(spec)))


def test_the_description_says_it_in_words():
    spec = ChartSpec(
        "t",
        Axis("step"),
        Axis("loss", scale="log"),
        (Series([1, 2, 3], [0.5, math.nan, 0.25], "#3"), Series([1], [1])),
        (Mark("x", 2, "best step 2", "best"),),
    )
    assert describe(spec) == (
        "horizontal axis: step. vertical axis: loss, logarithmic. "
        "#3 (line, 2 points from 0.25 to 0.5), 1 more without a name. best best step 2."
    )


def test_the_label_of_a_level_too_long_for_the_margin_goes_to_the_legend():
    label = "90th percentile of all norms 0.6696"
    spec = ChartSpec(
        "t", Axis(), Axis(), (Series([1, 2], [0.1, 0.9]),), (Mark("y", 0.6696, label, "reference"),)
    )
    for width, below in ((1200, False), (300, True)):
        root = parsed(spec, width)
        (where,) = [one for one in root.iter(f"{SVG}text") if one.text == label]
        assert (float(where.get("y")) > 340) == below


def test_the_name_of_an_axis_loses_its_parenthesis_first():
    axis = Axis("validation/error_rate (best over training)")
    spec = ChartSpec("t", Axis(), axis, (Series([1, 2], [0.1, 0.9]),))
    assert "validation/error_rate" in texts(parsed(spec, 460, 260))
    assert axis.label in texts(parsed(spec, 460, 400))


@pytest.mark.parametrize("last", [400, 4000, 10_305, 57_800, 1_000_000])
def test_the_last_tick_at_the_edge_is_whole(last):
    drawn = to_svg(ChartSpec("t", Axis("step"), Axis("y"), (Series([0, last], [0, 1], "a"),)))
    assert "…" not in "".join(ElementTree.fromstring(drawn).itertext())
