"""Deciding about a candidate and recording it (P30): looks at fresh reruns, and what holds it back.

A look is taken once and stored; the same call without further reruns says what is stored. Whatever
the decision rests on is copied into its record, which outlives studies and versions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from labtui.analysis.complexity import Complexity
from labtui.analysis.decision import (
    ADOPT_LEVELS,
    CAUSES,
    REJECT_LEVELS,
    Choice,
    Least,
    Look,
    Side,
    decide,
)
from labtui.engine import asking
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.store.records import LaunchRecord
from labtui.store.writer import now
from labtui.verdicts.documents import jsonable
from labtui.verdicts.launch_first import look_at_first
from labtui.verdicts.launch_holds import SIDES, Context, context, noisier
from labtui.verdicts.launch_plan import (
    LaunchRefused,
    Planned,
    configuration_of,
    weigh,
    with_record,
)
from labtui.verdicts.launch_reruns import (
    Reruns,
    is_ready,
    left_out_text,
    read_sides,
    repetitions,
    rerun_record,
    step_times,
    test_metrics,
)
from labtui.verdicts.launch_words import reason
from labtui.verdicts.reruns import ENTRY, retrain_entry

LOOKED_MEANWHILE = 2
"""How often a decision is made where somebody else looked meanwhile: once more, knowing that."""


@dataclass(frozen=True)
class Decision:
    """The state of a launch after a call.

    Attributes:
        planned: What is compared.
        verdict: ``undecided`` too where it is held back.
        reason: Why, in words.
        evidence: What it rests on.
        looks: All looks taken.
        adopt: The configuration that becomes the baseline; None unless the verdict is ``adopt``.
        card: Entries of the workload's card that follow.
    """

    planned: Planned
    verdict: Choice
    reason: str
    evidence: dict[str, Any]
    looks: list[dict[str, Any]]
    adopt: dict[str, Any] | None
    card: dict[str, Any]


def begin_launch(paths: LabPaths, planned: Planned) -> Planned:
    """Record what is to be compared before anything is trained; the plan of looks with it.

    Raises:
        RequestRefused, LabError: It cannot be recorded.
    """
    record = planned.record
    if record is not None and (planned.looks or planned.rejected or record.adopted is not None):
        return planned
    evidence = _evidence(planned, planned.complexity, [], None, None)
    words = reason(planned, "undecided", None, evidence)
    return record_decision(paths, Decision(planned, "undecided", words, evidence, [], None, {}))


def submit_group(paths: LabPaths, planned: Planned, *, slots: int | None = None) -> bool:
    """Hand over the reruns of the next look.

    Args:
        paths: The lab.
        planned: What is compared; it was begun.
        slots: Trials at a time; by default one a core.

    Returns:
        Whether there is anything to wait for; not where they have ended, or no look is planned.

    Raises:
        RequestRefused, TrainerError, LabError: They cannot be trained.
    """
    from labtui.engine.derived import submit_derived

    group = planned.open_group
    if group is None:
        return False
    with Lab(paths) as lab:
        sides = read_sides(lab, planned)
    if is_ready(sides, group):
        return False
    study, text = planned.rerun_study(repetitions(sides, group))
    command = ["labtui", "launch", planned.candidate.name]
    submit_derived(paths, planned.study, study, text, command=command, mode="extend", slots=slots)
    return True


def take_look(paths: LabPaths, planned: Planned, overruled: str = "", remark: str = "") -> Planned:
    """Look at the reruns that have ended, decide, and record what changed.

    Args:
        paths: The lab.
        planned: What is compared; it was begun.
        overruled: Why findings that hold it back, or a roll-back, are overruled; empty for not.
        remark: What a person adds to the reason; empty for what was added before.

    Returns:
        The plan with the record that the lab holds.

    Raises:
        RequestRefused, LabError: It cannot be recorded.
    """
    for _ in range(LOOKED_MEANWHILE):
        with Lab(paths) as lab:
            decision = decide_launch(lab, planned, overruled, remark)
        if unchanged(decision):
            break
        planned = record_decision(paths, decision)
        if planned.record is not None and planned.record.reason == decision.reason:
            break
    return planned


def reject_launch(paths: LabPaths, planned: Planned, why: str) -> Planned:
    """Record that a person rejects a candidate whose reruns have not decided.

    No reruns are planned until that is overruled; those that are being trained go on.

    Args:
        paths: The lab.
        planned: What is compared; it need not have begun.
        why: The reason, which is kept.

    Returns:
        The plan with the record that the lab holds.

    Raises:
        LaunchRefused: It is decided already.
        RequestRefused, LabError: It cannot be recorded.
    """
    planned = begin_launch(paths, planned)
    record = planned.record
    assert record is not None
    if record.verdict != "undecided":
        by = f"a person: {planned.rejected}" if planned.rejected else "its reruns"
        raise LaunchRefused(
            f"{record.trial}: launch {record.id} says {record.verdict} already, by {by}; there is "
            "nothing to reject"
        )
    words = f"{record.reason.rstrip('.')}. Rejected by a person: {why}"
    evidence = {**record.evidence, "rejected": why}
    return record_decision(
        paths, Decision(planned, "reject", words, evidence, planned.looks, None, {})
    )


def decide_launch(lab: Lab, planned: Planned, overruled: str = "", remark: str = "") -> Decision:
    """Take the next look if its reruns have ended, and decide.

    Args:
        lab: The lab.
        planned: What is compared; it was begun.
        overruled: Why what holds it back is overruled; empty for not.
        remark: What a person adds to the reason; empty for what was added before.
    """
    record = planned.record
    if record is not None and record.adopted is not None:
        return _adopt_again(planned, record, overruled)
    if record is not None and planned.rejected and not overruled:
        looks, evidence = planned.looks, dict(record.evidence)
        return Decision(planned, "reject", record.reason, evidence, looks, None, {})
    sides = read_sides(lab, planned)
    looks = list(planned.looks)
    weighed: Complexity | None = None if looks else planned.complexity
    group = planned.open_group
    if group is not None and is_ready(sides, group):
        times = step_times(lab, sides)  # measured side by side, as no other times are
        weighed = weigh(planned.study, planned.candidate, planned.baseline, times)
        looks.append({**_look(lab, planned, sides, weighed), "taken": now()})
    return _decide(lab, planned, sides, looks, weighed, (overruled, remark))


def record_decision(paths: LabPaths, decision: Decision) -> Planned:
    """Record a decision; adopting moves the baseline with it.

    Returns:
        The plan with the record that the lab holds.

    Raises:
        RequestRefused: The baseline is another one by now.
        LabError: The lab cannot be written.
    """
    planned, record = decision.planned, decision.planned.record
    again = None if record is None or record.adopted is None else record.id
    found, _ = asking.record_launch(
        paths,
        asking.Launch(
            workload=planned.study.workload,
            study=planned.study.name,
            trial=planned.candidate.name,
            baseline=None if planned.baseline is None else planned.baseline.id,
            verdict=decision.verdict,
            evidence=jsonable(decision.evidence),
            reason=decision.reason,
            data={**planned.data, "looks": jsonable(decision.looks)},
            adopt=decision.adopt,
            card=decision.card,
            launch=None if record is None or again is not None else record.id,
            known_looks=len(planned.looks),
            again=again,
        ),
    )
    with Lab(paths) as lab:
        return with_record(planned, read_launch(lab, planned.study.name, found))


def read_launch(lab: Lab, study: str, launch: int) -> LaunchRecord:
    """Give one launch of a study by its id."""
    return next(one for one in lab.launches(study=study) if one.id == launch)


# -- a look ---------------------------------------------------------------------------------


def _look(
    lab: Lab, planned: Planned, sides: Sequence[Reruns], weighed: Complexity
) -> dict[str, Any]:
    minimize = planned.study.minimize
    number = len(planned.looks)
    if planned.baseline is None:
        return look_at_first(lab, planned.study, sides[0].values(minimize))
    least = planned.least if planned.named else weighed.least
    ours, theirs = (side.values(minimize) for side in sides)
    return _stored(decide(ours, theirs, number, least), least, minimize)


def _stored(look: Look, least: Least, minimize: bool) -> dict[str, Any]:
    return {
        **asdict(look),
        "candidate": _side(look.candidate, minimize),
        "baseline": _side(look.baseline, minimize),
        "reruns": look.candidate.reruns,
        "why": CAUSES[look.cause],
        "least_deviations": least.deviations,
        "least_absolute": least.absolute,
        "levels": [ADOPT_LEVELS[look.number], REJECT_LEVELS[look.number]],
    }


def _side(side: Side, minimize: bool) -> dict[str, Any]:
    mean = side.mean if side.mean is None or minimize else -side.mean
    return {**asdict(side), "mean": mean}


# -- the decision ---------------------------------------------------------------------------


def _decide(
    lab: Lab,
    planned: Planned,
    sides: Sequence[Reruns],
    looks: list[dict[str, Any]],
    weighed: Complexity | None,
    said: tuple[str, str],
) -> Decision:
    overruled, remark = said
    look = looks[-1] if looks else None
    around = None
    verdict: Choice = "undecided"
    if look is not None:
        mean = look["baseline"]["mean"] if look.get("baseline") else None
        gained = None if look["cause"] == "not-worse" else look["gain"]
        seen = [one for side in sides for one in side.ended[: look["reruns"]]]
        around = context(lab, planned, gained, mean, seen)
        around = replace(around, caveats=(*left_out_text(sides), *around.caveats))
        verdict = look["verdict"]
    evidence = _evidence(planned, weighed, sides, look, around)
    held = around.held if around is not None and verdict == "adopt" else ()
    evidence["held"] = list(held)
    evidence["overruled"] = overruled if held or planned.rejected else ""
    stored = planned.record.evidence if planned.record is not None else {}
    evidence["remark"] = remark or stored.get("remark", "")
    if look is not None:
        for name, times in zip(SIDES, step_times(lab, sides) or (), strict=False):
            evidence[name]["step_time"] = float(np.median(times)) if times else None
    if held and not overruled:
        verdict = "undecided"
    adopt, card = None, {}
    record = rerun_record(lab, planned)
    if verdict == "adopt" and record is not None:
        adopt = configuration_of(planned.study, planned.candidate)
        entry = retrain_entry(record, sides[0].ended, planned.candidate.name)
        card = {} if entry is None else {ENTRY: entry}
        evidence["test"] = test_metrics(lab, sides[0].ended)
    words = reason(planned, verdict, look, evidence)
    return Decision(planned, verdict, words, evidence, looks, adopt, card)


def _adopt_again(planned: Planned, record: LaunchRecord, why: str) -> Decision:
    """Adopt what was rolled back, by the looks that were taken then and a person's reason."""
    words = f"{record.reason} Rolled back since, and adopted again because: {why}"
    evidence = {**record.evidence, "overruled": why, "again": record.id}
    adopt = configuration_of(planned.study, planned.candidate)
    return Decision(planned, "adopt", words, evidence, planned.looks, adopt, {})


def _evidence(
    planned: Planned,
    weighed: Complexity | None,
    sides: Sequence[Reruns],
    look: dict[str, Any] | None,
    around: Context | None,
) -> dict[str, Any]:
    study, candidate, baseline = planned.study, planned.candidate, planned.baseline
    stored = planned.record.evidence if planned.record is not None else {}
    found: dict[str, Any] = {
        "metric": study.metric,
        "goal": study.direction,
        "select": study.selection,
        "max_train_steps": study.spec["budget"]["max_train_steps"],
        "reruns_study": planned.reruns,
        "candidate": {
            "trial": candidate.name,
            "arm": candidate.arm,
            "params": candidate.params,
            "selected_value": candidate.value,
        },
        "baseline": baseline
        and {"id": baseline.id, "trial": baseline.trial, "params": baseline.params},
        "complexity": (
            stored.get("complexity", [])
            if weighed is None
            else [asdict(change) for change in weighed.changes]
        ),
        "least_gain_named": planned.named,
    }
    if look is None:
        return found
    for name, side in zip(SIDES, sides, strict=False):
        shown = [
            {"trial": one.name, "value": one.value, "state": one.state, "reason": one.reason}
            for one in side.ended[: look["reruns"]]
        ]
        found[name] |= {**look[name], "trials": shown}
    found |= {
        "gain": look["gain"],
        "interval": [look["low"], look["high"]],
        "confidence": [1 - sum(ADOPT_LEVELS), 1 - sum(REJECT_LEVELS)],
        "standard_error": look["error"],
        "retrain_deviation": look["deviation"],
        "least_gain": look["least"],
        "worth_having": look["worth"],
        "rank_chance": look["chance"],
        "flattered": _flattered(planned, look),
    }
    if around is not None:
        found |= {
            "sample": around.sample,
            "search": around.search,
            "findings": list(around.findings),
            "caveats": [*noisier(look), *around.caveats],
        }
    return found


def _flattered(planned: Planned, look: dict[str, Any]) -> float | None:
    """Give by how much the selected value was better than the mean of fresh reruns."""
    value, mean = planned.candidate.value, look["candidate"]["mean"]
    if value is None or mean is None:
        return None
    return float(mean - value if planned.study.minimize else value - mean)


def unchanged(decision: Decision) -> bool:
    """Say whether a decision says nothing that its record does not say already."""
    record = decision.planned.record
    return (
        record is not None
        and record.verdict == decision.verdict
        and len(decision.looks) == len(decision.planned.looks)
        and record.reason == decision.reason
    )
