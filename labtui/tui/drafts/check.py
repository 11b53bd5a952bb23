"""What is wrong with a draft, by the study's own checks, at the field that it belongs to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import count
from typing import TYPE_CHECKING, Any

from labtui.study.errors import Problem, StudyError
from labtui.study.yamltree import Node, Tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labtui.study.spec import Study


def node_of(value: Any, places: Iterator[int] | None = None) -> Node:
    """Give a mapping as the reader of study files would, each value on a line of its own."""
    places = count(1) if places is None else places
    node = Node(next(places), 1)
    if isinstance(value, Mapping):
        node.value = {str(key): node_of(child, places) for key, child in value.items()}
        node.keys = {key: (child.line, 0) for key, child in node.value.items()}
    elif isinstance(value, (list, tuple)):
        node.value = [node_of(child, places) for child in value]
    else:
        node.value = value
    return node


def check(document: Mapping[str, Any], *, whole: bool = True) -> tuple[Study | None, list[Problem]]:
    """Check what a study file would say.

    Args:
        document: As the file has it.
        whole: Also what its parts mean together, which takes longer.

    Returns:
        The study, None where its fields are not well formed; and everything that is wrong.
    """
    from pydantic import ValidationError

    from labtui.study.checks import study_issues
    from labtui.study.mapping import problems_of
    from labtui.study.model import Study

    tree = Tree("", node_of(document), [])
    try:
        study = Study.model_validate(dict(document))
    except ValidationError as error:
        return None, list(problems_of(error, tree))
    issues = study_issues(study) if whole else []
    problems = [
        tree.problem(one.location, one.expected, one.found, one.nearest, at_key=one.at_key)
        for one in issues
    ]
    if whole and not problems and study.design == "configurations":
        return _counted(document), problems
    return study, problems


def _counted(document: Mapping[str, Any]) -> Study | None:
    """Have the configurations counted, as reading the file does."""
    from labtui.study.spec import parse_study

    try:
        return parse_study(json.dumps(document))
    except StudyError:
        return None


def problem_text(one: Problem) -> str:
    """Write a problem without its place."""
    told = f"found {one.found}; expected {one.expected}" if one.expected else one.found
    return f"{told} — did you mean {one.nearest}?" if one.nearest else told
