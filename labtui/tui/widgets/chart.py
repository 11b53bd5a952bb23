"""A chart that can be zoomed, smoothed and read with a crosshair."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from labtui.charts.layers import is_log
from labtui.charts.palette import slots
from labtui.charts.raster import Grid, View, render
from labtui.charts.scale import Scale
from labtui.charts.spec import Axis, ChartSpec
from labtui.tui.actions import bindings
from labtui.tui.widgets.chart_styles import COMPONENTS, ChartStyles

if TYPE_CHECKING:
    from rich.style import Style
    from textual import events

    from labtui.tui.exporting import Exports

SMOOTHING = 0.95
"""The smoothing that `s` switches on: it averages over about 2 % of a curve on either side."""

_NOTHING = ChartSpec("", Axis(), Axis(), ())
_ZOOM, _PAN = 0.6, 0.2


class Chart(Widget, can_focus=True):
    """Draws a `ChartSpec` in braille and lets a person look closer."""

    HELP_TITLE = "Reading a chart"
    HELP = (
        "Curves, or one point a trial. Infeasible trials are a red ✗ at the worse edge, bounds of "
        "the search space a dotted line ┊, proposals ╏; shaded areas hold the middle half, and "
        "thinner ones nine tenths. With smoothing, the raw curve is dimmed and its moving "
        "average bold; on a log axis the average is geometric. Gaps are steps without a finite "
        "value. The crosshair reads every curve; click a name in the legend to hide its curve."
    )

    COMPONENT_CLASSES: ClassVar[set[str]] = set(COMPONENTS.values())
    DEFAULT_CSS = """
    Chart {
        width: 1fr;
        height: 1fr;
        & .chart--axis, & .chart--dim { color: $text-muted; }
        & .chart--label { color: $text-muted; }
        & .chart--legend { color: $foreground; }
        & .chart--title { color: $foreground; text-style: bold; }
        & .chart--infeasible { color: $text-error; text-style: bold; }
        & .chart--bound { color: $text-warning; }
        & .chart--proposal { color: $text-accent; }
        & .chart--best { color: $text-success; }
        & .chart--cursor { color: $foreground; }
        &:focus .chart--title { color: $text-primary; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("chart")
    ALLOW_SELECT = False

    spec: reactive[ChartSpec] = reactive(_NOTHING)
    view: reactive[View] = reactive(View())
    smoothing: reactive[float] = reactive(SMOOTHING)
    cursor: reactive[float | None] = reactive[float | None](None)
    hidden: reactive[frozenset[str | int]] = reactive(frozenset[str | int]())

    @dataclass
    class Inspected(Message):
        """The crosshair moved to `x` in data units, or went away (None)."""

        chart: Chart
        x: float | None

        @property
        def control(self) -> Chart:
            """The chart, for `@on` selectors."""
            return self.chart

    def __init__(
        self,
        spec: ChartSpec | None = None,
        *,
        smoothing: float = SMOOTHING,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """Create a chart.

        Args:
            spec: The figure; without one the chart says that there is nothing to draw yet.
            smoothing: Smoothing of the curves at the start, 0 for none.
            id: The widget's id.
            classes: The widget's classes.
        """
        super().__init__(id=id, classes=classes)
        self._grid: tuple[tuple[object, ...], Grid] | None = None
        self._strips: tuple[tuple[object, ...], list[Strip]] | None = None
        self._styles = ChartStyles(self)
        self.set_reactive(Chart.smoothing, smoothing)
        if spec is not None:
            self.set_reactive(Chart.spec, spec)

    def show(self, spec: ChartSpec) -> None:
        """Draw another figure; zoom and scales stay while title and axis names are the same."""
        if _heading(spec) != _heading(self.spec):
            self.view, self.cursor, self.hidden = View(), None, frozenset()
        self.spec = spec

    def inspect(self, x: float | None) -> None:
        """Put the crosshair at `x` without telling anyone, to follow another chart."""
        self.cursor = x

    @property
    def grid(self) -> Grid:
        """The figure as it is drawn at the present size."""
        key = (self.spec, self.size, self.view, self.smoothing, self.cursor, self.hidden)
        if self._grid is None or self._grid[0] != key:
            drawn = render(
                self.spec,
                *self.size,
                view=self.view,
                smoothing=self.smoothing,
                cursor_x=self.cursor,
                hidden=self.hidden,
            )
            self._grid = key, drawn
        return self._grid[1]

    def render_line(self, y: int) -> Strip:
        """Give one line of the figure."""
        grid, palette = self.grid, self._styles.palette()
        key = (grid, palette)
        if self._strips is None or self._strips[0] != key:
            self._strips = key, self._painted(grid)
        lines = self._strips[1]
        return lines[y] if y < len(lines) else Strip.blank(self.size.width, self.rich_style)

    def _painted(self, grid: Grid) -> list[Strip]:
        places = slots([series.ident for series in self.spec.series])
        styles: dict[str, Style] = {name: self._styles.style(name, places) for name in grid.names}
        return [
            Strip([Segment(text, styles[role]) for text, role in grid.runs(row)], grid.width)
            for row in range(grid.height)
        ]

    def exports(self) -> Exports:
        """Give the figure as it is looked at: its scales and its curves."""
        spec = self.spec
        if not spec.series:
            return {}
        return {"chart.svg": lambda: _svg(self._seen()), "chart.txt": lambda: _text(self._seen())}

    def _seen(self) -> ChartSpec:
        """The figure without its hidden curves, on the axes that were chosen."""
        spec, view = self.spec, self.view
        return replace(
            spec,
            x=replace(spec.x, scale="log" if is_log(spec.x, view.log_x) else "linear"),
            y=replace(spec.y, scale="log" if is_log(spec.y, view.log_y) else "linear"),
            series=tuple(one for one in spec.series if one.ident not in self.hidden),
        )

    def notify_style_update(self) -> None:
        """Take the colours of another theme."""
        super().notify_style_update()
        self._styles.forget()
        self._strips = None

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """Fill the container."""
        return container.width

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Fill the container."""
        return container.height

    def action_log_y(self) -> None:
        """Switch the vertical axis between linear and logarithmic."""
        self.view = replace(self.view, log_y=not is_log(self.spec.y, self.view.log_y), y=None)

    def action_log_x(self) -> None:
        """Switch the horizontal axis between linear and logarithmic."""
        self.view = replace(self.view, log_x=not is_log(self.spec.x, self.view.log_x), x=None)

    def action_smooth(self) -> None:
        """Switch smoothing on or off."""
        self.smoothing = 0.0 if self.smoothing else SMOOTHING

    def action_reset(self) -> None:
        """Go back to the whole figure."""
        self.view, self.hidden = View(), frozenset()
        self._inspect(None)

    def action_zoom(self, direction: int) -> None:
        """Zoom in (1) or out (-1) around the crosshair, or the middle."""
        scale = self.grid.x
        if scale is None:
            return
        centre = 0.5 if self.cursor is None else scale.place(self.cursor)
        self._zoom(direction, centre if 0 <= centre <= 1 else 0.5)

    def action_pan(self, direction: int) -> None:
        """Move the window to the left (-1) or right (1)."""
        if (scale := self.grid.x) is not None:
            self._look_at(scale, _PAN * direction, 1 + _PAN * direction)

    def action_move_crosshair(self, direction: int) -> None:
        """Move the crosshair by one column."""
        grid = self.grid
        if grid.x is None or grid.plot is None:
            return
        share = 0.5 if self.cursor is None else grid.x.place(self.cursor)
        step = direction / max(grid.plot.width - 1, 1) if self.cursor is not None else 0.0
        self._inspect(grid.x.value(min(max(share + step, 0.0), 1.0)))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Zoom in around the mouse."""
        self._wheel(event, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Zoom out around the mouse."""
        self._wheel(event, -1)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Hide or show a curve at its name, else put the crosshair here."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        for row in self.grid.legend:
            if row.row == offset.y and row.left <= offset.x < row.right:
                self.hidden = self.hidden ^ {row.ident}
                return
        self._point(offset.x)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Drag the crosshair."""
        offset = event.get_content_offset(self) if event.button else None
        if offset is not None:
            self._point(offset.x)

    def _wheel(self, event: events.MouseEvent, direction: int) -> None:
        offset = event.get_content_offset(self)
        share = None if offset is None else self._share(offset.x)
        if share is not None:
            event.stop()
            self._zoom(direction, share)

    def _point(self, column: int) -> None:
        share = self._share(column)
        if share is not None and self.grid.x is not None:
            self._inspect(self.grid.x.value(share))

    def _share(self, column: int) -> float | None:
        """Where a column lies on the horizontal axis, or None outside the plot."""
        plot = self.grid.plot
        if plot is None or not plot.left <= column < plot.left + plot.width:
            return None
        return (column - plot.left) / max(plot.width - 1, 1)

    def _zoom(self, direction: int, centre: float) -> None:
        scale = self.grid.x
        if scale is not None:
            factor = _ZOOM if direction > 0 else 1 / _ZOOM
            self._look_at(scale, centre - centre * factor, centre + (1 - centre) * factor)

    def _look_at(self, scale: Scale, low: float, high: float) -> None:
        self.view = replace(self.view, x=(scale.value(low), scale.value(high)))

    def _inspect(self, x: float | None) -> None:
        self.cursor = x
        self.post_message(self.Inspected(self, x))


def _heading(spec: ChartSpec) -> tuple[str, str, str]:
    return spec.title, spec.x.label, spec.y.label


def _svg(spec: ChartSpec) -> str:
    from labtui.charts.svg import to_svg

    return to_svg(spec)


def _text(spec: ChartSpec) -> str:
    from labtui.charts.plotext_text import to_text

    return to_text(spec)
