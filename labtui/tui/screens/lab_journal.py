"""The experiment log on the screen of the lab, and the verdicts of its studies as they come."""

from __future__ import annotations

import time
from abc import abstractmethod
from asyncio import sleep
from typing import TYPE_CHECKING

from textual import work
from textual.widgets import Static

from labtui.tui.lab.clerk import Clerk
from labtui.tui.screens.base import BEAT
from labtui.tui.screens.deciding import problem
from labtui.tui.screens.lab_slots import WatchingScreen
from labtui.tui.widgets.textpane import TextPane
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labtui.tui.lab.journal import Moment
    from labtui.tui.reader import Reader

CALM = 1.0
"""Seconds between two times that verdicts are shown as they come: a repaint takes some 15 ms."""

RETRY = 2.0
"""Seconds until what could not be read is read again: long enough to read the reason."""


class JournalScreen(WatchingScreen):
    """A screen whose studies are judged one by one, behind everything else.

    Attributes:
        clerk: Keeps the experiment log.
    """

    def __init__(self, reader: Reader) -> None:
        """Begin with an empty log."""
        super().__init__(reader)
        self.clerk = Clerk(reader.paths)
        self._at_work = False
        self._trouble = ""
        self._shown_at = 0.0

    @abstractmethod
    def show_rows(self) -> None:
        """Show what is known of the studies."""

    def keep_up(self, moments: Mapping[str, Moment]) -> None:
        """Have what changed read and judged, unless that is under way."""
        if self.clerk.follow(moments) and not self._at_work:
            self._keep_up()

    def show_log(self) -> None:
        """Write the experiment log, with what is wrong with it."""
        from labtui.tui.lab import log_text

        journal = self.clerk.journal
        title = self._trouble or log_text.title(journal, self.clerk.waiting)
        self.query_one("#log-title", Static).update(title, layout=False)
        self.query_one("#log", TextPane).say_lines(list(log_text.lines(journal)))

    @work(group="journal", exit_on_error=False)
    async def _keep_up(self) -> None:
        """Read and judge what changed, one study at a time, while the screen is looked at."""
        self._at_work = True
        try:
            while await self._may_go_on() and await self.clerk.step():
                self._trouble = ""
                if time.monotonic() - self._shown_at >= CALM:
                    self._show_verdicts()
        except Exception as error:  # said with the log; begun again after a while
            self.clerk.forget()
            self._trouble = f"✗ cannot be read, tried again: {clean(problem(error))}"
            self.set_timer(RETRY, self._keep_up)
        finally:
            self._at_work = False
            self._show_verdicts()

    def _show_verdicts(self) -> None:
        self._shown_at = time.monotonic()
        self.show_rows()

    async def _may_go_on(self) -> bool:
        """Wait until the screen is looked at, and until what trains has had its share."""
        while not self.is_active or self.clerk.rest(busy=self.activity.pid is not None):
            await sleep(BEAT)
        return True
