"""What a study's design lets it conclude, judged before it runs (P03, P05, P06, P09, P10, P11)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from types import MappingProxyType
from typing import Any

from labtui.analysis.design_budget import ADAM_BETA1, judge_adam_budget, judge_thin_budget
from labtui.analysis.design_words import (
    condition,
    domain,
    listing,
    on_or_off,
    subject_of,
    values_of,
)
from labtui.analysis.designed import Designed
from labtui.analysis.findings import Finding, Outcome, Severity, cannot_judge, finding
from labtui.analysis.kinds import LEARNING_RATE, MOMENTUM, Declared
from labtui.study.fields import scalar_text, short_text
from labtui.study.kinds import COMPLETE
from labtui.study.model import Hyperparameter, Study

MANY_SCIENTIFIC = 3
"""From so many scientific hyperparameters on the design is warned about: two are a grid that a
person can still read, with three the arms that differ in one of them are a small share."""

NOT_FOR_QUALITY = frozenset(
    {"step_time", "seconds", "throughput", "examples_per_second", "data_wait", "memory"}
)
"""Objectives for which a batch size may be chosen (P02): they do not measure quality."""

_GUESSED = " (told by its name: no trainer declares it)"


def judge_design(
    study: Study,
    declared: Mapping[str, Declared] = MappingProxyType({}),
    *,
    trials: int | None = None,
    listed: bool = False,
) -> list[Outcome]:
    """Judge the design of a study.

    Args:
        study: A study that was checked.
        declared: What its trainer declares of the workload's hyperparameters; those that the study
            does not name stay at their defaults. Empty for a person's own script.
        trials: Trials of an arm, where they are not the budget's (an import).
        listed: Whether the points were listed rather than drawn (an import).

    Returns:
        Findings, and what cannot be judged.
    """
    return judge_designed(Designed.of(study, declared, trials), listed=listed)


def judge_designed(design: Designed, *, listed: bool = False) -> list[Outcome]:
    """Judge a design that was read already; see `judge_design`.

    A study of reruns compares given configurations on purpose: it only has caveats.
    """
    if design.study.follows is not None and design.study.follows.kind in COMPLETE:
        return list(_caveats(design))
    outcomes = [
        *_many_scientific(design),
        *_steps_tuned(design),
        *_batch_size_tuned(design),
        *_learning_rate(design),
        *_optimizer_scientific(design),
    ]
    if listed:
        reason = "its points were listed, not drawn from the ranges"
        outcomes += [cannot_judge(code, reason) for code in ("adam-budget", "thin-budget")]
    elif design.study.sampler == "bayesian":
        reason = "its points are not spread evenly, and the trials of its parent count with them"
        outcomes += [cannot_judge(code, reason) for code in ("adam-budget", "thin-budget")]
    elif design.study.design != "configurations":
        outcomes += [*judge_adam_budget(design), *judge_thin_budget(design), *_momentum(design)]
    return [*outcomes, *_caveats(design)]


# -- one question (P05) -------------------------------------------------------------------------


def _many_scientific(design: Designed) -> Iterator[Finding]:
    names = design.compared
    if len(names) < 2:
        return
    together = _always_together(design)
    evidence = {
        "scientific": list(names),
        "values": [design.count(name) for name in names],
        "arms": design.number_of_arms,
        "never_apart": [list(pair) for pair in together],
    }
    listed = ", ".join(names)
    if together:
        pairs = "; ".join(" and ".join(pair) for pair in together)
        yield finding(
            "many-scientific",
            "warning",
            f"{pairs} always change together in the {design.number_of_arms} configurations, so "
            "that the study cannot say which of them makes a difference.",
            "Add configurations in which only one of them changes.",
            evidence=evidence,
        )
        return
    severity: Severity = "warning" if len(names) >= MANY_SCIENTIFIC else "info"
    arms = f"{design.number_of_arms} arms" if design.number_of_arms else "their combinations"
    yield finding(
        "many-scientific",
        severity,
        f"{len(names)} scientific hyperparameters ({listed}) share one study: the best of {arms} "
        "does not say which of them makes the difference, nor whether it makes one whatever the "
        "others are.",
        f"Keep one question a study: make {names[0]} scientific, the others nuisance or fixed; "
        "or compare only arms that differ in one of them.",
        evidence=evidence,
    )


def _always_together(design: Designed) -> list[tuple[str, str]]:
    """Find pairs of names that an explicit list of configurations never varies apart."""
    if design.study.configurations is None:
        return []
    rows = [arm.values for arm in design.arms]
    pairs = []
    for one, other in combinations(design.compared, 2):
        seen = {(_key(row.get(one)), _key(row.get(other))) for row in rows}
        if len({a for a, _ in seen}) == len({b for _, b in seen}) == len(seen):
            pairs.append((one, other))
    return pairs


def _key(value: Any) -> str:
    return f"{type(value).__name__} {value}"


# -- what is never tuned (P03, P11) -------------------------------------------------------------


def _steps_tuned(design: Designed) -> Iterator[Finding]:
    for name in design.of_kind("length"):
        for definition in design.varied(name):
            yield finding(
                "steps-tuned",
                "alert",
                f"{name} looks like the length of training and varies from trial to trial "
                f"({domain(definition)}): the longest training would always win.",
                "Fix it; the length is budget.max_train_steps, one number for all trials.",
                subject=subject_of(name, definition),
                evidence={**values_of(definition), "kind_guessed": True},
            )


def _batch_size_tuned(design: Designed) -> Iterator[Finding]:
    metric = design.study.objective.metric
    if metric.rpartition("/")[2] in NOT_FOR_QUALITY:
        return
    for name in design.of_kind("batch"):
        for definition in design.varied(name):
            verb = "compared" if definition.role == "scientific" else "tuned"
            guessed = design.meanings[name].guessed
            yield finding(
                "batch-size-tuned",
                "warning",
                f"{name} is {verb} ({domain(definition)}) for {metric}{_GUESSED * guessed}: with "
                "enough steps, and optimizer and regularization tuned for each size, every size "
                "reaches the same, so that a difference shows how well the rest fits a size.",
                "Fix it at the largest size that pays (`labtui probe batch-size`) and re-tune "
                "optimizer and regularization there; compare sizes only under a budget of steps.",
                subject=subject_of(name, definition),
                evidence={
                    **values_of(definition),
                    "role": definition.role,
                    "max_train_steps": design.study.budget.max_train_steps,
                    "tuned_beside": design.tuned_of_kinds("optimizer", "regularization"),
                    "kind_guessed": guessed,
                },
            )


# -- the optimizer's parameters (P06, P10) ------------------------------------------------------


def _learning_rate(design: Designed) -> Iterator[Outcome]:
    compared = [name for name in design.compared if design.meanings[name].part != LEARNING_RATE]
    rates = design.with_part(LEARNING_RATE)
    if not compared:
        return
    if not rates:
        yield cannot_judge(
            "optimizer-fixed",
            "no hyperparameter is called a learning rate: if the trainer has one, it is the same "
            "in every arm",
        )
        return
    fixed = [arm for arm in design.arms if not any(design.moves(n, arm) for n in rates)]
    if not fixed:
        return
    chosen = [n for n in compared if design.meanings[n].kind == "choice of optimizer"]
    shared = any(design.always_fixed(name) for name in rates)
    severity: Severity = "alert" if chosen and shared else "warning"
    values = sorted({scalar_text(v) for n in rates for v in design.fixed_values(n)})
    guessed = all(design.meanings[name].guessed for name in rates)
    where = "" if len(fixed) == len(design.arms) else f" in {len(fixed)} of {len(design.arms)} arms"
    yield finding(
        "optimizer-fixed",
        severity,
        f"{', '.join(rates)} stays at {', '.join(values) or 'its default'}{where}"
        f"{_GUESSED * guessed} while {', '.join(compared)} "
        f"{'is' if len(compared) == 1 else 'are'} compared: the best rate differs from arm to arm, "
        "so that the comparison may hold at this rate only.",
        f"Make {rates[0]} a nuisance hyperparameter on a log scale"
        + (", with a range for each optimizer." if chosen else "."),
        subject={"hyperparameter": rates[0]},
        evidence={
            "values": values,
            "arms_fixed": len(fixed),
            "arms": len(design.arms),
            "compared": compared,
            "kind_guessed": guessed,
        },
    )


def _momentum(design: Designed) -> Iterator[Finding]:
    """Remark a fixed momentum where optimizers or architectures are compared on enough trials."""
    kinds = {design.meanings[name].kind for name in design.compared}
    if not kinds & {"choice of optimizer", "architecture"} or design.trials < ADAM_BETA1:
        return
    for name in design.with_part(MOMENTUM):
        for definition in design.study.hyperparameters.get(name, ()):
            if definition.role == "fixed" and definition.value not in (0, None):
                yield finding(
                    "optimizer-fixed",
                    "info",
                    f"{name} stays at {scalar_text(definition.value)} while "
                    f"{', '.join(design.compared)} is compared: the best momentum may differ from "
                    "arm to arm.",
                    f"Make {name} nuisance (log scale, one_minus: true) if trials allow.",
                    subject=subject_of(name, definition),
                    evidence={
                        "value": definition.value,
                        "trials_per_arm": design.trials,
                        "trials_wanted": ADAM_BETA1,
                        "compared": list(design.compared),
                    },
                )


def _optimizer_scientific(design: Designed) -> Iterator[Finding]:
    if design.study.design == "configurations":
        return  # nothing can be a nuisance there
    for name in design.of_kind("optimizer"):
        for definition in design.varied(name):
            if definition.role == "scientific" and not on_or_off(definition):
                yield finding(
                    "optimizer-fixed",
                    "info",
                    f"{name} is scientific ({domain(definition)}): which value is best can change "
                    "with the next change of the pipeline, so that the answer will not last.",
                    f"Make {name} a nuisance hyperparameter, unless its effect is the question.",
                    subject=subject_of(name, definition),
                    evidence={
                        **values_of(definition),
                        "kind_guessed": design.meanings[name].guessed,
                    },
                )


# -- what the conclusion depends on (P06) -------------------------------------------------------


def _caveats(design: Designed) -> Iterator[Finding]:
    sizes = [n for n in design.compared if design.meanings[n].kind == "architecture"]
    for name, definitions in design.study.hyperparameters.items():
        kind = design.meanings[name].kind
        for definition in () if name in design.inherited else definitions:
            if definition.role == "fixed":
                strength = kind == "regularization" and definition.value not in (0, None)
                yield _caveat(design, name, definition, sizes if strength else ())
            elif definition.role == "scientific" and kind == "regularization":
                yield from _strength(design, name, definition)
    if inherited := design.inherited:
        told = ", ".join(f"{n}={short_text(v)}" for n, v in inherited.items())
        yield finding(
            "caveat",
            "info",
            f"{_counted(len(inherited), 'are')} those of the baseline, and the conclusion holds "
            f"there: {told}.",
            "Name in the study file those that matter to its question.",
            evidence={"inherited": dict(inherited)},
        )
    if unnamed := design.unnamed:
        told = ", ".join(f"{n}={short_text(v)}" for n, v in unnamed.items())
        yield finding(
            "caveat",
            "info",
            f"{_counted(len(unnamed), 'stay')} at the trainer's defaults, and the conclusion holds "
            f"there: {told}.",
            "Name in the study file those that matter to its question.",
            evidence={"values": dict(unnamed)},
        )


def _counted(count: int, verb: str) -> str:
    """Begin the caveat of what is not named: ``3 hyperparameters that … are``."""
    if count > 1:
        return f"{count} hyperparameters that the study does not name {verb}"
    return f"1 hyperparameter that the study does not name {'is' if verb == 'are' else 'stays'}"


def _caveat(
    design: Designed, name: str, definition: Hyperparameter, sizes: Sequence[str]
) -> Finding:
    when = f" (where {condition(definition)})" if definition.when else ""
    shown = short_text(definition.value)
    advice = "Keep it in mind when the conclusion is used where the value differs."
    if sizes:
        advice = (
            f"Make {name} a nuisance hyperparameter: its best value usually depends on "
            f"{listing(sizes)}."
        )
    return finding(
        "caveat",
        "info",
        f"the conclusion holds for {name}={shown}{when}.",
        advice,
        subject=subject_of(name, definition),
        evidence={"value": definition.value},
    )


def _strength(design: Designed, name: str, definition: Hyperparameter) -> Iterator[Finding]:
    """Say that strengths are tuned, and only whether to regularize at all is a question."""
    choices = definition.values or ()
    if any(isinstance(value, (bool, str)) for value in choices):
        return
    guessed = design.meanings[name].guessed
    yield finding(
        "caveat",
        "info",
        f"{name} is scientific ({domain(definition)}){_GUESSED * guessed}: the conclusion holds "
        "for these strengths, and the best strength can change with the rest of the pipeline.",
        "Make with or without it scientific, and the strength a nuisance hyperparameter that "
        "exists only with it.",
        subject=subject_of(name, definition),
        evidence={**values_of(definition), "kind_guessed": guessed},
    )
