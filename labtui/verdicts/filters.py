"""The language of filters: ``state:infeasible lr<1e-3 -adam`` keeps what satisfies every term."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")
_TERM = re.compile(r"([^<>=:!]+)(!=|<=|>=|<|>|=|:)(.*)", re.DOTALL)
SHOWN = 1e-3
"""What numbers may differ by to be equal, relatively: they are typed as shown, in four digits."""

_COMPARE = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}


class BadFilter(ValueError):
    """A term that cannot be understood; says what can."""


@dataclass(frozen=True)
class Language(Generic[T]):
    """What can be asked of records of one kind.

    Attributes:
        fields: By name, what a record has: a text, a number, several texts, or None.
        words: Where a word alone is looked for.
    """

    fields: Mapping[str, Callable[[T], Any]]
    words: Callable[[T], Iterable[str]]

    def parse(
        self, text: str, more: Mapping[str, Callable[[T], Any]] | None = None
    ) -> Callable[[T], bool]:
        """Turn the filter line into a test of one record.

        Args:
            text: Terms separated by spaces: ``field:text``, ``field<number``, or a word;
                ``field!=text`` and ``-term`` keep what the others leave out.
            more: Further fields; of these a beginning or the initials are enough.

        Raises:
            BadFilter: A field that there is not, or a bound that is not a number.
        """
        tests = [self._term(word, more or {}) for word in text.split()]
        return lambda record: all(test(record) for test in tests)

    def asked(self, text: str, more: Mapping[str, Callable[[T], Any]] | None = None) -> set[str]:
        """Give the names of the fields that a filter line asks for.

        Raises:
            BadFilter: A field that there is not.
        """
        terms = (_TERM.fullmatch(word.removeprefix("-")) for word in text.split())
        return {self.name(term[1], more or {}) for term in terms if term is not None}

    def _term(self, word: str, more: Mapping[str, Callable[[T], Any]]) -> Callable[[T], bool]:
        if word.startswith("-"):
            return _unless(self._term(word[1:], more))
        match = _TERM.fullmatch(word)
        if match is None:
            wanted = word.casefold()
            return lambda record: any(wanted in one.casefold() for one in self.words(record))
        field, sign, limit = match.groups()
        name = self.name(field, more)
        value = self.fields[name] if name in self.fields else more[name]
        if sign in _COMPARE:
            return _bound(value, _COMPARE[sign], limit, word)
        same = _equal(value, limit.casefold())
        return same if sign != "!=" else _unless(same)

    def name(self, name: str, more: Mapping[str, Callable[[T], Any]]) -> str:
        """Give the field that is meant: by its name, else by a beginning that only it has.

        Raises:
            BadFilter: There is none, or more than one.
        """
        if name in self.fields or name in more:
            return name
        fits = [one for one in more if one.startswith(name) or _initials(one) == name]
        begins = [one for one in self.fields if one.startswith(name)]
        ends = [one for one in more if one.endswith(f"/{name}")]
        for found in (fits, begins, ends):
            if len(found) == 1:
                return found[0]
            if found:
                raise BadFilter(f"more than one field {name!r}: {', '.join(found)}")
        raise BadFilter(f"no field {name!r}; there are {', '.join([*self.fields, *more])}")


def in_order(records: Sequence[T], order: Callable[[T], Any], *, reverse: bool = False) -> list[T]:
    """Sort records; those of which `order` gives None come last either way."""
    keys = [order(one) for one in records]
    # places, not pairs: 10,000 pairs set the garbage collector off, 200 ms in a large program
    valued = [place for place, found in enumerate(keys) if found is not None]
    valued.sort(key=keys.__getitem__, reverse=reverse)
    return [records[place] for place in valued] + [
        one for one, found in zip(records, keys, strict=True) if found is None
    ]


def _initials(name: str) -> str:
    if "/" in name:  # metrics have none: learning_rate is lr, whatever is logged beside it
        return ""
    return "".join(part[0] for part in re.split(r"[_\W]+", name) if part)


def _unless(test: Callable[[T], bool]) -> Callable[[T], bool]:
    return lambda record: not test(record)


def _bound(
    value: Callable[[T], Any], compare: Callable[..., bool], wanted: str, word: str
) -> Callable[[T], bool]:
    try:
        limit = float(wanted)
    except ValueError as error:
        raise BadFilter(f"found {wanted!r} in {word!r}; expected a number") from error

    def test(record: T) -> bool:
        found = value(record)
        return isinstance(found, (int, float)) and bool(compare(found, limit))

    return test


def _equal(value: Callable[[T], Any], wanted: str) -> Callable[[T], bool]:
    def same(found: object) -> bool:
        if isinstance(found, (int, float)) and not isinstance(found, bool):
            try:
                near = 0.0 if isinstance(found, int) else SHOWN
                return math.isclose(found, float(wanted), rel_tol=near)
            except ValueError:
                return not wanted
        return found is not None and wanted in str(found).casefold()

    def test(record: T) -> bool:
        found = value(record)
        if isinstance(found, Collection) and not isinstance(found, str):
            return any(map(same, found))
        return same(found)

    return test
