"""What a launch compares (P30): candidate, baseline, the least gain that pays, the reruns."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from labtui.analysis.complexity import Complexity, complexity
from labtui.analysis.decision import ADOPT_LEVELS, GROUPS, REJECT_LEVELS, WORTH, Least
from labtui.analysis.kinds import Declared
from labtui.engine.plugins import declared_workload
from labtui.engine.probe_subject import COMMON
from labtui.store.lab import Lab
from labtui.store.records import BaselineRecord, LaunchRecord, StudyRecord, TrialRecord
from labtui.study.fields import same
from labtui.study.kinds import REPEATED
from labtui.study.repeat import repeat
from labtui.study.spec import Study
from labtui.verdicts.text import clean, number, params_text

FIRST_RERUNS = 5
"""Reruns of a first baseline, which is compared with chance only: as many as a first look takes."""


class LaunchRefused(Exception):
    """There is nothing to launch; says why and what to do."""

    exit_code = 2


@dataclass(frozen=True)
class Planned:
    """What a launch compares, fixed before its first look.

    Attributes:
        study: The study that the candidate is from.
        candidate: The trial to be launched.
        baseline: What it is compared with; None for a first baseline.
        complexity: What the candidate adds.
        least: The least gain that pays, as planned.
        named: Whether a person named it.
        reruns: Name of the study of reruns.
        record: What the lab holds of this launch so far; None before it began.
    """

    study: StudyRecord
    candidate: TrialRecord
    baseline: BaselineRecord | None
    complexity: Complexity
    least: Least
    named: bool
    reruns: str
    record: LaunchRecord | None

    @property
    def looks(self) -> list[dict[str, Any]]:
        """The looks taken, as they were stored."""
        return list(self.record.data.get("looks", [])) if self.record is not None else []

    @property
    def rejected(self) -> str:
        """Why a person rejected it before its reruns decided; empty where nobody did."""
        return rejected_because(self.record)

    @property
    def groups(self) -> tuple[int, ...]:
        """Reruns a side at each look."""
        return (FIRST_RERUNS,) if self.baseline is None else GROUPS

    @property
    def open_group(self) -> int | None:
        """Reruns a side of the next look; None once it is decided, or at the last."""
        if self.rejected:
            return None
        taken = self.looks
        if len(taken) == len(self.groups) or (taken and taken[-1]["verdict"] != "undecided"):
            return None
        return self.groups[len(taken)]

    @property
    def data(self) -> dict[str, Any]:
        """What is stored of the plan."""
        return {
            "study": self.reruns,
            "plan": {
                "groups": list(self.groups),
                "adopt_levels": list(ADOPT_LEVELS),
                "reject_levels": list(REJECT_LEVELS),
                "worth_deviations": WORTH,
            },
            "least": {
                "absolute": self.least.absolute,
                "deviations": self.least.deviations,
                "named": self.named,
            },
            "looks": self.looks,
        }

    def configurations(self) -> list[dict[str, Any]]:
        """Give what is trained: the candidate, then the baseline if there is one."""
        return [self.candidate.params, *([self.baseline.params] if self.baseline else [])]

    def rerun_study(self, repetitions: int) -> tuple[Study, str]:
        """Give the study that trains both, and its text."""
        whose = "the configuration" if self.baseline is None else "both configurations"
        return repeat(
            Study.from_json(self.study.spec),
            self.configurations(),
            name=self.reruns,
            kind="launch",
            goal=f"Does {self.candidate.name} deserve to become the baseline? Reruns of {whose}.",
            repetitions=repetitions,
        )


def rejected_because(record: LaunchRecord | None) -> str:
    """Say why a person rejected a candidate; empty where nobody did."""
    stands = record is not None and record.verdict == "reject"
    return str(record.evidence.get("rejected", "")) if record is not None and stands else ""


def plan_launch(
    lab: Lab,
    name: str,
    trial: str | None = None,
    least_gain: float | None = None,
    *,
    again: bool = False,
) -> Planned:
    """Say what is to be compared.

    A configuration that was compared with the same baseline before goes on from the looks that were
    taken then, also where another trial has it: each look has its share of the error once.

    Args:
        lab: The lab.
        name: The study, or a trial of it.
        trial: Which trial; by default the best, or the one that `name` names.
        least_gain: The least gain that pays, in the unit of the objective.
        again: Whether a candidate that was adopted and rolled back may be adopted once more.

    Raises:
        UnknownName: There is no such study or trial.
        LaunchRefused: There is nothing to launch.
    """
    found = lab.find(name)
    if isinstance(found, TrialRecord):
        trial, found = trial or found.name, lab.study(found.study)
    _check_study(found)
    candidate = _candidate(lab, found, trial)
    baseline = lab.baseline(found.workload)
    record = _record(lab, found, candidate, baseline)
    if baseline is not None:
        _check_differs(candidate, baseline)
    if record is not None and record.adopted is not None and not again:
        raise LaunchRefused(_left(lab, record, candidate))
    if record is not None and record.trial != candidate.name:
        found, candidate = lab.study(record.study), lab.trial(record.trial)
    weighed = weigh(found, candidate, baseline)
    least, named = _least(weighed, record, least_gain)
    reruns = str(record.data["study"]) if record else _fresh_name(lab, found)
    return Planned(found, candidate, baseline, weighed, least, named, reruns, record)


def with_record(planned: Planned, record: LaunchRecord) -> Planned:
    """Give the plan after its launch was recorded anew, perhaps by somebody who looked meanwhile.

    Raises:
        LaunchRefused: Those looks were planned with another least gain than was named here.
    """
    named = planned.least.absolute if planned.named else None
    least, known = _least(planned.complexity, record, named)
    return replace(planned, record=record, least=least, named=known)


def latest_launch(lab: Lab, name: str, trial: str | None = None) -> LaunchRecord:
    """Give the launch of a study, or of one trial of it, that was begun last.

    Raises:
        UnknownName: There is no such study or trial.
        LaunchRefused: It was never launched.
    """
    found = lab.find(name)
    if isinstance(found, TrialRecord):
        trial, name = trial or found.name, found.study
    chosen = lab.trial(_trial_name(name, trial)).name if trial is not None else None
    for record in reversed(lab.launches(study=name)):
        if chosen is None or record.trial == chosen:
            return record
    raise LaunchRefused(
        f"{chosen or name} was never launched; `labtui launch {shlex.quote(chosen or name)}`"
    )


def standing_launch(lab: Lab, name: str, trial: str | None = None) -> LaunchRecord | None:
    """Give the launch that made a candidate the current baseline; None if none did.

    The candidate of a study is its best trial, which may be another one by now.

    Raises:
        UnknownName: There is no such study or trial.
    """
    found = lab.find(name)
    if trial is None and isinstance(found, StudyRecord) and found.best_trial is not None:
        trial = f"{found.name}/{found.best_trial}"
    try:
        record = latest_launch(lab, name, trial)
    except LaunchRefused:
        return None
    baseline = lab.baseline(record.workload)
    stands = baseline is not None and record.adopted == baseline.id
    return record if stands else None


def _trial_name(study: str, trial: str) -> str:
    """Take ``17`` as a trial of the study, as people read it in its table."""
    return f"{study}/{trial}" if trial.isdecimal() else trial


def _check_study(study: StudyRecord) -> None:
    if "import" in study.provenance:
        raise LaunchRefused(
            f"study {study.name!r} was imported: nothing here can train its trials again, and a "
            "launch rests on fresh reruns; run it where it is from, or write a study file for it"
        )
    if study.kind in REPEATED:
        raise LaunchRefused(
            f"study {study.name!r} repeats given configurations ({study.kind}); launch from the "
            f"study they are from: `labtui launch {shlex.quote(study.parent)}`"
        )


def _candidate(lab: Lab, study: StudyRecord, named: str | None) -> TrialRecord:
    if named is not None:
        trial = lab.trial(_trial_name(study.name, named))
        if trial.study != study.name:
            raise LaunchRefused(
                f"trial {trial.name} is of another study; `labtui launch {shlex.quote(trial.name)}`"
            )
        if trial.state != "completed" or trial.value is None:
            raise LaunchRefused(
                f"trial {trial.name} is {trial.state}: only one that completed can be launched"
            )
        return trial
    waiting = study.total - study.ended
    if study.state in ("queued", "running") and waiting:
        raise LaunchRefused(
            f"study {study.name!r} is {study.state}: {waiting} of {study.total} trials are to "
            "come; wait, stop it, or name a trial with --trial"
        )
    if study.best_trial is None:
        raise LaunchRefused(
            f"study {study.name!r} has no completed trial with a finite {study.metric}: there is "
            f"nothing to launch; `labtui check {shlex.quote(study.name)}` says why"
        )
    return lab.trial(f"{study.name}/{study.best_trial}")


def _check_differs(candidate: TrialRecord, baseline: BaselineRecord) -> None:
    ours, theirs = candidate.params, baseline.params
    if ours.keys() == theirs.keys() and all(same(ours[name], theirs[name]) for name in ours):
        raise LaunchRefused(
            f"trial {candidate.name} has the configuration of baseline {baseline.id}"
            f"{_from(baseline)}: {params_text(ours)}; there is nothing to launch. "
            f"`labtui lineage {shlex.quote(clean(baseline.workload))}` shows the baselines"
        )


def _from(baseline: BaselineRecord) -> str:
    return f" (from {baseline.trial})" if baseline.trial else ""


def _record(
    lab: Lab, study: StudyRecord, candidate: TrialRecord, baseline: BaselineRecord | None
) -> LaunchRecord | None:
    """Find what the lab holds of the same comparison: this trial's, else one of its twins'."""
    asked = None if baseline is None else baseline.id
    made = [
        one
        for one in reversed(lab.launches(workload=study.workload))
        if one.baseline == asked and one.data.get("study")
    ]
    own = [one for one in made if one.trial == candidate.name]
    others = (one for one in made if _is_twin(lab, one, study, candidate))
    return next(iter(own), None) or next(others, None)


def _is_twin(lab: Lab, record: LaunchRecord, study: StudyRecord, candidate: TrialRecord) -> bool:
    """Say whether the candidate of a launch is trained as another trial is, code included."""
    if not (record.study and record.trial):
        return False
    twin = lab.trial(record.trial)
    if twin.params != candidate.params or twin.code != candidate.code:
        return False
    theirs = configuration_of(lab.study(record.study), twin)
    return theirs == configuration_of(study, candidate)


def _left(lab: Lab, record: LaunchRecord, candidate: TrialRecord) -> str:
    """Say what was decided of a candidate whose baseline was rolled back."""
    made = next((one for one in lab.baselines(record.workload) if one.id == record.adopted), None)
    why = f": {clean(made.rollback_reason)}" if made and made.rollback_reason else ""
    twin = "" if record.trial == candidate.name else f" (as {record.trial}, which is the same)"
    looks = len(record.data.get("looks", []))
    return (
        f"trial {candidate.name}{twin} was compared with baseline {record.baseline} already: "
        f"launch {record.id} adopted it after {looks} look{'s' * (looks != 1)}, and it was rolled "
        f"back{why}. More looks would be a second chance for luck; to make it the baseline again, "
        f'say why: `labtui launch {shlex.quote(candidate.name)} --overrule --reason "…"`'
    )


def _fresh_name(lab: Lab, study: StudyRecord) -> str:
    taken = {one.name for one in lab.studies()}
    taken |= {str(one.data.get("study")) for one in lab.launches()}
    base, suffix = f"{study.name}-launch", 2
    name = base
    while name in taken:
        name, suffix = f"{base}-{suffix}", suffix + 1
    return name


def _least(
    weighed: Complexity, record: LaunchRecord | None, named: float | None
) -> tuple[Least, bool]:
    """Give the least gain as it was planned, and whether a person named it."""
    planned: Mapping[str, Any] = record.data.get("least", {}) if record is not None else {}
    if record is not None and record.data.get("looks"):
        least = Least(planned["absolute"], planned["deviations"])
        if named is not None and named != least.absolute:
            raise LaunchRefused(
                f"--least-gain {number(named)}: this launch was planned with "
                f"{least_text(least)}, and its reruns were looked at since; a least gain that is "
                "chosen afterwards decides nothing. Leave it out"
            )
        return least, bool(planned["named"])
    if named is not None:
        return Least(absolute=named), True
    if planned.get("named"):
        return Least(absolute=planned["absolute"]), True
    return weighed.least, False


def least_text(least: Least) -> str:
    """Write a least gain."""
    if least.deviations < 0:
        return f"a loss of up to {number(-least.deviations)} retrain deviations borne"
    if least.deviations:
        return f"{number(least.deviations)} retrain deviations"
    return number(least.absolute)


def weigh(
    study: StudyRecord,
    candidate: TrialRecord,
    baseline: BaselineRecord | None,
    step_times: tuple[Sequence[float], Sequence[float]] | None = None,
) -> Complexity:
    """Weigh what a candidate adds to a baseline; `step_times` are of both's reruns."""
    if baseline is None:
        return Complexity((), Least())
    theirs = baseline.configuration.get("budget", {}).get("max_train_steps")
    steps = study.spec["budget"]["max_train_steps"]
    # Shorter training simplifies nothing here: the baseline is trained no longer beside it, so that
    # its reruns do not show what the cut costs.
    longer = theirs is not None and steps > theirs
    return complexity(
        candidate.params,
        baseline.params,
        declared_hyperparameters(study),
        steps=(steps, theirs) if longer else None,
        step_times=step_times,
    )


def declared_hyperparameters(study: StudyRecord) -> Mapping[str, Declared]:
    """Give what a study's trainer says of its hyperparameters; nothing where it declares none."""
    known = declared_workload(study.spec["trainer"]["name"], study.workload)
    return known.hyperparameters if known is not None else {}


def configuration_of(study: StudyRecord, trial: TrialRecord) -> dict[str, Any]:
    """Give a trial's configuration as a baseline keeps it."""
    spec = study.spec
    return {
        "params": trial.params,
        "trainer": spec["trainer"],
        "objective": spec["objective"],
        "budget": {key: spec["budget"][key] for key in ("max_train_steps", "eval_every")},
        "common": {key: spec[key] for key in COMMON if spec.get(key)},
        "folder": study.folder,
    }
