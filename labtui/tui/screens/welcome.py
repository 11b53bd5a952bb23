"""The card that opens with the tour: what there is to try."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from labtui.tour.tasks import TASKS
from labtui.tui.actions import NAMED, bindings, key_of

INTRO = "Studies of small networks, run for this tour. The copy is yours."


class WelcomeScreen(ModalScreen[None]):
    """Says what there is to try; any key closes it."""

    CSS_PATH = "welcome.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("welcome")
    chain_name = "welcome"

    def compose(self) -> ComposeResult:
        """Lay out the card."""
        with VerticalScroll(id="welcome", can_focus=False) as card:
            card.border_title = "labtui tour"
            card.border_subtitle = self._with_keys("any key closes · {app.tour} shows it again")
            yield Static(INTRO, id="intro")
            yield Static(Content("\n").join(self._tasks()), id="tasks")

    def _tasks(self) -> Iterator[Content]:
        for number, task in enumerate(TASKS, 1):
            yield Content.assemble(
                (f"{number}  ", "$text-primary bold"), (task.what, "$foreground bold")
            )
            yield Content.assemble("   ", self._with_keys(task.how))

    def _with_keys(self, text: str) -> Content:
        """Write the keys of the actions that a text names."""
        words = enumerate(NAMED.split(text))  # every other one is the name of an action
        return Content.assemble(
            *((key_of(one), "$text-accent bold") if odd % 2 else one for odd, one in words)
        )

    def on_key(self, event: events.Key) -> None:
        """Close at any key, which does nothing else."""
        event.stop()
        event.prevent_default()
        self.action_begin()

    def on_click(self) -> None:
        """Close at a click."""
        self.action_begin()

    def action_begin(self) -> None:
        """Close the card."""
        if self.app.screen is self:  # two keys may come in one lot
            self.dismiss()
