import pytest
from textual.theme import BUILTIN_THEMES
from textual.widgets import Static

from labtui.engine.asking import change_tags
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.store.writer import Writer
from labtui.tui.app import LabApp
from labtui.tui.lab.sparkline import sparkline
from labtui.tui.screens.workload import WorkloadScreen
from labtui.tui.widgets.table import Table
from labtui.verdicts.exports import logged
from tests.support.labs import make_lab
from tests.tui.driving import (
    LARGE,
    SMALL,
    add_bare_study,
    open_study,
    revision,
    running,
    screen_text,
    until,
)


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_the_studies_are_listed_the_latest_first(tmp_path, size):
    make_lab(tmp_path, name="older", points=3)
    paths = make_lab(tmp_path, name="newer", points=3, ended=4, state="stopped")
    app = LabApp(paths)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: "older" in screen_text(app))
        text = screen_text(app)
        assert text.index("newer") < text.index("older")
        for shown in ("■ stopped", "✓ ", "6/6", "4/6", "no runner", "labtui show newer"):
            assert shown in text
        with Lab(paths) as lab:
            assert f"{lab.study('newer').best_value:.4g}" in text


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_a_lab_that_is_not_there_yet_says_how_to_begin_and_appears(tmp_path, size):
    app = LabApp(LabPaths(tmp_path / "lab.db"))
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: "No lab yet" in screen_text(app))
        assert "labtui run sample_studies/digits_optimizers.yaml" in screen_text(app)
        assert not list(tmp_path.iterdir())
        make_lab(tmp_path, points=2)
        await until(pilot, lambda: "digits-optimizer" in screen_text(app))
        assert "No lab yet" not in screen_text(app)
        await pilot.press("enter")
        await open_study(pilot, app)


async def test_a_lab_without_studies_says_how_to_begin(tmp_path):
    paths = LabPaths(tmp_path / "lab.db")
    with Writer(paths):
        pass
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "No studies yet" in screen_text(app))
        assert "labtui run sample_studies/digits_optimizers.yaml" in screen_text(app)


async def test_a_file_that_is_not_a_lab_is_an_error_with_a_next_step(tmp_path):
    path = tmp_path / "notes[red].db"
    path.write_text("these are notes, not a lab\n" * 100)
    app = LabApp(LabPaths(path))
    async with app.run_test(size=SMALL) as pilot:
        # Without spaces: a long path is wrapped wherever the screen ends.
        said = ("✗Thisfileisnotalab", "notes[red].db", "--labPATH")
        await until(pilot, lambda: all(part in "".join(screen_text(app).split()) for part in said))
        await pilot.press("q")
    assert app.return_code == 0


async def test_a_runner_that_lives_is_named_and_progress_comes_in(tmp_path):
    make_lab(tmp_path, points=2)
    app = LabApp(LabPaths(tmp_path / "lab.db"))
    with running(tmp_path) as run:
        async with app.run_test(size=SMALL) as pilot:
            await until(pilot, lambda: "at work" in screen_text(app))
            assert "● running" in screen_text(app)
            assert "0/10" in screen_text(app)
            run.start(0)
            run.end(0)
            await until(pilot, lambda: "1/10" in screen_text(app))


async def test_hostile_names_are_shown_and_do_nothing(tmp_path):
    paths = make_lab(tmp_path, points=2)
    hostile = "\x1b]0;x\x07[red]\u202eevil[/]"
    add_bare_study(paths, hostile, "[bold]goal\x1b[2J\n" * 30)
    app = LabApp(paths)
    async with app.run_test(size=LARGE) as pilot:
        await until(pilot, lambda: "[red]" in screen_text(app))
        assert app.screen.query_one("#studies", Table).current.name == hostile
        await pilot.press("enter")
        await until(pilot, lambda: "curves" in screen_text(app) and "[red]" in screen_text(app))
        for key in ("2", "3", "4", "5", "question_mark"):
            await pilot.press(key)
            for character in screen_text(app):
                assert character.isprintable() or character == "\n"


async def test_closing_leaves_the_lab_as_it_was(tmp_path):
    paths = make_lab(tmp_path, points=2)
    before, content = revision(paths), paths.db.read_bytes()
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "digits-optimizer" in screen_text(app))
        await pilot.press("enter")
        await open_study(pilot, app)
        await pilot.press("q")
        assert app.return_code is None
        await pilot.press("escape")
        assert app.return_code is None
        await pilot.press("q")
    assert app.return_code == 0
    assert paths.db.read_bytes() == content
    assert revision(paths) == before


async def test_another_lab_in_the_place_of_the_first_is_read(tmp_path):
    paths = make_lab(tmp_path, points=2, name="first")
    (tmp_path / "other").mkdir()
    other = make_lab(tmp_path / "other", points=2, name="second")
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "first" in screen_text(app))
        other.db.replace(paths.db)
        await until(pilot, lambda: "second" in screen_text(app))
        assert app.screen.query_one("#where", Static) is not None


async def test_the_palette_offers_every_action_and_themes(tmp_path):
    app = LabApp(make_lab(tmp_path, points=2))
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "digits-optimizer" in screen_text(app))
        titles = [command.title for command in app.get_system_commands(app.screen)]
        assert "Theme" in titles
        assert "Sort (o)" in titles
        await pilot.press("ctrl+p")
        await until(pilot, lambda: "Search" in screen_text(app))


async def test_every_theme_shows_states_by_glyph_and_word(tmp_path):
    app = LabApp(make_lab(tmp_path, points=2))
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "digits-optimizer" in screen_text(app))
        table = app.screen.query_one("#studies", Table)
        for theme in BUILTIN_THEMES:
            app.theme = theme
            await pilot.pause()
            assert "✓ completed" in screen_text(app)
            assert table.get_component_rich_style("table--infeasible").color is not None


async def test_without_colours_the_cursor_and_the_states_are_still_told(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    app = LabApp(make_lab(tmp_path, points=2))
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "▸ digits-optimizer" in screen_text(app))
        assert app.no_color
        assert "✓ completed" in screen_text(app)


async def test_what_nobody_foresaw_is_said_and_following_goes_on(tmp_path, monkeypatch):
    app = LabApp(make_lab(tmp_path, points=2))
    pulse, failing = app.reader.pulse, [True]

    async def fail_at_first():
        if failing:
            raise ValueError("[red]\x1b[2J")
        return await pulse()

    monkeypatch.setattr(app.reader, "pulse", fail_at_first)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "✗ This cannot be shown" in screen_text(app))
        assert "ValueError: [red]␛[2J" in screen_text(app)
        failing.clear()
        await until(pilot, lambda: "digits-optimizer" in screen_text(app))


async def test_a_screen_that_is_covered_reads_nothing_until_it_is_back(tmp_path):
    make_lab(tmp_path, points=2)
    app = LabApp(LabPaths(tmp_path / "lab.db"))
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "digits-optimizer" in screen_text(app))
        table = app.screen.query_one("#studies", Table)
        await pilot.press("enter")
        await open_study(pilot, app)
        with running(tmp_path) as run:
            run.start(0)
            await until(pilot, lambda: app.reader._revision == run.writer.revision)
            await pilot.pause(0.6)
            assert len(table.rows) == 1
            await pilot.press("q")
            await until(pilot, lambda: len(table.rows) == 2)


async def test_verdicts_come_by_themselves_with_the_answer_and_the_course_of_the_best(tmp_path):
    paths = make_lab(tmp_path, points=10)
    with Lab(paths) as lab:
        (expected,) = logged(lab, lab.studies())
    app = LabApp(paths)
    async with app.run_test(size=LARGE) as pilot:
        await until(pilot, lambda: "digits-optimizer" in screen_text(app))
        await until(pilot, lambda: app.screen.studies.current and app.screen.studies.current.judged)
        row = app.screen.studies.current
        assert row.verdict == expected.verdict
        assert row.answer == expected.answer
        for severity, count in zip(("alert", "warning"), row.alerts, strict=True):
            assert (f"{count} {severity}" in expected.verdict) is bool(count)
        text = screen_text(app)
        assert " ".join(expected.answer.split()[:4]) in text
        assert sparkline(row.course, row.to_come, 10) in text
        assert "±" not in text  # nothing was trained again: no spread is made up


async def test_the_filter_keeps_what_passes_says_how_many_and_esc_clears_it(tmp_path):
    for name, state in (("wide", "stopped"), ("narrow", "completed"), ("other", "completed")):
        paths = make_lab(tmp_path, name=name, points=2, state=state)
    change_tags(paths, subject="narrow", add=["keep"])
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "narrow" in screen_text(app))
        await pilot.press("slash", *"state:completed #keep", "enter")
        await until(pilot, lambda: "1 studies 1 of 3" in screen_text(app))
        assert [row.name for row in app.screen.studies.rows] == ["narrow"]
        assert "#keep" in screen_text(app)
        await pilot.press("slash", *" colour:red")
        await until(pilot, lambda: "no field 'colour'; there are study" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: "1 studies 3" in screen_text(app))
        assert "no field" not in screen_text(app)
        await pilot.press("slash", *"nothinglikeit", "enter")
        await until(pilot, lambda: "No study passes the filter" in screen_text(app))


async def test_marks_survive_what_changes_and_two_are_compared(tmp_path):
    from labtui.tui.screens.compare import CompareScreen

    for name in ("one", "two"):
        paths = make_lab(tmp_path, name=name, points=2)
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "two" in screen_text(app))
        await pilot.press("space")
        await until(pilot, lambda: "1 marked" in screen_text(app))
        make_lab(tmp_path, name="three", points=2)
        await until(pilot, lambda: "three" in screen_text(app))
        assert "1 marked" in screen_text(app)
        app.screen.studies.go_to("one")
        await pilot.press("C")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))
        await pilot.press("escape")
        await pilot.press("U")
        await until(pilot, lambda: "marked" not in screen_text(app))


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_the_workloads_have_their_baseline_and_what_is_to_be_done_first(tmp_path, size):
    paths = make_lab(tmp_path, points=2)
    app = LabApp(paths)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: "digits-optimizer" in screen_text(app))
        await pilot.press("2")
        await until(pilot, lambda: "digits-mlp" in screen_text(app))
        text = screen_text(app)
        assert "set a baseline" in text
        assert "it has no baseline" in text.lower()
        assert "= labtui workload digits-mlp" in text
        assert app.screen.subject.key == "workload:digits-mlp"
        assert not app.screen.check_action("resume", ())
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, WorkloadScreen))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen.chain_name == "lab")
        await pilot.press("escape")
        assert app.screen.pane == "studies"


@pytest.mark.parametrize("size", [(60, 15), SMALL, (120, 35), LARGE, (200, 50)])
async def test_every_size_shows_name_outcome_runner_and_the_way_to_act(tmp_path, size):
    app = LabApp(make_lab(tmp_path, points=4))
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: "digits-optim" in screen_text(app))
        text = screen_text(app)
        for shown in ("✓ ", "8/8", "no runner", "labtui show digits-optimizer", "? help"):
            assert shown in text
        assert ("objective  " in text) is (size[0] >= 160)
        assert ("goal" in text.splitlines()[1]) is (size[0] >= 200)
