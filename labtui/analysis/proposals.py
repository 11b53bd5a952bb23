"""Ranges to search next, in the study file's units: wider at an edge, or cut at a threshold."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal, TypeAlias

import numpy as np

from labtui.analysis.runs import Floats
from labtui.analysis.table import AxisColumn
from labtui.study.fields import scalar_text
from labtui.study.model import Hyperparameter

Side: TypeAlias = Literal["low", "high"]
Bounds: TypeAlias = tuple[float, float]

MOST_DECADES = 1.0
"""A log range grows by half its span, but by no more than a decade at a time: the next study shows
whether that was enough."""

LINEAR_GROWTH = 0.5
"""A linear range grows by this share of its span."""

DIGITS = 2
"""Significant digits of a proposed bound."""

_BELOW_ONE = re.compile(
    r"momentum|(^|_)beta_?\d*($|_)|dropout|drop_?(rate|prob|path)|smoothing|(^|_)(ema|rho)($|_)"
)
_RATE = re.compile(r"(^|_)(lr|learning_?rate|eta|step_?size)($|_)|learning_?rate|_lr|lr_")
_NOT_RATE = re.compile(r"epoch|steps|warmup|decay|peak|schedule|power|factor|frac|ratio")


@dataclass(frozen=True)
class Proposal:
    """What to write into the next study file.

    Attributes:
        bounds: The proposed range; None for a list, and where nothing can be proposed.
        values: The proposed list; None for a range.
        limit: The natural limit at which the axis ends already; empty for none.
        text: The definition as the study file has it, in one line; empty without a proposal.
    """

    bounds: Bounds | None
    values: Sequence[Any] | None
    limit: str
    text: str


def rate_like(name: str) -> bool:
    """Say whether a hyperparameter is a learning rate: too large a value makes training diverge."""
    told = name.lower()
    return bool(_RATE.search(told)) and not _NOT_RATE.search(told)


def natural_limits(axis: AxisColumn) -> tuple[float, float]:
    """Give what no value may pass: 0 for what begins at 0 or above, 1 for momentum and its like.

    Args:
        axis: Its name and its present values decide.
    """
    low, high = ends(axis)
    least = 1.0 if axis.definition.integer and low >= 1 else 0.0
    shares = _BELOW_ONE.search(axis.name.lower()) is not None and low >= 0 and high <= 1
    bounded = shares or axis.definition.one_minus
    return (least if low >= least else -math.inf), (1.0 if bounded else math.inf)


def ends(axis: AxisColumn) -> Bounds:
    """Give the lowest and the highest value of a numeric axis."""
    if axis.definition.range is not None:
        low, high = axis.definition.range
        return float(low), float(high)
    numbers = levels(axis)
    return float(numbers[0]), float(numbers[-1])


def levels(axis: AxisColumn) -> list[int | float]:
    """Give the values of a list of numbers, ascending."""
    return sorted(v for v in axis.definition.values or () if isinstance(v, (int, float)))


def positions(axis: AxisColumn) -> Floats:
    """Give the position of every trial in [0, 1], low values first, shape (n,).

    A list is taken in ascending order, however the study file has it.
    """
    if axis.definition.range is not None:
        return axis.unit
    numbers = levels(axis)
    place = {float(v): (i + 0.5) / len(numbers) for i, v in enumerate(numbers)}
    found = [
        place.get(float(v), math.nan) if isinstance(v, (int, float)) else math.nan
        for v in axis.values
    ]
    return np.array(found)


def widened(axis: AxisColumn, side: Side) -> Proposal:
    """Extend an axis beyond one of its ends, never past a natural limit (P14).

    Args:
        axis: A range, or a list of numbers.
        side: ``low`` or ``high`` values; of a list in descending order too.
    """
    low, high = ends(axis)
    least, most = natural_limits(axis)
    if axis.definition.range is None:
        return _longer_list(axis, side, least, most)
    bound = _beyond(axis.definition, low, high, side)
    limit = least if side == "low" else most
    edge = low if side == "low" else high
    if edge == limit:
        return Proposal(None, None, _limit_text(axis, limit), "")
    if bound <= limit if side == "low" else bound >= limit:
        # 1 itself trains nothing: half of the way there
        bound = (edge + limit) / 2 if limit == 1.0 and side == "high" else limit
    proposal = _range_proposal(axis, (bound, high) if side == "low" else (low, bound))
    return proposal if proposal.bounds != (low, high) else replace(proposal, bounds=None, text="")


def narrowed(axis: AxisColumn, side: Side, unit: float) -> Proposal:
    """Cut the bad side off an axis, at a position between two trials (P16).

    Args:
        axis: A range, or a list of numbers.
        side: Where the axis is to end earlier.
        unit: Where.
    """
    if axis.definition.range is None:
        choices = levels(axis)
        place = {i: (i + 0.5) / len(choices) for i in range(len(choices))}
        kept = [v for i, v in enumerate(choices) if (place[i] < unit) == (side == "high")]
        return Proposal(None, kept, "", _text(axis.definition, values=kept))
    low, high = ends(axis)
    value = value_at(axis, unit)
    if axis.definition.integer:
        value = math.floor(value) if side == "high" else math.ceil(value)
    return _range_proposal(axis, (low, value) if side == "high" else (value, high))


def value_at(axis: AxisColumn, unit: float) -> float:
    """Give the value at a position, also between the values of a list (then geometrically)."""
    definition = axis.definition
    if definition.range is not None:
        low, high = ends(axis)
        if definition.one_minus:
            return 1 - _between(1 - low, 1 - high, unit, definition.scale == "log")
        return _between(low, high, unit, definition.scale == "log")
    numbers = [float(v) for v in levels(axis)]
    place = min(max(unit * len(numbers) - 0.5, 0.0), len(numbers) - 1.0)
    left = min(int(place), len(numbers) - 2)
    positive = min(numbers) > 0
    return _between(numbers[left], numbers[left + 1], place - left, positive)


def shown(value: float) -> float | int:
    """Round a bound to few digits; whole numbers stay whole."""
    if value == 0 or not math.isfinite(value):
        return 0 if value == 0 else value
    if value == int(value) and abs(value) < 1e6:
        return int(value)
    rounded = float(f"{value:.{DIGITS}g}")
    return rounded if abs(1 - value) > 0.1 else 1 - float(f"{1 - value:.{DIGITS}g}")


def number_text(value: float) -> str:
    """Write a bound as a study file may have it: 0.05, 1e-4, 200, 0.9995."""
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.6g}"
    mantissa, exponent = f"{value:.6e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def _between(start: float, end: float, share: float, log: bool) -> float:
    if log:
        return float(math.exp(math.log(start) * (1 - share) + math.log(end) * share))
    return start * (1 - share) + end * share


def _beyond(definition: Hyperparameter, low: float, high: float, side: Side) -> float:
    if definition.one_minus:
        low, high = 1 - low, 1 - high
    if definition.scale == "log":
        decades = abs(math.log10(high / low))
        factor = 10 ** min(MOST_DECADES, decades / 2)
        rising = high > low
        grown = low / factor if rising else low * factor
        if side == "high":
            grown = high * factor if rising else high / factor
    else:
        way = LINEAR_GROWTH * (high - low)
        grown = low - way if side == "low" else high + way
    return 1 - grown if definition.one_minus else grown


def _longer_list(axis: AxisColumn, side: Side, least: float, most: float) -> Proposal:
    """Put one more point on a list, a ratio or a difference beyond its end.

    The step is that of the last two values, or that of the list on average where this is longer: of
    a list of random points the last two may be all but equal.
    """
    numbers = levels(axis)
    edge, inner = (numbers[0], numbers[1]) if side == "low" else (numbers[-1], numbers[-2])
    other = numbers[-1] if side == "low" else numbers[0]
    limit = least if side == "low" else most
    if edge == limit:
        return Proposal(None, None, _limit_text(axis, limit), "")
    steps = len(numbers) - 1
    ratios = min(numbers) > 0 and max(numbers) / min(numbers) >= 2 * len(numbers)
    doubling = min(numbers) > 0 and all(b >= 1.9 * a for a, b in pairwise(numbers))
    if ratios or doubling:
        apart = max(abs(math.log(edge / inner)), abs(math.log(edge / other)) / steps)
        point = edge * math.exp(-apart if side == "low" else apart)
    else:
        apart = max(abs(edge - inner), abs(edge - other) / steps)
        point = edge - apart if side == "low" else edge + apart
    if (point <= limit) if side == "low" else (point >= limit):
        point = (edge + limit) / 2
    if all(isinstance(v, int) for v in numbers):
        point = round(point)
        if point == edge or point < least:
            return Proposal(None, None, _limit_text(axis, least), "")
    extra = shown(point)
    listed = [extra, *numbers] if side == "low" else [*numbers, extra]
    return Proposal(None, listed, "", _text(axis.definition, values=listed))


def _range_proposal(axis: AxisColumn, bounds: Bounds) -> Proposal:
    kept = axis.definition.range or bounds
    whole = axis.definition.integer
    low, high = (
        (int(old) if whole else old) if bound == old else (round(bound) if whole else shown(bound))
        for bound, old in zip(bounds, kept, strict=True)
    )
    return Proposal((low, high), None, "", _text(axis.definition, bounds=(low, high)))


def _limit_text(axis: AxisColumn, limit: float) -> str:
    return f"{axis.name} cannot pass {number_text(limit)}"


def _text(
    definition: Hyperparameter, bounds: Bounds | None = None, values: Sequence[Any] | None = None
) -> str:
    parts = [f"role: {definition.role}"]
    if bounds is not None:
        if definition.scale == "log":
            parts.append("scale: log")
        parts += ["one_minus: true"] if definition.one_minus else []
        parts += ["integer: true"] if definition.integer else []
        parts.append(f"range: [{', '.join(number_text(bound) for bound in bounds)}]")
        if definition.step is not None:
            parts.append(f"step: {number_text(definition.step)}")
    else:
        parts.append(f"values: [{', '.join(_item(value) for value in values or ())}]")
    if definition.when:
        held = "; ".join(
            f"{parent}: [{', '.join(scalar_text(v) for v in allowed)}]"
            for parent, allowed in definition.when.items()
        )
        parts.append(f"when: {{{held.replace('; ', ', ')}}}")
    return "{" + ", ".join(parts) + "}"


def _item(value: Any) -> str:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number_text(value) if number else scalar_text(value)
