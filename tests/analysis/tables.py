"""Tables of made and of real studies, for the judges of search spaces."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np

from labtui.analysis.table import StudyTable, axis_column
from labtui.study.halton import unit
from labtui.study.model import Hyperparameter
from labtui.study.space import Dimension

HPOLIB = Path(__file__).parents[1] / "data" / "hpolib" / "protein_structure_60.jsonl"
RATE = {"scale": "log", "range": (1e-4, 1.0)}


def nuisance(**fields):
    return Hyperparameter(role="nuisance", **fields)


def halton(seed, n, d):
    return np.array([[unit(seed, column, i) for column in range(d)] for i in range(n)])


def made(definitions, units, values, **changes):
    """A study of trials at some positions; a value that is not finite is an infeasible trial."""
    params = [
        {
            name: Dimension(definition).value(float(u))
            for (name, definition), u in zip(definitions.items(), row, strict=True)
        }
        for row in units
    ]
    columns = [(name, "", definition) for name, definition in definitions.items()]
    return table(columns, params, values, **changes)


def table(columns, params, values, *, reasons=None, sampled=True, **changes):
    values = np.asarray(values, dtype=float)
    n, sound = values.size, np.isfinite(values)
    given = {
        "study": "made",
        "metric": "validation/loss",
        "minimize": True,
        "trials": tuple(f"made/{i}" for i in range(n)),
        "arms": ("",) * n,
        "states": tuple("completed" if ok else "infeasible" for ok in sound),
        "reasons": tuple(reasons or ("" if ok else "diverged" for ok in sound)),
        "values": values,
        "best_steps": np.full(n, math.nan),
        "last_steps": np.full(n, math.nan),
        "planned": np.full(n, math.nan),
        "configurations": tuple(range(n)),
        "repetitions": (0,) * n,
        "axes": tuple(axis_column(*column, params, sampled=sampled) for column in columns),
        "params": tuple(params),
    }
    return StudyTable(**{**given, **changes})


def bowls(seed, n, d, optimum, side="low", noise=0.15, **definition):
    """A sum of bowls; the optimum of `h0` is at `optimum` from one end, the others are inside."""
    rng = np.random.default_rng([seed, 3])
    centre = rng.uniform(0.35, 0.65, d)
    centre[0] = optimum if side == "low" else 1 - optimum
    units = halton(seed, n, d)
    values = ((units - centre) ** 2).sum(axis=1)
    values = values + noise * values.std() * rng.standard_normal(n)
    names = {f"h{i}": nuisance(**(definition or RATE)) for i in range(d)}
    return made(names, units, values)


def protein(keep=lambda params: True):
    """Real trials of networks on protein data: their search space is lists of points."""
    rows = [json.loads(line) for line in HPOLIB.read_text().splitlines()]
    rows = [row for row in rows if keep(row["hparams"])]
    params = [row["hparams"] for row in rows]
    columns = [
        (name, "", nuisance(values=sorted({one[name] for one in params}))) for name in params[0]
    ]
    values = [float(np.mean(row["val_loss"])) for row in rows]
    return table(columns, params, values, sampled=False)


def findings(outcomes, code):
    return [one for one in outcomes if hasattr(one, "message") and one.code == code]


def reasons(outcomes):
    return [one.reason for one in outcomes if hasattr(one, "reason")]
