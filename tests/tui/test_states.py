"""Every view has four designed states: empty, loading, an error, and too small a terminal."""

import os
import threading
from contextlib import contextmanager

from labtui.store.paths import LabPaths
from labtui.store.writer import Writer
from labtui.tui.app import LabApp
from labtui.tui.layout import CHARTS, PANES
from labtui.tui.screens.add import AddScreen
from labtui.tui.screens.again import AgainScreen
from labtui.tui.screens.ask import AskScreen
from labtui.tui.screens.base import LiveScreen
from labtui.tui.screens.compare import CompareScreen
from labtui.tui.screens.drafted import FileScreen
from labtui.tui.screens.lab import LabScreen
from labtui.tui.screens.launch import LaunchScreen
from labtui.tui.screens.new import NewScreen
from labtui.tui.screens.next import NextScreen
from labtui.tui.screens.study import StudyScreen
from labtui.tui.screens.trial import TrialScreen
from labtui.tui.screens.welcome import WelcomeScreen
from labtui.tui.screens.workload import WorkloadScreen
from labtui.tui.widgets.trial_deck import TABS
from tests.support.labs import make_lab
from tests.tui.driving import EVERY, SMALL, running, screen_text, until

NAME, OTHER = "digits-optimizer", "queued"

SCREENS = {
    StudyScreen: (lambda reader: StudyScreen(reader).about(NAME), "1 verdict"),
    TrialScreen: (lambda reader: TrialScreen(reader, f"{NAME}/0"), "Outcome"),
    NewScreen: (NewScreen, "what is to be tuned"),
    NextScreen: (lambda reader: NextScreen(reader, NAME), "▸"),
    AgainScreen: (lambda reader: AgainScreen(reader, NAME, None), "best of each arm"),
    LaunchScreen: (lambda reader: LaunchScreen(reader, NAME, NAME), "no baseline yet"),
    CompareScreen: (lambda reader: CompareScreen(reader, [NAME, OTHER]), "only what differs"),
    WorkloadScreen: (lambda reader: WorkloadScreen(reader, "digits-mlp"), "It has no baseline"),
}
"""How each is opened, and what is on it once it has been read."""

WHOLE = (TrialScreen, LaunchScreen)
"""Screens that are also made small and broken in the short form: what does it is common to all."""

MODALS = {
    "question_mark": "The studies of this lab",
    "e": "Export what is shown",
    AskScreen: "Train 20 trials?",
    FileScreen: "Write the file?",
    AddScreen: "Compare",
    WelcomeScreen: "any key closes",
}
"""By key or class, what each says at any size."""

EMPTY = {
    "verdict": "no trial has ended",
    "trials": "◌ queued",
    "curves": "no points yet: they appear as the trials are evaluated",
    "axes": "no trial that has ended has this hyperparameter",
    "isolation": "no trial has ended with a value",
    "budget": "no trial has ended with a value",
    "stability": "no trial has been evaluated yet",
    "design": "objective",
    "facts": "0 of 1000",
    "parameters": "no baseline yet: workload digits-mlp has none; `labtui launch queued` makes",
    "log": "It has not begun; what it prints will appear here",
}
"""What the panes of a study and a trial say before anything was trained."""


def words(app):
    """What is on screen; where a line ends does not matter."""
    return " ".join(screen_text(app).split())


def window(app):
    """What the window on top says; behind it, time goes on."""
    at = next(one.region for one in app.screen.children if one.region.height > 3)
    strips = app.screen._compositor.render_strips()[at.y : at.bottom]
    return [strip.crop(at.x, at.right).text for strip in strips]


async def says(pilot, app, *parts):
    def missing():
        text = "".join(words(app).split())  # a path is broken anywhere
        return [part for part in parts if "".join(part.split()) not in text]

    try:
        await until(pilot, lambda: not missing())
    except AssertionError:
        raise AssertionError(f"{missing()} not on\n{screen_text(app)}") from None


@contextmanager
def slow(app):
    """Have the reading thread wait as for a disk that does not answer."""
    gate, opened = threading.Event(), app.reader._open

    def wait():
        gate.wait(30)
        return opened()

    app.reader._open = wait
    try:
        yield
    finally:
        app.reader._open = opened
        gate.set()


@contextmanager
def broken(paths):
    """Put something else in the place of the lab."""
    aside = paths.db.with_name("aside")
    os.replace(paths.db, aside)
    paths.db.write_text("these are notes, not a lab\n" * 300)
    try:
        yield
    finally:
        os.replace(aside, paths.db)


async def shrink(pilot, app, small, there):
    """Take rows away, and give them back."""
    await pilot.resize_terminal(59, 14)
    await says(pilot, app, *small)
    await pilot.resize_terminal(*SMALL)
    await says(pilot, app, there)
    assert "labtui needs" not in words(app)


def test_no_screen_is_left_out():
    kinds, found = [LiveScreen], set()
    while kinds:
        below = kinds.pop().__subclasses__()
        kinds += below
        found |= {one for one in below if one.chain_name and not one.__subclasses__()}
    assert found == {*SCREENS, LabScreen}


async def test_every_screen_says_that_it_reads_what_is_wrong_and_what_it_needs(tmp_path):
    paths = make_lab(tmp_path, points=3)
    with running(tmp_path, OTHER, points=1):
        pass
    app = LabApp(paths)
    async with app.run_test(size=SMALL) as pilot:
        await says(pilot, app, NAME)
        for kind, (make, there) in SCREENS.items():
            with slow(app):
                app.push_screen(make(app.reader))
                await says(pilot, app, "Reading the lab…", "? help")
            await says(pilot, app, there)
            assert "Reading the lab…" not in words(app)
            if EVERY or kind in WHOLE:
                await shrink(pilot, app, ("labtui needs 60x15", "this is 59x14"), there)
                with broken(paths):
                    await says(pilot, app, "✗ This file is not a lab", "lab.db", "q goes back")
                await says(pilot, app, there)
                assert "not a lab" not in words(app)
            app.pop_screen()


async def test_what_covers_a_screen_has_room_enough_in_less(tmp_path):
    app = LabApp(make_lab(tmp_path, points=2))
    modals = (
        AskScreen("Train 20 trials?", "It takes a while. " * 10),
        FileScreen("Write the file?", "It is not there yet.", "goal: x\n" * 40),
        AddScreen(app.reader, [NAME]),
        WelcomeScreen(),
    )
    async with app.run_test(size=SMALL) as pilot:
        await says(pilot, app, NAME)
        for key in (key for key in MODALS if isinstance(key, str)):
            await pilot.press(key)
            await says(pilot, app, MODALS[key])
            before = window(app)
            await shrink(pilot, app, [MODALS[key].split()[0]], MODALS[key])
            assert window(app) == before
            await pilot.press("escape")
        for modal in modals:
            app.push_screen(modal)
            await says(pilot, app, MODALS[type(modal)])
            before = window(app)
            await shrink(pilot, app, [MODALS[type(modal)]], MODALS[type(modal)])
            assert window(app) == before
            await pilot.press("escape")
            await until(pilot, lambda: len(app.screen_stack) == 1)


async def test_every_pane_says_that_it_draws_and_that_there_is_nothing_yet(tmp_path):
    with running(tmp_path, OTHER, points=1):
        pass
    app = LabApp(LabPaths(tmp_path / "lab.db"), study=OTHER)
    async with app.run_test(size=SMALL) as pilot:
        await says(pilot, app, "◍ interrupted")
        for pane in PANES:
            with slow(app):
                app.screen.action_show(pane)
                await says(pilot, app, "drawing…" if pane in CHARTS[: None if EVERY else 1] else "")
            await says(pilot, app, EMPTY[pane], "labtui")
        app.screen.action_show("trials")
        await says(pilot, app, "R run")  # the key of `labtui run`, which is the next step
        app.push_screen(TrialScreen(app.reader, f"{OTHER}/0"))
        for pane in TABS:
            await until(pilot, lambda: app.screen.focused is not None)
            app.screen.action_show(pane)
            empty = "it has not begun: its curves appear as it logs them"
            await says(pilot, app, empty if pane == "curves" else EMPTY[pane], "labtui")


async def test_every_list_of_an_empty_lab_says_how_to_begin(tmp_path):
    paths = LabPaths(tmp_path / "lab.db")
    with Writer(paths):
        pass
    app = LabApp(paths)
    with slow(app):
        opened = app.run_test(size=SMALL)
        pilot = await opened.__aenter__()
        await says(pilot, app, "Reading the lab…", "1 studies")
    try:
        for key, title in (("1", "No studies yet"), ("2", "No workloads yet"), ("3", "No study")):
            await pilot.press(key)
            await says(pilot, app, title, "labtui run")
            await shrink(pilot, app, ["labtui needs 60x15"], title)
        with broken(paths):
            await says(pilot, app, "✗ This file is not a lab", "lab.db", "labtui --lab PATH")
        await says(pilot, app, "No study yet")
    finally:
        await opened.__aexit__(None, None, None)
