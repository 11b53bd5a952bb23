"""When Python looks for garbage: at everything only while nobody types.

A collection of the oldest generation looks at every object, 0.1 s with 10,000 trials in memory, and
the screen stands still meanwhile. What the program itself is made of is set aside, the oldest are
looked at after a screen was left, and what is left to do meanwhile takes a millisecond.
"""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 5_000, 4, 1_000_000
"""New objects after which the youngest are looked at, and how often before older ones are: opening
a screen makes 40,000, and by Python's 700 they would be looked at sixty times. The oldest never by
themselves."""

EVERY = 60.0
"""Seconds between two looks at everything at least: 0.2 % of a core at worst."""

QUIET = 5.0
"""Seconds without a key before one: a person who types would feel 0.1 s."""

_FOUND = gc.get_threshold()


def settle() -> None:
    """Set aside what there is, the program itself; from here on the oldest are left to `look`."""
    gc.set_threshold(YOUNG, MIDDLE, OLD)
    gc.freeze()


def look() -> None:
    """Look at everything: a screen that was left is made of circles, and freed only so."""
    gc.collect()


def release() -> None:
    """Leave Python as it was found."""
    gc.set_threshold(*_FOUND)
    gc.unfreeze()


def forget_rows() -> None:
    """Have Textual let go of the painted rows of widgets that are gone.

    A cache of two colours has the painter of each widget in its key, and keeps a thousand of them.
    """
    from textual._styles_cache import StylesCache

    clear = getattr(StylesCache.get_inner_outer, "cache_clear", None)
    if clear is not None:
        clear()
