"""What a probe or a sweep that follows a study came to (P34, P39, P40)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labtui.analysis.gradients import Norms, judge_norms
from labtui.analysis.rises import Curve, judge_curve
from labtui.store.lab import Lab
from labtui.store.records import ENDED, StudyRecord, TrialRecord
from labtui.study.followup import Impossible
from labtui.study.followup_length import is_share
from labtui.study.space import holding
from labtui.verdicts.probes import curve_text, norms_text
from labtui.verdicts.text import number

if TYPE_CHECKING:
    from labtui.verdicts.followups_grounds import Grounds

TRAINS = 0.8
"""A warmup trains when each of its trials goes this share of the way of the best trial of the
sweep, from the untrained model to its best checkpoint."""

PERFECT_LOSS = 0.01
"""A training loss this share of its first value is a perfect fit; the playbook means it loosely."""

NEAR = 2.0
"""Rates from so many times below the best one on may be the lowest unstable one: at the edge luck
decides, and far below it instability has another cause."""

PERFECT_ERROR = 0.0
"""An error rate of the training set that is a perfect fit."""


@dataclass(frozen=True)
class Reading:
    """What a follow-up of a kind of its own came to.

    Attributes:
        kind: ``warmup``, ``first-length`` or ``dense-probe``.
        text: The answer, in one sentence.
        rows: What it rests on, a line each.
        evidence: The same in numbers.
    """

    kind: str
    text: str
    rows: tuple[str, ...]
    evidence: dict[str, Any]


@dataclass(frozen=True)
class WarmupReading(Reading):
    """What a sweep of warmups came to (P40).

    Attributes:
        shortest: The shortest that trains, in steps; 0 when none is needed, None when none trains.
        rate_name: What the learning rate is called.
        rate: The base rate.
    """

    shortest: int | None = None
    rate_name: str = ""
    rate: float = math.nan


@dataclass(frozen=True)
class LengthReading(Reading):
    """What a sweep of constant rates came to (P34).

    Attributes:
        steps: Steps that the fastest trial needed to fit the training set; None if none did.
        boundary: ``lowest`` or ``highest`` where its rate is an end of the grid; else empty.
    """

    steps: int | None = None
    boundary: str = ""


def read_special(lab: Lab, record: StudyRecord, trials: Sequence[TrialRecord]) -> Reading | None:
    """Read a study of a kind that has its own answer; None for any other, or before it has one."""
    readers = {"warmup": read_warmup, "first-length": read_first_length, "dense-probe": read_dense}
    if record.kind not in readers or not any(trial.state in ENDED for trial in trials):
        return None
    return readers[record.kind](lab, record, trials)


# -- warmup (P40) -------------------------------------------------------------------------------


def read_warmup(lab: Lab, record: StudyRecord, trials: Sequence[TrialRecord]) -> WarmupReading:
    """Find the shortest warmup with which every trial of the sweep trains."""
    name = next(iter((record.spec.get("configurations") or [{}])[0]), "")
    steps = int(record.spec["budget"]["max_train_steps"])
    rate_name, rate = _base_rate(record)
    ended = [trial for trial in trials if trial.state in ENDED and name in trial.params]
    sign = 1.0 if record.minimize else -1.0
    start = _untrained(lab, record, ended)
    best = min((sign * t.value for t in ended if t.value is not None), default=None)
    if start is None or best is None or sign * start <= best:
        return WarmupReading("warmup", "no warmup trains: nothing was learned", (), {})
    groups: dict[int, list[float | None]] = {}
    for trial in ended:
        value = (
            sign * trial.value if trial.state == "completed" and trial.value is not None else None
        )
        way = None if value is None else (sign * start - value) / (sign * start - best)
        groups.setdefault(_steps_of(name, trial.params[name], steps), []).append(way)
    trains = {w: all(_is_there(way) for way in ways) for w, ways in sorted(groups.items())}
    shortest = next((w for w in trains if trains[w]), None)
    rows = tuple(_row(w, groups[w], trains[w]) for w in trains)
    evidence = {
        "learning_rate": rate,
        "warmup_steps": list(trains),
        "trains": list(trains.values()),
        "share_of_way": [groups[w] for w in trains],
        "threshold_share": TRAINS,
        "shortest": shortest,
        "objective_untrained": start,
        "objective_best": sign * best,
    }
    text = _warmup_text(shortest, max(trains, default=0), rate_name, rate)
    return WarmupReading("warmup", text, rows, evidence, shortest, rate_name, rate)


def _base_rate(record: StudyRecord) -> tuple[str, float]:
    from labtui.analysis.kinds import LEARNING_RATE, meaning

    for name, definitions in record.spec["hyperparameters"].items():
        value = definitions[0].get("value")
        if meaning(name, {}).part == LEARNING_RATE and isinstance(value, (int, float)):
            return name, float(value)
    return "learning rate", math.nan


def _untrained(lab: Lab, record: StudyRecord, trials: Sequence[TrialRecord]) -> float | None:
    """Give the objective of the untrained model: the median of the first evaluations."""
    curves = lab.curves([trial.id for trial in trials], record.metric)
    first = sorted(curve.values[0] for curve in curves if math.isfinite(curve.values[0]))
    return first[len(first) // 2] if first else None


def _steps_of(name: str, value: Any, steps: int) -> int:
    return round(float(value) * steps) if is_share(name) else int(value)


def _is_there(way: float | None) -> bool:
    return way is not None and way >= TRAINS


def _row(warmup: int, ways: Sequence[float | None], trains: bool) -> str:
    lost = sum(way is None for way in ways)
    told = [f"{100 * way:.0f} %" for way in ways if way is not None]
    parts = [f"{', '.join(told)} of the way"] if told else []
    parts += [f"{lost} of {len(ways)} not trained to the end"] if lost else []
    return f"warmup {warmup}: {'trains' if trains else 'does not train'}; {', '.join(parts)}"


def _warmup_text(shortest: int | None, longest: int, name: str, rate: float) -> str:
    at = f"at {name} {number(rate)}"
    if shortest is None:
        return (
            f"no warmup up to {longest} steps trains {at}: clip gradients (P41), or train for "
            "longer and with it warm up for longer"
        )
    if shortest == 0:
        return f"no warmup is needed {at}: the rate itself can be raised"
    return f"the shortest warmup that trains {at} is {shortest} steps"


# -- the first length (P34) ---------------------------------------------------------------------


def read_first_length(
    lab: Lab, record: StudyRecord, trials: Sequence[TrialRecord]
) -> LengthReading:
    """Find the fastest trial that fits the training set, and whether its rate ends the grid."""
    name = next(iter((record.spec.get("configurations") or [{}])[0]), "")
    ended = [t for t in trials if t.state in ENDED and name in t.params]
    reached = {}
    for curve in lab.curves([t.id for t in ended], record.metric):
        step = _fitted(record, curve.steps, curve.values)
        if step is not None:
            reached[curve.trial] = step
    rates = {t.id: float(t.params[name]) for t in ended}
    ordered = sorted(rates.values())
    asked = int(record.spec["budget"]["max_train_steps"])
    evidence: dict[str, Any] = {
        "rates": ordered,
        "fitted": {number(rates[i]): step for i, step in reached.items()},
    }
    if not reached:
        text = (
            f"no rate fits the training set within {asked} steps: train for longer, or look for a "
            "bug"
        )
        return LengthReading("first-length", text, (), evidence)
    fastest = min(reached, key=lambda i: (reached[i], rates[i]))
    steps, rate = reached[fastest], rates[fastest]
    boundary = {ordered[0]: "lowest", ordered[-1]: "highest"}.get(rate, "")
    text = f"first max_train_steps: {steps}, when {name} {number(rate)} fits the training set"
    if boundary:
        side = "higher" if boundary == "highest" else "lower"
        text = (
            f"{name} {number(rate)} fits the training set first, at step {steps}, but it is the "
            f"{boundary} of the grid: sweep {side} rates before trusting it"
        )
    rows = tuple(
        f"{name} {number(rates[i])}: at step {reached[i]}"
        for i in sorted(reached, key=rates.get)  # type: ignore[arg-type]
    )
    evidence |= {"steps": steps, "rate": rate, "boundary": boundary}
    return LengthReading("first-length", text, rows, evidence, steps, boundary)


def _fitted(record: StudyRecord, steps: Sequence[int], values: Sequence[float]) -> int | None:
    """Give the first step at which a training metric says that the set is fitted."""
    leaf = record.metric.rpartition("/")[2]
    limit = PERFECT_ERROR if record.minimize else 1.0 - PERFECT_ERROR
    if leaf == "loss":
        first = next((v for v in values if math.isfinite(v)), math.nan)
        limit = PERFECT_LOSS * first
    for step, value in zip(steps, values, strict=True):
        if value <= limit if record.minimize else value >= limit:
            return step
    return None


# -- the dense probe (P39) ----------------------------------------------------------------------


@dataclass(frozen=True)
class DenseReading(Reading):
    """What a densely evaluated run came to (P39); `unstable` is None when it cannot be judged."""

    unstable: bool | None = None
    rate: float = math.nan


def read_dense(lab: Lab, record: StudyRecord, trials: Sequence[TrialRecord]) -> DenseReading:
    """Judge the training loss and the gradient norms of a densely evaluated run."""
    trial = trials[0]
    curve, norms = _curve(lab, trial), _norms(lab, trial)
    _, rate = _base_rate(record)
    unstable = curve.unstable
    verdict = {True: "unstable", False: "stable", None: "cannot judge"}[unstable]
    text = f"at {number(rate)}, twice the best rate: {verdict}; train/loss {curve_text(curve)}"
    if unstable:
        text += f"; `labtui next {record.parent} --kind warmup` sweeps warmups from there"
    evidence = {
        "rate": rate,
        "unstable": unstable,
        "diverged_step": curve.diverged,
        "rises": [rise.start for rise in curve.rises],
        "gradient_outliers": len(norms.outliers),
    }
    return DenseReading("dense-probe", text, (norms_text(norms),), evidence, unstable, rate)


def _curve(lab: Lab, trial: TrialRecord) -> Curve:
    """Judge the training loss; a run that ended diverged is unstable however short it was."""
    found = lab.curves([trial.id], "train/loss")
    curve = Curve(unknown="train/loss was not logged")
    if found:
        curve = judge_curve(found[0].steps, found[0].values, trial.max_steps or 0)
    if curve.unstable is None and trial.reason.startswith("diverged"):
        return Curve(diverged=trial.step, early=True)
    return curve


def _norms(lab: Lab, trial: TrialRecord) -> Norms:
    found = lab.curves([trial.id], "grad_norm")
    return judge_norms(found[0].steps, found[0].values) if found else judge_norms((), ())


# -- the rate that became unstable --------------------------------------------------------------


@dataclass(frozen=True)
class Unstable:
    """A rate that became unstable: of which hyperparameter, in which definition, found how."""

    rate: float
    name: str
    index: int
    source: str


def unstable_rate(grounds: Grounds) -> Unstable:
    """Find the lowest rate near or above the best that is known to be unstable (P37, P40).

    From the study's own findings and a dense probe that followed it, whichever is lower; else from
    `labtui probe stability`, whose configuration may be another.

    Raises:
        Impossible: None is known.
    """
    edges = grounds.found("stability-edge")
    name, index = grounds.place(edges[0].subject) if edges else grounds.rate()
    own = [_dense(grounds), _own_rate(grounds, name, index)]
    known = [(rate, source) for rate, source in own if rate is not None]
    rate, source = min(known, default=_card(grounds, name))
    if rate is None:
        raise Impossible(
            f"no {name} is known at which training becomes unstable: `labtui probe stability "
            f"{grounds.record.workload}` looks for one"
        )
    return Unstable(rate, name, index, source)


def _dense(grounds: Grounds) -> tuple[float | None, str]:
    for one in grounds.lab.studies():
        if one.parent == grounds.record.name and one.kind == "dense-probe":
            trials = grounds.lab.trials(one.name)
            if trials and trials[0].state in ENDED:
                found = read_dense(grounds.lab, one, trials)
                if found.unstable and math.isfinite(found.rate):
                    return found.rate, one.name
    return None, ""


def _card(grounds: Grounds, name: str) -> tuple[float | None, str]:
    probe = grounds.card().get("stability_probe") or {}
    same = probe.get("name") == name and probe.get("trainer") == grounds.study.trainer.name
    rate = probe.get("unstable_rate")
    if same and probe.get("unstable") and isinstance(rate, (int, float)):
        return float(rate), f"labtui probe stability, {probe.get('sweep')}"
    return None, ""


def _own_rate(grounds: Grounds, name: str, index: int) -> tuple[float | None, str]:
    """Find it among the study's findings: its edge, or the lowest rate near the best that rose."""
    for one in grounds.found("stability-edge", "infeasible-region"):
        if one.subject.get("hyperparameter") == name and one.subject.get("side") == "high":
            rate = one.evidence.get("unstable_above") or one.evidence.get("threshold")
            if grounds.place(one.subject) == (name, index) and isinstance(rate, (int, float)):
                return float(rate), f"{one.code} of {grounds.record.name}"
    best = grounds.best_of(name, index)
    shown = {
        str(one.subject["trial"])
        for one in grounds.found("early-instability", "diverged", "mid-training-instability")
    }
    near = [
        trial
        for trial in grounds.trials
        if trial.name in shown
        and trial is not best
        and index in holding(grounds.study.hyperparameters[name], trial.params)
        and NEAR * float(trial.params[name]) > float(best.params[name])
    ]
    lowest = min(near, key=lambda trial: float(trial.params[name]), default=None)
    return (None, "") if lowest is None else (float(lowest.params[name]), lowest.name)
