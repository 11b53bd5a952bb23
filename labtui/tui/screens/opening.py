"""What is seen until the screen of the lab is loaded: the frame, painted at once."""

from __future__ import annotations

from pathlib import Path

from textual.app import ComposeResult
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from labtui.tui.actions import at
from labtui.tui.widgets.card import Card
from labtui.tui.widgets.keyline import KeyLine
from labtui.verdicts.text import clean


class OpeningScreen(Screen[None]):
    """Names the lab that is being opened; the keys of the app work."""

    AUTO_FOCUS = ""
    DEFAULT_CSS = """
    OpeningScreen > #where { height: 1; padding: 0 1; background: $panel; }
    """

    def __init__(self, lab: Path) -> None:
        """Name the file of the lab."""
        super().__init__()
        self.lab = lab

    def compose(self) -> ComposeResult:
        """Lay out the line above, what is under way, and the key line."""
        yield Static(where(self.lab, self.app.size.width - 2), id="where")
        yield Card()
        yield KeyLine()

    def on_mount(self) -> None:
        """Say what is under way, and which keys work."""
        self.query_one(Card).say("Reading the lab…", "", "")
        keys = sorted((one for one in at("app") if one.rank), key=lambda one: one.rank)
        self.query_one(KeyLine).show(keys, leaving="quit")


def where(lab: Path, room: int) -> Content:
    """Name a lab; of a long path the end is what tells it from others.

    Args:
        lab: Its file.
        room: Cells.
    """
    path = clean(str(lab))
    room -= len("labtui  ")
    shown = path if len(path) <= room else f"…{path[-room + 1 :]}" if room > 1 else ""
    return Content.assemble(("labtui", "$text-primary bold"), f"  {shown}")
