"""A table that draws only the rows on screen, and whose cursor stays on its record."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from labtui.tui.actions import bindings
from labtui.tui.background import in_background
from labtui.tui.exporting import as_csv, as_json
from labtui.tui.widgets.columns import ROLES, Column, fit
from labtui.tui.widgets.lazy import LazyStyles
from labtui.tui.widgets.ordering import Ordering

if TYPE_CHECKING:
    from textual import events

    from labtui.tui.exporting import Exports

T = TypeVar("T")
GAP = 2
GUTTER = 2
MANY = 1_500
"""Records from which sorting would hold the screen up: 20 ms at 10,000."""


class Table(LazyStyles, ScrollView, Generic[T], can_focus=True):
    """Rows of records: moving, sorting and choosing, any number of them."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("rows"), *bindings("table")]
    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "table--header",
        "table--sorted",
        "table--cursor",
        *(f"table--{role}" for role in ROLES),
    }
    DEFAULT_CSS = """
    Table {
        height: 1fr;
        background: transparent;
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 0;
        scrollbar-color: $panel-lighten-3;
        scrollbar-background: $background;
        & .table--header { color: $text-muted; text-style: bold; }
        & .table--sorted { color: $text-primary; text-style: bold; }
        & .table--cursor { background: $surface-lighten-1; }
        &:focus .table--cursor {
            background: $block-cursor-background;
            color: $block-cursor-foreground;
            text-style: $block-cursor-text-style;
        }
        & .table--completed { color: $text-success; }
        & .table--running { color: $text-accent; }
        & .table--infeasible { color: $text-error; }
        & .table--failed { color: $text-error; text-style: bold; }
        & .table--stopped, & .table--interrupted { color: $text-warning; }
        & .table--queued, & .table--dim { color: $text-muted; }
    }
    """

    @dataclass
    class Event(Message):
        """Something happened to a record."""

        table: Table[Any]
        key: Hashable

        @property
        def control(self) -> Table[Any]:
            """The table, for `@on` selectors."""
            return self.table

    class Opened(Event):
        """A row was chosen."""

    class Moved(Event):
        """The cursor is on another record."""

    @dataclass
    class Arranged(Message):
        """The rows are others, or stand otherwise; of many records a while after it was asked."""

        table: Table[Any]

        @property
        def control(self) -> Table[Any]:
            """The table, for `@on` selectors."""
            return self.table

    def __init__(self, key: Callable[[T], Hashable], *, place: str = "", id: str) -> None:
        """Create a table without columns; `key` tells its records apart."""
        self._styles: dict[str, Style] = {}
        super().__init__(id=id)
        self.place = place
        self.leads = False  # whether choosing a row leads to a screen, for which keys wait
        self.marked: dict[Hashable, None] = {}
        self._key = key
        self._columns: tuple[Column[T], ...] = ()
        self._records: Sequence[T] = ()
        self._places: dict[Hashable, int] = {}
        self._room: tuple[tuple[int, bool], int] = ((-1, False), 0)
        self._rows: list[T] = []
        self._keep: Callable[[T], bool] = lambda _: True
        self._sort = ""
        self._reversed = False
        self._cursor = 0
        self._moved = False
        self._sorting = False

    # -- content ----------------------------------------------------------------------------

    def set_columns(self, columns: Sequence[Column[T]], sort: str) -> None:
        """Set the columns, and the one it is sorted by until a person chooses another."""
        keys = {column.key for column in columns}
        self._columns = tuple(columns)
        if self._sort not in keys:
            self._sort, self._reversed = sort, False
        self._measure()
        self.refresh()

    def show(self, records: Sequence[T], changed: Collection[Hashable] | None = None) -> None:
        """Show these records; the cursor stays on its own.

        Args:
            records: All of them.
            changed: Keys of those that changed since the last call; None for any.
        """
        before, self._records = self._records, records
        ordering = self._ordering
        if changed is None or self._sorting or not ordering.can_merge(changed):
            self._places = {}
            self._arrange()
        elif changed:
            places = self._find(records, changed)
            old = [before[place] for place in places if place < len(before)]
            new = [records[place] for place in places]
            self._settle(ordering.merged(self._rows, old, new), anew=False)

    def _find(self, records: Sequence[T], keys: Collection[Hashable]) -> list[int]:
        """Find records by their keys; they stay at their places as long as none come or go."""
        if len(self._places) != len(records):
            self._places = {self._key(one): place for place, one in enumerate(records)}
        return [self._places[key] for key in keys if key in self._places]

    def keep(self, test: Callable[[T], bool]) -> None:
        """Show only the records that pass a test."""
        self._keep = test
        self._arrange()

    @property
    def rows(self) -> Sequence[T]:
        """The records as they stand in the table."""
        return self._rows

    @property
    def shown_columns(self) -> list[str]:
        """The keys of the columns, in their order."""
        return [column.key for column in self._columns]

    @property
    def sorting(self) -> tuple[str, bool]:
        """The key of the column that it is sorted by, and whether the other way round."""
        return self._sort, self._reversed

    @property
    def current(self) -> T | None:
        """The record under the cursor."""
        return self._rows[self._cursor] if self._rows else None

    @property
    def was_moved(self) -> bool:
        """Whether somebody put the cursor where it is; until then it stays at the top."""
        return self._moved

    def go_to(self, key: Hashable) -> bool:
        """Put the cursor on a record; False when it is not in the table."""
        for index, row in enumerate(self._rows):
            if self._key(row) == key:
                self._move(index)
                return True
        return False

    def exports(self) -> Exports:
        """Give the rows as they stand in the table, with every column."""
        if not self._rows:
            return {}
        name = (self.id or "table").removesuffix("-table")
        return {
            f"{name}.csv": lambda: as_csv(*self._exported()),
            f"{name}.json": lambda: as_json(*self._exported()),
        }

    def _exported(self) -> tuple[list[str], list[list[object]]]:
        names = [column.key for column in self._columns]  # unlike labels, each is there once
        return names, [[column.exported(row) for column in self._columns] for row in self._rows]

    @property
    def _ordering(self) -> Ordering[T]:
        order = next((c.order for c in self._columns if c.key == self._sort), None)
        return Ordering(self._key, self._keep, order, self._reversed)

    def _arrange(self) -> None:
        """Filter and sort anew; many records on a thread of their own."""
        if len(self._records) <= MANY:
            self._settle(self._ordering.arranged(self._records))
        else:
            self._sorting = True
            begin: Any = self._arrange_many  # not begun here: it may be replaced before it is
            self.run_worker(begin, exclusive=True, group="arrange")

    async def _arrange_many(self) -> None:
        ordering, records = self._ordering, self._records
        rows = await in_background(lambda: ordering.arranged(records))
        self._sorting = False
        self._settle(rows)

    def _settle(self, rows: list[T], *, anew: bool = True) -> None:
        """Show rows, with the cursor's record at the same height of the screen.

        At the top the first rows stay in sight: what comes first is what was asked for.

        Args:
            rows: All that are kept, in order.
            anew: Paint them whether or not those on screen are others than before.
        """
        current, seen = self.current, self._on_screen()
        offset = self._cursor - round(self.scroll_y)
        self._rows = rows
        self._cursor = self._place_of(current) if self._moved else 0
        self._measure()
        if self._moved and 0 <= offset < self._page:
            at_top = not round(self.scroll_y) and self._cursor < self._page
            self.scroll_to(y=0 if at_top else self._cursor - offset, animate=False)
        now = self.current
        if (now and self._key(now)) != (current and self._key(current)):
            self._tell()
        self._repaint(None if anew else seen)
        self.post_message(self.Arranged(self))

    def _repaint(self, seen: tuple[int, list[int]] | None) -> None:
        """Paint the rows that are others than those seen before; None for all."""
        cursor, rows = self._on_screen()
        if seen is None or cursor != seen[0] or len(rows) != len(seen[1]):
            self.refresh()
            return
        for place, (before, now) in enumerate(zip(seen[1], rows, strict=True)):
            if before != now:
                self.refresh(Region(0, place + 1, self.size.width, 1))

    def _on_screen(self) -> tuple[int, list[int]]:
        """Tell what is painted from what was: the place of the cursor, and the very records."""
        top = round(self.scroll_y)
        return self._cursor - top, [id(row) for row in self._rows[top : top + self._page]]

    def _place_of(self, record: T | None) -> int:
        if record is not None:
            key = self._key(record)
            for index, row in enumerate(self._rows):
                if self._key(row) == key:
                    return index
        return max(0, min(self._cursor, len(self._rows) - 1))

    # -- geometry ---------------------------------------------------------------------------

    @property
    def _page(self) -> int:
        return max(1, self.scrollable_content_region.height - 1)

    @property
    def _width(self) -> int:
        known = self.outer_size.width, self.show_vertical_scrollbar
        if self._room[0] != known or not self._room[1]:  # asked for many times a row
            self._room = known, self.scrollable_content_region.width
        return self._room[1]

    @property
    def _total(self) -> int:
        return GUTTER + sum(self._widths()) + GAP * len(self._columns) - 1

    def _widths(self) -> list[int]:
        widths = [column.width for column in self._columns]
        spare = self._width - GUTTER - sum(widths) - GAP * len(widths) + 1
        growing = [i for i, column in enumerate(self._columns) if column.grows]
        for index in growing:
            widths[index] += max(0, spare) // len(growing)
        return widths

    def _measure(self) -> None:
        """Size the table so that scrolling to the right ends at the edge of a column."""
        width = self._total
        hidden = width - self._width
        if hidden > 0:
            width = self._width + next((edge for edge in self._edges() if edge >= hidden), hidden)
        size = Size(width, len(self._rows) + 1)
        if size == self.virtual_size:
            return
        if self.styles.is_auto_height:
            self.virtual_size = size
            return
        # The table stays where it is: only its scroll bars change, and nothing is laid out anew.
        self.set_reactive(Table.virtual_size, size)
        self._scroll_update(size)
        self.refresh()

    def _edges(self) -> list[int]:
        """Give the places to scroll to, where a column begins."""
        edges = [0]
        for width in self._widths()[1:]:
            edges.append(edges[-1] + width + GAP)
        return edges

    def on_resize(self) -> None:
        """Give the growing columns their share, and keep the cursor in sight."""
        self._measure()
        self.call_after_refresh(self._reveal)

    def _reveal(self) -> None:
        top = round(self.scroll_y)
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False)
        elif self._cursor >= top + self._page:
            self.scroll_to(y=self._cursor - self._page + 1, animate=False)

    # -- drawing ----------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """Draw the header, which stays, or one record."""
        scroll_x, scroll_y = self.scroll_offset
        index = y - 1 + scroll_y
        base = self._style("")
        if y == 0:
            return self._more(self._scrolled(self._header(base), scroll_x, base), scroll_x)
        if 0 <= index < len(self._rows):
            return self._scrolled(self._row(index, base), scroll_x, base)
        return Strip.blank(self._width, base)

    def _scrolled(self, strip: Strip, scroll_x: int, base: Style) -> Strip:
        """Cut out the columns on screen; the first one stays where it is."""
        width, stays = self._width, self._staying
        rest = strip.crop_extend(stays + scroll_x, scroll_x + width, base)
        # A terminal is sent the colours of every segment: merged, a row takes a third of the bytes.
        return Strip.join([strip.crop(0, stays), rest]).simplify()

    def _more(self, strip: Strip, scroll_x: int) -> Strip:
        """Say in the header that there are more columns to the left or right."""
        width, stays = strip.cell_length, self._staying
        style = self._style("sorted")
        if scroll_x > 0 and stays:
            arrow = Strip([Segment("‹", style)])
            strip = Strip.join([strip.crop(0, stays - 1), arrow, strip.crop(stays, width)])
        if scroll_x + width < self._total:
            strip = Strip.join([strip.crop(0, width - 1), Strip([Segment("›", style)])])
        return strip

    @property
    def _staying(self) -> int:
        """Cells on the left that do not scroll."""
        widths = self._widths()
        return min(GUTTER + widths[0] + GAP, self._width // 2) if widths else 0

    def _style(self, role: str) -> Style:
        if role not in self._styles:
            self._styles[role] = (
                self.get_component_rich_style(f"table--{role}") if role else self.rich_style
            )
        return self._styles[role]

    def notify_style_update(self) -> None:
        """Take the colours of another theme, or of another focus."""
        super().notify_style_update()
        self._styles.clear()

    def _header(self, base: Style) -> Strip:
        plain = self._style("header")
        chosen = self._style("sorted")
        pieces = [Segment(" " * GUTTER, plain)]
        for column, width in zip(self._columns, self._widths(), strict=True):
            is_sorted = column.key == self._sort
            style = chosen if is_sorted else plain
            pieces.append(Segment(fit(column.label, width, column.right), style))
            arrow = ("↓" if self._reversed else "↑") if is_sorted else ""
            pieces.append(Segment(arrow.ljust(GAP), style))
        return Strip(pieces)

    def _row(self, index: int, base: Style) -> Strip:
        record = self._rows[index]
        here = index == self._cursor
        cursor = self._style("cursor") if here else base
        sign = ("▸" if self.has_focus else "▹") if here else " "
        gutter = sign + ("◆" if self._key(record) in self.marked else " ")
        pieces = [Segment(gutter, cursor)]
        left, edge = GUTTER, self._width + round(self.scroll_x)
        for column, width in zip(self._columns, self._widths(), strict=True):
            text, role = column.cell(record)
            style = cursor
            if role and not (here and self.has_focus):
                style = self._style(role) + cursor.background_style
            left += width + GAP
            room = width - max(0, left - GAP - edge)
            shown = column.shown(text, width)
            if 0 < room < width:  # half a number is another number
                shown = column.shown(text.strip(), room) + " " * (width - room)
            pieces.append(Segment(shown, style))
            pieces.append(Segment(" " * GAP, cursor))
        used = sum(cell_len(piece.text) for piece in pieces)
        pieces.append(Segment(" " * max(0, self._width - used), cursor))
        return Strip(pieces)

    # -- actions ----------------------------------------------------------------------------

    def _move(self, index: int) -> None:
        index = max(0, min(index, len(self._rows) - 1))
        self._moved = True
        before = self._cursor
        if index != before:
            self._cursor = index
            self._tell()
        self._reveal()  # which paints all rows if others come into sight
        for row in {before, index}:
            place = row - round(self.scroll_y)
            if 0 <= place < self._page:
                self.refresh(Region(0, place + 1, self.size.width, 1))

    def _tell(self) -> None:
        if (current := self.current) is not None:
            self.post_message(self.Moved(self, self._key(current)))

    def action_cursor(self, rows: int) -> None:
        """Move the cursor by some rows."""
        self._move(self._cursor + rows)

    def action_page(self, pages: int) -> None:
        """Move the cursor by pages."""
        self._move(self._cursor + pages * self._page)

    def action_end(self, which: int) -> None:
        """Move the cursor to the first (-1) or last (1) row."""
        self._move(0 if which < 0 else len(self._rows) - 1)

    def action_columns(self, direction: int) -> None:
        """Scroll to the next column on the left (-1) or right (1)."""
        x = round(self.scroll_x)
        beyond = [edge for edge in self._edges() if (edge - x) * direction > 0]
        if beyond:
            self.scroll_to(x=min(beyond) if direction > 0 else max(beyond), animate=False)

    def action_open(self) -> None:
        """Choose the row under the cursor."""
        if (current := self.current) is not None:
            if self.leads and (hold := getattr(self.app, "hold_keys", None)) is not None:
                hold()
            self.post_message(self.Opened(self, self._key(current)))

    def action_sort(self) -> None:
        """Sort by the next column."""
        keys = [column.key for column in self._columns if column.order is not None]
        if keys:
            place = keys.index(self._sort) if self._sort in keys else -1
            self.sort_by(keys[(place + 1) % len(keys)])

    def action_reverse(self) -> None:
        """Sort the other way round."""
        self.sort_by(self._sort, reverse=not self._reversed)

    def sort_by(self, key: str, *, reverse: bool = False) -> None:
        """Sort by a column."""
        self._sort, self._reversed = key, reverse
        self._arrange()

    def toggle_mark(self) -> None:
        """Mark the record under the cursor, or take its mark away, and go on to the next."""
        if (current := self.current) is not None:
            key = self._key(current)
            if key in self.marked:
                del self.marked[key]
            else:
                self.marked[key] = None
            self._move(self._cursor + 1)

    def on_click(self, event: events.Click) -> None:
        """Sort by the clicked header, go to the clicked row, or open it when it is the cursor's."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y == 0:
            self._click_header(offset.x + round(self.scroll_x))
            return
        index = offset.y - 1 + round(self.scroll_y)
        if index == self._cursor and event.chain > 1:
            self.action_open()
        elif index < len(self._rows):
            self._move(index)

    def _click_header(self, x: int) -> None:
        left = GUTTER
        for column, width in zip(self._columns, self._widths(), strict=True):
            left += width + GAP
            if x < left:
                if column.order is not None:
                    same = column.key == self._sort
                    self.sort_by(column.key, reverse=same and not self._reversed)
                return
