"""What to conclude from the figures above, a row each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from labtui.tui.acting import act_on
from labtui.tui.widgets.figures import COLUMNS, ROWS

if TYPE_CHECKING:
    from labtui.verdicts.figure_words import Words

STYLES = {
    "▲": "$text-error bold",
    "!": "$text-warning bold",
    "i": "$text-primary bold",
    "✓": "$text-success bold",
}
"""Of the signs; they only repeat what these say."""

FEW = 2
"""Figures up to which a sentence has two rows: of more, the figures need them."""


class WordsLine(Vertical):
    """Says a sentence below each figure on screen."""

    DEFAULT_CSS = """
    WordsLine {
        height: auto;
        & > Static { height: auto; max-height: 2; display: none; }
        & > Static.-said { display: block; }
        &.-many > Static, &.-short > Static {
            max-height: 1;
            text-wrap: nowrap;
            text-overflow: ellipsis;
        }
    }
    """

    def compose(self) -> ComposeResult:
        """Lay out a row for each figure."""
        for _ in range(COLUMNS * ROWS):
            yield Static()

    def say(self, told: Sequence[tuple[str, Words]]) -> None:
        """Say sentences, each with the title of its figure; of a single one it is above already."""
        self.set_class(len(told) > FEW, "-many")
        for place, row in enumerate(self.query(Static)):
            row.set_class(place < len(told), "-said")
            if place < len(told):
                title, words = told[place]
                row.update(_row(title if len(told) > 1 else "", words))


def _row(title: str, words: Words) -> Content:
    name = words.about or title.partition(":")[0]
    kind = act_on(words.finding).kind if words.finding is not None else ""
    return Content.assemble(
        (f"{words.sign} ", STYLES.get(words.sign, "$faded")),
        (f"{name}: " if title else "", "$faded"),
        words.text,
        (f"  a {kind}" if kind else "", "$faded"),
    )
