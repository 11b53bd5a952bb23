"""The filter line: ``state:infeasible lr<1e-3 adam`` keeps records that satisfy every term."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from labtui.store.records import TrialRecord

T = TypeVar("T")
_TERM = re.compile(r"([^<>=:]+)(<=|>=|<|>|=|:)(.*)", re.DOTALL)
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
            text: Terms separated by spaces: ``field:text``, ``field<number``, or a word.
            more: Further fields; of these a beginning or the initials are enough.

        Raises:
            BadFilter: A field that there is not, or a bound that is not a number.
        """
        tests = [self._term(word, more or {}) for word in text.split()]
        return lambda record: all(test(record) for test in tests)

    def _term(self, word: str, more: Mapping[str, Callable[[T], Any]]) -> Callable[[T], bool]:
        match = _TERM.fullmatch(word)
        if match is None:
            wanted = word.casefold()
            return lambda record: any(wanted in one.casefold() for one in self.words(record))
        field, sign, limit = match.groups()
        value = self._field(field, more)
        if sign in _COMPARE:
            return _bound(value, _COMPARE[sign], limit)
        return _equal(value, limit.casefold())

    def _field(self, name: str, more: Mapping[str, Callable[[T], Any]]) -> Callable[[T], Any]:
        """Give the field that is meant: by its name, else by a beginning that only it has."""
        if name in self.fields:
            return self.fields[name]
        fits = [one for one in more if one == name] or [
            one for one in more if one.startswith(name) or _initials(one) == name
        ]
        if len(fits) == 1:
            return more[fits[0]]
        begins = [one for one in self.fields if one.startswith(name)]
        if not fits and len(begins) == 1:
            return self.fields[begins[0]]
        known = ", ".join([*self.fields, *more])
        found = "more than one field" if fits or begins else "no field"
        raise BadFilter(f"{found} {name!r}; there are {known}")


def _initials(name: str) -> str:
    return "".join(part[0] for part in re.split(r"[_\W]+", name) if part)


def _bound(
    value: Callable[[T], Any], compare: Callable[..., bool], wanted: str
) -> Callable[[T], bool]:
    try:
        limit = float(wanted)
    except ValueError as error:
        raise BadFilter(f"{wanted!r} is not a number yet") from error

    def test(record: T) -> bool:
        found = value(record)
        return isinstance(found, (int, float)) and bool(compare(found, limit))

    return test


def _equal(value: Callable[[T], Any], wanted: str) -> Callable[[T], bool]:
    def same(found: object) -> bool:
        if isinstance(found, (int, float)) and not isinstance(found, bool):
            try:
                return math.isclose(found, float(wanted), rel_tol=1e-3)
            except ValueError:
                return not wanted
        return found is not None and wanted in str(found).casefold()

    def test(record: T) -> bool:
        found = value(record)
        if isinstance(found, Collection) and not isinstance(found, str):
            return any(map(same, found))
        return same(found)

    return test


TRIALS: Language[TrialRecord] = Language(
    {
        "state": lambda trial: trial.state,
        "arm": lambda trial: trial.arm,
        "reason": lambda trial: trial.reason,
        "number": lambda trial: trial.number,
        "best": lambda trial: trial.best_value,
        "step": lambda trial: trial.best_step,
        "last": lambda trial: trial.last_value,
    },
    lambda trial: (trial.state, trial.arm, trial.reason, str(trial.number)),
)
"""What can be asked of trials, beside their hyperparameters."""


def parse(text: str, parameters: Iterable[str]) -> Callable[[TrialRecord], bool]:
    """Turn the filter line into a test of one trial.

    Args:
        text: Terms separated by spaces: ``field:text``, ``field<number``, or a word.
        parameters: Names of hyperparameters; a beginning or the initials are enough.

    Raises:
        BadFilter: A field that there is not, or a bound that is not a number.
    """
    return TRIALS.parse(text, {name: _parameter(name) for name in parameters})


def _parameter(name: str) -> Callable[[TrialRecord], Any]:
    return lambda trial: trial.params.get(name)
