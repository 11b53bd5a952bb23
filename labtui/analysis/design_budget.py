"""Whether the trials of a study are enough for what it tunes and compares (P09, P10)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from labtui.analysis.design_words import domain, listing, on_or_off, subject_of
from labtui.analysis.designed import Arm, Designed
from labtui.analysis.findings import Finding, finding
from labtui.analysis.kinds import BETA1, BETA2, EPSILON, LEARNING_RATE
from labtui.study.space import Dimension

FEWEST_TRIALS = 8
"""Fewest trials of an arm that tunes anything; see `TRIALS_PER_DIMENSION`."""

TRIALS_PER_DIMENSION = 3
"""Fewest trials of an arm for each nuisance dimension.

Simulated: 2,000 pairs of arms, each a quadratic bowl with an optimum of its own in 2 to 6
dimensions of unequal weight, searched by paired Halton points; the better arm is ahead by a tenth
of the range of losses. With three trials a dimension, and eight at least, it wins in 91 to 97 % of
the pairs; with two a dimension in 86 to 88 %.
"""

LAVISH = 2
"""From so many times the trials that density asks for on, an arm could share them with further
values: half of them would do."""

ADAM_BETA1 = 10
"""Trials from which Adam's beta1 is tuned beside the learning rate (P10, the playbook's number)."""

ADAM_EPSILON = 25
"""Trials from which epsilon is tuned as well (P10, the playbook's number)."""

ADAM_BETA2 = 50
"""Trials from which beta2 is tuned as well; the playbook says "substantially more than 25"."""


def judge_thin_budget(design: Designed) -> Iterator[Finding]:
    """Say which of the playbook's three desiderata the budget starves (P09)."""
    groups: dict[int, list[Arm]] = {}
    for arm in design.arms:
        groups.setdefault(arm.dimensions, []).append(arm)
    for dimensions, arms in groups.items():
        subject = {"arm": arms[0].label} if len(arms) == 1 and arms[0].label else {}
        wanted = max(FEWEST_TRIALS, TRIALS_PER_DIMENSION * dimensions)
        evidence = {
            "trials_per_arm": design.trials,
            "nuisance_dimensions": dimensions,
            "trials_per_dimension": design.trials / dimensions if dimensions else None,
            "trials_wanted": wanted,
            "arms": len(design.arms),
            "arms_affected": len(arms),
        }
        where = (
            "" if len(arms) == len(design.arms) else f" in {len(arms)} of {len(design.arms)} arms"
        )
        if not dimensions and design.compared:
            yield finding(
                "thin-budget",
                "warning",
                f"no nuisance hyperparameter is tuned{where}: the search space is starved, and "
                "the arms are compared at a single configuration each.",
                "Make at least the learning rate a nuisance hyperparameter.",
                subject=subject,
                evidence={**evidence, "starved": "search space"},
            )
        elif dimensions and design.trials < wanted:
            yield _too_thin(design, dimensions, wanted, where, subject, evidence)
        elif dimensions and len(groups) == 1 and design.trials >= LAVISH * wanted:
            yield from _too_few_values(design, wanted, evidence)


def _too_few_values(
    design: Designed, wanted: int, evidence: Mapping[str, Any]
) -> Iterator[Finding]:
    """Remark a number that is compared at two values only while the arms have trials to spare."""
    if design.study.design != "separate" or len(design.compared) != 1:
        return
    (name,) = design.compared
    for definition in design.varied(name):
        choices = Dimension(definition).choices or ()
        numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in choices)
        if len(choices) == 2 and numbers and not on_or_off(definition):
            affordable = design.number_of_arms * design.trials // wanted
            yield finding(
                "thin-budget",
                "info",
                f"the values compared are starved: {name} has two ({domain(definition)}) with "
                f"{design.trials} trials each, where {wanted} would do.",
                f"Compare up to {affordable} values of {name} with the same trials in all.",
                subject=subject_of(name, definition),
                evidence={**evidence, "starved": "values"},
            )


def _too_thin(
    design: Designed,
    dimensions: int,
    wanted: int,
    where: str,
    subject: Mapping[str, Any],
    evidence: Mapping[str, Any],
) -> Finding:
    axes = f"{dimensions} nuisance dimension{'' if dimensions == 1 else 's'}"
    ways = [f"give an arm {wanted} trials"]
    if (affordable := design.trials // TRIALS_PER_DIMENSION) and design.trials >= FEWEST_TRIALS:
        ways.append(f"tune at most {affordable} nuisance hyperparameters")
    if design.number_of_arms > 2 and design.study.design == "separate":
        fewer = max(2, design.number_of_arms * design.trials // wanted)
        ways.append(f"compare {fewer} arms instead of {design.number_of_arms}")
    return finding(
        "thin-budget",
        "warning",
        f"the density of points is starved{where}: {design.trials} trials an arm search {axes} "
        f"({design.trials / dimensions:.2g} a dimension), and an arm can win by luck.",
        f"{', or '.join(ways)}.".capitalize(),
        subject=subject,
        evidence={**evidence, "starved": "density"},
    )


def judge_adam_budget(design: Designed) -> Iterator[Finding]:
    """Hold the tuned parameters of Adam against the trials of an arm (P10)."""
    for arms, trials, tuned, present in design.adam_arms():
        allowed = adam_parameters(trials)
        excess = [part for part in tuned if part not in allowed]
        missing = [part for part in allowed if part not in tuned and part in present]
        if design.compared and LEARNING_RATE in missing:
            missing.remove(LEARNING_RATE)  # `optimizer-fixed` says so
        subject = {"arm": arms[0]} if len(arms) == 1 and arms[0] else {}
        evidence = {
            "arms_affected": len(arms),
            "trials_per_arm": trials,
            "tuned": list(tuned),
            "affordable": list(allowed),
            "trials_wanted": {BETA1: ADAM_BETA1, EPSILON: ADAM_EPSILON, BETA2: ADAM_BETA2},
        }
        if excess:
            beside = listing(part for part in tuned if part in allowed)
            yield finding(
                "adam-budget",
                "warning",
                f"{trials} trials an arm are too few to tune {listing(excess)} of Adam"
                f"{f' beside {beside}' if beside else ''}.",
                f"With {trials} trials tune {listing(allowed)} and fix the rest of Adam's "
                "parameters.",
                subject=subject,
                evidence=evidence,
            )
        elif missing:
            yield finding(
                "adam-budget",
                "info",
                f"{trials} trials an arm allow to tune {listing(missing)} of Adam as well.",
                f"Make {listing(missing)} nuisance, if the comparison should not depend on it.",
                subject=subject,
                evidence=evidence,
            )


def adam_parameters(trials: int) -> list[str]:
    """Give Adam's parameters that so many trials of an arm can tune (P10)."""
    steps = ((BETA1, ADAM_BETA1), (EPSILON, ADAM_EPSILON), (BETA2, ADAM_BETA2))
    return [LEARNING_RATE, *(part for part, fewest in steps if trials >= fewest)]
