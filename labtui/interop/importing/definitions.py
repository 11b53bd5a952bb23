"""The search space of trials that were only observed: what each hyperparameter took on."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from labtui.interop.importing.values import number
from labtui.study.fields import Scalar, same, scalar_text

MOST_VALUES = 12
"""Numbers that are listed one by one; more of them are a range from the lowest to the highest. The
same limit divides an ordered axis from a continuous one (`labtui.analysis.table`)."""

DECADES = 100.0
"""A range above zero whose ends are this factor apart is taken for a log scale: two decades, which
nobody searches evenly."""


def scalars(found: Mapping[str, Any], prefix: str = "") -> dict[str, Scalar]:
    """Flatten a configuration: nested names joined by dots, lists and NaN as text."""
    flat: dict[str, Scalar] = {}
    for name, value in found.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            flat.update(scalars(value, f"{key}."))
        elif isinstance(value, list):
            flat[key] = json.dumps(value)
        elif isinstance(value, float) and not math.isfinite(value):
            flat[key] = str(value)
        else:
            flat[key] = value
    return flat


def observed(params: Iterable[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Define every hyperparameter by the values it took: fixed for one, else nuisance.

    A range of this kind is what was seen, not what was searched.

    Args:
        params: The configurations of all trials.
    """
    known: dict[str, dict[tuple[bool, Any], Scalar]] = {}
    present: Counter[str] = Counter()
    n = 0
    for one in params:
        n += 1
        for name, value in one.items():
            known.setdefault(name, {}).setdefault((isinstance(value, bool), value), value)
            present[name] += 1
    return {
        name: [_definition(list(values.values()), always=present[name] == n)]
        for name, values in known.items()
    }


def _definition(values: list[Scalar], *, always: bool) -> dict[str, Any]:
    if len(values) == 1 and always:
        return {"role": "fixed", "value": values[0]}
    if len(values) > MOST_VALUES and all(map(_is_number, values)):
        return _range([value for value in values if isinstance(value, (int, float))])
    return {"role": "nuisance", "values": sorted(_told_apart(values), key=_order)}


def definition_of_values(values: list[Scalar], *, spread: bool) -> dict[str, Any]:
    """Define a hyperparameter by the values it took.

    Args:
        values: The different ones.
        spread: A range is meant, however few there are.
    """
    if spread and len(values) > 1 and all(map(_is_number, values)):
        return _range([value for value in values if isinstance(value, (int, float))])
    return _definition(values, always=True)


def _is_number(value: Scalar) -> bool:
    """Say whether a value has a place in a range: whole numbers of 309 digits have none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return math.isfinite(number(value))


def _range(values: list[int | float]) -> dict[str, Any]:
    low, high = min(values), max(values)
    scale = "log" if low > 0 and high / low >= DECADES else "linear"
    whole = all(isinstance(value, int) for value in values)
    return {"role": "nuisance", "scale": scale, "range": [low, high], "integer": whole}


def _told_apart(values: list[Scalar]) -> list[Scalar]:
    """Drop values that a study file could not tell from an earlier one, such as 1 and '1'."""
    kept: list[Scalar] = []
    texts: set[str] = set()
    for value in values:
        text = scalar_text(value)
        if text not in texts and not any(same(value, other) for other in kept):
            kept.append(value)
            texts.add(text)
    return kept


def _order(value: Scalar) -> tuple[int, Any]:
    if isinstance(value, bool):
        return 1, value
    if isinstance(value, (int, float)):
        return 0, value
    return (3, "") if value is None else (2, value)
