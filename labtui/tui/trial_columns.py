"""Every column that a table of trials can have; the filter line asks for what they show."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from labtui.tui.filters import Language
from labtui.tui.states import state_text
from labtui.tui.widgets.columns import Column
from labtui.verdicts.text import MISSING, ago, clean, duration, number, seconds, value_text

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.store.records import StudyRecord, SummaryRecord, TrialRecord
    from labtui.tui.feeds import StudyView

    Columns: TypeAlias = list[Column[TrialRecord]]

BestAndLast: TypeAlias = tuple[float | None, float | None]
"""Values of a metric of a trial."""

RANKED = frozenset({"completed", "running", "interrupted", "stopped"})
"""States whose objective counts in the order; a diverged trial's best value does not."""

PARAMETER, BEST, LAST = "param:", "best/", "last/"
"""What the keys of columns begin with that show a hyperparameter, or a metric."""

WIDEST, WIDEST_METRIC, WIDEST_ARM = 14, 24, 28
"""Cells of the widest column of a hyperparameter, of a metric, and of the arms."""


@dataclass
class Known:
    """What is known of the trials of a study beside their records.

    Attributes:
        tags: What people tagged them with, by the trial's name.
        names: The metrics that they logged, without the objective.
        goals: ``minimize`` or ``maximize``, of the metrics of which that is known.
        metrics: Of the metrics that were read: by the trial's id, the best value (None where it is
            not known which way is better) and the last.
        marked: Ids of the marked trials.
    """

    tags: Mapping[str, Sequence[str]] = field(default_factory=dict)
    names: Sequence[str] = ()
    goals: Mapping[str, str] = field(default_factory=dict)
    metrics: dict[str, dict[int, BestAndLast]] = field(default_factory=dict)
    marked: Collection[object] = ()

    def metric(self, name: str, trial: TrialRecord, place: int) -> float | None:
        """Give the best (0) or last (1) value of a metric of a trial."""
        return self.metrics.get(name, {}).get(trial.id, (None, None))[place]


def read_metric(lab: Lab, study: str, metric: str, goal: str | None) -> dict[int, BestAndLast]:
    """Read the best and last values of a metric, by the trial's id; None for what is not known.

    Raises:
        LabError: The lab cannot be read.
    """
    return {one.trial: (_best(one, goal), one.last) for one in lab.summaries(study, metric)}


def _best(one: SummaryRecord, goal: str | None) -> float | None:
    return {"minimize": one.min, "maximize": one.max}.get(goal or "")


def columns(view: StudyView, known: Known) -> Columns:
    """Give every column that there can be, in the order in which they are offered."""
    arms = {trial.arm for trial in view.trials} - {""}
    return [
        *_head(arms),
        *_outcome(view.study),
        *(_parameter(name) for name in parameters(view)),
        *_facts(known),
        *(one for name in known.names for one in _metric(name, known)),
    ]


def usual(view: StudyView) -> list[str]:
    """Give the keys of the columns that are shown until others are chosen.

    What came out, and the hyperparameters that were varied; those that the arm names are left out.
    """
    arms = any(trial.arm for trial in view.trials)
    roles = ("nuisance",) if arms else ("nuisance", "scientific")
    tuned = [d["name"] for role in roles for d in view.definitions if d["role"] == role]
    head = ["number", "arm", "state"] if arms else ["number", "state"]
    shown = dict.fromkeys(f"{PARAMETER}{name}" for name in tuned)
    return [*head, "best", "step", "last", *shown]


def parameters(view: StudyView) -> list[str]:
    """Name the hyperparameters of a study, those that it has from its baseline included."""
    named = [str(one["name"]) for one in view.definitions]
    return list(dict.fromkeys([*named, *view.study.inherited]))


def _head(arms: Collection[str]) -> Columns:
    found: Columns = [
        _plain("number", "#", 4, lambda t: t.number, dim=True),
    ]
    if arms:
        found.append(_arm(arms))
    return [
        *found,
        Column(
            "state",
            "state",
            13,
            lambda t: (state_text(t.state), t.state),
            lambda t: t.state,
            value=lambda t: t.state,
        ),
        _text("reason", "reason", 28, lambda t: t.reason),
    ]


def _arm(arms: Collection[str]) -> Column[TrialRecord]:
    """Give the column of the arm; of ``optimizer=adam`` the name moves into the header."""
    names = {arm.partition("=")[0] if arm.count("=") == 1 else "" for arm in arms}
    label = names.pop() if len(names) == 1 else ""
    skip = len(label) + 1 if label else 0
    longest = max(len(clean(arm[skip:])) for arm in arms)
    width = min(max(longest, len(clean(label)), 6), WIDEST_ARM)

    def cell(trial: TrialRecord) -> tuple[str, str]:
        return clean(trial.arm[skip:]), ""

    shown = clean(label) or "arm"
    return Column("arm", shown, width, cell, lambda t: t.arm, value=lambda t: t.arm)


def _outcome(study: StudyRecord) -> Columns:
    sign = 1 if study.minimize else -1

    def order(trial: TrialRecord) -> float | None:
        value = trial.value
        return sign * value if value is not None and trial.state in RANKED else None

    def best(trial: TrialRecord) -> tuple[str, str]:
        dim = trial.best_value is None or trial.state not in RANKED
        return number(trial.best_value), "dim" if dim else ""

    return [
        Column("best", "best", 9, best, order, right=True, value=lambda t: t.best_value),
        _plain("step", "at step", 7, lambda t: t.best_step),
        _plain("last", "last", 9, lambda t: t.last_value),
    ]


def _facts(known: Known) -> Columns:
    def tags(trial: TrialRecord) -> str:
        return " ".join(known.tags.get(trial.name, ()))

    return [
        _plain("seed", "seed", 10, lambda t: t.seed),
        _plain("point", "point", 5, lambda t: t.point),
        _plain("repetition", "repetition", 10, lambda t: t.repetition),
        _plain("updates", "steps done", 10, lambda t: t.step),
        _plain("seconds", "time", 8, _trained, write=duration),
        _plain("step_time", "a step", 8, _step_time, write=seconds),
        _text("device", "device", 10, lambda t: t.device),
        _plain("attempt", "attempt", 7, lambda t: t.attempt),
        _plain("started", "started", 8, lambda t: t.started, write=ago),
        _text("tag", "tags", 16, tags),
    ]


def _trained(trial: TrialRecord) -> float | None:
    return trial.seconds or None


def _step_time(trial: TrialRecord) -> float | None:
    return trial.seconds / trial.step if trial.step > 0 and trial.seconds > 0 else None


def _parameter(name: str) -> Column[TrialRecord]:
    def cell(trial: TrialRecord) -> tuple[str, str]:
        return (value_text(trial.params[name]), "") if name in trial.params else ("", "")

    def order(trial: TrialRecord) -> tuple[int, Any] | None:
        value = trial.params.get(name)
        if value is None:
            return None
        return (0, value) if isinstance(value, (int, float)) else (1, str(value))

    return Column(
        f"{PARAMETER}{name}",
        clean(name),
        min(max(len(clean(name)), 9), WIDEST),
        cell,
        order,
        right=True,
        value=lambda t: t.params.get(name),
    )


def _metric(name: str, known: Known) -> Iterable[Column[TrialRecord]]:
    for place, (key, word) in enumerate(((BEST, "best"), (LAST, "last"))):
        if place == 1 or known.goals.get(name):
            label = f"{word} {clean(name)}"
            value = partial(known.metric, name, place=place)
            yield _plain(f"{key}{name}", label, min(len(label), WIDEST_METRIC), value)


def _plain(
    key: str,
    label: str,
    width: int,
    value: Callable[[TrialRecord], Any],
    *,
    write: Callable[[Any], str] = number,
    dim: bool = False,
) -> Column[TrialRecord]:
    """Give a column of numbers."""

    def cell(trial: TrialRecord) -> tuple[str, str]:
        found = value(trial)
        return (MISSING, "dim") if found is None else (write(found), "dim" if dim else "")

    return Column(key, label, width, cell, value, right=True, value=value)


def _text(
    key: str, label: str, width: int, value: Callable[[TrialRecord], str]
) -> Column[TrialRecord]:
    """Give a column of words; rows without any come last."""
    return Column(
        key,
        label,
        width,
        lambda t: (clean(value(t)), ""),
        lambda t: value(t).casefold() or None,
        value=value,
    )


def metric_of(key: str) -> str:
    """Give the metric that a column, or a field of the filter, is about; empty for none."""
    for begin in (BEST, LAST):
        if key.startswith(begin):
            return key.removeprefix(begin)
    return ""


def language(
    view: StudyView, known: Known
) -> tuple[Language[TrialRecord], dict[str, Callable[[TrialRecord], Any]]]:
    """Give what the filter line can ask for: what the columns show, and whether it is marked.

    Returns:
        The language; and the hyperparameters and metrics, of which a beginning is enough.
    """
    fields: dict[str, Callable[[TrialRecord], Any]] = {"arm": lambda trial: trial.arm}
    more: dict[str, Callable[[TrialRecord], Any]] = {}
    for one in columns(view, known):
        if one.value is not None:
            is_more = one.key.startswith(PARAMETER) or metric_of(one.key)
            (more if is_more else fields)[one.key.removeprefix(PARAMETER)] = one.value
    fields["marked"] = lambda trial: "yes" if trial.id in known.marked else "no"

    def words(trial: TrialRecord) -> Iterable[str]:
        tags = known.tags.get(trial.name, ())
        return trial.state, trial.arm, trial.reason, str(trial.number), *tags

    return Language(fields, words), more
