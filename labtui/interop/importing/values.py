"""Fields of records and what stands in them: numbers, steps, and the points of a trial."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from labtui.interop.importing.types import BadTrial
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
    """Give a whole number, also one written as 3.0 or in quotes; None for anything else."""
    try:
        found = number(value)
    except ValueError:
        return None
    if value is None or not math.isfinite(found) or found != int(found):
        return None
    if isinstance(value, str):
        try:
            return int(value)  # every digit: a float has 16 of them
        except ValueError:
            return int(found)
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


def rows_of(value: Any, path: str, where: str, wanted: Sequence[str]) -> Sequence[Record]:
    """Give the points of a curve: a list of objects or of lists, or lists side by side.

    Raises:
        BadTrial: It is something else.
    """
    if value is None:
        return []
    if isinstance(value, Mapping):
        columns = _side_by_side(value, path, where, wanted)
        longest = max(map(len, columns.values()), default=0)
        return [
            {name: values[i] for name, values in columns.items() if i < len(values)}
            for i in range(longest)
        ]
    forms = "a list of objects or of pairs, or an object of lists"
    if not isinstance(value, list):
        raise BadTrial(where, f"{path}: found {shown(value)}; expected {forms}")
    if all(isinstance(item, Mapping) for item in value):
        return value
    if all(isinstance(item, list) for item in value):
        return [{str(i): cell for i, cell in enumerate(item)} for item in value]
    raise BadTrial(
        where,
        f"{path}: found {shown(value)}; expected {forms}; for a list of numbers leave 'path' out: "
        f"curve: {{metrics: {{METRIC: {path}}}}}",
    )


def _side_by_side(
    value: Record, path: str, where: str, wanted: Sequence[str]
) -> dict[str, Sequence[Any]]:
    """Give the lists side by side that are wanted; what is null has no points."""
    columns: dict[str, Sequence[Any]] = {}
    for name in wanted:
        try:
            found = find(value, name)
        except Missing:
            continue
        if found is None:
            continue
        if not isinstance(found, list):
            raise BadTrial(where, f"{path}: {name}: found {shown(found)}; expected a list")
        columns[name] = found
    return columns
