"""How a state looks: a glyph and a word, and a colour that only repeats them."""

from __future__ import annotations

from textual.content import Content

GLYPHS = {
    "queued": "◌",
    "running": "●",
    "completed": "✓",
    "infeasible": "✗",
    "failed": "!",
    "stopped": "■",
    "interrupted": "◍",
}
COLOURS = {
    "queued": "$faded",
    "running": "$text-accent",
    "completed": "$text-success",
    "infeasible": "$text-error",
    "failed": "$text-error bold",
    "stopped": "$text-warning",
    "interrupted": "$text-warning",
}
_FULL, _EMPTY = "━", "╌"


def state_text(state: str) -> str:
    """Write a state with its glyph."""
    return f"{GLYPHS.get(state, '?')} {state}"


def state_content(state: str) -> Content:
    """Write a state with its glyph, coloured."""
    return Content.styled(state_text(state), COLOURS.get(state, ""))


def bar(done: int, total: int, width: int) -> str:
    """Draw a progress bar; it is full only when everything is done."""
    share = min(max(done / total, 0.0), 1.0) if total > 0 else 0.0
    full = int(share * width)
    return _FULL * full + _EMPTY * (width - full)
