"""Study tables made from arrays, for the judges of results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from labtui.analysis.table import StudyTable, axis_column
from labtui.study.model import Hyperparameter

LOG = Hyperparameter(role="nuisance", range=(1e-5, 1e-1), scale="log")
LINEAR = Hyperparameter(role="nuisance", range=(0.0, 1.0))


def scientific(*values: Any) -> Hyperparameter:
    return Hyperparameter(role="scientific", values=list(values))


def under(definition: Hyperparameter, **when: Any) -> Hyperparameter:
    return definition.model_copy(update={"when": {name: [value] for name, value in when.items()}})


def table(
    values: Sequence[float],
    params: Sequence[Mapping[str, Any]] = (),
    definitions: Sequence[tuple[str, Hyperparameter]] = (),
    **more: Any,
) -> StudyTable:
    """Make a table; a value that is NaN is an infeasible trial unless `states` says otherwise."""
    result = np.asarray(values, dtype=np.float64)
    n = result.size
    conditions = [
        ",".join(f"{k}={v[0]}" for k, v in definition.when.items()) for _, definition in definitions
    ]
    fields: dict[str, Any] = {
        "study": "made",
        "metric": "validation/error_rate",
        "minimize": True,
        "trials": tuple(f"made/{i}" for i in range(n)),
        "arms": ("",) * n,
        "states": tuple("completed" if np.isfinite(v) else "infeasible" for v in result),
        "reasons": ("",) * n,
        "values": result,
        "best_steps": np.full(n, 90.0),
        "last_steps": np.full(n, 100.0),
        "planned": np.full(n, 100.0),
        "configurations": tuple(range(n)),
        "repetitions": (0,) * n,
        "axes": tuple(
            axis_column(name, condition, definition, params)
            for (name, definition), condition in zip(definitions, conditions, strict=True)
        ),
        "params": tuple(params),
    }
    return StudyTable(**{**fields, **more})
