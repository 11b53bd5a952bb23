"""The experiment log (P45): what every format of export says of a study, in one row."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from labtui.analysis.findings import Finding
from labtui.interop.decision_tables import launch_text, values_text
from labtui.store.lab import Lab
from labtui.store.records import NoteRecord, StudyRecord, SummaryRecord, TrialRecord
from labtui.study.fields import scalar_text

ROLES = ("scientific", "nuisance", "fixed")

LOG_COLUMNS = (
    "study",
    "goal",
    "answer",
    "kind",
    "parent",
    *ROLES,
    "inherited",
    "workload",
    "baseline",
    "objective",
    "state",
    "trials",
    "completed",
    "infeasible",
    "infeasible_share",
    "best_value",
    "retrain_deviation",
    "best_trial",
    "best_step",
    "verdict",
    "launches",
    "notes",
    "tags",
    "git_commit",
    "uncommitted_changes",
    "command",
    "file",
    "created",
    "finished",
)
"""The columns of the experiment log."""


@dataclass(frozen=True)
class Told:
    """A finding in words; `about` names its subject, or how many trials it is about."""

    severity: str
    code: str
    about: str
    message: str
    advice: str
    procedure: str


@dataclass(frozen=True)
class Exported:
    """A study as it is exported, perhaps under another objective than its own (P27).

    Attributes:
        study: The study.
        trials: All its trials, by number.
        goals: ``minimize`` or ``maximize`` of the metrics where it is known.
        findings: What was found, the gravest first.
        told: The same as people are told them, those of one kind about many trials together.
        verdict: The same in a line; empty where nothing was judged.
        retrain_deviation: Standard deviation (n - 1) of the objective over reruns of the best
            configuration (P28); None where nothing was rerun, or nothing was judged.
        answer: The answer to the study's question, with its caveats; empty where it was not asked.
    """

    study: StudyRecord
    trials: Sequence[TrialRecord]
    goals: Mapping[str, str] = field(default_factory=dict)
    findings: Sequence[Finding] = ()
    told: Sequence[Told] = ()
    verdict: str = ""
    retrain_deviation: float | None = None
    answer: str = ""

    @property
    def best(self) -> TrialRecord | None:
        """The trial that has the study's best value."""
        number = self.study.best_trial
        return next((trial for trial in self.trials if trial.number == number), None)


def log_row(lab: Lab, exported: Exported) -> dict[str, Any]:
    """Give the values of `LOG_COLUMNS` for a study; None where there is none."""
    study, best = exported.study, exported.best
    trials = len(exported.trials)
    infeasible = _count(exported.trials, "infeasible")
    step = None
    if best is not None:
        step = best.best_step if best.selection == "best" else best.last_step
    return {
        "study": study.name,
        "goal": study.goal,
        "answer": exported.answer,
        "kind": study.kind,
        "parent": study.parent,
        **_roles(lab, study.name),
        "inherited": values_text(study.inherited),
        "workload": study.workload,
        "baseline": study.baseline,
        "objective": f"{study.direction} {study.metric} ({study.selection})",
        "state": study.state,
        "trials": trials,
        "completed": _count(exported.trials, "completed"),
        "infeasible": infeasible,
        "infeasible_share": infeasible / trials if trials else None,
        "best_value": study.best_value,
        "retrain_deviation": exported.retrain_deviation,
        "best_trial": None if best is None else best.name,
        "best_step": step,
        "verdict": exported.verdict,
        "launches": "\n".join(launch_text(lab, one) for one in lab.launches(study=study.name)),
        "notes": "\n".join(map(_note, lab.all_notes(study.name))),
        "tags": ", ".join(lab.tags().get(study.name, ())),
        "git_commit": study.provenance.get("git_commit"),
        "uncommitted_changes": _uncommitted(study),
        "command": command_again(study),
        "file": study.file,
        "created": study.created,
        "finished": study.finished,
    }


def _roles(lab: Lab, study: str) -> dict[str, str]:
    """Name the hyperparameters of each role, the fixed ones with their values."""
    names: dict[str, list[str]] = {role: [] for role in ROLES}
    for definition in lab.hyperparameters(study):
        if definition.get("inherited"):  # not of the study: of its baseline
            continue
        name, role = definition["name"], definition["role"]
        if role == "fixed":
            name = f"{name}={scalar_text(definition.get('value'))}"
        if name not in names.setdefault(role, []):
            names[role].append(name)
    return {role: ", ".join(names[role]) for role in ROLES}


def _note(note: NoteRecord) -> str:
    """Write a note, with the number of the trial that it is on: ``#17: it spikes``."""
    return note.text if note.trial is None else f"#{note.trial}: {note.text}"


def _count(trials: Iterable[TrialRecord], state: str) -> int:
    return sum(trial.state == state for trial in trials)


def _uncommitted(study: StudyRecord) -> bool | None:
    """Say whether the code differed from its commit; None where no commit is known."""
    if not study.provenance.get("git_commit"):
        return None
    return bool(study.provenance.get("git_diff") or study.provenance.get("git_diff_sha256"))


def command_again(study: StudyRecord) -> str:
    """Write the command that reproduces a study, from the folder it was run in; empty for none."""
    if not study.command or not study.folder:
        return study.command
    return f"cd {shlex.quote(study.folder)} && {study.command}"


@dataclass(frozen=True)
class MetricColumn:
    """A column about one metric of a trial: ``best``, ``best_step``, ``last``, ``min``, ``max``."""

    kind: str
    metric: str
    goal: str | None = None

    def value(self, known: SummaryRecord | None) -> Any:
        """Give what a trial's summary says; None without any."""
        if known is None:
            return None
        if self.kind == "last":
            return float("nan") if known.last is None else known.last
        lower = self.kind == "min" or (self.kind != "max" and self.goal == "minimize")
        if self.kind == "best_step":
            return known.min_step if lower else known.max_step
        return known.min if lower else known.max


def metric_columns(metrics: Iterable[str], goals: Mapping[str, str]) -> list[MetricColumn]:
    """Give the columns of metrics: best, its step and last; least and largest without a goal."""
    columns = []
    for metric in metrics:
        goal = goals.get(metric)
        kinds = ("best", "best_step", "last") if goal else ("min", "max", "last")
        columns += [MetricColumn(kind, metric, goal) for kind in kinds]
    return columns


def summaries_by_trial(lab: Lab, study: str) -> dict[int, dict[str, SummaryRecord]]:
    """Give what is known of the metrics of a study's trials: trial id → metric → summary."""
    found: dict[int, dict[str, SummaryRecord]] = {}
    for one in lab.summaries(study):
        found.setdefault(one.trial, {})[one.metric] = one
    return found


FINDING_COLUMNS = (
    "study",
    "severity",
    "code",
    "subject",
    "message",
    "advice",
    "procedure",
    "evidence",
)
"""The columns of a table of findings."""


def finding_row(study: str, finding: Finding) -> list[str]:
    """Give the values of `FINDING_COLUMNS`: the evidence as JSON."""
    return [
        study,
        finding.severity,
        finding.code,
        subject_text(finding.subject),
        finding.message,
        finding.advice,
        finding.procedure,
        json.dumps(finding.evidence, ensure_ascii=False, default=str),
    ]


def subject_text(subject: Mapping[str, Any]) -> str:
    """Write what a finding is about: its values, the trial before the arm it belongs to."""
    shown = {**subject}
    if "trial" in shown:
        shown.pop("arm", None)
    return ", ".join(str(value) for value in shown.values())
