"""The tour by keyboard alone at 80x24, as somebody who reads only what is on the screen."""

import re

import pytest
from textual.events import Key

from labtui.store.lab import Lab
from labtui.tour import open_tour
from labtui.tui.app import LabApp
from labtui.tui.screens.welcome import WelcomeScreen
from labtui.tui.settings import Settings
from tests.support.engine import processes, wait_until
from tests.support.labs import make_lab
from tests.tui.driving import EVERY, SMALL, screen_text, until

WAIT = 90.0
"""Seconds for what trains or is judged: beside busy neighbours it takes ten times as long."""


@pytest.fixture
def tour(tmp_path):
    """The bundled lab, trained further on this machine; afterwards, wait for the runner to go."""
    paths = open_tour(tmp_path / "lab.db")
    yield paths
    wait_until(lambda: not processes(paths))


class Newcomer:
    """Presses keys, and reads the screen."""

    def __init__(self, app, pilot):
        self.app, self.pilot = app, pilot

    async def press(self, *keys):
        await self.pilot.press(*keys)

    async def write(self, text):
        await self.press(*("space" if letter == " " else letter for letter in text))

    async def sees(self, *shown):
        """Wait until the screen says all of this; a line break is as good as a space."""

        def seen():
            text = self.read()
            return all(re.search(one, text) for one in shown)

        try:
            await until(self.pilot, seen, WAIT)
        except AssertionError:
            missing = [one for one in shown if not re.search(one, self.read())]
            raise AssertionError(f"{missing} not on\n{screen_text(self.app)}") from None

    def read(self):
        return " ".join(screen_text(self.app).split())

    @property
    def keys(self):
        """The key line."""
        return screen_text(self.app).splitlines()[-1]

    async def opens(self, study):
        """Filter the list, go down it to a study, and open that."""
        await self.press("slash")
        await self.write(f"study:{study}")
        await self.press("enter", "g")
        await self.sees(rf" {study} .*✓", f"▸ .*= labtui show .* study:{study} ")
        while not re.search(f"▸ {study} ", self.read()):
            assert not re.search(f" {study} .*▸", self.read()), "it was passed"
            await self.press("down")
        await self.press("enter")
        await self.sees(rf"= labtui check {study} ", "1 verdict")


async def test_six_tasks_by_keyboard_alone(tour):
    app = LabApp(tour, welcome=True)
    async with app.run_test(size=SMALL) as pilot:
        newcomer = Newcomer(app, pilot)
        await newcomer.sees("1 Find the study whose search space was too narrow", "6 Roll it back")
        await newcomer.press("escape")

        # The study whose search space was too narrow is one with an alert.
        await newcomer.sees(r"▸ algoperf-ogbg", r"adam-longer ✓ 20/20 0\.02222 \S+ ▲1")
        assert "/ filter" in newcomer.keys
        await newcomer.opens("adam-longer")
        await newcomer.sees(r"▸ ▲ search-boundary learning_rate, high ⏎ axes a widen")
        await newcomer.sees(r"The best values of learning_rate lie at the high end of its range")

        # It is widened and run with the key that stands beside the finding.
        assert "a answer" in newcomer.keys
        await newcomer.press("a")
        await newcomer.sees(r"▸ widen 20 ▲ search-boundary learning_rate high")
        assert "enter train" in newcomer.keys
        await newcomer.press("enter")
        await newcomer.sees(r"Train 20 trials of adam-longer-widen\?")
        await newcomer.press("enter")
        await newcomer.sees(r"adam-longer-widen ✓ completed \S+ 20/20")
        await newcomer.press("1")
        await newcomer.sees(r"beside adam-longer: 1 answered", "Beside adam-longer")
        await newcomer.press("q", "q", "escape")

        # Which of two arms wins is the first sentence of a verdict, and how sure that is.
        await newcomer.opens("wider")
        await newcomer.sees(
            "width=128's best configurations reach a lower validation error rate than width=32's",
            r"difference 0\.016 \(95 % interval 0\.0015 to 0\.031\), 9 reruns each",
        )

        # The winner is launched from there.
        await newcomer.press("L")
        await newcomer.sees("→ enter trains up to 5 fresh reruns a side")
        await newcomer.press("enter")
        await newcomer.sees("Train candidate and baseline each up to 5 times")
        await newcomer.press("enter")
        await newcomer.sees("✓ adopt: wider/23 is baseline 4 of digits-mlp, after 2")

        # It is rolled back where the lineage is, with a reason; the launch says so too.
        assert "w lineage" in newcomer.keys
        await newcomer.press("w")
        await newcomer.sees(r"▸ └ ● baseline 4")
        assert "b roll back" in newcomer.keys
        await newcomer.press("b")
        await newcomer.sees(r"Roll baseline 4 back\? Why\?", "why: kept with the decision")
        await newcomer.write("only looking")
        await newcomer.press("enter")
        await newcomer.sees(r"└ ● baseline 2", r"▸ └ ↩ baseline 4", "because only looking")
        await newcomer.press("q")
        await newcomer.sees("↩ rolled back: wider/23 was baseline 4")
        await newcomer.press("q", "q", "escape")

        # The trial that blew up is named by a finding, and says why.
        await newcomer.opens("four-layers")
        await newcomer.sees(r"▸ ! late-variance", "! diverged 5 of 16 trials")
        await newcomer.press("down", "down", "enter")
        await newcomer.sees(r"four-layers/3 ✓", r"▲ diverged validation/loss went from 0\.6574")

    with Lab(tour) as lab:
        assert lab.study("adam-longer-widen").ended == 20
        assert lab.baseline("digits-mlp").id == 2


@pytest.mark.parametrize(("size", "theme"), [((200, 50), "textual-light")])
async def test_the_tasks_that_only_read_on_a_large_light_screen(tmp_path, size, theme):
    app = LabApp(open_tour(tmp_path / "lab.db"), settings=Settings(theme=theme))
    async with app.run_test(size=size) as pilot:
        newcomer = Newcomer(app, pilot)
        await newcomer.sees("adam-longer", "/ filter")
        await newcomer.opens("adam-longer")
        await newcomer.sees(r"▸ ▲ search-boundary", "lie at the high end of its range")
        if not EVERY:
            return
        await newcomer.press("q", "escape")
        await newcomer.opens("wider")
        await newcomer.sees("width=128's best configurations reach", r"difference 0\.016")
        await newcomer.press("q", "escape")
        await newcomer.opens("four-layers")
        await newcomer.sees(r"! diverged 5 of 16 trials")
        await newcomer.press("down", "down", "enter")
        await newcomer.sees("four-layers/3", r"validation/loss went from 0\.6574")


async def test_the_key_line_names_what_has_come_to_matter(tmp_path):
    for name in ("first", "second", "third"):
        paths = make_lab(tmp_path, name=name, points=2, ended=1, state="queued")
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        newcomer = Newcomer(app, pilot)
        await newcomer.sees(r"▸ third ◌ 1/4", "J later K earlier")
        assert "C compare" not in newcomer.keys
        await newcomer.press("space")
        await newcomer.sees(r"◆third", "C compare J later")
        await newcomer.press("U", "down", "down")
        await newcomer.sees(r"▸ first", "enter open J later /")
        assert "K earlier" not in newcomer.keys
        assert "C compare" not in newcomer.keys
        await newcomer.press("enter")
        await newcomer.sees("= labtui check first")
        await newcomer.press("2", "space")
        await newcomer.sees("space mark C compare")


async def test_keys_typed_ahead_reach_the_screen_they_were_meant_for(tmp_path):
    app = LabApp(make_lab(tmp_path, name="done", points=2))
    async with app.run_test(size=SMALL) as pilot:
        newcomer = Newcomer(app, pilot)
        await newcomer.sees("▸ done ✓ 4/4")
        for key in ("enter", "q", "enter", "2"):  # as one lot, as over a slow link
            app.post_message(Key(key, None))
        await newcomer.sees("= labtui show done", "best↑ at step", "c columns")
        for key in ("enter", "q", "q", "2"):
            app.post_message(Key(key, None))
        await newcomer.sees("to be done first")


async def test_keys_typed_before_the_first_screen_reach_it(tmp_path):
    class Early(LabApp):
        async def _begin(self):
            for key in ("enter", "2", "j"):  # as one lot, before anything is painted
                self.post_message(Key(key, None))
            await super()._begin()

    app = Early(make_lab(tmp_path, name="done", points=2))
    async with app.run_test(size=SMALL) as pilot:
        newcomer = Newcomer(app, pilot)
        await newcomer.sees("= labtui show done", "↑ at step", "▸ [0-3]")
        assert app.screen.trials.table._cursor == 1


async def test_keys_after_one_that_closes_close_nothing_else(tmp_path):
    app = LabApp(make_lab(tmp_path, name="done", points=2), study="done", welcome=True)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: isinstance(app.screen, WelcomeScreen))
        for key in "xyxyxy":
            app.post_message(Key(key, key))
        await until(pilot, lambda: not isinstance(app.screen, WelcomeScreen))
        await pilot.pause()
        assert len(app.screen_stack) == 2
        await until(pilot, lambda: "done" in screen_text(app))


async def test_keys_after_the_last_q_are_no_fault(tmp_path):
    app = LabApp(make_lab(tmp_path, points=2))
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "digits-optimizer" in screen_text(app))
        for key in ("q", "R", "ctrl+p"):
            app.post_message(Key(key, None))
    assert (app.return_value, app.crash) == (0, None)
