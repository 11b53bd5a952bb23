"""Judging a study while people look at it, without keeping them or the lab waiting."""

from __future__ import annotations

import pickle
import sys
import time
from collections.abc import Sequence
from subprocess import DEVNULL, PIPE, Popen
from typing import TYPE_CHECKING

from labtui.tui.background import in_background

if TYPE_CHECKING:
    from labtui.analysis.findings import Finding
    from labtui.store.paths import LabPaths
    from labtui.tui.feeds import StudyView
    from labtui.verdicts.brief import Brief

REST = 24.0
"""A study that runs is judged again after so many times as long as it took: 4 % of a core at most,
which its training can spare."""

MANY = 400
"""Trials from which a study is judged by a process of its own: in a thread it would hold the screen
up, some 2 ms of every trial that was not judged before."""


class Judge:
    """Keeps the verdict on one study.

    Attributes:
        brief: The latest verdict; None before the first.
        problem: Why the latest attempt failed; empty when it did not.
        judged: The trials of the latest attempt; see `ended`. None before the first.
        busy: Whether it is at work.
    """

    def __init__(self, paths: LabPaths) -> None:
        """Judge a study of the lab at `paths`."""
        self._paths = paths
        self._apart: Popen[bytes] | None = None
        self._rested = 0.0
        self.judged: tuple[int, int] | None = None
        self.busy = False
        self.brief: Brief | None = None
        self.problem = ""

    def is_due(self, view: StudyView) -> bool:
        """Say whether trials have ended since the latest verdict."""
        return ended(view) != self.judged

    @property
    def rest(self) -> float:
        """Seconds until it may judge again."""
        return max(0.0, self._rested - time.monotonic())

    @property
    def findings(self) -> Sequence[Finding]:
        """What was found that is not about a single trial."""
        return self.brief.findings if self.brief is not None else ()

    async def judge(self, view: StudyView) -> None:
        """Judge the ended trials of a view, on a thread or by a process of its own."""
        began, key = time.monotonic(), ended(view)
        self.busy = True
        try:
            self.brief = await in_background(lambda: self._judge(view))
            self.problem = ""
        except Exception as error:  # shown in the pane; the screen goes on
            self.problem = f"{type(error).__name__}: {error}"
        self.judged, self.busy = key, False
        self._rested = time.monotonic() + REST * (time.monotonic() - began)

    def close(self) -> None:
        """End what is at work."""
        if self._apart is not None:
            self._apart.kill()

    def _judge(self, view: StudyView) -> Brief:
        if len(view.trials) > MANY:
            return self._judge_apart(view.study.name)
        from labtui.store.lab import Lab
        from labtui.verdicts.brief import brief

        with Lab(self._paths) as lab:
            return brief(lab, view.study, view.trials)

    def _judge_apart(self, study: str) -> Brief:
        command = [sys.executable, "-m", "labtui.verdicts.brief", str(self._paths.db), study]
        with Popen(command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE) as process:
            self._apart = process
            output, said = process.communicate()
            self._apart = None
        if process.returncode:
            lines = said.decode(errors="replace").strip().splitlines()
            raise RuntimeError(lines[-1] if lines else f"exit code {process.returncode}")
        found: Brief = pickle.loads(output)
        return found


def ended(view: StudyView) -> tuple[int, int]:
    """Tell one set of ended trials from another: how many there are, and the latest change."""
    return view.last_ended
