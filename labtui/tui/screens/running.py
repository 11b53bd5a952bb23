"""Having a study trained further, stopped, or moved in the queue: what every screen does alike."""

from __future__ import annotations

import asyncio
import shlex
from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual import work

from labtui.tui.actions import key_of
from labtui.tui.background import in_background
from labtui.tui.screens.ask import AskScreen
from labtui.tui.screens.base import LiveScreen
from labtui.tui.screens.deciding import announce, problem
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from labtui.store.paths import LabPaths
    from labtui.store.records import StudyRecord
    from labtui.tui.reader import Reader

UNDER_WAY = ("queued", "running", "interrupted")
"""States of a study that has trials to train."""


def count(n: int, what: str) -> str:
    """Write a count with its noun: ``1 trial``, ``2 trials``."""
    return f"{n} {what}{'' if n == 1 else 's'}"


def twin(command: str, study: str, *rest: str) -> str:
    """Write the command that does the same: ``= labtui run NAME``."""
    return " ".join(["= labtui", command, shlex.quote(study), *rest])


def left_of(study: StudyRecord) -> int:
    """Give how many trials of a study have not ended."""
    return max(study.total - study.ended, 0)


def resume(paths: LabPaths, study: StudyRecord) -> str:
    """Have a study trained further, as `labtui run NAME` does; a runner is started for it.

    Returns:
        What was done, in words.

    Raises:
        RequestRefused, TrainerError, LabError: It cannot be; says why and what to do.
    """
    from labtui.engine import client

    if not left_of(study):
        ended = f"all its {count(study.total, 'trial')} have ended"
        return f"{study.name}: nothing to train, {ended}; a on the study lists what follows"
    found = client.resume(paths, study.name)
    return f"{found.study} trains on, {count(left_of(study), 'trial')} to go"


def stop(paths: LabPaths, study: StudyRecord) -> str:
    """Stop a study after the next evaluation of its trials, as `labtui stop NAME` does.

    Returns:
        What was done, in words.

    Raises:
        RequestRefused, LabError: It cannot be; says why and what to do.
    """
    from labtui.engine import client

    was = client.stop(paths, study.name)["was"]
    if was == "running":
        return f"{study.name}: asked to stop"
    if was == "queued":
        return f"{study.name}: stopped"
    return f"{study.name}: nothing to stop, it is {was}"


def move(paths: LabPaths, study: StudyRecord, step: int) -> tuple[str, int]:
    """Move a study by a step in the queue, as `labtui queue NAME --place N` does.

    Returns:
        What was done, in words; and its place from 0, -1 where it is not in the queue.

    Raises:
        RequestRefused, LabError: It cannot be; says why and what to do.
    """
    from labtui.engine import client
    from labtui.store.lab import Lab

    with Lab(paths) as lab:
        queue = lab.queue()
    if study.name not in queue:
        return f"{study.name} is not in the queue: it is {study.state}", -1
    place = queue.index(study.name)
    wanted = min(max(place + step, 0), len(queue) - 1)
    if wanted != place:
        place = int(client.move(paths, study.name, wanted)["place"])
    where = "next" if place == 0 else "last" if place == len(queue) - 1 else f"number {place + 1}"
    return f"{study.name} is {where} of {len(queue)} in the queue", place


def what_stops(study: StudyRecord) -> str:
    """Say what follows from stopping a study."""
    training, left = study.counts.get("running", 0), left_of(study)
    parts = []
    if training == 1:
        parts.append("1 trial in training ends after its next evaluation")
    elif training:
        parts.append(f"{training} trials in training end after their next evaluation")
    if left > training:
        parts.append(f"{count(left - training, 'trial')} will wait until it is resumed")
    further = f"Nothing is lost: {key_of('running.resume')} trains it further."
    return f"{'; '.join(parts)}. {further} {twin('stop', study.name)}"


class RunningScreen(LiveScreen):
    """A screen about a study that can be resumed, stopped or moved in the queue."""

    def __init__(self, reader: Reader) -> None:
        """Begin with nothing under way."""
        super().__init__(reader)
        self._one_at_a_time = asyncio.Lock()

    @property
    @abstractmethod
    def to_run(self) -> StudyRecord | None:
        """The study that is meant; None for none."""

    def action_resume(self) -> None:
        """Have the study trained further."""
        if (study := self.to_run) is not None:
            paths = self.reader.paths
            self._carry_out(lambda: resume(paths, study), twin("run", study.name))

    def action_stop(self) -> None:
        """Ask whether to stop the study, saying what follows, and stop it."""
        study = self.to_run
        if study is None:
            return
        if study.state not in UNDER_WAY:
            announce(self, f"{study.name}: nothing to stop, it is {study.state}")
            return
        ask = AskScreen(f"Stop {clean(study.name)}?", clean(what_stops(study)))
        self.app.push_screen(ask, lambda answer: self._stop(study, answer))

    def _stop(self, study: StudyRecord, answer: str | None) -> None:
        if answer is not None:
            paths = self.reader.paths
            self._carry_out(lambda: stop(paths, study), twin("stop", study.name))

    def action_move(self, step: int) -> None:
        """Move the study later (1) or earlier (-1) in the queue."""
        study = self.to_run
        if study is None:
            return
        paths = self.reader.paths

        def deed() -> str:
            told, place = move(paths, study, step)
            same = twin("queue", study.name, "--place", str(place + 1))
            return f"{told}   {same}" if place >= 0 else told

        self._carry_out(deed, "")

    @work(group="running", exit_on_error=False)
    async def _carry_out(self, deed: Callable[[], str], same: str) -> None:
        """Do something on a thread of its own, after what was begun before; say how it ended."""
        async with self._one_at_a_time:
            try:
                told = await in_background(deed)
            except Exception as error:  # said; the screen goes on
                announce(self, f"nothing was done: {problem(error)}", alarm=True)
            else:
                announce(self, f"{told}   {same}".rstrip())
