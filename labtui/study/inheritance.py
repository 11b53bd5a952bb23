"""Hyperparameters that a study does not name: fixed at the values of its baseline (P01, P06)."""

from __future__ import annotations

from collections.abc import Mapping

from labtui.study.fields import Scalar
from labtui.study.kinds import COMPLETE
from labtui.study.model import Hyperparameter, Study

__all__ = ["COMPLETE", "inherit", "inherited_values"]


def inherited_values(study: Study, baseline: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return the values that a study takes from a baseline: of what it does not name itself."""
    if study.follows is not None and study.follows.kind in COMPLETE:
        return {}
    return {name: value for name, value in baseline.items() if name not in study.hyperparameters}


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
