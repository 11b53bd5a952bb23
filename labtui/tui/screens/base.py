"""What all screens of a lab have in common: following it, and saying so when that fails."""

from __future__ import annotations

import asyncio
import contextlib
from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual import events, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget

from labtui.store.errors import LabError, NoLab, NotALab, UnknownName
from labtui.tui.actions import CHAINS, can_do, key_line
from labtui.tui.screens.painting import PaintedOnce
from labtui.tui.widgets.card import Card, TooSmall
from labtui.tui.widgets.keyline import KeyLine
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from labtui.tui.keys import Action
    from labtui.tui.reader import Pulse, Reader

SMALLEST = (60, 15)
"""Columns and rows below which nothing is shown."""

BEAT = 0.25
"""Seconds between two looks at the lab: screens change at most that often."""

HELD = 0.1
"""Seconds that an empty screen waits for what it is to show: painting it takes half as long, and
what comes within a tenth of a second is seen as at once."""

LONG = 0.5
"""Seconds after which an empty screen says that it reads: what comes sooner would only flash, and
taking the words away again lays the whole screen out anew."""


class LiveScreen(PaintedOnce):
    """Follows the lab while it is shown."""

    AUTO_FOCUS = ""
    DEFAULT_CSS = """
    LiveScreen {
        layers: base cover;
        &.-carded #body { display: none; }
        &.-carded Card { display: block; }
        &.-too-small TooSmall { display: block; }
        & Card { display: none; }
        & > #body { visibility: hidden; }
        & > #body > * { visibility: visible; }
    }
    """

    chain_name = ""
    leaving = "back"

    def __init__(self, reader: Reader) -> None:
        """Follow the lab of a reader."""
        super().__init__()
        self.reader = reader
        self._begun = self._was_shown = False
        self._is_empty = True
        self._styled_for = ""
        self._too_small = TooSmall()

    def compose(self) -> ComposeResult:
        """Lay out the body, what takes its place, and the key line."""
        with Vertical(id="body"):
            yield from self.compose_body()
        yield Card()
        yield KeyLine()

    @abstractmethod
    def compose_body(self) -> Iterable[Widget]:
        """Lay out what the screen is about."""

    @property
    def is_due(self) -> bool:
        """Say whether to read again though nothing was written since."""
        return False

    @abstractmethod
    async def follow(self, pulse: Pulse) -> None:
        """Read what is new and show it."""

    def on_mount(self) -> None:
        """Follow focus and keys; once, though Textual calls this besides the subclass's own."""
        if self._begun:
            return
        self._begun = True
        self.watch(self, "focused", self.show_keys, init=False)
        self.bindings_updated_signal.subscribe(self, lambda _: self.show_keys())
        self._styled_for = self.app.theme

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        """Begin to follow the lab; what was just laid out has its styles already."""
        if self._was_shown:
            return
        self._was_shown = True
        event.refresh_styles = self._styled_for != self.app.theme
        self.hold()
        self.show_keys()
        self._watch_lab()

    def on_unmount(self) -> None:
        """Let go of what was painted."""
        if (left := getattr(self.app, "left", None)) is not None:
            left()

    @work(exclusive=True, group="pulse", exit_on_error=False)
    async def _watch_lab(self) -> None:
        last = await self._first_beat()
        if (let_go := getattr(self.app, "let_go", None)) is not None:
            self.call_after_refresh(let_go, self)
        while True:
            await asyncio.sleep(BEAT)
            if self.is_active or last is None:
                last = await self._beat(last)

    async def _first_beat(self) -> Pulse | None:
        """Show what there is; it is painted with the screen, unless it is long in coming."""
        beat = asyncio.create_task(self._beat(None))
        await asyncio.wait([beat], timeout=HELD)
        self.paint()
        done, _ = await asyncio.wait([beat], timeout=LONG - HELD)
        if not done and self._is_empty:
            self.say_reading()
        return await beat

    def say_reading(self) -> None:
        """Put a card in the place of the body: it is being read."""
        if (card := self._card) is not None:
            card.say("Reading the lab…", "", "")
            self.add_class("-carded")

    async def show_first(self) -> None:
        """Have what is known by now painted, before what takes longer is read."""
        self._is_empty = False
        self.remove_class("-carded")
        self.paint()
        painted = asyncio.Event()
        self.call_after_refresh(painted.set)
        with contextlib.suppress(TimeoutError):  # it may be below another screen by now
            await asyncio.wait_for(painted.wait(), HELD)

    async def _beat(self, last: Pulse | None) -> Pulse | None:
        """Show what changed since `last`; None when the lab could not be read."""
        try:
            pulse = await self.reader.pulse()
            if pulse != last or self.is_due:
                await self.follow(pulse)
                self.remove_class("-carded")
                self.settle_focus()
        except LabError as error:
            self.say_error(error)
            return None
        except Exception as error:  # following goes on: the next look may succeed
            self.log.error(error)
            self.say_unexpected(error)
            return None
        return pulse

    def say_unexpected(self, error: Exception) -> None:
        """Put a card in the place of the body: something broke that is not the lab."""
        what = clean(f"{type(error).__name__}: {error}")
        if (card := self._card) is not None:
            card.say(
                "This cannot be shown",
                what,
                "The run is not affected; the commands show the same · {app.leave} goes back",
                alarm=True,
            )
            self.add_class("-carded")

    @property
    def _card(self) -> Card | None:
        """The card in the place of the body; None once the screen was left."""
        return next((one for one in self.children if isinstance(one, Card)), None)

    def say_error(self, error: LabError) -> None:
        """Put a card in the place of the body: what is wrong, and the next step."""
        card = self._card
        if card is None:
            return
        if isinstance(error, NoLab):
            card.say(
                "No lab yet",
                clean(f"{self.reader.paths.db} will hold the studies, their trials and curves."),
                "Start a first study in another terminal; it appears here:\n\n"
                "labtui run sample_studies/digits_optimizers.yaml",
            )
        else:
            title, step = _TITLES.get(type(error), _BROKEN)
            card.say(title, clean(str(error)), step, alarm=True)
        self.add_class("-carded")

    @property
    def topic(self) -> str:
        """What the help is about; see `labtui.tui.guide.TOPICS`."""
        return self.chain_name

    @property
    def twin(self) -> str:
        """The command that says the same as this screen, to be copied."""
        return "labtui list"

    # -- focus and keys ---------------------------------------------------------------------

    def settle_focus(self) -> None:
        """Give the focus to the first widget that takes it, when nothing has it."""
        if self.focused is None:
            self.focus_next()

    def show_keys(self) -> None:
        """Show the keys of what has the focus."""
        place = getattr(self.focused, "place", "app")
        chain = next((c for c in CHAINS[self.chain_name] if c[0] == place), ("app",))
        shown = key_line(*chain, offered=lambda one: can_do(self, one) and self.matters(one))
        self.query_one(KeyLine).show(shown, leaving=self.leaving)

    def matters(self, action: Action) -> bool:
        """Say whether what can be done is worth a place in the key line as things are."""
        return True

    def step_back(self) -> bool:
        """Undo something that hides a part of the screen; False when there is nothing to undo."""
        return False

    def on_resize(self, event: events.Resize) -> None:
        """Say so when there is no room."""
        width, height = event.size
        self.set_class(width < SMALLEST[0] or height < SMALLEST[1], "-too-small")
        if self.has_class("-too-small"):
            if not self._too_small.is_attached:
                self.mount(self._too_small)
            self._too_small.update(
                f"labtui needs {SMALLEST[0]}x{SMALLEST[1]}\nthis is {width}x{height}"
            )
        self.settle_focus()


_BROKEN = ("The lab cannot be read", "labtui tries again by itself · {app.leave} goes back")
_TITLES = {
    NotALab: (
        "This file is not a lab",
        "Name another one: labtui --lab PATH · {app.leave} goes back",
    ),
    UnknownName: ("No such study", "{app.leave} goes back to the list"),
}
