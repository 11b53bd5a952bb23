"""What a screen shows of the lab, read on the reading thread and handed over whole."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from labtui.store.records import ENDED
from labtui.verdicts import tables
from labtui.verdicts.arm_names import named

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.store.records import StudyRecord, TrialRecord
    from labtui.tui.reader import Pulse


@dataclass(frozen=True)
class StudyView:
    """One moment of a study.

    Attributes:
        trials: All its trials by number.
        changed: Ids of those that changed since the last moment.
        ended: Whether any of these has ended.
        definitions: Its hyperparameters in their order.
        tags: What people tagged it with.
        whole: Whether these are all its trials, or only the best of many.
    """

    study: StudyRecord
    trials: tuple[TrialRecord, ...]
    changed: frozenset[int]
    ended: bool
    definitions: tuple[Mapping[str, Any], ...]
    arms: tuple[tables.ArmRow, ...]
    progress: tables.Progress
    tags: tuple[str, ...] = ()
    whole: bool = True


MANY = 1_000
"""Trials from which a study is shown before all of them are read: 10,000 take 0.2 seconds."""

FIRST = 200
"""Trials that are shown before: more than any screen has rows."""

REST = 24.0
"""What costs a pass over all trials rests so many times as long as it took, while only values of
trials that run come in: 4 % of a core at most."""


class StudyFeed:
    """Keeps a study's trials, reading only those that changed."""

    def __init__(self, name: str) -> None:
        """Follow the study `name`."""
        self.name = name
        self._trials: dict[int, TrialRecord] = {}
        self._last: Pulse | None = None
        self._summed: StudyView | None = None
        self._rested = 0.0

    def first(self, lab: Lab) -> StudyView | None:
        """Read what a screen shows first of a study that has many trials; None where it has few.

        Raises:
            LabError: The lab holds no such study, or cannot be read.
        """
        study = lab.study(self.name)
        if study.total <= MANY:
            return None
        best = lab.best_trials(self.name, FIRST)
        return self._view(lab, study, best, frozenset(), ended=False, whole=False)

    def read(self, lab: Lab, pulse: Pulse) -> StudyView:
        """Read the study as it is now; `pulse` was taken before.

        Raises:
            LabError: The lab holds no such study, or cannot be read.
        """
        since = self._since(pulse)
        fresh = lab.trials(self.name, newer_than=since)
        if since == 0:
            self._trials.clear()
        moved = any(
            (old := self._trials.get(trial.id)) is None or old.state != trial.state
            for trial in fresh
        )
        self._trials.update((trial.id, trial) for trial in fresh)
        self._last = pulse
        changed = frozenset(trial.id for trial in fresh)
        study, summed = lab.study(self.name), self._summed
        same = summed is not None and _standing(study) == _standing(summed.study)
        if summed is not None and same and not moved and time.monotonic() < self._rested:
            trials = named(lab, study, list(self._trials.values()))[0]
            view = replace(summed, study=study, trials=tuple(trials), changed=changed, ended=False)
        else:
            began = time.monotonic()
            ended = any(trial.state in ENDED for trial in fresh)
            view = self._view(lab, study, list(self._trials.values()), changed, ended=ended)
            self._rested = time.monotonic() + REST * (time.monotonic() - began)
        self._summed = view
        return view

    def _view(
        self,
        lab: Lab,
        study: StudyRecord,
        records: Sequence[TrialRecord],
        changed: frozenset[int],
        *,
        ended: bool,
        whole: bool = True,
    ) -> StudyView:
        trials = tuple(named(lab, study, records)[0])
        return StudyView(
            study=study,
            trials=trials,
            changed=changed,
            ended=ended,
            definitions=tuple(lab.hyperparameters(self.name)),
            arms=tuple(tables.arms(study, trials)) if whole else (),
            progress=tables.progress(study, trials) if whole else _counted(study),
            tags=tuple(lab.tags().get(self.name, ())),
            whole=whole,
        )

    def _since(self, pulse: Pulse) -> int:
        """Give the revision to read from: all trials again when another runner, or none, lives."""
        last = self._last
        if last is None or (last.file, last.runner) != (pulse.file, pulse.runner):
            return 0
        return last.revision


def _standing(study: StudyRecord) -> tuple[object, ...]:
    """What of a study changes its summary even where no trial did."""
    return study.state, study.reason, study.total, study.goal


def _counted(study: StudyRecord) -> tables.Progress:
    """Say how far a study is by its counts alone."""
    count = study.counts.get
    return tables.Progress(
        done=study.ended,
        total=study.total,
        running=count("running", 0),
        infeasible=count("infeasible", 0),
        failed=count("failed", 0),
        best_value=study.best_value,
        best_trial=study.best_trial,
        elapsed=None,
        eta=None,
    )
