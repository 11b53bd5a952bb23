"""Studies out: a study file as text, one definition a line, with comments that say why (P06)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from labtui.study.fields import Scalar

WIDTH = 100
"""Longest line of a comment, in characters."""

_PLAIN = re.compile(r"[A-Za-z_/](?:[\w ./()%+?-]|:(?=[\w./]))*")
_SENTENCE = re.compile(r"(?!.*(: | #|:$))[A-Za-z_/].*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"})
"""Words that YAML 1.2 or 1.1 reads as something else than text."""

Definitions = Mapping[str, Sequence[Mapping[str, Any]]]


def study_text(
    fields: Mapping[str, Any],
    groups: Iterable[tuple[str, Definitions]],
    *,
    above: Sequence[str] = (),
    below: Sequence[str] = (),
) -> str:
    """Write a study file.

    Args:
        fields: All but the hyperparameters, in their order; what is None is left out.
        groups: Why hyperparameters have their role, and name → definitions of those.
        above: Comments before everything.
        below: Comments behind it.

    Returns:
        YAML that `parse_study` reads; each value exactly as given.
    """
    lines = [line for text in above for line in comment(text)]
    lines += [f"{name}: {_field(value)}" for name, value in fields.items() if value is not None]
    listed = [(why, definitions) for why, definitions in groups if definitions]
    if listed:
        lines.append("hyperparameters:")
    for why, definitions in listed:
        lines += comment(why, "  ")
        width = max(len(scalar(name)) for name in definitions) + 1
        for name, several in definitions.items():
            lines += _definition_lines(scalar(name), several, width)
    lines += [line for text in below for line in comment(text, "  " if listed else "")]
    return "\n".join(lines) + "\n"


def _field(value: Any) -> str:
    return scalar(value, _SENTENCE) if isinstance(value, str) else flow(value)


def _definition_lines(name: str, several: Sequence[Mapping[str, Any]], width: int) -> Iterator[str]:
    if len(several) == 1:
        yield f"  {f'{name}:'.ljust(width)} {flow(several[0])}"
        return
    yield f"  {name}:"
    yield from (f"    - {flow(one)}" for one in several)


def comment(text: str, indent: str = "") -> list[str]:
    """Write a comment, broken between words."""
    import textwrap

    lead = f"{indent}# "
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return textwrap.wrap(
        plain,
        WIDTH,
        initial_indent=lead,
        subsequent_indent=lead,
        break_long_words=False,
        break_on_hyphens=False,
    )


def flow(value: Any) -> str:
    """Write a value in one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(k)}: {flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(flow(one) for one in value) + "]"
    return scalar(value)


def scalar(value: Scalar, plain: re.Pattern[str] = _PLAIN) -> str:
    """Write a value such that YAML 1.2 reads the same again.

    Args:
        value: Text is quoted where it must be.
        plain: Which text needs no quotes: within braces less than on a line of its own.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, (int, float)):
        return _number(value)
    bare = plain.fullmatch(value) and value == value.strip() and value.lower() not in _WORDS
    if bare and value.isprintable():
        return value
    return json.dumps(value, ensure_ascii=not value.isprintable())


def _number(value: int | float) -> str:
    if isinstance(value, int):
        return str(value)
    mantissa, e, exponent = repr(value).partition("e")
    if not e:
        return mantissa
    return f"{mantissa}e{int(exponent)}"
