"""What can be asked of a study's trials, by name: to filter and sort them, and to show it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from labtui.verdicts.filters import Language
from labtui.verdicts.text import MISSING, ago, duration, number, seconds, value_text

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.store.records import StudyRecord, SummaryRecord, TrialRecord

BestAndLast: TypeAlias = tuple[float | None, float | None]
"""Values of a metric of a trial."""

RANKED = frozenset({"completed", "running", "interrupted", "stopped"})
"""States whose objective counts in the order; a diverged trial's best value does not."""

PARAMETER, BEST, LAST = "param:", "best/", "last/"
"""What the keys of fields begin with that are a hyperparameter, or a metric."""

WRITE: dict[str, Callable[[Any], str]] = {"seconds": duration, "step_time": seconds, "started": ago}
"""How values are written that are no plain numbers."""


@dataclass
class Known:
    """What is known of the trials of a study beside their records.

    Attributes:
        tags: What people tagged them with, by the trial's name.
        names: The metrics that they logged, without the objective.
        goals: ``minimize`` or ``maximize``, of the metrics of which that is known.
        metrics: Of the metrics that were read: by the trial's id, the best value (None where it is
            not known which way is better) and the last.
        marked: Ids of the marked trials; None where nothing can be marked.
    """

    tags: Mapping[str, Sequence[str]] = field(default_factory=dict)
    names: Sequence[str] = ()
    goals: Mapping[str, str] = field(default_factory=dict)
    metrics: dict[str, dict[int, BestAndLast]] = field(default_factory=dict)
    marked: Collection[object] | None = ()

    def metric(self, name: str, trial: TrialRecord, place: int) -> float | None:
        """Give the best (0) or last (1) value of a metric of a trial."""
        return self.metrics.get(name, {}).get(trial.id, (None, None))[place]


@dataclass(frozen=True)
class Field:
    """Something that is known of every trial.

    Attributes:
        value: Gives it: a number, a text, or None.
        order: What trials are sorted by; None for what comes last.
    """

    value: Callable[[TrialRecord], Any]
    order: Callable[[TrialRecord], Any]


def fields(study: StudyRecord, names: Iterable[str], known: Known) -> dict[str, Field]:
    """Give every field of the trials of a study by its key, in the order of the columns.

    Args:
        study: The study.
        names: Its hyperparameters; see `parameters`.
        known: Tags and metrics.
    """
    sign = 1 if study.minimize else -1

    def best(trial: TrialRecord) -> float | None:
        value = trial.value
        return sign * value if value is not None and trial.state in RANKED else None

    found = {
        "number": _plain(lambda t: t.number),
        "arm": _plain(lambda t: t.arm),
        "state": _plain(lambda t: t.state),
        "reason": _words(lambda t: t.reason),
        "best": Field(lambda t: t.best_value, best),
        "step": _plain(lambda t: t.best_step),
        "last": _plain(lambda t: t.last_value),
        **{f"{PARAMETER}{name}": _parameter(name) for name in names},
        "seed": _plain(lambda t: t.seed),
        "point": _plain(lambda t: t.point),
        "repetition": _plain(lambda t: t.repetition),
        "updates": _plain(lambda t: t.step),
        "seconds": _plain(lambda t: t.seconds or None),
        "step_time": _plain(_step_time),
        "device": _words(lambda t: t.device),
        "attempt": _plain(lambda t: t.attempt),
        "started": _plain(lambda t: t.started),
        "tag": _words(lambda t: " ".join(known.tags.get(t.name, ()))),
    }
    for name in known.names:
        for place, begin in enumerate((BEST, LAST)):
            if place == 1 or known.goals.get(name):
                found[f"{begin}{name}"] = _plain(partial(known.metric, name, place=place))
    return found


def parameters(definitions: Iterable[Mapping[str, Any]], study: StudyRecord) -> list[str]:
    """Name the hyperparameters of a study, those that it has from its baseline included."""
    named = [str(one["name"]) for one in definitions]
    return list(dict.fromkeys([*named, *study.inherited]))


def written(key: str, value: object) -> str:
    """Write the value of a field for people."""
    if value is None:
        return MISSING
    if key in WRITE:
        return WRITE[key](value)
    if key.startswith(PARAMETER):
        return value_text(value)
    return number(value) if isinstance(value, (int, float)) else str(value)


def language(
    found: Mapping[str, Field], known: Known
) -> tuple[Language[TrialRecord], dict[str, Callable[[TrialRecord], Any]]]:
    """Give what can be asked of trials: their fields, and whether they are marked.

    Returns:
        The language; and the hyperparameters and metrics, of which a beginning is enough.
    """
    asked: dict[str, Callable[[TrialRecord], Any]] = {"arm": found["arm"].value}
    more: dict[str, Callable[[TrialRecord], Any]] = {}
    for key, one in found.items():
        is_more = key.startswith(PARAMETER) or metric_of(key)
        (more if is_more else asked)[key.removeprefix(PARAMETER)] = one.value
    marked = known.marked
    if marked is not None:
        asked["marked"] = lambda trial: "yes" if trial.id in marked else "no"

    def words(trial: TrialRecord) -> Iterable[str]:
        tags = known.tags.get(trial.name, ())
        return trial.state, trial.arm, trial.reason, str(trial.number), *tags

    return Language(asked, words), more


def metric_of(key: str) -> str:
    """Give the metric that a field is about; empty for none."""
    for begin in (BEST, LAST):
        if key.startswith(begin):
            return key.removeprefix(begin)
    return ""


def read_metric(lab: Lab, study: str, metric: str, goal: str | None) -> dict[int, BestAndLast]:
    """Read the best and last values of a metric, by the trial's id; None for what is not known.

    Raises:
        LabError: The lab cannot be read.
    """
    return {one.trial: (_best(one, goal), one.last) for one in lab.summaries(study, metric)}


def _best(one: SummaryRecord, goal: str | None) -> float | None:
    return {"minimize": one.min, "maximize": one.max}.get(goal or "")


def _plain(value: Callable[[TrialRecord], Any]) -> Field:
    return Field(value, value)


def _words(value: Callable[[TrialRecord], str]) -> Field:
    """Give a field of words; trials without any come last."""
    return Field(value, lambda trial: value(trial).casefold() or None)


def _parameter(name: str) -> Field:
    def order(trial: TrialRecord) -> tuple[int, Any] | None:
        value = trial.params.get(name)
        if value is None:
            return None
        return (0, value) if isinstance(value, (int, float)) else (1, str(value))

    return Field(lambda trial: trial.params.get(name), order)


def _step_time(trial: TrialRecord) -> float | None:
    return trial.seconds / trial.step if trial.step > 0 and trial.seconds > 0 else None
