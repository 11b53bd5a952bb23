"""The filter line: ``state:infeasible lr<1e-3 adam`` keeps trials that satisfy every term."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labtui.store.records import TrialRecord

    Test = Callable[[TrialRecord], bool]

_TERM = re.compile(r"([^<>=:]+)(<=|>=|<|>|=|:)(.*)", re.DOTALL)
_COMPARE = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}
_FIELDS: dict[str, Callable[[TrialRecord], Any]] = {
    "state": lambda trial: trial.state,
    "arm": lambda trial: trial.arm,
    "reason": lambda trial: trial.reason,
    "number": lambda trial: trial.number,
    "best": lambda trial: trial.best_value,
    "step": lambda trial: trial.best_step,
    "last": lambda trial: trial.last_value,
}


class BadFilter(ValueError):
    """A term that cannot be understood; says what can."""


def parse(text: str, parameters: Iterable[str]) -> Test:
    """Turn the filter line into a test of one trial.

    Args:
        text: Terms separated by spaces: ``field:text``, ``field<number``, or a word.
        parameters: Names of hyperparameters; a beginning or the initials are enough.

    Raises:
        BadFilter: A field that there is not, or a bound that is not a number.
    """
    names = list(dict.fromkeys(parameters))
    tests = [_term(word, names) for word in text.split()]
    return lambda trial: all(test(trial) for test in tests)


def _term(word: str, names: list[str]) -> Test:
    match = _TERM.fullmatch(word)
    if match is None:
        return _word(word.casefold())
    field, sign, wanted = match.groups()
    value = _field(field, names)
    if sign in _COMPARE:
        return _bound(value, _COMPARE[sign], wanted)
    return _equal(value, wanted.casefold())


def _word(wanted: str) -> Test:
    def test(trial: TrialRecord) -> bool:
        where = (trial.state, trial.arm, trial.reason, str(trial.number))
        return any(wanted in text.casefold() for text in where)

    return test


def _field(name: str, names: list[str]) -> Callable[[TrialRecord], Any]:
    if name in _FIELDS:
        return _FIELDS[name]
    fits = [n for n in names if n == name] or [
        n for n in names if n.startswith(name) or _initials(n) == name
    ]
    if len(fits) == 1:
        return lambda trial: trial.params.get(fits[0])
    known = ", ".join([*_FIELDS, *names])
    found = "more than one field" if fits else "no field"
    raise BadFilter(f"{found} {name!r}; there are {known}")


def _initials(name: str) -> str:
    return "".join(part[0] for part in re.split(r"[_\W]+", name) if part)


def _bound(value: Callable[[TrialRecord], Any], compare: Callable[..., bool], wanted: str) -> Test:
    try:
        limit = float(wanted)
    except ValueError as error:
        raise BadFilter(f"{wanted!r} is not a number yet") from error

    def test(trial: TrialRecord) -> bool:
        found = value(trial)
        return isinstance(found, (int, float)) and bool(compare(found, limit))

    return test


def _equal(value: Callable[[TrialRecord], Any], wanted: str) -> Test:
    def test(trial: TrialRecord) -> bool:
        found = value(trial)
        if isinstance(found, (int, float)) and not isinstance(found, bool):
            try:
                return math.isclose(found, float(wanted), rel_tol=1e-3)
            except ValueError:
                return not wanted
        return found is not None and wanted in str(found).casefold()

    return test
