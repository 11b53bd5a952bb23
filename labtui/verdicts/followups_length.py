"""Follow-ups of a study of the lab that train for another length (P33, P34, P35)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from labtui.analysis.findings import Finding
from labtui.analysis.kinds import LEARNING_RATE
from labtui.study import followup_length as lengths
from labtui.study import followup_stability as stabilities
from labtui.study.fields import Scalar
from labtui.study.followup import FollowUp, Impossible
from labtui.verdicts.followups_grounds import SCHEDULE, Grounds, answer_text
from labtui.verdicts.followups_space import varies
from labtui.verdicts.lineup_readings import read_first_length

RATE_MARGIN = 10.0
"""A rate that was fixed is tuned within so many times it, to either side."""


def longer(grounds: Grounds) -> FollowUp:
    """Train for longer, the decay tuned again (P33, P35)."""
    had = grounds.study.budget.max_train_steps
    steps = grounds.asked.steps or had * lengths.LONGER
    if steps <= had:
        raise Impossible(f"{steps} steps are no longer than {had}")
    found = grounds.found("steps-too-few", "still-improving")
    return _relength(grounds, "longer", steps, found, "the best checkpoints come last")


def shorter(grounds: Grounds) -> FollowUp:
    """Train for as long as the best checkpoints needed (P33)."""
    had = grounds.study.budget.max_train_steps
    steps = grounds.asked.steps or _needed(grounds)
    if steps >= had:
        raise Impossible(f"the best checkpoints need all of its {had} steps")
    found = grounds.found("steps-too-many", "saturated-early")
    return _relength(grounds, "shorter", steps, found, "the best checkpoints came early")


def _needed(grounds: Grounds) -> int:
    """Give the steps by which three of four runs had their best, with a margin."""
    steps = sorted(t.best_step for t in grounds.trials if t.state == "completed" and t.best_step)
    if not steps:
        raise Impossible("no trial has completed")
    at = steps[min(len(steps) - 1, math.ceil(0.75 * len(steps)))]
    every = grounds.study.budget.eval_every
    return max(every * math.ceil(lengths.MARGIN * at / every), lengths.FEWEST_EVALUATIONS)


def _relength(
    grounds: Grounds, kind: str, steps: int, found: Sequence[Finding], why: str
) -> FollowUp:
    asked = "asked for" if grounds.asked.steps or not found else why
    answers = list(dict.fromkeys(answer_text(one) for one in found))
    draft = grounds.draft(kind)
    return lengths.relength(draft, steps, _schedule(grounds), asked, answers)


def _schedule(grounds: Grounds) -> lengths.Schedule:
    """Find what the study knows of its schedule, and what of it is to be tuned again."""
    name = grounds.known(SCHEDULE)
    value = _only_value(grounds, name) if name else None
    tuned = {
        other: definition
        for other in grounds.of_kind("schedule")
        if other != name and not lengths.is_warmup(other) and not varies(grounds, other)
        if (definition := grounds.nuisance(other)) is not None
    }
    return lengths.Schedule(name, value, tuned, _rates(grounds))


def _only_value(grounds: Grounds, name: str) -> Scalar:
    """Give the value that all trials have: fixed, or the trainer's default; None for several."""
    definitions = grounds.study.hyperparameters.get(name)
    if definitions is None:
        default: Scalar = grounds.declared[name].default
        return default
    fixed = [d.value for d in definitions if d.role == "fixed"]
    return fixed[0] if len(fixed) == len(definitions) == 1 else None


def _rates(grounds: Grounds) -> dict[str, dict[str, Any]]:
    """Give ranges for learning rates that are fixed."""
    found = {}
    for name, definitions in grounds.study.hyperparameters.items():
        value = definitions[0].value
        alone = len(definitions) == 1 and definitions[0].role == "fixed"
        if grounds.meaning(name).part == LEARNING_RATE and alone and positive(value):
            bounds = [value / RATE_MARGIN, value * RATE_MARGIN]  # type: ignore[operator]
            found[name] = {"role": "nuisance", "scale": "log", "range": bounds}
    return found


def positive(value: Scalar) -> bool:
    """Say whether a value is a number above 0."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0


def full_length(grounds: Grounds) -> FollowUp:
    """Train the best few configurations at full length: the second round (P35)."""
    steps = grounds.asked.steps or grounds.study.budget.max_train_steps * lengths.FULL
    best = grounds.ranked(lengths.BEST)
    kinds = {name: _transfer(grounds, name) for name in grounds.study.hyperparameters}
    schedule = grounds.known(SCHEDULE)
    chosen = best[0].params.get(schedule, _default(grounds, schedule)) if best else None
    sources = [f"{trial.name}, {trial.value:.4g}" for trial in best]
    rows = [trial.params for trial in best]
    return lengths.full_length(grounds.draft("full-length"), rows, sources, steps, kinds, chosen)


def _default(grounds: Grounds, name: str) -> Scalar:
    return grounds.declared[name].default if name in grounds.declared else None


def _transfer(grounds: Grounds, name: str) -> str:
    if lengths.is_warmup(name):
        return "warmup"
    return "initialization" if lengths.is_initialization(name) else grounds.meaning(name).kind


def first_length(grounds: Grounds) -> FollowUp:
    """Sweep constant rates for the steps that a perfect fit takes (P34)."""
    name, index = grounds.rate()
    best = grounds.best
    start = grounds.start(best, name)
    metric, goal = _training_metric(grounds)
    definition = grounds.study.hyperparameters[name][index]
    low, high = definition.range or _around(best.params[name])
    if low <= 0:
        low = high / 10 ** (2 * stabilities.RATE_DECADES)
    unknown = [
        other
        for other in grounds.of_kind("regularization", "data")
        if other in grounds.study.hyperparameters and other not in start.unregularized
    ]
    return stabilities.first_length(
        grounds.draft("first-length"),
        start,
        stabilities.rate_grid(float(low), float(high)),
        metric=metric,
        goal=goal,
        steps=grounds.asked.steps or grounds.study.budget.max_train_steps,
        unknown=unknown,
    )


def _around(value: Any) -> tuple[float, float]:
    factor = 10**stabilities.RATE_DECADES
    return float(value) / factor, float(value) * factor


def _training_metric(grounds: Grounds) -> tuple[str, str]:
    """Choose what tells a perfect fit: the training set's error rate, else its loss."""
    logged = grounds.lab.metrics(grounds.record.name)
    for name in ("train/error_rate", "train/accuracy", "train/loss"):
        if name in logged or name in grounds.metrics:
            return name, "maximize" if name.endswith("accuracy") else "minimize"
    raise Impossible("nothing of the training set is logged: log train/error_rate or train/loss")


def length(grounds: Grounds) -> FollowUp:
    """Give the study before a first-length sweep the length that this found (P34)."""
    if grounds.record.kind != "first-length":
        raise Impossible("it is no first-length sweep: `--kind first-length` makes one")
    reading = read_first_length(grounds.lab, grounds.record, grounds.trials)
    if reading.steps is None or reading.boundary:
        raise Impossible(reading.text)
    parent = parent_of(grounds)
    why = f"{grounds.record.name}: the fastest trial fits the training set by then (P34)"
    draft = parent.draft("length")
    draft.head.append(
        f"After {grounds.record.name}. More gradient noise needs more steps: augmentation, "
        "dropout, smaller batches."
    )
    return lengths.relength(draft, parent.asked.steps or reading.steps, lengths.Schedule(), why, [])


def parent_of(grounds: Grounds) -> Grounds:
    """Read the study that this one follows.

    Raises:
        Impossible: The lab does not have it.
    """
    names = {one.name for one in grounds.lab.studies()}
    if grounds.record.parent not in names:
        raise Impossible(f"the lab has no study {grounds.record.parent!r}, which it follows")
    return Grounds.of(grounds.lab, grounds.lab.study(grounds.record.parent), grounds.asked)
