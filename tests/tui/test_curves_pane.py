import pytest

from labtui.tui.app import LabApp
from labtui.tui.panes.curves import BRIGHT
from tests.support.labs import make_lab
from tests.tui.driving import LARGE, chart, open_study, running, screen_text, until

NAME = "digits-optimizer"


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return make_lab(tmp_path_factory.mktemp("lab"), points=10)


def drawn(app) -> tuple[set, set]:
    """Give the trials whose curves are drawn, and those that stand out."""
    series = chart(app, "curves").spec.series
    return {one.key for one in series}, {one.key for one in series if one.emphasis}


async def test_more_and_fewer_trials_are_drawn_and_at_most_eight_stand_out(paths):
    app = LabApp(paths, study=NAME)
    async with app.run_test(size=LARGE) as pilot:
        await open_study(pilot, app, "curves")
        await until(pilot, lambda: len(drawn(app)[0]) == 6)
        assert "the best 3 of each arm" in screen_text(app)
        await pilot.press(">", ">")
        await until(pilot, lambda: len(drawn(app)[0]) == 10)
        known, bright = drawn(app)
        assert len(bright) == BRIGHT
        assert bright < known
        assert len(chart(app, "curves").grid.legend) == BRIGHT
        assert "2 of them dimmed" in screen_text(app)
        await pilot.press("2", "<", "<", "<", "<", "<", "<")
        await until(pilot, lambda: len(drawn(app)[0]) == 2)
        assert "the best of each arm" in screen_text(app)


async def test_trials_that_run_are_drawn_beside_the_best_and_say_that_they_are_live(tmp_path):
    with running(tmp_path) as run:
        run.start(0)
        run.end(0)
        run.start(1)
        app = LabApp(run.writer.paths, study="live")
        async with app.run_test(size=LARGE) as pilot:
            await open_study(pilot, app, "curves")
            await until(pilot, lambda: drawn(app)[0] == {run.first, run.first + 1})
            assert "● live" in screen_text(app)
            run.log(1, 80, 0.25)
            ends = lambda: {float(one.x[-1]) for one in chart(app, "curves").spec.series}  # noqa: E731
            await until(pilot, lambda: 80 in ends())
