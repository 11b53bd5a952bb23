"""A workload's baseline: whether it earned tuning (P01), and what its changes made void (P03)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from labtui.analysis.design_baseline import (
    REASONS,
    Change,
    Retune,
    Step,
    changes,
    pending,
)
from labtui.analysis.findings import Outcome, cannot_judge
from labtui.analysis.kinds import Meaning, meaning
from labtui.engine.plugins import declared_workload
from labtui.store.errors import LabError
from labtui.store.lab import Lab
from labtui.store.records import BaselineRecord, StudyRecord
from labtui.study.kinds import COMPLETE
from labtui.trainer.plugin import Hyperparameter

PROBES = {
    "batch_size_probe": ("the batch sizes", "labtui probe batch-size"),
    "stability_probe": ("stability", "labtui probe stability"),
}
"""Entries of a workload's card that are measured for one model and optimizer (P02, P37)."""


def _declared(baseline: BaselineRecord) -> Mapping[str, Hyperparameter]:
    found = declared_workload(baseline.trainer, baseline.workload)
    return {} if found is None else found.hyperparameters


def whole_params(baseline: BaselineRecord) -> dict[str, Any]:
    """Give a baseline's configuration, with the trainer's defaults for what it does not name."""
    known = _declared(baseline)
    return {**{name: one.default for name, one in known.items()}, **baseline.params}


def meanings_of(baseline: BaselineRecord) -> dict[str, Meaning]:
    """Say what the hyperparameters of a baseline are."""
    known = _declared(baseline)
    return {name: meaning(name, known) for name in {**dict.fromkeys(known), **baseline.params}}


def baseline_value(lab: Lab, baseline: BaselineRecord) -> float | None:
    """Give the objective of a baseline; None where there is none.

    Of one that a launch made it is the mean of its fresh reruns; else that of its trial alone,
    which was selected.
    """
    for launch in lab.launches(workload=baseline.workload) if baseline.launch is not None else ():
        mean = (launch.evidence.get("candidate") or {}).get("mean")
        if launch.id == baseline.launch and isinstance(mean, (int, float)):
            return float(mean)
    if not baseline.trial:
        return None
    try:
        return lab.trial(baseline.trial).value
    except LabError:
        return None


def judge_earned(lab: Lab, baseline: BaselineRecord) -> Iterator[Outcome]:
    """Say whether a baseline beats a model that knows nothing by a clear margin (P01)."""
    from labtui.analysis.lengths import judge_chance
    from labtui.verdicts.loading import Declared, declared_metrics

    value = baseline_value(lab, baseline)
    if value is None:
        yield cannot_judge("below-chance", "the baseline has no trial with a value in this lab")
        return
    study = lab.study(lab.trial(baseline.trial).study)
    declared = declared_metrics(lab, study).get(study.metric, Declared())
    if declared.chance is None:
        yield cannot_judge("below-chance", "the chance level of this workload is unknown")
        return
    yield from judge_chance(
        study.metric,
        value,
        declared.chance,
        minimize=study.minimize,
        examples=declared.examples,
        trial=baseline.trial,
        whose="baseline's",
    )


# -- what became void ---------------------------------------------------------------------------


def lineage(lab: Lab, workload: str) -> list[BaselineRecord]:
    """Give the baselines from the first to the current one, without those that were rolled back."""
    known = {one.id: one for one in lab.baselines(workload)}
    current = lab.baseline(workload)
    line: list[BaselineRecord] = []
    while current is not None:
        line.append(current)
        current = known.get(current.parent) if current.parent is not None else None
    return line[::-1]


def retunes(lab: Lab, workload: str) -> list[Retune]:
    """List what the baseline of a workload is to be re-tuned in (P03).

    Batch size, model or optimizer changed on the way to it, and no completed study since then
    tuned it under the new value.
    """
    line = lineage(lab, workload)
    if len(line) < 2:
        return []
    meanings = meanings_of(line[-1])
    studies = [one for one in lab.studies() if one.workload == workload]
    steps = []
    for before, after in pairwise(line):
        old, new = whole_params(before), whole_params(after)
        changed = changes(old, new, meanings)
        tuned = _tuned_since(lab, studies, after, changed)
        steps.append(Step(old, new, tuned))
    return pending(steps, meanings)


def _tuned_since(
    lab: Lab, studies: list[StudyRecord], baseline: BaselineRecord, changed: list[Change]
) -> frozenset[str]:
    """Give what was tuned under the values that changed: by later studies, and by its own."""
    found: set[str] = set()
    for study in studies if changed else ():
        own = study.name == baseline.study
        later = study.created >= baseline.created
        if study.state == "completed" and study.kind not in COMPLETE and (own or later):
            definitions = lab.hyperparameters(study.name)
            if all(_holds(definitions, change) for change in changed):
                found |= {str(d["name"]) for d in definitions if d["role"] == "nuisance"}
    return frozenset(found)


def _holds(definitions: list[dict[str, Any]], change: Change) -> bool:
    """Tell whether a study trained with a changed value: fixed at it, or among others."""
    own = [one for one in definitions if one["name"] == change.name]
    if not own:
        return False
    return any(one["role"] != "fixed" or one.get("value") == change.after for one in own)


def probes_to_repeat(card: Mapping[str, Any], baseline: BaselineRecord) -> dict[str, list[Change]]:
    """List the probes that were made with another model or optimizer than the baseline's (P02).

    Args:
        card: The workload's card.
        baseline: Its current baseline.

    Returns:
        Key of the card → what changed since; a probe of stability depends on the batch size too.
    """
    meanings, params = meanings_of(baseline), whole_params(baseline)
    found: dict[str, list[Change]] = {}
    for key in PROBES:
        probe = card.get(key)
        if not isinstance(probe, Mapping):
            continue
        changed = changes(dict(probe.get("params") or {}), params, meanings)
        if key == "batch_size_probe":
            changed = [one for one in changed if one.reason != REASONS["batch"]]
        if changed:
            found[key] = changed
    return found
