"""The same trials under another objective (P27): nothing is trained again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from labtui.analysis.ranking import best_of, kendall, ranked
from labtui.interop.importing.goals import goal_of
from labtui.store.errors import LabError, UnknownName
from labtui.store.hidden import refuse_hidden
from labtui.store.lab import Lab
from labtui.store.records import StudyRecord, SummaryRecord, TrialRecord

GOALS = ("minimize", "maximize")
SELECTIONS = ("best", "final")

TOP = 5
"""How many of the best are compared between two objectives."""


class GoalUnknown(LabError):
    """Nobody said which way a metric is better."""

    exit_code = 2


@dataclass(frozen=True)
class Asked:
    """Another objective, as a person asked for it; None keeps what the study has."""

    metric: str | None = None
    select: str | None = None
    goal: str | None = None

    def __bool__(self) -> bool:
        """Whether anything was asked."""
        return any((self.metric, self.select, self.goal))


@dataclass(frozen=True)
class Reranked:
    """How the ranking of completed trials changes under another objective.

    Attributes:
        before: Names of the best trials under the study's own objective, best first.
        after: The same under the one that was asked for.
        agreement: Kendall's tau-b between the two rankings; None for fewer than two trials.
        trials: Completed trials that have both values.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    agreement: float | None
    trials: int


def reselect(lab: Lab, study: StudyRecord, asked: Asked) -> tuple[StudyRecord, list[TrialRecord]]:
    """Give a study and its trials as if another objective had been asked for.

    Args:
        lab: Where they are.
        study: The study.
        asked: What to change.

    Raises:
        UnknownName: The trials did not log such a metric, or the goal or selection is none.
        GoalUnknown: It cannot be told which way the metric is better.
        HiddenMetric: It is of the test set (P32).
    """
    trials = lab.trials(study.name)
    if not asked:
        return study, trials
    _check("goal", asked.goal, GOALS)
    _check("selection", asked.select, SELECTIONS)
    metric = asked.metric or study.metric
    if metric != study.metric:
        logged = lab.metrics(study.name)
        refuse_hidden(metric, study.metric, logged)
        if metric not in logged:
            hint = f"logged were {', '.join(logged) or 'none'}"
            raise UnknownName("metric", metric, logged, hint)
    direction = asked.goal or _goal(lab, study, metric)
    selection = asked.select or study.selection
    by_trial = {one.trial: one for one in lab.summaries(study.name, metric)}
    changed = [_under(trial, by_trial.get(trial.id), direction, selection) for trial in trials]
    completed = [trial for trial in changed if trial.state == "completed"]
    best = best_of([trial.value for trial in completed], direction == "minimize")
    return (
        replace(
            study,
            metric=metric,
            direction=direction,
            selection=selection,
            best_value=None if best is None else completed[best].value,
            best_trial=None if best is None else completed[best].number,
        ),
        changed,
    )


def reselect_trial(lab: Lab, trial: TrialRecord, asked: Asked) -> tuple[StudyRecord, TrialRecord]:
    """Do for one trial, and its study, what `reselect` does."""
    study = lab.study(trial.study)
    if not asked:
        return study, trial
    changed_study, trials = reselect(lab, study, asked)
    return changed_study, next(one for one in trials if one.id == trial.id)


def _check(what: str, found: str | None, known: Sequence[str]) -> None:
    if found is not None and found not in known:
        raise UnknownName(what, found, list(known), f"expected {' or '.join(known)}")


def _goal(lab: Lab, study: StudyRecord, metric: str) -> str:
    leaf = metric.rpartition("/")[2].lower()
    if leaf == study.metric.rpartition("/")[2].lower():
        return study.direction
    known = lab.metric_goals().get(metric)
    if known:
        return known
    named = goal_of(metric)
    if named:
        return named
    raise GoalUnknown(
        f"{metric}: nobody said whether lower or higher is better; add --goal minimize or "
        "--goal maximize"
    )


def _under(
    trial: TrialRecord, known: SummaryRecord | None, direction: str, selection: str
) -> TrialRecord:
    if known is None:
        return replace(
            trial,
            best_value=None,
            best_step=None,
            last_value=None,
            last_step=None,
            selection=selection,
        )
    lower = direction == "minimize"
    return replace(
        trial,
        best_value=known.min if lower else known.max,
        best_step=known.min_step if lower else known.max_step,
        last_value=known.last,
        last_step=known.last_step,
        selection=selection,
    )


def compare(
    study: StudyRecord,
    trials: Sequence[TrialRecord],
    changed_study: StudyRecord,
    changed: Sequence[TrialRecord],
) -> Reranked:
    """Say how another objective ranks the same trials."""
    now = {trial.id: trial for trial in changed}
    both = [
        trial
        for trial in trials
        if trial.state == "completed"
        and trial.value is not None
        and now[trial.id].value is not None
    ]
    old = [_lower(trial.value, study.minimize) for trial in both]
    new = [_lower(now[trial.id].value, changed_study.minimize) for trial in both]
    return Reranked(
        tuple(both[i].name for i in ranked(old, True)[:TOP]),
        tuple(both[i].name for i in ranked(new, True)[:TOP]),
        kendall(old, new),
        len(both),
    )


def _lower(value: float | None, minimize: bool) -> float:
    assert value is not None
    return value if minimize else -value


def ranking_text(change: Reranked) -> str:
    """Say in a sentence how the ranking changed."""
    if not change.trials:
        return "no completed trial has both objectives"
    old, new = change.before[0], change.after[0]
    first = f"{old} stays first" if old == new else f"{new} comes first instead of {old}"
    kept = len(set(change.before) & set(change.after))
    words = [first, f"{kept} of the best {len(change.before)} stay among them"]
    if change.agreement is not None:
        words.append(f"Kendall's tau {change.agreement:.2f} over {change.trials} trials")
    return "; ".join(words)
