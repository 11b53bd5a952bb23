"""The figures of a study on screen: what is said below them, and when they are drawn anew."""

import pytest

from labtui.store.records import ENDED
from labtui.tui.app import LabApp
from labtui.tui.panes.axes import AxesPane
from labtui.tui.widgets.words import WordsLine
from tests.support.labs import make_lab
from tests.tui.driving import LARGE, SMALL, chart, open_study, running, screen_text, until

NAME = "digits-optimizer"


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return make_lab(tmp_path_factory.mktemp("lab"), points=12)


def said(app, pane):
    lines = app.screen.query(f"#{pane}-words").results(WordsLine)
    return [row.plain for one in lines for row in one.said]


async def test_a_sentence_below_each_figure_says_what_to_conclude(paths):
    app = LabApp(paths, study=NAME)
    async with app.run_test(size=SMALL) as pilot:
        await open_study(pilot, app, "axes")
        await until(pilot, lambda: "the best 5 lie" in "".join(said(app, "axes")))
        seen = {chart(app, "axes").spec.title: said(app, "axes")}
        for _ in range(3):
            await pilot.press("n")
            seen[chart(app, "axes").spec.title] = said(app, "axes")
        assert len(seen) == 4
        assert all(len(told) == 1 for told in seen.values())
        assert len({told[0] for told in seen.values()}) == 4
        for pane, words in (("isolation", "ahead of"), ("budget", "a quarter of searches")):
            app.screen.action_show(pane)
            await until(pilot, lambda p=pane, w=words: w in "".join(said(app, p)))
        app.screen.action_show("stability")
        await until(pilot, lambda: said(app, "stability"))
        assert said(app, "stability")[0][0] in "✓!?i"


@pytest.mark.parametrize("size", [(80, 24), (120, 35), (160, 50), (200, 50)])
async def test_no_figure_loses_its_sentence_at_any_size(paths, size):
    app = LabApp(paths, study=NAME)
    async with app.run_test(size=size) as pilot:
        await open_study(pilot, app, "axes")
        await until(pilot, lambda: said(app, "axes") and app.screen.desk.judge.brief is not None)
        await until(pilot, lambda: "on its way" not in "".join(said(app, "axes")))
        shown = app.screen.query_one("#axes-figures").shown
        assert len(said(app, "axes")) == len(shown)
        line = app.screen.query_one("#axes-words")
        assert line.region.height == sum(1 + one.count("\n") for one in said(app, "axes"))
        assert line.region.bottom <= app.screen.query_one("#axes").region.bottom
        assert all(one.size.height >= 9 for one in shown)


async def test_marked_trials_stand_out_in_the_axes(paths):
    app = LabApp(paths, study=NAME)
    async with app.run_test(size=SMALL) as pilot:
        await open_study(pilot, app)
        await pilot.press("space", "space")
        await pilot.press("4")
        await until(pilot, lambda: app.screen.query("#axes-figures"))
        await until(pilot, lambda: chart(app, "axes").spec.series)
        titles = {one.label for one in chart(app, "axes").spec.series}
        marked = app.screen.desk.marked
        assert len(marked) == 2
        assert titles & {"2 marked", "1 marked"}
        assert "◆" in screen_text(app)


async def test_while_a_study_runs_its_figures_rest_and_are_whole_at_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr("labtui.tui.panes.base.REST", 1e6)
    with running(tmp_path) as run:
        run.start(0)
        run.end(0)
        app = LabApp(run.writer.paths, study=run.name)
        async with app.run_test(size=SMALL) as pilot:
            await open_study(pilot, app, "budget")
            await until(pilot, lambda: app.screen.query("#budget-figures"))
            figures = app.screen.query_one("#budget-figures")
            await until(pilot, lambda: figures.filled and not app.screen.desk.judge.busy)
            before = figures.chart.spec
            for number in range(1, 4):
                run.start(number, 0.5 - number / 10)
                run.end(number)
            await until(pilot, lambda: sum(t.state in ENDED for t in app.screen.view.trials) == 4)
            assert figures.chart.spec is before
            from labtui.store.changes import set_study

            set_study(run.writer, run.study, "stopped")
            run.writer.commit()
            await until(pilot, lambda: figures.chart.spec is not before)


async def test_what_a_person_asks_for_does_not_wait(tmp_path, monkeypatch):
    monkeypatch.setattr("labtui.tui.panes.base.REST", 1e6)
    with running(tmp_path) as run:
        for number in range(2):
            run.start(number, 0.5 - number / 10)
            run.end(number)
        run.start(2)
        app = LabApp(run.writer.paths, study=run.name)
        async with app.run_test(size=SMALL) as pilot:
            await open_study(pilot, app, "axes")
            await until(pilot, lambda: app.screen.query("#axes-figures"))
            await until(pilot, lambda: chart(app, "axes").spec.series)
            await pilot.press("2", "space", "space", "space", "4")
            await until(
                pilot, lambda: "marked" in {one.key for one in chart(app, "axes").spec.series}
            )


async def test_the_trial_under_the_cursor_stands_out_in_the_axes_and_nothing_else_is_drawn(paths):
    app = LabApp(paths, study=NAME)
    async with app.run_test(size=LARGE) as pilot:
        await open_study(pilot, app)
        desk = app.screen.desk
        await until(
            pilot, lambda: chart(app, "axes").spec.series and chart(app, "curves").spec.series
        )
        await until(pilot, lambda: desk.judge.brief is not None and not desk.judge.busy)
        await until(pilot, lambda: not app.screen.query_one("#axes", AxesPane)._busy)
        assert desk.current is None
        assert "marked" not in {one.key for one in chart(app, "axes").spec.series}
        before = {pane: chart(app, pane).spec for pane in ("axes", "curves")}
        clouds = before["axes"].series[0]
        await pilot.press("j", "j")  # the plot is of nesterov's learning rate, which #21 has not
        trial = app.screen.trials.current
        assert (desk.current, trial.arm) == (trial.id, "optimizer=nesterov")
        await until(pilot, lambda: f"#{trial.number}" in labels(app))
        assert "◆" in screen_text(app)
        assert chart(app, "axes").spec.series[0] is clouds  # the points were not placed again
        assert chart(app, "curves").spec is before["curves"]
        await pilot.press("space", "k", "k")
        await until(pilot, lambda: app.screen.desk.marked)
        await until(pilot, lambda: labels(app) == {f"#{trial.number}"})


def labels(app):
    """Who stands out, in any of the plots on screen: not every trial is in each."""
    shown = app.screen.query_one("#axes-figures").shown
    return {one.label for plot in shown for one in plot.spec.series if one.key == "marked"}
