import numpy as np
from textual.app import App, ComposeResult
from textual.containers import Horizontal

from labtui.charts import Axis, ChartSpec, Series
from labtui.tui.widgets.figures import Figures


def figure(title: str, axis: str = "step", points: int = 50) -> ChartSpec:
    x = np.arange(points)
    return ChartSpec(title, Axis(axis), Axis(), (Series(x, np.cos(x / 9), "a", key="a"),))


class FiguresApp(App[None]):
    CSS = "Figures { width: 1fr; height: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = Figures(id="one"), Figures(id="other")

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield self.one
            yield self.other

    def titles(self) -> list[str]:
        return [chart.spec.title for chart in self.one.shown]


async def test_as_many_figures_are_shown_as_there_is_room_for():
    app = FiguresApp()
    async with app.run_test(size=(200, 30)) as pilot:
        app.one.show([figure(f"m{n}") for n in range(6)], "all of them")
        await pilot.pause()
        assert app.titles() == ["m0", "m1", "m2", "m3"]
        assert app.one.counter == "1–4/6"
        assert app.one.note == "all of them"
        app.one.page(1)
        assert (app.titles(), app.one.counter) == (["m4", "m5"], "5–6/6")
        app.one.page(1)
        assert app.titles()[0] == "m0"
        app.one.find("m5")
        await pilot.pause()
        assert (app.titles(), app.one.chart.spec.title) == (["m4", "m5"], "m5")
        await pilot.resize_terminal(100, 20)
        await pilot.pause()
        assert len(app.titles()) == 1
        for chart in app.one.shown:
            assert chart.size.width >= 46


async def test_a_page_that_holds_all_moves_the_focus_and_keys_act_there():
    app = FiguresApp()
    async with app.run_test(size=(200, 30)) as pilot:
        app.one.show([figure("m0"), figure("m1")])
        await pilot.pause()
        assert app.one.counter == ""
        app.one.charts[0].focus()
        await pilot.pause()
        app.one.page(1)
        await pilot.pause()
        assert app.focused is app.one.charts[1]
        await pilot.press("y")
        assert [chart.view.log_y for chart in app.one.shown] == [None, True]
        app.set_focus(None)
        await pilot.pause()
        assert app.one.chart is app.one.charts[1]


async def test_crosshairs_with_the_same_axis_move_together_in_all_panes():
    app = FiguresApp()
    async with app.run_test(size=(200, 30)) as pilot:
        app.one.show([figure("m0"), figure("m1", "learning_rate")])
        app.other.show([figure("m2"), figure("m3", points=90)])
        await pilot.pause()
        app.one.charts[0].focus()
        await pilot.pause()
        await pilot.press("right", "right")
        await pilot.pause()
        read = app.one.charts[0].cursor
        assert read is not None
        assert app.one.charts[1].cursor is None
        assert [chart.cursor for chart in app.other.shown] == [read, read]
        assert all(chart.grid.readings for chart in app.other.shown)
        app.other.show([figure("m4")])
        assert app.other.chart.cursor == read
        await pilot.press("0")
        await pilot.pause()
        assert app.other.chart.cursor is None


async def test_figures_are_drawn_in_advance_for_their_own_charts():
    app = FiguresApp()
    async with app.run_test(size=(200, 30)) as pilot:
        app.one.show([figure("m0"), figure("m1")])
        await pilot.pause()
        found = [figure("m0", points=60), figure("m1", points=60)]
        app.one.prepare(found)
        ready = [list(spec.drawn.values()) for spec in found]
        app.one.show(found)
        for chart in app.one.shown:
            chart.render_line(0)
        assert [list(spec.drawn.values()) for spec in found] == ready
