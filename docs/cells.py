"""Draws a screen of the terminal app as SVG that needs no font of its own.

Letters are text in whatever monospace font there is, each run stretched to its cells. Braille,
boxes and blocks are shapes: few fonts have them, and they must join.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from rich.style import Style
from rich.terminal_theme import TerminalTheme
from textual.strip import Strip

WIDE, HIGH = 8, 16
"""Pixels of a cell: two by four dots of braille, four pixels apart."""
DOT = 2.6
FONT = 13.3
BASELINE = 12
FONTS = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace"

MARGIN = 8
ROUND = 6

BRAILLE_DOTS = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))
"""Column and row of the dot of each bit."""

UP, DOWN, LEFT, RIGHT = 1, 2, 4, 8
LINES = {
    **dict.fromkeys("─━╌┄", LEFT | RIGHT),
    **dict.fromkeys("│┃╎┆┊╏", UP | DOWN),
    **dict.fromkeys("┌┏", DOWN | RIGHT),
    **dict.fromkeys("┐┓", DOWN | LEFT),
    **dict.fromkeys("└┗", UP | RIGHT),
    **dict.fromkeys("┘┛", UP | LEFT),
    **dict.fromkeys("├┣", UP | DOWN | RIGHT),
    **dict.fromkeys("┤┫", UP | DOWN | LEFT),
    **dict.fromkeys("┬┳", DOWN | LEFT | RIGHT),
    **dict.fromkeys("┴┻", UP | LEFT | RIGHT),
    **dict.fromkeys("┼╋", UP | DOWN | LEFT | RIGHT),
    "╴": LEFT,
    "╵": UP,
    "╶": RIGHT,
    "╷": DOWN,
    "╸": LEFT,
    "╺": RIGHT,
}
ARCS = {
    "╭": f"v{-HIGH // 4}q0 -4 4 -4",
    "╮": f"v{-HIGH // 4}q0 -4 -4 -4",
    "╰": f"v{HIGH // 4}q0 4 4 4",
    "╯": f"v{HIGH // 4}q0 4 -4 4",
}
HEAVY = frozenset("━┃┏┓┗┛┣┫┳┻╋╸╺╏")
BROKEN = frozenset("╌┄╎┆┊╏")
EIGHTHS = {chr(0x2580 + i): i for i in range(1, 9)}
"""Blocks that fill from below, ▁ to █."""
SIDES = {"▉": 7, "▊": 6, "▋": 5, "▌": 4, "▍": 3, "▎": 2, "▏": 1}
QUARTERS = {
    **{"▘": 1, "▝": 2, "▀": 3, "▖": 4, "▌": 5, "▞": 6, "▛": 7, "▗": 8, "▚": 9, "▐": 10},
    **{"▜": 11, "▄": 12, "▙": 13, "▟": 14, "█": 15},
}
"""Which quarters are filled: above left, above right, below left, below right."""


@dataclass(frozen=True)
class Cell:
    """A character with what it looks like."""

    x: int
    y: int
    text: str
    width: int
    fore: str
    back: str
    bold: bool = False
    italic: bool = False
    underline: bool = False


def to_svg(strips: Sequence[Strip], theme: TerminalTheme, title: str) -> str:
    """Draw a screen.

    Args:
        strips: Its rows.
        theme: The colours of the terminal, for what has none of its own.
        title: What the picture shows, for those who do not see it.
    """
    cells = [cell for y, strip in enumerate(strips) for cell in _cells(strip, y, theme)]
    columns = max(cell.x + cell.width for cell in cells)
    wide, high = columns * WIDE + 2 * MARGIN, len(strips) * HIGH + 2 * MARGIN
    ground = theme.background_color.hex
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" '
            f'width="{wide}" height="{high}" role="img" aria-label="{escape(title)}">',
            f"<title>{escape(title)}</title>",
            f'<rect width="{wide}" height="{high}" rx="{ROUND}" fill="{_ground(cells, ground)}"/>',
            f'<g transform="translate({MARGIN} {MARGIN})" font-family="{FONTS}" '
            f'font-size="{FONT}" xml:space="preserve">',
            *_backgrounds(cells, _ground(cells, ground)),
            *_shapes(cells),
            *_texts(cells),
            "</g>",
            "</svg>\n",
        ]
    )


def _cells(strip: Strip, y: int, theme: TerminalTheme) -> Iterator[Cell]:
    from rich.cells import cell_len

    x = 0
    for segment in strip:
        style = segment.style or Style()
        fore, back = _colours(style, theme)
        for character in segment.text:
            width = cell_len(character)
            if width:
                looks = (bool(style.bold), bool(style.italic), bool(style.underline))
                yield Cell(x, y, character, width, fore, back, *looks)
            x += width


def _colours(style: Style, theme: TerminalTheme) -> tuple[str, str]:
    fore = style.color.get_truecolor(theme) if style.color else theme.foreground_color
    back = style.bgcolor.get_truecolor(theme, False) if style.bgcolor else theme.background_color
    if style.reverse:
        fore, back = back, fore
    return fore.hex, back.hex


def _ground(cells: Sequence[Cell], otherwise: str) -> str:
    """Give the colour that most cells lie on."""
    count: dict[str, int] = defaultdict(int)
    for cell in cells:
        count[cell.back] += cell.width
    return max(count, key=lambda one: count[one], default=otherwise)


def _runs(cells: Sequence[Cell], same: str) -> Iterator[list[Cell]]:
    """Give neighbours that look the same in these respects."""
    run: list[Cell] = []
    names = same.split()
    for cell in cells:
        last = run[-1] if run else None
        if last is not None and (
            (last.y, last.x + last.width) != (cell.y, cell.x)
            or any(getattr(last, name) != getattr(cell, name) for name in names)
        ):
            yield run
            run = []
        run.append(cell)
    if run:
        yield run


def _backgrounds(cells: Sequence[Cell], ground: str) -> Iterator[str]:
    paths: dict[str, list[str]] = defaultdict(list)
    for run in _runs([cell for cell in cells if cell.back != ground], "back"):
        wide = sum(cell.width for cell in run) * WIDE
        paths[run[0].back].append(_box(run[0].x * WIDE, run[0].y * HIGH, wide, HIGH))
    for colour, parts in paths.items():
        yield f'<path fill="{colour}" shape-rendering="crispEdges" d="{"".join(parts)}"/>'


def _box(x: float, y: float, wide: float, high: float) -> str:
    return f"M{x:g} {y:g}h{wide:g}v{high:g}h{-wide:g}z"


def is_shape(text: str) -> bool:
    """Say whether a character is drawn rather than written."""
    return "\u2800" <= text <= "\u28ff" or "\u2580" <= text <= "\u259f" or text in LINES | ARCS


def _shapes(cells: Sequence[Cell]) -> Iterator[str]:
    dots: dict[str, list[str]] = defaultdict(list)
    lines: dict[tuple[str, float, str], list[str]] = defaultdict(list)
    fills: dict[str, list[str]] = defaultdict(list)
    for cell in cells:
        if not is_shape(cell.text):
            continue
        if cell.text >= "\u2800":
            dots[cell.fore] += _dots(cell)
        elif cell.text in LINES or cell.text in ARCS:
            dash = "2 2" if cell.text in BROKEN else ""
            lines[cell.fore, 2.0 if cell.text in HEAVY else 1.0, dash].append(_line(cell))
        else:
            fills[cell.fore] += _blocks(cell)
    for colour, parts in fills.items():
        yield f'<path fill="{colour}" shape-rendering="crispEdges" d="{"".join(parts)}"/>'
    for (colour, wide, dash), parts in lines.items():
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        yield f'<path fill="none" stroke="{colour}" stroke-width="{wide:g}"{dashes} ' + (
            f'd="{"".join(parts)}"/>'
        )
    for colour, parts in dots.items():
        yield f'<path stroke="{colour}" stroke-width="{DOT}" stroke-linecap="round" ' + (
            f'd="{"".join(parts)}"/>'
        )


def _dots(cell: Cell) -> Iterator[str]:
    bits = ord(cell.text) - 0x2800
    for bit, (column, row) in enumerate(BRAILLE_DOTS):
        if bits >> bit & 1:
            yield f"M{cell.x * WIDE + 2 + 4 * column} {cell.y * HIGH + 2 + 4 * row}h0"


def _line(cell: Cell) -> str:
    x, y = cell.x * WIDE + WIDE / 2, cell.y * HIGH + HIGH / 2
    if cell.text in ARCS:
        down = cell.text in "╭╮"
        return f"M{x:g} {y + (HIGH / 2 if down else -HIGH / 2):g}{ARCS[cell.text]}"
    ends = LINES[cell.text]
    left = x - (WIDE / 2 if ends & LEFT else 0)
    right = x + (WIDE / 2 if ends & RIGHT else 0)
    top = y - (HIGH / 2 if ends & UP else 0)
    bottom = y + (HIGH / 2 if ends & DOWN else 0)
    across = f"M{left:g} {y:g}H{right:g}" if right > left else ""
    return across + (f"M{x:g} {top:g}V{bottom:g}" if bottom > top else "")


def _blocks(cell: Cell) -> Iterator[str]:
    x, y = cell.x * WIDE, cell.y * HIGH
    if cell.text in EIGHTHS:
        high = EIGHTHS[cell.text] * HIGH / 8
        yield _box(x, y + HIGH - high, WIDE, high)
    elif cell.text in SIDES:
        yield _box(x, y, SIDES[cell.text] * WIDE / 8, HIGH)
    elif cell.text == "▔":
        yield _box(x, y, WIDE, HIGH / 8)
    elif cell.text == "▕":
        yield _box(x + WIDE * 7 / 8, y, WIDE / 8, HIGH)
    else:
        for bit in range(4):
            if QUARTERS.get(cell.text, 15) >> bit & 1:
                yield _box(x + bit % 2 * WIDE / 2, y + bit // 2 * HIGH / 2, WIDE / 2, HIGH / 2)


def _texts(cells: Sequence[Cell]) -> Iterator[str]:
    written = [cell for cell in cells if not is_shape(cell.text)]
    for run in _runs(written, "fore bold italic underline"):
        text = "".join(cell.text for cell in run)
        for found in re.finditer(r"\S+(?: \S+)*", text):
            yield _text(run[found.start() : found.end()], found.group())


def _text(run: Sequence[Cell], text: str) -> str:
    first = run[0]
    wide = sum(cell.width for cell in run) * WIDE
    looks = ' font-weight="bold"' if first.bold else ""
    looks += ' font-style="italic"' if first.italic else ""
    looks += ' text-decoration="underline"' if first.underline else ""
    return (
        f'<text x="{first.x * WIDE}" y="{first.y * HIGH + BASELINE}" fill="{first.fore}"{looks} '
        f'textLength="{wide}" lengthAdjust="spacingAndGlyphs">{escape(text)}</text>'
    )
