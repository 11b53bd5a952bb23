"""A study's trials as columns: what the judges of search spaces and of results look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from labtui.analysis.runs import Floats
from labtui.study.model import Hyperparameter
from labtui.study.space import Dimension

Kind = Literal["continuous", "ordered", "categorical"]


@dataclass(frozen=True, eq=False)
class AxisColumn:
    """One definition of a varied hyperparameter, and where every trial lies on it.

    A hyperparameter under two conditions is two hyperparameters (P07), and two columns.

    Attributes:
        name: Of the hyperparameter.
        condition: When it is in force, ``optimizer=adam``; empty for always.
        role: ``scientific`` or ``nuisance``.
        definition: As the study file has it.
        unit: Position in [0, 1] on the declared scale, shape (n,), 0 at the end that the study file
            names first; NaN where not in force.
        values: What each trial has, None where not in force.
        sampled: Whether the values were drawn from a range, rather than from a list of points.
    """

    name: str
    condition: str
    role: str
    definition: Hyperparameter
    unit: Floats
    values: tuple[Any, ...]
    sampled: bool = True

    @property
    def dimension(self) -> Dimension:
        """The axis: from a coordinate to a value in the units of the study file, and back."""
        return Dimension(self.definition)

    @cached_property
    def kind(self) -> Kind:
        """``continuous``; ``ordered`` for a list of numbers or few whole ones; ``categorical``."""
        if self.definition.range is not None:
            count = self.dimension.count
            return "continuous" if count is None or count > 12 else "ordered"
        choices = self.definition.values or ()
        numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in choices)
        return "ordered" if numbers and len(choices) > 2 else "categorical"

    @cached_property
    def in_force(self) -> npt.NDArray[np.bool_]:
        """Which trials have it, shape (n,)."""
        return np.isfinite(self.unit)

    @property
    def subject(self) -> dict[str, Any]:
        """What a finding about it names as its subject."""
        named: dict[str, Any] = {"hyperparameter": self.name}
        return {**named, "condition": self.condition} if self.condition else named


@dataclass(frozen=True, eq=False)
class StudyTable:
    """All ended trials of a study; lower values are better, whatever the study's goal.

    Attributes:
        study: Its name.
        metric: The objective; `minimize` says whether `values` were turned.
        trials: Names of the trials, n of them.
        arms: The arm of each.
        states: The state of each.
        reasons: Why it ended so.
        values: Objective as the study selects it, lower is better, shape (n,); NaN without one.
        best_steps: Step of the selected checkpoint, shape (n,); NaN without one.
        last_steps: Last step trained, shape (n,).
        planned: Steps planned, shape (n,); NaN where unknown.
        configurations: Number of the configuration of each; equal for reruns of one.
        repetitions: Which repetition of the study each trial belongs to, from 0.
        axes: The varied hyperparameters.
        examples: Validation examples behind one value of the metric; None if unknown.
        chance: Objective of a model that knows nothing, lower is better; None if unknown.
        scientific: Names of the scientific hyperparameters.
        params: The configuration of each; may be left out.
        points: Number of the search point of each: trials of different arms at one point are
            paired; None for a trial at no point, empty where nobody knows.
        evaluations: How often the objective of each was evaluated; empty where it is not known.
        adaptive: Whether a model chose the points, so that they are no even sample (P13).
    """

    study: str
    metric: str
    minimize: bool
    trials: tuple[str, ...]
    arms: tuple[str, ...]
    states: tuple[str, ...]
    reasons: tuple[str, ...]
    values: Floats
    best_steps: Floats
    last_steps: Floats
    planned: Floats
    configurations: tuple[int, ...]
    repetitions: tuple[int, ...]
    axes: tuple[AxisColumn, ...] = ()
    examples: int | None = None
    chance: float | None = None
    scientific: tuple[str, ...] = ()
    params: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    points: tuple[int | None, ...] = field(default=(), repr=False)
    evaluations: tuple[int, ...] = field(default=(), repr=False)
    adaptive: bool = False

    def __len__(self) -> int:
        """How many trials there are."""
        return len(self.trials)

    @cached_property
    def feasible(self) -> npt.NDArray[np.bool_]:
        """Which trials completed with a finite objective, shape (n,)."""
        completed = np.array([state == "completed" for state in self.states], dtype=np.bool_)
        return completed & np.isfinite(self.values)

    @cached_property
    def infeasible(self) -> npt.NDArray[np.bool_]:
        """Which trials could not be trained, shape (n,): infeasible, failed, or without a value.

        Trials that a person stopped are neither feasible nor infeasible.
        """
        bad = [state in ("infeasible", "failed", "completed") for state in self.states]
        return np.array(bad, dtype=np.bool_) & ~self.feasible

    @cached_property
    def ranked(self) -> npt.NDArray[np.int64]:
        """Indices of the feasible trials from best to worst, ties in their order."""
        found = np.flatnonzero(self.feasible)
        return found[np.argsort(self.values[found], kind="stable")]

    def shown(self, value: float) -> float:
        """Turn a value back into the study's own direction."""
        return value if self.minimize else -value

    @cached_property
    def arm_names(self) -> list[str]:
        """The arms, in the order of their first trials."""
        return list(dict.fromkeys(self.arms))

    def of_arm(self, arm: str) -> npt.NDArray[np.int64]:
        """Give the indices of an arm's trials."""
        return np.flatnonzero(np.array([one == arm for one in self.arms], dtype=np.bool_))


def axis_column(
    name: str,
    condition: str,
    definition: Hyperparameter,
    params: Sequence[Mapping[str, Any]],
    *,
    sampled: bool = True,
) -> AxisColumn:
    """Place trials on the axis of one definition.

    Args:
        name: Of the hyperparameter.
        condition: How its condition is written; empty for none.
        definition: What the study says of it.
        params: The configuration of every trial.
        sampled: Whether the values were drawn from a range.
    """
    dimension = Dimension(definition)
    unit = np.full(len(params), np.nan)
    values: list[Any] = [None] * len(params)
    there = [
        index
        for index, configuration in enumerate(params)
        if name in configuration and (not definition.when or _in_force(definition, configuration))
    ]
    for index in there:
        values[index] = params[index][name]
    # NaN where the definition does not know a value: imported or edited by hand.
    unit[there] = dimension.positions([values[index] for index in there])
    return AxisColumn(name, condition, definition.role, definition, unit, tuple(values), sampled)


def _in_force(definition: Hyperparameter, configuration: Mapping[str, Any]) -> bool:
    return all(
        parent in configuration and definition.applies(parent, configuration[parent])
        for parent in definition.when
    )
