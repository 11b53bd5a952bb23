"""The panes of a trial: which are on screen, which has the focus, and what their frames say."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from labtui.tui.layout import BESIDE, FULL, NARROW, TALL, stacked
from labtui.tui.widgets.figures import Figures, StudyChart
from labtui.tui.widgets.output import OutputPane
from labtui.tui.widgets.textpane import TextPane

TABS = ("facts", "curves", "parameters", "log")
"""In the order of their keys, 1 and up."""

LEFT = ("facts", "parameters")
"""Texts; curves and the log have the right half of a wide screen."""

LEAST = (40, 10)
"""Fewest columns and rows of one chart of several: their legends name a split, not a trial."""

WHY_FITS = 22
"""Rows of a screen from which the facts of a trial that blew up have room for a chart."""


def visible(
    width: int, height: int, *, active: str, left: str, right: str, zoomed: bool = False
) -> frozenset[str]:
    """Choose the panes to show.

    Args:
        width: Columns of the screen.
        height: Rows of the screen.
        active: The pane that has the focus.
        left: The one of the left half that was looked at last.
        right: The one of the right half that was looked at last.
        zoomed: The active pane has the screen for itself.
    """
    if zoomed or width < NARROW or (width < BESIDE and height < TALL):
        return frozenset({active})
    if width >= FULL and height >= TALL:
        return frozenset({*LEFT, right})
    return frozenset({left, right})


class TrialDeck(Vertical):
    """Arranges the panes by the room there is.

    Attributes:
        active: The pane that has the focus.
        zoomed: The active pane has all the room.
        blown_up: The facts begin with a chart where they are alone on the screen.
    """

    class Arranged(Message):
        """Other panes are on screen than before."""

    def __init__(self, *, id: str) -> None:
        """Begin with the facts."""
        super().__init__(id=id)
        self.active = self._left = "facts"
        self._right = "curves"
        self.zoomed = False
        self.blown_up = False
        self._notes: dict[str, tuple[str, str]] = {}
        self._said: object = None
        self._room = Size(0, 0)
        self._visible: frozenset[str] = frozenset()
        self.why = StudyChart(id="why")
        self.grid = Figures(id="grid", cell=LEAST)
        self.output = OutputPane(id="output-pane")

    def compose(self) -> ComposeResult:
        """Lay out the names of the panes, and the panes."""
        self.why.can_focus = False
        yield Static(id="tabs")
        with Horizontal(id="panes"):
            with Vertical(id="left"):
                with Vertical(id="facts", classes="pane"):
                    yield self.why
                    yield TextPane(place="text", id="facts-text")
                with Vertical(id="parameters", classes="pane"):
                    yield TextPane(place="text", id="parameters-text")
            with Vertical(id="right"):
                with Vertical(id="curves", classes="pane"):
                    yield self.grid
                with Vertical(id="log", classes="pane"):
                    yield self.output

    def is_shown(self, name: str) -> bool:
        """Say whether a pane is on screen."""
        return name in self._visible

    @property
    def shows_why(self) -> bool:
        """Whether the chart of a trial that blew up stands above its facts."""
        alone = self._visible == {"facts"}
        return self.blown_up and alone and self._room.height >= WHY_FITS

    def fit_into(self, room: Size) -> None:
        """Show the panes that fit into a screen of a size."""
        self._room = room
        shown = visible(
            room.width,
            room.height,
            active=self.active,
            left=self._left,
            right=self._right,
            zoomed=self.zoomed,
        )
        changed, self._visible = shown != self._visible, shown
        for name in TABS:
            self.query_one(f"#{name}").set_class(name not in shown, "-gone")
        self.query_one("#left").set_class(not shown & set(LEFT), "-gone")
        self.query_one("#right").set_class(not shown - set(LEFT), "-gone")
        self.why.set_class(not self.shows_why, "-gone")
        self.set_class(stacked(room.width), "-stacked")
        self.set_class(len(shown) == 1, "-alone")
        self.set_class(len(shown) > 1, "-bordered")
        self.label()
        if changed:
            self.post_message(self.Arranged())

    def show(self, name: str) -> None:
        """Go to a pane."""
        self._activate(name)
        self._target(name).focus()

    def step(self, step: int) -> None:
        """Go to the next or previous pane."""
        self.show(TABS[(TABS.index(self.active) + step) % len(TABS)])

    def zoom(self) -> None:
        """Give all the room to the active pane, or take it back."""
        self.zoomed = not self.zoomed
        self.fit_into(self._room)

    def follow_focus(self, focused: Widget | None) -> None:
        """Make the pane active that the focus moved into."""
        ancestors = focused.ancestors_with_self if focused is not None else []
        name = next((node.id for node in ancestors if node.id in TABS), None)
        if name is not None and name != self.active:
            self._activate(name)

    def _target(self, name: str) -> Widget:
        if name == "curves":
            return self.grid.chart
        return self.output.view if name == "log" else self.query_one(f"#{name}-text")

    def _activate(self, name: str) -> None:
        self.active = name
        if name in LEFT:
            self._left = name
        else:
            self._right = name
        self.fit_into(self._room)

    # -- what the frames say ----------------------------------------------------------------

    def note(self, name: str, counter: str, note: str = "") -> None:
        """Set what is said of a pane: how many of what, and what is shown."""
        if self._notes.get(name) != (counter, note):
            self._notes[name] = counter, note
            self.label()

    def label(self) -> None:
        """Write the names of the panes on the line above, and into their frames."""
        said = self.active, self.has_class("-alone"), self._room.width, dict(self._notes)
        if said == self._said:
            return
        self._said = said
        for name in TABS:
            counter, note = self._notes.get(name, ("", ""))
            frame = self.query_one(f"#{name}")
            frame.border_title = Content(f"{name} {counter}".strip())
            frame.border_subtitle = Content(note)
        self.query_one("#tabs", Static).update(self._tabs(), layout=False)

    def _tabs(self) -> Content:
        parts: list[str | tuple[str, str]] = []
        for place, name in enumerate(TABS, 1):
            active = name == self.active
            style = "$text-primary bold reverse" if active else "$faded"
            words = f" {place} {name} " if active else f"{place} {name}"
            parts += [(words, f"{style} @click=screen.show('{name}')"), " "]
        if self.has_class("-alone"):
            said = " ".join(filter(None, self._notes.get(self.active, ())))
            room = self._room.width - 2 - sum(len(p if isinstance(p, str) else p[0]) for p in parts)
            if len(said) < room:
                parts.append((f" {said}", "$faded"))
        return Content.assemble(*parts)
