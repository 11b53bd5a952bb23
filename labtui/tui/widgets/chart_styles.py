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
    "badge": "chart--badge",
}
"""The component class of every role that is not a series."""

_RAW_SHARE = 0.38


class ChartStyles:
    """The styles of one chart, looked up once a theme."""

    def __init__(self, widget: Widget) -> None:
        """Look up styles of the component classes of `widget`."""
        self._widget = widget
        self._found: dict[str | tuple[int, bool], Style] = {}
        self._palette: tuple[str, ...] | None = None

    def forget(self) -> None:
        """Look everything up again, as the theme changed."""
        self._found.clear()
        self._palette = None

    def palette(self) -> tuple[str, ...]:
        """The series colours that are legible on the present background."""
        if self._palette is None:
            light = self._background.brightness > 0.5
            colours = ON_LIGHT if light else ON_DARK
            self._palette = ANSI_NAMES if self._widget.app.native_ansi_color else colours
        return self._palette

    def style(self, role: str, places: Sequence[int]) -> Style:
        """The style of a role.

        Args:
            role: A role key of the grid.
            places: The palette slot of every series.
        """
        kind, _, index = role.partition(":")
        if not index:
            return self._component(COMPONENTS[role])
        known = places[int(index)], kind == "raw"
        if known not in self._found:
            self._found[known] = self._series(known[0], raw=known[1])
        return self._found[known]

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
