import math

import pytest
from textual.widgets import Input

from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.tui.app import LabApp
from labtui.tui.widgets.trials import TrialTable
from tests.support.labs import make_lab
from tests.tui.driving import LARGE, SMALL, chart, open_study, running, screen_text, until

NAME = "digits-optimizer"


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return make_lab(tmp_path_factory.mktemp("lab"), points=10)


def table(app):
    return app.screen.query_one(TrialTable)


async def test_on_a_small_screen_one_pane_at_a_time(paths):
    app = LabApp(paths, study=NAME)
    async with app.run_test(size=SMALL) as pilot:
        await open_study(pilot, app)
        text = screen_text(app)
        for shown in (NAME, "20/20", "Does Adam", "error_rate ↓", " 2 trials ", "= labtui show"):
            assert shown in text
        assert "✓ completed" in text
        assert app.screen.focused is table(app)
        for pane, shown in [
            ("curves", "┤"),
            ("axes", "┊"),
            ("isolation", "best of each"),
            ("budget", "best of k"),
            ("stability", "grad_norm"),
            ("design", "Scientific: compared"),
            ("verdict", "In this sample"),
            ("trials", "at step"),
        ]:
            await pilot.press("tab")
            await until(pilot, lambda shown=shown: shown in screen_text(app))
            assert app.screen.active == pane


async def test_on_a_large_screen_all_panes_at_once(paths):
    app = LabApp(paths, study=NAME)
    async with app.run_test(size=LARGE) as pilot:
        await open_study(pilot, app)
        text = screen_text(app)
        for shown in ("at step", "curves 1/2", "axes 1/4", "median", "verdict"):
            assert shown in text
        await pilot.press("8")
        await until(pilot, lambda: "Scientific: compared" in screen_text(app))
        assert "2 arms × 10 trials = 20, 1,000 steps each" in screen_text(app)
        assert "✗" in text
        assert "┊" in text
        await pilot.press("z")
        assert "curves 1/2" not in screen_text(app)
        await pilot.press("escape")
        assert "curves 1/2" in screen_text(app)


async def test_the_best_trials_come_first_and_infeasible_ones_do_not_count(paths):
    app = LabApp(paths, study=NAME)
    async with app.run_test(size=SMALL) as pilot:
        await open_study(pilot, app)
        rows = table(app).rows
        values = [t.value for t in rows if t.state == "completed"]
        assert values == sorted(values)
        assert [t.state for t in rows[-2:]] == ["infeasible", "infeasible"]


async def test_sorting_keeps_the_selection(paths):
    app = LabApp(paths, study=NAME)
    async with app.run_test(size=SMALL) as pilot:
        await open_study(pilot, app)
        await pilot.press("j", "j", "j")
        chosen = table(app).current.id
        orders = set()
        for _ in range(9):
            await pilot.press("o")
            orders.add(table(app).sorting[0])
            assert table(app).current.id == chosen
        assert {"number", "state", "best", "param:learning_rate"} <= orders


async def test_marked_trials_are_the_ones_whose_curves_are_drawn(paths):
    app = LabApp(paths, study=NAME)
    async with app.run_test(size=LARGE) as pilot:
        await open_study(pilot, app)
        await until(pilot, lambda: chart(app, "curves").spec.series)
        assert len({s.key for s in chart(app, "curves").spec.series}) == 6
        await pilot.press("j", "space", "space")
        marked = set(table(app).marked)
        assert len(marked) == 2
        await until(pilot, lambda: {s.key for s in chart(app, "curves").spec.series} == marked)
        assert "2 marked" in screen_text(app)
        assert "◆" in screen_text(app)
        await pilot.press("3", "y", "s")
        assert chart(app, "curves").smoothing == 0
        await pilot.press("2", "U")
        await until(pilot, lambda: len({s.key for s in chart(app, "curves").spec.series}) == 6)


async def test_the_axis_plots_are_paged_with_bounds_and_infeasible_trials(paths):
    app = LabApp(paths, study=NAME)
    async with app.run_test(size=SMALL) as pilot:
        await open_study(pilot, app)
        await pilot.press("4")
        await until(pilot, lambda: chart(app, "axes").spec.title)
        titles = []
        for _ in range(4):
            spec = chart(app, "axes").spec
            titles.append(spec.title)
            if "learning_rate" in spec.title:
                assert [m.kind for m in spec.marks] == ["bound", "bound"]
            await pilot.press("n")
        assert len(set(titles)) == 4
        assert chart(app, "axes").spec.title == titles[0]
        await pilot.press("p")
        assert chart(app, "axes").spec.title == titles[-1]
        assert any(s.role == "infeasible" for s in chart(app, "axes").spec.series)


async def test_the_filter_narrows_the_table_and_says_what_it_does_not_know(paths):
    app = LabApp(paths, study=NAME)
    async with app.run_test(size=SMALL) as pilot:
        await open_study(pilot, app)
        await pilot.press("slash", *"state:inf")
        assert {t.state for t in table(app).rows} == {"infeasible"}
        assert "of 20" in screen_text(app)
        await pilot.press("enter")
        assert app.screen.focused is table(app)
        await pilot.press("escape")
        assert len(table(app).rows) == 20
        await pilot.press("slash", *"x:1")
        assert "no field 'x'" in screen_text(app)
        await pilot.press("escape")
        assert "no field" not in screen_text(app)
        assert app.screen.query_one("#filter", Input).value == ""


async def test_the_mouse_does_what_the_keys_do(paths):
    app = LabApp(paths, study=NAME)
    async with app.run_test(size=SMALL) as pilot:
        await open_study(pilot, app)
        await pilot.click("#tabs", offset=(25, 0))
        await until(pilot, lambda: app.screen.active == "curves")
        await pilot.click("KeyLine", offset=(screen_text(app).splitlines()[-1].index("help"), 0))
        await until(pilot, lambda: "What to conclude" in screen_text(app))


async def test_an_arm_leads_to_its_trials(paths):
    app = LabApp(paths, study=NAME)
    async with app.run_test(size=SMALL) as pilot:
        await open_study(pilot, app)
        await pilot.press("1", "tab", "shift+tab")
        app.screen.query_one("#arms-table").focus()
        await pilot.press("enter")
        await until(pilot, lambda: len(table(app).rows) == 10)
        assert len({t.arm for t in table(app).rows}) == 1


async def test_a_trial_says_all_that_is_known_of_it(tmp_path):
    with running(tmp_path) as run:
        run.start(0)
        trace = "Traceback (most recent call last):\n  File 'x'\x1b[31m\nValueError: [red] no"
        run.end(0, "failed", "the trainer raised ValueError", trace)
        app = LabApp(LabPaths(tmp_path / "lab.db"), study="live")
        async with app.run_test(size=(100, 33)) as pilot:
            await open_study(pilot, app)
            await pilot.press("slash", *"failed", "enter", "enter")
            await until(pilot, lambda: "To reproduce it" in screen_text(app))
            text = screen_text(app)
            for shown in ("live/0", "! failed", "raised ValueError", "ValueError: [red] no"):
                assert shown in text
            await pilot.press("G")
            await until(pilot, lambda: "labtui run live.yaml" in screen_text(app))
            assert "seed" in screen_text(app)
            await pilot.press("3")
            await until(pilot, lambda: "log 0.001 … 10" in screen_text(app))
            assert "learning_rate" in screen_text(app)
            await pilot.press("j", "G", "q")
            assert app.screen.active == "trials"


async def test_the_table_fills_while_trials_come_in(tmp_path):
    app = LabApp(LabPaths(tmp_path / "lab.db"), study="live")
    with running(tmp_path) as run:
        async with app.run_test(size=LARGE) as pilot:
            await open_study(pilot, app)
            assert {t.state for t in table(app).rows} == {"queued"}
            await pilot.press("j")
            chosen = table(app).current.id
            run.start(0, 0.5)
            await until(pilot, lambda: "● running" in screen_text(app))
            await until(pilot, lambda: chart(app, "curves").spec.series)
            run.log(0, 80, 0.25)
            await until(pilot, lambda: table(app).rows[0].best_value == 0.25)
            await until(pilot, lambda: 0.25 in chart(app, "curves").spec.series[0].y)
            run.end(0)
            run.start(1, math.nan)
            run.end(1, "infeasible", "diverged at step 40")
            await until(pilot, lambda: "✗ 1 infeasible" in screen_text(app))
            assert "2/10" in screen_text(app)
            assert table(app).current.id == chosen
            run.start(2)
            await until(pilot, lambda: table(app).rows[1].state == "running")


async def test_what_a_dead_runner_left_is_interrupted(tmp_path):
    app = LabApp(LabPaths(tmp_path / "lab.db"), study="live")
    async with app.run_test(size=SMALL) as pilot:
        with running(tmp_path) as run:
            run.start(0)
            await open_study(pilot, app)
            await until(pilot, lambda: "● running" in screen_text(app))
        await until(pilot, lambda: "◍ interrupted" in screen_text(app))
        assert table(app).rows[0].state == "interrupted"


async def test_a_study_that_there_is_not_names_the_nearest(paths):
    app = LabApp(paths, study="digits-optimizr")
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "✗ No such study" in screen_text(app))
        assert NAME in screen_text(app)
        await pilot.press("q")
        await until(pilot, lambda: "labtui show" in screen_text(app))


@pytest.mark.parametrize(
    ("key", "said"), [("2", "The trials"), ("4", "Axis plots (P14)"), ("8", "every fixed")]
)
async def test_help_is_about_what_has_the_focus(paths, key, said):
    app = LabApp(paths, study=NAME)
    async with app.run_test(size=SMALL) as pilot:
        await open_study(pilot, app)
        await pilot.press(key, "question_mark")
        await until(pilot, lambda: "What to conclude" in screen_text(app))
        assert said.casefold() in screen_text(app).casefold()
        await pilot.press("G")
        await until(pilot, lambda: "harms no run" in screen_text(app))
        await pilot.press("f1")
        await until(pilot, lambda: "harms no run" not in screen_text(app))


async def test_any_size_and_a_storm_of_them(paths):
    app = LabApp(paths, study=NAME)
    async with app.run_test(size=(1, 1)) as pilot:
        await open_study(pilot, app)
        for size in [(300, 100), (59, 30), (120, 40), (1, 50), (300, 1)]:
            await pilot.resize_terminal(*size)
            await pilot.press("tab", "n")
        await pilot.resize_terminal(40, 10)
        assert "needs 60x15" in screen_text(app)
        await pilot.resize_terminal(*SMALL)
        assert "needs 60x15" not in screen_text(app)
        await pilot.press("2")
        await until(pilot, lambda: "at step" in screen_text(app))


async def test_two_thousand_trials_are_all_there(tmp_path):
    paths = make_lab(tmp_path, points=1000, ended=0, state="queued")
    app = LabApp(paths, study=NAME)
    async with app.run_test(size=SMALL) as pilot:
        await open_study(pilot, app)
        await until(pilot, lambda: len(table(app).rows) == 2000)
        await pilot.press("o", "G")
        with Lab(paths) as lab:
            assert lab.study(NAME).total == 2000
        assert table(app).current is table(app).rows[-1]
