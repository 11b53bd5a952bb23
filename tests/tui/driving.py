"""Driving the app in tests: labs to show, and waiting for what a person would wait for."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from textual.pilot import Pilot

from labtui.store.changes import (
    NewStudy,
    add_runner,
    add_study,
    claim_trial,
    end_trial,
    set_study,
)
from labtui.store.identity import own_identity
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.store.writer import Writer
from labtui.tui.app import LabApp
from labtui.tui.widgets.chart import Chart
from labtui.tui.widgets.figures import Figures
from tests.support import labs

SMALL, LARGE = (80, 24), (160, 50)
EVERY = "LABTUI_SCREENS" in os.environ
"""Whether walks visit every screen in every state, as `make test-screens` has it; else a part."""


async def until(pilot: Pilot[int], condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait for what a person would see; ever more seldom, as looking draws the whole screen."""
    deadline, rest = time.monotonic() + seconds, 0.02
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not come"
        await pilot.pause(rest)
        rest = min(1.4 * rest, 0.15)
    await pilot.pause()


def screen_text(app: LabApp) -> str:
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


async def open_study(pilot: Pilot[int], app: LabApp, pane: str = "trials") -> None:
    """Wait for a study to be on screen, and go to a pane of it."""
    from labtui.tui.screens.study import StudyScreen

    await until(pilot, lambda: isinstance(app.screen, StudyScreen) and app.screen.view is not None)
    app.screen.action_show(pane)
    await pilot.pause()


def chart(app: LabApp, pane: str) -> Chart:
    """Give the chart of a pane."""
    return app.screen.query_one(f"#{pane}-figures", Figures).chart


def revision(paths: LabPaths) -> int:
    with Lab(paths) as lab:
        return lab.revision()


class Run:
    """A runner at work, one trial at a time, with made-up values."""

    def __init__(self, writer: Writer, study: int, name: str) -> None:
        self.writer, self.study, self.name = writer, study, name
        self.first = writer.connection.execute(
            "SELECT min(id) FROM trials WHERE study = ?", (study,)
        ).fetchone()[0]
        self.runner = add_runner(writer, own_identity(), version="test", slots=1)

    def start(self, number: int, value: float = 0.5) -> None:
        trial = self.first + number
        claim_trial(
            self.writer, trial, study=self.study, runner=self.runner, attempt=1, start_step=0
        )
        self.writer.watch(trial, "validation/error_rate", minimize=True)
        self.log(number, 40, value)

    def log(self, number: int, step: int, value: float) -> None:
        self.writer.add_points(self.first + number, [("validation/error_rate", step, value)])
        self.writer.commit()

    def end(
        self, number: int, state: str = "completed", reason: str = "", detail: str = ""
    ) -> None:
        end_trial(
            self.writer,
            self.first + number,
            study=self.study,
            state=state,
            reason=reason,
            detail=detail,
            step=1000,
            seconds=1.0,
        )
        self.writer.commit()


@contextmanager
def running(folder: Path, name: str = "live", points: int = 5) -> Iterator[Run]:
    """Hold a lab as its living runner, with a new study whose trials are all queued."""
    with closing(Writer(LabPaths(folder / "lab.db"), "runner")) as writer:
        trials = [labs._trial(number) for number in range(2 * points)]
        study = add_study(writer, labs._study(name, 2 * points), trials)
        run = Run(writer, study, name)
        set_study(writer, study, "running")
        writer.commit()
        yield run


def add_bare_study(paths: LabPaths, name: str, goal: str) -> None:
    with Writer(paths) as writer:
        new = NewStudy(
            name=name,
            workload=name,
            trainer="numpy",
            goal=goal,
            metric=name,
            direction="maximize",
            selection="final",
            seed=1,
            sequence="halton-1",
            total=3,
            spec={},
            folder="/",
            interpreter="",
        )
        add_study(writer, new, [])
