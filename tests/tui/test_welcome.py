"""The card of the tour: what there is to try, shown at first and again when asked."""

import pytest

from labtui.tour import open_tour
from labtui.tour.tasks import TASKS
from labtui.tui.app import LabApp
from labtui.tui.screens.welcome import WelcomeScreen
from labtui.tui.settings import Settings
from tests.support.labs import make_lab
from tests.tui.driving import SMALL, screen_text, until


def card_is_open(app):
    return isinstance(app.screen, WelcomeScreen)


@pytest.fixture
def tour(tmp_path):
    return open_tour(tmp_path / "lab.db")


async def test_it_fits_the_smallest_screen_and_any_key_closes_it(tour):
    app = LabApp(tour, welcome=True)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: card_is_open(app) and TASKS[-1].what in screen_text(app))
        assert app.screen.query_one("#welcome").max_scroll_y == 0
        assert all(task.what in screen_text(app) for task in TASKS)
        for key in ("q", "enter", "escape", "x"):
            await pilot.press(key)
            await until(pilot, lambda: not card_is_open(app))
            assert app.is_running
            await pilot.press("f2")
            await until(pilot, lambda: card_is_open(app))


async def test_the_help_names_its_key(tour):
    app = LabApp(tour)
    async with app.run_test(size=(120, 120)) as pilot:
        await until(pilot, lambda: "first-look" in screen_text(app))
        assert not card_is_open(app)
        await pilot.press("f1")
        await until(pilot, lambda: "What there is to try in this tour" in screen_text(app))


async def test_it_names_the_keys_that_a_person_chose(tour):
    app = LabApp(tour, welcome=True, settings=Settings(keymap={"study.answer": "f9"}))
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "F9 on the study lists" in screen_text(app))


async def test_another_lab_has_no_card(tmp_path):
    app = LabApp(make_lab(tmp_path, name="own", points=2))
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "own" in screen_text(app))
        await pilot.press("f2")
        await pilot.pause()
        assert not card_is_open(app)
