"""The space of a bayesian study as numbers: configurations to columns, candidates to try (P13)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from labtui.study.fields import Scalar, same
from labtui.study.halton import unit
from labtui.study.model import Hyperparameter, Study
from labtui.study.plan import drawn
from labtui.study.space import Dimension, active, holding, resolve, topological

if TYPE_CHECKING:
    from labtui.analysis.runs import Floats

BEYOND = 1.0
"""A trial of the parent outside the child's range helps to judge what is near the edge. One that is
farther away than the range is wide says little of it and would bend the model: it is left out."""

ABSENT = 0.5
"""Where a hyperparameter that is not in force is put: the middle of its axis, so that it adds no
distance between two configurations that both lack it, and little to one that has it."""


@dataclass(frozen=True)
class Candidate:
    """A configuration that may be tried: its values, and the coordinates they come from."""

    params: dict[str, Scalar]
    unit: dict[str, float]


class SearchSpace:
    """The space of one arm of a bayesian study, or of all of a joint one.

    Attributes:
        study: The study.
        arm: The scientific values of the arm; empty in a joint study.
    """

    def __init__(self, study: Study, arm: Mapping[str, Scalar]) -> None:
        """Lay out the columns."""
        self.study, self.arm = study, dict(arm)
        self._order = topological(study)
        self._columns = [
            (name, definition)
            for name, definitions in study.hyperparameters.items()
            for definition in definitions
            if definition.role != "fixed" and Dimension(definition).count != 1
        ]

    @cached_property
    def names(self) -> list[str]:
        """The names that are drawn in this arm, whatever else holds."""
        return [
            name
            for name, definitions in self.study.hyperparameters.items()
            if name not in self.arm and any(drawn(self.study, d) for d in definitions)
        ]

    def in_arm(self, params: Mapping[str, Any]) -> bool:
        """Tell whether a configuration has the arm's scientific values."""
        return all(name in params and same(params[name], v) for name, v in self.arm.items())

    def configuration(self, coordinate: Callable[[str], float]) -> Candidate:
        """Return the configuration at coordinates in [0, 1)."""
        units: dict[str, float] = {}

        def choose(name: str, definition: Hyperparameter) -> Scalar:
            if name in self.arm:
                return self.arm[name]
            units[name] = coordinate(name)
            return Dimension(definition).value(units[name])

        return Candidate(resolve(self.study, choose, self._order), units)

    def spread(self, seed: int, columns: Mapping[str, int], count: int) -> Iterator[Candidate]:
        """Yield configurations all over the space: `count` Halton points of `seed`."""
        for index in range(count):
            yield self.configuration(lambda name, i=index: unit(seed, columns[name], i))  # type: ignore[misc]

    def near(
        self,
        center: Mapping[str, float],
        width: float,
        seed: int,
        columns: Mapping[str, int],
        count: int,
    ) -> Iterator[Candidate]:
        """Yield configurations in a box of so wide a side around coordinates, cut at the edges."""
        for index in range(count):

            def coordinate(name: str, index: int = index) -> float:
                u = unit(seed, columns[name], index)
                middle = center.get(name)
                if middle is None:
                    return u
                return min(max(middle + width * (u - 0.5), 0.0), math.nextafter(1.0, 0.0))

            yield self.configuration(coordinate)

    def coordinates(self, params: Mapping[str, Any]) -> dict[str, float]:
        """Return where a configuration lies on the axes that are drawn, in [0, 1]."""
        existing = active(self.study, params)
        return {
            name: Dimension(existing[name]).position(params[name])
            for name in self.names
            if name in existing and name in params
        }

    def usable(self, params: Mapping[str, Any]) -> bool:
        """Tell whether a configuration of another study says something of this space.

        It has exactly the hyperparameters that exist here, the fixed ones at the same values, and
        lies inside the space or not farther away than `BEYOND` ranges.
        """
        existing = active(self.study, params)
        if existing.keys() != params.keys():
            return False
        return all(_fits(definition, params[name]) for name, definition in existing.items())

    def features(self, configurations: Sequence[Mapping[str, Any]]) -> Floats:
        """Return the columns of the model, shape (n, d): numbers by scale, choices one a column."""
        import numpy as np

        width = sum(_width(definition) for _, definition in self._columns)
        rows = [
            [value for name, d in self._columns for value in _features(name, d, params)]
            for params in configurations
        ]
        return np.array(rows, dtype=np.float64).reshape(len(rows), width)


def _width(definition: Hyperparameter) -> int:
    choices = definition.values
    return 1 if choices is None or _ordered(choices) else len(choices)


def _features(
    name: str, definition: Hyperparameter, params: Mapping[str, Any]
) -> tuple[float, ...]:
    choices = definition.values
    in_force = name in params and holding([definition], params)
    if choices is None:
        return (_along(definition, params[name]) if in_force else ABSENT,)
    if _ordered(choices):
        return (Dimension(definition).position(params[name]) if in_force else ABSENT,)
    return tuple(float(bool(in_force) and same(params[name], choice)) for choice in choices)


def _ordered(choices: Sequence[Scalar]) -> bool:
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in choices)
    return numbers and len(choices) > 2


def _along(definition: Hyperparameter, value: Any) -> float:
    """Return the place of a number on its scale: 0 and 1 are the ends of the range."""
    low, high = definition.range or (0, 1)
    if definition.one_minus:
        value, low, high = 1 - value, 1 - low, 1 - high
    if definition.scale == "log":
        if value <= 0:
            return -math.inf if low < high else math.inf
        value, low, high = math.log(value), math.log(low), math.log(high)
    return float((value - low) / (high - low))


def _fits(definition: Hyperparameter, value: Any) -> bool:
    if definition.role == "fixed":
        return same(definition.value, value)
    if definition.values is not None:
        return any(same(value, choice) for choice in definition.values)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return -BEYOND <= _along(definition, value) <= 1 + BEYOND
