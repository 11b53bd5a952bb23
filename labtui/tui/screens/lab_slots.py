"""What the runner of the lab is doing, at the foot of its screen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from textual import work

from labtui.store.errors import LabError
from labtui.tui.screens.base import LiveScreen
from labtui.tui.widgets.runner_strip import RunnerStrip, Running

if TYPE_CHECKING:
    from labtui.tui.reader import Reader

LOOK = 1.0
"""Seconds between two looks at the slots: the runner measures them that often."""

TALL, TALLEST = 30, 45
"""Rows of the screen from which more is said of the runner, and all."""


class WatchingScreen(LiveScreen):
    """A screen with the runner and its slots.

    Attributes:
        activity: What the runner was doing at the latest look.
    """

    def __init__(self, reader: Reader) -> None:
        """Begin without a runner."""
        super().__init__(reader)
        self.activity = Running()
        self._measured = ""

    def on_mount(self) -> None:
        """Begin to look at the slots."""
        self.set_interval(LOOK, self._look_at_slots)

    def show_runner(self, activity: Running, measured: str) -> None:
        """Show what the runner does; its slots were measured at a time."""
        self.activity, self._measured = activity, measured
        self.draw_runner()

    def draw_runner(self) -> None:
        """Draw it in the room that there is."""
        height = self.size.height
        lines = 9 if height >= TALLEST else 5 if height >= TALL else 3
        self.query_one(RunnerStrip).show(self.activity, self.size.width - 2, lines)

    @work(group="slots", exclusive=True, exit_on_error=False)
    async def _look_at_slots(self) -> None:
        """Show what the slots are doing, which changes without a commit that counts."""
        if not self.is_active or self.activity.pid is None:
            return
        try:
            measured, paused = await self.reader.ask(
                lambda lab: (lab.slots_updated(), lab.paused())
            )
            if paused != self.activity.paused:  # one that waits writes nothing: it is asked for
                self.show_runner(replace(self.activity, paused=paused), self._measured)
            if measured != self._measured:
                slots = await self.reader.ask(lambda lab: lab.slots())
                self.show_runner(replace(self.activity, slots=tuple(slots)), measured)
        except LabError:  # said by what follows the lab
            return
