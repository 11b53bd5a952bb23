"""Keeping the experiment log up with the lab, one study at a time, behind everything else."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from labtui.tui.background import in_background
from labtui.tui.judging import REST
from labtui.tui.lab.journal import Journal, Moment

if TYPE_CHECKING:
    from labtui.store.paths import LabPaths


class Clerk:
    """Reads and judges what changed; nobody waits for it.

    Attributes:
        journal: What it has read and judged.
    """

    def __init__(self, paths: LabPaths) -> None:
        """Begin with nothing of the lab at `paths`."""
        self.journal = Journal(paths)
        self._moments: Mapping[str, Moment] = {}
        self._read: Mapping[str, Moment] | None = None
        self._rested = 0.0

    def follow(self, moments: Mapping[str, Moment]) -> bool:
        """Take the latest moment of the lab; False when nothing has changed."""
        if moments == self._moments and self._read is not None:
            return False
        self._moments = moments
        return True

    def forget(self) -> None:
        """Read anew what could not be read."""
        self._read = None

    @property
    def waiting(self) -> int:
        """Studies that are to be judged for the first time."""
        due = self.journal.due(self._moments)
        return sum(not self.journal.is_judged(name) for name in due)

    def rest(self, *, busy: bool) -> float:
        """Give the seconds until the next study may be judged.

        Args:
            busy: Whether trials train meanwhile: it takes a fifth of a core at most then.
        """
        return max(0.0, self._rested - time.monotonic()) if busy else 0.0

    async def step(self) -> bool:
        """Read what changed, else judge a study; False when there is nothing to do.

        Raises:
            LabError: The lab cannot be read.
        """
        moments = self._moments
        if moments is not self._read:
            await in_background(partial(self.journal.read, moments))
            self._read = moments
            return True
        due = self.journal.due(moments)
        if not due:
            return False
        began = time.monotonic()
        await in_background(partial(self.journal.judge, due[0], moments[due[0]]))
        self._rested = time.monotonic() + REST * (time.monotonic() - began)
        return True
