"""What arms are called for people: by the trial that they repeat, and with numbers of four digits.

The lab keeps arms as they are; JSON documents have them so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from labtui.analysis.findings import Finding, Verdict
from labtui.store.errors import LabError
from labtui.study.kinds import REPEATED
from labtui.verdicts.text import number

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.store.records import StudyRecord, TrialRecord

_LONG = re.compile(r"(?<==)-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?=,|$)")

MEAN_HEADERS = ("configuration", "trials", "ended", "infeasible", "mean", "deviation")


def arm_names(lab: Lab, study: StudyRecord, trials: Sequence[TrialRecord]) -> dict[str, str]:
    """Give arms the names that people read: arm → name.

    Reruns are named by the trial that they repeat, those of a launch by their side; the numbers of
    other arms are shortened, unless two would then have one name.
    """
    arms = {trial.arm: trial for trial in trials}
    found = {arm: _shortened(arm) for arm in arms}
    if study.kind == "launch":
        found |= _sides(lab, study, trials)
    elif study.kind == "arms":
        found |= _originals(lab, study, arms)
    return found if len(set(found.values())) == len(found) else {arm: arm for arm in arms}


def _shortened(arm: str) -> str:
    return _LONG.sub(lambda one: number(float(one.group())), arm)


def _sides(lab: Lab, study: StudyRecord, trials: Sequence[TrialRecord]) -> dict[str, str]:
    made = [one for one in lab.launches(study=study.parent) if one.data.get("study") == study.name]
    evidence = made[-1].evidence if made else {}
    baseline = evidence.get("baseline") or {}
    candidate = evidence.get("candidate") or {}
    names = {
        0: _words("candidate", candidate.get("trial")),
        1: _words("baseline", baseline.get("id"), baseline.get("trial")),
    }
    first = {trial.number: trial.arm for trial in trials if trial.number in names}
    return {arm: names[place] for place, arm in first.items() if arm}


def _words(*parts: object) -> str:
    return " ".join(str(part) for part in parts if part)


def _originals(lab: Lab, study: StudyRecord, arms: Mapping[str, TrialRecord]) -> dict[str, str]:
    try:
        parents = lab.trials(study.parent)
    except LabError:
        return {}
    return {
        arm: name
        for arm, trial in arms.items()
        if (name := next((one.name for one in parents if one.params == trial.params), ""))
    }


def named(
    lab: Lab, study: StudyRecord, trials: Sequence[TrialRecord]
) -> tuple[list[TrialRecord], dict[str, str]]:
    """Give trials with the names of their arms that people read, and those names."""
    names = arm_names(lab, study, trials)
    shown = [
        one if names[one.arm] == one.arm else replace(one, arm=names[one.arm]) for one in trials
    ]
    return shown, names


def renamed(verdict: Verdict, names: Mapping[str, str]) -> Verdict:
    """Give a verdict whose findings name arms as people read them."""
    return replace(verdict, findings=[_renamed(one, names) for one in verdict.findings])


def _renamed(one: Finding, names: Mapping[str, str]) -> Finding:
    arm = str(one.subject.get("arm", ""))
    if arm not in names:
        return one
    return replace(one, subject={**one.subject, "arm": names[arm]})


def shown_best(study: StudyRecord) -> float | None:
    """Give the best value that says something: of reruns the best is mere luck, and left out."""
    return None if study.kind in REPEATED else study.best_value


@dataclass(frozen=True)
class MeanRow:
    """What the reruns of one configuration came to, for a table under `MEAN_HEADERS`."""

    arm: str
    trials: int
    ended: int
    infeasible: int
    mean: float | None
    deviation: float | None


def mean_rows(trials: Iterable[TrialRecord]) -> list[MeanRow]:
    """Compare the configurations of a study of reruns by their means, in their order."""
    import numpy as np

    from labtui.analysis.spread import spread
    from labtui.verdicts.reruns import has_ended

    members: dict[str, list[TrialRecord]] = {}
    for trial in trials:
        members.setdefault(trial.arm, []).append(trial)
    rows = []
    for arm, group in members.items():
        ended = [one for one in group if has_ended(one)]
        values = [one.value if one.state == "completed" else None for one in ended]
        found = spread(np.array([np.nan if v is None else v for v in values], dtype=np.float64))
        rows.append(
            MeanRow(arm, len(group), len(ended), found.infeasible, found.mean, found.deviation)
        )
    return rows
