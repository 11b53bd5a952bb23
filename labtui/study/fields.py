"""Values of a study file, and what a field may demand of them."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

Scalar: TypeAlias = str | int | float | bool | None
"""A value of a hyperparameter: text, a number, true or false, or null."""


def refuse(expected: str, at: tuple[str | int, ...] = (), found: str | None = None) -> Exception:
    """Return the error of a validator, to raise: what was expected, and where below it."""
    return PydanticCustomError(
        "study", "{expected}", {"expected": expected, "at": at, "found": found}
    )


def scalar_text(value: Scalar) -> str:
    """Return a value as labels write it: `adam`, `3`, `true`, `null`; awkward text is quoted."""
    if isinstance(value, str):
        plain = (
            value.isprintable() and value.strip() == value != "" and not set(value) & set(",=\"'")
        )
        return value if plain else json.dumps(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


def short_text(value: Scalar) -> str:
    """Return a value as people read it: as labels write it, floats with four digits."""
    return f"{value:.4g}" if isinstance(value, float) else scalar_text(value)


def same(left: Scalar, right: Scalar) -> bool:
    """Tell whether two values are one: 1 is 1.0, but neither is true."""
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def _scalar(value: Any) -> Any:
    if isinstance(value, (list, dict)):
        raise refuse("text, a number, true or false (write a list in quotes: '[64, 64]')")
    if isinstance(value, float) and not math.isfinite(value):
        raise refuse("a finite number")
    return value


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise refuse("a whole number")
    return value


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise refuse("a number")
    if not math.isfinite(value if isinstance(value, float) else _as_float(value)):
        raise refuse("a finite number")
    return value


def _as_float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _stack(value: Any) -> Any:
    if value in ("auto", "off") and isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise refuse("'auto', 'off' or a whole number of at least 1")
    return value


def _one_or_many(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


class _OneOrMany:
    """In the schema: one definition, or a list of several."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        several = handler(core_schema)
        return {"anyOf": [several["items"], several]}


one_or_many = BeforeValidator(_one_or_many)
OneOrMany = _OneOrMany()

AnyScalar = Annotated[Scalar, BeforeValidator(_scalar)]
Whole = Annotated[int, BeforeValidator(_whole)]
Number = Annotated[int | float, BeforeValidator(_number)]
Stack = Annotated[Literal["auto", "off"] | int, BeforeValidator(_stack)]
