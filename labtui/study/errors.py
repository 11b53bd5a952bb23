"""What is wrong with a study file, said with its place, and shown safely."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from dataclasses import dataclass

SHOWN_CHARACTERS = 80
"""Longest excerpt of a person's value in a message, in characters."""


def printable(text: str, limit: int | None = None) -> str:
    """Return `text` with every control, escape and bidirectional character made visible.

    Args:
        text: Anything found in a file.
        limit: Longest result in characters; what is longer ends in an ellipsis.
    """
    if limit is not None and len(text) > limit:
        text = text[: limit - 1] + "…"
    return "".join(c if c.isprintable() else _visible(ord(c)) for c in text)


def _visible(code: int) -> str:
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def display(value: object) -> str:
    """Return a value as it would be written in the file, cut and safe to print."""
    if isinstance(value, str):
        shown = f"'{value[: SHOWN_CHARACTERS + 1]}'"
    elif isinstance(value, int) and value.bit_length() > 8 * SHOWN_CHARACTERS:
        shown = f"a number of {value.bit_length()} bits"
    else:
        shown = json.dumps(value, ensure_ascii=False, default=str)
    return printable(shown, SHOWN_CHARACTERS)


def nearest_name(name: object, known: Iterable[str]) -> str | None:
    """Return the known name most like `name`, or None when none is close."""
    if not isinstance(name, str) or len(name) > SHOWN_CHARACTERS:
        return None
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a study file.

    Attributes:
        file: The file as the person named it.
        line: Line, from 1; None for a problem of the whole file.
        column: Column, from 1; None for a problem of the whole file.
        path: Path of the field, such as `budget.trials`; empty for the whole file.
        found: What was found, ready to print.
        expected: What would have been right; empty when `found` says it all.
        nearest: The known name most like the one found.
    """

    file: str
    line: int | None
    column: int | None
    path: str
    found: str
    expected: str
    nearest: str | None = None

    def __str__(self) -> str:
        """Return the one line shown to the person."""
        place = printable(self.file)
        if self.line is not None:
            place += f":{self.line}:{self.column}"
        parts = [place, printable(self.path, 2 * SHOWN_CHARACTERS)] if self.path else [place]
        text = ": ".join([*parts, f"found {self.found}" if self.expected else self.found])
        if self.expected:
            text += f"; expected {self.expected}"
        return f"{text} — did you mean '{self.nearest}'?" if self.nearest else text


class StudyError(ValueError):
    """A study that cannot be used; `problems` says everything that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Keep the problems in the order of their lines."""
        self.problems = sorted(
            problems, key=lambda problem: (problem.line or 0, problem.column or 0)
        )
        super().__init__("\n".join(str(problem) for problem in self.problems))
