"""What a probe trains: a workload of the lab, of an installed trainer, or of a study file."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labtui.engine.plugins import find_plugin, load_plugins
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.store.records import BaselineRecord, StudyRecord
from labtui.study.errors import nearest_name
from labtui.study.fields import Scalar
from labtui.study.space import Dimension, active, resolve
from labtui.study.spec import Study, load_study, parse_study
from labtui.trainer.plugin import Plugin, Workload

FILE_ENDINGS = (".yaml", ".yml", ".json")
FIRST_TRAINER = "numpy"  # of several that have a workload: it needs nothing else installed
PROBE_NAMES = ("stability",)
COMMON = ("device", "interpreter", "metrics", "steps_per_epoch")  # how trials run


class ProbeError(Exception):
    """A probe cannot be made as asked; says what was found and what to do."""

    exit_code = 2


@dataclass(frozen=True)
class Subject:
    """A workload with one configuration.

    Attributes:
        workload: Its name.
        trainer: The plugin and what it is told, as a study has it.
        params: Every hyperparameter of the configuration.
        metric: The objective; `goal` is ``minimize`` or ``maximize``.
        folder: Where the trainer runs.
        common: What else a study of it says: device, interpreter, metrics, steps_per_epoch.
        steps: The length of its newest study; None without one.
        ranges: Declared ranges, name → (low, high).
        declared: What the trainer declares, if it declares its workloads.
        source: Where the configuration is from, for people.
        given: The hyperparameters that the person named.
        select: ``best`` or ``final``: which value of the metric is the objective.
    """

    workload: str
    trainer: dict[str, Any]
    params: dict[str, Scalar]
    metric: str
    goal: str
    folder: Path
    common: dict[str, Any]
    steps: int | None
    ranges: dict[str, tuple[float, float]]
    declared: Workload | None
    source: str
    given: frozenset[str] = frozenset()
    select: str = "best"

    def study(
        self,
        name: str,
        goal: str,
        *,
        max_train_steps: int,
        eval_every: int,
        configurations: Sequence[Mapping[str, Scalar]],
    ) -> tuple[Study, str]:
        """Describe a study of it.

        Args:
            name: Of the study.
            goal: Its question, in words.
            max_train_steps: Updates of each trial.
            eval_every: Steps between two evaluations.
            configurations: What they differ in; everything else is fixed.

        Returns:
            The study, checked, and the text of its file.
        """
        varied = {name for configuration in configurations for name in configuration}
        fixed = {k: v for k, v in self.params.items() if k not in varied}
        document = {
            "study": name,
            "goal": goal,
            "workload": self.workload,
            "trainer": self.trainer,
            "objective": {"metric": self.metric, "goal": self.goal},
            "budget": {"max_train_steps": max_train_steps, "eval_every": eval_every},
            "design": "configurations",
            "hyperparameters": {k: {"role": "fixed", "value": v} for k, v in fixed.items()},
            "configurations": [dict(configuration) for configuration in configurations],
            **self.common,
        }
        text = json.dumps(document, indent=2) + "\n"
        return parse_study(text, name), text


def find_subject(
    target: str,
    paths: LabPaths,
    *,
    trainer: str | None = None,
    params: Sequence[str] = (),
    device: str | None = None,
) -> Subject:
    """Find what a person wants to probe.

    Args:
        target: A study file, or the name of a workload of the lab or of an installed trainer.
        paths: The lab; it need not exist.
        trainer: Which trainer, where several have it.
        params: ``name=value``, in place of the configuration's own.
        device: Where to train, in place of the study's.

    Raises:
        ProbeError, TrainerError, StudyError: There is no such thing; what there is is named.
    """
    file = Path(target)
    if target.lower().endswith(FILE_ENDINGS) or file.is_file():
        found = _of_file(file)
        if trainer is not None and trainer != found.trainer["name"]:
            asked = found.trainer["name"]
            raise ProbeError(f"--trainer: found {trainer!r}; {target} asks for {asked!r}: leave it")
    else:
        found = _of_name(target, paths, trainer)
        found = of_baseline(found, find_baseline(paths, found))
    values = dict(read_parameter(text) for text in params)
    _check_names(values, found)
    common = {**found.common, **({"device": device} if device else {})}
    params_of = {**found.params, **values}
    return replace(found, params=params_of, common=common, given=frozenset(values))


def _of_file(file: Path) -> Subject:
    study = load_study(file)
    plugin = find_plugin(study.trainer.name)
    folder = file.resolve().parent
    return _of_study(study, plugin, folder, middle(study), f"the study file {file}")


def _of_name(target: str, paths: LabPaths, trainer: str | None) -> Subject:
    studies = _studies(paths)
    own = [s for s in studies if s.workload == target and not _is_a_probe(s)]
    plugins = load_plugins()
    if own and (trainer is None or own[0].spec["trainer"]["name"] == trainer):
        plugin = find_plugin(own[0].spec["trainer"]["name"])
        if target not in plugin.workloads:
            return _of_record(own[0], plugin, paths)
        return _of_plugin(target, plugin, own[0])
    if trainer is not None:
        plugin = find_plugin(trainer)
        if target not in plugin.workloads:
            there = ", ".join(plugin.workloads) or "none of its own: name a study file"
            raise ProbeError(f"trainer {trainer!r} has no workload {target!r}; it has {there}")
        return _of_plugin(target, plugin, None)
    having = [name for name, plugin in plugins.items() if target in plugin.workloads]
    if not having:
        raise ProbeError(_unknown(target, studies, plugins))
    chosen = FIRST_TRAINER if FIRST_TRAINER in having else having[0]
    return _of_plugin(target, plugins[chosen], None)


def find_baseline(paths: LabPaths, subject: Subject) -> BaselineRecord | None:
    """Give the current baseline of a subject's workload, if the same trainer trained it."""
    if not paths.db.exists():
        return None
    with Lab(paths) as lab:
        found = lab.baseline(subject.workload)
    alike = found is not None and found.trainer == subject.trainer["name"]
    return found if alike else None


def of_baseline(subject: Subject, baseline: BaselineRecord | None) -> Subject:
    """Take the configuration of a baseline: what it does not name stays."""
    if baseline is None:
        return subject
    objective = baseline.configuration.get("objective", {})
    where = f" ({baseline.trial})" if baseline.trial else ""
    return replace(
        subject,
        params={**subject.params, **baseline.params},
        trainer=dict(baseline.configuration["trainer"]),
        metric=objective.get("metric", subject.metric),
        goal=objective.get("goal", subject.goal),
        select=objective.get("select", subject.select),
        steps=baseline.configuration.get("budget", {}).get("max_train_steps", subject.steps),
        source=f"baseline {baseline.id}{where}",
    )


def _studies(paths: LabPaths) -> list[StudyRecord]:
    """Give the lab's studies, the newest first; none without a lab."""
    if not paths.db.exists():
        return []
    with Lab(paths) as lab:
        return sorted(lab.studies(), key=lambda study: study.id, reverse=True)


def _is_a_probe(study: StudyRecord) -> bool:
    return any(study.name.startswith(f"{study.workload}-{probe}") for probe in PROBE_NAMES)


def _unknown(target: str, studies: Sequence[StudyRecord], plugins: Mapping[str, Plugin]) -> str:
    named = next((study for study in studies if study.name == target), None)
    if named is not None:
        return f"{target!r} is a study; name its workload, {named.workload!r}"
    there = {study.workload: "in this lab" for study in studies}
    for plugin in plugins.values():
        for workload in plugin.workloads:
            there[workload] = f"{there.get(workload, '')}, {plugin.name}".removeprefix(", ")
    near = nearest_name(target, there)
    guess = f" — did you mean {near!r}?" if near else ""
    known = "; ".join(f"{name} ({owner})" for name, owner in sorted(there.items()))
    return f"no workload {target!r}{guess}; there are {known}, or name a study file"


def _of_plugin(name: str, plugin: Plugin, newest: StudyRecord | None) -> Subject:
    """Take the trainer's defaults: the simple initial configuration (P04)."""
    workload = plugin.workloads[name]
    metric = next((m for m in workload.metrics if m.startswith("validation/")), None)
    metric = metric or next(iter(workload.metrics))
    spec: Mapping[str, Any] = newest.spec if newest else {}
    return Subject(
        workload=name,
        trainer={"name": plugin.name, "options": {}},
        params={k: found.default for k, found in workload.hyperparameters.items()},
        metric=metric,
        goal=workload.metrics[metric].goal,
        folder=Path(newest.folder) if newest else Path.cwd(),
        common=_common(spec, newest),
        steps=spec["budget"]["max_train_steps"] if newest else None,
        ranges=_declared_ranges(workload),
        declared=workload,
        source=f"the defaults of trainer {plugin.name}",
    )


def _declared_ranges(workload: Workload) -> dict[str, tuple[float, float]]:
    return {
        name: (found.low, found.high)
        for name, found in workload.hyperparameters.items()
        if found.low is not None and found.high is not None
    }


def _of_record(newest: StudyRecord, plugin: Plugin, paths: LabPaths) -> Subject:
    """Take the newest study of the workload: its best trial, else the middle of its ranges."""
    study = Study.from_json(newest.spec)
    params, which = middle(study), "the middle of its ranges"
    if newest.best_trial is not None:
        with Lab(paths) as lab:
            best = lab.trial(f"{newest.name}/{newest.best_trial}")
        params, which = best.params, f"its best trial, {best.name}"
    source = f"the newest study, {newest.name}: {which}"
    found = _of_study(study, plugin, Path(newest.folder), params, source)
    return replace(found, common=_common(newest.spec, newest))


def _of_study(
    study: Study, plugin: Plugin, folder: Path, params: Mapping[str, Scalar], source: str
) -> Subject:
    declared = plugin.workloads.get(study.workload)
    in_force = active(study, params)
    return Subject(
        workload=study.workload,
        trainer=study.trainer.model_dump(mode="json"),
        params={**_defaults(declared), **params},
        metric=study.objective.metric,
        goal=study.objective.goal,
        select=study.objective.select,
        folder=folder,
        common=_common(study.to_json(), None),
        steps=study.budget.max_train_steps,
        ranges={
            **(_declared_ranges(declared) if declared else {}),
            **{
                name: (float(found.range[0]), float(found.range[1]))
                for name, found in in_force.items()
                if found.range is not None
            },
        },
        declared=declared,
        source=source,
    )


def _defaults(declared: Workload | None) -> dict[str, Scalar]:
    return {} if declared is None else {k: v.default for k, v in declared.hyperparameters.items()}


def _common(spec: Mapping[str, Any], record: StudyRecord | None) -> dict[str, Any]:
    """Take from a study what decides how its trials run, and not what they are."""
    kept = {name: spec[name] for name in COMMON if spec.get(name)}
    if record is not None and (
        "interpreter" in kept or record.interpreter != sys.executable
    ):  # as it was found then: the environment that has the framework
        kept["interpreter"] = record.interpreter
        if not Path(record.interpreter).is_file():
            del kept["interpreter"]
    return kept


def middle(study: Study) -> dict[str, Scalar]:
    """Give the configuration in the middle of a study's ranges; of choices, the first."""

    def choose(name: str, definition: Any) -> Scalar:
        dimension = Dimension(definition)
        return dimension.value(0.0 if definition.values is not None else 0.5)

    listed = dict((study.configurations or [{}])[0])
    return resolve(study, lambda name, d: listed[name] if name in listed else choose(name, d))


def read_parameter(text: str) -> tuple[str, Scalar]:
    """Read ``name=value``; numbers, true, false and null are what they are in YAML.

    Raises:
        ProbeError: It is not of that form.
    """
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ProbeError(f"--param: found {text!r}; expected name=value, as learning_rate=0.1")
    try:
        found = json.loads(value)
    except ValueError:
        found = value
    if isinstance(found, (list, dict)) or found != found or found in (math.inf, -math.inf):
        found = value
    return name, found


def _check_names(values: Iterable[str], subject: Subject) -> None:
    if subject.declared is None:
        return
    known = list(subject.declared.hyperparameters)
    for name in values:
        if name not in known:
            near = nearest_name(name, known)
            guess = f" — did you mean {near!r}?" if near else ""
            raise ProbeError(
                f"--param: workload {subject.workload!r} knows no {name!r}{guess}; "
                f"it has {', '.join(known)}"
            )
