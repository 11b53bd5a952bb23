"""A workload's card (P01): what is known of it, what of that is stale, what is to be done again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labtui.analysis.design_baseline import Retune
from labtui.analysis.findings import Verdict, gather
from labtui.engine.plugins import declared_workload
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.store.records import (
    BaselineRecord,
    LaunchRecord,
    StudyRecord,
    TrialRecord,
    WorkloadRecord,
)
from labtui.study.model import TrainerSpec
from labtui.trainer.plugin import Workload
from labtui.verdicts.baselines import (
    PROBES,
    baseline_value,
    judge_earned,
    probes_to_repeat,
    retunes,
)
from labtui.verdicts.design import earlier_studies, timed_step
from labtui.verdicts.documents import Document, jsonable, verdict_document
from labtui.verdicts.loading import Declared, declared_metrics
from labtui.verdicts.text import number, params_text

LIST_HEADERS = ("workload", "trainer", "objective", "baseline", "value", "studies", "to do")


class BaselineError(Exception):
    """A trial cannot become the baseline; says why and what to do."""

    exit_code = 2


@dataclass(frozen=True)
class Card:
    """What a lab knows about a workload.

    Attributes:
        workload: Its row; `workload.card` holds probes and the retrain deviation.
        declared: What its trainer declares; None for a person's own script.
        metric: What is known of the objective: chance level, validation examples.
        select: ``best`` or ``final``, as its newest study has it.
        step_time: Seconds of a step; None if unknown. `timed` says where from.
        retrain_stale: Why the retrain deviation holds no longer; empty while it does.
        baseline: The current one; `value`: the mean of its reruns, else its trial's own.
        launches: All, oldest first; `studies` by activity.
        notes: (when, text); `tags` of the workload.
        retune: What is to be tuned again because of what the baseline changed.
        probe_again: Key of the card → why that probe is stale.
        verdict: Whether the baseline earned tuning.
    """

    workload: WorkloadRecord
    declared: Workload | None
    metric: Declared
    select: str
    step_time: float | None
    timed: str
    retrain_stale: str
    baseline: BaselineRecord | None
    value: float | None
    baselines: Sequence[BaselineRecord]
    launches: Sequence[LaunchRecord]
    studies: Sequence[StudyRecord]
    notes: Sequence[tuple[str, str]]
    tags: Sequence[str]
    retune: Sequence[Retune]
    probe_again: Mapping[str, str]
    verdict: Verdict

    @property
    def probe(self) -> Mapping[str, Any]:
        """The probe of batch sizes; empty without one."""
        found = self.workload.card.get("batch_size_probe")
        return found if isinstance(found, Mapping) else {}

    @property
    def retrain(self) -> Mapping[str, Any]:
        """The retrain deviation, as `labtui.verdicts.reruns.retrain_entry` makes it, or empty."""
        found = self.workload.card.get("retrain")
        return found if isinstance(found, Mapping) else {}

    @property
    def fresh(self) -> Mapping[str, Any]:
        """What the reruns of the launch that made the baseline came to; empty without one."""
        made = self.baseline.launch if self.baseline is not None else None
        found = next((one for one in self.launches if made is not None and one.id == made), None)
        return {} if found is None else found.evidence.get("candidate") or {}

    @property
    def feasible(self) -> list[int]:
        """Batch sizes that could be trained."""
        rows = self.probe.get("table") or ()
        return [int(row["batch_size"]) for row in rows if row.get("step_time")]


def read_card(lab: Lab, name: str) -> Card:
    """Gather what a lab knows about a workload.

    Raises:
        UnknownName: The lab holds no such workload; the nearest is named.
    """
    from labtui.verdicts.reruns import stale

    workload = lab.workload(name)
    studies = [one for one in lab.studies() if one.workload == name]
    step_time, timed = timed_step(lab, earlier_studies(lab, name, workload.trainer)) or (None, "")
    baseline = lab.baseline(name)
    entry = workload.card.get("retrain")
    repeat = {} if baseline is None else probes_to_repeat(workload.card, baseline)
    return Card(
        workload=workload,
        declared=declared_workload(workload.trainer, workload.name),
        metric=_metric(lab, workload, studies),
        select=studies[0].selection if studies else "best",
        step_time=step_time,
        timed=timed,
        retrain_stale=stale(lab, name, entry) if isinstance(entry, Mapping) else "",
        baseline=baseline,
        value=None if baseline is None else baseline_value(lab, baseline),
        baselines=lab.baselines(name),
        launches=lab.launches(workload=name),
        studies=studies,
        notes=lab.workload_notes(name),
        tags=lab.tags().get(f"workload:{name}", []),
        retune=retunes(lab, name),
        probe_again={key: ", ".join(map(str, changed)) for key, changed in repeat.items()},
        verdict=gather(() if baseline is None else judge_earned(lab, baseline)),
    )


def _metric(lab: Lab, workload: WorkloadRecord, studies: Sequence[StudyRecord]) -> Declared:
    """Give what is known of the objective, by the studies or by the trainer alone.

    Where several trainers train it, one that declares the chance level knows more than one that
    does not.
    """
    known_by: dict[str, Declared] = {}
    for study in studies:
        trainer = trainer_of(study)
        if study.metric == workload.metric and trainer not in known_by:
            found = declared_metrics(lab, study).get(workload.metric, Declared())
            known_by[trainer] = found
    if known_by:
        chosen = [one for one in known_by.values() if one.chance is not None]
        return (chosen or list(known_by.values()))[0]
    declared = declared_workload(workload.trainer, workload.name)
    known = declared.metrics.get(workload.metric) if declared is not None else None
    return Declared() if known is None else Declared(known.goal, known.chance, known.examples)


def trainer_of(study: StudyRecord) -> str:
    """Name what trained a study; empty where that is not known."""
    return str((study.spec.get("trainer") or {}).get("name") or "")


# -- a baseline by hand ---------------------------------------------------------------------------


def baseline_of(lab: Lab, workload: str, reference: str) -> tuple[TrialRecord, dict[str, Any]]:
    """Give a trial that is to become a baseline, with its configuration.

    Args:
        lab: Where it is.
        workload: Whose baseline it is to be.
        reference: ``study/17``, or its id.

    Raises:
        UnknownName: There is no such workload or trial.
        BaselineError: It is another workload's, was imported, or did not complete.
    """
    from labtui.verdicts.launch_plan import configuration_of

    owner = lab.workload(workload).name
    trial = lab.trial(reference)
    study = lab.study(trial.study)
    if study.workload != owner:
        raise BaselineError(
            f"{trial.name} is of workload {study.workload!r}; expected a trial of {owner!r}"
        )
    if "import" in study.provenance:
        raise BaselineError(
            f"{trial.name} was imported: no trainer here could train it again; expected a trial "
            "that labtui trained"
        )
    if trial.state != "completed" or trial.value is None:
        raise BaselineError(
            f"{trial.name} is {trial.state} and has no {study.metric}; expected a completed trial, "
            f"as those that `labtui show {study.name}` lists"
            if trial.value is None
            else f"{trial.name} is {trial.state}; expected a completed trial"
        )
    trainer = TrainerSpec.model_validate(study.spec["trainer"]).model_dump(mode="json")
    return trial, {**configuration_of(study, trial), "trainer": trainer}


def set_by_hand(paths: LabPaths, workload: str, reference: str, reason: str) -> tuple[str, int]:
    """Make a trial the baseline of a workload, without fresh evidence.

    Args:
        paths: The lab.
        workload: Whose baseline it is to be.
        reference: ``study/17``, or its id.
        reason: Why, which is kept.

    Returns:
        The trial's name, and the number of the baseline.

    Raises:
        BaselineError: It cannot become one; see `baseline_of`.
        RequestRefused, LabError: It cannot be recorded.
    """
    from labtui.engine.asking import set_baseline

    with Lab(paths) as lab:
        found, configuration = baseline_of(lab, workload, reference)
    given = set_baseline(
        paths, workload, configuration, study=found.study, trial=found.name, reason=reason
    )
    return found.name, given


# -- documents and tables -------------------------------------------------------------------------


def card_document(card: Card) -> Document:
    """Describe a card.

    Returns:
        ``workload``, ``trainer``, ``description``, ``objective`` (``metric``, ``goal``,
        ``select``, ``chance``, ``examples``), ``step_time`` (s) and ``timed``, ``batch_sizes``
        (``feasible``, ``largest_that_pays``, ``date``, ``stale``), ``retrain`` (as the card has it,
        and ``stale``), ``baseline`` and ``baselines`` (``id``, ``parent``, ``study``, ``trial``,
        ``launch``, ``params``, ``reason``, ``created``, ``rolled_back``; the current one also
        ``value``; where that is the mean of its launch's reruns, their ``deviation`` and how many,
        ``reruns``), ``retune`` (``name``, ``value``, ``because``), ``probe_again`` (card's key →
        why), ``launches``, ``studies``, ``notes``, ``tags``, ``card`` (all entries) and the keys
        of `verdict_document`. What is unknown is null.
    """
    workload, probe = card.workload, card.probe
    current = None
    if card.baseline is not None:
        again = card.fresh
        current = {
            **_baseline(card.baseline),
            "value": card.value,
            "deviation": again.get("deviation"),
            "reruns": _feasible(again),
        }
    document = {
        "workload": workload.name,
        "trainer": workload.trainer,
        "description": card.declared.description if card.declared is not None else "",
        "objective": {
            "metric": workload.metric,
            "goal": workload.goal,
            "select": card.select,
            "chance": card.metric.chance,
            "examples": card.metric.examples,
        },
        "step_time": card.step_time,
        "timed": card.timed,
        "batch_sizes": {
            "feasible": card.feasible,
            "largest_that_pays": probe.get("largest_that_pays"),
            "date": probe.get("date"),
            "stale": card.probe_again.get("batch_size_probe", ""),
        }
        if probe
        else None,
        "retrain": {**card.retrain, "stale": card.retrain_stale} if card.retrain else None,
        "baseline": current,
        "baselines": [_baseline(one) for one in card.baselines],
        "retune": [
            {"name": one.name, "value": one.value, "because": [str(c) for c in one.because]}
            for one in card.retune
        ],
        "probe_again": dict(card.probe_again),
        "launches": [_launch(one) for one in card.launches],
        "studies": [
            {"study": one.name, "state": one.state, "kind": one.kind, "best": one.best_value}
            for one in card.studies
        ],
        "notes": [{"created": when, "text": text} for when, text in card.notes],
        "tags": list(card.tags),
        "card": dict(workload.card),
        **verdict_document(card.verdict),
    }
    return dict(jsonable(document))


def _baseline(one: BaselineRecord) -> Document:
    return {
        "id": one.id,
        "parent": one.parent,
        "study": one.study,
        "trial": one.trial,
        "launch": one.launch,
        "params": one.params,
        "reason": one.reason,
        "created": one.created,
        "rolled_back": one.rolled_back,
    }


def _launch(one: LaunchRecord) -> Document:
    return {
        "id": one.id,
        "study": one.study,
        "trial": one.trial,
        "verdict": one.verdict,
        "baseline": one.baseline,
        "adopted": one.adopted,
        "reason": one.reason,
        "created": one.created,
    }


def card_row(card: Card) -> tuple[str, ...]:
    """Give a workload's line in the table of all, under `LIST_HEADERS`."""
    workload, baseline = card.workload, card.baseline
    return (
        workload.name,
        workload.trainer,
        f"{workload.goal} {workload.metric}",
        "" if baseline is None else baseline.trial or f"baseline {baseline.id}",
        "" if baseline is None else number(card.value),
        str(len(card.studies)),
        "; ".join(short_tasks(card)),
    )


def short_tasks(card: Card) -> list[str]:
    """Name in a few words what is to be done about a workload."""
    tasks = [one.code for one in card.verdict.findings]
    if card.baseline is None:
        tasks.append("set a baseline")
    if card.retune:
        tasks.append(f"re-tune {', '.join(one.name for one in card.retune)}")
    if card.probe_again:
        tasks.append("probe again")
    if card.retrain_stale:
        tasks.append("rerun")
    return tasks


def task_sentences(card: Card) -> list[str]:
    """Say what is to be done about a workload, with the reasons."""
    lines = [
        f"{one.code} [{one.procedure}]: {one.message} {one.advice}" for one in card.verdict.findings
    ]
    if card.baseline is None:
        lines.append(
            "it has no baseline: `labtui launch STUDY` makes one of the best trial, "
            f"`labtui workload {card.workload.name} --baseline TRIAL --reason TEXT` by hand (P01)"
        )
    lines += [f"re-tune {one.text} (P03)" for one in card.retune]
    lines += [
        f"probe {PROBES[key][0]} again (`{PROBES[key][1]}`): {why} (P02)"
        for key, why in card.probe_again.items()
    ]
    if card.retrain_stale:
        lines.append(f"rerun (`{rerun_command(card)}`): {card.retrain_stale} (P28)")
    return lines


def rerun_command(card: Card) -> str:
    """Give the command that measures the retrain deviation."""
    trial = card.baseline.trial if card.baseline is not None else ""
    return f"labtui rerun {shlex.quote(trial) if trial else 'TRIAL'} -n 5"


def cards(lab: Lab) -> list[Card]:
    """Gather the cards of all workloads, by name."""
    return [read_card(lab, one.name) for one in lab.workloads()]


def _feasible(again: Mapping[str, Any]) -> int | None:
    return again["reruns"] - again["infeasible"] if again.get("mean") is not None else None


def value_words(card: Card) -> str:
    """Write the baseline's value; of one that was launched: ``0.05 ± 0.004 (mean of …)``."""
    again, many = card.fresh, _feasible(card.fresh)
    if many is None:
        return number(card.value)
    spread = f" ± {number(again['deviation'])}" if again.get("deviation") is not None else ""
    return f"{number(card.value)}{spread} (mean of {many} fresh rerun{'s' * (many != 1)})"


def baseline_text(card: Card) -> str:
    """Say what the baseline is: ``3 since 2026-11-22: s/17, validation/error_rate 0.02, …``."""
    one = card.baseline
    if one is None:
        return "none"
    value = f", {card.workload.metric} {value_words(card)}" if card.value is not None else ""
    how = f"launch {one.launch}" if one.launch is not None else "set by hand"
    where = one.trial or "no trial"
    return f"{one.id} since {one.created[:10]}: {where}{value}; {how}: {one.reason}"


def params_line(card: Card) -> str:
    """Write the baseline's configuration."""
    return "" if card.baseline is None else params_text(card.baseline.params)


__all__ = [
    "LIST_HEADERS",
    "BaselineError",
    "Card",
    "baseline_of",
    "baseline_text",
    "card_document",
    "card_row",
    "cards",
    "params_line",
    "read_card",
    "rerun_command",
    "set_by_hand",
    "short_tasks",
    "task_sentences",
    "trainer_of",
]
