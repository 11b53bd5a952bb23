"""Where a draft begins: a workload, one's own trainer, or a study that it follows."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labtui.analysis.design_ranges import Candidate
from labtui.analysis.kinds import meaning
from labtui.engine.plugins import load_plugins
from labtui.engine.probe_subject import FIRST_TRAINER
from labtui.store.lab import Lab
from labtui.study.followup import Impossible, child_name
from labtui.study.followup_text import commented_study
from labtui.study.repeat import fresh_seed
from labtui.study.spec import Study
from labtui.tui.drafts.drafting import Draft, compared
from labtui.tui.drafts.file import read_file_text
from labtui.verdicts import scaffolding

if TYPE_CHECKING:
    from labtui.store.paths import LabPaths
    from labtui.store.records import StudyRecord, WorkloadRecord
    from labtui.trainer.plugin import Plugin

OWN = "your own"
"""Names the row of the choice that stands for a person's own script."""


@dataclass(frozen=True)
class Choice:
    """A workload that a study can be made for.

    Attributes:
        workload: Its name; `OWN` for a script that nothing knows yet.
        trainer: What trains it.
        about: What it is, in words.
        baseline: Where its values are from.
        studies: How many the lab has.
        needs: What it needs that is not installed here.
        cannot: Why no study can be made for it; empty if one can.
    """

    workload: str
    trainer: str
    about: str
    baseline: str = ""
    studies: int = 0
    needs: str = ""
    cannot: str = ""


@dataclass(frozen=True)
class Begun:
    """A draft as it begins.

    Attributes:
        draft: The study.
        folder: Where its trainer runs.
        parent: The study that it goes on from.
        asked: The command that begins the same without a screen.
        origin: The workload that it was proposed for.
        taken: Names that it cannot have.
    """

    draft: Draft
    folder: Path
    parent: StudyRecord | None = None
    asked: str = ""
    origin: scaffolding.Source | None = None
    taken: frozenset[str] = frozenset()

    @property
    def is_declared(self) -> bool:
        """Whether the trainer says which hyperparameters its workload has."""
        return any(one.declared is not None for one in self.draft.candidates.values())

    def suggest(self, draft: Draft) -> Draft:
        """Have name and goal say what is compared, as long as no person wrote them."""
        if self.origin is None or not draft.suggested:
            return draft
        document = dict(draft.document)
        found = compared(draft)
        if "study" in draft.suggested:
            document["study"] = scaffolding.suggest_name(self.origin, found, set(self.taken))
        steps = draft.get(("budget", "max_train_steps"))
        if "goal" in draft.suggested and isinstance(steps, int):
            document["goal"] = scaffolding.suggest_goal(self.origin, found, steps)
        return replace(draft, document=document)


# -- the choice of a workload -------------------------------------------------------------------


def choices(paths: LabPaths) -> list[Choice]:
    """List the workloads of the lab, then those that installed trainers declare, then one's own.

    Raises:
        TrainerError: A trainer's own module is broken.
    """
    plugins = load_plugins()
    known, counts = _of_lab(paths)
    found: dict[tuple[str, str], Choice] = {}
    for record in known:
        plugin = plugins.get(record.trainer)
        declared = plugin.workloads.get(record.name) if plugin is not None else None
        cannot = "" if plugin is not None else f"trainer {record.trainer!r} is not installed here"
        found[record.name, record.trainer] = Choice(
            record.name,
            record.trainer,
            declared.description if declared is not None else "known to this lab",
            f"baseline {record.baseline}" if record.baseline is not None else "",
            counts.get(record.name, 0),
            _missing(plugin) if plugin is not None else "",
            cannot,
        )
    for name, plugin in plugins.items():
        for workload, declared in plugin.workloads.items():
            told = Choice(workload, name, declared.description, needs=_missing(plugin))
            found.setdefault((workload, name), told)
    own = Choice(OWN, "python, command", "a script or a program that you have")
    ordered = sorted(found.values(), key=lambda one: (bool(one.cannot), not one.studies, one.needs))
    return [*ordered, own]


def _missing(plugin: Plugin) -> str:
    """Name what a trainer needs that this Python lacks; a study may name another interpreter."""
    return ", ".join(name for name in plugin.frameworks if find_spec(name) is None)


def _of_lab(paths: LabPaths) -> tuple[list[WorkloadRecord], dict[str, int]]:
    if not paths.db.is_file():
        return [], {}
    counts: dict[str, int] = {}
    with Lab(paths) as lab:
        for study in lab.studies():
            counts[study.workload] = counts.get(study.workload, 0) + 1
        return lab.workloads(), counts


def unwritable(paths: LabPaths) -> str:
    """Say why nothing could be trained into a lab; empty where that is possible."""
    place = paths.db if paths.db.exists() else paths.db.parent
    if not place.exists():
        return f"{place} is not there"
    if os.access(place, os.W_OK) and os.access(paths.db.parent, os.W_OK):
        return ""
    return f"{paths.db} cannot be written: its file or its folder is read-only"


# -- beginnings ---------------------------------------------------------------------------------


def begin(
    paths: LabPaths,
    *,
    workload: str | None = None,
    trainer: str | None = None,
    parent: str | None = None,
    kind: str | None = None,
    about: str = "",
) -> Begun:
    """Begin with a study that is followed, else with a workload; see `of_study`.

    Raises:
        ScaffoldError, ProbeError, TrainerError, StudyError, Impossible, LabError: It cannot be;
            the message says why.
    """
    if parent is not None:
        return of_study(paths, parent, kind, about)
    return of_workload(paths, workload or "", trainer)


def of_workload(paths: LabPaths, workload: str, trainer: str | None = None) -> Begun:
    """Begin with what `labtui init` proposes for a workload.

    Raises:
        ScaffoldError, ProbeError, TrainerError, StudyError, LabError: It cannot be; says why.
    """
    source = scaffolding.find_source(paths, workload, trainer=trainer)
    option = f" --trainer {trainer}" if trainer not in (None, FIRST_TRAINER) else ""
    return _of_source(paths, source, f"{workload}{option}")


def of_own(paths: LabPaths, line: str) -> Begun:
    """Begin with a person's own trainer: ``python:train.py:train learning_rate=0.1 width=64``.

    Raises:
        ScaffoldError, ProbeError, StudyError: It cannot be; says why.
    """
    trainer, *params = line.split()
    if not scaffolding.is_own(trainer) or not params:
        raise scaffolding.ScaffoldError(
            f"found {line!r}; expected what trains and its hyperparameters with their present "
            "values, as python:train.py:train learning_rate=0.1 width=64"
        )
    source = scaffolding.find_source(paths, None, trainer=trainer, params=params)
    told = " ".join(f"--param {one}" for one in params)
    return _of_source(paths, source, f"--trainer {trainer} {told}")


def _of_source(paths: LabPaths, source: scaffolding.Source, asked: str) -> Begun:
    steps = source.budget.get("max_train_steps") or scaffolding.STEPS
    every = source.budget.get("eval_every") or max(1, steps // scaffolding.EVALUATIONS)
    known = taken(paths)
    name = scaffolding.suggest_name(source, {}, known)
    goal = scaffolding.suggest_goal(source, {}, steps)
    made = scaffolding.scaffold(
        source, scaffolding.Asked(name, goal, {}, scaffolding.TRIALS, steps, every)
    )
    document, _, _ = read_file_text(made.text)
    draft = Draft(
        document=document,
        candidates={one: source.candidate(one) for one in source.subject.params},
        reasons={name: g.why for g in made.roles.groups for name in g.definitions},
        left_out=made.roles.left_out,
        source=source.subject.source,
        suggested=frozenset({"study", "goal"}),
    )
    declared = source.subject.declared is not None
    folder = Path.cwd() if declared else source.subject.folder
    command = f"labtui init {asked}"
    return Begun(draft, folder, asked=command, origin=source, taken=frozenset(known))


def of_study(paths: LabPaths, name: str, kind: str | None, about: str = "") -> Begun:
    """Begin with a study that follows one of the lab.

    Args:
        paths: The lab.
        name: The study that it follows.
        kind: One of `labtui.study.followup.KINDS`; None for the same study again, to be changed.
        about: The hyperparameter that it is about, where a kind has several.

    Raises:
        Impossible, LabError: There is no such study, or none of that kind follows it.
    """
    with Lab(paths) as lab:
        record = lab.study(name)
        if kind is None:
            text, extends = _again(lab, record), False
        else:
            text, extends = _follow_up(lab, record, kind, about)
        asked = f"labtui next {shlex.quote(name)}" + (f" --kind {kind}" if kind else "")
        asked += f" --about {shlex.quote(about)}" if about else ""
        candidates = _known(lab, record)
    document, comments, head = read_file_text(text)
    draft = Draft(document, candidates, {}, comments, head, source=f"study {name}", extends=extends)
    return Begun(draft, Path(record.folder), record, asked)


def _follow_up(lab: Lab, record: StudyRecord, kind: str, about: str) -> tuple[str, bool]:
    from labtui.study.followup import KINDS
    from labtui.verdicts.followups import Asked, calls

    if kind not in KINDS:
        raise Impossible(f"found {kind!r}; expected one of {', '.join(KINDS)}")
    found = calls(lab, record, Asked(about=about), kind).of(kind, about)
    if found is None or found.made is None:
        cannot = found.cannot if found is not None else "it compares one thing already"
        raise Impossible(f"{kind} of {record.name} cannot be made: {cannot}")
    return found.made.text, found.made.extends


def _again(lab: Lab, record: StudyRecord) -> str:
    """Write the study again under another name and seed."""
    study = Study.from_json(record.spec)
    name = child_name(study.study, "next", {one.name for one in lab.studies()})
    document = {
        **study.to_json(),
        "study": name,
        "seed": fresh_seed(study.seed, name),
        "follows": {"study": study.study, "kind": "", "answers": []},
        "notes": "",
    }
    return commented_study(Study.from_json(document))


def _known(lab: Lab, record: StudyRecord) -> dict[str, Candidate]:
    """Give what is known of the hyperparameters of a study's workload."""
    from labtui.engine.plugins import declared_workload

    found = declared_workload(str(record.spec["trainer"]["name"]), record.workload)
    declared = found.hyperparameters if found is not None else {}
    baseline = lab.baseline(record.workload)
    values: dict[str, Any] = {name: one.default for name, one in declared.items()}
    values |= baseline.params if baseline is not None else {}
    values |= record.inherited
    for name, listed in Study.from_json(record.spec).hyperparameters.items():
        if listed[0].role == "fixed":
            values[name] = listed[0].value
    return {
        name: Candidate(name, meaning(name, declared), value, declared.get(name))
        for name, value in values.items()
    }


def taken(paths: LabPaths) -> set[str]:
    """Give the names that a new study cannot have: of studies in the lab, of files here."""
    names = {path.stem for path in Path.cwd().glob("*.yaml")}
    if paths.db.is_file():
        with Lab(paths) as lab:
            names |= {study.name for study in lab.studies()}
    return names
