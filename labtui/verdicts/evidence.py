"""What other studies say about a study: reruns of its trials, of its arms' best, its replicas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labtui.analysis.sample import sample_error
from labtui.store.errors import LabError
from labtui.store.lab import Lab
from labtui.store.records import ENDED, StudyRecord, TrialRecord
from labtui.verdicts.objective import Asked, reselect
from labtui.verdicts.reruns import changed, trained_alike

if TYPE_CHECKING:
    from labtui.analysis.rerun_order import RerunOrder
    from labtui.analysis.runs import Floats
    from labtui.analysis.table import StudyTable


def evidence_of(lab: Lab, name: str, kind: str) -> list[StudyRecord]:
    """Give the studies of one kind that go on from a study, in the order they were asked for."""
    found = [one for one in lab.studies() if one.parent == name and one.kind == kind]
    return sorted(found, key=lambda one: one.id)


def reruns_of(lab: Lab, trial: TrialRecord) -> list[StudyRecord]:
    """Give the studies of reruns of a trial's configuration, in the order they were asked for."""
    found = []
    for one in evidence_of(lab, trial.study, "rerun"):
        first = lab.trials(one.name)[:1]
        if first and first[0].params == trial.params:
            found.append(one)
    return found


@dataclass(frozen=True)
class ArmsRead:
    """What the reruns of the arms' best came to.

    Attributes:
        study: The study of reruns, under the objective that was asked for.
        order: What they support; None while fewer than two seeds have ended everywhere.
        seeds: How many seeds have.
        waiting: Trials that have not ended.
        steps: How long they trained.
        changed: Why the parent's trials trained otherwise; empty if they did not.
        outdated: Whether other configurations are the best of the parent's arms by now.
        sample: Standard error of the first arm's mean over another validation sample as large;
            None where the metric is no share of examples, or their number is unknown.
    """

    study: StudyRecord
    order: RerunOrder | None
    seeds: int
    waiting: int
    steps: int | None
    changed: str = ""
    outdated: bool = False
    sample: float | None = None


def read_arms(
    lab: Lab,
    evidence: StudyRecord,
    parent: StudyRecord,
    trials: Sequence[TrialRecord],
    table: StudyTable | None = None,
) -> ArmsRead | None:
    """Read a study of kind ``arms``.

    Args:
        lab: Where it is.
        evidence: The study.
        parent: The study whose arms are compared, under the objective that is judged.
        trials: The parent's trials.
        table: The same as columns, to tell the luck of the search.

    Returns:
        None where it logged no such objective, or repeats nothing of the parent.
    """
    import numpy as np

    from labtui.analysis.rerun_order import ArmReruns, order_of_reruns
    from labtui.verdicts.rerun_plans import best_of_arms

    try:
        evidence, again = reselect(lab, evidence, _asked(parent, evidence))
    except LabError:
        return None
    seeds = _whole_seeds(again)
    sign = 1.0 if parent.minimize else -1.0
    arms: dict[str, list[tuple[TrialRecord, list[float]]]] = {}
    bests = [one for listed in best_of_arms(parent, trials).values() for one in listed]
    for original, reruns in _by_original(again, [*bests, *trials]):
        by_seed = {one.repetition: one for one in reruns}
        values = [_value(by_seed[seed], sign) for seed in seeds]
        arms.setdefault(original.arm, []).append((original, values))
    if not arms:
        return None
    columns = [
        ArmReruns(
            arm,
            tuple(original.name for original, _ in found),
            np.array([values for _, values in found], dtype=np.float64).reshape(len(found), -1),
            np.array([_value(original, sign) for original, _ in found]),
        )
        for arm, found in arms.items()
    ]
    order = order_of_reruns(columns, table)
    mean = order.arms[0].mean if order is not None else None
    return ArmsRead(
        study=evidence,
        order=order,
        seeds=len(seeds),
        waiting=sum(one.state not in ENDED for one in again),
        steps=again[0].max_steps,
        changed=_retrained_otherwise(evidence, again, parent, trials),
        outdated={_key(one) for one in bests} != {_key(one) for one in again},
        sample=_sample(lab, parent, None if mean is None else sign * mean),
    )


def newest_arms(
    lab: Lab,
    parent: StudyRecord,
    trials: Sequence[TrialRecord],
    table: StudyTable | None = None,
) -> ArmsRead | None:
    """Read the reruns of a study's arms: the newest that can be compared, else the newest.

    Args:
        lab: Where they are.
        parent: The study, under the objective that is judged.
        trials: Its trials.
        table: The same as columns, to tell the luck of the search.
    """
    newest = None
    for one in reversed(evidence_of(lab, parent.name, "arms")):
        found = read_arms(lab, one, parent, trials, table)
        if found is not None and found.order is not None and found.order.pairs:
            return found
        newest = newest or found
    return newest


def _sample(lab: Lab, study: StudyRecord, value: float | None) -> float | None:
    from labtui.verdicts.loading import Declared, declared_metrics

    examples = declared_metrics(lab, study).get(study.metric, Declared()).examples
    return sample_error(study.metric, value, examples)


def _asked(parent: StudyRecord, child: StudyRecord) -> Asked:
    """Ask a child for the objective that its parent is judged by, if that is another."""
    own = (child.metric, child.selection, child.direction)
    wanted = (parent.metric, parent.selection, parent.direction)
    return Asked() if own == wanted else Asked(*wanted)


def _value(trial: TrialRecord, sign: float) -> float:
    known = trial.value if trial.state == "completed" else None
    return float("nan") if known is None else sign * known


def _whole_seeds(trials: Sequence[TrialRecord]) -> list[int]:
    """Give the repetitions in which every configuration has ended, by the newest code."""
    alike = {one.id for one in trained_alike(trials)}
    ended: dict[int, bool] = {}
    for one in trials:
        ended[one.repetition] = ended.get(one.repetition, True) and one.id in alike
    return [seed for seed, whole in sorted(ended.items()) if whole]


def _by_original(
    again: Sequence[TrialRecord], trials: Sequence[TrialRecord]
) -> list[tuple[TrialRecord, list[TrialRecord]]]:
    """Bring reruns to the trial that they repeat: the first of the same configuration and arm."""
    originals: dict[str, TrialRecord] = {}
    for one in trials:
        originals.setdefault(_key(one), one)
    found: dict[str, list[TrialRecord]] = {}
    for one in again:
        if _key(one) in originals:
            found.setdefault(_key(one), []).append(one)
    return [(originals[key], reruns) for key, reruns in found.items()]


def _key(trial: TrialRecord) -> str:
    import json

    return json.dumps(trial.params, sort_keys=True)


def _retrained_otherwise(
    evidence: StudyRecord,
    again: Sequence[TrialRecord],
    parent: StudyRecord,
    trials: Sequence[TrialRecord],
) -> str:
    before = [one for one in trials if one.versions]
    since = [one for one in again if one.versions]
    if not before or not since:
        return ""
    entry = {
        "metric": parent.metric,
        "select": parent.selection,
        "steps": before[-1].max_steps,
        "trainer": parent.spec.get("trainer"),
        "code": before[-1].code,
        "versions": before[-1].versions,
    }
    return changed(entry, evidence, since[-1])


# -- replicas -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Replicas:
    """The bests of a study and of its replicas (P29).

    Attributes:
        names: The studies that are compared, this one first.
        bests: Best of each, lower is better, shape (studies,).
        unequal: Replicas that ended with another number of trials, and are left out.
        running: Replicas that are not over.
    """

    names: tuple[str, ...]
    bests: Floats
    unequal: tuple[str, ...]
    running: tuple[str, ...]


def read_replicas(lab: Lab, study: StudyRecord) -> Replicas | None:
    """Compare a study with its replicas; None where it has none.

    Args:
        lab: Where they are.
        study: The study, under the objective that is judged.
    """
    import numpy as np

    found = evidence_of(lab, study.name, "replica")
    if not found:
        return None
    names, bests = [], []
    unequal, running = [], []
    for one in (study, *found):
        if one is not study:
            try:
                one = reselect(lab, one, _asked(study, one))[0]
            except LabError:
                continue
        if one.ended < one.total:
            running.append(one.name)
        elif one.total != study.total:
            unequal.append(one.name)
        elif one.best_value is not None:
            names.append(one.name)
            bests.append(one.best_value if study.minimize else -one.best_value)
    return Replicas(tuple(names), np.array(bests), tuple(unequal), tuple(running))


def original_study(lab: Lab, study: StudyRecord) -> StudyRecord | None:
    """Give the study that evidence is about; None where it is gone."""
    return next((one for one in lab.studies() if one.name == study.parent), None)


__all__ = [
    "ArmsRead",
    "Replicas",
    "evidence_of",
    "newest_arms",
    "original_study",
    "read_arms",
    "read_replicas",
    "reruns_of",
]
