"""One thread that reads the lab for all screens, so that no query ever holds the screen up."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.store.paths import LabPaths

T = TypeVar("T")


@dataclass(frozen=True)
class Pulse:
    """What tells one moment of a lab from another: equal pulses, nothing new to read.

    Attributes:
        file: Counts the files opened; another one has revisions of its own.
        revision: The lab's last commit.
        runner: Process number of the living runner; None without one.
    """

    file: int
    revision: int
    runner: int | None


class Reader:
    """Asks the lab on a thread of its own; opens it when first asked, and again if replaced."""

    def __init__(self, paths: LabPaths) -> None:
        """Prepare to read the lab at `paths`, which need not exist yet."""
        self.paths = paths
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lab-reader")
        self._lab: Lab | None = None
        self._inode: tuple[int, int] | None = None
        self._files = 0
        self._revision = 0

    async def pulse(self) -> Pulse:
        """Say how far the lab is; microseconds when nothing changed.

        Raises:
            LabError: There is no lab, or it cannot be read; may be asked again.
        """
        return await self.ask(self._pulse)

    async def ask(self, question: Callable[[Lab], T]) -> T:
        """Ask the lab a question on the reading thread.

        Raises:
            LabError: There is no lab, or it cannot be read; may be asked again.
        """
        return await asyncio.wrap_future(self._thread.submit(self._answer, question))

    async def load(self, load: Callable[[], T]) -> T:
        """Load code on the reading thread, which then has nothing to read yet."""
        return await asyncio.wrap_future(self._thread.submit(load))

    def close(self) -> None:
        """Close the lab after the present question."""
        self._thread.submit(self._let_go)
        self._thread.shutdown(wait=False)

    async def warm_up(self) -> None:
        """Load what the larger screens need, while nobody waits for it."""
        with contextlib.suppress(RuntimeError):  # it has been closed meanwhile
            await self.load(_load_figures)

    def _answer(self, question: Callable[[Lab], T]) -> T:
        from labtui.store.errors import LabError

        try:
            return question(self._open())
        except LabError:
            self._let_go()
            raise

    def _open(self) -> Lab:
        found = self.paths.inode()
        if self._lab is not None and found == self._inode:
            return self._lab
        from labtui.store.connection import ADVICE
        from labtui.store.errors import LabDamaged
        from labtui.store.lab import Lab
        from labtui.store.soundness import damage

        self._let_go()
        wrong = damage(self.paths.db) if found is not None else ""
        if wrong:
            raise LabDamaged(f"{wrong}; {ADVICE}")
        self._lab, self._inode = Lab(self.paths), found
        self._files += 1
        return self._lab

    def _let_go(self) -> None:
        lab, self._lab = self._lab, None
        if lab is not None:
            lab.close()

    def _pulse(self, lab: Lab) -> Pulse:
        if lab.has_changed():
            self._revision = lab.revision()
        runner = lab.runner()
        return Pulse(self._files, self._revision, runner.pid if runner else None)


def _load_figures() -> None:
    import labtui.tui.screens.new
    import labtui.tui.screens.study  # noqa: F401
