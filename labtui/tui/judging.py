"""Judging a study while people look at it, without keeping them or the lab waiting."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

from labtui.store.records import ENDED

if TYPE_CHECKING:
    from labtui.store.paths import LabPaths
    from labtui.tui.feeds import StudyView
    from labtui.verdicts.check import StudyCheck
    from labtui.verdicts.lineup import Lineup

T = TypeVar("T")

REST = 4.0
"""A study that runs is judged again after so many times as long as it took: one fifth of a core at
most, which its training can spare."""


class Judge:
    """Keeps the verdict on one study.

    Attributes:
        check: The latest verdict; None before the first.
        lineup: The study beside the one it follows; None where it follows none.
        problem: Why the latest attempt failed; empty when it did not.
        judged: The trials of the latest attempt; see `ended`. None before the first.
        busy: Whether it is at work.
    """

    def __init__(self, paths: LabPaths) -> None:
        """Judge a study of the lab at `paths`."""
        self._paths = paths
        self.judged: tuple[int, int] | None = None
        self.busy = False
        self._rested = 0.0
        self.check: StudyCheck | None = None
        self.lineup: Lineup | None = None
        self.problem = ""

    def is_due(self, view: StudyView) -> bool:
        """Say whether trials have ended since the latest verdict."""
        return ended(view) != self.judged

    @property
    def rest(self) -> float:
        """Seconds until it may judge again."""
        return max(0.0, self._rested - time.monotonic())

    async def judge(self, view: StudyView) -> None:
        """Judge the ended trials of a view on a thread of its own."""
        began, key = time.monotonic(), ended(view)
        self.busy = True
        try:
            self.check, self.lineup = await in_background(lambda: self._judge(view))
            self.problem = ""
        except Exception as error:  # shown in the pane; the screen goes on
            self.problem = f"{type(error).__name__}: {error}"
        self.judged, self.busy = key, False
        self._rested = time.monotonic() + REST * (time.monotonic() - began)

    def _judge(self, view: StudyView) -> tuple[StudyCheck, Lineup | None]:
        check = self._check(view)
        return check, self._line_up(view, check) if view.study.parent else None

    def _line_up(self, view: StudyView, check: StudyCheck) -> Lineup | None:
        from labtui.store.lab import Lab
        from labtui.verdicts.lineup import line_up

        with Lab(self._paths) as lab:
            return line_up(lab, view.study, check)

    def _check(self, view: StudyView) -> StudyCheck:
        from labtui.store.lab import Lab
        from labtui.verdicts.check import check_study

        with Lab(self._paths) as lab:
            return check_study(lab, view.study, view.trials)


def ended(view: StudyView) -> tuple[int, int]:
    """Tell one set of ended trials from another: how many there are, and the latest change."""
    revisions = [trial.revision for trial in view.trials if trial.state in ENDED]
    return len(revisions), max(revisions, default=0)


async def in_background(work: Callable[[], T]) -> T:
    """Do something on a thread that nobody waits for when the program ends."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def deliver(result: T | None, error: Exception | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, failure = None, None
        try:
            result = work()
        except Exception as error:
            failure = error
        with contextlib.suppress(RuntimeError):  # the program has ended meanwhile
            loop.call_soon_threadsafe(deliver, result, failure)

    Thread(target=run, daemon=True, name="judge").start()
    return await future
