"""What to conclude from the figures above, a row each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from labtui.tui.acting import act_on

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


class WordsLine(Static):
    """Says a sentence below each figure on screen, in a row each, or two where there is room."""

    DEFAULT_CSS = """
    WordsLine { height: auto; display: none; }
    """

    _told: Sequence[tuple[str, Words]] = ()
    _rows = 2
    _said: Sequence[Content] = ()

    def say(self, told: Sequence[tuple[str, Words]]) -> None:
        """Say sentences, each with the title of its figure; of a single one it is above already."""
        self._told = list(told)
        self._write()

    def fit(self, *, short: bool) -> None:
        """Take one row a sentence where rows are few, and break them for another width."""
        self._rows = 1 if short else 2
        self._write()

    @property
    def said(self) -> Sequence[Content]:
        """What stands below each figure, as it is shown."""
        return self._said

    def _write(self) -> None:
        pane = self.parent
        room = pane.content_region.width if isinstance(pane, Widget) else 0
        titled, rows = len(self._told) > 1, 1 if len(self._told) > FEW else self._rows
        said = [_cut(_row(one if titled else "", words), room, rows) for one, words in self._told]
        if said != self._said:
            before, self._said = self._said, said
            self.display = bool(said)
            # Without need, a layout would paint the figures above anew, 20 ms.
            self.update(Content("\n").join(said), layout=_height(said) != _height(before))


def _height(said: Sequence[Content]) -> int:
    return sum(1 + one.plain.count("\n") for one in said)


def _cut(text: Content, width: int, rows: int) -> Content:
    """Break a sentence between words into so many rows at most; `…` says that there is more."""
    lines = text.wrap(width) if width > 1 else [text]
    kept = lines[:rows]
    if len(lines) > rows:
        kept[-1] = kept[-1].rstrip().truncate(width - 1).rstrip() + Content("…")
    return Content("\n").join(kept)


def _row(title: str, words: Words) -> Content:
    name = words.about or title.partition(":")[0]
    kind = act_on(words.finding).kind if words.finding is not None else ""
    return Content.assemble(
        (f"{words.sign} ", STYLES.get(words.sign, "$faded")),
        (f"{name}: " if title else "", "$faded"),
        words.text,
        (f"  a {kind}" if kind else "", "$faded"),
    )
