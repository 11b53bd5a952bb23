"""Text and drawings in ASCII, cell for cell, for terminals that have no other characters."""

from __future__ import annotations

import unicodedata
from functools import cache

TABLE: dict[str, str] = (
    dict.fromkeys("─╌━·–—", "-")
    | dict.fromkeys("┌┐└┘┤├┬┴┼", "+")
    | dict.fromkeys("┊╎┆╏", ":")
    | dict.fromkeys("▁▂", "_")
    | dict.fromkeys("▃▄▅▆", "=")
    | dict.fromkeys("▇█▀", "#")
    | dict.fromkeys("▌▐▎▏▍▊▋▕", "|")
    | dict.fromkeys("▲△▴↑⌃", "^")
    | dict.fromkeys("▼▽▾↓⌄", "v")
    | dict.fromkeys("▶▷▸▹→›»❯↳", ">")
    | dict.fromkeys("◀◁◂←‹«↩⏎", "<")
    | dict.fromkeys("‘’′", "'")
    | dict.fromkeys("“”„″", '"')
    | {
        "│": "|",
        "✗": "X",
        "✓": "+",
        "•": "o",
        "●": "o",
        "◦": ".",
        "×": "x",
        "○": "0",
        "□": "#",
        "■": "#",
        "◆": "*",
        "◇": "*",
        "★": "*",
        "◌": ".",
        "◍": "o",
        "‖": "|",
        "µ": "u",
        "≠": "!",
        "…": ".",
        "░": ".",
        "▒": ":",
        "▓": "#",
        "±": "+",
        "−": "-",
        "≤": "<",
        "≥": ">",
        "≈": "~",
        "␛": "?",
    }
)
"""What stands for a drawing or sign: of the same width, and as like it as may be."""

BRAILLE = range(0x2800, 0x2900)
DENSITY = " .::::###"
"""What stands for a cell of so many dots."""


def plain(text: str) -> str:
    """Give text in ASCII that takes the same cells: wide characters become two."""
    return text if text.isascii() else "".join(map(_plain, text))


@cache
def _plain(character: str) -> str:
    if character.isascii():
        return character
    if found := TABLE.get(character):
        return found
    if ord(character) in BRAILLE:
        return DENSITY[(ord(character) - BRAILLE.start).bit_count()]
    name = unicodedata.name(character, "")
    if name.startswith("BOX DRAWINGS"):
        upright, level = "VERTICAL" in name, "HORIZONTAL" in name
        return "+" if upright == level else "|" if upright else "-"
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return ""
    base = unicodedata.normalize("NFKD", character)[0]
    if unicodedata.east_asian_width(character) in "WF":
        return base + " " if base.isascii() else "??"
    return base if base.isascii() and base.isprintable() else "?"
