"""Views of a study's roles (P06)."""

from __future__ import annotations

from collections.abc import Mapping

from labtui.study.fields import Scalar
from labtui.study.model import Hyperparameter, Role, Study
from labtui.study.space import Dimension, topological


def by_role(study: Study) -> dict[Role, list[str]]:
    """Return the names of each role, in the order of the file; a name may have several roles."""
    roles: dict[Role, list[str]] = {"scientific": [], "nuisance": [], "fixed": []}
    for name, definitions in study.hyperparameters.items():
        for role in dict.fromkeys(definition.role for definition in definitions):
            roles[role].append(name)
    return roles


def varied(study: Study) -> list[str]:
    """Return the names whose value can differ between trials under some condition."""
    return [name for name, defs in study.hyperparameters.items() if any(map(_varies, defs))]


def _varies(definition: Hyperparameter) -> bool:
    return definition.role != "fixed" and Dimension(definition).count != 1


def caveats(study: Study) -> list[tuple[str, Scalar]]:
    """Return every fixed hyperparameter and its value: the conclusion's conditions (P06)."""
    return [
        (name, definition.value)
        for name, definitions in study.hyperparameters.items()
        for definition in definitions
        if definition.role == "fixed"
    ]


def nuisance_dimensions(study: Study, arm: Mapping[str, Scalar]) -> int:
    """Return how many nuisance hyperparameters can vary within one arm (P09)."""
    possible: dict[str, list[Hyperparameter]] = {}
    for name in topological(study):
        possible[name] = [
            definition
            for definition in study.hyperparameters[name]
            if all(_can_hold(definition, parent, possible, arm) for parent in definition.when)
        ]
    return sum(
        any(definition.role == "nuisance" and _varies(definition) for definition in definitions)
        for definitions in possible.values()
    )


def _can_hold(
    definition: Hyperparameter,
    parent: str,
    possible: Mapping[str, list[Hyperparameter]],
    arm: Mapping[str, Scalar],
) -> bool:
    if parent in arm:
        return definition.applies(parent, arm[parent])
    allowed = definition.when[parent]
    return any(Dimension(above).holds(value) for above in possible[parent] for value in allowed)
