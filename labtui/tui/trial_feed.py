"""What the screen of a trial shows, read on the reading thread and handed over whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labtui.store.errors import LabError, UnknownName
from labtui.store.records import ENDED
from labtui.tui.trial_text import trial_findings, trial_notes
from labtui.tui.widgets.textpane import Line
from labtui.verdicts.reproduction import reproduction
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.store.records import CheckpointRecord, StudyRecord, TrialRecord
    from labtui.verdicts.reproduction import Reproduction


@dataclass(frozen=True)
class TrialView:
    """One moment of a trial.

    Attributes:
        checkpoints: Those of the trial.
        warnings: What its trainer said about it.
        noted: Its tags and notes.
        again: What trains it again.
    """

    study: StudyRecord
    trial: TrialRecord
    checkpoints: Sequence[CheckpointRecord]
    warnings: Sequence[str]
    noted: Sequence[tuple[str, str]]
    again: Reproduction

    @property
    def stamp(self) -> tuple[int, int]:
        """Tells one state of its curves from another."""
        return self.trial.id, self.trial.revision

    @property
    def ended(self) -> bool:
        """Whether nothing will be added."""
        return self.trial.state in ENDED


def read_trial(lab: Lab, name: str) -> TrialView:
    """Read a trial by its name.

    Raises:
        LabError: The lab holds no such trial, or cannot be read.
    """
    trial = lab.trial(name)
    study = lab.study(trial.study)
    tags = lab.tags().get(trial.name, ())
    return TrialView(
        study,
        trial,
        lab.checkpoints(trial.id),
        lab.warnings(trial.id),
        trial_notes(trial, lab.all_notes(study.name), tags),
        reproduction(lab.paths, study, trial),
    )


def judged(lab: Lab, view: TrialView) -> list[Line]:
    """Judge the curves of a trial that has ended, in lines; no lines for any other."""
    if not view.ended or not view.trial.step:
        return []
    from labtui.verdicts.check import check_trial

    try:
        return trial_findings(check_trial(lab, view.study, view.trial))
    except LabError:
        raise
    except Exception as error:  # the facts are shown all the same
        return [Line(clean(f"cannot be judged: {type(error).__name__}: {error}"))]


def neighbour(lab: Lab, name: str, step: int) -> str | None:
    """Give the next (1) or previous (-1) trial of a study by number; None at the end."""
    study, _, number = name.rpartition("/")
    beside = f"{study}/{int(number) + step}"
    try:
        return lab.trial(beside).name
    except UnknownName:  # numbers of imported trials may have gaps
        others = [one.number for one in lab.trials(study)]
    beyond = [one for one in others if (one - int(number)) * step > 0]
    return f"{study}/{min(beyond, key=lambda one: one * step)}" if beyond else None
