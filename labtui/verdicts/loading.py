"""From the lab to what the judges of `analysis` look at: the table of a study, runs with curves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from labtui.analysis.kinds import meaning
from labtui.analysis.runs import Curve, Floats, Run
from labtui.analysis.table import AxisColumn, StudyTable, axis_column
from labtui.store.errors import LabError
from labtui.store.lab import Lab
from labtui.store.records import ENDED, StudyRecord, TrialRecord
from labtui.study.model import Hyperparameter
from labtui.trainer.plugin import Workload
from labtui.verdicts.text import condition_text

OWN_KEYS = ("name", "column")
"""What `Lab.hyperparameters` adds to a definition."""


@dataclass(frozen=True)
class Declared:
    """What a trainer or an import says about a metric."""

    goal: str | None = None
    chance: float | None = None
    examples: int | None = None


def declared_metrics(lab: Lab, study: StudyRecord) -> dict[str, Declared]:
    """Give what is known of a study's metrics: from its workload's card, else from its trainer."""
    found = _of_trainer(study)
    for name, entry in (_card(lab, study).get("metrics") or {}).items():
        found[name] = Declared(entry.get("goal"), entry.get("chance"), entry.get("examples"))
    return found


def _card(lab: Lab, study: StudyRecord) -> dict[str, Any]:
    try:
        return lab.card(study.workload)
    except LabError:
        return {}


def _of_trainer(study: StudyRecord) -> dict[str, Declared]:
    workload = _workload(study)
    metrics = workload.metrics if workload is not None else {}
    return {
        metric: Declared(entry.goal, entry.chance, entry.examples)
        for metric, entry in metrics.items()
    }


def _workload(study: StudyRecord) -> Workload | None:
    """Give what a study's trainer declares of its workload; None where it does not."""
    from labtui.engine.plugins import declared_workload

    trainer = study.spec.get("trainer") or {}
    name = trainer.get("name", "") if isinstance(trainer, Mapping) else str(trainer)
    return declared_workload(name, study.workload)


# -- the table ------------------------------------------------------------------------------


def study_table(lab: Lab, study: StudyRecord, trials: Sequence[TrialRecord]) -> StudyTable:
    """Lay out the ended trials of a study as columns.

    Args:
        lab: Where the definitions are.
        study: The study; its metric, direction and selection say what the values are.
        trials: Its trials; those that have not ended are left out.
    """
    ended = [trial for trial in trials if trial.state in ENDED]
    params = tuple(trial.params for trial in ended)
    declared = declared_metrics(lab, study).get(study.metric, Declared())
    sign = 1.0 if study.minimize else -1.0
    definitions = lab.hyperparameters(study.name)
    evaluated = {one.trial: one.n for one in lab.summaries(study.name, study.metric)}
    return StudyTable(
        study=study.name,
        metric=study.metric,
        minimize=study.minimize,
        trials=tuple(trial.name for trial in ended),
        arms=tuple(trial.arm for trial in ended),
        states=tuple(trial.state for trial in ended),
        reasons=tuple(trial.reason for trial in ended),
        values=sign * _column(trial.value for trial in ended),
        best_steps=_column(_selected_step(trial) for trial in ended),
        last_steps=_column(trial.step or trial.last_step for trial in ended),
        planned=_column(trial.max_steps for trial in ended),
        configurations=_configurations(params),
        repetitions=tuple(trial.repetition for trial in ended),
        axes=_axes(definitions, params, sampled=not _is_list(study)),
        examples=declared.examples,
        chance=None if declared.chance is None else sign * declared.chance,
        scientific=tuple(
            dict.fromkeys(str(d["name"]) for d in definitions if d["role"] == "scientific")
        ),
        params=params,
        points=tuple(trial.point for trial in ended),
        evaluations=tuple(evaluated.get(trial.id, 0) for trial in ended),
        adaptive=_is_adaptive(study),
    )


def _column(values: Iterator[float | int | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _selected_step(trial: TrialRecord) -> int | None:
    return trial.best_step if trial.selection == "best" else trial.last_step


def _configurations(params: Sequence[Mapping[str, Any]]) -> tuple[int, ...]:
    numbers: dict[str, int] = {}
    texts = (repr(sorted(one.items())) for one in params)  # json.dumps takes twice as long
    return tuple(numbers.setdefault(text, len(numbers)) for text in texts)


def _is_list(study: StudyRecord) -> bool:
    """Say whether a study tried a list of points, or a model's, rather than points of ranges."""
    imported = study.provenance.get("import")
    listed = isinstance(imported, Mapping) and bool(imported.get("points"))
    return listed or study.spec.get("design") == "configurations" or _is_adaptive(study)


def _is_adaptive(study: StudyRecord) -> bool:
    """Say whether a model chose a study's points (P13)."""
    return study.spec.get("sampler") == "bayesian"


def _axes(
    definitions: Sequence[Mapping[str, Any]], params: Sequence[Mapping[str, Any]], *, sampled: bool
) -> tuple[AxisColumn, ...]:
    columns = []
    for item in definitions:
        if item["role"] == "fixed":
            continue
        definition = Hyperparameter.model_validate(
            {key: value for key, value in item.items() if key not in OWN_KEYS}
        )
        column = axis_column(
            str(item["name"]), condition_text(item), definition, params, sampled=sampled
        )
        if column.dimension.count != 1:
            columns.append(column)
    return tuple(columns)


# -- runs -----------------------------------------------------------------------------------


class RunReader:
    """Loads trials one at a time, so that a study of any size fits into memory."""

    def __init__(self, lab: Lab, study: StudyRecord) -> None:
        """Ask once what all trials of a study share."""
        self._lab, self._study = lab, study
        self._names = lab.metric_names()
        metrics = declared_metrics(lab, study)
        self._objective = metrics.get(study.metric, Declared())
        self._goals = {
            name: entry.goal for name, entry in metrics.items() if entry.goal is not None
        } | lab.metric_goals()
        self._regularized = _studies_regularizer(lab, study)

    @property
    def declared(self) -> tuple[object, ...]:
        """What all runs share that can be declared anew: their judgements rest on it."""
        return sorted(self._goals.items()), self._regularized, self._objective

    def read(self, trial: TrialRecord) -> Run:
        """Load a trial with all its curves but those of the test set."""
        return Run(
            trial=trial.name,
            arm=trial.arm,
            state=trial.state,
            reason=trial.reason,
            params=trial.params,
            objective=self._study.metric,
            minimize=self._study.minimize,
            planned=trial.max_steps,
            curves=self._curves(trial.id),
            goals=self._goals,
            regularized=self._regularized,
            chance=self._objective.chance,
            examples=self._objective.examples,
        )

    def _curves(self, trial: int) -> dict[str, Curve]:
        rows = self._lab.trial_points(trial)
        if not rows:
            return {}
        numbers, at, logged = zip(*rows, strict=True)
        metrics, steps = np.array(numbers, dtype=np.int64), np.array(at, dtype=np.int64)
        values = np.array(logged, dtype=np.float64)  # None becomes NaN
        starts = [0, *(np.flatnonzero(metrics[1:] != metrics[:-1]) + 1).tolist(), len(rows)]
        curves: dict[str, Curve] = {}
        for start, end in pairwise(starts):
            name = self._names[numbers[start]]
            curves[name] = Curve(steps[start:end], values[start:end])
        return curves


def _studies_regularizer(lab: Lab, study: StudyRecord) -> bool:
    workload = _workload(study)
    declared = workload.hyperparameters if workload is not None else {}
    return any(
        meaning(str(item["name"]), declared).kind == "regularization"
        for item in lab.hyperparameters(study.name)
        if item["role"] == "scientific"
    )
