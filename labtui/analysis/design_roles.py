"""Which role each hyperparameter should have in a study, by its kind and the budget (P06, P10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from labtui.analysis.design_budget import (
    ADAM_BETA1,
    ADAM_BETA2,
    ADAM_EPSILON,
    TRIALS_PER_DIMENSION,
    adam_parameters,
)
from labtui.analysis.design_ranges import Candidate, is_number, is_off, search_range
from labtui.analysis.kinds import BETA1, BETA2, EPSILON, LEARNING_RATE, MOMENTUM
from labtui.analysis.optimizers import families, is_adaptive, takes
from labtui.study.fields import Scalar

CHOICE = "choice of optimizer"

_ORDER = ("the learning rate", "momentum or beta1", "regularization in use", "schedule")
PRIORITY = f"{', '.join(_ORDER)}, other regularization, epsilon, beta2"
"""In which order nuisance hyperparameters get the dimensions that the trials feed: the optimizer's
first, of which the best values differ most from arm to arm (P06), the rest of Adam's last (P10)."""

_AS_BETA1 = f"momentum and beta1 from {ADAM_BETA1}"
_ADAM_WORDS = f"{_AS_BETA1}, epsilon from {ADAM_EPSILON}, beta2 from {ADAM_BETA2}"


_PLACES = ("Scientific:", "Nuisance,", "Fixed,")
"""How the reasons begin, in the order of a study file."""


@dataclass(frozen=True)
class Group:
    """Definitions that have their role for one reason.

    Attributes:
        why: The reason, in a sentence.
        definitions: Name → what a study file says of it, one or several definitions.
    """

    why: str
    definitions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Roles:
    """The roles of a study.

    Attributes:
        groups: Scientific, nuisance and fixed definitions, in the order to write them.
        left_out: Names that have no part in the optimizers that train.
        dropped: Names that would be nuisance if there were more trials.
    """

    groups: Sequence[Group]
    left_out: Sequence[str]
    dropped: Sequence[str]


def propose_roles(
    candidates: Sequence[Candidate], compared: Mapping[str, Sequence[Scalar]], trials: int
) -> Roles:
    """Give every hyperparameter a role.

    Args:
        candidates: All that the workload has, with the baseline's values.
        compared: The scientific ones, name → values; empty for a mere search.
        trials: Trials of an arm.
    """
    return _Proposal(candidates, compared, trials).roles()


class _Proposal:
    """What the rules of thumb look at."""

    def __init__(
        self,
        candidates: Sequence[Candidate],
        compared: Mapping[str, Sequence[Scalar]],
        trials: int,
    ) -> None:
        self.candidates = candidates
        self.compared = compared
        self.trials = trials
        self.dimensions = max(1, trials // TRIALS_PER_DIMENSION)
        self.chooser = next((c for c in candidates if c.meaning.kind == CHOICE), None)
        self.optimizers = self._optimizers()
        self.groups: dict[str, Group] = {}
        self.used = dict.fromkeys(self.optimizers, 0)
        self.dropped: list[str] = []

    def _optimizers(self) -> list[str]:
        """The update rules that train; one without a name where nothing chooses."""
        if self.chooser is None:
            return [""]
        named = self.compared.get(self.chooser.name, [self.chooser.value])
        return [str(value) for value in named]

    def roles(self) -> Roles:
        existing = [c for c in self.candidates if self._has_part(c)]
        for one in existing:
            if one.name in self.compared:
                self._compare(one)
        rest = [one for one in existing if one.name not in self.compared]
        ranked = sorted((r, i) for i, one in enumerate(rest) if (r := self._rank(one)) is not None)
        for _, index in ranked:
            self._tune(rest[index])
        nuisance = {index for _, index in ranked}
        for index, one in enumerate(rest):
            if index not in nuisance:
                self._add(self._why_fixed(one), one, [self._fixed(one)])
        left_out = [c.name for c in self.candidates if c not in existing]
        groups = sorted(self.groups.values(), key=lambda group: _PLACES.index(group.why.split()[0]))
        return Roles(groups, left_out, self.dropped)

    def _has_part(self, one: Candidate) -> bool:
        if one.name in self.compared:
            return True
        if self._decays(one):
            return any(value != "constant" for value in self._schedules())
        return bool(self._rules(one))

    def _known(self) -> list[str]:
        """All update rules that a person could choose, so far as they are declared."""
        declared = self.chooser.declared if self.chooser is not None else None
        return [*self.optimizers, *(map(str, declared.values) if declared is not None else ())]

    # -- schedules that decay

    def _schedule(self) -> Candidate | None:
        found = (c for c in self.candidates if c.meaning.kind == "schedule")
        return next((c for c in found if isinstance(c.value, str)), None)

    def _schedules(self) -> list[Scalar]:
        schedule = self._schedule()
        if schedule is None:
            return []
        return list(self.compared.get(schedule.name, [schedule.value]))

    def _decays(self, one: Candidate) -> bool:
        """Tell whether it says how a schedule decays, so that a constant one ignores it."""
        number = one.meaning.kind == "schedule" and is_number(one.value)
        return number and "warmup" not in one.name and "constant" in self._schedules()

    def _when(self, one: Candidate) -> dict[str, Any]:
        """Give the condition under which a hyperparameter exists; empty for always (P07)."""
        schedule = self._schedule()
        if schedule is not None and self._decays(one):
            values = self._schedules()
            decaying = [value for value in values if value != "constant"]
            return (
                {} if len(decaying) in (0, len(values)) else {schedule.name: _one_or_many(decaying)}
            )
        rules = self._rules(one)
        if self.chooser is None or len(rules) in (0, len(self.optimizers)):
            return {}
        return {self.chooser.name: _one_or_many(rules)}

    # -- scientific

    def _compare(self, one: Candidate) -> None:
        definition = {"role": "scientific", "values": list(self.compared[one.name])}
        why = "Scientific: what the study compares."
        if one.meaning.kind == "optimizer":
            why += " The best value of an optimizer's parameter may not outlast this study (P06)."
        elif one.meaning.kind == "batch":
            why += " A batch size is chosen for speed, never for validation quality (P03)."
        self._add(why, one, [{**definition, **self._condition(one)}])

    def _condition(self, one: Candidate) -> dict[str, Any]:
        when = self._when(one)
        return {"when": when} if when else {}

    # -- nuisance

    def _rank(self, one: Candidate) -> int | None:
        """Give the place of a nuisance hyperparameter in the order; None for one that is fixed."""
        kind, part = one.meaning.kind, one.meaning.part
        if part == LEARNING_RATE:
            return 0
        if not is_number(one.value):
            return None
        if part in (EPSILON, BETA2):
            return 5 if part == EPSILON else 6
        if kind == "regularization":
            return 4 if is_off(one.value) else 2
        if is_off(one.value) or kind not in ("optimizer", "schedule"):
            return None
        return 1 if kind == "optimizer" else 3

    def _tune(self, one: Candidate) -> None:
        if not self._affordable(one):
            self.dropped.append(one.name)
            self._add(self._why_too_few(), one, [self._fixed(one)])
            return
        if not self._feeds(one):
            self.dropped.append(one.name)
            self._add(self._why_dropped(), one, [self._fixed(one)])
            return
        for rule in self._rules(one):
            self.used[rule] += 1
        self._add(self._why_nuisance(one), one, self._nuisance(one))

    def _rules(self, one: Candidate) -> list[str]:
        return [rule for rule in self.optimizers if takes(one, rule, self._known())]

    def _affordable(self, one: Candidate) -> bool:
        part = BETA1 if one.meaning.part == MOMENTUM else one.meaning.part
        return part not in (BETA1, EPSILON, BETA2) or part in adam_parameters(self.trials)

    def _feeds(self, one: Candidate) -> bool:
        first = one.meaning.part == LEARNING_RATE
        return first or all(self.used[rule] < self.dimensions for rule in self._rules(one))

    def _nuisance(self, one: Candidate) -> list[dict[str, Any]]:
        if one.meaning.part != LEARNING_RATE or self.chooser is None:
            return [{"role": "nuisance", **search_range(one), **self._condition(one)}]
        grouped = families(self.optimizers)
        own = is_adaptive(str(self.chooser.value))
        return [
            {
                "role": "nuisance",
                **search_range(one, adaptive=adaptive, own=own),
                **({"when": {self.chooser.name: _one_or_many(rules)}} if len(grouped) > 1 else {}),
            }
            for adaptive, rules in grouped
        ]

    # -- fixed

    def _fixed(self, one: Candidate) -> dict[str, Any]:
        return {"role": "fixed", "value": one.value, **self._condition(one)}

    # -- reasons

    def _why_nuisance(self, one: Candidate) -> str:
        kind = one.meaning.kind
        if kind == "regularization":
            fed = f"{self.trials} trials feed {self.dimensions} dimensions"
            return f"Nuisance, strengths of regularization: {fed} (P06, P09)."
        what = "the schedule's numbers" if kind == "schedule" else "the optimizer's parameters"
        if not self.compared:
            return f"Nuisance, {what}: tuned (P06)."
        return f"Nuisance, {what}: tuned for each arm, or the comparison is unfair (P06)."

    def _why_dropped(self) -> str:
        fed = f"{self.trials} trials an arm feed {self.dimensions} nuisance dimensions (P09)"
        return f"Fixed, because {fed}; caveats. More trials tune, in this order: {PRIORITY}."

    def _why_too_few(self) -> str:
        return (
            f"Fixed, because {self.trials} trials an arm are too few; caveats. "
            f"Tuned are {_ADAM_WORDS} trials on (P10)."
        )

    def _why_fixed(self, one: Candidate) -> str:
        kind = one.meaning.kind
        if kind == CHOICE:
            return "Fixed, the choice of optimizer: scientific where it is the question (P06)."
        if kind == "batch":
            return "Fixed, at what pays (`labtui probe batch-size`), never tuned for quality (P03)."
        if kind == "regularization" or (kind in ("optimizer", "schedule") and is_off(one.value)):
            return "Fixed, on or off as before: a change is a question of its own (P06)."
        if kind == "unknown":
            return "Fixed, of unknown kind: make nuisance what the answer may depend on."
        if kind == "length":
            return "Fixed, because the length of training is never tuned (P11)."
        return "Fixed, so caveats of the conclusion: scientific where they are the question (P06)."

    def _add(self, why: str, one: Candidate, definitions: list[dict[str, Any]]) -> None:
        self.groups.setdefault(why, Group(why)).definitions[one.name] = definitions


def _one_or_many(values: Sequence[Scalar]) -> Any:
    return values[0] if len(values) == 1 else list(values)
