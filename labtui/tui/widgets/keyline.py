"""The line at the bottom: the keys that matter where the focus is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from labtui.tui.keys import Action, rebound
from labtui.tui.widgets.lazy import LazyStyles


class KeyLine(LazyStyles, Widget):
    """Shows actions with their keys; a click does the same as the key."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"keyline--key", "keyline--word"}
    DEFAULT_CSS = """
    KeyLine {
        dock: bottom;
        height: 1;
        padding: 0 1;
        background: $footer-background;
        & .keyline--key { color: $footer-key-foreground; text-style: bold; }
        & .keyline--word { color: $footer-description-foreground; }
    }
    """

    shown: reactive[tuple[Action, ...]] = reactive(())

    def show(self, actions: Sequence[Action], *, leaving: str) -> None:
        """Show these actions, with the keys that the person chose for them.

        Args:
            actions: In the order in which they stand there.
            leaving: What `q` does here.
        """
        chosen = getattr(getattr(self.app, "settings", None), "keymap", {})
        self.shown = tuple(
            replace(rebound(action, chosen), description=leaving)
            if action.id == "app.leave"
            else rebound(action, chosen)
            for action in actions
        )

    def render_line(self, y: int) -> Strip:
        """Draw as many keys as fit; help and the way out always, apart on the right."""
        key = self.get_component_rich_style("keyline--key")
        word = self.get_component_rich_style("keyline--word")
        here: list[Segment] = []
        everywhere: list[Segment] = []
        for action in self._fitting():
            shown = action.keys.split()[0]
            click = Style.from_meta({"@click": action.target})
            pieces = here if action.where != "app" else everywhere
            pieces.append(Segment(shown, key + click))
            pieces.append(Segment(f" {action.description}", word + click))
            pieces.append(Segment("  ", word))
        right = Strip(everywhere[:-1])
        room = max(self.size.width - right.cell_length, 0) if here else 0
        left = Strip(here).adjust_cell_length(room, word)
        return Strip.join([left, right]).adjust_cell_length(self.size.width, word)

    def _fitting(self) -> list[Action]:
        kept = list(self.shown)
        others = [action for action in kept if action.where != "app"]
        while others and sum(map(_length, kept)) - 2 > self.size.width:
            kept.remove(others.pop())
        return kept


def _length(action: Action) -> int:
    return len(action.keys.split()[0]) + len(action.description) + 3
