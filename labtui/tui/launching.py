"""Where a launch stands, and taking it further by one group of reruns or one look (P30)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labtui.store.lab import Lab
from labtui.store.records import TrialRecord
from labtui.verdicts import launching
from labtui.verdicts.check import check_study
from labtui.verdicts.launch_plan import (
    LaunchRefused,
    latest_launch,
    plan_launch,
    rejected_because,
    standing_launch,
)
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
        again: Whether it was adopted and rolled back: a reason makes it the baseline once more.
        past: Whether it is shown as it was decided, with nothing to be done.
        alerts: Open alerts of the candidate's study and of the baseline's: (study, code, message).
    """

    record: LaunchRecord | None
    planned: Planned | None
    refused: str
    adopted: bool
    reruns: StudyRecord | None
    ready: bool
    again: bool = False
    past: bool = False
    alerts: Sequence[tuple[str, str, str]] = ()

    @property
    def rejected(self) -> str:
        """Why a person rejected it; empty where nobody did."""
        return rejected_because(self.record)

    @property
    def can_train(self) -> bool:
        """Whether there is a group to train, a look to take, or to take anew."""
        if self.planned is None or self.training:
            return False
        return self.group is not None or self.held

    @property
    def can_overrule(self) -> bool:
        """Whether something that a reason sets aside keeps it from going on."""
        return self.planned is not None and (self.held or self.again or bool(self.rejected))

    @property
    def can_reject(self) -> bool:
        """Whether it is undecided, so that a person may reject it."""
        decided = self.record is not None and self.record.verdict != "undecided"
        return self.planned is not None and not decided

    @property
    def group(self) -> int | None:
        """Reruns a side of the next look; None where none is planned."""
        return None if self.planned is None or self.again else self.planned.open_group

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


def read_standing(lab: Lab, name: str, launch: int | None = None) -> Standing:
    """Say where the launch of a study, or of a trial, stands.

    Args:
        lab: The lab.
        name: The study, whose best trial is the candidate, or a trial.
        launch: Id of one launch of it, which may be past; None for what stands by now.
    """
    found = _now(lab, name)
    if launch is None or (found.record is not None and found.record.id == launch):
        return found
    study = lab.find(name)
    owner = study.study if isinstance(study, TrialRecord) else study.name
    return Standing(
        launching.read_launch(lab, owner, launch), None, "", False, None, False, past=True
    )


def _now(lab: Lab, name: str) -> Standing:
    standing = standing_launch(lab, name)
    if standing is not None:
        return Standing(standing, None, "", True, None, False)
    refused = ""
    try:
        planned = plan_launch(lab, name)
    except LaunchRefused as error:
        refused = str(error)
        try:
            planned = plan_launch(lab, name, again=True)  # it was rolled back
        except LaunchRefused:
            return Standing(_latest(lab, name), None, refused, False, None, False)
    group, ready = planned.open_group, False
    reruns = rerun_record(lab, planned)
    if group is not None and reruns is not None:
        ready = is_ready(read_sides(lab, planned), group)
    alerts = tuple(_alerts(lab, planned))
    return Standing(
        planned.record, planned, refused, False, reruns, ready, bool(refused), alerts=alerts
    )


def _alerts(lab: Lab, planned: Planned) -> Iterator[tuple[str, str, str]]:
    """Judge both studies: an alert that is open asks for an answer before anything is adopted."""
    own = planned.baseline.study if planned.baseline is not None else ""
    for name in dict.fromkeys(filter(None, (planned.study.name, own))):
        study = lab.study(name)
        for one in check_study(lab, study, lab.trials(name)).verdict.findings:
            if one.severity == "alert":
                yield name, one.code, one.message


def _latest(lab: Lab, name: str) -> LaunchRecord | None:
    try:
        return latest_launch(lab, name)
    except LaunchRefused:
        return None


def _anew(paths: LabPaths, planned: Planned, *, again: bool = False) -> Planned:
    """Plan the same again: a command may have looked since, and its look must not be lost."""
    with Lab(paths) as lab:
        return plan_launch(lab, planned.candidate.name, again=again)


def train_group(paths: LabPaths, planned: Planned) -> None:
    """Have the reruns of the next look trained; what is compared is recorded before.

    Raises:
        LaunchRefused: It was adopted meanwhile.
        RequestRefused, TrainerError, LabError: They cannot be.
    """
    submit_group(paths, begin_launch(paths, _anew(paths, planned)))


def take_look(paths: LabPaths, planned: Planned, overruled: str = "", remark: str = "") -> None:
    """Look at the reruns that have ended, decide, and record what changed.

    Args:
        paths: The lab.
        planned: What is compared.
        overruled: Why what holds it back is overruled, findings, a person's rejection or a
            roll-back; empty for not.
        remark: What a person adds to the reason of what is decided; empty for nothing.

    Raises:
        LaunchRefused: It was adopted meanwhile.
        RequestRefused, LabError: It cannot be recorded.
    """
    begun = begin_launch(paths, _anew(paths, planned, again=bool(overruled)))
    launching.take_look(paths, begun, overruled, remark)


def reject(paths: LabPaths, planned: Planned, why: str) -> None:
    """Reject it before its reruns decide.

    Raises:
        LaunchRefused: It was decided meanwhile.
        RequestRefused, LabError: It cannot be recorded.
    """
    launching.reject_launch(paths, _anew(paths, planned), why)
