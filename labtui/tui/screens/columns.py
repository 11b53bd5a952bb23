"""Choosing the columns of a table: which are shown, and in what order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from labtui.tui.actions import app_keys, bindings, key_line
from labtui.tui.widgets.columns import Column
from labtui.tui.widgets.keyline import KeyLine
from labtui.tui.widgets.table import Table
from labtui.verdicts.text import clean

AROUND = 6
"""Rows of the frame, the title, the hint and the key line."""

Apply = Callable[[Sequence[str]], None]


@dataclass(frozen=True)
class Choice:
    """A column that can be shown.

    Attributes:
        key: Its key; a hyperparameter's begins with ``param:``.
        label: Its header.
        shown: Whether it is.
    """

    key: str
    label: str
    shown: bool

    @property
    def field(self) -> str:
        """What the filter line calls it."""
        return self.key.removeprefix("param:")


class ColumnsScreen(ModalScreen[None]):
    """Lists every column there can be; the table behind it changes at once."""

    CSS_PATH = "columns.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("columns"), *app_keys()]
    chain_name = "columns"
    topic = "columns"

    def __init__(
        self,
        offered: Sequence[Column[Any]],
        shown: Sequence[str],
        usual: Sequence[str],
        apply: Apply,
    ) -> None:
        """Offer columns.

        Args:
            offered: All there are.
            shown: The keys of those that are shown, in their order; they come first.
            usual: Those that are shown until others are chosen.
            apply: Is given the keys of those to be shown, whenever they change.
        """
        super().__init__()
        self._labels = {one.key: one.label for one in offered}
        self._usual, self._apply = usual, apply
        self._choices = self._listed(shown)

    def _listed(self, shown: Sequence[str]) -> list[Choice]:
        first = [key for key in shown if key in self._labels]
        rest = [key for key in self._labels if key not in first]
        return [Choice(key, self._labels[key], key in first) for key in (*first, *rest)]

    def compose(self) -> ComposeResult:
        """Lay out the list."""
        with Vertical(id="columns"):
            yield Static(id="title", markup=False)
            yield Table[Choice](lambda choice: choice.key, place="rows", id="choices")
        yield KeyLine()

    def on_mount(self) -> None:
        """List the columns."""
        self._table.set_columns(_COLUMNS, sort="")
        self._show()
        self._table.focus()
        self.query_one(KeyLine).show(key_line("columns", "app"), leaving="close")

    def on_resize(self, event: events.Resize) -> None:
        """Make the list as long as there is room for."""
        rows = min(len(self._choices) + 1, max(event.size.height - AROUND, 3))
        self._table.styles.height = rows

    @property
    def _table(self) -> Table[Choice]:
        return self.query_one("#choices", Table)

    def _show(self) -> None:
        self._table.show(self._choices)
        count = sum(one.shown for one in self._choices)
        self.query_one("#title", Static).update(f"Columns: {count} of {len(self._choices)} shown")

    def _change(self, choices: list[Choice]) -> None:
        """Take another choice over, unless nothing would be left of the table."""
        current = self._table.current
        keys = [one.key for one in choices if one.shown]
        if not keys:
            self.notify("one column has to stay", markup=False)
            return
        self._choices = choices
        self._show()
        if current is not None:
            self._table.go_to(current.key)
        self._apply(keys)

    def step_back(self) -> bool:
        """There is nothing to undo before this closes."""
        return False

    @on(Table.Opened, "#choices")
    def action_done(self) -> None:
        """Go back to the table."""
        if self.app.screen is self:  # two keys may come in one lot
            self.dismiss()

    def action_switch(self) -> None:
        """Show or hide the column under the cursor, and go on to the next."""
        chosen = self._table.current
        if chosen is None:
            return
        self._change(
            [Choice(one.key, one.label, one.shown != (one == chosen)) for one in self._choices]
        )
        self._table.action_cursor(1)

    def action_move(self, step: int) -> None:
        """Move the column under the cursor to the right (1) or left (-1)."""
        chosen = self._table.current
        if chosen is None:
            return
        place = self._choices.index(chosen)
        wanted = place + step
        if 0 <= wanted < len(self._choices):
            moved = list(self._choices)
            moved.insert(wanted, moved.pop(place))
            self._change(moved)

    def action_usual(self) -> None:
        """Show the columns that are shown until others are chosen."""
        self._change(self._listed(self._usual))


_COLUMNS = [
    Column[Choice](
        "shown",
        "",
        1,
        lambda one: ("✓" if one.shown else " ", "completed" if one.shown else "dim"),
    ),
    Column[Choice](
        "label",
        "column",
        24,
        lambda one: (clean(one.label), "" if one.shown else "dim"),
        grows=True,
    ),
    Column[Choice]("field", "in the filter", 24, lambda one: (clean(one.field), "dim"), grows=True),
]
