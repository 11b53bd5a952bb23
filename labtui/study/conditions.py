"""Checks of the conditions under which hyperparameters exist (P07)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from labtui.study.errors import nearest_name
from labtui.study.fields import Scalar, same, scalar_text
from labtui.study.model import Hyperparameter, Study
from labtui.study.space import Dimension, holding, topological

MAX_CASES = 100_000
"""Most combinations of parents' values that are looked at for one study."""

_ANY_OTHER = "\0any other value"


@dataclass(frozen=True)
class Issue:
    """A problem and where it is in the study; the file's lines come later."""

    location: tuple[str | int, ...]
    expected: str
    found: str | None = None
    nearest: str | None = None
    at_key: bool = False


class _TooManyCases(Exception):
    """The conditions of a study have more than `MAX_CASES` cases."""


def condition_issues(study: Study) -> Iterator[Issue]:
    """Yield what is wrong with conditions: parents, circles, values, overlaps, dead definitions."""
    wrong = list(_parent_issues(study))
    yield from wrong
    try:
        order = topological(study)
    except ValueError as circle:
        first = str(circle).split(" → ")[0]
        yield Issue(
            ("hyperparameters", first), "conditions without a circle", f"the circle {circle}"
        )
        return
    cases = count()
    for name in () if wrong else order:
        try:
            yield from () if _simple(study, name) else _overlaps(study, name, order, cases)
        except _TooManyCases:
            found = f"conditions with more than {MAX_CASES} cases"
            yield Issue(("hyperparameters", name), "fewer, or simpler ones", found)
            return


def _parent_issues(study: Study) -> Iterator[Issue]:
    for name, definitions in study.hyperparameters.items():
        for index, definition in enumerate(definitions):
            for parent, allowed in definition.when.items():
                here = ("hyperparameters", name, index, "when", parent)
                if parent not in study.hyperparameters:
                    nearest = nearest_name(parent, study.hyperparameters)
                    found = "an unknown parent"
                    yield Issue(here, "a hyperparameter of this study", found, nearest, True)
                elif parent != name:
                    yield from _value_issues(study.hyperparameters[parent], allowed, here)


def _value_issues(
    parents: list[Hyperparameter], allowed: list[Scalar], here: tuple[str | int, ...]
) -> Iterator[Issue]:
    dimensions = [Dimension(definition) for definition in parents]
    if any(dimension.count is None for dimension in dimensions):
        yield Issue(here, "a parent with separate values, not a continuous range")
        return
    if not allowed:
        yield Issue(here, "at least one value")
    for value in allowed:
        if not any(dimension.holds(value) for dimension in dimensions):
            listed = [str(v) for d in parents for v in d.values or [d.value]]
            expected = f"a value of '{here[-1]}'"
            yield Issue(here, expected, scalar_text(value), nearest_name(value, listed))


def _simple(study: Study, name: str) -> bool:
    """Tell whether one definition stands alone below parents that always exist."""
    definitions = study.hyperparameters[name]
    above = [study.hyperparameters[parent] for d in definitions for parent in d.when]
    return len(definitions) == 1 and not any(d.when for parent in above for d in parent)


def _overlaps(study: Study, name: str, order: list[str], cases: Iterator[int]) -> Iterator[Issue]:
    definitions = study.hyperparameters[name]
    ancestors = _ancestors(study, name)
    reached: set[int] = set()
    for world in _worlds(study, name, [n for n in order if n in ancestors], cases):
        held = holding(definitions, world)
        reached.update(held)
        if len(held) > 1:
            found = f"a definition that holds together with definition {held[0] + 1}"
            here = ("hyperparameters", name, held[1])
            yield Issue(here, f"conditions that exclude each other{_example(world)}", found)
            return
    for index in sorted(set(range(len(definitions))) - reached):
        yield Issue(("hyperparameters", name, index, "when"), "conditions that can hold together")


def _example(world: dict[str, Scalar]) -> str:
    known = [f"{n}={scalar_text(v)}" for n, v in world.items() if v != _ANY_OTHER]
    return f" (both hold for {', '.join(known)})" if known else ""


def _ancestors(study: Study, name: str) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        definitions = study.hyperparameters[waiting.pop()]
        fresh = {parent for d in definitions for parent in d.when} - found
        found |= fresh
        waiting.extend(fresh)
    return found


def _worlds(
    study: Study, name: str, ancestors: list[str], cases: Iterator[int]
) -> Iterator[dict[str, Scalar]]:
    """Yield every combination of the ancestors' values that conditions can tell apart."""
    mentioned: dict[str, list[Scalar]] = {ancestor: [] for ancestor in ancestors}
    for relative in [*ancestors, name]:
        for definition in study.hyperparameters[relative]:
            for parent, allowed in definition.when.items():
                mentioned[parent].extend(allowed)
    waiting: list[tuple[int, dict[str, Scalar]]] = [(0, {})]
    while waiting:
        depth, world = waiting.pop()
        if next(cases) >= MAX_CASES:
            raise _TooManyCases
        if depth == len(ancestors):
            yield world
            continue
        definitions = study.hyperparameters[ancestors[depth]]
        held = holding(definitions, world)
        if not held:
            waiting.append((depth + 1, world))
        for index in held:
            for value in _representatives(definitions[index], mentioned[ancestors[depth]]):
                waiting.append((depth + 1, {**world, ancestors[depth]: value}))


def _representatives(definition: Hyperparameter, mentioned: list[Scalar]) -> list[Scalar]:
    """Return the values that some condition names, and one that stands for all the others."""
    dimension = Dimension(definition)
    named: list[Scalar] = []
    for value in mentioned:
        if dimension.holds(value) and not any(same(value, known) for known in named):
            named.append(value)
    return named if dimension.count == len(named) else [*named, _ANY_OTHER]
