"""Follow-ups that train for longer or shorter, and what that means for the schedule (P33, P35)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from labtui.study.fields import Scalar, same
from labtui.study.followup import Draft, FollowUp, Impossible, question
from labtui.study.followup_space import differing

LONGER = 2
"""A longer study has so many times the steps: the best step lay in the last quarter, and a doubling
moves it to the middle."""

MARGIN = 1.5
"""A shorter study has so many times the step by which three of four runs had their best: a tuned
decay can need more."""

FEWEST_EVALUATIONS = 10
"""A shorter study is evaluated at least so often: the curves' judges need eight evaluations."""

FULL = 10
"""Full length is so many times that of the first round: the playbook tunes at about a tenth of the
production length."""

BEST = 3
"""Configurations of a second round: very few, and long."""

_DECAY = re.compile(r"decay|anneal|cool_?down")
_SHARE = re.compile(r"factor|ratio|frac|share|proportion")
_NOT_DECAY = re.compile(r"weight_?decay|polyak|ema")


@dataclass(frozen=True)
class Schedule:
    """What a study knows of its learning-rate schedule.

    Attributes:
        name: The hyperparameter that chooses it; empty where none does.
        value: What it chooses; None where trials differ, or nothing chooses.
        tuned: Schedule hyperparameters to tune again: name → nuisance definition.
        rates: Learning rates that are fixed: name → nuisance definition around the value.
    """

    name: str = ""
    value: Scalar = None
    tuned: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    rates: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def decays(self) -> bool:
        """Whether the rate falls, as far as it is known."""
        return self.value is not None and self.value != "constant"


def decay_length(name: str) -> bool:
    """Say whether a hyperparameter is the length of a decay, in steps or as a share of the run."""
    told = name.lower()
    return bool(_DECAY.search(told)) and not _NOT_DECAY.search(told) and _of_length(told)


def is_share(name: str) -> bool:
    """Say whether a length is written as a share of the run, as ``warmup_factor``."""
    return bool(_SHARE.search(name.lower()))


def _of_length(told: str) -> bool:
    return "step" in told or "fraction" in told or "ratio" in told or "length" in told


def relength(
    draft: Draft, steps: int, schedule: Schedule, why: str, answers: Sequence[str]
) -> FollowUp:
    """Ask the same with another number of steps, the schedule tuned again (P33).

    Args:
        draft: Of the study.
        steps: Of every trial.
        schedule: What is known of its schedule.
        why: Where the number is from.
        answers: The findings.

    Raises:
        Impossible: The number is that of the parent.
    """
    parent = draft.parent
    had = parent.budget.max_train_steps
    if steps == had:
        raise Impossible(f"{steps} steps are what it has; name others with --steps")
    longer = steps > had
    every = max(1, round(parent.budget.eval_every * steps / had))
    every = min(every, max(1, steps // FEWEST_EVALUATIONS))
    draft.budget(f"{had} steps before; {why}", max_train_steps=steps, eval_every=every)
    _schedule(draft, schedule, "longer" if longer else "shorter")
    for name, definitions in list(draft.definitions.items()):
        if decay_length(name):
            _note_decay(draft, name, definitions, had / steps)
    goal = question(parent.goal, f"at {steps} instead of {had} steps")
    return draft.finish(goal, answers)


def _schedule(draft: Draft, schedule: Schedule, how: str) -> None:
    """Tune the decay again, and the rate where a decay is tuned."""
    if not schedule.decays:
        return
    for name, definition in schedule.tuned.items():
        draft.define(name, definition, f"the decay is tuned again for the {how} run (P33)")
    for name, definition in schedule.rates.items():
        draft.define(name, definition, "the rate is tuned beside its decay")
    draft.say("hyperparameters", text=_held(schedule.value, draft.definitions))


def _held(value: Scalar, names: Iterable[str]) -> str:
    """Say what becomes of a schedule when the run gets longer.

    Args:
        value: What is chosen.
        names: The hyperparameters; the length of the decay may be among them.
    """
    if value == "linear" and not any(map(decay_length, names)):
        return (
            "a linear decay should keep its length in steps (P35); no hyperparameter here sets it, "
            "so that it spans the whole run"
        )
    if value == "linear":
        return "a linear decay keeps its length in steps: more steps go before it (P35)"
    if value == "cosine":
        return "a cosine decay keeps the base rate, and spans the whole run (P35)"
    return f"schedule {value}: do not spend the further steps at a rate too small (P35)"


def _note_decay(
    draft: Draft, name: str, definitions: Sequence[dict[str, Any]], scale: float
) -> None:
    """Hold the length of a decay: in steps it stays, as a share of the run it is scaled."""
    if not is_share(name):
        draft.say("hyperparameters", name, text="in steps: the decay keeps its length (P35)")
        return
    for definition in definitions:
        if definition.get("range") is not None:
            low, high = definition["range"]
            definition["range"] = [min(low * scale, 1.0), min(high * scale, 1.0)]
        elif definition.get("values") is not None:
            definition["values"] = [_scaled(value, scale) for value in definition["values"]]
        else:
            definition["value"] = _scaled(definition["value"], scale)
    draft.say("hyperparameters", name, text=f"scaled by {scale:.3g}: the same length in steps")


def _scaled(value: Scalar, scale: float) -> Scalar:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    return float(f"{min(value * scale, 1.0):.4g}")


TRANSFER = {
    "warmup": "very likely to transfer",
    "initialization": "very likely to transfer",
    "architecture": "likely to transfer",
    "optimizer": "might transfer",
    "choice of optimizer": "might transfer",
    "regularization": "might transfer",
    "data": "might transfer",
    "schedule": "unlikely to transfer: compare another one at this length",
}
"""What found in short runs holds in long ones, by kind of hyperparameter (P35, the playbook's)."""


def full_length(
    draft: Draft,
    rows: Sequence[Mapping[str, Scalar]],
    sources: Sequence[str],
    steps: int,
    kinds: Mapping[str, str],
    schedule: Scalar,
) -> FollowUp:
    """Train the best configurations at full length: the second round, few and long (P35).

    Args:
        draft: Of the first round.
        rows: The configurations, the best first; equal ones are taken once.
        sources: The trial of each.
        steps: Of every trial.
        kinds: Name → a key of `TRANSFER`.
        schedule: What the configurations choose as schedule.

    Raises:
        Impossible: No trial has completed.
    """
    if not rows:
        raise Impossible("no trial has completed")
    parent = draft.parent
    had = parent.budget.max_train_steps
    scale = had / steps
    held = [_at_length(row, schedule, scale) for row in rows]
    varied = differing(held)
    draft.fix_all({name: value for name, value in held[0].items() if name not in varied})
    listed = [{name: row[name] for name in varied if name in row} for row in held]
    draft.put("configurations", _distinct(listed))
    for index, source in enumerate(sources[: len(draft.document["configurations"])]):
        draft.say("configurations", index, text=source)
    for name in held[0]:
        if kinds.get(name) in TRANSFER:
            path = ("hyperparameters", name) if name not in varied else ("configurations",)
            told = TRANSFER[kinds[name]]
            draft.say(*path, text=told if name not in varied else f"{name}: {told}")
    if schedule not in (None, "constant"):
        draft.say("hyperparameters", text=_held(schedule, held[0]))
    every = max(1, round(parent.budget.eval_every * steps / had))
    draft.budget(
        f"{had} steps in the first round", max_train_steps=steps, eval_every=every, hours=None
    )
    return draft.finish(f"Do the best of {parent.study} hold at {steps} steps?")


def _at_length(row: Mapping[str, Scalar], schedule: Scalar, scale: float) -> dict[str, Scalar]:
    """Hold the decay length of a linear schedule where it is a share of the run."""
    return {
        name: _scaled(value, scale)
        if schedule != "cosine" and decay_length(name) and is_share(name)
        else value
        for name, value in row.items()
    }


def _distinct(rows: Sequence[dict[str, Scalar]]) -> list[dict[str, Scalar]]:
    kept: list[dict[str, Scalar]] = []
    for row in rows:
        if not any(_alike(one, row) for one in kept):
            kept.append(row)
    return kept


def _alike(one: Mapping[str, Scalar], other: Mapping[str, Scalar]) -> bool:
    return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)


def is_warmup(name: str) -> bool:
    """Say whether a hyperparameter is the length of a warmup."""
    return bool(re.search(r"warm_?up", name.lower()))


def is_initialization(name: str) -> bool:
    """Say whether a hyperparameter decides how parameters start."""
    return bool(re.search(r"(^|_)init(_|$|ial)|zero_init", name.lower())) and "lr" not in name
