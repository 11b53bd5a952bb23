"""What follow-ups are made from: a study of the lab, its findings, and what its names mean."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from labtui.analysis.findings import SEVERITIES, Finding, Severity
from labtui.analysis.kinds import LEARNING_RATE, Declared, Meaning, meaning
from labtui.engine.plugins import TrainerError, declared_workload
from labtui.store.errors import LabError
from labtui.store.lab import Lab
from labtui.store.records import ENDED, StudyRecord, TrialRecord
from labtui.study.fields import Scalar
from labtui.study.followup import Draft, Impossible, child_name
from labtui.study.followup_stability import Knob, Start
from labtui.study.inheritance import inherit
from labtui.study.model import Study
from labtui.study.space import holding
from labtui.verdicts.check import StudyCheck, check_study
from labtui.verdicts.design import plan_study
from labtui.verdicts.figures import best_trials
from labtui.verdicts.text import condition_text

WARMUP, CLIP, SCHEDULE = "warmup", "clip", "schedule"
"""What follow-ups set, whether or not the study names it."""

_PATTERNS = {
    WARMUP: re.compile(r"warm_?up"),
    CLIP: re.compile(r"clip|max_grad_norm"),
    SCHEDULE: re.compile(r"^(lr_?|learning_rate_)?(schedule|scheduler)(_name|_type)?$"),
}
_USUAL = {WARMUP: "warmup_steps", CLIP: "clip_norm", SCHEDULE: "schedule"}
_DUTIES = {
    WARMUP: "ramp the learning rate linearly from 0 over so many steps",
    CLIP: "scale gradients down whose L2 norm is larger",
    "weight_decay": "add this times the parameters to the gradient",
}

REGULARIZERS = ("weight_decay", "dropout", "label_smoothing")
"""The playbook's regularizers that cost next to nothing, in the order in which they are tried."""

USUAL_DECAY = {"role": "nuisance", "scale": "log", "range": [1e-6, 1e-1]}
"""Weight decay where no trainer declares a regularizer: the range of those that come along."""


@dataclass(frozen=True)
class Grounds:
    """A study of the lab as the makers of follow-ups see it.

    Attributes:
        lab: Where it is.
        record: The study.
        study: As it was asked for, with what it inherited from its baseline.
        trials: All its trials.
        checked: What was found in it.
        declared: What its trainer declares of the workload; empty for a person's own script.
        metrics: The metrics that its trainer declares, with their goals.
        asked: `--trials`, `--steps` and `--about` of the person.
    """

    lab: Lab
    record: StudyRecord
    study: Study
    trials: Sequence[TrialRecord]
    checked: StudyCheck
    declared: Mapping[str, Declared]
    metrics: Mapping[str, str]
    asked: Asked

    @classmethod
    def of(
        cls,
        lab: Lab,
        record: StudyRecord,
        asked: Asked | None = None,
        checked: StudyCheck | None = None,
    ) -> Grounds:
        """Read a study and judge it, unless it was judged already."""
        trials = lab.trials(record.name)
        study = inherit(Study.from_json(record.spec), record.inherited)
        declared, metrics = _declared(study)
        checked = check_study(lab, record, trials) if checked is None else checked
        return cls(lab, record, study, trials, checked, declared, metrics, asked or Asked())

    def asking(self, asked: Asked) -> Grounds:
        """Give the same with another wish."""
        if asked == self.asked:
            return self
        other = replace(self, asked=asked)
        other.__dict__["findings"] = self.findings  # judged once
        return other

    # -- findings -------------------------------------------------------------------------------

    @cached_property
    def findings(self) -> list[Finding]:
        """Everything found, in the results and in the design; the gravest first."""
        try:
            design = plan_study(self.study, self.lab, self.record).verdict.findings
        except TrainerError:
            design = ()
        found = [*self.checked.verdict.findings, *design]
        return sorted(found, key=lambda one: SEVERITIES.index(weight(one)))

    def found(self, *codes: str) -> list[Finding]:
        """Give the findings of some codes, the gravest first."""
        return [one for one in self.findings if one.code in codes]

    # -- names ----------------------------------------------------------------------------------

    @cached_property
    def names(self) -> list[str]:
        """Everything that can be set: what the study names, and what its trainer declares."""
        return list(dict.fromkeys([*self.study.hyperparameters, *self.declared]))

    def meaning(self, name: str) -> Meaning:
        """Say what a hyperparameter is."""
        return meaning(name, self.declared)

    def of_kind(self, *kinds: str) -> list[str]:
        """Give the names of some kinds."""
        return [name for name in self.names if self.meaning(name).kind in kinds]

    def knob(self, what: str) -> Knob:
        """Find what sets the warmup or the clipping, or give it its usual name.

        Raises:
            Impossible: The trainer declares its hyperparameters, and has none.
        """
        known = self.known(what)
        if known:
            return Knob(known)
        if self.declared:
            raise Impossible(f"trainer {self.study.trainer.name!r} has no {what}")
        return Knob(_USUAL[what], self.reads(_USUAL[what], what))

    def known(self, what: str) -> str:
        """Give the name of the warmup, clipping or schedule that there is; empty for none."""
        pattern = _PATTERNS[what]
        return next((name for name in self.names if pattern.search(name.lower())), "")

    def reads(self, name: str, what: str) -> str:
        """Say what a person's own script must do for a hyperparameter to have an effect."""
        trainer = self.study.trainer
        how = f'read trial.params["{name}"]'
        if trainer.name == "command":
            how = f"be given {{{name}}} among the command's arguments"
        return f"the script must {how} and {_DUTIES.get(what, 'apply it')}"

    # -- trials ---------------------------------------------------------------------------------

    @cached_property
    def best(self) -> TrialRecord:
        """The best completed trial.

        Raises:
            Impossible: There is none.
        """
        completed = [
            one for one in self.trials if one.state == "completed" and one.value is not None
        ]
        found = best_trials(self.record, completed, 1, per_arm=False)
        if not found:
            raise Impossible(f"no trial of {self.record.name} has completed")
        return found[0]

    def best_of(self, name: str, index: int) -> TrialRecord:
        """Give the best completed trial in which one definition is in force.

        Raises:
            Impossible: There is none.
        """
        pool = [
            one
            for one in self.trials
            if one.state == "completed"
            and one.value is not None
            and index in holding(self.study.hyperparameters[name], one.params)
        ]
        found = best_trials(self.record, pool, 1, per_arm=False)
        if not found:
            raise Impossible(f"no trial with {name} has completed")
        return found[0]

    def ranked(self, count: int) -> list[TrialRecord]:
        """Give the best completed trials."""
        done = [one for one in self.trials if one.state == "completed" and one.value is not None]
        return best_trials(self.record, done, count, per_arm=False)

    @property
    def ended(self) -> int:
        """How many trials have ended."""
        return sum(one.state in ENDED for one in self.trials)

    # -- definitions ----------------------------------------------------------------------------

    def place(self, subject: Mapping[str, Any]) -> tuple[str, int]:
        """Find the definition that a finding is about.

        Raises:
            Impossible: The study has none such.
        """
        name, wanted = str(subject["hyperparameter"]), subject.get("condition", "")
        for index, one in enumerate(self.study.hyperparameters.get(name, ())):
            if condition_text(one.model_dump(mode="json")) == wanted:
                return name, index
        raise Impossible(f"{name} has no definition {wanted or 'without a condition'}")

    def rate(self) -> tuple[str, int]:
        """Find the learning rate, in the definition that the best trial has.

        Raises:
            Impossible: The study names none.
        """
        rates = [n for n in self.study.hyperparameters if self.meaning(n).part == LEARNING_RATE]
        if not rates:
            raise Impossible("it names no learning rate")
        held = holding(self.study.hyperparameters[rates[0]], self.best.params)
        return rates[0], held[0] if held else 0

    def start(self, trial: TrialRecord, rate_name: str) -> Start:
        """Give a trial's configuration as the start of a probe or a sweep."""
        plain: dict[str, Scalar] = {}
        if schedule := self.known(SCHEDULE):
            plain[schedule] = "constant"
        for what in (WARMUP, CLIP):
            if name := self.known(what):
                plain[name] = 0
        off = {n: v for n in self.of_kind("regularization", "data") for v in self.off(n)}
        return Start(trial.params, trial.name, rate_name, plain, off)

    def off(self, name: str) -> Iterator[Scalar]:
        """Yield the value that turns a regularizer or an augmentation off, where it is known."""
        if self.meaning(name).kind == "regularization":
            yield 0.0
            return
        definitions = self.study.hyperparameters.get(name, ())
        values = [v for d in definitions for v in d.values or [d.value]]
        for nothing in (False, "none", 0):
            if any(v == nothing and isinstance(v, type(nothing)) for v in values):
                yield nothing
                return

    def draft(self, kind: str, suffix: str = "") -> Draft:
        """Begin a follow-up of a kind."""
        taken = {one.name for one in self.lab.studies()}
        return Draft(self.study, kind, child_name(self.record.name, suffix or kind, taken))

    def nuisance(self, name: str) -> dict[str, Any] | None:
        """Give a range to tune a hyperparameter in: as declared; None where nobody knows one."""
        known = self.declared.get(name)
        if known is None or known.low is None or known.high is None:
            return None
        found: dict[str, Any] = {"role": "nuisance", "range": [known.low, known.high]}
        if known.scale != "linear":
            found["scale"] = known.scale
        return found | {k: True for k in ("one_minus", "integer") if getattr(known, k)}

    def card(self) -> dict[str, Any]:
        """Give the card of its workload; empty without one."""
        try:
            return self.lab.card(self.record.workload)
        except LabError:
            return {}


@dataclass(frozen=True)
class Asked:
    """What a person asks of a follow-up.

    Attributes:
        trials: An arm (of listed configurations: of each); None for the follow-up's own.
        steps: Of every trial; None for the follow-up's own.
        about: The hyperparameter that it is about, where there are several.
    """

    trials: int | None = None
    steps: int | None = None
    about: str = ""


def weight(one: Finding) -> Severity:
    """Give the weight of a finding for what comes next: of the best trials it counts in full.

    Other trials are judged as they come: in a wide search some of them always go wrong.
    """
    if "trial" in one.subject and not one.evidence.get("best_of_arm"):
        return "info"
    return one.severity


def answer_text(one: Finding) -> str:
    """Name a finding for `follows.answers`: ``search-boundary learning_rate high``."""
    subject = one.subject
    parts = [one.code, subject.get("hyperparameter"), subject.get("condition")]
    parts[2] = f"({parts[2]})" if parts[2] else None
    parts += [subject.get("side"), subject.get("metric")]
    return " ".join(str(part) for part in parts if part)


def _declared(study: Study) -> tuple[Mapping[str, Declared], dict[str, str]]:
    """Give what the trainer declares: hyperparameters, and metrics with their goals."""
    workload = declared_workload(study.trainer.name, study.workload)
    if workload is None:
        return {}, {}
    return workload.hyperparameters, {name: m.goal for name, m in workload.metrics.items()}
