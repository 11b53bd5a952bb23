"""The panes of a study: which are on screen, which has the focus, and what their frames say."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from labtui.tui import layout
from labtui.tui.widgets.figures import FigurePane
from labtui.tui.widgets.table import Table
from labtui.tui.widgets.textpane import TextPane
from labtui.tui.widgets.trials import TrialTable
from labtui.verdicts.tables import ArmRow

EXAMPLES = "state:infeasible  arm:adam  lr<1e-3  or a word"


class FilterLine(Input):
    """The line in which the filter is written."""

    place = "filter"


class Deck(Vertical):
    """Arranges the panes by the room there is.

    Attributes:
        active: The pane that has the focus.
        chart: The chart that was looked at last.
        zoomed: The active pane has all the room.
    """

    class Arranged(Message):
        """Other panes are on screen than before."""

    def __init__(self, *, id: str) -> None:
        """Begin with the trials."""
        super().__init__(id=id)
        self.active = "trials"
        self.chart = "curves"
        self.zoomed = False
        self._captions: dict[str, tuple[str, str]] = {}
        self._said: tuple[str, bool, dict[str, tuple[str, str]]] | None = None
        self._room = Size(0, 0)
        self._visible: frozenset[str] = frozenset()

    def compose(self) -> ComposeResult:
        """Lay out the names of the panes, and the panes."""
        yield Static(id="tabs")
        with Horizontal(id="panes"):
            with Vertical(id="left"):
                with Vertical(id="trials", classes="pane"):
                    yield TrialTable(id="trials-table")
                    yield Static(id="filter-problem")
                    yield FilterLine(placeholder=EXAMPLES, compact=True, id="filter")
                with Vertical(id="arms", classes="pane"):
                    yield Table[ArmRow](lambda row: row.arm, place="table", id="arms-table")
                with Vertical(id="roles", classes="pane"):
                    yield TextPane(place="text", id="roles-text")
                with Vertical(id="verdict", classes="pane"):
                    yield TextPane(place="text", id="verdict-text")
            with Vertical(id="right"):
                yield FigurePane(id="curves")
                yield FigurePane(id="axis")
                yield FigurePane(id="figures")

    @property
    def figures(self) -> FigurePane:
        """The chart that was looked at last, with its figures."""
        return self.query_one(f"#{self.chart}", FigurePane)

    def is_shown(self, name: str) -> bool:
        """Say whether a pane is on screen."""
        return name in self._visible

    def fit_into(self, room: Size) -> None:
        """Show the panes that fit into a screen of a size."""
        self._room = room
        shown = layout.visible(
            room.width, room.height, active=self.active, chart=self.chart, zoomed=self.zoomed
        )
        for name in layout.PANES:
            self.query_one(f"#{name}").set_class(name not in shown, "-gone")
        charts = set(layout.CHARTS)
        self.query_one("#left").set_class(not shown - charts, "-gone")
        self.query_one("#right").set_class(not shown & charts, "-gone")
        self.set_class(layout.stacked(room.width), "-stacked")
        self.set_class(len(shown) == 1, "-alone")
        self.set_class(len(shown) > 1, "-bordered")
        self.label()
        if shown != self._visible:
            self._visible = shown
            self.post_message(self.Arranged())

    def show(self, name: str) -> None:
        """Go to a pane."""
        self._activate(name)
        for widget in self.query_one(f"#{name}").query("*"):
            if widget.focusable:
                widget.focus()
                return

    def step(self, step: int) -> None:
        """Go to the next or previous pane."""
        place = layout.PANES.index(self.active)
        self.show(layout.PANES[(place + step) % len(layout.PANES)])

    def zoom(self) -> None:
        """Give all the room to the active pane, or take it back."""
        self.zoomed = not self.zoomed
        self.fit_into(self._room)

    def follow_focus(self, focused: Widget | None) -> None:
        """Make the pane active that the focus moved into."""
        ancestors = focused.ancestors_with_self if focused is not None else []
        name = next((node.id for node in ancestors if node.id in layout.PANES), None)
        if name is not None and name != self.active:
            self._activate(name)

    def _activate(self, name: str) -> None:
        self.active = name
        if name in layout.CHARTS:
            self.chart = name
        self.fit_into(self._room)

    # -- what the frames say ----------------------------------------------------------------

    def caption(self, name: str, counter: str, note: str) -> None:
        """Set what is said of a pane: how many of what, and what is shown."""
        self._captions[name] = counter, note

    def label(self) -> None:
        """Write the names of the panes on the line above, and into their frames."""
        for name in layout.CHARTS:
            pane = self.query_one(f"#{name}", FigurePane)
            self.caption(name, pane.counter, pane.note)
        said = self.active, self.has_class("-alone"), dict(self._captions)
        if said == self._said:
            return
        self._said = said
        for name in layout.PANES:
            counter, note = self._captions.get(name, ("", ""))
            frame = self.query_one(f"#{name}")
            frame.border_title = Content(f"{name} {counter}".strip())
            frame.border_subtitle = Content(note)
        self.query_one("#tabs", Static).update(self._tabs(), layout=False)

    def _tabs(self) -> Content:
        parts: list[str | tuple[str, str]] = []
        for place, name in enumerate(layout.PANES, 1):
            active = name == self.active
            style = "$text-primary bold reverse" if active else "$text-muted"
            words = f" {place} {name} " if active else f"{place} {name}"
            parts += [(words, f"{style} @click=screen.show('{name}')"), " "]
        if self.has_class("-alone"):
            counter, note = self._captions.get(self.active, ("", ""))
            what = " trials" if self.active == "trials" and counter else ""
            room = self._room.width - 2 - sum(len(p if isinstance(p, str) else p[0]) for p in parts)
            short = f"{counter}{what}"
            said = f"{short}  {note}".rstrip()
            parts.append((f" {said if len(said) < room else short}", "$text-muted"))
        return Content.assemble(*parts)
