"""What the tables of a study say: its arms, and how far it is."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from labtui.analysis.ranking import best_of
from labtui.store.records import ENDED, INTERRUPTED, StudyRecord, TrialRecord
from labtui.verdicts.text import moment


@dataclass(frozen=True)
class ArmRow:
    """One arm of a study.

    Attributes:
        arm: Its name, ``optimizer=adam``.
        trials: Trials in it, of every state; those in no other column were stopped.
        queued: Trials to be trained, those that a dead runner left included.
        best_value: The best objective of its completed trials.
        best_step: The step where it was reached.
        best_trial: The number of the trial that has it.
        median_value: The median objective of its completed trials.
        ended: Completed, infeasible and failed trials.
        gap: How far its best is behind the best of all arms: 0 for the first, None without a best.
    """

    arm: str
    trials: int
    completed: int
    infeasible: int
    failed: int
    running: int
    queued: int
    best_value: float | None
    best_step: int | None
    best_trial: int | None
    median_value: float | None
    ended: int = 0
    gap: float | None = None


@dataclass(frozen=True)
class Progress:
    """How far a study is.

    Attributes:
        done: Trials that will not be trained any further, of `total`.
        best_trial: The number of the trial that has `best_value`.
        elapsed: Seconds since the first trial started, until the study ended or now.
        eta: Estimated seconds until the last trial ends; None when nothing runs or it is too early.
    """

    done: int
    total: int
    running: int
    infeasible: int
    failed: int
    best_value: float | None
    best_trial: int | None
    elapsed: float | None
    eta: float | None


def best_trial(study: StudyRecord, trials: Sequence[TrialRecord]) -> TrialRecord | None:
    """Give the best completed trial, the earlier of equal ones; None without any."""
    completed = [trial for trial in trials if trial.state == "completed"]
    best = best_of([trial.value for trial in completed], study.minimize)
    return None if best is None else completed[best]


def selected_step(trial: TrialRecord) -> int | None:
    """Give the step whose objective the study selects: the best one or the last."""
    return trial.best_step if trial.selection == "best" else trial.last_step


def arms(study: StudyRecord, trials: Sequence[TrialRecord]) -> list[ArmRow]:
    """Compare the arms of a study, in the order of their first trials."""
    members: dict[str, list[TrialRecord]] = {}
    for trial in trials:
        members.setdefault(trial.arm, []).append(trial)
    rows = [_arm(study, arm, group) for arm, group in members.items()]
    bests = [row.best_value for row in rows if row.best_value is not None]
    if not bests:
        return rows
    first = min(bests) if study.minimize else max(bests)
    return [
        row if row.best_value is None else replace(row, gap=abs(row.best_value - first))
        for row in rows
    ]


def _arm(study: StudyRecord, arm: str, trials: Sequence[TrialRecord]) -> ArmRow:
    best = best_trial(study, trials)
    values = [t.value for t in trials if t.state == "completed" and t.value is not None]
    count = Counter(trial.state for trial in trials)
    return ArmRow(
        arm=arm,
        trials=len(trials),
        completed=count["completed"],
        infeasible=count["infeasible"],
        failed=count["failed"],
        running=count["running"],
        queued=count["queued"] + count[INTERRUPTED],
        best_value=best.value if best else None,
        best_step=selected_step(best) if best else None,
        best_trial=best.number if best else None,
        median_value=statistics.median(values) if values else None,
        ended=sum(count[state] for state in ("completed", "infeasible", "failed")),
    )


def _count(trials: Sequence[TrialRecord], *states: str) -> int:
    return sum(trial.state in states for trial in trials)


def progress(
    study: StudyRecord, trials: Sequence[TrialRecord], *, now: datetime | None = None
) -> Progress:
    """Say how far a study is, and when it will be done.

    Args:
        study: The study.
        trials: All its trials.
        now: The time to measure to; the present by default.
    """
    best = best_trial(study, trials)
    present = now or datetime.now(UTC)
    count = Counter(trial.state for trial in trials)
    return Progress(
        done=sum(count[state] for state in ENDED),
        total=study.total,
        running=count["running"],
        infeasible=count["infeasible"],
        failed=count["failed"],
        best_value=best.value if best else None,
        best_trial=best.number if best else None,
        elapsed=_elapsed(study, trials, present),
        eta=_eta(study, trials, present),
    )


def _elapsed(study: StudyRecord, trials: Sequence[TrialRecord], now: datetime) -> float | None:
    starts = [start for trial in trials if (start := moment(trial.started))]
    if not starts:
        return None
    end = now
    if study.state != "running":
        ends = [stop for trial in trials if (stop := moment(trial.finished))]
        end = moment(study.finished) or max(ends, default=now)
    return max(0.0, (end - min(starts)).total_seconds())


def _eta(study: StudyRecord, trials: Sequence[TrialRecord], now: datetime) -> float | None:
    """Share the training time that is left among the trials that run now."""
    running = [trial for trial in trials if trial.state == "running"]
    lengths = [trial.seconds for trial in trials if trial.state in ENDED and trial.seconds > 0]
    if not running or not lengths:
        return None
    length = statistics.fmean(lengths)
    waiting = (_count(trials, "queued", INTERRUPTED) + _unsuggested(study, trials)) * length
    return (waiting + sum(_left(trial, length, now) for trial in running)) / len(running)


def _unsuggested(study: StudyRecord, trials: Sequence[TrialRecord]) -> int:
    """Count the trials of a bayesian study that have no row yet."""
    bayesian = study.spec.get("sampler") == "bayesian"
    return max(0, study.total - len(trials)) if bayesian else 0


def _left(trial: TrialRecord, length: float, now: datetime) -> float:
    """Estimate what is left of a running trial by its steps, else by the clock."""
    if trial.max_steps and trial.step:
        return length * max(0.0, 1 - trial.step / trial.max_steps)
    start = moment(trial.started)
    spent = max(0.0, (now - start).total_seconds()) if start else 0.0  # a clock can be set back
    return max(0.0, length - spent)
