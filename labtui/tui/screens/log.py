"""The experiment log (P45): what was asked in this lab, and what came of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from textual import work
from textual.widget import Widget
from textual.widgets import Static

from labtui.store.errors import LabError
from labtui.tui import log_text
from labtui.tui.journal import Journal, Moment, look
from labtui.tui.judging import REST, in_background
from labtui.tui.screens.base import BEAT, LiveScreen
from labtui.tui.widgets.textpane import TextPane

if TYPE_CHECKING:
    from labtui.tui.reader import Pulse, Reader

RETRY = 2.0
"""Seconds until it reads again what could not be read: long enough to read the reason."""


class LogScreen(LiveScreen):
    """The log, followed while the lab changes; studies are judged one at a time on a thread."""

    CSS_PATH = "telling.tcss"
    chain_name = "log"

    def __init__(self, reader: Reader) -> None:
        """Show the log of a reader's lab."""
        super().__init__(reader)
        self.journal = Journal(reader.paths)
        self._moments: Mapping[str, Moment] | None = None
        self._read: Mapping[str, Moment] | None = None
        self._working = False
        self._rested = 0.0

    def compose_body(self) -> Iterable[Widget]:
        """Lay out a title and the entries."""
        yield Static("The experiment log", id="title", markup=False)
        yield TextPane(place="text", id="text")

    async def follow(self, pulse: Pulse) -> None:
        """See what changed; a worker reads and judges it."""
        moments = await self.reader.ask(look)
        if moments != self._moments:
            self._moments = moments
            if not self._working:
                self._keep_up()

    @work(group="log", exit_on_error=False)
    async def _keep_up(self) -> None:
        """Read and judge what changed, until nothing is left."""
        self._working = True
        try:
            while await self._step():
                self.remove_class("-carded")
        except Exception as error:  # begun again with the next change, or after a while
            self._moments = self._read = None
            if isinstance(error, LabError):
                self.say_error(error)
            else:
                self.say_unexpected(error)
            self.set_timer(RETRY, self._begin_anew)
        finally:
            self._working = False

    def _begin_anew(self) -> None:
        """Follow the lab as if the screen had just been opened."""
        self._watch_lab()

    async def _step(self) -> bool:
        """Read what changed, else judge a study; False when there is nothing to do."""
        moments = self._moments
        if moments is None:
            return False
        if moments is not self._read:
            await in_background(partial(self.journal.read, moments))
            self._read = moments
            self._show(moments)
            return True
        due = self.journal.due(moments)
        if not due:
            return False
        again = self.journal.is_judged(due[0])
        if again and time.monotonic() < self._rested:  # its training has the processor
            await asyncio.sleep(BEAT)
            return True
        began = time.monotonic()
        await in_background(partial(self.journal.judge, due[0], moments[due[0]]))
        self._rested = time.monotonic() + REST * (time.monotonic() - began)
        self._show(moments)
        return True

    def _show(self, moments: Mapping[str, Moment]) -> None:
        waiting = [name for name in self.journal.due(moments) if not self.journal.is_judged(name)]
        self.query_one("#title", Static).update(log_text.title(self.journal, len(waiting)))
        self.query_one("#text", TextPane).say_lines(list(log_text.lines(self.journal)))
