"""Labs written by the real writer, with made-up but plausible results, for tests of readers."""

from __future__ import annotations

import math
import random
from pathlib import Path

from labtui.store.changes import (
    NewHyperparameter,
    NewStudy,
    NewTrial,
    add_runner,
    add_study,
    claim_trial,
    end_trial,
    record_start,
    set_study,
)
from labtui.store.identity import own_identity
from labtui.store.paths import LabPaths
from labtui.store.writer import Writer

RATES = {"nesterov": (1e-3, 10.0), "adam": (1e-5, 1e-1)}
DEFINITIONS = (
    NewHyperparameter(
        "optimizer", "scientific", None, {"role": "scientific", "values": ["nesterov", "adam"]}
    ),
    NewHyperparameter(
        "learning_rate",
        "nuisance",
        0,
        {
            "role": "nuisance",
            "scale": "log",
            "range": [1e-3, 10.0],
            "when": {"optimizer": "nesterov"},
        },
    ),
    NewHyperparameter(
        "learning_rate",
        "nuisance",
        0,
        {"role": "nuisance", "scale": "log", "range": [1e-5, 0.1], "when": {"optimizer": "adam"}},
    ),
    NewHyperparameter(
        "weight_decay", "nuisance", 1, {"role": "nuisance", "scale": "log", "range": [1e-6, 0.1]}
    ),
    NewHyperparameter("batch_size", "fixed", None, {"role": "fixed", "value": 64}),
)
SPEC = {
    "study": "digits-optimizer",
    "goal": "Does Adam reach a lower validation error than Nesterov?",
    "workload": "digits-mlp",
    "trainer": {"name": "numpy", "options": {}},
    "objective": {"metric": "validation/error_rate", "goal": "minimize"},
    "budget": {"trials": 20, "max_train_steps": 1000, "eval_every": 40},
    "hyperparameters": {
        "optimizer": {"role": "scientific", "values": ["nesterov", "adam"]},
        "learning_rate": [
            {
                "role": "nuisance",
                "scale": "log",
                "range": [1e-3, 10],
                "when": {"optimizer": "nesterov"},
            },
            {
                "role": "nuisance",
                "scale": "log",
                "range": [1e-5, 0.1],
                "when": {"optimizer": "adam"},
            },
        ],
        "weight_decay": {"role": "nuisance", "scale": "log", "range": [1e-6, 0.1]},
        "batch_size": {"role": "fixed", "value": 64},
    },
}


def make_lab(
    folder: Path,
    *,
    name: str = "digits-optimizer",
    points: int = 20,
    ended: int | None = None,
    evaluations: int = 25,
    state: str = "completed",
) -> LabPaths:
    """Write a study of two arms x `points` trials; the first `ended` of them have been trained."""
    paths = LabPaths(folder / "lab.db")
    count = 2 * points if ended is None else ended
    with Writer(paths) as writer:
        study = add_study(writer, _study(name, 2 * points), [_trial(n) for n in range(2 * points)])
        first = writer.connection.execute(
            "SELECT min(id) FROM trials WHERE study = ?", (study,)
        ).fetchone()[0]
        runner = add_runner(writer, own_identity(), version="test", slots=2)
        for number in range(count):
            _train(writer, first + number, study, runner, number, evaluations)
        set_study(writer, study, state)
    return paths


def _study(name: str, total: int) -> NewStudy:
    return NewStudy(
        name=name,
        workload="digits-mlp",
        trainer="numpy",
        goal=SPEC["goal"],
        metric="validation/error_rate",
        direction="minimize",
        selection="best",
        seed=1,
        sequence="halton-1",
        total=total,
        spec={**SPEC, "study": name, "budget": {**SPEC["budget"], "trials": total // 2}},
        folder="/nowhere",
        interpreter="python",
        hyperparameters=DEFINITIONS,
        command=f"labtui run {name}.yaml",
    )


def _trial(number: int) -> NewTrial:
    point, arm = divmod(number, 2)
    optimizer = ("nesterov", "adam")[arm]
    draw = random.Random(point)
    unit = {"learning_rate": draw.random(), "weight_decay": draw.random()}
    low, high = RATES[optimizer]
    params = {
        "optimizer": optimizer,
        "learning_rate": low * (high / low) ** unit["learning_rate"],
        "weight_decay": 1e-6 * 1e5 ** unit["weight_decay"],
        "batch_size": 64,
    }
    return NewTrial(number, point, f"optimizer={optimizer}", params, unit, 1000 + point, 1000)


def _train(
    writer: Writer, trial: int, study: int, runner: int, number: int, evaluations: int
) -> None:
    plan = _trial(number)
    claim_trial(writer, trial, study=study, runner=runner, attempt=1, start_step=0)
    writer.watch(trial, "validation/error_rate", minimize=True)
    record_start(writer, trial, device="cpu", versions={"python": "3.11"}, code={})
    u = plan.unit["learning_rate"]
    diverges = u > 0.85
    draw = random.Random(number)
    floor = 0.02 + 0.5 * (u - 0.6) ** 2
    last = 1000
    for index in range(evaluations):
        step = max(1, round(1000 * index / (evaluations - 1)))
        share = math.exp(-5 * step / 1000)
        error = floor + (0.9 - floor) * share + 0.005 * draw.gauss(0, 1)
        loss = 2.3 * share + floor * 3 + 0.02 * draw.random()
        if diverges and index == evaluations // 2:
            error, loss, last = 0.9, math.nan, step
        writer.add_points(
            trial,
            [
                ("train/loss", step, loss * 0.8),
                ("validation/loss", step, loss),
                ("validation/error_rate", step, max(0.0, error)),
                ("grad_norm", step, share + 0.1 * draw.random()),
            ],
        )
        if last < 1000:
            break
    outcome = ("infeasible", f"diverged at step {last}") if diverges else ("completed", "")
    end_trial(
        writer,
        trial,
        study=study,
        state=outcome[0],
        reason=outcome[1],
        detail="",
        step=last,
        seconds=0.4,
    )
    if number % 50 == 49:
        writer.commit()
