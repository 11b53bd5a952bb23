"""One line for the values, the condition or the number of a field: written, read and checked."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from labtui.analysis.design_ranges import Candidate
from labtui.study.errors import display, nearest_name
from labtui.study.fields import Scalar, same, scalar_text
from labtui.study.scaffold import scalar
from labtui.study.yamltree import plain_scalar

Definition = dict[str, Any]

EXAMPLES = {
    "fixed": "one value, as 0.1",
    "nuisance": "low … high with a scale, as 1e-5 … 1e-1 log, or values: 16, 32, 64",
    "scientific": "the values to compare, with commas: 0, 0.1, 0.2",
}
"""What is expected in each role."""

LOPSIDED = 100.0
"""A range of so many times its low end has 99 % of its points above 1/100 of the high end on a
linear scale: it is said as it is typed, because a factor is nearly always meant (P12)."""

_SUFFIXES = {"k": 1_000, "M": 1_000_000}
_NUMBER = r"[-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?[kM%]?"
_RANGE = re.compile(
    rf"({_NUMBER})(?:\s*(?:…|\.{{2,3}})\s*|\s+(?:to|-|–)\s+|\s+)({_NUMBER})(?![\w.])(.*)"
)
_PAIR = re.compile(rf"\[\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\](.*)")
_SCALES = ("log", "linear")
_FLAGS = {"one_minus": "one_minus", "1-x": "one_minus", "integer": "integer", "whole": "integer"}


class LineError(ValueError):
    """A line that cannot be read; says what was found and what was expected."""


def read_number(text: str) -> int | float:
    """Read a number; ``10k``, ``2M`` and ``5%`` are numbers too.

    Raises:
        LineError: It is none.
    """
    plain = text.strip().replace("_", "").replace(",", "")
    factor = _SUFFIXES.get(plain[-1:], 1)
    share = plain.endswith("%")
    try:
        found = plain_scalar(plain[:-1] if factor > 1 or share else plain)
    except ValueError:
        found = None
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not math.isfinite(found):
        raise LineError(f"found {display(text.strip())}; expected a number, as 0.01 or 1e-3")
    if share:
        return float(repr(found / 100))
    times = found * factor
    return int(times) if factor > 1 and times == int(times) else times


def read_whole(text: str) -> int:
    """Read a whole number; ``10k`` is 10,000.

    Raises:
        LineError: It is none.
    """
    found = read_number(text)
    if found != int(found):
        raise LineError(f"found {text.strip()}; expected a whole number")
    return int(found)


# -- values -------------------------------------------------------------------------------------


def domain_line(definition: Mapping[str, Any]) -> str:
    """Write what a definition can be as a line that `read_domain` reads."""
    if definition.get("values") is not None:
        return ", ".join(scalar(value) for value in definition["values"])
    if definition.get("range") is None:
        return scalar(definition.get("value"))
    low, high = definition["range"]
    words = [f"{scalar(low)} … {scalar(high)}", str(definition.get("scale") or "linear")]
    words += ["one_minus"] if definition.get("one_minus") else []
    words += ["integer"] if definition.get("integer") else []
    if definition.get("step") is not None:
        words.append(f"step {scalar(definition['step'])}")
    return " ".join(words)


def read_domain(text: str, before: Mapping[str, Any], one: Candidate | None) -> Definition:
    """Read a line of values for a definition; its role and condition stay.

    Args:
        text: As `domain_line` writes it; a range also as ``1e-5 .. 1e-1 log`` or ``[1e-5, 0.1]``.
        before: The definition.
        one: What is known of the hyperparameter.

    Raises:
        LineError: It is none, or not one that the trainer knows.
    """
    role = before.get("role", "fixed")
    line = text.strip()
    if not line:
        raise LineError(f"found nothing; expected {EXAMPLES[role]}")
    found = _PAIR.fullmatch(line) or _RANGE.fullmatch(line)
    if found is not None and role != "fixed":
        low, high, rest = found.groups()
        domain = _read_range(low, high, rest, one)
    elif role == "fixed":
        domain = {"value": _read_value(line)}
    else:
        domain = _read_values(line, role)
    _check_known(domain, one)
    when = {"when": before["when"]} if before.get("when") else {}
    made = {"role": role, **domain, **when}
    _check_model(made)
    return made


def _read_range(low: str, high: str, rest: str, one: Candidate | None) -> Definition:
    words = rest.replace(",", " ").split()
    domain: Definition = {}
    while words:
        word = words.pop(0)
        if word in _SCALES:
            if word == "log":
                domain["scale"] = "log"
        elif word in _FLAGS:
            domain[_FLAGS[word]] = True
        elif word == "step" and words:
            domain["step"] = read_number(words.pop(0))
        else:
            known = [*_SCALES, "one_minus", "integer", "step"]
            near = nearest_name(word, known)
            guess = f" — did you mean {near}?" if near else ""
            raise LineError(f"found {display(word)}; expected {', '.join(known)} or nothing{guess}")
    domain["range"] = [read_number(low), read_number(high)]
    if one is not None and one.declared is not None and one.declared.integer:
        domain["integer"] = True
    return domain


def _read_values(line: str, role: str) -> Definition:
    if "…" in line or ".." in line or line.startswith("["):
        raise LineError(f"found {display(line)}; expected {EXAMPLES['nuisance']}")
    values = [_read_value(part) for part in line.split(",") if part.strip()]
    if role == "nuisance" and len(values) == 1 and _is_number(values[0]):
        raise LineError(f"found one value; expected {EXAMPLES['nuisance']}")
    return {"values": values}


def _read_value(text: str) -> Scalar:
    """Read a value as YAML does; quotes make text of anything."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    if re.fullmatch(_NUMBER, text):
        return read_number(text)
    try:
        return plain_scalar(text)
    except ValueError as error:
        raise LineError(f"found {display(text)}; expected a shorter number") from error


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _check_known(domain: Mapping[str, Any], one: Candidate | None) -> None:
    """See that the trainer knows the values: its categories, numbers where it wants numbers."""
    declared = one.declared if one is not None else None
    if one is None or declared is None:
        return
    values = domain.get("values", [domain["value"]] if "value" in domain else domain.get("range"))
    if declared.low is None and declared.values:
        _check_categories(one.name, declared.values, domain, values or [])
        return
    for value in values or ():
        if not _is_number(value) and not same(value, declared.default):
            if value is None and declared.low is not None:
                continue
            raise LineError(f"{one.name}: found {display(value)}; expected a number")
        if declared.integer and value is not None and value != int(value):
            counts = f"{one.name} counts something"
            raise LineError(f"found {scalar_text(value)}; expected whole numbers: {counts}")


def _check_categories(
    name: str, known: Sequence[Any], domain: Mapping[str, Any], values: Sequence[Scalar]
) -> None:
    listed = ", ".join(scalar_text(value) for value in known)
    if "range" in domain:
        raise LineError(f"{name}: found a range; expected some of {listed}")
    for value in values:
        if not any(same(value, other) for other in known):
            near = nearest_name(value, [scalar_text(one) for one in known])
            guess = f" — did you mean {near}?" if near else ""
            raise LineError(f"{name} cannot be {scalar_text(value)}; it has {listed}{guess}")


def _check_model(definition: Mapping[str, Any]) -> None:
    """See that the study file may say so, in the words of the study file."""
    from pydantic import ValidationError

    from labtui.study.mapping import problems_of
    from labtui.study.model import Hyperparameter
    from labtui.study.yamltree import Tree
    from labtui.tui.drafts.check import node_of

    try:
        Hyperparameter.model_validate(definition)
    except ValidationError as error:
        tree = Tree("", node_of(definition), [])
        first = next(problems_of(error, tree, lambda _: Hyperparameter))
        raise LineError(f"found {first.found}; expected {first.expected}") from None


def domain_words(definition: Mapping[str, Any], one: Candidate | None) -> tuple[str, bool]:
    """Say what a line of values means, and whether it is unusual.

    Returns:
        ``("4 decades on a log scale", False)``; true with a word of warning.
    """
    role = definition["role"]
    if definition.get("range") is not None:
        return _range_words(definition, one)
    if definition.get("values") is not None:
        count = len(definition["values"])
        if role == "scientific":
            return (f"{count} values to compare", False) if count > 1 else (_ALONE, True)
        return f"{count} value{'s' * (count != 1)}, tuned", False
    return "one value: a caveat of the conclusion (P06)", False


_ALONE = "one value: nothing to compare it with"


def _range_words(definition: Mapping[str, Any], one: Candidate | None) -> tuple[str, bool]:
    low, high = (float(bound) for bound in definition["range"])
    log = definition.get("scale") == "log"
    outside = _outside(low, high, one)
    if log:
        least, most = (1 - high, 1 - low) if definition.get("one_minus") else (low, high)
        decades = math.log10(most / least)
        what = "of 1 - x" if definition.get("one_minus") else "on a log scale"
        told = f"{decades:.2g} decade{'s' * (f'{decades:.2g}' != '1')} {what}"
    elif low > 0 and high / low >= LOPSIDED:
        return f"linear: 99 % of the points above {high / 100:g}; add log to spread them", True
    else:
        told = "evenly between the two"
    told += ", whole numbers" if definition.get("integer") else ""
    return (f"{told}; {outside}", True) if outside else (told, False)


def _outside(low: float, high: float, one: Candidate | None) -> str:
    declared = one.declared if one is not None else None
    if declared is None or declared.low is None or declared.high is None:
        return ""
    if declared.low <= low and high <= declared.high:
        return ""
    return f"beyond the sensible {scalar(declared.low)} … {scalar(declared.high)}"


# -- conditions ---------------------------------------------------------------------------------


def condition_line(definition: Mapping[str, Any]) -> str:
    """Write a condition as a line: ``optimizer=adam|nadam, schedule=cosine``."""
    parts = []
    for name, allowed in (definition.get("when") or {}).items():
        options = allowed if isinstance(allowed, list) else [allowed]
        parts.append(f"{name}={'|'.join(scalar_text(option) for option in options)}")
    return ", ".join(parts)


def read_condition(text: str, name: str, definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Read a condition; nothing is always.

    Args:
        text: As `condition_line` writes it.
        name: The hyperparameter that it is for.
        definitions: All of the study.

    Raises:
        LineError: It names no hyperparameter of the study, or values that it never has.
    """
    when: dict[str, Any] = {}
    for part in filter(str.strip, text.removeprefix("when ").split(",")):
        parent, equals, values = part.partition("=")
        parent = parent.strip()
        if not equals or not values.strip():
            raise LineError(f"found {display(part.strip())}; expected as optimizer=adam|nadam")
        if parent == name or parent not in definitions:
            near = nearest_name(parent, [one for one in definitions if one != name])
            guess = f" — did you mean {near}?" if near else ""
            raise LineError(f"found {display(parent)}; expected a name of this study{guess}")
        options = [_read_value(value) for value in values.split("|")]
        _check_options(parent, definitions[parent], options)
        when[parent] = options[0] if len(options) == 1 else options
    return when


def _check_options(
    parent: str, listed: Sequence[Mapping[str, Any]], options: Sequence[Scalar]
) -> None:
    known: list[Scalar] = []
    for one in listed:
        if one.get("range") is not None:
            return  # judged with the study: whole ranges have values too
        known += one["values"] if one.get("values") is not None else [one.get("value")]
    for option in options:
        if not any(same(option, value) for value in known):
            there = ", ".join(scalar_text(value) for value in known)
            raise LineError(f"{parent} is never {scalar_text(option)} here; it has {there}")
