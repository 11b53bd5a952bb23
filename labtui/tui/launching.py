"""Where a launch stands, and taking it further by one group of reruns or one look (P30)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labtui.store.lab import Lab
from labtui.verdicts import launching
from labtui.verdicts.launch_plan import LaunchRefused, latest_launch, plan_launch, standing_launch
from labtui.verdicts.launch_reruns import is_ready, read_sides, rerun_record
from labtui.verdicts.launching import begin_launch, submit_group

if TYPE_CHECKING:
    from labtui.store.paths import LabPaths
    from labtui.store.records import LaunchRecord, StudyRecord
    from labtui.verdicts.launch_plan import Planned


@dataclass(frozen=True)
class Standing:
    """Where the launch of a study or trial stands.

    Attributes:
        record: What the lab holds of it; None before it began.
        planned: What is compared; None where there is nothing to launch.
        refused: Why there is nothing to launch; empty where there is.
        adopted: Whether it made the baseline that the workload has.
        reruns: The study of reruns; None before anything was trained.
        ready: Whether the reruns of the next look have ended.
    """

    record: LaunchRecord | None
    planned: Planned | None
    refused: str
    adopted: bool
    reruns: StudyRecord | None
    ready: bool

    @property
    def group(self) -> int | None:
        """Reruns a side of the next look; None where none is planned."""
        return None if self.planned is None or self.adopted else self.planned.open_group

    @property
    def training(self) -> bool:
        """Whether a runner is at its reruns."""
        one = self.reruns
        return one is not None and one.ended < one.total and one.state in ("queued", "running")

    @property
    def held(self) -> bool:
        """Whether its reruns say adopt, and findings hold it back."""
        record = self.record
        looks = record.data.get("looks", []) if record is not None else []
        return bool(
            record is not None
            and record.verdict == "undecided"
            and record.evidence.get("held")
            and looks
            and looks[-1]["verdict"] == "adopt"
        )


def read_standing(lab: Lab, name: str) -> Standing:
    """Say where the launch of a study, or of a trial, stands.

    Args:
        lab: The lab.
        name: The study, whose best trial is the candidate, or a trial.
    """
    standing = standing_launch(lab, name)
    if standing is not None:
        return Standing(standing, None, "", True, None, False)
    try:
        planned = plan_launch(lab, name)
    except LaunchRefused as error:
        return Standing(_latest(lab, name), None, str(error), False, None, False)
    group, ready = planned.open_group, False
    reruns = rerun_record(lab, planned)
    if group is not None and reruns is not None:
        ready = is_ready(read_sides(lab, planned), group)
    return Standing(planned.record, planned, "", False, reruns, ready)


def _latest(lab: Lab, name: str) -> LaunchRecord | None:
    try:
        return latest_launch(lab, name)
    except LaunchRefused:
        return None


def _anew(paths: LabPaths, planned: Planned) -> Planned:
    """Plan the same again: a command may have looked since, and its look must not be lost."""
    with Lab(paths) as lab:
        return plan_launch(lab, planned.candidate.name)


def train_group(paths: LabPaths, planned: Planned) -> None:
    """Have the reruns of the next look trained; what is compared is recorded before.

    Raises:
        LaunchRefused: It was adopted meanwhile.
        RequestRefused, TrainerError, LabError: They cannot be.
    """
    submit_group(paths, begin_launch(paths, _anew(paths, planned)))


def take_look(paths: LabPaths, planned: Planned, overruled: str = "") -> None:
    """Look at the reruns that have ended, decide, and record what changed.

    Args:
        paths: The lab.
        planned: What is compared.
        overruled: Why findings that hold it back are overruled; empty for not.

    Raises:
        LaunchRefused: It was adopted meanwhile.
        RequestRefused, LabError: It cannot be recorded.
    """
    launching.take_look(paths, begin_launch(paths, _anew(paths, planned)), overruled)
