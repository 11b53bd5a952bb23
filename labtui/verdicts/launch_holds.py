"""What holds a launch back, and what it has to be read with: open findings, caveats, luck (P30)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labtui.analysis.decision import ADOPT_LEVELS
from labtui.analysis.findings import Finding
from labtui.analysis.luck import search_words
from labtui.analysis.sample import FAVOURABLE_EXAMPLES, sample_error
from labtui.engine.plugins import TrainerError
from labtui.store.lab import Lab
from labtui.store.records import StudyRecord, TrialRecord
from labtui.study.fields import scalar_text, short_text
from labtui.verdicts.check import check_study
from labtui.verdicts.design import plan_study
from labtui.verdicts.launch_plan import Planned
from labtui.verdicts.loading import Declared, declared_metrics
from labtui.verdicts.text import clean, number

HOLDING = ("search-boundary", "stability-edge", "overfitting")
"""Findings that put a candidate in doubt whatever its reruns say, as alerts: the optimum lies
outside the range, training is about to fail, or the gain is one of early stopping. The other alerts
are about trials that nothing rests on."""

TOLD = ("search-luck", "validation-too-small", "insensitive", "interaction", "sparse-sampling")
"""Findings of any severity that are copied: they say how far the study can be trusted."""

NOISIER = 2.0
"""From this ratio of deviations on the candidate is said to be noisier. Where its noise is very
skewed too, 7 % of 1,000 simulated launches without a gain were adopted."""

SIDES = ("candidate", "baseline")
"""Keys of both sides in looks and evidence."""


@dataclass(frozen=True)
class Context:
    """What a launch is read with.

    Attributes:
        findings: Copied from the study of the candidate; those in `held` among them.
        held: What holds it back, a sentence each.
        caveats: What the conclusion is bound to.
        sample: The chance of the validation sample; None where the metric has none.
        search: How much of a study's best is luck; None where it is unknown.
    """

    findings: tuple[dict[str, Any], ...]
    held: tuple[dict[str, Any], ...]
    caveats: tuple[str, ...]
    sample: dict[str, Any] | None
    search: dict[str, Any] | None


def context(
    lab: Lab,
    planned: Planned,
    gain: float | None,
    baseline_mean: float | None,
    reruns: Sequence[TrialRecord] = (),
) -> Context:
    """Bring together what else speaks for and against a candidate.

    Args:
        lab: The lab.
        planned: What is compared.
        gain: The mean gain, above 0 is better; None for a first baseline.
        baseline_mean: The baseline's mean as its metric says it.
        reruns: Those that were looked at.
    """
    study = planned.study
    found = check_study(lab, study, lab.trials(study.name)).verdict.findings
    ours = [one for one in found if _about(one, planned.candidate)]
    held = [] if planned.baseline is None else [one for one in ours if _holds(one)]
    told = [one for one in ours if one.severity == "alert" or one.code in TOLD]
    sample = _sample(lab, study, gain, baseline_mean)
    doubts = (_other_trainer(planned), _shorter(planned), _too_few(sample))
    more = [one for one in doubts if one is not None]
    return Context(
        findings=tuple(_copy(one) for one in told),
        held=(*(_copy(one) for one in held), *more),
        caveats=(
            *_comparison(planned),
            *_others(lab, planned),
            *_code(planned, reruns),
            *_fixed(lab, study),
        ),
        sample=sample,
        search=_search(found),
    )


def _holds(one: Finding) -> bool:
    return one.severity == "alert" and one.code in HOLDING


def _about(one: Finding, candidate: TrialRecord) -> bool:
    """Say whether a finding is about the study, the candidate's arm, or the candidate."""
    subject = one.subject
    if subject.get("arm") not in (None, candidate.arm):
        return False
    if "arm" not in subject and subject.get("trial") not in (None, candidate.name):
        return False
    return _applies(str(subject.get("condition", "")), candidate.params)


def _applies(condition: str, params: Mapping[str, Any]) -> bool:
    """Say whether a condition, ``optimizer=adam|sgd, depth=2``, holds for a configuration."""
    for part in filter(None, condition.split(", ")):
        name, equals, allowed = part.partition("=")
        if equals and name in params and scalar_text(params[name]) not in allowed.split("|"):
            return False
    return True


def _copy(one: Finding) -> dict[str, Any]:
    return {
        "code": one.code,
        "severity": one.severity,
        "subject": dict(one.subject),
        "evidence": dict(one.evidence),
        "message": one.message,
        "advice": one.advice,
        "procedure": one.procedure,
    }


def _sample(
    lab: Lab, study: StudyRecord, gain: float | None, rate: float | None
) -> dict[str, Any] | None:
    examples = declared_metrics(lab, study).get(study.metric, Declared()).examples
    error = sample_error(study.metric, rate, examples)
    if error is None or not examples:
        return None
    gained = None if gain is None else gain * examples
    return {"examples": examples, "standard_error": error, "gain_examples": gained}


def _too_few(sample: dict[str, Any] | None) -> dict[str, Any] | None:
    """Hold a gain back that is no gain of the validation sample."""
    gained = sample["gain_examples"] if sample else None
    if sample is None or gained is None or gained >= FAVOURABLE_EXAMPLES - 0.5:
        return None
    return {
        "code": "validation-too-small",
        "severity": "alert",
        "subject": {},
        "evidence": {**sample, "threshold_examples": FAVOURABLE_EXAMPLES},
        "message": f"The gain is {number(round(gained, 1))} of {sample['examples']} validation "
        f"examples; fewer than {FAVOURABLE_EXAMPLES} are no gain even where the predictions agree "
        "everywhere else.",
        "advice": "Use more validation examples, or the validation loss as the objective.",
        "procedure": "P30",
    }


def _other_trainer(planned: Planned) -> dict[str, Any] | None:
    """Hold a gain back that another trainer than the baseline's shows: it is of another program."""
    made = None if planned.baseline is None else planned.baseline.configuration.get("trainer")
    ours = planned.study.spec["trainer"]["name"]
    if planned.baseline is None or not made or made["name"] == ours:
        return None
    return {
        "code": "other-trainer",
        "severity": "alert",
        "subject": {},
        "evidence": {"trainer": ours, "baseline_trainer": made["name"]},
        "message": f"Both were trained by the trainer {ours}; baseline {planned.baseline.id} was "
        f"made by {made['name']}, and what it reaches there was not compared.",
        "advice": "Call what another program trains another workload; overrule if the program was "
        "replaced.",
        "procedure": "P30",
    }


def _shorter(planned: Planned) -> dict[str, Any] | None:
    """Hold a gain back that was shown at fewer steps than the baseline was made with."""
    made = {} if planned.baseline is None else planned.baseline.configuration.get("budget", {})
    theirs, ours = made.get("max_train_steps"), planned.study.spec["budget"]["max_train_steps"]
    if planned.baseline is None or theirs is None or ours >= theirs:
        return None
    return {
        "code": "shorter-training",
        "severity": "alert",
        "subject": {},
        "evidence": {"max_train_steps": ours, "baseline_max_train_steps": theirs},
        "message": f"Both were trained for {ours:,} steps; baseline {planned.baseline.id} was made "
        f"with {theirs:,}, and what it reaches there was not compared.",
        "advice": f"Launch it from a study of {theirs:,} steps (P35); overrule if training is to "
        "be shorter from here on.",
        "procedure": "P35",
    }


def _others(lab: Lab, planned: Planned) -> list[str]:
    """Say how many other candidates were held against the same baseline: each has its chance."""
    if planned.baseline is None:
        return []
    launches = lab.launches(workload=planned.study.workload)
    others = {
        one.trial
        for one in launches
        if one.baseline == planned.baseline.id and one.trial != planned.candidate.name
    }
    if not others:
        return []
    risk = 100 * (1 - (1 - sum(ADOPT_LEVELS)) ** (len(others) + 1))
    return [
        f"{len(others)} other candidate{'s were' if len(others) > 1 else ' was'} held against "
        f"baseline {planned.baseline.id}: that one of {len(others) + 1} equal ones is adopted by "
        f"chance has a probability of up to {risk:.0f} %"
    ]


def _comparison(planned: Planned) -> list[str]:
    """Say where the baseline is not trained as it was made."""
    if planned.baseline is None:
        return []
    made, spec = planned.baseline.configuration, planned.study.spec
    told = []
    steps, theirs = spec["budget"]["max_train_steps"], made.get("budget", {}).get("max_train_steps")
    if theirs not in (None, steps):
        told.append(
            f"both are trained for {steps:,} steps; the baseline was made with {theirs:,}, and its "
            "hyperparameters may not be the best for this length"
        )
    metric = made.get("objective", {}).get("metric")
    if metric not in (None, planned.study.metric):
        told.append(f"the baseline was chosen by {metric}, this compares {planned.study.metric}")
    if made.get("trainer") not in (None, spec["trainer"]):
        told.append("both are trained by the candidate's trainer; the baseline was made by another")
    return told


def _code(planned: Planned, reruns: Sequence[TrialRecord]) -> list[str]:
    """Say where reruns were trained by other code than the trial, or than each other."""
    hashes: dict[str, set[str]] = {}
    for trial in (planned.candidate, *reruns):
        for path, digest in trial.code.items():
            hashes.setdefault(path, set()).add(digest)
    changed = sorted(clean(path) for path, found in hashes.items() if len(found) > 1)
    if not changed:
        return []
    return [f"code changed since {planned.candidate.name} was trained: {', '.join(changed)}"]


def _fixed(lab: Lab, study: StudyRecord) -> list[str]:
    from labtui.study.spec import Study

    try:
        verdict = plan_study(Study.from_json(study.spec), lab, study).verdict
    except TrainerError:
        return []
    found = [one for one in verdict.findings if one.code == "caveat"]
    fixed = [one for one in found if set(one.evidence) == {"value"}]
    told = [_held(one) for one in fixed]
    values = [f"the conclusion holds for {', '.join(told)}"] if told else []
    return [*values, *(one.message.rstrip(".") for one in found if one not in fixed)]


def _held(one: Finding) -> str:
    condition = one.subject.get("condition")
    when = f" (where {condition})" if condition else ""
    return f"{one.subject['hyperparameter']}={short_text(one.evidence['value'])}{when}"


def noisier(look: Mapping[str, Any]) -> list[str]:
    """Say where the candidate's reruns deviate so much more that its mean is hard to know."""
    ours, theirs = (look[name]["deviation"] if look[name] else None for name in SIDES)
    if ours is None or not theirs or ours < NOISIER * theirs:
        return []
    return [
        f"the candidate's reruns deviate {number(ours / theirs)} times as much as the baseline's: "
        "if it is now and then very bad, so few reruns may not show it"
    ]


def _search(found: Sequence[Finding]) -> dict[str, Any] | None:
    luck = next((one for one in found if one.code == "search-luck"), None)
    # The rest of its message is about reruns, of which the launch has its own.
    return None if luck is None else {**luck.evidence, "message": search_words(luck.evidence)}
