"""Where to search a hyperparameter, and which values of it to compare, before anything is known."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from labtui.analysis.kinds import (
    BETA1,
    BETA2,
    EPSILON,
    LEARNING_RATE,
    MOMENTUM,
    Declared,
    Meaning,
)
from labtui.study.fields import Scalar, same

ADAPTIVE_SHIFT = 100.0
"""How much smaller the learning rates of Adam and its like are than those of SGD: the sample study
of both finds its best at 0.26 (Nesterov) and 0.0053 (Adam), and searches 1e-3 … 10, 1e-5 … 0.1."""

AROUND = 100.0
"""A positive number of which nothing is declared is searched from 1/100 to 100 times its value: a
first search is broad (P14 says when it was not broad enough)."""

MOST_CHOICES = 4
"""Most declared categories that are compared unless a person names them; each is an arm."""

_SHARE = re.compile(r"dropout|drop_?(rate|prob|path)|stochastic_depth|smoothing")


@dataclass(frozen=True)
class Candidate:
    """A hyperparameter that a study could have.

    Attributes:
        name: Its name.
        meaning: What it is.
        value: What the baseline has, else the trainer's default, else what the person said.
        declared: What its trainer declares of it; None for a person's own script.
        range: Where an earlier study searched it.
    """

    name: str
    meaning: Meaning
    value: Scalar
    declared: Declared | None = None
    range: tuple[float, float] | None = None


def is_number(value: Scalar) -> bool:
    """Tell whether a value is a number; true and false are none. Nothing can be a number's off."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_off(value: Scalar) -> bool:
    """Tell whether a value switches something off."""
    return value is None or value is False or (is_number(value) and value == 0)


def search_range(
    one: Candidate, *, adaptive: bool | None = None, own: bool | None = None
) -> dict[str, Any]:
    """Give the range of a nuisance hyperparameter, as a study file has it.

    Args:
        one: The hyperparameter, a number.
        adaptive: For a learning rate, whether the rule it is for is Adam's like; None if unknown.
        own: The same of the rule that the value is from; only a range for such holds the value.
    """
    declared = one.declared
    if declared is not None and declared.low is not None and declared.high is not None:
        low, high = float(declared.low), float(declared.high)
        log, integer, memory = declared.scale == "log", declared.integer, declared.one_minus
        if one.meaning.part == LEARNING_RATE and adaptive is not None:
            low, high = _shifted(low, high, adaptive)
    else:
        low, high, log, integer, memory = _guessed(one, adaptive, own)
    if one.range is not None and one.meaning.part != LEARNING_RATE:
        low, high = one.range
    low, high = _holding(low, high, one.value if adaptive == own else None, log=log, memory=memory)
    found: dict[str, Any] = {"scale": "log"} if log else {}
    found |= {"one_minus": True} if memory else {}
    found |= {"integer": True} if integer else {}
    bounds = [round(b) if integer else _neat(b) for b in (low, high)]
    return {**found, "range": bounds}


def _shifted(low: float, high: float, adaptive: bool) -> tuple[float, float]:
    """Cut a declared range of learning rates, which spans all rules, to those of one kind."""
    wide = high / low >= ADAPTIVE_SHIFT * 10 if low > 0 else False
    if not wide:
        return low, high
    return (low / 10, high / ADAPTIVE_SHIFT) if adaptive else (low * 10, high)


def _guessed(
    one: Candidate, adaptive: bool | None, own: bool | None
) -> tuple[float, float, bool, bool, bool]:
    """Guess low, high, whether log, whole and of 1 - x, by kind and value."""
    part, kind = one.meaning.part, one.meaning.kind
    value = float(one.value) if isinstance(one.value, (int, float)) else 0.0
    if part in (MOMENTUM, BETA1):
        return 0.5, 0.99, True, False, True
    if part == BETA2:
        return 0.9, 0.9999, True, False, True
    if part == EPSILON:
        return 1e-10, 1e-2, True, False, False
    if part == LEARNING_RATE:
        middle = value if value > 0 else 0.1
        if adaptive is not None and own is not None and adaptive != own:
            middle *= 1 / ADAPTIVE_SHIFT if adaptive else ADAPTIVE_SHIFT
        return middle / AROUND, middle * AROUND, True, False, False
    if _SHARE.search(one.name.lower()):
        return 0.0, 0.3 if "smooth" in one.name.lower() else 0.5, False, False, False
    if kind == "regularization":
        middle = value if value > 0 else 1e-4
        return middle / AROUND, middle * AROUND, True, False, False
    if 0 < value < 1:
        return 0.0, 1.0, False, False, False
    whole = isinstance(one.value, int)
    return (
        (0.0, 2.0 * value, False, True, False)
        if whole
        else (value / 10, value * 10, True, False, False)
    )


def _holding(
    low: float, high: float, value: Scalar, *, log: bool, memory: bool
) -> tuple[float, float]:
    """Widen a range until the present value lies well inside."""
    if not isinstance(value, (int, float)) or isinstance(value, bool) or is_off(value):
        return low, high
    if memory:
        if value >= high and value < 1:
            high = 1 - (1 - value) / 10
        return min(low, value), high
    if log and value > 0:
        low = value / 10 if value <= low else low
        return low, (value * 10 if value >= high else high)
    return min(low, value), (2.0 * value if value >= high > 1 else max(high, value))


def _neat(bound: float) -> float | int:
    """Round a bound to two digits; shares near one keep the two digits of what is missing."""
    if bound == 0 or bound == int(bound):
        return int(bound) if abs(bound) < 1e6 else bound
    if 0.9 < bound < 1:
        return round(1 - float(f"{1 - bound:.2g}"), 10)
    return float(f"{bound:.2g}")


# -- values to compare --------------------------------------------------------------------------


def values_to_compare(one: Candidate, others: Sequence[str] = ()) -> list[Scalar]:
    """Give the values of a scientific hyperparameter that a person named without values.

    Args:
        one: The hyperparameter.
        others: For a choice of optimizer, one of another kind than the present.

    Returns:
        At least two values, the present one among them; empty where none can be guessed.
    """
    declared = one.declared
    if declared is not None and declared.values:
        if len(declared.values) <= MOST_CHOICES:
            return list(declared.values)
        other = [v for v in declared.values if v in others] or list(declared.values)
        return _once([one.value, next(v for v in other if not same(v, one.value))])
    if isinstance(one.value, bool):
        return [False, True]
    if not isinstance(one.value, (int, float)):
        return []
    if is_off(one.value):
        return [0, *_inside(one)]
    return _once(_spread(one, one.value))


def _inside(one: Candidate) -> list[Scalar]:
    """Give two values at a third and two thirds of a range."""
    found = search_range(one)
    low, high = (float(bound) for bound in found["range"])
    points = []
    for share in (1 / 3, 2 / 3):
        if found.get("one_minus") and found.get("scale") == "log":
            points.append(1 - _log_between(1 - low, 1 - high, share))
        elif found.get("scale") == "log":
            points.append(_log_between(low, high, share))
        else:
            points.append(low + share * (high - low))
    if found.get("integer"):
        return [round(point) for point in points]
    return [float(f"{point:.1g}") if point < 0.9 else _neat(point) for point in points]


def _log_between(low: float, high: float, share: float) -> float:
    return math.exp(math.log(low) * (1 - share) + math.log(high) * share)


def _spread(one: Candidate, value: int | float) -> list[Scalar]:
    """Give the present value between a smaller and a larger one, as far as they are declared."""
    declared = one.declared
    low = -math.inf if declared is None or declared.low is None else declared.low
    high = math.inf if declared is None or declared.high is None else declared.high
    if isinstance(value, int):
        linear = declared is not None and declared.scale == "linear"
        near = (
            [value - 1, value, value + 1] if linear or value < 2 else [value // 2, value, 2 * value]
        )
        inside = [v for v in near if v == value or max(low, 0) <= v <= high]
        return list(inside) if len(inside) > 1 else [value, value + 1]
    memory = one.meaning.part in (MOMENTUM, BETA1, BETA2)
    if memory or (declared is not None and declared.one_minus):
        return [
            _neat(1 - 3 * (1 - value)) if value > 2 / 3 else 0,
            value,
            _neat(1 - (1 - value) / 3),
        ]
    factor = 10 if one.meaning.kind in ("optimizer", "regularization") else 2
    near_values = [value / factor, value, value * factor]
    inside_values = [v for v in near_values if v == value or low <= v <= high]
    if len(inside_values) < 2:
        inside_values = [value, value / 2]
    return [v if v == value else float(f"{v:.3g}") for v in inside_values]


def _once(values: Sequence[Scalar]) -> list[Scalar]:
    found: list[Scalar] = []
    for value in values:
        if not any(same(value, other) for other in found):
            found.append(value)
    return found
