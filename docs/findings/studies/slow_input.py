"""A trainer that waits for its data: docs/findings/input-bound.md."""

import random
import time
from collections.abc import Iterator
from typing import Any

Points = list[tuple[float, float]]

READING, COMPUTING = 0.004, 0.004
"""Seconds that a batch takes to be read, and then to be learned from."""


def batches(seed: int) -> Iterator[Points]:
    """Read pairs (x, 3 x + noise), slowly, as from a busy disk."""
    draw = random.Random(seed)
    while True:
        time.sleep(READING)
        inputs = [draw.gauss(0, 1) for _ in range(32)]
        yield [(x, 3 * x + draw.gauss(0, 0.3)) for x in inputs]


def loss(slope: float, points: Points) -> float:
    """Give the mean squared error of a line through the origin."""
    return sum((slope * x - y) ** 2 for x, y in points) / len(points)


def train(trial: Any) -> None:
    """Fit the slope of the line."""
    draw = random.Random(0)
    held_out = [(x, 3 * x + draw.gauss(0, 0.3)) for x in (draw.gauss(0, 1) for _ in range(200))]
    slope = 0.0
    reader = trial.batches(batches(trial.seed))
    for step, batch in zip(trial.steps(), reader, strict=False):
        time.sleep(COMPUTING)
        slope -= trial.params["learning_rate"] * sum(2 * x * (slope * x - y) for x, y in batch) / 32
        trial.log(step, {"train/loss": loss(slope, batch)})
        if trial.should_evaluate(step):
            trial.log(step, {"validation/loss": loss(slope, held_out)})
