"""A chart of several, one at a time."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical

from labtui.charts.spec import ChartSpec
from labtui.tui.widgets.chart import Chart


class Figures(Vertical):
    """Shows one figure of a list, and pages through it."""

    def __init__(self, *, id: str) -> None:
        """Create it without figures."""
        super().__init__(id=id)
        self.chart = StudyChart(id=f"{id}-chart")
        self.note = ""
        self._figures: Sequence[ChartSpec] = ()
        self._place = 0

    def compose(self) -> ComposeResult:
        """Lay out the chart."""
        yield self.chart

    def show(self, figures: Sequence[ChartSpec], note: str = "") -> None:
        """Show these figures, at the place that was looked at."""
        self._figures, self.note = figures, note
        self.page(0)

    def page(self, step: int) -> None:
        """Go on by some figures, round and round."""
        if self._figures:
            self._place = (self._place + step) % len(self._figures)
            self.chart.show(self._figures[self._place])

    def find(self, name: str) -> None:
        """Go to the first figure whose title begins with a name."""
        for place, spec in enumerate(self._figures):
            if spec.title.startswith(name):
                self.page(place - self._place)
                return

    @property
    def filled(self) -> bool:
        """Whether there are figures."""
        return bool(self._figures)

    @property
    def counter(self) -> str:
        """Which figure of how many, where there are several."""
        count = len(self._figures)
        return f"{self._place + 1}/{count}" if count > 1 else ""


class StudyChart(Chart):
    """A chart whose keys the key line knows."""

    place = "chart"
