"""The screen where the terminal's locale has nothing but ASCII."""

from __future__ import annotations

import sys

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from labtui.charts.plain import plain


def needs_ascii() -> bool:
    """Say whether what a screen is written to (Textual takes stderr) has no UTF-8."""
    return "utf" not in (getattr(sys.__stderr__, "encoding", None) or "utf-8").lower()


class Ascii(LineFilter):
    """Writes every cell in ASCII: borders, signs, figures, and names of people's making."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Give the segments of a line, each as wide as it was."""
        return [
            Segment(set_cell_size(plain(text), cell_len(text)), style, control)
            if not (control or text.isascii())
            else Segment(text, style, control)
            for text, style, control in segments
        ]
