"""What is said above a comparison, for the command and the screen alike."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from labtui.verdicts.comparison import Comparison
from labtui.verdicts.summary import sentence

SUPPORTED = {True: "✓", False: "○", None: "?"}
"""More than chance, no evidence, cannot be judged."""

CAUTION, NOTE = "▲", "i"


@dataclass(frozen=True)
class Told:
    """One sentence.

    Attributes:
        glyph: One of `SUPPORTED`, `CAUTION` or `NOTE`.
        text: The sentence.
    """

    glyph: str
    text: str


def told(found: Comparison) -> list[Told]:
    """Give what may be concluded, what letters stand for, why it is not fair, and notes."""
    return [
        *(Told(SUPPORTED[one.supported], one.text) for one in found.conclusions),
        *(Told(NOTE, f"{label} is {name}") for label, name in found.legend),
        *(Told(CAUTION, f"{sentence(one.text)}.") for one in found.cautions),
        *(Told(NOTE, f"{one}.") for one in found.notes),
    ]


def command(names: Sequence[str]) -> str:
    """Write the command that compares these."""
    return f"labtui compare {' '.join(map(shlex.quote, names))}"
