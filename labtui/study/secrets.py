"""Secrets: hidden in what a lab keeps and in what a person is shown, refused in a study.

The one place that says what a secret is: by the name before it, by its shape, or because a
variable of a secret's name has the same value.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

HIDDEN = "[hidden]"

SHORTEST = 6
"""Characters of the value of a variable that is looked for: shorter ones stand in any text."""

_NAME = (
    r"(?:token|secret|passw(?:or)?d|passphrase|api[-_]?key|access[-_]?key|private[-_]?key|cookie|"
    r"credentials?|authorization|(?<![a-z])auth)(?![a-z])"
)
"""A name that ends in one of these words: ``hf_token``, not ``max_tokens``, ``tokenizer``."""

NAME = re.compile(_NAME, re.IGNORECASE)

SHAPE = re.compile(
    r"(?<![A-Za-z0-9])(?:hf_(?=[A-Za-z]*\d)[A-Za-z0-9]{8,}|sk-[\w-]{8,}|gh[pousr]_\w{8,}|"
    r"github_pat_\w{8,}|AKIA[A-Z0-9]{8,}|eyJ[\w.=-]{8,}|xox[abpr]-[\w-]{8,}|glpat-[\w-]{8,}|AIza[\w-]{20,})"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
"""How the secrets of well-known services begin."""

USER_INFO = re.compile(r"(\w+://)[^/\s@]+@")

_VALUE = r"(?:(?P<quote>[\"'])(?P<quoted>[^\"'\s<>\[\]{}]{6,})(?P=quote)|(?P<plain>[\w./+~-]{8,}))"
ASSIGNED = re.compile(
    rf"(?P<name>{_NAME}[\w-]*[\"']?\s*(?:[:=]|\s)\s*(?:bearer\s+|basic\s+)?){_VALUE}",
    re.IGNORECASE,
)
"""A secret's name, and behind it what may be one: ``--api-key x``, ``password: "x"``."""

_HINTS = (
    *("token", "secret", "passw", "passphrase", "auth", "cookie", "credential"),
    *("hf_", "sk-", "github_pat_", "akia", "eyj", "://", "xox", "glpat-", "aiza"),
    *(
        "_key",
        "-key",
        "apikey",
        "accesskey",
        "privatekey",
        "private key",
        "ghp_",
        "gho_",
        "ghu_",
        "ghs_",
        "ghr_",
    ),
)
"""Every text in which a pattern finds something has one of these. Most lines have none, and looking
for words costs a thirtieth of what the patterns do."""


def redact(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """Hide the secrets in a text: by shape, by the name before them, and by their value.

    Args:
        text: What is kept, or shown.
        environment: The values of its variables with a secret's name are hidden as well.
    """
    return redactor(environment)(text)


def redactor(environment: Mapping[str, str] = os.environ) -> Callable[[str], str]:
    """Give what `redact` does to a text, for many of them."""
    values = tuple(
        value
        for name, value in environment.items()
        if NAME.search(name) and len(value) >= SHORTEST and not value.startswith("/")
    )
    return _redactor(values)


@lru_cache(maxsize=4)
def _redactor(values: tuple[str, ...]) -> Callable[[str], str]:
    ordered = sorted(values, key=len, reverse=True)

    def hide(text: str) -> str:
        for value in ordered:
            text = text.replace(value, HIDDEN)
        small = text.lower()
        if any(hint in small for hint in _HINTS):
            text = SHAPE.sub(HIDDEN, USER_INFO.sub(rf"\1{HIDDEN}@", text))
            text = ASSIGNED.sub(_hidden, text)
        return text

    return hide


def _hidden(found: re.Match[str]) -> str:
    if found["quote"]:
        return f"{found['name']}{found['quote']}{HIDDEN}{found['quote']}"
    return f"{found['name']}{HIDDEN}" if _looks_random(found["plain"]) else found[0]


def _looks_random(text: str) -> bool:
    """Say whether a bare word may be a secret: letters and digits, as no name in a program is."""
    return any(c.isdigit() for c in text) and any(c.isalpha() for c in text)


def redact_arguments(arguments: Sequence[str]) -> list[str]:
    """Hide the values of secret-named options in a command line, and secrets of any kind."""
    result, hide = [], False
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        if hide and not argument.startswith("-"):
            argument = HIDDEN
        elif equals and NAME.search(name):
            argument = f"{name}={HIDDEN}"
        hide = not equals and argument.startswith("-") and bool(NAME.search(argument))
        result.append(redact(argument))
    return result


def secrets_in(document: Any) -> Iterator[tuple[str | int, ...]]:
    """Give the places in a study (as JSON) where something is written that may be a secret.

    Text alone, and no placeholder of a command (``{lr}``), no special token (``<pad>``).
    """
    yield from _secrets(document, (), named=False)


def _secrets(value: Any, place: tuple[str | int, ...], named: bool) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            inside = named or bool(NAME.search(str(key)))
            yield from _secrets(item, (*place, str(key)), inside)
    elif isinstance(value, list | tuple):
        texts = [item if isinstance(item, str) else "" for item in value]
        hidden = redact_arguments(texts)
        for index, item in enumerate(value):
            if texts[index] and hidden[index] != texts[index] and not _is_placeholder(item):
                yield (*place, index)
            else:
                yield from _secrets(item, (*place, index), named)
    elif isinstance(value, str) and _is_secret(value, named=named):
        yield place


def _is_secret(text: str, *, named: bool) -> bool:
    if redact(text) != text:
        return True
    return named and bool(re.fullmatch(r"[^\s<>\[\]{}|]{6,}", text))


def _is_placeholder(text: str) -> bool:
    return bool(re.search(r"\{\w+\}", text)) and not SHAPE.search(text)
