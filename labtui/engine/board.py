"""What the runner knows at any moment, and the commits that everything else waits for."""

from __future__ import annotations

import contextlib
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

from labtui.engine.devices import CPU
from labtui.engine.events import EventFiles
from labtui.engine.executor import Executor
from labtui.engine.jobs import QueuedTrial, StudyPlan
from labtui.engine.searching import Search
from labtui.store.errors import LabBroken
from labtui.store.writer import Writer

COMMIT_SECONDS = 0.1  # the longest a point waits for its commit while points flow
RETRY_SECONDS = 1.0  # between attempts to commit to a full disk


@dataclass
class Study:
    """A study being trained."""

    plan: StudyPlan
    queue: deque[QueuedTrial]
    since: float
    stopping: str = ""
    one: bool = False  # a single trial was asked for; the others go on waiting
    failures: list[str] = field(default_factory=list)  # reasons of the last trials, all at once
    search: Search | None = None  # what suggests its trials, where they are not planned

    @property
    def unsuggested(self) -> int:
        """Trials that are still to be suggested."""
        return self.search.left if self.search else 0


@dataclass
class Running:
    """An attempt at a trial."""

    study: Study
    trial: QueuedTrial
    start_step: int
    place: str = CPU  # the devices that are its own
    lanes: int = 1  # trials of its stack
    job: int = 0  # the first of them
    since: float = 0.0  # when it was given to a worker, after the claim was committed
    begun: float = 0.0  # when training began, its framework imported
    metrics: dict[int, str] = field(default_factory=dict)
    verdict: tuple[str, str] | None = None  # what a kill of ours means: (state, reason)
    stop: bool = False
    folders: dict[int, str] = field(default_factory=dict)  # its checkpoints, by step

    @property
    def name(self) -> str:
        """The name people use."""
        return f"{self.study.plan.name}/{self.trial.number}"

    @property
    def seconds(self) -> float:
        """Time since training began; a stack's is shared by its trials."""
        return (time.monotonic() - self.begun) / self.lanes if self.begun else 0.0


class Board:
    """The studies and trials in work, and the changes that wait for the next commit.

    Attributes:
        writer: The lab's one writer.
        executor: What trains.
        events: The files that followers asked for.
        studies: By id, in the order in which they are served.
        running: Claimed trials, by id.
        ending: The runner was told to end.
    """

    def __init__(self, writer: Writer, executor: Executor) -> None:
        """Start with nothing in work."""
        self.writer = writer
        self.executor = executor
        self.writer.retry = self._pause
        self.events = EventFiles()
        self.studies: dict[int, Study] = {}
        self.running: dict[int, Running] = {}
        self.ending = False
        self._after: list[Callable[[], object]] = []
        self._urgent = False
        self._committed = 0.0
        self._paused = False

    def taken(self) -> dict[str, Fraction]:
        """Give the part of each GPU that running trials have, a stack counting once."""
        shares: dict[str, Fraction] = {}
        jobs = {running.job: running for running in self.running.values() if running.place != CPU}
        for running in jobs.values():
            for name in running.place.split(","):
                part = running.study.plan.request.share
                shares[name] = shares.get(name, Fraction(0)) + part
        return shares

    @property
    def pending(self) -> bool:
        """Whether anything waits for a commit."""
        return self.writer.dirty or bool(self._after)

    def later(self, act: Callable[[], object]) -> None:
        """Do something once what was queued before is durable."""
        self._after.append(act)

    def hurry(self) -> None:
        """Commit at the end of this turn of the loop: somebody waits for it."""
        self._urgent = True

    def patience(self) -> float:
        """Give the seconds until the next commit is due."""
        return max(0.0, self._committed + COMMIT_SECONDS - time.monotonic())

    def commit_when_due(self) -> None:
        """Commit if somebody waits for it, or if points have waited long enough."""
        while self.pending and (self._urgent or not self.patience()):
            self.commit()

    def commit(self) -> None:
        """Commit, then do what waited for it."""
        self.writer.commit()
        self._committed = time.monotonic()
        self._urgent = False
        if self._paused:
            self.writer.pause("")
            self._paused = False
        self.events.committed()
        waiting, self._after = self._after, []
        for act in waiting:
            act()

    def _pause(self, error: LabBroken) -> None:
        """Wait with a full disk: nothing is read from the workers, so nothing is lost."""
        if self.ending:
            raise error
        self.writer.pause(f"{error}; trying again")
        self._paused = True
        with contextlib.suppress(OSError):  # the runner's log may lie on the same disk
            print(f"{error}; trying again", file=sys.stderr, flush=True)
        time.sleep(RETRY_SECONDS)
