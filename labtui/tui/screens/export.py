"""What has the focus as files: which, and where they were written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from labtui.tui.actions import app_keys, bindings, key_line
from labtui.tui.exporting import Exports, write_beside
from labtui.tui.widgets.columns import Column
from labtui.tui.widgets.keyline import KeyLine
from labtui.tui.widgets.table import Table
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from textual.app import App

KINDS = {
    ".csv": "table for a spreadsheet",
    ".json": "table for a program",
    ".svg": "picture",
    ".txt": "plain text",
    ".md": "text with headings",
    ".yaml": "study file",
}
"""What an extension is, in words."""

PICTURE = "screen.svg"
"""The whole screen as it looks."""


@dataclass(frozen=True)
class Offer:
    """One file that can be written."""

    name: str
    make: Callable[[], str]

    @property
    def kind(self) -> str:
        """What it is, in words."""
        if self.name.endswith(PICTURE):
            return "the whole screen, as it looks"
        return KINDS.get(Path(self.name).suffix, "file")


def offers(app: App[Any], screen: Screen[Any]) -> list[Offer]:
    """Give what the focused widget of a screen can be written as, and the screen itself.

    The picture is taken here, while nothing covers the screen.
    """
    from labtui.study.spec import slug

    about = getattr(screen, "name_of_study", None) or getattr(screen, "trial", None)
    begin = f"{slug(str(about))}-" if about else ""
    give = getattr(screen.focused, "exports", None)
    found: Exports = give() if give is not None else {}
    picture = app.export_screenshot(title=clean(str(about or "labtui")))
    return [
        *(Offer(f"{begin}{name}", make) for name, make in found.items()),
        Offer(f"{begin}{PICTURE}", lambda: picture),
    ]


class ExportScreen(ModalScreen[None]):
    """Offers files, and writes the one that is chosen."""

    CSS_PATH = "export.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("export"), *app_keys()]
    chain_name = "export"
    topic = "export"

    def __init__(self, found: list[Offer]) -> None:
        """Offer these files."""
        super().__init__()
        self._offers = found

    def compose(self) -> ComposeResult:
        """Lay out the list, and where the files go."""
        with Vertical(id="export"):
            yield Static("Export what is shown", id="title")
            yield Table[Offer](lambda offer: offer.name, place="rows", id="offers")
            yield Static(f"into {clean(str(Path.cwd()))}", id="where", markup=False)
            yield Static(id="problem", markup=False)
        yield KeyLine()

    def on_mount(self) -> None:
        """List the files."""
        table = self.query_one("#offers", Table)
        longest = max(len(offer.name) for offer in self._offers)
        table.set_columns(
            [
                Column("name", "file", min(longest, 36), lambda one: (one.name, "")),
                Column("kind", "what it is", 26, lambda one: (one.kind, "dim"), grows=True),
            ],
            sort="",
        )
        table.show(self._offers)
        table.styles.height = len(self._offers) + 1
        table.focus()
        self.query_one(KeyLine).show(key_line("export", "app"), leaving="close")

    def step_back(self) -> bool:
        """There is nothing to undo before this closes."""
        return False

    @on(Table.Opened, "#offers")
    def action_write(self) -> None:
        """Write the chosen file, and say where it is."""
        offer = self.query_one("#offers", Table).current
        if offer is None or self.app.screen is not self:  # two keys may come in one lot
            return
        try:
            file = write_beside(Path.cwd(), offer.name, offer.make())
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            self._complain(f"{place}{error.strerror or error}")
        except Exception as error:  # said here: the screen below goes on
            self._complain(f"{offer.name} cannot be made: {type(error).__name__}: {error}")
        else:
            self.dismiss()
            self.app.notify(clean(str(file)), title="Written", markup=False)

    def _complain(self, what: str) -> None:
        self.query_one("#problem", Static).update(f"✗ {clean(what)}")
