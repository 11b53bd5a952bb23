"""Definitions and names in the words and the evidence of findings about a design."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from labtui.study.fields import scalar_text
from labtui.study.model import Hyperparameter


def on_or_off(definition: Hyperparameter) -> bool:
    """Tell whether a definition asks with or without: two values, of which one is nothing."""
    values = definition.values or ()
    return len(values) == 2 and any(v in (0, None, False, "none", "off") for v in values)


def domain(definition: Hyperparameter) -> str:
    """Write the values of a definition: ``8 … 256``, ``16, 64``."""
    if definition.range is not None:
        return " … ".join(f"{bound:g}" for bound in definition.range)
    return ", ".join(scalar_text(value) for value in definition.values or [definition.value])


def condition(definition: Hyperparameter) -> str:
    """Write when a definition is in force: ``optimizer=adam``; empty for always."""
    return ", ".join(
        f"{name}={'|'.join(map(scalar_text, values))}" for name, values in definition.when.items()
    )


def subject_of(name: str, definition: Hyperparameter) -> dict[str, str]:
    """Give the subject of a finding about a definition."""
    named = {"hyperparameter": name}
    return {**named, "condition": condition(definition)} if definition.when else named


def values_of(definition: Hyperparameter) -> dict[str, Any]:
    """Give the evidence of what a definition can take: its range or its values."""
    if definition.range is not None:
        return {"range": list(definition.range)}
    return {"values": list(definition.values or [])}


def listing(names: Iterable[str]) -> str:
    """Write names as in a sentence: ``a, b and c``."""
    listed = list(names)
    return " and ".join([", ".join(listed[:-1]), listed[-1]] if len(listed) > 1 else listed)
