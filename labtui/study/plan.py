"""From a study to its trials: arms, columns, and the values of the trial of any number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count, islice

from labtui.study.fields import Scalar, scalar_text
from labtui.study.halton import mix, unit
from labtui.study.model import Hyperparameter, Study
from labtui.study.space import Dimension, active, holding, resolve, topological

MAX_ARMS = 10_000
"""Most arms of a study, and most configurations of a grid."""

_TRIAL_SEEDS = 0x747269616C
"""Keeps the hash of trial seeds apart from that of the digits."""


class TooManyArms(ValueError):
    """The scientific values multiply to more than `MAX_ARMS` arms."""


@dataclass(frozen=True)
class TrialPlan:
    """What one trial is going to be.

    Attributes:
        number: Number of the trial in its study, from 0: point * number of arms + index of the arm.
        point: Number of the point of the sequence, from 0; equal points are paired across arms.
            Of listed configurations: the repetition.
        arm: Label of the arm; empty in a joint study.
        params: The value of every hyperparameter that exists in this trial, fixed ones included.
        unit: The coordinate in [0, 1) of every one that was drawn from the sequence.
        seed: Seed of the training run, in [0, 2**31); equal across arms at the same point.
    """

    number: int
    point: int
    arm: str
    params: dict[str, Scalar]
    unit: dict[str, float]
    seed: int


def drawn(study: Study, definition: Hyperparameter) -> bool:
    """Tell whether a definition takes its values from the sequence."""
    joint = study.design == "joint" and definition.role == "scientific"
    return definition.role == "nuisance" or joint


def assign_columns(study: Study, stored: Mapping[str, int] | None = None) -> dict[str, int]:
    """Return the column of the sequence of every hyperparameter that is drawn from it (P12).

    Args:
        study: A study that was checked.
        stored: Columns assigned before; they stay, and new names get columns after the last.
    """
    columns = dict(stored or {})
    following = count(max(columns.values(), default=-1) + 1)
    for name, definitions in study.hyperparameters.items():
        if name not in columns and any(drawn(study, d) for d in definitions):
            columns[name] = next(following)
    return columns


def arms(study: Study) -> list[dict[str, Scalar]]:
    """Return the scientific configurations that the study compares (P08).

    Separate: the product of the scientific values that exist together. Joint: one arm, empty.
    Configurations: the ones listed, or the grid.

    Raises:
        TooManyArms: There are more than `MAX_ARMS`.
        ValueError: A scientific hyperparameter has a continuous range.
    """
    if study.design == "joint":
        return [{}]
    if study.design == "configurations" and study.configurations is not None:
        return [dict(configuration) for configuration in study.configurations]
    partial: list[tuple[dict[str, Scalar], dict[str, Scalar]]] = [({}, {})]
    for name in topological(study):
        extended = (step for arm, known in partial for step in _extend(study, name, arm, known))
        partial = list(islice(extended, MAX_ARMS + 1))
        if len(partial) > MAX_ARMS:
            raise TooManyArms(f"more than {MAX_ARMS} arms")
    return [arm for arm, _ in partial]


def _extend(
    study: Study, name: str, arm: dict[str, Scalar], known: dict[str, Scalar]
) -> Iterator[tuple[dict[str, Scalar], dict[str, Scalar]]]:
    """Yield an arm once for every value of one more name; `known` holds the fixed values too."""
    definitions = study.hyperparameters[name]
    held = holding(definitions, known)
    if not held or definitions[held[0]].role == "nuisance":
        yield arm, known
    elif definitions[held[0]].role == "fixed":
        yield arm, {**known, name: definitions[held[0]].value}
    else:
        choices = Dimension(definitions[held[0]]).choices
        if choices is None:
            raise ValueError(f"{name} has no list of values")
        for value in choices:
            yield {**arm, name: value}, {**known, name: value}


def arm_label(arm: Mapping[str, Scalar]) -> str:
    """Return the label of an arm, such as `depth=2, optimizer=adam`."""
    return ", ".join(f"{name}={scalar_text(value)}" for name, value in arm.items())


def total_trials(study: Study) -> int:
    """Return how many trials the budget asks for, over all arms."""
    if study.design == "joint":
        return study.budget.trials
    number_of_arms = len(arms(study))
    if study.design == "configurations":
        return number_of_arms * study.budget.repetitions
    return number_of_arms * study.budget.trials


def trial_seed(seed: int, point: int) -> int:
    """Return the seed of the training runs at one point, in [0, 2**31)."""
    return mix(mix(mix(seed) ^ _TRIAL_SEEDS) ^ point) >> 33


class _Planner:
    """What every trial of one study shares."""

    def __init__(self, study: Study, columns: Mapping[str, int]) -> None:
        self.study, self.columns = study, columns
        self.arms = arms(study)
        self.labels = [arm_label(arm) for arm in self.arms]
        self.order = topological(study)

    def trial(self, number: int) -> TrialPlan:
        point, index = divmod(number, len(self.arms))
        if number < 0:
            raise IndexError(f"the study has no trial {number}")
        units: dict[str, float] = {}
        params = self.params(self.arms[index], point, units)
        seed = trial_seed(self.study.seed, point)
        return TrialPlan(number, point, self.labels[index], params, units, seed)

    def params(
        self, arm: Mapping[str, Scalar], point: int, units: dict[str, float]
    ) -> dict[str, Scalar]:
        if self.study.design == "configurations":
            existing = active(self.study, arm)
            fixed = {name: d.value for name, d in existing.items() if d.role == "fixed"}
            return {**fixed, **arm}

        def choose(name: str, definition: Hyperparameter) -> Scalar:
            if name in arm:
                return arm[name]
            units[name] = unit(self.study.seed, self.columns[name], point)
            return Dimension(definition).value(units[name])

        return resolve(self.study, choose, self.order)


def plan_trial(study: Study, columns: Mapping[str, int], number: int) -> TrialPlan:
    """Return one trial, a pure function of the study, its columns and the trial's number.

    Args:
        study: A study that was checked.
        columns: What `assign_columns` returned when the study was created.
        number: Number of the trial, from 0. Trials beyond the budget exist too: they are the ones
            that a larger budget adds.

    Raises:
        IndexError: The number is negative.
    """
    return _Planner(study, columns).trial(number)


def plan(study: Study, columns: Mapping[str, int], start: int = 0) -> Iterator[TrialPlan]:
    """Yield the trials of the budget in the order to run them, from number `start` on.

    All arms at one point come before the next point, so that a study stopped early is balanced.
    """
    planner = _Planner(study, columns)
    for number in range(start, total_trials(study)):
        yield planner.trial(number)
