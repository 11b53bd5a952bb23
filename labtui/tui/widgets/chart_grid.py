"""Several charts at once, as many as there is room for, with one crosshair."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container
from textual.message import Message

from labtui.charts.spec import ChartSpec
from labtui.tui.widgets.chart import Chart
from labtui.tui.widgets.figures import StudyChart

CELL = (40, 10)
"""Fewest columns and rows of one chart of several: below, its axes leave no room for the curve."""

COLUMNS, ROWS = 3, 2
"""Most charts side by side and one above the other: more are not taken in at a glance."""


class ChartGrid(Container):
    """Shows as many charts of a list as fit, and pages through them; crosshairs move together."""

    DEFAULT_CSS = """
    ChartGrid {
        layout: grid;
        grid-gutter: 0 1;
        & StudyChart.-spare { display: none; }
    }
    """

    class Arranged(Message):
        """Other figures are on screen than before."""

    def __init__(self, *, id: str) -> None:
        """Create a grid without figures."""
        super().__init__(id=id)
        self.charts = [StudyChart(id=f"{id}-{place}") for place in range(COLUMNS * ROWS)]
        self._specs: Sequence[ChartSpec] = ()
        self._first = 0
        self._last_focused = self.charts[0]
        self._shape = (1, 1)
        self._x: float | None = None

    def compose(self) -> ComposeResult:
        """Lay out the charts."""
        yield from self.charts

    @property
    def chart(self) -> StudyChart:
        """The chart that has the focus, or had it last."""
        focused = next((one for one in self.charts if one.has_focus), self._last_focused)
        return focused if focused in self.shown else self.charts[0]

    @property
    def shown(self) -> list[StudyChart]:
        """The charts on screen."""
        return [one for one in self.charts if not one.has_class("-spare")]

    @property
    def counter(self) -> str:
        """Which figures of how many, where not all are on screen."""
        count = len(self._specs)
        last = min(self._first + self._capacity, count)
        if count <= self._capacity:
            return ""
        first = self._first + 1
        return f"{first}/{count}" if first == last else f"{first}–{last}/{count}"

    def show(self, specs: Sequence[ChartSpec], *, anew: bool = False) -> None:
        """Show these figures, at the place that was looked at, or from the first one."""
        self._specs = specs
        if anew:
            self._first, self._x = 0, None
        self._arrange()

    def page(self, step: int) -> None:
        """Go on by as many figures as are on screen, round and round."""
        if len(self._specs) > self._capacity:
            pages = -(-len(self._specs) // self._capacity)
            page = (self._first // self._capacity + step) % pages
            self._first = page * self._capacity
            self._arrange()

    def step(self, step: int) -> None:
        """Give the focus to the next or previous chart, and turn the page at its end."""
        shown = self.shown
        place = shown.index(self.chart) + step
        if not 0 <= place < len(shown):
            self.page(step)
            shown = self.shown
            place = 0 if step > 0 else len(shown) - 1
        shown[place].focus()

    @property
    def _capacity(self) -> int:
        return self._shape[0] * self._shape[1]

    def on_resize(self, event: events.Resize) -> None:
        """Choose how many charts there are."""
        if _shape(event.size.width, event.size.height, len(self._specs)) != self._shape:
            self._arrange()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Remember which chart was looked at."""
        if isinstance(event.widget, StudyChart):
            self._last_focused = event.widget

    @on(Chart.Inspected)
    def _inspect(self, message: Chart.Inspected) -> None:
        """Move the crosshairs of all charts together."""
        self._x = message.x
        for one in self.charts:
            if one is not message.chart:
                one.inspect(message.x)

    def _arrange(self) -> None:
        columns, rows = self._shape = _shape(*self.size, len(self._specs))
        self._first -= self._first % self._capacity
        if self._first >= len(self._specs):
            self._first = 0
        self.styles.grid_size_columns, self.styles.grid_size_rows = columns, rows
        found = self._specs[self._first : self._first + self._capacity]
        for place, one in enumerate(self.charts):
            one.set_class(place >= max(len(found), 1), "-spare")
            if place < len(found):
                one.show(found[place])
                one.inspect(self._x)
        if (focused := self.screen.focused) in self.charts and focused not in self.shown:
            self.charts[0].focus()
        self.post_message(self.Arranged())


def _shape(width: int, height: int, count: int) -> tuple[int, int]:
    """Choose columns and rows for so many figures; at least one of each."""
    columns = min(COLUMNS, max(1, width // CELL[0]))
    rows = min(ROWS, max(1, height // CELL[1]))
    if count <= rows:
        return 1, max(1, count)
    return min(columns, -(-count // rows)), rows
