"""The search space: dimensions with their scales, and what exists when (P07, P12)."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from labtui.study.fields import Scalar, same
from labtui.study.halton import RESOLUTION
from labtui.study.model import Hyperparameter, Study


def _cell(u: float, count: int) -> int:
    """Return which of `count` equal, half-open cells of [0, 1) holds `u`, exactly for any count."""
    return min(max(int(u * RESOLUTION), 0) * count // RESOLUTION, count - 1)


@dataclass(frozen=True)
class Dimension:
    """The axis of one varied definition: from a coordinate in [0, 1) to a value, and back.

    Where the values are countable each is one cell of [0, 1): `value` takes half-open floors and
    `position` gives the middle of the cell. On a log range of whole numbers the cell of n is
    log((n + 1) / n) wide.
    """

    definition: Hyperparameter

    @property
    def choices(self) -> Sequence[Scalar] | None:
        """The values in the order of the axis; None where there are too many to list."""
        definition = self.definition
        if definition.values is not None:
            return definition.values
        if definition.range is None:
            return [definition.value]
        low, high = definition.range
        if definition.step is not None:
            return _Steps(low, high, definition.step, definition.integer)
        return range(int(low), int(high) + 1) if definition.integer else None

    @property
    def count(self) -> int | None:
        """How many values there are; None for a continuous range."""
        choices = self.choices
        if isinstance(choices, range):
            return choices.stop - choices.start
        return None if choices is None else _length(choices)

    def value(self, u: float) -> Scalar:
        """Return the value at a coordinate; 0 is the low end and 1 the high end."""
        choices = self.choices
        if choices is None:
            return self._continuous(u)
        if self._log_integer:
            return self._whole(u)
        return choices[_cell(u, self.count or 1)]

    def position(self, value: Scalar) -> float:
        """Return the coordinate of a value, in [0, 1]; beyond the range it is the nearer end.

        Raises:
            ValueError: The value is none of the choices.
        """
        if self.definition.range is None:
            return self._index(value, self.choices or ())
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"{value!r} is not a number")
        low, high = self.definition.range
        if self._log_integer:
            edges = (value + shift for shift in (0, 1))
            return sum(_clip(_share(edge, low, high + 1, "log")) for edge in edges) / 2
        if (count := self.count) is not None:
            step = self.definition.step or 1
            nearest = round((Fraction(str(value)) - Fraction(str(low))) / Fraction(str(step)))
            return (min(max(nearest, 0), count - 1) + 0.5) / count
        if value <= low or value >= high:
            return 0.0 if value <= low else 1.0
        if self.definition.one_minus:
            return _clip(_share(1 - value, 1 - low, 1 - high, self.definition.scale))
        return _clip(_share(value, low, high, self.definition.scale))

    def positions(self, values: Sequence[Scalar]) -> list[float]:
        """Return the coordinate of each value, NaN for what has none: `position` of many.

        On a continuous range the ends are worked out once: 10,000 take 3 ms instead of 60.
        """
        if self.definition.range is None or self.choices is not None:
            return [self._position_or_nan(value) for value in values]
        low, high = self.definition.range
        flip, log = self.definition.one_minus, self.definition.scale == "log"
        start, end = (1 - low, 1 - high) if flip else (low, high)
        if log:
            start, end = math.log10(start), math.log10(end)
        width, foot, log10 = end / 2 - start / 2, start / 2, math.log10
        found = []
        for value in values:
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                found.append(math.nan)
            elif value <= low or value >= high or not width:
                found.append(self._position_or_nan(value))
            else:
                at = 1 - value if flip else value
                share = ((log10(at) if log else at) / 2 - foot) / width
                found.append(min(max(share, 0.0), 1.0))
        return found

    def _position_or_nan(self, value: Scalar) -> float:
        try:
            return self.position(value)
        except (ValueError, TypeError):
            return math.nan

    def holds(self, value: Scalar) -> bool:
        """Tell whether a value is one of the dimension's."""
        try:
            u = self.position(value)
        except ValueError:
            return False
        if self.definition.range is None:
            return True
        low, high = self.definition.range
        inside = isinstance(value, (int, float)) and low <= value <= high
        return inside and (self.choices is None or same(self.value(u), value))

    @property
    def _log_integer(self) -> bool:
        return self.definition.integer and self.definition.scale == "log"

    def _index(self, value: Scalar, choices: Sequence[Scalar]) -> float:
        for index, choice in enumerate(choices):
            if same(choice, value):
                return (index + 0.5) / len(choices)
        raise ValueError(f"{value!r} is none of the choices")

    def _whole(self, u: float) -> int:
        low, high = (int(bound) for bound in self.definition.range or (0, 0))
        return min(max(math.floor(_between(u, low, high + 1, "log")), low), high)

    def _continuous(self, u: float) -> float:
        low, high = (float(bound) for bound in self.definition.range or (0, 0))
        if u <= 0 or u >= 1:
            return low if u <= 0 else high
        if self.definition.one_minus:
            found = 1 - _between(u, 1 - low, 1 - high, self.definition.scale)
        else:
            found = _between(u, low, high, self.definition.scale)
        return min(max(found, low), high)


class _Steps(Sequence[Scalar]):
    """low, low + step, … ≤ high, exact in the decimals that were written."""

    def __init__(self, low: float, high: float, step: float, integer: bool) -> None:
        self._low, self._step = Fraction(str(low)), Fraction(str(step))
        self._convert: Callable[[Fraction], int | float] = int if integer else float
        self.size = int((Fraction(str(high)) - self._low) / self._step) + 1

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> int | float:  # type: ignore[override]
        if not 0 <= index < self.size:
            raise IndexError(index)
        return self._convert(self._low + index * self._step)


def _length(choices: Sequence[Scalar]) -> int:
    return choices.size if isinstance(choices, _Steps) else len(choices)


def _clip(u: float) -> float:
    return min(max(u, 0.0), 1.0)


def _between(u: float, start: float, end: float, scale: str) -> float:
    if scale == "log":
        return math.pow(10, math.log10(start) * (1 - u) + math.log10(end) * u)
    return start * (1 - u) + end * u


def _share(value: float, start: float, end: float, scale: str) -> float:
    if scale == "log":
        if value <= 0:
            return 0.0
        value, start, end = math.log10(value), math.log10(start), math.log10(end)
    width = end / 2 - start / 2
    return (value / 2 - start / 2) / width if width else 0.5


def topological(study: Study) -> list[str]:
    """Return every name after the names its conditions speak of; otherwise alphabetical.

    The order of the file plays no part, so that reordering it moves nothing.

    Raises:
        ValueError: The conditions form a circle; the message is the circle.
    """
    parents = {
        name: {p for d in definitions for p in d.when if p in study.hyperparameters}
        for name, definitions in study.hyperparameters.items()
    }
    children: dict[str, list[str]] = {}
    for name, above in parents.items():
        for parent in above:
            children.setdefault(parent, []).append(name)
    ready = sorted(name for name, above in parents.items() if not above)
    order: list[str] = []
    while ready:
        order.append(heapq.heappop(ready))
        for child in children.get(order[-1], ()):
            parents[child].remove(order[-1])
            if not parents[child]:
                heapq.heappush(ready, child)
    if len(order) < len(parents):
        raise ValueError(" → ".join(_circle({n: a for n, a in parents.items() if a})))
    return order


def _circle(parents: Mapping[str, set[str]]) -> list[str]:
    walk = [min(parents)]
    while walk[-1] not in walk[:-1]:
        walk.append(min(parents[walk[-1]]))
    return walk[walk.index(walk[-1]) :]


def holding(definitions: Sequence[Hyperparameter], params: Mapping[str, Scalar]) -> list[int]:
    """Return the indices of the definitions whose conditions hold for these values."""
    return [
        index
        for index, definition in enumerate(definitions)
        if all(
            name in params and definition.applies(name, params[name]) for name in definition.when
        )
    ]


def resolve(
    study: Study,
    choose: Callable[[str, Hyperparameter], Scalar],
    order: Sequence[str] | None = None,
) -> dict[str, Scalar]:
    """Return the values of all hyperparameters that exist, parents first.

    Args:
        study: A study that was checked.
        choose: Gives the value of a definition that is scientific or nuisance.
        order: What `topological` returned, where it is at hand.
    """
    params: dict[str, Scalar] = {}
    for name in topological(study) if order is None else order:
        definitions = study.hyperparameters[name]
        for index in holding(definitions, params)[:1]:
            definition = definitions[index]
            fixed = definition.role == "fixed"
            params[name] = definition.value if fixed else choose(name, definition)
    return params


def active(study: Study, params: Mapping[str, Scalar]) -> dict[str, Hyperparameter]:
    """Return the definition in force of every hyperparameter that exists under these values.

    Args:
        study: A study that was checked.
        params: Values by name; fixed ones may be left out. A condition on a name without a value
            does not hold.
    """
    known: dict[str, Scalar] = {}
    found: dict[str, Hyperparameter] = {}
    for name in topological(study):
        definitions = study.hyperparameters[name]
        for index in holding(definitions, known)[:1]:
            found[name] = definitions[index]
            if name in params:
                known[name] = params[name]
            elif definitions[index].role == "fixed":
                known[name] = definitions[index].value
    return found
