"""The strings an SVG figure is made of: elements, text that fits, paths, colours."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from html import escape
from typing import Literal, TypeAlias

import numpy as np

from labtui.charts.grid import in_cells, without_fillers
from labtui.charts.palette import ON_DARK, ON_LIGHT
from labtui.charts.scale import Floats

Theme: TypeAlias = Literal["light", "dark", "auto"]

FONT = "system-ui,sans-serif"
"""Generic families alone: a figure looks up nothing."""

TITLE, LABEL = 14, 12
"""Sizes of letters, in pixels."""

_LIGHT = {
    "paper": "#ffffff",
    "ink": "#1f2328",
    "quiet": "#57606a",
    "axis": "#8c959f",
    "grid": "#eaeef2",
    "bound": "#a33b00",
    "best": "#006b4d",
    "proposal": "#3b46b8",
    "bad": "#b3261e",
}
_DARK = {
    "paper": "#0d1117",
    "ink": "#e6edf3",
    "quiet": "#9da7b3",
    "axis": "#6e7681",
    "grid": "#21262d",
    "bound": "#f0824a",
    "best": "#2bc194",
    "proposal": "#7f96ff",
    "bad": "#ff7b72",
}
_ALIASES = {"step": "quiet", "reference": "quiet"}

_NARROW, _WIDE = frozenset("iIjlrtf.,:;|!'()[]{} "), frozenset("mwMW@%…—")
_FAR = 1e5


def element(name: str, *content: str, **attributes: str | float) -> str:
    """Write an element; content is markup already, attribute values are escaped here.

    An underscore in the name of an attribute stands for a hyphen, one at its end is dropped.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_attribute(value)}"'
        for key, value in attributes.items()
    )
    inner = "".join(content)
    return f"<{name}{written}>{inner}</{name}>" if inner else f"<{name}{written}/>"


def _attribute(value: str | float) -> str:
    if isinstance(value, str):
        return escape(value, quote=True)
    return f"{value:.2f}".rstrip("0").rstrip(".")


def short(value: float) -> str:
    """Write a coordinate with at most one decimal."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def plain(text: str) -> str:
    """Make any text fit for XML and for one line: nothing in it moves, hides or reorders."""
    return without_fillers(in_cells(text))


def caption(text: str, x: float, y: float, **attributes: str | float) -> str:
    """Write text at a place; empty for no text."""
    return element("text", escape(text), x=x, y=y, **attributes) if text.strip() else ""


def stroked(name: str, path: str, **attributes: str | float) -> str:
    """Write a path that is a line in the colour of a class; empty for no path."""
    if not path:
        return ""
    return element("path", class_=name, d=path, fill="none", stroke="currentColor", **attributes)


def text_width(text: str, size: float = LABEL) -> float:
    """Estimate the width of text in pixels, rather too wide than too narrow."""
    return size * sum(_em(char) for char in text)


def _em(char: str) -> float:
    if char in _NARROW:
        return 0.4
    if char in _WIDE or unicodedata.east_asian_width(char) in "WF":
        return 1.0
    return 0.7 if char.isupper() else 0.6


def fitted(text: str, width: float, size: float = LABEL) -> str:
    """Cut text to a width in pixels, with an ellipsis where something went."""
    text = plain(text)
    if text_width(text, size) <= width:
        return text
    kept, used = 0, text_width("…", size)
    for char in text:
        used += size * _em(char)
        if used > width:
            break
        kept += 1
    return f"{text[:kept]}…" if kept else ""


def line_path(x: Floats, y: Floats) -> str:
    """Join points, in pixels, in as few characters as a tenth of a pixel allows."""
    tenths = np.rint(10 * np.clip(np.stack([x, y]), -_FAR, _FAR)).astype(np.int64)
    moved = np.diff(tenths, axis=1)
    moves = moved[:, np.any(moved != 0, axis=0)].T.tolist()
    steps = "".join(f"l{_tenth(dx)}{_second(dy)}" for dx, dy in moves)
    return f"M{_tenth(int(tenths[0, 0]))}{_second(int(tenths[1, 0]))}{steps or 'h0'}"


def dots_path(x: Floats, y: Floats, after: str = "h0") -> str:
    """Write something at every point, in pixels; points that look the same are written once.

    Args:
        x: Shape (n,).
        y: Shape (n,).
        after: What is drawn at each; ``h0`` is a dot, given round ends of lines.
    """
    places = np.unique(np.rint(np.stack([x, y], axis=1) * 2), axis=0) / 2
    return "".join(f"M{short(left)} {short(top)}{after}" for left, top in places.tolist())


def _tenth(value: int) -> str:
    whole, part = divmod(abs(value), 10)
    digits = f"{whole or ''}.{part}" if part else str(whole)
    return f"-{digits}" if value < 0 else digits


def _second(value: int) -> str:
    text = _tenth(value)
    return text if text.startswith("-") else f" {text}"


def style(theme: Theme, slots: Iterable[int]) -> str:
    """Write the style sheet: one colour a class, `s0` … for the slots of the palette.

    The rules hold inside figures of this theme alone, also where many of them are in one page.

    Args:
        theme: ``auto`` follows the reader's preference.
        slots: The slots that occur.
    """
    used = sorted(set(slots))
    light = _rules(theme, _LIGHT, {f"s{slot}": ON_LIGHT[slot] for slot in used})
    dark = _rules(theme, _DARK, {f"s{slot}": ON_DARK[slot] for slot in used})
    if theme == "auto":
        dark_too = f"@media (prefers-color-scheme:dark){{{dark}}}"
        # Paper is light: what is printed follows no preference of the screen.
        return element("style", f"{light}{dark_too}@media print{{{light}}}")
    return element("style", dark if theme == "dark" else light)


def _rules(theme: Theme, colours: dict[str, str], series: dict[str, str]) -> str:
    named = colours | {alias: colours[name] for alias, name in _ALIASES.items()} | series
    return "".join(f".lab-{theme} .{name}{{color:{colour}}}" for name, colour in named.items())
