"""How often the rule for search boundaries is right, on simulated studies at the usual budgets.

Studies of 16, 20 and 30 trials of 2 to 6 hyperparameters, drawn as labtui draws them (scrambled
Halton points) or at random. The objective is a sum of bowls, one a hyperparameter, with noise of
15 % of its deviation; the optimum of one lies outside the range (u from -0.15 to -0.5), at
u = 0.15, or in the middle; the others are inside (u from 0.35 to 0.65).

- bowls: equal curvature; equal: equal spread within the range; unequal: importance differs by 30
- twisted: with interactions; heavy: values spread over decades; cliff: a quarter is infeasible

found: the hyperparameter and side are named (of that, strong); elsewhere: any other side is named.

Run: python benchmarks/boundaries.py [--seeds 100]
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np

from labtui.analysis.boundaries import judge_boundaries
from labtui.analysis.findings import Finding
from labtui.analysis.table import StudyTable, axis_column
from labtui.study.halton import unit
from labtui.study.model import Hyperparameter

NOISE = 0.15
SHAPES = ("bowls", "equal", "unequal", "twisted", "heavy", "cliff")
SIZES = ((16, 2), (16, 4), (16, 6), (20, 2), (20, 4), (20, 6), (30, 2), (30, 4), (30, 6))
OPTIMA = (-0.5, -0.3, -0.15, 0.15, 0.5)


@dataclass(frozen=True)
class Simulated:
    table: StudyTable
    side: str


def points(seed: int, n: int, d: int, kind: str) -> np.ndarray:
    if kind == "halton":
        return np.array([[unit(seed, column, i) for column in range(d)] for i in range(n)])
    return np.random.default_rng(seed).random((n, d))


def objective(shape: str, units: np.ndarray, centre: np.ndarray, rng: np.random.Generator):
    n, d = units.shape
    parts = (units - centre) ** 2
    if shape == "equal":
        parts = parts / ((np.linspace(0, 1, 201)[:, None] - centre) ** 2).std(axis=0)
    if shape == "unequal":
        parts = parts * np.concatenate([[1.0], 10 ** rng.uniform(-1, 0.5, d - 1)])
    values = parts.sum(axis=1)
    if shape == "twisted":
        moved = units - centre
        values = values + (moved[:, 1:] * moved[:, :-1]).sum(axis=1)
    values = values + NOISE * values.std() * rng.standard_normal(n)
    if shape == "heavy":
        values = np.exp(2.5 * (values - values.min()) / values.std())
    if shape == "cliff":
        values = np.where(units[:, 1] > 0.75, np.nan, values)
    return values


def simulate(seed: int, n: int, d: int, optimum: float, shape: str, kind: str) -> Simulated:
    """Make a study whose first hyperparameter has its optimum at `optimum`, from either end."""
    rng = np.random.default_rng([seed, 7])
    centre = rng.uniform(0.35, 0.65, d)
    centre[0] = optimum
    units = points(seed, n, d, kind)
    turned = rng.random(d) < 0.5
    values = objective(shape, np.where(turned, 1 - units, units), centre, rng)
    definition = Hyperparameter(role="nuisance", scale="log", range=(1e-4, 1.0))
    names = [f"h{column}" for column in range(d)]
    params = [
        {name: 10 ** (4 * u - 4) for name, u in zip(names, row, strict=True)} for row in units
    ]
    return Simulated(study(names, definition, params, values), "high" if turned[0] else "low")


def study(names, definition, params, values) -> StudyTable:
    n = len(params)
    finite = np.isfinite(values)
    return StudyTable(
        study="simulated",
        metric="validation/loss",
        minimize=True,
        trials=tuple(f"simulated/{i}" for i in range(n)),
        arms=("",) * n,
        states=tuple("completed" if ok else "infeasible" for ok in finite),
        reasons=tuple("" if ok else "diverged" for ok in finite),
        values=values,
        best_steps=np.full(n, np.nan),
        last_steps=np.full(n, np.nan),
        planned=np.full(n, np.nan),
        configurations=tuple(range(n)),
        repetitions=(0,) * n,
        axes=tuple(axis_column(name, "", definition, params) for name in names),
    )


def judged(simulated: Simulated) -> tuple[bool, bool, bool, bool]:
    """Say whether the side was found, and strongly; whether another was named, and strongly."""
    found = [
        (o.subject["hyperparameter"] == "h0" and o.subject["side"] == simulated.side, o.severity)
        for o in judge_boundaries(simulated.table)
        if isinstance(o, Finding) and o.code == "search-boundary"
    ]
    right = [severity for there, severity in found if there]
    other = [severity for there, severity in found if not there]
    return bool(right), "alert" in right, bool(other), "alert" in other


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--points", choices=("halton", "random"), default="halton")
    asked = parser.parse_args()
    print("% of studies: found (strong) + elsewhere (strong)")
    print(f"{'':14}" + "".join(f"   u = {optimum:<12}" for optimum in OPTIMA))
    for shape in SHAPES:
        for n, d in SIZES:
            cells = []
            for optimum in OPTIMA:
                rates = 100 * np.mean(
                    [
                        judged(simulate(seed, n, d, optimum, shape, asked.points))
                        for seed in range(1, asked.seeds + 1)
                    ],
                    axis=0,
                )
                cells.append("{:4.0f} ({:3.0f}) +{:2.0f} ({:2.0f}) ".format(*rates))
            print(f"{shape:8}{n:3}{d:2} " + " ".join(cells), flush=True)


if __name__ == "__main__":
    main()
