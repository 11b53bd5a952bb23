"""The panes of a study: which are on screen, which has the focus, and what their frames say."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from labtui.tui import layout
from labtui.tui.panes.base import Caption, ChartPane, Pane

ROOMY = 96
"""Columns from which the names of all panes are written out."""

SHORT = {"isolation": "isol", "stability": "stab"}
"""Names that are shortened below that, so that a count has room."""

NAMED = 76
"""Columns below which the line holds the name of one pane only, and the keys of the others."""


class Deck(Vertical):
    """Arranges the panes by the room there is.

    Attributes:
        active: The pane that has the focus.
        words: The pane of words or tables that was looked at last.
        chart: The chart that was looked at last.
        zoomed: The active pane has all the room.
    """

    class Arranged(Message):
        """Other panes are on screen than before."""

    def __init__(self, panes: Sequence[Pane], *, id: str) -> None:
        """Arrange these panes, in their order."""
        super().__init__(id=id)
        self.panes = {pane.name_of_pane: pane for pane in panes}
        self.active = self.words = "verdict"
        self.chart = "curves"
        self.zoomed = False
        self._said: tuple[str, bool, list[Caption]] | None = None
        self._room = Size(0, 0)
        self._visible: frozenset[str] = frozenset()

    def compose(self) -> ComposeResult:
        """Lay out the names of the panes, and those that are seen at once; others come later."""
        self._room = self.app.size
        shown = self._choose()
        self._dress(shown, update=False)
        self._visible = shown
        first = [pane for name, pane in self.panes.items() if pane.eager or name in shown]
        left = Vertical(*(one for one in first if not one.is_chart), id="left")
        right = Vertical(*(one for one in first if one.is_chart), id="right")
        self._sides = (left, right)
        self._dress_sides(shown, update=False)
        yield Static(id="tabs")
        with Horizontal(id="panes"):
            yield left
            yield right

    @property
    def charts(self) -> ChartPane:
        """The pane of charts that was looked at last."""
        pane = self.panes[self.chart]
        assert isinstance(pane, ChartPane)
        return pane

    def is_shown(self, name: str) -> bool:
        """Say whether a pane is on screen."""
        return name in self._visible

    def fit_into(self, room: Size) -> None:
        """Show the panes that fit into a screen of a size."""
        self._room = room
        shown = self._choose()
        self._lay_out(shown)
        self._dress(shown)
        self._dress_sides(shown)
        self.label()
        if shown != self._visible:
            self._visible = shown
            self.post_message(self.Arranged())

    def _choose(self) -> frozenset[str]:
        return layout.visible(
            self._room.width,
            self._room.height,
            active=self.active,
            words=self.words,
            chart=self.chart,
            zoomed=self.zoomed,
        )

    def _lay_out(self, shown: frozenset[str]) -> None:
        """Mount panes that are looked at for the first time, each at its place."""
        for name in shown:
            pane = self.panes[name]
            if not pane.is_attached:
                side = self._sides[pane.is_chart]
                places = list(self.panes.values())
                later = places[places.index(pane) :]
                side.mount(pane, before=next((one for one in side.children if one in later), None))

    def _dress(self, shown: frozenset[str], *, update: bool = True) -> None:
        """Say by classes which panes are on screen; those not laid out are not styled yet."""
        for name, pane in self.panes.items():
            pane.is_shown = name in shown
            pane.set_class(name not in shown, "-gone", update=update and pane.is_attached)
        self.set_class(layout.stacked(self._room.width), "-stacked", update=update)
        self.set_class(len(shown) == 1, "-alone", update=update)
        self.set_class(len(shown) > 1, "-bordered", update=update)

    def _dress_sides(self, shown: frozenset[str], *, update: bool = True) -> None:
        left, right = self._sides
        left.set_class(not shown - set(layout.CHARTS), "-gone", update=update)
        right.set_class(not shown & set(layout.CHARTS), "-gone", update=update)

    def show(self, name: str) -> None:
        """Go to a pane."""
        self._activate(name)
        self.panes[name].take_focus()

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
        name = next((node.name_of_pane for node in ancestors if isinstance(node, Pane)), None)
        if name is not None and name != self.active:
            self._activate(name)

    def _activate(self, name: str) -> None:
        self.active = name
        if name in layout.CHARTS:
            self.chart = name
        else:
            self.words = name
        self.fit_into(self._room)

    # -- what the frames say ----------------------------------------------------------------

    def label(self) -> None:
        """Write the names of the panes on the line above, and into their frames."""
        captions = [pane.caption for pane in self.panes.values()]
        said = self.active, self.has_class("-alone"), captions
        if said == self._said:
            return
        self._said = said
        for (name, pane), caption in zip(self.panes.items(), captions, strict=True):
            pane.border_title = Content(f"{name} {caption.counter}".strip())
            pane.border_subtitle = Content(caption.note)
        self.query_one("#tabs", Static).update(self._tabs(), layout=False)

    def _tabs(self) -> Content:
        parts: list[str | tuple[str, str]] = []
        for place, name in enumerate(self.panes, 1):
            active = name == self.active
            style = "$text-primary bold reverse" if active else "$faded"
            known = name if active or self._room.width >= ROOMY else SHORT.get(name, name)
            known = known if self._room.width >= NAMED else ""
            words = f" {place} {name} " if active else f"{place} {known}".rstrip()
            parts += [(words, f"{style} @click=screen.show('{name}')"), " "]
        if self.has_class("-alone"):
            parts.append((self._of_active(parts), "$faded"))
        return Content.assemble(*parts)

    def _of_active(self, parts: Sequence[str | tuple[str, str]]) -> str:
        """Say what the frame of the only pane would say, in the room that is left."""
        caption = self.panes[self.active].caption
        room = self._room.width - 2 - sum(len(p if isinstance(p, str) else p[0]) for p in parts)
        counter = caption.counter
        longest = (f"{counter}  {caption.note}".strip(), counter, counter.partition(" ")[0])
        return next((f" {one}" for one in longest if len(one) < room), "")
