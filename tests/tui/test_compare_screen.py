"""The screen that sets trials or studies beside each other."""

import re

import pytest
from textual.widgets import Input

from labtui.store.paths import LabPaths
from labtui.tui.app import LabApp
from labtui.tui.screens.add import AddScreen
from labtui.tui.screens.compare import CompareScreen
from labtui.tui.screens.help import HelpScreen
from labtui.tui.widgets.charts_beside import ChartsBeside
from labtui.tui.widgets.figures import Figures
from tests.support.labs import make_lab
from tests.tui.driving import LARGE, SMALL, running, screen_text, until

ONE, TWO = "digits-optimizer", "second"
WIDE = (120, 35)


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    make_lab(folder, points=8, evaluations=8)
    return make_lab(folder, name=TWO, points=4, ended=6, evaluations=8, state="stopped")


async def comparing(pilot, app, *names):
    """Open the screen and wait until all of it is read."""
    screen = CompareScreen(app.reader, names)
    app.push_screen(screen)
    await until(pilot, lambda: screen.shown is not None and screen.shown.found.judged)
    return screen


async def test_what_is_concluded_stands_above_what_differs(paths):
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        screen = await comparing(pilot, app, f"{ONE}/3", f"{ONE}/6")
        await until(pilot, lambda: "≠ weight_decay" in screen_text(app))
        text = screen_text(app)
        for shown in (
            "cannot judge, no",
            "3 of 4 differ",
            "#3",
            "#6",
            "= labtui compare",
            "≠ learning_rate",
        ):
            assert shown in text
        assert "batch_size" not in text
        assert "isolation" not in text
        assert text.index("cannot judge") < text.index("≠ learning_rate")
        await pilot.press("d")
        await until(pilot, lambda: "batch_size" in screen_text(app))
        assert screen.twin == f"labtui compare {ONE}/3 {ONE}/6"
        await pilot.press("3")
        assert screen.active == "parameters"


async def test_on_a_large_screen_the_curves_stand_beside_the_table(paths):
    app = LabApp(paths)
    async with app.run_test(size=LARGE) as pilot:
        screen = await comparing(pilot, app, f"{ONE}/3", f"{ONE}/6")
        table, curves = screen.query_one("#parameters"), screen.query_one("#curves")
        await until(pilot, lambda: curves.region.width > 60)
        assert table.region.right <= curves.region.x
        await pilot.press("2")
        assert screen.active == "curves"
        assert table.display
        screen.table.focus()
        await until(pilot, lambda: screen.active == "parameters")
        await pilot.resize_terminal(*SMALL)
        await until(pilot, lambda: not curves.display)


async def test_a_row_is_read_in_full_below_the_table(paths):
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        screen = await comparing(pilot, app, ONE, TWO)
        await pilot.press("j", "enter")
        await until(pilot, lambda: screen.query_one("#whole").has_class("-open"))
        assert screen.table.current.row.name == "answer"
        words = str(screen.query_one("#whole")._text.content)
        assert words.count("In this sample ") == 2
        await pilot.press("escape")
        await until(pilot, lambda: not screen.query_one("#whole").has_class("-open"))
        assert app.screen is screen


async def test_curves_lie_over_each_other_and_n_turns_the_metric(paths):
    app = LabApp(paths)
    async with app.run_test(size=WIDE) as pilot:
        screen = await comparing(pilot, app, f"{ONE}/3", f"{TWO}/1")
        await pilot.press("2")
        await until(pilot, lambda: re.search("━[◆▲■○▼●□△] second/1", screen_text(app)))
        assert re.search("━[◆▲■○▼●□△] digits-optimizer/3", screen_text(app))
        figures = screen.query_one("#curves", Figures)
        first = figures.chart.spec.title
        await pilot.press("n")
        await until(pilot, lambda: figures.chart.spec.title != first)
        await pilot.press("p")
        await until(pilot, lambda: figures.chart.spec.title == first)
        assert screen.topic == "compare-curves"
        assert screen.twin.endswith("--plot curves")


async def test_isolation_plots_stand_side_by_side_or_page_by_page(paths):
    app = LabApp(paths)
    async with app.run_test(size=WIDE) as pilot:
        screen = await comparing(pilot, app, ONE, TWO)
        await pilot.press("3")
        beside = screen.query_one("#isolation", ChartsBeside)
        await until(pilot, lambda: beside.counter == "1/4" and beside.charts[1].size.width)
        drawn = [chart for chart in beside.charts if not chart.has_class("-spare")]
        assert [chart.spec.title for chart in drawn] == [ONE, TWO]
        assert drawn[0].region.y == drawn[1].region.y
        assert len({chart.spec.y.limits for chart in drawn}) == 1
        assert "optimizer: validation/error_rate" in screen_text(app)
        assert drawn[0].reads_with(drawn[1])
        await pilot.press("right", "right")
        await until(pilot, lambda: drawn[0].cursor is not None)
        await until(pilot, lambda: drawn[1].cursor == drawn[0].cursor)
        await pilot.press("0")
        await until(pilot, lambda: drawn[1].cursor is None)
        await pilot.resize_terminal(*SMALL)
        await until(pilot, lambda: beside.counter == "1/8")
        await pilot.press("n")
        await until(pilot, lambda: beside.charts[0].spec.title == TWO)
        assert beside.row == 0
        await pilot.press("n")
        await until(pilot, lambda: beside.row == 1)


async def test_one_alone_says_what_to_do_and_another_can_be_added(paths):
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        screen = CompareScreen(app.reader, [ONE])
        app.push_screen(screen)
        await until(pilot, lambda: "Nothing to compare with" in screen_text(app))
        assert "A names another one" in screen_text(app)
        await pilot.press("A")
        await until(pilot, lambda: isinstance(app.screen, AddScreen) and TWO in screen_text(app))
        await pilot.press(*"secnd", "enter")
        await until(pilot, lambda: "did you mean second?" in screen_text(app))
        app.screen.query_one(Input).value = "sec"
        await until(pilot, lambda: app.screen.query_one(Input)._suggestion == TWO)
        await pilot.press("end", "right", "enter")
        await until(pilot, lambda: screen.shown is not None and screen.shown.found.judged)
        assert screen.names == (ONE, TWO)
        await until(pilot, lambda: "The best of" in screen_text(app))


async def test_the_trials_of_a_study_are_offered_the_best_first(paths):
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        screen = await comparing(pilot, app, f"{ONE}/3", f"{ONE}/6")
        best = f"{TWO}/{await app.reader.ask(lambda lab: lab.study(TWO).best_trial)}"
        await pilot.press("A")
        await until(pilot, lambda: isinstance(app.screen, AddScreen))
        await pilot.press(*"second", "slash")
        await until(pilot, lambda: app.screen.query_one(Input)._suggestion == best)
        await pilot.press("right", "enter")
        await until(pilot, lambda: screen.shown.found.names[-1] == best)


async def test_a_name_that_is_not_there_is_told_with_the_nearest(paths):
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        app.push_screen(CompareScreen(app.reader, [ONE, "secnd"]))
        await until(pilot, lambda: "did you mean 'second'" in screen_text(app))
        assert "No such study or trial" in screen_text(app)
        await pilot.press("q")
        await until(pilot, lambda: len(app.screen_stack) == 1)


async def test_it_follows_trials_that_train(tmp_path):
    with running(tmp_path, "live") as run:
        run.start(0, 0.5)
        run.start(1, 0.4)
        app = LabApp(LabPaths(tmp_path / "lab.db"))
        async with app.run_test(size=WIDE) as pilot:
            screen = await comparing(pilot, app, "live/0", "live/1")
            await until(
                pilot, lambda: "#1 is running: its value is that so far" in screen_text(app)
            )
            run.log(0, 80, 0.125)
            await until(pilot, lambda: "0.125 against 0.4" in screen_text(app))
            run.end(0)
            await until(pilot, lambda: "✓ completed" in screen_text(app))
            assert screen.active == "parameters"


async def test_the_help_is_that_of_the_pane(paths):
    app = LabApp(paths)
    async with app.run_test(size=LARGE) as pilot:
        await comparing(pilot, app, ONE, TWO)
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        text = screen_text(app)
        assert "what may be concluded" in text
        assert f"labtui compare {ONE} {TWO}" in text
