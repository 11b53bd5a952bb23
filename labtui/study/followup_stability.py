"""Follow-ups of unstable training (P39 to P41), and the first guess of its length (P34)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from labtui.study.fields import Scalar
from labtui.study.followup import Change, Draft, FollowUp, Impossible, question
from labtui.study.followup_length import is_share

BASE_FACTOR = 10
"""A warmup's base rate is so many times the rate that became unstable (P40, the playbook's)."""

LARGEST_SHARE = 0.1
"""The longest warmup that is tried is at most this share of training (P40, the playbook's)."""

LENGTH_FACTOR = 3
"""Trials of the sweep take so many times the longest warmup: it, and twice as long after it."""

LONG_SHARE = 0.05
"""A warmup longer than this share of training asks for longer training (P40, the playbook's)."""

ORDERS = 4
"""Orders of magnitude of warmup that are listed one by one; of more, every second, as the playbook
lists 10, 1,000, 10,000 and 100,000."""

BETWEEN = 2
"""The cap itself is tried as well where it is at least so many times the largest power of ten."""

REPETITIONS = 3
"""Trials of every warmup: whether one trains is partly luck, and three cost less than the trials of
a study, because the runs are short."""

SWEEP_EVALUATIONS = 25
"""Evaluations of a trial of a warmup sweep, as of the stability probe: best checkpoints compare."""

LENGTH_EVALUATIONS = 50
"""Evaluations of a trial of the first-length sweep: its answer is a step, so it is known to 2 %."""

RATES = 12
"""Rates of the constant-rate sweep: four a decade over three decades."""

RATE_DECADES = 1.5
"""Decades to either side of a rate without a range."""

BELOW_BEST = 10.0
"""With the warmup, rates are searched from so many times below the best one of before."""


@dataclass(frozen=True)
class Knob:
    """A hyperparameter that a follow-up sets, whether or not the study names it.

    Attributes:
        name: As the trainer declares it, else as scripts usually call it.
        reads: What the script must do for it to have an effect; empty where it is declared.
    """

    name: str
    reads: str = ""


@dataclass(frozen=True)
class Start:
    """The configuration that a probe or a sweep begins from.

    Attributes:
        params: Everything that is fixed.
        source: The trial it is of.
        rate_name: What the learning rate is called.
        plain: What turns off schedule, warmup and clipping, of what there is.
        unregularized: What turns off regularization and augmentation.
    """

    params: Mapping[str, Scalar]
    source: str
    rate_name: str
    plain: Mapping[str, Scalar] = field(default_factory=dict)
    unregularized: Mapping[str, Scalar] = field(default_factory=dict)


def warmup_lengths(max_train_steps: int) -> list[int]:
    """Give the warmups to try, over orders of magnitude, none at all among them (P40).

    Raises:
        Impossible: Training is too short for any.
    """
    cap = int(LARGEST_SHARE * max_train_steps)
    if cap < 1:
        raise Impossible(f"{max_train_steps} steps are too few: a warmup takes a tenth at most")
    found = [10**power for power in range(1, 19) if 10**power <= cap] or [cap]
    if len(found) > ORDERS:
        found = [length for length in found if length != 100]
    if cap >= BETWEEN * found[-1]:
        found.append(cap)
    return [0, *found]


def warmup(
    draft: Draft,
    start: Start,
    knob: Knob,
    *,
    unstable: float,
    found_by: str,
    factor: float = BASE_FACTOR,
    answers: Sequence[str] = (),
) -> FollowUp:
    """Sweep warmup lengths at a rate far above the one that became unstable (P40).

    Args:
        draft: Of the study that is unstable.
        start: The configuration: one of its best.
        knob: The warmup; one named as a share of the run gets shares of the sweep's length.
        unstable: The rate that became unstable.
        found_by: Where that is from.
        factor: How many times it the base rate is.
        answers: The findings.

    Raises:
        Impossible: Training is too short for a warmup.
    """
    lengths = warmup_lengths(draft.parent.budget.max_train_steps)
    steps, base = LENGTH_FACTOR * lengths[-1], float(f"{factor * unstable:.3g}")
    params = {**start.params, **start.plain}
    draft.fix_all({k: v for k, v in params.items() if k not in (knob.name, start.rate_name)})
    why = f"{factor:g} times {unstable:.3g}, which became unstable ({found_by})"
    draft.fix(start.rate_name, base, why)
    for name in start.plain:
        if name in draft.definitions:
            draft.say("hyperparameters", name, text="plain, so that only the warmup decides")
    values: list[Scalar] = [_in_unit(knob.name, length, steps) for length in lengths]
    draft.put(
        "configurations",
        [{knob.name: value} for value in values],
        _swept(knob, lengths, draft.parent.budget.max_train_steps),
    )
    draft.budget(
        f"{LENGTH_FACTOR} times the longest warmup: it, and twice as long after it; every warmup "
        f"{REPETITIONS} times",
        **_short_run(steps),
        repetitions=REPETITIONS,
    )
    goal = (
        f"What is the shortest warmup with which {draft.parent.workload} trains at "
        f"{start.rate_name} {base:g}?"
    )
    draft.head.append(f"Everything that is fixed is as in {start.source}.")
    return draft.finish(goal, answers)


def _swept(knob: Knob, lengths: Sequence[int], whole: int) -> str:
    text = (
        f"orders of magnitude up to {LARGEST_SHARE:.0%} of {whole} steps; without any, to see that "
        "it is needed"
    )
    if is_share(knob.name):
        listed = ", ".join(map(str, lengths))
        text += f"; as shares of this study's steps: {listed} steps"
    return f"{text}; {knob.reads}" if knob.reads else text


def _in_unit(name: str, length: int, steps: int) -> int | float:
    return float(f"{length / steps:.6g}") if is_share(name) else length


def _short_run(steps: int, evaluations: int = SWEEP_EVALUATIONS) -> dict[str, Any]:
    every = max(1, steps // evaluations)
    return {"max_train_steps": steps, "eval_every": every, "hours": None}


def warmup_schedule(
    draft: Draft,
    knob: Knob,
    length: int,
    *,
    rate: Sequence[Change],
    base: float,
    answers: Sequence[str] = (),
) -> FollowUp:
    """Prepend a warmup to the schedule of a study, and search higher rates with it (P40).

    Args:
        draft: Of the study that was unstable (not of the sweep).
        knob: The warmup.
        length: The shortest that trains, in steps.
        rate: The ranges of the learning rate from now on.
        base: The base rate that trained with it.
        answers: The findings of that study.
    """
    had = draft.parent.budget.max_train_steps
    steps = had + length
    why = f"{had} + {length} steps of warmup, prepended to the schedule"
    if length > LONG_SHARE * had:
        why += (
            f"; the warmup is over {LONG_SHARE:.0%} of training: if the best steps come last, "
            "lengthen it further (--kind longer)"
        )
    for change in rate:
        draft.change(change)
    said = "the shortest warmup that trained in the sweep"
    value = _in_unit(knob.name, length, steps)
    draft.fix(knob.name, value, f"{said}; {knob.reads}" if knob.reads else said)
    draft.budget(why, max_train_steps=steps)
    goal = (
        f"Does {draft.parent.workload} get better with rates up to {base:g}, after a warmup of "
        f"{length} steps?"
    )
    return draft.finish(goal, answers)


def clip(
    draft: Draft,
    knob: Knob,
    threshold: float,
    *,
    source: str,
    lower: Sequence[Change] = (),
    answers: Sequence[str] = (),
) -> FollowUp:
    """Clip gradients at the 90th percentile of their norms (P41).

    Args:
        draft: Of the study.
        knob: The largest norm.
        threshold: That percentile.
        source: The trial it is of.
        lower: Lower rates, where most steps were clipped: that is a low rate in disguise.
        answers: The findings.
    """
    value = float(f"{threshold:.3g}")
    said = f"the 90th percentile of the gradient norms of {source}"
    draft.fix(knob.name, value, f"{said}; {knob.reads}" if knob.reads else said)
    for change in lower:
        draft.change(change)
    goal = question(draft.parent.goal, f"gradients clipped at {value:g}")
    if lower:
        goal = question(draft.parent.goal, "at lower rates, fewer steps clipped")
    return draft.finish(goal, answers)


def dense_probe(
    draft: Draft, start: Start, rate: float, *, factor: float, steps: int, answers: Sequence[str]
) -> FollowUp:
    """Train a short run at a multiple of the best rate, evaluated after every step (P39).

    Args:
        draft: Of the study.
        start: Its best trial.
        rate: The best rate.
        factor: How many times it.
        steps: Of the run.
        answers: The findings.
    """
    draft.fix_all(dict(start.params))
    probed = float(f"{factor * rate:.6g}")
    draft.fix(start.rate_name, probed, f"{factor:g} times the rate of {start.source}")
    draft.budget(
        "evaluated after every step: sparse evaluations miss an early blow-up that recovers",
        **_short_run(steps),
    )
    draft.budget(eval_every=1)
    draft.head.append(f"Everything else is as in {start.source}.")
    goal = f"Is {draft.parent.workload} unstable early, at {factor:g} times its best learning rate?"
    return draft.finish(goal, answers)


def first_length(
    draft: Draft,
    start: Start,
    rates: Sequence[float],
    *,
    metric: str,
    goal: str,
    steps: int,
    unknown: Sequence[str] = (),
) -> FollowUp:
    """Sweep constant rates without regularization: how many steps a perfect fit takes (P34).

    Args:
        draft: Of the study.
        start: A configuration; its `plain` and `unregularized` are applied.
        rates: The grid.
        metric: Of the training set.
        goal: ``minimize`` or ``maximize``.
        steps: Of every trial: so many that one of them fits the training set.
        unknown: Regularizers and augmentations that could not be turned off.
    """
    off = {**start.plain, **start.unregularized}
    params = {**start.params, **off}
    draft.fix_all({k: v for k, v in params.items() if k != start.rate_name})
    for name in off:
        if name in draft.definitions:
            told = "plain" if name in start.plain else "no regularization, no augmentation"
            draft.say("hyperparameters", name, text=told)
    for name in unknown:
        draft.say("hyperparameters", name, text="turn it off by hand if it regularizes")
    draft.put(
        "configurations",
        [{start.rate_name: rate} for rate in rates],
        "the best rate must be neither the first nor the last: then widen the grid",
    )
    draft.put(
        "objective",
        {"metric": metric, "goal": goal, "select": "best"},
        "of the training set: how soon it is fitted is the question",
    )
    run = _short_run(steps, LENGTH_EVALUATIONS)
    draft.budget("so many that one trial fits the training set", **run)
    return draft.finish(
        f"How many steps does {draft.parent.workload} need to fit its training set perfectly?"
    )


def rate_grid(low: float, high: float, count: int = RATES) -> list[float]:
    """Lay rates evenly on a log scale, rounded to three digits."""
    ratio = (high / low) ** (1 / (count - 1))
    return list(dict.fromkeys(float(f"{low * ratio**i:.3g}") for i in range(count)))
