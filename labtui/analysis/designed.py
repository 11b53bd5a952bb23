"""A study as the judges of its design see it: arms, what moves in each, and what things are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

from labtui.analysis.design_ranges import Candidate
from labtui.analysis.kinds import (
    BETA1,
    BETA2,
    EPSILON,
    LEARNING_RATE,
    Declared,
    Kind,
    Meaning,
    meaning,
)
from labtui.analysis.optimizers import takes
from labtui.study.fields import Scalar
from labtui.study.inheritance import inherit
from labtui.study.model import Hyperparameter, Study
from labtui.study.plan import arm_label, arms
from labtui.study.space import Dimension, topological

ADAM_PARTS = (LEARNING_RATE, BETA1, EPSILON, BETA2)
"""What is tuned of Adam, in the order in which trials should buy it (P10)."""


@dataclass(frozen=True)
class Arm:
    """One arm.

    Attributes:
        values: Its scientific values.
        label: How they are written; empty in a joint study.
        held: The definitions that can be in force in it, by name.
        dimensions: How many hyperparameters vary within it.
    """

    values: Mapping[str, Scalar]
    label: str
    held: Mapping[str, Sequence[Hyperparameter]]
    dimensions: int


@dataclass(frozen=True)
class Designed:
    """A study with what follows from its file.

    Attributes:
        study: The study.
        declared: What the trainer declares; empty for a person's own script.
        meanings: What every hyperparameter is, those included that only the trainer names.
        arms: The arms; a single one in a joint study.
        trials: Trials that an arm gets; in a joint study those that share a scientific value.
        inherited: What the study does not name and has from the baseline: name → value.
    """

    study: Study
    declared: Mapping[str, Declared]
    meanings: Mapping[str, Meaning]
    arms: Sequence[Arm]
    trials: int
    inherited: Mapping[str, Scalar] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        study: Study,
        declared: Mapping[str, Declared],
        trials: int | None,
        inherited: Mapping[str, Scalar] = MappingProxyType({}),
    ) -> Designed:
        """Read a design.

        Args:
            study: A study that was checked.
            declared: What the trainer declares.
            trials: Trials of an arm, where they are not the budget's.
            inherited: What it takes from its workload's baseline; see `labtui.study.inheritance`.
        """
        study = inherit(study, inherited)
        names = dict.fromkeys([*study.hyperparameters, *declared])
        found = [_arm(study, arm) for arm in arms(study)]
        budget = study.budget.trials if trials is None else trials
        share = budget // _largest_choice(study) if study.design == "joint" else budget
        number = 1 if study.design == "configurations" and trials is None else share
        meanings = {n: meaning(n, declared) for n in names}
        return cls(study, declared, meanings, found, number, inherited)

    @cached_property
    def compared(self) -> tuple[str, ...]:
        """The scientific hyperparameters that take more than one value."""
        if self.study.design == "configurations":
            return tuple(n for n in self.study.hyperparameters if self.count(n) > 1)
        return tuple(
            name
            for name, definitions in self.study.hyperparameters.items()
            if any(d.role == "scientific" for d in definitions) and self.count(name) != 1
        )

    @cached_property
    def number_of_arms(self) -> int:
        """The arms; in a joint study combinations of values, 0 where there is a range."""
        if self.study.design != "joint":
            return len(self.arms)
        return math.prod(self.count(name) for name in self.compared) if self.compared else 1

    @cached_property
    def unnamed(self) -> dict[str, Any]:
        """What the trainer declares and the study does not name, with its default.

        What no update rule of the study takes is left out, such as Adam's betas without Adam.
        """
        return {
            name: declared.default
            for name, declared in self.declared.items()
            if name not in self.study.hyperparameters and self._is_taken(name)
        }

    def _is_taken(self, name: str) -> bool:
        """Tell whether one of the study's update rules has a use for a hyperparameter."""
        chosen = self.optimizer
        if not chosen:
            adam = any(True for _ in self.adam_arms())
            return adam or self.meanings[name].part not in (BETA1, BETA2)
        declared = self.declared.get(chosen)
        rules = {str(rule) for arm in self.arms for rule in self.rules(arm)}
        known = rules | {str(choice) for choice in (declared.values if declared else None) or ()}
        one = Candidate(name, self.meanings[name], self.declared[name].default)
        return any(takes(one, rule, known) for rule in rules)

    @property
    def optimizer(self) -> str:
        """The name that chooses the update rule; empty where none does."""
        return next((n for n, m in self.meanings.items() if m.kind == "choice of optimizer"), "")

    def rules(self, arm: Arm) -> Sequence[Scalar]:
        """Give the update rules that an arm trains with, by their names."""
        name = self.optimizer
        if name in arm.values:
            return [arm.values[name]]
        if name not in self.study.hyperparameters:
            return [self.declared[name].default]
        return [v for d in arm.held[name] for v in Dimension(d).choices or ()]

    def count(self, name: str) -> int:
        """Count the scientific values that a name takes; 0 for a continuous range."""
        if self.study.design == "configurations":
            return len({repr(arm.values[name]) for arm in self.arms if name in arm.values})
        values: set[str] = set()
        for definition in self.study.hyperparameters[name]:
            if definition.role == "scientific":
                dimension = Dimension(definition)
                if dimension.count is None:
                    return 0
                values |= {repr(value) for value in dimension.choices or ()}
        return len(values)

    def of_kind(self, kind: Kind) -> list[str]:
        """Give the study's hyperparameters of a kind."""
        return [n for n in self.study.hyperparameters if self.meanings[n].kind == kind]

    def with_part(self, part: str) -> list[str]:
        """Give the names, the trainer's included, that are such as ``learning rate``."""
        return [name for name, found in self.meanings.items() if found.part == part]

    def varied(self, name: str) -> list[Hyperparameter]:
        """Give the definitions of a name that take more than one value."""
        if self.study.design == "configurations":
            first = self.study.hyperparameters[name][:1]
            return first if self.count(name) > 1 else []
        return [d for d in self.study.hyperparameters[name] if _varies(d)]

    def tuned_of_kinds(self, *kinds: Kind) -> list[str]:
        """Give the nuisance hyperparameters of some kinds."""
        return [
            name
            for kind in kinds
            for name in self.of_kind(kind)
            if any(d.role == "nuisance" and _varies(d) for d in self.study.hyperparameters[name])
        ]

    def moves(self, name: str, arm: Arm) -> bool:
        """Tell whether a hyperparameter takes several values within an arm, or is what it is about.

        One that does not exist in an arm is not missed there.
        """
        definitions = self.study.hyperparameters.get(name)
        if definitions is None:
            return False
        held = arm.held[name]
        return not held or name in arm.values or any(map(_varies, held))

    def always_fixed(self, name: str) -> bool:
        """Tell whether a hyperparameter has one value whatever the others are."""
        definitions = self.study.hyperparameters.get(name)
        if definitions is None:
            return True
        return len(definitions) == 1 and not _varies(definitions[0])

    def fixed_values(self, name: str) -> list[Scalar]:
        """Give the values at which a hyperparameter stays."""
        definitions = self.study.hyperparameters.get(name)
        if definitions is None:
            return [self.declared[name].default]
        return [(d.values or [d.value])[0] for d in definitions if not _varies(d) and not d.range]

    def adam_arms(self) -> Iterator[tuple[list[str], int, list[str], list[str]]]:
        """Yield arms trained by Adam that are alike in this: labels, trials, what is tuned, and
        what of Adam the study or its trainer has a name for."""
        groups: dict[tuple[int, tuple[str, ...]], list[str]] = {}
        for arm in self.arms:
            for values, trials in self._with_adam(arm):
                held = arm.held if values == arm.values else possible(self.study, values)
                tuned = [
                    part
                    for part in ADAM_PARTS
                    if any(
                        _varies(definition)
                        for name in self.with_part(part)
                        for definition in held.get(name, ())
                    )
                ]
                labels = groups.setdefault((trials, tuple(tuned)), [])
                if arm.label not in labels:
                    labels.append(arm.label)
        present = [part for part in ADAM_PARTS if self.with_part(part)]
        for (trials, tuned_parts), labels in groups.items():
            yield labels, trials, list(tuned_parts), present

    def _with_adam(self, arm: Arm) -> Iterator[tuple[dict[str, Scalar], int]]:
        """Yield an arm's values with an optimizer that is Adam, and the trials that it gets."""
        name = self.optimizer
        if not name:
            named = {self.meanings[n].part for n in self.study.hyperparameters}
            if BETA2 in named or BETA1 in named:
                yield dict(arm.values), self.trials
            return
        options = self.rules(arm)
        joint = self.study.design == "joint" and name in self.compared
        for value in options:
            if "adam" in str(value).lower():
                share = self.trials if joint else self.trials // max(1, len(options))
                yield {**arm.values, name: value}, share


def _arm(study: Study, values: Mapping[str, Scalar]) -> Arm:
    held = possible(study, values)
    dimensions = sum(any(_searched(study, d) for d in listed) for listed in held.values())
    return Arm(values, arm_label(values), held, dimensions)


def _searched(study: Study, definition: Hyperparameter) -> bool:
    """Tell whether a definition is an axis of the search, as ranges are in a joint study."""
    if definition.role == "scientific":
        return study.design == "joint" and Dimension(definition).count is None
    return _varies(definition)


def _largest_choice(study: Study) -> int:
    counts = [
        Dimension(d).count or 1
        for definitions in study.hyperparameters.values()
        for d in definitions
        if d.role == "scientific"
    ]
    return max(counts, default=1)


def _varies(definition: Hyperparameter) -> bool:
    return definition.role != "fixed" and Dimension(definition).count != 1


def possible(study: Study, arm: Mapping[str, Scalar]) -> dict[str, list[Hyperparameter]]:
    """Give the definitions of every name that can be in force within an arm.

    Args:
        study: A study that was checked.
        arm: Values that the arm has; other parents may take any of theirs.
    """
    found: dict[str, list[Hyperparameter]] = {}
    for name in topological(study):
        found[name] = [
            definition
            for definition in study.hyperparameters[name]
            if all(
                definition.applies(parent, arm[parent])
                if parent in arm
                else any(
                    Dimension(above).holds(value)
                    for above in found[parent]
                    for value in definition.when[parent]
                )
                for parent in definition.when
            )
        ]
    return found
