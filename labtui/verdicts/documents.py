"""The JSON documents that commands print: an interface, so keys are added and never renamed.

Values are JSON's own; NaN and infinities are the strings ``"NaN"``, ``"Infinity"`` and
``"-Infinity"``. Times are ISO 8601 in UTC. A state is one of `labtui.store.records.STATES` or
``interrupted``, when the runner that trained is dead. `null` stands for what there is not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from labtui.store.lab import Lab
from labtui.store.records import StudyRecord, TrialRecord
from labtui.verdicts.tables import arms

if TYPE_CHECKING:
    from labtui.analysis.findings import Verdict
    from labtui.verdicts.check import StudyCheck
    from labtui.verdicts.objective import Reranked

Document = dict[str, Any]


def jsonable(value: Any) -> Any:
    """Give a value that strict JSON can hold: numbers that are not finite become strings."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, (dict, Mapping)):  # the abstract class alone is slow
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]
    return value


def list_document(lab: Lab, studies: Sequence[StudyRecord] | None = None) -> Document:
    """Describe what is in the lab, or some studies of it, the latest activity first.

    Returns:
        ``{"studies": [{"name", "workload", "goal", "state", "reason", "objective": {"metric",
        "goal", "select"}, "total", "trials": {state: count}, "best_value", "best_trial",
        "created", "finished", "activity", "tags", "follows": {"study", "kind"} or null}]}``
    """
    tags = lab.tags()
    chosen = lab.studies() if studies is None else studies
    return {"studies": [{**_study_summary(one), "tags": tags.get(one.name, [])} for one in chosen]}


def study_document(
    lab: Lab,
    study: StudyRecord,
    trials: Sequence[TrialRecord] | None = None,
    change: Reranked | None = None,
    parent: Document | None = None,
) -> Document:
    """Describe a study with its trials.

    Args:
        lab: Where they are.
        study: The study.
        trials: Its trials, where they are ranked by another objective than the lab's.
        change: How that changes the ranking.
        parent: The study it follows, side by side: `labtui.verdicts.lineup.lineup_document`.

    Returns:
        ``answer`` (see `labtui.verdicts.answer.Answer.document`), ``parent`` (as given), the keys
        of `list_document`, save that ``counts`` holds ``{state: count}``, and ``file``,
        ``folder``, ``interpreter``, ``command``, ``provenance``, ``hyperparameters`` (``name``,
        ``role``, ``column`` and the definition as the study file writes it), ``arms`` (the fields
        of `ArmRow`, the trial by its name), ``metrics``, ``metrics_hidden`` (how many of the
        test set, P32), ``notes`` (``subject``, ``created``, ``text``, ``trial``),
        ``ranking`` (``before``, ``after``, ``agreement``, ``trials``; null unless another objective
        was asked for) and
        ``trials``: ``[{"trial", "id", "number", "arm", "state", "reason", "params", "best_value",
        "best_step", "last_value", "last_step", "seed", "point", "step", "max_steps", "seconds",
        "source", "repetition"}]``.
    """
    trials = lab.trials(study.name) if trials is None else trials
    summary = _study_summary(study)
    counts = summary.pop("trials")
    from labtui.verdicts.answer import answer_of

    rows = [asdict(row) for row in arms(study, trials)]
    for row in rows:
        row["best_trial"] = _name(study, row["best_trial"])
    document = {
        "answer": answer_of(lab, study, trials).document(),
        **summary,
        "tags": lab.tags().get(study.name, []),
        "counts": counts,
        "file": study.file,
        "folder": study.folder,
        "interpreter": study.interpreter,
        "command": study.command,
        "provenance": study.provenance,
        "hyperparameters": lab.hyperparameters(study.name),
        "arms": rows,
        "metrics": lab.metrics(study.name),
        "metrics_hidden": len(lab.hidden_metrics(study.name)),
        "notes": [asdict(note) for note in lab.all_notes(study.name)],
        "parent": parent,
        "ranking": asdict(change) if change else None,
        "trials": [_trial_summary(trial) for trial in trials],
    }
    return dict(jsonable(document))


def trial_document(lab: Lab, trial: TrialRecord) -> Document:
    """Describe one trial.

    Returns:
        The keys of a trial in `study_document`, and ``study``, ``detail`` (the traceback),
        ``attempt``, ``device``, ``versions``, ``code`` (path → SHA-256), ``started``,
        ``finished``, ``command`` and ``folder`` (what reproduces its study, and where), ``log``
        (path), ``checkpoints`` (``step``, ``value``, ``best``, ``path``, ``size``, ``created``),
        ``warnings`` of its trainer, ``tags`` and ``notes`` (``created``, ``text``).
    """
    study = lab.study(trial.study)
    folder = lab.paths.checkpoint_folder(trial.id)
    document = {
        **_trial_summary(trial),
        "study": trial.study,
        "detail": trial.detail,
        "attempt": trial.attempt,
        "device": trial.device,
        "versions": trial.versions,
        "code": trial.code,
        "started": trial.started,
        "finished": trial.finished,
        "command": study.command,
        "folder": study.folder,
        "log": str(lab.paths.trial_log(trial.id)),
        "checkpoints": [
            {
                "step": checkpoint.step,
                "value": checkpoint.value,
                "best": checkpoint.best,
                "path": str(folder / checkpoint.folder),
                "size": checkpoint.size,
                "created": checkpoint.created,
            }
            for checkpoint in lab.checkpoints(trial.id)
        ],
        "warnings": lab.warnings(trial.id),
        "tags": lab.tags().get(trial.name, []),
        "notes": [
            {"created": one.created, "text": one.text}
            for one in lab.all_notes(trial.study)
            if one.subject == trial.name
        ],
    }
    return dict(jsonable(document))


def _name(study: StudyRecord, number: int | None) -> str | None:
    return None if number is None else f"{study.name}/{number}"


def _study_summary(study: StudyRecord) -> Document:
    return {
        "name": study.name,
        "workload": study.workload,
        "goal": study.goal,
        "state": study.state,
        "reason": study.reason,
        "objective": {
            "metric": study.metric,
            "goal": study.direction,
            "select": study.selection,
        },
        "total": study.total,
        "trials": dict(study.counts),
        "best_value": study.best_value,
        "best_trial": _name(study, study.best_trial),
        "created": study.created,
        "finished": study.finished,
        "activity": study.activity,
        "follows": {"study": study.parent, "kind": study.kind} if study.parent else None,
    }


def _trial_summary(trial: TrialRecord) -> Document:
    document = {
        "trial": trial.name,
        "id": trial.id,
        "number": trial.number,
        "arm": trial.arm,
        "state": trial.state,
        "reason": trial.reason,
        "params": trial.params,
        "best_value": trial.best_value,
        "best_step": trial.best_step,
        "last_value": last_value(trial),
        "last_step": trial.last_step,
        "seed": trial.seed,
        "point": trial.point,
        "step": trial.step,
        "max_steps": trial.max_steps,
        "seconds": trial.seconds,
        "source": trial.source,
        "repetition": trial.repetition,
    }
    return dict(jsonable(document))


def last_value(trial: TrialRecord) -> float | None:
    """Give the last objective that was logged: NaN where it was not a number, None without any."""
    if trial.last_value is None and trial.last_step is not None:
        return math.nan
    return trial.last_value


def verdict_document(verdict: Verdict) -> Document:
    """Describe findings, and what could not be judged.

    Returns:
        ``{"findings": [{"code", "severity", "subject", "evidence", "message", "advice",
        "procedure"}], "not_judged": [{"code", "subject", "reason"}]}``
    """
    document = {
        "findings": [vars(one) for one in verdict.findings],
        "not_judged": [vars(one) for one in verdict.not_judged],
    }
    return dict(jsonable(document))


def check_document(
    study: StudyRecord,
    checked: StudyCheck,
    change: Reranked | None,
    parent: Document | None = None,
) -> Document:
    """Describe what was found in a study.

    Args:
        study: The study.
        checked: What was found.
        change: How another objective changes the ranking.
        parent: The study it follows, side by side: `labtui.verdicts.lineup.lineup_document`.

    Returns:
        ``study``, ``answer`` (see `labtui.verdicts.answer.Answer.document`), ``evidence`` (whether
        it trains given configurations again, and is not judged as a search),
        ``objective`` (``metric``, ``goal``, ``select``), ``trials`` and ``infeasible``
        (how many were looked at), ``complete``, ``order_of_arms`` (a sentence, or null),
        ``parent`` (as given), ``ranking`` (``before``, ``after``, ``agreement``, ``trials``; null
        unless another objective was asked for) and the keys of `verdict_document`.
    """
    document = {
        "study": study.name,
        "answer": checked.answer.document(),
        "evidence": checked.evidence,
        "objective": {
            "metric": study.metric,
            "goal": study.direction,
            "select": study.selection,
        },
        "trials": len(checked.table),
        "infeasible": int(checked.table.infeasible.sum()),
        "complete": checked.complete,
        "order_of_arms": checked.order.statement if checked.order else None,
        "parent": parent,
        "ranking": asdict(change) if change else None,
        **verdict_document(checked.verdict),
    }
    return dict(jsonable(document))
