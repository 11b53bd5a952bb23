import csv
import io
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.color import Color
from textual.theme import BUILTIN_THEMES

from labtui.charts import Axis, ChartSpec, Mark, Series
from labtui.charts.palette import ON_DARK, ON_LIGHT, slots
from labtui.charts.raster import View, render
from labtui.tui.widgets import chart_export
from labtui.tui.widgets.chart import Chart
from labtui.tui.widgets.chart_styles import COMPONENTS


def decay(title="loss", scale="linear", count=300):
    x = np.arange(count)
    noise = np.exp(0.1 * np.random.default_rng(0).standard_normal(count))
    curves = tuple(
        Series(x, np.exp(-x / (30 * (n + 1))) * noise, f"lr={n}", key=n) for n in range(3)
    )
    marks = (Mark("x", 100, "warmup", "step"), Mark("y", 0.5, "chance", "reference"))
    infeasible = Series([50], (), "infeasible", "infeasible")
    return ChartSpec(
        title, Axis("step"), Axis("train/loss", scale=scale), (*curves, infeasible), marks
    )


SVG = "{http://www.w3.org/2000/svg}"


class ChartApp(App[None]):
    def __init__(self, spec: ChartSpec | None) -> None:
        super().__init__()
        self.chart = Chart(spec)
        self.inspected: list[float | None] = []

    def compose(self) -> ComposeResult:
        yield self.chart

    def on_mount(self) -> None:
        self.chart.focus()

    def on_chart_inspected(self, message: Chart.Inspected) -> None:
        assert message.control is self.chart
        self.inspected.append(message.x)


def shown(chart: Chart) -> list[str]:
    return [chart.render_line(y).text for y in range(chart.size.height)]


async def test_a_chart_draws_its_figure():
    app = ChartApp(decay())
    async with app.run_test(size=(80, 24)):
        lines = shown(app.chart)
        assert lines == app.chart.grid.lines
    assert {len(line) for line in lines} == {80}
    assert lines[0].startswith("loss · train/loss")
    assert any("✗" in line for line in lines)


async def test_a_chart_without_a_figure_says_so():
    app = ChartApp(None)
    async with app.run_test(size=(60, 12)):
        assert any("nothing to draw yet" in line for line in shown(app.chart))


async def test_y_and_x_toggle_log_scales():
    app = ChartApp(decay())
    async with app.run_test(size=(80, 24)) as pilot:
        linear = shown(app.chart)
        await pilot.press("y")
        assert app.chart.grid.y.log
        assert shown(app.chart) != linear
        await pilot.press("x")
        assert app.chart.grid.x.log
        await pilot.press("y", "x")
        assert shown(app.chart) == linear


async def test_smoothing_is_one_key():
    app = ChartApp(decay())
    async with app.run_test(size=(80, 24)) as pilot:
        assert "raw:0" in app.chart.grid.names
        await pilot.press("s")
        assert "raw:0" not in app.chart.grid.names
        await pilot.press("s")
        assert "raw:0" in app.chart.grid.names


async def test_zoom_pan_and_reset():
    app = ChartApp(decay())
    async with app.run_test(size=(80, 24)) as pilot:
        whole = app.chart.grid.x
        await pilot.press("plus")
        near = app.chart.grid.x
        assert whole.low < near.low < near.high < whole.high
        await pilot.press("]")
        assert app.chart.grid.x.low > near.low
        await pilot.press("[", "minus")
        assert app.chart.grid.x.high - app.chart.grid.x.low == pytest.approx(whole.high - whole.low)
        await pilot.press("0")
        assert app.chart.view == View()
        assert app.chart.grid.x == whole


async def test_zooming_has_no_end_that_hurts():
    app = ChartApp(decay())
    async with app.run_test(size=(60, 12)):
        for log, window in [(False, (-1e306, 1e306)), (True, (1e-300, 1e300)), (True, (9.0, 11.0))]:
            for direction in (-1, 1):
                app.chart.view = View(x=window, log_x=log)
                for _ in range(80):
                    app.chart.action_zoom(direction)
                    app.chart.action_pan(1)
                assert len(shown(app.chart)) == 12


async def test_the_crosshair_moves_reads_and_tells():
    app = ChartApp(decay())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("right")
        middle = app.chart.cursor
        await pilot.press("right")
        assert app.chart.cursor > middle
        await pilot.press("left", "left")
        assert app.chart.cursor < middle
        await pilot.pause()
        assert len(app.inspected) == 4
        assert len(app.chart.grid.readings) == 3
        app.chart.inspect(10.0)
        await pilot.pause()
        assert len(app.inspected) == 4
        assert app.chart.cursor == 10.0
        await pilot.press("0")
        assert app.chart.cursor is None


async def test_the_mouse_points_drags_zooms_and_hides():
    app = ChartApp(decay())
    async with app.run_test(size=(80, 24)) as pilot:
        plot = app.chart.grid.plot
        await pilot.click(Chart, offset=(plot.left + 10, plot.top + plot.height - 2))
        assert app.chart.grid.x.place(app.chart.cursor) == pytest.approx(10 / (plot.width - 1))
        await pilot.mouse_down(Chart, offset=(plot.left + 20, plot.top + plot.height - 2))
        await pilot.hover(Chart, offset=(plot.left + 30, plot.top + plot.height - 2))
        await pilot.mouse_up(Chart)
        row = app.chart.grid.legend[0]
        await pilot.click(Chart, offset=(row.left + 5, row.row))
        assert app.chart.hidden == {row.ident}
        row = app.chart.grid.legend[0]
        await pilot.click(Chart, offset=(row.left + 5, row.row))
        assert not app.chart.hidden
        whole = app.chart.grid.x
        scroll(events.MouseScrollUp, app.chart, 40, 12)
        await pilot.pause()
        assert app.chart.grid.x.high < whole.high
        scroll(events.MouseScrollDown, app.chart, 40, 12)
        await pilot.pause()
        assert app.chart.grid.x.high == pytest.approx(whole.high)


def scroll(kind, chart, x, y):
    chart.post_message(kind(chart, x, y, 0, 0, 0, False, False, False, x, y))


async def test_resizing_redraws_at_the_new_size():
    app = ChartApp(decay(scale="log"))
    async with app.run_test(size=(80, 24)) as pilot:
        for size in [(120, 35), (40, 8), (10, 3), (200, 50)]:
            await pilot.resize_terminal(*size)
            await pilot.pause()
            lines = shown(app.chart)
            assert (len(lines), {len(line) for line in lines}) == (app.chart.size.height, {size[0]})


async def test_another_figure_is_shown_and_zoom_is_kept_for_the_same_axes():
    app = ChartApp(decay())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("plus")
        zoomed = app.chart.view
        app.chart.show(decay(count=400))
        await pilot.pause()
        assert app.chart.view == zoomed
        app.chart.show(decay("other"))
        await pilot.pause()
        assert app.chart.view == View()
        assert shown(app.chart)[0].startswith("other")


def colours(chart: Chart) -> set[str]:
    return {
        segment.style.color.name
        for y in range(chart.size.height)
        for segment in chart.render_line(y)
        if segment.style is not None and segment.style.color is not None
    }


async def test_curves_stand_out_in_every_theme():
    app = ChartApp(decay())
    async with app.run_test(size=(80, 24)) as pilot:
        drawn = {}
        for name, theme in BUILTIN_THEMES.items():
            app.theme = name
            await pilot.pause()
            drawn[name] = colours(app.chart)
            assert len(drawn[name]) >= 6
            background = app.chart.background_colors[1]
            for colour in () if theme.ansi else app.chart._styles.palette():
                assert contrast(background, Color.parse(colour)) > 3.5
        assert not drawn["textual-dark"] & set(ON_LIGHT)
        assert not drawn["textual-light"] & set(ON_DARK)


def contrast(one: Color, other: Color) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: Color) -> float:
    parts = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in colour.normalized
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


async def test_a_curve_keeps_its_colour_when_others_come():
    one = Series([0, 1], [0, 1], "a", key="a")
    other = Series([0, 1], [1, 0], "b", key="b")
    app = ChartApp(ChartSpec("t", Axis(), Axis(), (one,)))

    def colour(role: str) -> str:
        grid = app.chart.grid
        row, column = next(
            (row, column)
            for row in range(grid.height)
            for column in range(grid.width)
            if grid.role_at(row, column) == role
        )
        return app.chart.render_line(row).crop(column, column + 1)._segments[0].style.color.name

    async with app.run_test(size=(60, 12)) as pilot:
        alone = colour("series:0")
        app.chart.show(ChartSpec("t", Axis(), Axis(), (one, other)))
        await pilot.pause()
        assert colour("series:0") == alone
        assert colour("series:1") != alone


async def test_every_role_has_a_component_class_and_every_key_a_name():
    assert set(COMPONENTS.values()) <= Chart.COMPONENT_CLASSES
    assert Chart.HELP_TITLE
    assert "✗" in Chart.HELP
    bindings = Chart.BINDINGS
    assert all(binding.id.startswith("chart.") and binding.tooltip for binding in bindings)
    assert len({binding.id for binding in bindings}) == len(bindings)


async def test_a_live_chart_follows_until_it_is_zoomed_and_again_when_asked():
    app = ChartApp(decay())
    async with app.run_test(size=(80, 24)) as pilot:
        app.chart.live = True
        assert shown(app.chart)[0].endswith("● live")
        await pilot.press("plus")
        assert shown(app.chart)[0].endswith("◌ held → f")
        held = app.chart.view.x
        app.chart.show(decay(count=400))
        await pilot.pause()
        assert app.chart.view.x == held
        assert shown(app.chart)[0].endswith("new points → f")
        await pilot.press("f")
        assert app.chart.grid.x.high == pytest.approx(399)
        assert app.chart.grid.x.high - app.chart.grid.x.low == pytest.approx(held[1] - held[0])
        app.chart.show(decay(count=500))
        await pilot.pause()
        assert app.chart.grid.x.high == pytest.approx(499)
        assert shown(app.chart)[0].endswith("● live")
        await pilot.press("0")
        assert app.chart.view == View()


async def test_a_window_on_a_log_axis_follows_in_decades():
    app = ChartApp(decay(count=300))
    async with app.run_test(size=(80, 24)) as pilot:
        app.chart.live = True
        await pilot.press("x", "plus")
        before = app.chart.grid.x
        await pilot.press("f")
        after = app.chart.grid.x
        assert after.log
        assert 10**after.high == pytest.approx(299)
        assert after.high - after.low == pytest.approx(before.high - before.low)


async def test_curves_are_looked_at_one_by_one():
    app = ChartApp(decay())
    async with app.run_test(size=(80, 24)) as pilot:
        idents = [row.ident for row in app.chart.grid.legend]
        alone = []
        for _ in idents:
            await pilot.press("H")
            alone.append(set(idents) - app.chart.hidden)
            assert [row.ident for row in app.chart.grid.legend] == idents
        assert alone == [{ident} for ident in idents]
        await pilot.press("H")
        assert not app.chart.hidden


async def test_a_figure_drawn_in_advance_is_not_drawn_again():
    app = ChartApp(decay())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("plus")
        spec = decay(count=400)
        app.chart.prepare(spec)
        (ready,) = spec.drawn.values()
        app.chart.show(spec)
        lines = shown(app.chart)
        assert list(spec.drawn.values()) == [ready]
        await pilot.press("right")
        assert shown(app.chart) != lines
        assert list(spec.drawn.values()) == [ready]


async def test_zooming_vertically_keeps_the_window_across_and_reset_shows_all():
    app = ChartApp(decay())
    async with app.run_test(size=(80, 24)) as pilot:
        whole, across = app.chart.grid.y, app.chart.grid.x
        await pilot.press("}")
        near = app.chart.grid.y
        assert whole.low < near.low < near.high < whole.high
        assert app.chart.grid.x == across
        await pilot.press(")")
        assert app.chart.grid.y.low > near.low
        await pilot.press("(", "{")
        assert app.chart.grid.y.high - app.chart.grid.y.low == pytest.approx(whole.high - whole.low)
        await pilot.press("plus", "}", "0")
        assert app.chart.view == View()
        assert (app.chart.grid.x, app.chart.grid.y) == (across, whole)


async def test_zooming_vertically_stays_at_what_the_crosshair_reads():
    app = ChartApp(decay(scale="log"))
    async with app.run_test(size=(80, 24)) as pilot:
        app.chart.hidden = frozenset({1, 2, "infeasible"})
        app.chart.inspect(290.0)
        for _ in range(9):
            await pilot.press("}")
        (read,) = app.chart.grid.readings
        assert app.chart.grid.y.log
        assert 0 <= app.chart.grid.y.place(read.y) <= 1
        for _ in range(40):
            app.chart.action_zoom_y(-1)
        assert len(shown(app.chart)) == 24


async def test_a_chart_is_exported_as_it_is_looked_at():
    """The window, the scales, the curves and their colours of the screen, and all their points."""
    keys = [key for key in range(99) if slots([key]) == slots([0])][:3]  # all want one colour
    *curves, crosses = decay().series
    curves = [replace(one, key=key) for one, key in zip(curves, keys, strict=True)]
    whole = replace(decay(), series=(*curves, crosses))
    app = ChartApp(replace(whole, series=curves[2:]))
    async with app.run_test(size=(80, 24)) as pilot:
        assert len(shown(app.chart)) == 24
        app.chart.show(whole)  # the others in front of the one that has its colour already
        app.chart.hidden = frozenset(keys[:1])
        await pilot.press("plus", "plus", "y", "}")
        x, y, places = app.chart.grid.x, app.chart.grid.y, app.chart._slots
        files = {name: make() for name, make in app.chart.exports().items()}
    spec, kept = chart_export.seen(
        chart_export.Looked(app.chart.spec, app.chart.view, 0.95, app.chart.hidden, places)
    )
    picture = render(spec, 80, 24, slots=kept)
    assert (picture.x, picture.y) == (x, y)
    svg = ElementTree.fromstring(files["chart.svg"])
    names = [one.text for one in svg.iter(f"{SVG}text") if one.text in ("lr=1", "lr=2")]
    paths = [one.get("class") for one in svg.iter(f"{SVG}path")]
    swatches = list(dict.fromkeys(one for one in paths if re.fullmatch(r"s\d", one)))
    assert (names, swatches) == (["lr=1", "lr=2"], [f"s{place}" for place in places[1:3]])
    assert places[2] == slots([keys[0]])[0]
    assert ", logarithmic" in files["chart.svg"]
    assert "lr=0" not in files["chart.svg"] + files["chart.txt"]
    assert not re.search(r"┬.*\n +0 +", files["chart.txt"])  # zoomed: step 0 is out of sight
    rows = list(csv.reader(io.StringIO(files["chart.csv"])))
    assert rows[0] == ["series", "x", "y"]
    curve = app.chart.spec.series[1]
    points = [(float(at), float(up)) for name, at, up in rows if name == "lr=1"]
    assert points == list(zip(curve.x.tolist(), curve.y.tolist(), strict=True))
    assert ["infeasible", "50", ""] in rows
    assert {row[0] for row in rows[1:]} == {"lr=1", "lr=2", "infeasible"}


async def test_colours_stay_when_a_better_trial_comes_first_and_are_the_same_beside():
    def curves(*keys):
        x = np.arange(20)
        series = tuple(Series(x, x * 1.0 + key, f"#{key}", key=key) for key in keys)
        return ChartSpec("t", Axis("step"), Axis(), series)

    class Two(App[None]):
        def compose(self) -> ComposeResult:
            yield Chart(id="one")
            yield Chart(id="other")

    app = Two()
    async with app.run_test(size=(80, 40)) as pilot:
        one, other = app.query_one("#one", Chart), app.query_one("#other", Chart)
        one.show(curves(1, 2, 3, 4, 5))
        await pilot.pause()
        before = dict(zip((1, 2, 3, 4, 5), one._slots, strict=True))
        for new in range(6, 40):
            other.show(curves(*range(200, 207), new))  # where it may get a colour of theirs
            assert other._slots
            spec = curves(new, 1, 2, 3, 4, 5)
            one.prepare(spec)
            (ready,) = spec.drawn.values()
            one.show(spec)
            assert shown(one)
            assert list(spec.drawn.values()) == [ready]
            assert dict(zip((1, 2, 3, 4, 5), one._slots[1:], strict=True)) == before
        other.show(curves(5, 1, 3))
        assert other._slots == (before[5], before[1], before[3])
