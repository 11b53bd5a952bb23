"""One trial as its judges see it: curves by the names of metrics, and what was planned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from labtui.trainer.trial import loss_behind

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]

STEP_LOSS = "loss"
"""The loss of single batches, where a program logs it beside ``train/loss``."""

FEWEST = 8
"""Fewest evaluations of a curve that can be judged."""


@dataclass(frozen=True, eq=False)
class Curve:
    """One metric of one trial.

    Attributes:
        steps: Ascending, shape (n,).
        values: Shape (n,); NaN and infinities as they were logged.
    """

    steps: Ints
    values: Floats

    @cached_property
    def finite(self) -> Curve:
        """The points whose value is finite."""
        sound = np.isfinite(self.values)
        return self if sound.all() else Curve(self.steps[sound], self.values[sound])

    def __len__(self) -> int:
        """How many points there are, those that are not finite included."""
        return int(self.steps.size)


@dataclass(frozen=True, eq=False)
class Run:
    """One trial.

    Attributes:
        trial: Its name, ``study/17``.
        arm: The arm it belongs to.
        state: As in the lab: ``completed``, ``infeasible``, ``failed``, ``stopped`` …
        reason: Why it ended so.
        params: Its configuration.
        objective: The metric that the study compares; `minimize` says which way is better.
        planned: Steps it was to train; None where nobody said.
        curves: Every metric that was logged.
        goals: ``minimize`` or ``maximize`` of the metrics where it is known.
        regularized: Whether a regularizer is what the study compares (changes the advice of P18).
        chance: Objective of a model that knows nothing, as logged; None where unknown.
        examples: Validation examples behind the objective; None where unknown.
    """

    trial: str
    arm: str
    state: str
    reason: str
    params: Mapping[str, Any]
    objective: str
    minimize: bool
    planned: int | None
    curves: Mapping[str, Curve]
    goals: Mapping[str, str] = field(default_factory=dict)
    regularized: bool = False
    chance: float | None = None
    examples: int | None = None

    @property
    def subject(self) -> dict[str, Any]:
        """What a finding about this trial names as its subject."""
        return {"trial": self.trial, "arm": self.arm} if self.arm else {"trial": self.trial}

    @cached_property
    def last_step(self) -> int:
        """The last step at which anything finite was logged; 0 for nothing."""
        ends = [int(curve.steps[-1]) for curve in self.curves.values() if len(curve)]
        return max(ends, default=0)

    @property
    def validation_loss_name(self) -> str:
        """The loss behind the objective, ``validation/loss``; it may be the objective itself."""
        return loss_behind(self.objective)

    @cached_property
    def spoiled(self) -> frozenset[int]:
        """Steps of evaluations whose loss is not finite: nothing measured there counts."""
        loss = self.curves.get(self.validation_loss_name)
        if loss is None:
            return frozenset()
        return frozenset(loss.steps[~np.isfinite(loss.values)].tolist())

    def evaluations(self, metric: str | None = None) -> Curve | None:
        """Give an evaluated metric without its spoiled and non-finite points; None if not logged.

        Args:
            metric: The objective by default.
        """
        curve = self.curves.get(self.objective if metric is None else metric)
        if curve is None:
            return None
        if not self.spoiled:
            return curve.finite
        sound = np.isfinite(curve.values) & ~np.isin(curve.steps, list(self.spoiled))
        return Curve(curve.steps[sound], curve.values[sound])

    def is_minimized(self, metric: str) -> bool:
        """Say whether lower values of a metric are better."""
        if metric == self.objective:
            return self.minimize
        goal = self.goals.get(metric)
        if goal is not None:
            return goal == "minimize"
        leaf, own = metric.rpartition("/")[2], self.objective.rpartition("/")[2]
        return self.minimize if leaf == own else True

    def lower_better(self, metric: str | None = None) -> Curve | None:
        """Give `evaluations`, turned so that lower is better."""
        name = self.objective if metric is None else metric
        curve = self.evaluations(name)
        if curve is None or self.is_minimized(name):
            return curve
        return Curve(curve.steps, -curve.values)

    @cached_property
    def step_loss(self) -> Curve | None:
        """The loss of single batches: ``loss``, else ``train/loss`` logged between evaluations.

        With its points that are not finite. None where only evaluations of the training loss, or
        nothing, was logged.
        """
        own = self.curves.get(STEP_LOSS)
        if own is not None and self.validation_loss_name != STEP_LOSS:
            return own
        training = self.curves.get("train/loss")
        if training is None:
            return None
        evaluated = self.curves.get(self.objective)
        points = 0 if evaluated is None else len(evaluated)
        return training if len(training) > 2 * max(points, 1) else None

    @cached_property
    def training_loss(self) -> Curve | None:
        """The training loss at evaluations, finite points only; of batches where that is all."""
        training = self.curves.get("train/loss") or self.step_loss
        return None if training is None else training.finite
