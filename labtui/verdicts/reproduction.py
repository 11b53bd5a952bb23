"""What reproduces a trial: the command that trains it again, and the one of its study."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labtui.interop.experiment_log import command_again
from labtui.store.records import ENDED
from labtui.study.kinds import REPEATED

if TYPE_CHECKING:
    from labtui.store.paths import LabPaths
    from labtui.store.records import StudyRecord, TrialRecord


@dataclass(frozen=True)
class Reproduction:
    """How one trial is trained again.

    Attributes:
        command: A command line for any folder; empty where nothing here can train it.
        does: What that command does, or why there is none.
        study: The command of its whole study, from the folder it was run in; empty for none.
            It trains the trial with the very seed it had.
    """

    command: str
    does: str
    study: str


def reproduction(paths: LabPaths, study: StudyRecord, trial: TrialRecord) -> Reproduction:
    """Say what trains one trial again."""
    whole = command_again(study)
    if trial.source or "import" in study.provenance:
        return Reproduction("", "imported: no trainer here can train it again", whole)
    if study.kind in REPEATED:
        return Reproduction(whole, f"trains the reruns of {study.parent or study.name}", whole)
    lab = f"--lab {shlex.quote(str(paths.db))}"
    if trial.state not in ENDED:
        command = f"labtui run {shlex.quote(study.name)} {lab}"
        return Reproduction(command, "goes on with its study until it has ended", whole)
    command = f"labtui rerun {shlex.quote(trial.name)} -n 1 {lab}"
    return Reproduction(command, "trains its configuration once more, with a fresh seed", whole)
