import pytest
from textual.widgets import Input

from labtui.store.changes import set_study
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.tui.app import LabApp
from labtui.tui.parameters_text import parameters_text
from labtui.tui.screens.trial import TrialScreen
from labtui.tui.widgets.figures import Figures
from labtui.tui.widgets.output import OutputView
from labtui.tui.widgets.trial_deck import TABS, visible
from labtui.verdicts.beside import Beside, Other, Row
from tests.support.engine import fixed, processes, study_text, submit, wait_until, write_study
from tests.support.labs import make_lab
from tests.tui.driving import LARGE, SMALL, running, screen_text, until

NAME = "digits-optimizer"


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return make_lab(tmp_path_factory.mktemp("lab"), points=10)


@pytest.fixture(scope="module")
def diverged(paths):
    with Lab(paths) as lab:
        return next(one for one in lab.trials(NAME) if one.state == "infeasible")


async def open_trial(pilot, app, name):
    app.push_screen(TrialScreen(app.reader, name))
    await until(
        pilot,
        lambda: (
            isinstance(app.screen, TrialScreen)
            and app.screen.view is not None
            and not app.screen._busy
            and "= labtui show" in screen_text(app)
        ),
    )


def grid(app):
    return app.screen.query_one(Figures)


def told(app, text):
    return any(text in one.message for one in app._notifications)


def output(app):
    return app.screen.query_one(OutputView)


# -- what is on screen --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "active", "shown"),
    [
        ((80, 24), "facts", {"facts"}),
        ((80, 24), "log", {"log"}),
        ((120, 35), "facts", {"facts", "curves"}),
        ((120, 24), "facts", {"facts", "curves"}),
        ((100, 40), "facts", {"facts", "curves"}),
        ((160, 50), "facts", {"facts", "parameters", "curves"}),
    ],
)
def test_which_panes_there_is_room_for(size, active, shown):
    assert visible(*size, active=active, left="facts", right="curves") == shown
    assert visible(*size, active=active, left="facts", right="curves", zoomed=True) == {active}


async def test_on_a_small_screen_one_pane_at_a_time(paths):
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        await open_trial(pilot, app, f"{NAME}/0")
        for pane, said in [
            ("curves", "validation/error_rate"),
            ("parameters", "this trial"),
            ("log", "It printed nothing"),
            ("facts", "Outcome: validation/error_rate"),
        ]:
            await pilot.press("tab")
            await until(pilot, lambda said=said: said in screen_text(app))
            assert app.screen.active == pane
            assert app.screen.topic == f"trial-{pane}"
        await pilot.press("4")
        assert app.screen.active == TABS[3]
        assert app.screen.twin == f"labtui log {NAME}/0"


async def test_on_a_large_screen_facts_parameters_and_all_curves_together(paths):
    app = LabApp(paths)
    async with app.run_test(size=LARGE) as pilot:
        await open_trial(pilot, app, f"{NAME}/0")
        await until(pilot, lambda: len(grid(app).shown) == 3)
        titles = [chart.spec.title for chart in grid(app).shown]
        assert titles == ["validation/error_rate", "loss", "grad_norm"]
        for said in ("To reproduce it", "this trial", "no baseline yet", "best step"):
            assert said in screen_text(app)


async def test_the_crosshairs_of_all_charts_move_together(paths):
    app = LabApp(paths)
    async with app.run_test(size=LARGE) as pilot:
        await open_trial(pilot, app, f"{NAME}/0")
        await pilot.press("2", "right", "right")
        await until(pilot, lambda: all(one.cursor is not None for one in grid(app).shown))
        assert len({one.cursor for one in grid(app).shown}) == 1
        first = app.screen.focused
        await pilot.press("j")
        assert app.screen.focused is grid(app).shown[1]
        await pilot.press("k", "y")
        assert app.screen.focused is first
        assert first.view.log_y is not None


async def test_curves_that_do_not_fit_are_paged(paths):
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        await open_trial(pilot, app, f"{NAME}/0")
        assert "n more" not in screen_text(app)  # no curves on screen, nothing to page
        await pilot.press("2")
        await until(pilot, lambda: "1–2/3" in screen_text(app))
        assert "n more" in screen_text(app)
        await pilot.press("n")
        await until(pilot, lambda: "3/3" in screen_text(app))
        assert [one.spec.title for one in grid(app).shown] == ["grad_norm"]
        await pilot.press("n")
        await until(pilot, lambda: "1–2/3" in screen_text(app))


async def test_a_trial_that_blew_up_is_explained_at_a_glance(paths, diverged):
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        await open_trial(pilot, app, diverged.name)
        step = diverged.reason.split()[-1]
        await until(pilot, lambda: f"train/loss was not finite at step {step}" in screen_text(app))
        text = screen_text(app)
        assert text.index("loss\n" if "loss\n" in text else "loss ") < text.index("Why it ended")
        assert text.count(f"diverged at step {step}") == 3  # the title, the mark, the reason
        assert "┊" in text
        await pilot.press("3")
        await until(pilot, lambda: "≠" in screen_text(app))


# -- parameters ---------------------------------------------------------------------------------


async def test_d_leaves_out_what_is_the_same(paths, diverged):
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        await open_trial(pilot, app, diverged.name)
        await pilot.press("d")
        await until(pilot, lambda: "batch_size" in screen_text(app))
        await pilot.press("d")
        await until(pilot, lambda: "batch_size" not in screen_text(app))
        assert "learning_rate" in screen_text(app)
        await pilot.press("d")
        await until(pilot, lambda: "batch_size" in screen_text(app))


def test_a_difference_is_marked_by_a_sign():
    others = (Other("baseline", "old/1", {"a": 1}), Other("best", "s/2", {"a": 2}))
    found = Beside("s/1", others, (Row("a", "fixed", 1, (1, 2)), Row("b", "", True, (1, True))), ())
    text = parameters_text(found, only_differences=False, width=78).plain.splitlines()
    assert text[0].split() == ["this", "trial", "baseline", "old/1", "best", "#2"]
    assert text[1].split() == ["a", "1", "1", "≠", "2", "fixed"]
    assert text[2].split() == ["b", "true", "≠", "1", "true"]
    starts = [line.index("≠") for line in text[1:3]]
    assert starts[0] > starts[1]


# -- what it printed ----------------------------------------------------------------------------


@pytest.fixture
def printed(tmp_path):
    paths = make_lab(tmp_path, points=2)
    with Lab(paths) as lab:
        file = paths.trial_log(lab.trial(f"{NAME}/0").id)
    paths.make_folders()
    file.write_text("".join(f"\x1b[32mINFO\x1b[0m line {n} [red]\n" for n in range(100)))
    return paths


async def test_output_is_shown_at_its_end_and_stays_where_one_scrolls(printed):
    app = LabApp(printed)
    async with app.run_test(size=SMALL) as pilot:
        await open_trial(pilot, app, f"{NAME}/0")
        await pilot.press("4")
        await until(pilot, lambda: "INFO line 99 [red]" in screen_text(app))
        assert "follows the end" in screen_text(app)
        await pilot.press("k", "k")
        await until(pilot, lambda: "INFO line 99" not in screen_text(app))
        assert "stays here" in screen_text(app)
        await pilot.press("g")
        await until(pilot, lambda: "INFO line 0 " in screen_text(app))
        await pilot.press("f")
        await until(pilot, lambda: "INFO line 99" in screen_text(app))
        assert output(app).following


async def test_something_is_found_in_the_output(printed):
    app = LabApp(printed)
    async with app.run_test(size=SMALL) as pilot:
        await open_trial(pilot, app, f"{NAME}/0")
        await pilot.press("4")
        await until(pilot, lambda: "INFO line 99" in screen_text(app))
        await pilot.press("slash", *"LINE 1", "backspace", "backspace", "backspace")
        await pilot.press(*["backspace"] * 3, *"line 1")
        await until(pilot, lambda: "match 11 of 11" in screen_text(app))  # 1, and 10 to 19
        await pilot.press("enter", "n")
        await until(pilot, lambda: "match 1 of 11" in screen_text(app))
        assert "INFO line 1 " in screen_text(app)
        await pilot.press("N")
        await until(pilot, lambda: "match 11 of 11" in screen_text(app))
        await pilot.press("slash", "x")
        await until(pilot, lambda: "not found" in screen_text(app))
        await pilot.press("escape")
        assert "not found" not in screen_text(app)
        assert app.screen.query_one("#find", Input).value == ""
        assert app.screen.focused is output(app)


async def test_the_output_of_a_program_is_followed_while_it_trains(tmp_path):
    script = """
while test ! -e go; do sleep 0.05; done
echo "{\\"step\\": 1, \\"train/loss\\": 2.5}"; echo hello from the program >&2
while test ! -e stop; do sleep 0.05; done
echo "{\\"step\\": 2, \\"validation/error_rate\\": 0.5}"; echo goodbye
"""
    paths = LabPaths(tmp_path / "lab.db")
    text = study_text("live", trials=1, steps=2, every=2, mode=fixed("fine"))
    file = write_study(
        tmp_path, text.replace("{python: train.py:train}", '{command: ["sh", "t.sh"]}')
    )
    (tmp_path / "t.sh").write_text(script)
    name = submit(paths, file)
    app = LabApp(paths)
    try:
        async with app.run_test(size=LARGE) as pilot:
            await open_trial(pilot, app, f"{name}/0")
            await pilot.press("4")
            await until(pilot, lambda: "It has" in screen_text(app))
            (tmp_path / "go").touch()
            await until(pilot, lambda: "hello from the program" in screen_text(app))
            assert "goodbye" not in screen_text(app)
            (tmp_path / "stop").touch()
            await until(pilot, lambda: "goodbye" in screen_text(app))
            await until(pilot, lambda: "✓ completed" in screen_text(app))
            await pilot.press("2")
            await until(pilot, lambda: grid(app).shown[0].spec.series)
    finally:
        (tmp_path / "go").touch()
        (tmp_path / "stop").touch()
        wait_until(lambda: not processes(paths))


def test_nothing_is_drawn_of_a_million_lines_but_those_on_screen():
    view = OutputView(id="x")
    view._lines = ["a"] * 1_000_000
    assert view.place_text == "line 0 of 1,000,000"
    assert len(view._painted(999_999, view.rich_style)) == 1


async def test_the_curves_of_a_trial_that_trains_come_in(tmp_path):
    with running(tmp_path) as run:
        app = LabApp(LabPaths(tmp_path / "lab.db"))
        async with app.run_test(size=LARGE) as pilot:
            await open_trial(pilot, app, "live/0")
            await until(pilot, lambda: "it has not begun" in screen_text(app))
            run.start(0)
            await until(pilot, lambda: grid(app).shown[0].spec.series)
            run.log(0, 80, 0.25)
            await until(pilot, lambda: len(grid(app).shown[0].spec.series[0].x) == 2)
            run.end(0, "failed", "it broke", "Traceback\n  here")
            await until(pilot, lambda: "! failed: it broke" in screen_text(app))
            set_study(run.writer, run.study, "stopped")


# -- going on -----------------------------------------------------------------------------------


async def test_the_next_trial_without_leaving(paths):
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        await open_trial(pilot, app, f"{NAME}/0")
        await pilot.press("3", "J")
        await until(pilot, lambda: f"{NAME}/1 " in screen_text(app))
        assert app.screen.active == "parameters"
        assert app.screen.subject.name == f"{NAME}/1"
        await pilot.press("K", "K")
        await until(pilot, lambda: told(app, "is the first trial"))
        assert app.screen.trial == f"{NAME}/0"


async def test_what_reproduces_the_trial_is_copied(paths):
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        await open_trial(pilot, app, f"{NAME}/1")
        await pilot.press("Y")
        await until(pilot, lambda: app.clipboard)
        assert app.clipboard == f"labtui rerun {NAME}/1 -n 1 --lab {paths.db}"
        await until(pilot, lambda: told(app, "with a fresh seed; the very seed: cd "))


async def test_a_trial_beside_the_best_one(paths):
    with Lab(paths) as lab:
        best = lab.study(NAME).best_trial
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        await open_trial(pilot, app, f"{NAME}/{best}")
        await pilot.press("C")
        await until(pilot, lambda: told(app, "it is the best one itself"))
        other = f"{NAME}/{best + 1 if best == 0 else best - 1}"
        await open_trial(pilot, app, other)
        await pilot.press("C")
        await until(pilot, lambda: type(app.screen).__name__ == "CompareScreen")


async def test_a_trial_that_there_is_not_says_so(paths):
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        app.push_screen(TrialScreen(app.reader, f"{NAME}/999"))
        await until(pilot, lambda: "999" in screen_text(app) and "q goes back" in screen_text(app))
        await pilot.press("q")
        await until(pilot, lambda: not isinstance(app.screen, TrialScreen))
