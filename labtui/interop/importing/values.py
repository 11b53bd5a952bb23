"""Fields of records and what stands in them: numbers, steps, and the points of a trial."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from labtui.store.summaries import Columns

Record = Mapping[str, Any]

WORDS = {
    **dict.fromkeys(("nan", "na", "n/a", "none", "null", "#n/a"), math.nan),
    **dict.fromkeys(("inf", "+inf", "infinity", "+infinity"), math.inf),
    **dict.fromkeys(("-inf", "-infinity"), -math.inf),
}
"""How programs spell what is not a number, in lower case."""

MOST_STEPS = 2**63 - 1


class Missing(Exception):
    """A record has no field of that path."""


def find(record: Record, path: str) -> Any:
    """Give a field by its path; a name that has dots in it comes first.

    Raises:
        Missing: There is none.
    """
    if path in record:
        return record[path]
    at: Any = record
    for name in path.split("."):
        if not isinstance(at, Mapping) or name not in at:
            raise Missing(path)
        at = at[name]
    return at


def paths(record: Record, prefix: str = "") -> Iterator[str]:
    """Name all fields of a record by their paths."""
    for name, value in record.items():
        if isinstance(value, Mapping) and value:
            yield from paths(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def number(value: Any) -> float:
    """Read a number, also one in quotes, also as 93.5%; None is NaN.

    Raises:
        ValueError: It is none.
    """
    if value is None:
        return math.nan
    if isinstance(value, str):
        word = value.strip().lower()
        if word.endswith("%"):
            return float(word[:-1]) / 100
        return WORDS[word] if word in WORDS else float(word)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(value)
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


@dataclass
class Curves:
    """The points of one trial as they are collected."""

    columns: dict[str, dict[int, float]] = field(default_factory=dict)
    last: int = 0

    def add(self, metric: str, step: int, value: float) -> None:
        """Take a point; the newest counts where a step is repeated."""
        self.columns.setdefault(metric, {})[step] = value
        if step > self.last:
            self.last = step

    def sorted(self) -> Columns:
        """Give the columns by step; a metric that is NaN throughout was not logged."""
        return {
            metric: (sorted(found), [found[step] for step in sorted(found)])
            for metric, found in self.columns.items()
        }


def whole(value: Any) -> int | None:
    """Give a whole number, also one written as 3.0; None for anything else."""
    try:
        found = number(value)
    except ValueError:
        return None
    if value is None or not math.isfinite(found) or found != int(found):
        return None
    return value if type(value) is int else int(found)


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which name was probably meant, else which there are."""
    names = list(known)
    leaf = [other for other in names if other.rpartition(".")[2] == name.rpartition(".")[2]]
    near = leaf or difflib.get_close_matches(name, names, n=1)
    if near:
        return f" — did you mean {near[0]!r}?"
    return f"; it has {', '.join(names[:12])}{' …' if len(names) > 12 else ''}"


def shown(value: Any) -> str:
    """Give a value for a message, cut."""
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:59]}…"
