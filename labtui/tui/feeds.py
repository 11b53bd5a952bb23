"""What a screen shows of the lab, read on the reading thread and handed over whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
    """

    study: StudyRecord
    trials: tuple[TrialRecord, ...]
    changed: frozenset[int]
    ended: bool
    definitions: tuple[Mapping[str, Any], ...]
    arms: tuple[tables.ArmRow, ...]
    progress: tables.Progress
    tags: tuple[str, ...] = ()


class StudyFeed:
    """Keeps a study's trials, reading only those that changed."""

    def __init__(self, name: str) -> None:
        """Follow the study `name`."""
        self.name = name
        self._trials: dict[int, TrialRecord] = {}
        self._last: Pulse | None = None

    def read(self, lab: Lab, pulse: Pulse) -> StudyView:
        """Read the study as it is now; `pulse` was taken before.

        Raises:
            LabError: The lab holds no such study, or cannot be read.
        """
        study = lab.study(self.name)
        since = self._since(pulse)
        fresh = lab.trials(self.name, newer_than=since)
        if since == 0:
            self._trials.clear()
        self._trials.update((trial.id, trial) for trial in fresh)
        self._last = pulse
        kept = sorted(self._trials.values(), key=lambda trial: trial.number)
        trials = tuple(named(lab, study, kept)[0])
        return StudyView(
            study=study,
            trials=trials,
            changed=frozenset(trial.id for trial in fresh),
            ended=any(trial.state in ENDED for trial in fresh),
            definitions=tuple(lab.hyperparameters(self.name)),
            arms=tuple(tables.arms(study, trials)),
            progress=tables.progress(study, trials),
            tags=tuple(lab.tags().get(self.name, ())),
        )

    def _since(self, pulse: Pulse) -> int:
        """Give the revision to read from: all trials again when another runner, or none, lives."""
        last = self._last
        if last is None or (last.file, last.runner) != (pulse.file, pulse.runner):
            return 0
        return last.revision
