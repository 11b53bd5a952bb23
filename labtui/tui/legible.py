"""Colours that can be read under every theme, whatever its author chose.

Of Textual's 21 themes, 10 write the keys of the key line, and 3 the row under the cursor, with less
contrast than people need; separators vanish in all light ones. So every colour is moved towards
black or white, by as little as is needed, until it stands out from what is behind it.
"""

from __future__ import annotations

from collections.abc import Mapping

from textual.color import Color, ColorParseError

TEXT = 4.5
"""Contrast of text with its background: level AA of WCAG 2.2, 1.4.3."""

FAINT = 3.0
"""Contrast of what is less important: level AA for large text and for parts of an interface."""

EDGE = 1.6
"""Contrast of separators and frames of what has no focus: seen, and quieter than any text."""

FADED = 0.6
"""How much of the foreground is left in what is less important. Textual's own ``text-muted`` has no
colour inside of a text, only in CSS: there it comes out as bright as the foreground."""

_STEPS = 20
_PAPER = ("background", "surface", "panel", "surface-lighten-1")

RULES: tuple[tuple[str, tuple[str, ...], float], ...] = (
    ("foreground", _PAPER, TEXT),
    ("footer-key-foreground", ("footer-background",), TEXT),
    ("footer-description-foreground", ("footer-background",), TEXT),
    *(
        (f"text-{kind}", _PAPER, TEXT)
        for kind in ("primary", "secondary", "accent", "success", "warning", "error")
    ),
    ("primary", ("background", "surface"), FAINT),
    ("panel-lighten-2", ("background",), EDGE),
    ("panel-lighten-3", ("background",), EDGE),
)
"""Variables, what they are written on, and the contrast that they need."""

REVERSED = {"block-cursor-text-style": "bold reverse"}
"""Where no colours are left: the row under the cursor is told by its reverse."""

PLAIN = {
    **REVERSED,
    "faded": "ansi_bright_black",
    "panel-lighten-2": "ansi_bright_black",
    "panel-lighten-3": "ansi_bright_black",
    "block-cursor-background": "ansi_default",
    "block-cursor-foreground": "ansi_default",
}
"""For themes that leave colours to the terminal: nothing is known of them but their reverse."""


def contrast(one: Color, other: Color) -> float:
    """Give the contrast of two colours, 1 to 21 (WCAG 2.2, relative luminance)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def legible(variables: Mapping[str, str], *, no_color: bool = False) -> dict[str, str]:
    """Give the variables of a theme with the colours moved that could not be read.

    Args:
        variables: Those of Textual.
        no_color: Nothing will be left of them.
    """
    if no_color:
        return {**variables, "faded": _faded(variables), **REVERSED}
    if variables.get("background", "").startswith("ansi"):
        return {**variables, **PLAIN}
    moved = dict(variables)
    for name, grounds, least in RULES:
        colour = _colour(moved.get(name))
        behind = [found for ground in grounds if (found := _colour(moved.get(ground)))]
        if colour is not None and behind:
            moved[name] = _moved(colour, behind, least).hex
    faded, paper = _colour(_faded(moved)), [_colour(moved.get(name)) for name in _PAPER]
    if faded is not None:
        moved["faded"] = _moved(faded, [one for one in paper if one], TEXT).hex
    cursor = _colour(moved.get("block-cursor-background"))
    if cursor is not None:
        text = _colour(moved.get("block-cursor-foreground")) or _contrary([cursor])
        moved["block-cursor-foreground"] = _moved(text, [cursor], TEXT).hex
    return moved


def _moved(colour: Color, grounds: list[Color], least: float) -> Color:
    """Move a colour towards black or white until it stands out from all grounds."""
    towards = _contrary(grounds)
    for step in range(_STEPS + 1):
        moved = colour.blend(towards, step / _STEPS)
        if min(contrast(moved, ground) for ground in grounds) >= least:
            return moved
    return towards


def _contrary(grounds: list[Color]) -> Color:
    """Give black or white, whichever stands out more from all grounds."""
    black, white = Color(0, 0, 0), Color(255, 255, 255)
    return max((black, white), key=lambda one: min(contrast(one, each) for each in grounds))


def _colour(value: str | None) -> Color | None:
    """Read an opaque colour; None for any other value."""
    try:
        found = Color.parse(value or "")
    except ColorParseError:
        return None
    return found if found.a == 1 and found.ansi is None else None


def _luminance(colour: Color) -> float:
    parts = [part / 255 for part in colour.rgb]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _faded(variables: Mapping[str, str]) -> str:
    """Give the foreground, faded into the background."""
    front, behind = _colour(variables.get("foreground")), _colour(variables.get("background"))
    if front is None or behind is None:
        return variables.get("foreground", "ansi_default")
    return behind.blend(front, FADED).hex
