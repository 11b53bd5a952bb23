"""A chart that can be zoomed, smoothed and read with a crosshair."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakKeyDictionary

from rich.segment import Segment
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from labtui.charts.layers import is_log
from labtui.charts.palette import Colours, by_ident
from labtui.charts.raster import Grid, View, draw, render
from labtui.charts.scale import Scale
from labtui.charts.spec import Axis, ChartSpec
from labtui.tui.actions import bindings, key_of
from labtui.tui.widgets import chart_export
from labtui.tui.widgets.chart_styles import COMPONENTS, ChartStyles
from labtui.tui.widgets.lazy import LazyStyles

if TYPE_CHECKING:
    from rich.style import Style
    from textual import events
    from textual.app import App

    from labtui.tui.exporting import Exports

SMOOTHING = 0.95
"""The smoothing that `s` switches on: it averages over about 2 % of a curve on either side."""

_NOTHING = ChartSpec("", Axis(), Axis(), ())
_ZOOM, _PAN = 0.6, 0.2

_COLOURS: WeakKeyDictionary[App[Any], Colours] = WeakKeyDictionary()
"""The colours of each app: a trial has its own in all of its charts."""


class Chart(LazyStyles, Widget, can_focus=True):
    """Draws a `ChartSpec` in braille and lets a person look closer."""

    HELP_TITLE = "Reading a chart"
    HELP = (
        "Curves, or one point a trial. Infeasible trials are a red ✗ at the worse edge, bounds of "
        "the search space a dotted line ┊, proposals ╏; shaded areas hold the middle half, and "
        "thinner ones nine tenths. With smoothing, the raw curve is dimmed and its moving "
        "average bold; on a log axis the average is geometric. Gaps are steps without a finite "
        "value. Of several curves with a name each has a sign, in the legend and along it. "
        "The crosshair reads every curve, here and in the charts beside with the same "
        "axis; a click on a name in the legend hides its curve, {chart.solo} shows them "
        "one by one. {chart.zoom-in-y} and {chart.zoom-out-y} zoom vertically. "
        "● live: new points appear as they come. Zoomed or panned, the chart holds still; "
        "{chart.follow} follows again with the same width, {chart.reset} shows everything."
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
        & .chart--badge { color: $text-accent; }
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
    live: reactive[bool] = reactive(False)
    follows: reactive[bool] = reactive(True)
    behind: reactive[bool] = reactive(False)
    countable = False
    """Whether somebody listens to `More`, so that curves can be added and taken away."""

    @dataclass
    class More(Message):
        """More (1) or fewer (-1) curves are wanted."""

        chart: Chart
        step: int

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
        self._painted: _Painted | None = None
        self._styles = ChartStyles(self)
        self._colours = Colours()
        self._known: tuple[ChartSpec, tuple[int, ...]] = (_NOTHING, ())
        self.set_reactive(Chart.smoothing, smoothing)
        if spec is not None:
            self.set_reactive(Chart.spec, spec)

    def on_mount(self) -> None:
        """Share the colours of the app's charts."""
        self._colours = _COLOURS.setdefault(self.app, self._colours)

    def show(self, spec: ChartSpec) -> None:
        """Draw another figure; zoom and scales stay while title and axis names are the same.

        A window that follows moves on with the newest point; one that does not stays where it is.
        """
        if _heading(spec) != _heading(self.spec):
            self.view, self.cursor, self.hidden = View(), None, frozenset()
            self.follows, self.behind = True, False
        elif self.view.x is not None and _end(self.spec) < (end := _end(spec)):
            if self.follows:
                self.view = replace(self.view, x=self._ending_at(end))
            self.behind = not self.follows
        self.spec = spec

    def inspect(self, x: float | None) -> None:
        """Put the crosshair at `x` without telling anyone, to follow another chart."""
        self.cursor = x

    def reads_with(self, other: Chart) -> bool:
        """Say whether a place on the horizontal axis of another chart is one on this one's."""
        mine, theirs = self.spec.x, other.spec.x
        return (mine.label, mine.categories) == (theirs.label, theirs.categories)

    def prepare(self, spec: ChartSpec) -> None:
        """Draw the curves of a figure as they would be looked at; on any thread, to show it soon.

        A guess at what `show` will ask for: where the size or the window are others by then, they
        are drawn again.
        """
        view = self.view if _heading(spec) == _heading(self.spec) else View()
        slots = self._slots_for(spec)
        draw(spec, *self.size, view=view, smoothing=self.smoothing, hidden=self.hidden, slots=slots)

    def _slots_for(self, spec: ChartSpec) -> tuple[int, ...]:
        """Give the palette slots that a figure would have here: what stays keeps its own."""
        shown, slots = self._known
        return self._colours.of(spec.series, by_ident(shown.series, slots))

    @property
    def _slots(self) -> tuple[int, ...]:
        """The palette slots of what is shown, chosen once a figure."""
        spec = self.spec
        if self._known[0] is not spec:
            self._known = spec, self._slots_for(spec)
            self._colours.remember(spec.series, self._known[1])
        return self._known[1]

    @property
    def grid(self) -> Grid:
        """The figure as it is drawn at the present size."""
        badge, slots = self._badge, self._slots
        look = self.size, self.view, self.smoothing, self.cursor, self.hidden
        key = self.spec, *look, badge, slots
        if self._grid is None or self._grid[0] != key:
            drawn = render(
                self.spec,
                *self.size,
                view=self.view,
                smoothing=self.smoothing,
                cursor_x=self.cursor,
                hidden=self.hidden,
                badge=badge,
                slots=slots,
            )
            self._grid = key, drawn
        return self._grid[1]

    @property
    def _badge(self) -> str:
        """Whether what is shown is the newest there is."""
        if self.behind:
            return f"new points → {key_of('chart.follow')}"
        if not self.live:
            return ""
        return "● live" if self.follows else f"◌ held → {key_of('chart.follow')}"

    def render_line(self, y: int) -> Strip:
        """Give one line of the figure."""
        grid, palette = self.grid, self._styles.palette()
        last = self._painted
        if last is None or last.grid is not grid or last.palette != palette:
            self._painted = last = self._paint(grid, palette, last)
        lines = last.strips
        return lines[y] if y < len(lines) else Strip.blank(self.size.width, self.rich_style)

    def _paint(self, grid: Grid, palette: tuple[str, ...], last: _Painted | None) -> _Painted:
        """Paint the rows that are others than before."""
        places = self._slots
        same = _same_rows(grid, last.grid) if last and last.key == (palette, places) else ()
        styles: dict[str, Style] = {name: self._styles.style(name, places) for name in grid.names}
        strips = [
            last.strips[row]
            if last is not None and row in same
            else Strip([Segment(text, styles[role]) for text, role in grid.runs(row)], grid.width)
            for row in range(grid.height)
        ]
        return _Painted(grid, palette, places, strips)

    def exports(self) -> Exports:
        """Give the figure as it is looked at: window, scales, smoothing, curves and colours."""
        return chart_export.exports(
            chart_export.Looked(self.spec, self.view, self.smoothing, self.hidden, self._slots)
        )

    def notify_style_update(self) -> None:
        """Take the colours of another theme."""
        super().notify_style_update()
        self._styles.forget()
        self._painted = None

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
        """Go back to the whole figure, and follow it."""
        self.view, self.hidden = View(), frozenset()
        self.follows, self.behind = True, False
        self._inspect(None)

    def action_follow(self) -> None:
        """Show the newest points and go on with them, in a window as wide as this one."""
        if self.view.x is not None:
            self.view = replace(self.view, x=self._ending_at(_end(self.spec)))
        self.follows, self.behind = True, False

    def action_solo(self) -> None:
        """Show the next curve alone; after the last one all again."""
        idents = list(dict.fromkeys(one.ident for one in self.spec.series if one.label))
        if len(idents) < 2:
            few = "there is one curve only" if idents else "there are no curves with a name"
            self.notify(f"{few}: none to show alone", markup=False)
            return
        shown = [ident for ident in idents if ident not in self.hidden]
        place = idents.index(shown[0]) + 1 if len(shown) == 1 < len(idents) else 0
        alone = idents[place : place + 1]
        self.hidden = frozenset(ident for ident in idents if ident not in alone and alone)

    def action_more(self) -> None:
        """Ask for more curves."""
        self.post_message(self.More(self, 1))

    def action_fewer(self) -> None:
        """Ask for fewer curves."""
        self.post_message(self.More(self, -1))

    def watch_live(self) -> None:
        """Offer to follow, or no longer."""
        self.refresh_bindings()

    def watch_follows(self) -> None:
        """Offer to follow again, or no longer."""
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what does something with this figure."""
        if action in ("more", "fewer"):
            return self.countable
        if action == "follow":
            return not self.follows and (self.live or self.behind)
        return True

    def action_zoom(self, direction: int) -> None:
        """Zoom in (1) or out (-1) around the crosshair, or the middle."""
        scale = self.grid.x
        if scale is None:
            return
        centre = 0.5 if self.cursor is None else scale.place(self.cursor)
        self._zoom(direction, centre if 0 <= centre <= 1 else 0.5)

    def action_zoom_y(self, direction: int) -> None:
        """Zoom in (1) or out (-1) vertically, around what the crosshair reads, or the middle."""
        grid = self.grid
        if grid.y is None:
            return
        shares = [share for one in grid.readings if 0 <= (share := grid.y.place(one.y)) <= 1]
        centre = sum(shares) / len(shares) if shares else 0.5
        self._look_up(grid.y, *_around(centre, direction))

    def action_pan_y(self, direction: int) -> None:
        """Move the window down (-1) or up (1)."""
        if (scale := self.grid.y) is not None:
            self._look_up(scale, _PAN * direction, 1 + _PAN * direction)

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
        if (scale := self.grid.x) is not None:
            self._look_at(scale, *_around(centre, direction))

    def _look_up(self, scale: Scale, low: float, high: float) -> None:
        self.view = replace(self.view, y=(scale.value(low), scale.value(high)))

    def _look_at(self, scale: Scale, low: float, high: float) -> None:
        self.view = replace(self.view, x=(scale.value(low), scale.value(high)))
        self.follows = False

    def _ending_at(self, end: float) -> tuple[float, float] | None:
        """A window as wide as the present one whose right end is a data value."""
        scale = self.grid.x
        share = float("nan") if scale is None else scale.place(end)
        if scale is None or not isfinite(share):
            return self.view.x
        return scale.value(share - 1), scale.value(share)

    def _inspect(self, x: float | None) -> None:
        self.cursor = x
        self.post_message(self.Inspected(self, x))


@dataclass(frozen=True)
class _Painted:
    """A grid in colours."""

    grid: Grid
    palette: tuple[str, ...]
    places: tuple[int, ...]
    strips: list[Strip]

    @property
    def key(self) -> tuple[object, ...]:
        """What its colours depend on."""
        return self.palette, self.places


def _around(centre: float, direction: int) -> tuple[float, float]:
    """The ends of a window that is closer (1) or wider (-1) around a share of the present one."""
    factor = _ZOOM if direction > 0 else 1 / _ZOOM
    return centre - centre * factor, centre + (1 - centre) * factor


def _same_rows(grid: Grid, other: Grid) -> frozenset[int]:
    """The rows that two grids have in common, down to their colours."""
    known = min(len(grid.names), len(other.names))
    if grid.codes.shape != other.codes.shape or grid.names[:known] != other.names[:known]:
        return frozenset()
    same = (grid.codes == other.codes).all(axis=1) & (grid.roles == other.roles).all(axis=1)
    return frozenset(same.nonzero()[0].tolist())


def _end(spec: ChartSpec) -> float:
    """The last place that any curve reaches, in data units; NaN without a curve."""
    ends = (float(one.x[-1]) for one in spec.series if one.role == "line" and len(one.x))
    return max((end for end in ends if isfinite(end)), default=float("nan"))


def _heading(spec: ChartSpec) -> tuple[str, str, str]:
    return spec.title, spec.x.label, spec.y.label
