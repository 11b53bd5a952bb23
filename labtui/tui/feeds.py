"""What a screen shows of the lab, read on the reading thread and handed over whole."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
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
        trial_tags: What people tagged its trials with, by their names.
        whole: Whether these are all its trials, or only the best of many.
        leaders: The best `LEADERS` of each arm, arm by arm, and after them those that run.
        last_ended: How many have ended, and the latest change of these.
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
    leaders: tuple[TrialRecord, ...] = ()
    last_ended: tuple[int, int] = (0, 0)
    trial_tags: Mapping[str, Sequence[str]] = field(default_factory=dict)


MANY = 1_000
"""Trials from which a study is shown before all of them are read: 10,000 take 0.2 seconds."""

FIRST = 200
"""Trials that are shown before: more than any screen has rows."""

LEADERS = 32
"""Trials of each arm that are kept as its best: as many as one figure draws."""

REST = 48.0
"""A figure rests so many times as long as drawing it took: 2 % of a core at most."""

PASS_REST = 96.0
"""What costs a pass over all trials rests so many times as long as it took: 1 % of a core at most.
The rows follow at once; counts of 10,000 trials are up to ten seconds late, of 100 never."""


class StudyFeed:
    """Keeps a study's trials, reading only those that changed."""

    def __init__(self, name: str) -> None:
        """Follow the study `name`."""
        self.name = name
        self._trials: dict[int, TrialRecord] = {}
        self._named: dict[int, TrialRecord] = {}
        self._names: dict[str, str] = {}
        self._standing: tuple[object, ...] = ()
        self._last: Pulse | None = None
        self._summed: StudyView | None = None
        self._rested = 0.0
        self._ended = self._is_late = False

    @property
    def is_due(self) -> bool:
        """Say whether something changed that was not yet counted, and may be by now."""
        return self._is_late and time.monotonic() >= self._rested

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
        self._trials.update((trial.id, trial) for trial in fresh)
        self._last = pulse
        changed = frozenset(trial.id for trial in fresh)
        summed, standing = self._summed, lab.standing(self.name)
        same, self._standing = standing == self._standing and since > 0, standing
        self._ended |= any(trial.state in ENDED for trial in fresh)
        if summed is not None and same and time.monotonic() < self._rested:
            self._is_late |= bool(fresh)
            view = self._moved_on(summed, fresh)
        else:
            began = time.monotonic()
            records = list(self._trials.values())
            view = self._view(lab, lab.study(self.name), records, changed, ended=self._ended)
            self._ended = self._is_late = False
            self._rested = time.monotonic() + PASS_REST * (time.monotonic() - began)
        self._summed = view
        return view

    def _moved_on(self, last: StudyView, fresh: Sequence[TrialRecord]) -> StudyView:
        """Give a moment of which all is known but values of trials that run."""
        for one in fresh:
            self._named[one.id] = replace(one, arm=self._names.get(one.arm, one.arm))
        return replace(
            last,
            trials=tuple(self._named.values()),
            changed=frozenset(one.id for one in fresh),
            ended=False,
            leaders=tuple(self._named[one.id] for one in last.leaders),
        )

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
        from labtui.verdicts.figures import best_trials

        shown, self._names = named(lab, study, records)
        trials = tuple(shown)
        if whole:
            self._named = {one.id: one for one in trials}
        best = best_trials(study, trials, LEADERS)
        known = {one.id for one in best}
        running = [one for one in trials if one.state == "running"]
        revisions = [one.revision for one in trials if one.state in ENDED]
        tags = lab.tags()
        return StudyView(
            study=study,
            trials=trials,
            changed=changed,
            ended=ended,
            definitions=tuple(lab.hyperparameters(self.name)),
            arms=tuple(tables.arms(study, trials)) if whole else (),
            progress=tables.progress(study, trials) if whole else _counted(study),
            tags=tuple(tags.get(self.name, ())),
            whole=whole,
            leaders=(*best, *(one for one in running if one.id not in known)),
            last_ended=(len(revisions), max(revisions, default=0)),
            trial_tags={k: of for k, of in tags.items() if k.startswith(f"{self.name}/")},
        )

    def _since(self, pulse: Pulse) -> int:
        """Give the revision to read from: all trials again when another runner, or none, lives."""
        last = self._last
        if last is None or (last.file, last.runner) != (pulse.file, pulse.runner):
            return 0
        return last.revision


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
