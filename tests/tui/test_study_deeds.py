"""What a person does on a study: choosing columns, filtering, comparing, stopping, its design."""

import pytest

from labtui.store.changes import set_study
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.store.writer import Writer
from labtui.study.spec import Study, parse_study
from labtui.tui.app import LabApp
from labtui.tui.panes.design import DesignText
from labtui.tui.panes.trials import TrialsPane
from labtui.tui.screens.ask import AskScreen
from labtui.tui.screens.columns import ColumnsScreen
from labtui.tui.screens.compare import CompareScreen
from labtui.tui.screens.study import StudyScreen
from labtui.tui.widgets.table import Table
from labtui.tui.widgets.trials import TrialTable
from tests.support.labs import make_lab
from tests.tui.driving import LARGE, SMALL, open_study, running, screen_text, until

NAME = "digits-optimizer"


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return make_lab(tmp_path_factory.mktemp("lab"), points=10)


def table(app):
    return app.screen_stack[1].query_one(TrialTable)


def header(app):
    return table(app).render_line(0).text


async def test_columns_are_hidden_shown_moved_and_remembered(paths):
    app = LabApp(paths, study=NAME)
    async with app.run_test(size=SMALL) as pilot:
        await open_study(pilot, app)
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, ColumnsScreen))
        choices = app.screen.query_one(Table)
        await pilot.press("j", "space")  # the arm goes
        assert "optimizer" not in header(app)
        assert choices.current.key == "state"
        await pilot.press("J")  # the state goes behind the best value
        assert header(app).index("best") < header(app).index("state")
        assert choices.current.key == "state"
        for key in ("seed", "best/validation/loss"):
            assert choices.go_to(key)
            await pilot.press("space")
        await until(pilot, lambda: app.screen_stack[1].query_one(TrialsPane).known.metrics)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, StudyScreen))
        table(app).sort_by("best/validation/loss")
        for _ in range(9):
            table(app).action_columns(1)
        await pilot.pause()
        assert "1003" in screen_text(app)
        assert "best validation/loss↑" in header(app)
        best = table(app).rows[0]
        with Lab(paths) as lab:
            losses = {one.trial: one.min for one in lab.summaries(NAME, "validation/loss")}
        assert losses[best.id] == min(losses.values())
        await pilot.press("q")
        await until(pilot, lambda: not isinstance(app.screen, StudyScreen))
        await pilot.press("enter")
        await open_study(pilot, app)
        assert "optimizer" not in header(app)
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, ColumnsScreen))
        await pilot.press("0", "escape")
        assert "optimizer" in header(app)


async def test_one_column_stays(paths):
    app = LabApp(paths, study=NAME)
    async with app.run_test(size=SMALL) as pilot:
        await open_study(pilot, app)
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, ColumnsScreen))
        for _ in range(12):
            app.screen.action_switch()
        assert [one for one in app.screen.query_one(Table).rows if one.shown]
        await until(pilot, lambda: any("has to stay" in one.message for one in app._notifications))
        await pilot.press("0", "escape")


async def test_marks_tags_and_metrics_can_be_asked_for(paths):
    app = LabApp(paths, study=NAME)
    async with app.run_test(size=SMALL) as pilot:
        await open_study(pilot, app)
        await pilot.press("j", "space", "space", "slash", *"marked:yes")
        await until(pilot, lambda: "2 of 20" in screen_text(app))
        await pilot.press("enter", "U")
        await until(pilot, lambda: "0 of 20" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: len(table(app).rows) == 20)
        await pilot.press("slash")
        app.screen.trials.line.value = "best/validation/loss<0.5"
        with Lab(paths) as lab:
            low = [one for one in lab.summaries(NAME, "validation/loss") if (one.min or 9) < 0.5]
        await until(pilot, lambda: f"{len(low)} of 20" in screen_text(app))
        assert {one.id for one in table(app).rows} == {one.trial for one in low}
        assert app.screen.desk.kept == {one.trial for one in low}


async def test_a_filter_of_many_trials_is_carried_out_apart(tmp_path):
    paths = make_lab(tmp_path, points=1000, ended=0, state="queued")
    app = LabApp(paths, study=NAME)
    async with app.run_test(size=SMALL) as pilot:
        await open_study(pilot, app)
        await until(pilot, lambda: len(table(app).rows) == 2000)
        await pilot.press("slash")
        app.screen.trials.line.value = "opt:adam"
        await until(pilot, lambda: "1,000 of 2,000" in screen_text(app))
        assert len(app.screen.desk.kept) == 1000


async def test_marked_trials_are_compared(paths):
    app = LabApp(paths, study=NAME)
    async with app.run_test(size=SMALL) as pilot:
        await open_study(pilot, app)
        await pilot.press("C")
        await until(pilot, lambda: any("mark two" in one.message for one in app._notifications))
        await pilot.press("space", "space", "C")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))
        assert set(app.screen.names) == {f"{NAME}/{one.number}" for one in table(app).rows[:2]}


async def test_a_study_is_stopped_and_what_has_ended_offers_neither(tmp_path, paths):
    app = LabApp(LabPaths(tmp_path / "lab.db"), study="live")
    with running(tmp_path) as run:
        run.start(0)
        async with app.run_test(size=SMALL) as pilot:
            await open_study(pilot, app)
            assert app.screen.check_action("stop", ())
            assert not app.screen.check_action("resume", ())
            await pilot.press("S")
            await until(pilot, lambda: isinstance(app.screen, AskScreen))
            assert "Stop live?" in screen_text(app)
            await pilot.press("escape")
    with Writer(LabPaths(tmp_path / "lab.db")) as writer:
        set_study(writer, run.study, "stopped")
    app = LabApp(LabPaths(tmp_path / "lab.db"), study="live")
    async with app.run_test(size=SMALL) as pilot:
        await open_study(pilot, app)
        await until(pilot, lambda: "■ stopped" in screen_text(app))
        assert app.screen.check_action("resume", ())
        assert "R run" in screen_text(app)
    app = LabApp(paths, study=NAME)
    async with app.run_test(size=SMALL) as pilot:
        await open_study(pilot, app)
        assert not app.screen.check_action("resume", ())
        assert not app.screen.check_action("stop", ())


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_the_design_is_told_with_its_file(paths, size):
    app = LabApp(paths, study=NAME)
    async with app.run_test(size=size) as pilot:
        await open_study(pilot, app, "design")
        await pilot.press("z")
        pane = app.screen.query_one(DesignText)
        await until(pilot, lambda: "study.yaml" in pane.exports())
        told = pane.exports()["design.txt"]()
        for said in ("2 arms × 10 trials = 20", "1,000 steps", "log 0.00001 … 0.1"):
            assert said in told
        for said in ("when optimizer=adam", "Fixed: caveats", "The study as a file"):
            assert said in told
        with Lab(paths) as lab:
            asked = Study.from_json(lab.study(NAME).spec)
        assert parse_study(pane.exports()["study.yaml"]()) == asked
        assert max(map(len, told.splitlines())) <= size[0]
        assert ("│" in told) == (size == LARGE)
        assert app.screen.twin == f"labtui plan {NAME}"
