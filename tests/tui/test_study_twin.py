"""The study's header says the command of what is on screen, and that command shows the same."""

import shlex

import pytest

from labtui.cli.app import main
from labtui.tui.actions import at
from labtui.tui.app import LabApp
from tests.support.labs import make_lab
from tests.tui.driving import LARGE, SMALL, open_study, screen_text, until


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return make_lab(tmp_path_factory.mktemp("lab"), points=10, name="rates")


def printed(capsys, paths, twin):
    """Run a command, and give what it prints."""
    capsys.readouterr()
    assert main([*shlex.split(twin)[1:], "--lab", str(paths.db)]) == 0
    return capsys.readouterr().out


async def test_the_header_follows_the_focus_where_all_panes_are_seen(paths):
    app = LabApp(paths, study="rates")
    async with app.run_test(size=LARGE) as pilot:
        await open_study(pilot, app)
        for key, twin in (("3", "plot rates curves"), ("2", "show rates"), ("1", "check rates")):
            await pilot.press(key)
            await until(pilot, lambda twin=twin: f"= labtui {twin} " in screen_text(app))


async def test_the_header_says_the_command_of_the_tab_with_what_was_chosen(paths, capsys):
    app, on_screen = LabApp(paths, study="rates"), {}
    async with app.run_test(size=SMALL) as pilot:
        await open_study(pilot, app)
        screen, table = app.screen, app.screen.trials.table
        assert "= labtui show rates " in screen_text(app)
        await pilot.press("o", "O", "slash", *"lr<1 state:completed", "enter")
        twin = "labtui show rates --filter 'lr<1 state:completed' --sort step --reverse"
        await until(pilot, lambda: f"= {twin[:40]}" in screen_text(app))  # the rest is cut off
        assert screen.twin == twin
        on_screen[twin] = [str(one.number) for one in table.rows]
        await pilot.press("space", "j", "space")
        numbers = ",".join(str(one.number) for one in screen.desk.chosen())
        for key, twin in (
            ("3", f"labtui plot rates curves --trials {numbers}"),
            ("4", f"labtui plot rates axis --mark {numbers}"),
            ("5", "labtui plot rates isolation"),
            ("1", "labtui check rates"),
        ):
            await pilot.press(key)
            await until(pilot, lambda twin=twin: f"= {twin}" in screen_text(app))
            line = screen_text(app).splitlines()[-1]
            assert line.rstrip().endswith("? help  q back")  # apart, on the right
            following = next(one for one in at("study") if one.id == "study.next-figure")
            assert screen.matters(following) == (key != "1")  # no figure is seen there
            assert ("n next" in line) <= (key != "1")
            await pilot.press("Y")
            assert app.clipboard.startswith(f"{twin} --lab ")
        await pilot.press("2", "slash", "f1")
        assert "Filtering the trials" in screen_text(app)
        await pilot.press("q", *["backspace"] * 20, *"marked:yes", "enter")
        twin = f"labtui show rates --trials {numbers} --sort step --reverse"
        await until(pilot, lambda: screen.twin == twin)
        on_screen[twin] = [str(one.number) for one in table.rows]
    for command, rows in on_screen.items():
        shown = printed(capsys, paths, command).splitlines()[1:]
        assert [line.split()[0] for line in shown] == rows
    drawn = printed(capsys, paths, f"labtui plot rates curves --trials {numbers}")
    assert all(f"#{number}" in drawn for number in numbers.split(","))
