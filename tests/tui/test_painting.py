"""What is painted when, and what is laid out before anybody asks for it."""

import gc

import pytest
from textual.widgets import Static

from labtui.tui import garbage
from labtui.tui.app import LabApp
from labtui.tui.screens.study import StudyScreen
from labtui.tui.widgets.table import Table
from tests.support.labs import make_lab
from tests.tui.driving import LARGE, screen_text, until

NAME = "digits-optimizer"


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return make_lab(tmp_path_factory.mktemp("lab"), points=4)


def count_frames(app, monkeypatch):
    """Note the screen of every frame that is written."""
    frames, write = [], app._display

    def display(screen, frame):
        if frame is not None:
            frames.append(screen)
        write(screen, frame)

    monkeypatch.setattr(app, "_display", display)
    return frames


async def test_a_study_is_laid_out_before_it_is_opened_and_again_afterwards(paths):
    app = LabApp(paths)
    async with app.run_test(size=LARGE) as pilot:
        await until(pilot, lambda: app._spare is not None and app._spare.is_running)
        spare = app._spare
        app.theme = "textual-light"  # meanwhile: what waits must not keep the old colours
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, StudyScreen) and app.screen.view)
        assert app.screen is spare
        assert app.screen.name_of_study == NAME
        assert app.screen.query_one("#header", Static).styles.background.brightness > 0.5
        await pilot.press("q")
        await until(pilot, lambda: app._spare is not None)
        assert app._spare is not spare


async def test_a_screen_is_first_painted_when_it_can_show_something(paths, monkeypatch):
    app = LabApp(paths)
    async with app.run_test(size=LARGE) as pilot:
        await until(pilot, lambda: app._spare is not None)
        write, seen = app._display, []

        def display(screen, frame):
            if isinstance(screen, StudyScreen):
                seen.append(screen.view is not None)
            write(screen, frame)

        monkeypatch.setattr(app, "_display", display)
        await pilot.press("enter")
        await until(pilot, lambda: seen)
        assert seen[0]


async def test_what_is_covered_is_not_painted(paths, monkeypatch):
    app = LabApp(paths, study=NAME)
    async with app.run_test(size=LARGE) as pilot:
        await until(pilot, lambda: isinstance(app.screen, StudyScreen) and app.screen.view)
        await pilot.pause(0.5)
        below = app.screen_stack[0]
        frames = count_frames(app, monkeypatch)
        for _ in range(5):
            below.query_one("#studies", Table).refresh()
            await pilot.pause(0.1)
        alone = len(frames)
        app.screen.query_one("#header", Static).refresh()
        await until(pilot, lambda: len(frames) > alone)
        assert alone < 5  # the study itself may have changed once
        app.pop_screen()
        await until(pilot, lambda: NAME in screen_text(app))


async def test_everything_is_looked_at_only_while_nobody_types(paths, monkeypatch):
    looked = []
    monkeypatch.setattr(garbage, "look", lambda: looked.append(True))
    app = LabApp(paths)
    before = gc.get_threshold()
    async with app.run_test(size=LARGE) as pilot:
        await until(pilot, lambda: app._is_warm)
        assert gc.get_threshold()[2] == garbage.OLD
        await pilot.press("down")
        app._tidy()
        assert not looked
        app._last_key -= garbage.QUIET + 1
        app._tidy()
        assert not looked  # nothing was left that could be thrown away
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, StudyScreen))
        await pilot.press("q")
        await until(pilot, lambda: app._has_left)
        app._tidy()
        assert not looked
        app._last_key -= garbage.QUIET + 1
        app._tidy()
        assert looked
    assert gc.get_threshold() == before
