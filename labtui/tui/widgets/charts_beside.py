"""Charts next to each other, as many as the width has room for, page by page."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message

from labtui.charts.spec import ChartSpec
from labtui.tui.widgets.chart import Chart
from labtui.tui.widgets.figures import StudyChart, inspect_beside

SIDE_BY_SIDE = 118
"""Columns from which charts stand next to each other: a screen of 120 less its margins."""

LEAST = 52
"""Columns of one chart: an isolation plot of eight columns with their counts needs as many."""


class ChartsBeside(Horizontal):
    """Shows rows of charts that belong together; a page never mixes two rows."""

    DEFAULT_CSS = """
    ChartsBeside > StudyChart { width: 1fr; margin: 0 1 0 0; }
    ChartsBeside > StudyChart.-spare { display: none; }
    """

    class Arranged(Message):
        """Others are on screen, or there is room for another number of them."""

    def __init__(self, *, most: int, id: str) -> None:
        """Create it without charts; a row has `most` at most."""
        super().__init__(id=id)
        self.charts = [StudyChart(id=f"{id}-{place}") for place in range(most)]
        self._rows: Sequence[Sequence[ChartSpec]] = ()
        self._row = self._first = 0

    def compose(self) -> ComposeResult:
        """Lay out the charts."""
        yield from self.charts

    @property
    def row(self) -> int:
        """Which row is on screen."""
        return self._row

    @property
    def counter(self) -> str:
        """Which page of how many, where there are several."""
        pages = [
            (row, first) for row, specs in enumerate(self._rows) for first in self._firsts(specs)
        ]
        return f"{pages.index((self._row, self._first)) + 1}/{len(pages)}" if len(pages) > 1 else ""

    def show(self, rows: Sequence[Sequence[ChartSpec]]) -> None:
        """Show these, at the place that was looked at."""
        self._rows = rows
        self._arrange()

    def page(self, step: int) -> None:
        """Go on by some pages, round and round."""
        pages = [
            (row, first) for row, specs in enumerate(self._rows) for first in self._firsts(specs)
        ]
        if pages:
            place = pages.index((self._row, self._first))
            self._row, self._first = pages[(place + step) % len(pages)]
            self._arrange()

    def on_resize(self, event: events.Resize) -> None:
        """Choose anew how many there is room for."""
        self._arrange()

    @on(Chart.Inspected)
    def _inspect(self, message: Chart.Inspected) -> None:
        """Move the crosshairs of the charts that have the same axis."""
        message.stop()
        inspect_beside(self.screen, message)

    @property
    def _room(self) -> int:
        width = self.size.width
        return max(1, width // LEAST) if width >= SIDE_BY_SIDE else 1

    def _firsts(self, specs: Sequence[ChartSpec]) -> range:
        return range(0, len(specs), self._room)

    def _arrange(self) -> None:
        if not self._rows:
            return
        self._row = min(self._row, len(self._rows) - 1)
        specs = self._rows[self._row]
        self._first = min(self._first, len(specs) - 1) // self._room * self._room
        shown = specs[self._first : self._first + self._room]
        for place, chart in enumerate(self.charts):
            chart.set_class(place >= len(shown), "-spare")
            if place < len(shown):
                chart.show(shown[place])
        if self.screen.focused in self.charts[len(shown) :]:
            self.charts[0].focus()
        self.post_message(self.Arranged())
