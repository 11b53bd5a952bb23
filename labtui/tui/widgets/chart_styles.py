"""From the role of a cell to its colours under the present theme."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.style import Style
from textual.color import Color

from labtui.charts.palette import ANSI_NAMES, ON_DARK, ON_LIGHT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.widget import Widget

COMPONENTS = {
    "": "chart--label",
    "axis": "chart--axis",
    "label": "chart--label",
    "legend": "chart--legend",
    "title": "chart--title",
    "dim": "chart--dim",
    "infeasible": "chart--infeasible",
    "bound": "chart--bound",
    "best": "chart--best",
    "step": "chart--dim",
    "reference": "chart--dim",
    "proposal": "chart--proposal",
    "cursor": "chart--cursor",
}
"""The component class of every role that is not a series."""

_RAW_SHARE = 0.38


class ChartStyles:
    """The styles of one chart, looked up once a theme."""

    def __init__(self, widget: Widget) -> None:
        """Look up styles of the component classes of `widget`."""
        self._widget = widget
        self._found: dict[str, Style] = {}

    def forget(self) -> None:
        """Look everything up again, as the theme changed."""
        self._found.clear()

    def palette(self) -> tuple[str, ...]:
        """The series colours that are legible on the present background."""
        if self._widget.app.native_ansi_color:
            return ANSI_NAMES
        return ON_LIGHT if self._background.brightness > 0.5 else ON_DARK

    def style(self, role: str, places: Sequence[int]) -> Style:
        """The style of a role.

        Args:
            role: A role key of the grid.
            places: The palette slot of every series.
        """
        kind, _, index = role.partition(":")
        if not index:
            return self._component(COMPONENTS[role])
        return self._series(places[int(index)], raw=kind == "raw")

    @property
    def _background(self) -> Color:
        return self._widget.background_colors[1]

    def _component(self, name: str) -> Style:
        if name not in self._found:
            self._found[name] = self._widget.get_component_rich_style(name)
        return self._found[name]

    def _series(self, slot: int, *, raw: bool) -> Style:
        base = self._widget.rich_style.background_style
        name = self.palette()[slot]
        if self._widget.app.native_ansi_color:
            return base + Style(color=name, dim=raw, bold=not raw)
        colour = Color.parse(name)
        if raw:
            colour = self._background.blend(colour, _RAW_SHARE)
        return base + Style(color=colour.rich_color, bold=not raw)
