"""What a change adds to the baseline, and the least gain that pays for it (P30).

A gain that is bought with complexity has to be larger than one that is not; complexity that can be
removed need not gain anything. Prices are in retrain deviations, so that they fit every workload.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from labtui.analysis.decision import Least
from labtui.analysis.kinds import Declared, Meaning, meaning
from labtui.analysis.probability import rank_tail
from labtui.analysis.runs import Floats
from labtui.study.fields import Scalar, same, short_text

Weight = Literal["adds", "removes", "changes"]

PART_ON = 0.25
"""A regularizer, a part of the schedule or of the model switched on: code and one more thing to
tune. A quarter of a deviation is less than 20 reruns a side can see (their standard error is 0.32):
it asks for a clear gain, no more."""

OPTIMIZER = 0.25
"""Another optimizer: what was learned of the old one's rates is lost."""

STATE = 0.25
"""Each further number that it keeps for every weight: memory, and longer checkpoints."""

UPKEEP = 0.1
"""Each further hyperparameter: every later study has to tune it, or list it as a caveat."""

DOUBLED = 0.25
"""Each doubling of a size of the model, of the steps, or of the time of a step: every later study
pays for it."""

SLOWER, SHORTEST, BY_CHANCE = 1.25, 1e-3, 0.01
"""Steps count as slower from this ratio on, if they take a millisecond at least, and if chance
ranks the times of the reruns so this rarely: on a busy machine medians of six reruns of equal
configurations differed by a fifth, and those of shorter steps by more. Faster ones are no
simplification: nobody has less to maintain."""

MOST = 1.0
"""What all of it together asks for at most: with more, launches of 20 reruns a side could hardly
ever adopt what gains two deviations. Who wants more names it."""

BORNE = 1.0
"""Retrain deviations that a change may lose which only removes something: what a single retraining
changes by itself. Of simplifications that lose nothing 6 in 10 are adopted within 20 reruns a side,
of those that lose one deviation 0.6 %."""

NOTHING = (0, None, False, "", "none", "off", "no", "null", "constant", "identity")
"""Values that switch a regularizer, a schedule or a part of the model off."""

STATES = {
    "sgd": 0,
    "momentum": 1,
    "nesterov": 1,
    "lion": 1,
    "adagrad": 1,
    "rmsprop": 1,
    "adadelta": 2,
    "adam": 2,
    "adamw": 2,
    "nadam": 2,
    "nadamw": 2,
    "radam": 2,
    "adamax": 2,
    "lamb": 2,
    "yogi": 2,
}
"""Numbers that optimizers keep for every weight."""


@dataclass(frozen=True)
class Change:
    """One thing that the candidate does differently.

    Attributes:
        kind: ``number``, ``value``, ``part``, ``optimizer``, ``upkeep``, ``size``, ``steps`` or
            ``step time``.
        weight: Whether it adds, removes, or only changes.
        text: What changed, such as ``weight_decay switched on: 0.001``.
        least: Retrain deviations that it has to gain.
    """

    kind: str
    weight: Weight
    text: str
    least: float = 0.0


@dataclass(frozen=True)
class Complexity:
    """What a candidate adds to the baseline.

    Attributes:
        changes: What differs.
        least: The least gain that pays for it.
    """

    changes: tuple[Change, ...]
    least: Least

    @property
    def simpler(self) -> bool:
        """Whether it removes something and adds nothing."""
        weights = {change.weight for change in self.changes}
        return "removes" in weights and "adds" not in weights


def complexity(
    candidate: Mapping[str, Scalar],
    baseline: Mapping[str, Scalar],
    declared: Mapping[str, Declared] | None = None,
    *,
    steps: tuple[int, int] | None = None,
    step_times: tuple[Sequence[float], Sequence[float]] | None = None,
) -> Complexity:
    """Weigh a candidate against the baseline.

    Args:
        candidate: Its hyperparameters; those that do not exist for it are left out.
        baseline: The same of the baseline.
        declared: What the trainer says of them; names decide about the others.
        steps: Length of training of candidate and baseline, in updates.
        step_times: Seconds of a step of each rerun of both, measured side by side.
    """
    changes = tuple(_changes(candidate, baseline, declared or {}))
    changes += tuple(_doubled("steps", "training of {:,.0f} steps", steps))
    if step_times is not None:
        changes += tuple(_slower(*(np.array(times) for times in step_times)))
    found = Complexity(changes, Least())
    if found.simpler:
        return Complexity(changes, Least(deviations=-BORNE))
    return Complexity(changes, Least(deviations=min(MOST, sum(one.least for one in changes))))


def _slower(ours: Floats, theirs: Floats) -> Iterator[Change]:
    if not (ours.size and theirs.size):
        return
    new, old = float(np.median(ours)), float(np.median(theirs))
    if new >= max(SHORTEST, SLOWER * old) and rank_tail(theirs, ours) <= BY_CHANCE:
        yield from _doubled("step time", "steps of {:.3g} s", (new, old))


def _changes(
    candidate: Mapping[str, Scalar],
    baseline: Mapping[str, Scalar],
    declared: Mapping[str, Declared],
) -> Iterator[Change]:
    for name in dict.fromkeys([*candidate, *baseline]):
        means = meaning(name, declared)
        if name in candidate and name in baseline:
            if not same(candidate[name], baseline[name]):
                yield _changed(name, means, candidate[name], baseline[name])
        else:
            yield from _came_or_went(name, means, candidate, baseline)


def _changed(name: str, means: Meaning, new: Scalar, old: Scalar) -> Change:
    text = f"{name} {short_text(old)} → {short_text(new)}"
    if means.kind == "choice of optimizer":
        return _optimizer(text, str(new), str(old))
    if means.kind in ("regularization", "schedule", "architecture", "data"):
        if _off(old):
            return Change("part", "adds", f"{name} switched on: {short_text(new)}", PART_ON)
        if _off(new):
            return Change("part", "removes", f"{name} switched off (was {short_text(old)})")
    if not (_is_number(new) and _is_number(old)):
        return Change("value", "changes", text)
    if means.kind == "architecture" and isinstance(new, int) and isinstance(old, int):
        return _sized("size", text, new, old)
    return Change("number", "changes", text)


def _came_or_went(
    name: str, means: Meaning, candidate: Mapping[str, Scalar], baseline: Mapping[str, Scalar]
) -> Iterator[Change]:
    """Weigh a hyperparameter that only one of both has."""
    came = name in candidate
    value = candidate[name] if came else baseline[name]
    part = means.kind in ("regularization", "schedule", "architecture", "data")
    if part and _off(value):
        return
    if not came:
        yield Change("upkeep", "removes", f"{name} falls away (was {short_text(value)})")
    elif part:
        yield Change("part", "adds", f"{name} switched on: {short_text(value)}", PART_ON)
    else:
        yield Change("upkeep", "adds", f"{name} to maintain: {short_text(value)}", UPKEEP)


def _optimizer(text: str, new: str, old: str) -> Change:
    ours, theirs = _states(new), _states(old)
    if ours is None or theirs is None or ours == theirs:
        return Change("optimizer", "adds", text, OPTIMIZER)
    told = f"{text}: keeps {ours} number{'s' * (ours != 1)} a weight, not {theirs}"
    if ours < theirs:
        return Change("optimizer", "removes", told)
    return Change("optimizer", "adds", told, OPTIMIZER + STATE * (ours - theirs))


def _states(name: str) -> int | None:
    return STATES.get("".join(c for c in name.lower() if c.isalpha()))


def _doubled(kind: str, form: str, values: tuple[float, float] | None) -> Iterator[Change]:
    if values is not None and values[0] != values[1]:
        ours, theirs = values
        yield _sized(kind, f"{form.format(ours)} instead of {theirs:,.4g}", ours, theirs)


def _sized(kind: str, text: str, new: float, old: float) -> Change:
    if new < old:
        return Change(kind, "removes", text)
    return Change(kind, "adds", text, DOUBLED * math.log2(new / old) if old > 0 else PART_ON)


def _off(value: Scalar) -> bool:
    plain = value.strip().lower() if isinstance(value, str) else value
    return any(plain is nothing or plain == nothing for nothing in NOTHING)


def _is_number(value: Scalar) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
