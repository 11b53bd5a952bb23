"""Asking for what concerns decisions: baselines, launches, roll-backs, notes, tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from labtui.engine.client import ask
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths


@dataclass(frozen=True)
class Launch:
    """A launch as it is to be recorded (P30).

    Attributes:
        launch: Id of the record that this one takes the place of; None for a first state.
        study: The study of the candidate; `trial` is the candidate's name, ``study/17``.
        baseline: Id of the baseline compared with; None where there was none.
        verdict: ``adopt``, ``reject`` or ``undecided``.
        evidence: What it rests on, copied.
        reason: The decision in words.
        data: The plan of looks, the looks taken, the study of reruns.
        adopt: Configuration that becomes the baseline; None unless the verdict is ``adopt``.
        card: Entries of the workload's card that follow, such as ``retrain``.
        known_looks: How many looks the lab held when this was decided; a record that has more by
            now stays as it is. By default as many as `data` has.
        again: Id of the launch, rolled back since, whose candidate is adopted once more.
    """

    workload: str
    study: str
    trial: str
    baseline: int | None
    verdict: str
    evidence: Mapping[str, Any]
    reason: str
    data: Mapping[str, Any] = field(default_factory=dict)
    adopt: Mapping[str, Any] | None = None
    card: Mapping[str, Any] = field(default_factory=dict)
    launch: int | None = None
    known_looks: int | None = None
    again: int | None = None


def record_launch(paths: LabPaths, launch: Launch) -> tuple[int, int | None]:
    """Record a launch; adopting moves the baseline with it.

    Returns:
        The id of the launch, and of the workload's baseline.

    Raises:
        RequestRefused: It was adopted already, or the baseline is another one by now.
        UnknownName, LabError: There is no such workload, or the lab cannot be written.
    """
    _check(paths, launch.workload)
    adopt = None
    if launch.adopt is not None:
        adopt = {
            "configuration": dict(launch.adopt),
            "study": launch.study,
            "trial": launch.trial,
            "reason": launch.reason,
        }
    request = {
        "kind": "launch",
        "launch": launch.launch,
        "workload": launch.workload,
        "study": launch.study,
        "trial": launch.trial,
        "baseline": launch.baseline,
        "verdict": launch.verdict,
        "evidence": dict(launch.evidence),
        "reason": launch.reason,
        "data": dict(launch.data),
        "adopt": adopt,
        "card": dict(launch.card),
        "known_looks": launch.known_looks,
        "again": launch.again,
    }
    found = ask(paths, request)
    return int(found["launch"]), found["baseline"]


def set_baseline(
    paths: LabPaths,
    workload: str,
    configuration: Mapping[str, Any],
    *,
    study: str = "",
    trial: str = "",
    reason: str,
) -> int:
    """Make a configuration a workload's baseline, a child of the one before.

    Args:
        paths: The lab.
        workload: Its name.
        configuration: ``{"params", "trainer", "objective", "budget", "common", "folder"}``.
        study: Where it is from; `trial` likewise, as ``study/17``.
        reason: Why, in words.

    Returns:
        The id of the baseline.

    Raises:
        RequestRefused, UnknownName, LabError: It cannot be.
    """
    _check(paths, workload)
    request = {
        "kind": "baseline",
        "workload": workload,
        "configuration": dict(configuration),
        "study": study,
        "trial": trial,
        "reason": reason,
    }
    return int(ask(paths, request)["baseline"])


def roll_back(paths: LabPaths, workload: str, baseline: int, reason: str) -> int:
    """Give a baseline up, with a reason.

    Returns:
        The id of the one that is current.

    Raises:
        RequestRefused: It is not on the way to the current one, or nothing was before it.
        UnknownName, LabError: There is no such workload, or the lab cannot be written.
    """
    _check(paths, workload)
    request = {"kind": "roll-back", "workload": workload, "baseline": baseline, "reason": reason}
    return int(ask(paths, request)["baseline"])


def note_workload(paths: LabPaths, workload: str, text: str) -> None:
    """Add a note to a workload.

    Raises:
        UnknownName, LabError: There is no such workload, or the lab cannot be written.
    """
    _check(paths, workload)
    ask(paths, {"kind": "note", "workload": workload, "text": text})


def change_tags(
    paths: LabPaths,
    *,
    subject: str | None = None,
    workload: str | None = None,
    add: Sequence[str] = (),
    remove: Sequence[str] = (),
) -> None:
    """Add tags to a study or trial (`subject`) or to a workload, and take others away.

    Raises:
        UnknownName, LabError: There is no such thing, or the lab cannot be written.
    """
    about = {"workload": workload} if workload is not None else {"subject": subject}
    if workload is not None:
        _check(paths, workload)
    ask(paths, {"kind": "tag", **about, "add": list(add), "remove": list(remove)})


def _check(paths: LabPaths, workload: str) -> None:
    """See that there is such a workload: nothing is made by asking for what is not there."""
    with Lab(paths) as lab:
        lab.workload(workload)
