"""Charts of a list, as many at once as there is room for, with one crosshair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container
from textual.message import Message
from textual.screen import Screen

from labtui.charts.spec import ChartSpec
from labtui.tui.widgets.chart import Chart

CELL = (46, 12)
"""Fewest columns and rows of one chart of several: with its axes and title it keeps about 40x8
cells for the curves, and the legend covers less than half of them."""

COLUMNS, ROWS = 3, 2
"""Most charts side by side and one above the other: more are not taken in at a glance."""


class StudyChart(Chart):
    """A chart whose keys the key line knows."""

    place = "chart"


def inspect_beside(screen: Screen[Any], message: Chart.Inspected) -> None:
    """Move the crosshairs of all charts of a screen that have the same axis."""
    for one in screen.query(Chart):
        if one is not message.chart and one.reads_with(message.chart):
            one.inspect(message.x)


class Figures(Container):
    """Shows as many charts of a list as fit, and pages through them; crosshairs move together."""

    DEFAULT_CSS = """
    Figures {
        layout: grid;
        grid-gutter: 0 1;
        & StudyChart.-spare { display: none; }
    }
    """

    class Arranged(Message):
        """Other figures are on screen than before."""

    def __init__(self, *, id: str, cell: tuple[int, int] = CELL, countable: bool = False) -> None:
        """Create it without figures.

        Args:
            id: The widget's id.
            cell: Fewest columns and rows of one chart of several.
            countable: Whether `Chart.More` is heard.
        """
        super().__init__(id=id)
        self.note = ""
        self._cell = cell
        self.charts = [StudyChart(id=f"{id}-{place}") for place in range(COLUMNS * ROWS)]
        for one in self.charts:
            one.countable = countable
        self._figures: Sequence[ChartSpec] = ()
        self._first = 0
        self._looked_at = self.charts[0]
        self._shape = (1, 1)

    def compose(self) -> ComposeResult:
        """Lay out the first chart; the others are mounted once there is something in them."""
        yield self.charts[0]

    @property
    def chart(self) -> StudyChart:
        """The chart that has the focus, or was looked at last."""
        focused = next((one for one in self.charts if one.has_focus), self._looked_at)
        return focused if focused in self.shown else self.charts[0]

    @property
    def shown(self) -> list[StudyChart]:
        """The charts on screen."""
        return [one for one in self.charts if one.is_attached and not one.has_class("-spare")]

    @property
    def filled(self) -> bool:
        """Whether there are figures."""
        return bool(self._figures)

    @property
    def counter(self) -> str:
        """Which figures of how many, where not all are on screen."""
        count = len(self._figures)
        if count <= self._capacity:
            return ""
        first, last = self._first + 1, min(self._first + self._capacity, count)
        return f"{first}/{count}" if first == last else f"{first}–{last}/{count}"

    def set_live(self, live: bool) -> None:
        """Say whether new points are to be expected."""
        for one in self.charts:
            one.live = live

    def show(self, figures: Sequence[ChartSpec], note: str = "", *, anew: bool = False) -> None:
        """Show these figures, at the place that was looked at, or from the first one."""
        self._figures, self.note = figures, note
        if anew:
            self._first = 0
        self._arrange(anew=anew)

    def prepare(self, figures: Sequence[ChartSpec]) -> None:
        """Draw the curves of what would be on screen; on any thread, before `show`."""
        shown = figures[self._first : self._first + self._capacity]
        for one, spec in zip(self.charts, shown, strict=False):
            one.prepare(spec)

    def page(self, step: int) -> None:
        """Go on by as many figures as are on screen, round and round.

        Where all are on screen, and one has the focus, the next one gets it.
        """
        if len(self._figures) > self._capacity:
            pages = -(-len(self._figures) // self._capacity)
            self._first = (self._first // self._capacity + step) % pages * self._capacity
            self._arrange()
        elif any(one.has_focus for one in self.charts):
            self._look_at((self.shown.index(self.chart) + step) % len(self.shown))

    def step(self, step: int) -> None:
        """Give the focus to the next or previous chart, and turn the page at its end."""
        place = self.shown.index(self.chart) + step
        if not 0 <= place < len(self.shown):
            self.page(step)
            place = 0 if step > 0 else len(self.shown) - 1
        self.shown[place].focus()

    def find(self, name: str) -> None:
        """Go to the first figure whose title begins with a name."""
        for place, spec in enumerate(self._figures):
            if spec.title.startswith(name):
                self._first = place - place % self._capacity
                self._arrange()
                self._look_at(place - self._first)
                return

    @property
    def _capacity(self) -> int:
        return self._shape[0] * self._shape[1]

    def _look_at(self, place: int) -> None:
        """Make one of those on screen the one that keys act on."""
        focused = any(one.has_focus for one in self.charts)
        self._looked_at = self.charts[place]
        if focused:
            self._looked_at.focus()

    def on_resize(self, event: events.Resize) -> None:
        """Choose how many charts there are."""
        if self._fitting() != self._shape:
            self._arrange()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Remember which chart was looked at."""
        if isinstance(event.widget, StudyChart):
            self._looked_at = event.widget

    @on(Chart.Inspected)
    def _inspect(self, message: Chart.Inspected) -> None:
        """Move the crosshairs of all charts on the screen that have the same axis."""
        message.stop()
        inspect_beside(self.screen, message)

    def _arrange(self, *, anew: bool = False) -> None:
        columns, rows = self._shape = self._fitting()
        self._first -= self._first % self._capacity
        if self._first >= len(self._figures):
            self._first = 0
        self.styles.grid_size_columns, self.styles.grid_size_rows = columns, rows
        found = self._figures[self._first : self._first + self._capacity]
        self.mount_all([one for one in self.charts[: len(found)] if not one.is_attached])
        for place, one in enumerate(self.charts):
            if one.is_attached:
                one.set_class(place >= max(len(found), 1), "-spare")
            if place < len(found):
                one.show(found[place])
                self._read_along(one, anew=anew)
        if (focused := self.screen.focused) in self.charts and focused not in self.shown:
            self.charts[0].focus()
        self.post_message(self.Arranged())

    def _fitting(self) -> tuple[int, int]:
        """Choose columns and rows of charts; at least one of each."""
        columns = min(COLUMNS, max(1, self.size.width // self._cell[0]))
        rows = min(ROWS, max(1, self.size.height // self._cell[1]))
        count = len(self._figures)
        if count <= rows:
            return 1, max(1, count)
        return min(columns, -(-count // rows)), rows

    def _read_along(self, chart: Chart, *, anew: bool) -> None:
        """Put the crosshair where the others with the same axis have theirs."""
        if anew:
            chart.inspect(None)
        elif chart.cursor is None:
            others = (one for one in self.screen.query(Chart) if one.cursor is not None)
            chart.inspect(next((one.cursor for one in others if one.reads_with(chart)), None))
