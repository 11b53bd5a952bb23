from contextlib import closing

import pytest

from labtui.store.lab import Lab
from labtui.store.writer import Writer
from labtui.tui.app import LabApp
from labtui.tui.screens.running import what_stops
from tests.support.labs import make_lab
from tests.tui.driving import SMALL, running, screen_text, until


def told(app):
    return [one.message for one in app._notifications]


def queue_of(paths):
    with Lab(paths) as lab:
        return lab.queue()


@pytest.fixture
def waiting(tmp_path):
    """A lab with three studies that wait: no runner lives."""
    for name in ("first", "second", "third"):
        paths = make_lab(tmp_path, name=name, points=2, ended=1, state="queued")
    return paths


async def test_a_study_is_moved_in_the_queue_and_the_command_is_said(waiting):
    app = LabApp(waiting)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "third" in screen_text(app))
        assert queue_of(waiting) == ["first", "second", "third"]
        app.screen.studies.go_to("third")
        await pilot.press("K")
        await until(pilot, lambda: queue_of(waiting) == ["first", "third", "second"])
        said = "third is number 2 of 3 in the queue   = labtui queue third --place 2"
        await until(pilot, lambda: said in told(app))
        await pilot.press("K", "K")
        await until(pilot, lambda: queue_of(waiting) == ["third", "first", "second"])
        await pilot.press("J")
        await until(pilot, lambda: queue_of(waiting) == ["first", "third", "second"])


async def test_stopping_says_what_follows_asks_and_stops(waiting):
    app = LabApp(waiting)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "second" in screen_text(app))
        app.screen.studies.go_to("second")
        await pilot.press("S")
        await until(pilot, lambda: "Stop second?" in screen_text(app))
        assert "3 trials will wait until it is resumed" in screen_text(app)
        assert "= labtui stop second" in screen_text(app)
        await pilot.press("escape")
        assert "second" in queue_of(waiting)
        await pilot.press("S", "enter")
        await until(pilot, lambda: queue_of(waiting) == ["first", "third"])
        await until(pilot, lambda: "second: stopped   = labtui stop second" in told(app))


async def test_what_cannot_be_done_is_said_and_changes_nothing(tmp_path):
    paths = make_lab(tmp_path, name="done", points=2)
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "done" in screen_text(app))
        for key, said in (
            ("J", "done is not in the queue: it is completed"),
            ("S", "nothing to stop, it is completed"),
            ("R", "nothing to train, all its 4 trials have ended"),
        ):
            await pilot.press(key)
            await until(pilot, lambda said=said: any(said in one for one in told(app)))
    with Lab(paths) as lab:
        assert lab.study("done").state == "completed"


async def test_a_study_that_cannot_train_here_says_why(tmp_path):
    paths = make_lab(tmp_path, name="gone", points=2, ended=1, state="stopped")
    with closing(Writer(paths)) as writer:
        writer.execute("UPDATE studies SET provenance = '{\"import\": {}}'")
        writer.commit()
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: "gone" in screen_text(app))
        await pilot.press("R")
        await until(pilot, lambda: any("was imported" in one for one in told(app)))


def test_what_follows_from_stopping_counts_trials(tmp_path):
    with running(tmp_path) as run:
        run.start(0)
        with Lab(run.writer.paths) as lab:
            said = what_stops(lab.study("live"))
    assert "1 trial in training ends after its next evaluation; 9 trials will wait" in said
