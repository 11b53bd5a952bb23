"""Hyperparameters that a study does not name: fixed at the values of its baseline (P01, P06)."""

from __future__ import annotations

from collections.abc import Mapping

from labtui.study.fields import Scalar
from labtui.study.kinds import COMPLETE
from labtui.study.model import Hyperparameter, Study


def inherited_values(
    study: Study,
    baseline: Mapping[str, Scalar],
    parent: Mapping[str, Scalar] | None = None,
) -> dict[str, Scalar]:
    """Return the values that a study takes from a baseline: of what it does not name itself.

    Args:
        study: The study.
        baseline: Every hyperparameter of its workload's baseline.
        parent: What the study that it follows inherited, where that is known: the child takes the
            same and nothing of a newer baseline, or the two could not be compared.
    """
    if study.follows is not None and study.follows.kind in COMPLETE:
        return {}
    given = baseline if study.follows is None or parent is None else parent
    return {name: value for name, value in given.items() if name not in study.hyperparameters}


def inherit(study: Study, values: Mapping[str, Scalar]) -> Study:
    """Return the study with further hyperparameters, fixed, behind its own.

    They take no column of the sequence: its trials keep their points.
    """
    added = {
        name: [Hyperparameter(role="fixed", value=value)]
        for name, value in values.items()
        if name not in study.hyperparameters
    }
    return study.model_copy(update={"hyperparameters": {**study.hyperparameters, **added}})
