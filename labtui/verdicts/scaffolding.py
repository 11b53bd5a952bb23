"""A study file for a workload: roles by kind and budget, values by its baseline (P04, P06)."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from labtui.analysis.design_ranges import Candidate, values_to_compare
from labtui.analysis.design_roles import CHOICE, Roles, propose_roles
from labtui.analysis.kinds import Meaning, meaning
from labtui.analysis.optimizers import is_adaptive
from labtui.engine.plugins import check_categories
from labtui.engine.probe_subject import Subject, find_baseline, find_subject, read_parameter
from labtui.store.paths import LabPaths
from labtui.store.records import BaselineRecord
from labtui.study.errors import nearest_name
from labtui.study.fields import Scalar, scalar_text
from labtui.study.followup_text import short_trainer
from labtui.study.model import Study
from labtui.study.scaffold import study_text
from labtui.study.spec import parse_study

TRIALS = 20
"""Trials of an arm unless a person says otherwise: they feed six nuisance dimensions (P09)."""

STEPS = 1000
"""Updates of a trial where nothing is known of a declared workload: a first guess, to be replaced
by what the first study says about its length (P33)."""

EVALUATIONS = 25
"""Evaluations of a trial: enough to judge lengths and curves, of which the most demanding check
needs 20."""

OWN_FORMS = ("python", "script", "command")


class ScaffoldError(Exception):
    """A study cannot be scaffolded as asked; says what was found and what to do."""

    exit_code = 2


@dataclass(frozen=True)
class Source:
    """A workload as a study of it begins.

    Attributes:
        subject: Its trainer, objective, configuration and declarations.
        baseline: Its baseline; None where values are the trainer's defaults or a person's.
        budget: ``max_train_steps`` and ``eval_every`` of the baseline or of the newest study.
    """

    subject: Subject
    baseline: BaselineRecord | None
    budget: Mapping[str, int] = field(default_factory=dict)

    def meaning(self, name: str) -> Meaning:
        """Say what a hyperparameter is, as declared or by its name."""
        declared = self.subject.declared
        return meaning(name, declared.hyperparameters if declared is not None else {})

    def candidate(self, name: str) -> Candidate:
        """Give a hyperparameter with its value."""
        declared = self.subject.declared
        known = declared.hyperparameters.get(name) if declared is not None else None
        searched = self.subject.ranges.get(name) if known is None else None
        return Candidate(name, self.meaning(name), self.subject.params[name], known, searched)


@dataclass(frozen=True)
class Asked:
    """What a person wants a study to be.

    Attributes:
        name: Of the study.
        goal: Its question; empty for one made of what is compared.
        compared: Scientific hyperparameters, name → values.
        trials: Of an arm.
        max_train_steps: Updates of a trial; `eval_every` of them apart it is evaluated.
    """

    name: str
    goal: str
    compared: Mapping[str, Sequence[Scalar]]
    trials: int
    max_train_steps: int
    eval_every: int


@dataclass(frozen=True)
class Scaffold:
    """A study file as text, and the roles in it."""

    text: str
    study: Study
    roles: Roles


# -- where it begins ----------------------------------------------------------------------------


def find_source(
    paths: LabPaths,
    workload: str | None,
    *,
    trainer: str | None = None,
    params: Sequence[str] = (),
) -> Source:
    """Find what a study is to be made for.

    Args:
        paths: The lab; it need not exist.
        workload: A workload of the lab or of a trainer; of a person's own script any name, by
            default that of the file.
        trainer: Which trainer, or one's own: ``python:train.py:train``, ``script:train.py``,
            ``command:./train --lr={lr}``.
        params: ``name=value``, beside or in place of what is known.

    Raises:
        ScaffoldError, ProbeError, TrainerError: There is no such thing; what there is is named.
    """
    if is_own(trainer):
        form, _, target = (trainer or "").partition(":")
        subject = _own_subject(form, target, workload)
        return Source(_with_params(subject, params), None)
    if workload is None:
        raise ScaffoldError(
            "found no workload; name one of those that `labtui trainers` lists, or your own "
            "script: --trainer python:train.py:train --param learning_rate=0.1 …"
        )
    subject = find_subject(workload, paths, trainer=trainer, params=())
    baseline = find_baseline(paths, subject)
    budget = baseline.configuration.get("budget", {}) if baseline is not None else {}
    if not budget and subject.steps is not None:
        budget = {"max_train_steps": subject.steps}
    if subject.declared is not None:
        _check_params(subject, params)
    return Source(_with_params(subject, params), baseline, budget)


def is_own(trainer: str | None) -> bool:
    """Tell whether a trainer is a person's own: ``python:``, ``script:`` or ``command:`` …"""
    form, colon, _ = (trainer or "").partition(":")
    return bool(colon) and form in OWN_FORMS


def _check_params(subject: Subject, params: Sequence[str]) -> None:
    for text in params:
        name, equals, _ = text.partition("=")
        if name not in subject.params:
            raise ScaffoldError(_unknown(name, subject.params, subject.workload))
        if equals:
            _check_values(subject, name, [read_parameter(text)[1]])


def _check_values(subject: Subject, name: str, values: Sequence[Scalar]) -> None:
    if subject.declared is not None:
        check_categories(subject.declared, subject.workload, name, values)


def _unknown(name: str, known: Mapping[str, Any], workload: str) -> str:
    near = nearest_name(name, known)
    guess = f" — did you mean {near!r}?" if near else ""
    there = ", ".join(known) or "none: name yours with --param NAME=VALUE"
    return f"workload {workload!r} has no hyperparameter {name!r}{guess}; it has {there}"


def _own_subject(form: str, target: str, workload: str | None) -> Subject:
    if not target.strip():
        raise ScaffoldError(f"--trainer {form}: found nothing behind it; expected {_example(form)}")
    words = _words(target) if form == "command" else [target.split(":")[0]]
    name = workload or Path(words[0]).stem
    trainer = {form: words if form == "command" else target}
    return Subject(
        workload=name,
        trainer=trainer,
        params={},
        metric="validation/loss",
        goal="minimize",
        folder=Path.cwd(),
        common={},
        steps=None,
        ranges={},
        declared=None,
        source="what was said on the command line",
    )


def _words(target: str) -> list[str]:
    try:
        return shlex.split(target)
    except ValueError as error:
        raise ScaffoldError(f"--trainer command: found {target!r}: {error}") from error


def _example(form: str) -> str:
    examples = {"python": "train.py:train", "script": "train.py", "command": "./train --lr={lr}"}
    return f"{form}:{examples[form]}"


def _with_params(subject: Subject, params: Sequence[str]) -> Subject:
    values = dict(read_parameter(text) for text in params)
    return replace(subject, params={**subject.params, **values})


def read_scalar(text: str) -> Scalar:
    """Read a value as `--param` does."""
    return read_parameter(f"value={text.strip()}")[1]


# -- what is compared ---------------------------------------------------------------------------


def read_compared(source: Source, told: Sequence[str]) -> dict[str, list[Scalar]]:
    """Read what is to be compared: ``optimizer=nesterov,adam``, or a name with values to guess.

    Raises:
        ScaffoldError: The workload has no such hyperparameter, or its values are not known.
        TrainerError: It has categories, and a value is none of them.
    """
    found: dict[str, list[Scalar]] = {}
    for text in told:
        name, equals, values = text.partition("=")
        name = name.strip()
        if name not in source.subject.params:
            raise ScaffoldError(_unknown(name, source.subject.params, source.subject.workload))
        listed = [read_scalar(value) for value in values.split(",")] if equals else []
        _check_values(source.subject, name, listed)
        if len(listed) == 1:
            raise ScaffoldError(
                f"--compare {text}: found one value; expected two or more, with commas between "
                f"them, or {name} alone for proposed ones"
            )
        found[name] = listed or _guess(source, name)
    return found


def _guess(source: Source, name: str) -> list[Scalar]:
    one = source.candidate(name)
    others: list[str] = []
    if one.meaning.kind == CHOICE and one.declared is not None:
        own = is_adaptive(str(one.value))
        first = ("adam", "nesterov", "momentum")
        listed = sorted(map(str, one.declared.values), key=lambda v: v not in first)
        others = [value for value in listed if is_adaptive(value) != own][:1]
    values = values_to_compare(one, others)
    if len(values) < 2:
        raise ScaffoldError(
            f"--compare {name}: which values? found one, {scalar_text(one.value)}; expected as "
            f"--compare {name}={scalar_text(one.value)},OTHER"
        )
    return values


def suggest_name(source: Source, compared: Mapping[str, Sequence[Scalar]], taken: set[str]) -> str:
    """Give a name for the study that the lab does not hold and no file has."""
    topic = "-".join(compared) or "search"
    plain = re.sub(r"[^\w.-]+", "-", f"{source.subject.workload}-{topic}").replace("_", "-")
    number, name = 1, plain
    while name in taken:
        number += 1
        name = f"{plain}-{number}"
    return name


def suggest_goal(source: Source, compared: Mapping[str, Sequence[Scalar]], steps: int) -> str:
    """Put into words what the study asks; a person should say it better."""
    subject = source.subject
    best = "lowest" if subject.goal == "minimize" else "highest"
    if not compared:
        how = "low" if best == "lowest" else "high"
        return f"How {how} does {subject.metric} get within {steps} steps?"
    told = " and ".join(
        f"{name} ({', '.join(scalar_text(v) for v in values)})" for name, values in compared.items()
    )
    return f"Which {told} reaches the {best} {subject.metric} within {steps} steps?"


# -- the file -----------------------------------------------------------------------------------


def scaffold(source: Source, asked: Asked) -> Scaffold:
    """Write a study file.

    Args:
        source: What it is for.
        asked: What it is to be.

    Raises:
        StudyError: What was asked for is not a study; it says why.
    """
    subject = source.subject
    candidates = [source.candidate(name) for name in subject.params]
    roles = propose_roles(candidates, asked.compared, asked.trials)
    goal = asked.goal or suggest_goal(source, asked.compared, asked.max_train_steps)
    fields: dict[str, Any] = {
        "study": asked.name,
        "goal": goal,
        "workload": subject.workload,
        "trainer": short_trainer(subject.trainer),
        "objective": {
            "metric": subject.metric,
            "goal": subject.goal,
            **({} if subject.select == "best" else {"select": subject.select}),
        },
        "budget": {
            "trials": asked.trials,
            "max_train_steps": asked.max_train_steps,
            "eval_every": asked.eval_every,
        },
        "seed": 1,
        **subject.common,
    }
    groups = [(group.why, group.definitions) for group in roles.groups]
    text = study_text(fields, groups, above=_above(source, asked), below=_below(source, roles))
    return Scaffold(text, parse_study(text, f"{asked.name}.yaml"), roles)


def _above(source: Source, asked: Asked) -> list[str]:
    arms = 1
    for values in asked.compared.values():
        arms *= len(values)
    return [
        f"Made by `labtui init`: {arms} arm{'s' * (arms != 1)} of {asked.trials} trials. "
        f"Values are from {source.subject.source}.",
        "`labtui plan` judges it, `labtui run` runs it.",
    ]


def _below(source: Source, roles: Roles) -> list[str]:
    if not roles.left_out:
        return []
    return [
        f"Left out, because nothing here that trains has a use for it: {', '.join(roles.left_out)}."
    ]
