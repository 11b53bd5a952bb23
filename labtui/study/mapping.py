"""pydantic's errors as problems with a line, in the words of the study file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from labtui.study.errors import Problem, display, nearest_name
from labtui.study.model import Budget, Hyperparameter, Objective, Part, Study, TrainerSpec
from labtui.study.yamltree import Location, Tree

PartAt = Callable[[Location], type[Part]]
"""Gives the model of the part that lies at a location of a file."""

_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "finite_number": "a finite number",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "below {lt}",
    "less_than_equal": "at most {le}",
    "list_type": "a list",
    "literal_error": "{expected}",
    "model_type": "a mapping such as {{role: fixed, value: 1}}",
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "at least one character",
    "string_type": "text (in quotes where it looks like a number)",
    "too_long": "a pair [low, high]",
    "too_short": "at least {min_length}",
    "tuple_type": "a pair [low, high]",
}
_EARLY_ENDS = frozenset({"early_stopping", "pruner", "pruning", "scheduler"})
"""How other tools call ending trials early, which labtui does not do."""
_YAML_1_1 = {
    **dict.fromkeys(("yes", "on", "y"), "true"),
    **dict.fromkeys(("no", "off", "n"), "false"),
}
"""What words that YAML 1.2 leaves words were in YAML 1.1."""


def problems_of(
    error: ValidationError, tree: Tree, part: PartAt | None = None
) -> Iterator[Problem]:
    """Yield the problem of every error, one for each place in the file.

    Args:
        error: What pydantic says.
        tree: The file.
        part: Gives the model of the part at a location; that of a study file by default.
    """
    part = part or _part
    reported = {(problem.line, problem.column) for problem in tree.problems}
    for details in error.errors(include_url=False):
        problem = _problem(details, tree, part)
        if (problem.line, problem.column) not in reported or details["type"] == "missing":
            yield problem
        if details["type"] != "missing":
            reported.add((problem.line, problem.column))


def _problem(details: ErrorDetails, tree: Tree, part: PartAt) -> Problem:
    location, kind, context = details["loc"], details["type"], details.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(location, tree, part)
    if kind == "missing":
        return _missing(location, tree, part)
    if kind == "study":
        here = (*location, *context["at"])
        return tree.problem(here, context["expected"], context["found"])
    expected = details["msg"].removeprefix("Input should be ")
    if kind in _EXPECTED:
        expected = _EXPECTED[kind].format(**context)
    return tree.problem(location, expected, None, _nearest(details, context))


def _unknown_key(location: Location, tree: Tree, part: PartAt) -> Problem:
    fields = part(location[:-1]).model_fields
    known = [field.alias or name for name, field in fields.items()]
    key = str(location[-1])
    found, expected = f"the unknown key {display(key)}", f"one of {', '.join(known)}"
    if key in _EARLY_ENDS:
        expected = (
            "no such thing: every trial trains 'budget.max_train_steps' steps, so that their "
            "results compare (P11)"
        )
        return tree.problem(location, expected, found, at_key=True)
    return tree.problem(location, expected, found, nearest_name(key, known), at_key=True)


def _missing(location: Location, tree: Tree, part: PartAt) -> Problem:
    if isinstance(location[-1], int):
        return tree.problem(location[:-1], "a pair [low, high]")
    fields = part(location[:-1]).model_fields
    field = {found.alias or name: found for name, found in fields.items()}.get(str(location[-1]))
    meaning = f" ({field.description})" if field else ""
    return tree.problem(location, f"'{location[-1]}'{meaning}", "nothing")


def _part(location: Location) -> type[Part]:
    parts: dict[Any, type[Part]] = {
        "objective": Objective,
        "budget": Budget,
        "trainer": TrainerSpec,
        "hyperparameters": Hyperparameter,
    }
    return parts[location[0]] if location else Study


def _nearest(details: ErrorDetails, context: dict[str, Any]) -> str | None:
    if details["type"] == "bool_type":
        return _YAML_1_1.get(str(details["input"]).lower())
    if details["type"] != "literal_error":
        return None
    options = context["expected"].replace(" or ", ", ").split(", ")
    return nearest_name(details["input"], [option.strip("'") for option in options])
