"""Workloads and launches as tables: what is tuned, its lineage, and what was decided and why."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from labtui.store.hidden import is_hidden
from labtui.store.lab import Lab
from labtui.store.records import BaselineRecord, LaunchRecord, WorkloadRecord
from labtui.study.fields import scalar_text

WORKLOAD_COLUMNS = (
    "workload",
    "trainer",
    "objective",
    "studies",
    "baseline",
    "baseline_trial",
    "baseline_configuration",
    "lineage",
    "retrain_deviation",
    "retrain_reruns",
    "retrain_trial",
    "retrain_date",
    "adopted",
    "rejected",
    "undecided",
    "probes",
    "notes",
    "tags",
    "created",
)
"""The columns of the table of workloads: the card (P01)."""

LAUNCH_COLUMNS = (
    "launch",
    "workload",
    "study",
    "trial",
    "verdict",
    "reason",
    "baseline",
    "adopted",
    "rolled_back",
    "rollback_reason",
    "evidence",
    "created",
    "updated",
)
"""The columns of the table of launches (P30)."""

PROBES = ("batch_size_probe", "stability_probe")
"""Entries of a card that a probe wrote."""

TEST = "test"
"""What a launch keeps of the test set, which it has shown once (P32)."""


def workload_rows(lab: Lab, names: Collection[str]) -> Iterator[dict[str, Any]]:
    """Give the workloads of some studies, or all of them for all studies.

    Args:
        lab: Where they are.
        names: The studies.
    """
    studies = lab.studies()
    wanted = {one.workload for one in studies if one.name in names}
    whole = all(one.name in names for one in studies)
    for one in lab.workloads():
        if whole or one.name in wanted:
            yield _workload(lab, one, sum(study.workload == one.name for study in studies))


def _workload(lab: Lab, one: WorkloadRecord, studies: int) -> dict[str, Any]:
    baselines = lab.baselines(one.name)
    current = next((node for node in baselines if node.id == one.baseline), None)
    verdicts = [launch.verdict for launch in lab.launches(workload=one.name)]
    entry = one.card.get("retrain")
    retrain: Mapping[str, Any] = entry if isinstance(entry, Mapping) else {}
    return {
        "workload": one.name,
        "trainer": one.trainer,
        "objective": f"{one.goal} {one.metric}",
        "studies": studies,
        "baseline": one.baseline,
        "baseline_trial": current.trial or None if current else None,
        "baseline_configuration": values_text(current.params) if current else None,
        "lineage": "\n".join(map(lineage_text, baselines)),
        "retrain_deviation": retrain.get("deviation"),
        "retrain_reruns": retrain.get("reruns"),
        "retrain_trial": retrain.get("trial"),
        "retrain_date": retrain.get("date"),
        "adopted": verdicts.count("adopt"),
        "rejected": verdicts.count("reject"),
        "undecided": verdicts.count("undecided"),
        "probes": ", ".join(probe for probe in PROBES if probe in one.card),
        "notes": "\n".join(text for _, text in lab.workload_notes(one.name)),
        "tags": ", ".join(lab.tags().get(f"workload:{one.name}", ())),
        "created": one.created,
    }


def lineage_text(node: BaselineRecord) -> str:
    """Write a node of a lineage in a line: ``3 after 1, by launch 2: digits/17; why``."""
    words = str(node.id)
    if node.parent is not None:
        words += f" after {node.parent}"
    if node.launch is not None:
        words += f", by launch {node.launch}"
    parts = [part for part in (node.trial, node.reason) if part]
    if node.rolled_back:
        parts.append(f"rolled back: {node.rollback_reason}".rstrip(": "))
    return f"{words}: {'; '.join(parts)}" if parts else words


def values_text(values: Mapping[str, Any]) -> str:
    """Write a configuration in a line: ``learning_rate=0.1, momentum=0.9``."""
    return ", ".join(f"{name}={scalar_text(value)}" for name, value in values.items())


def launch_rows(lab: Lab, names: Collection[str]) -> Iterator[dict[str, Any]]:
    """Give the launches of some studies, or all of them for all studies, as they were begun.

    What a launch kept of the test set is left out: it has shown that once.
    """
    whole = all(one.name in names for one in lab.studies())
    for one in lab.launches():
        if not (whole or one.study in names):
            continue
        node = _adopted(lab, one)
        yield {
            "launch": one.id,
            "workload": one.workload,
            "study": one.study,
            "trial": one.trial,
            "verdict": one.verdict,
            "reason": one.reason,
            "baseline": one.baseline,
            "adopted": one.adopted,
            "rolled_back": node.rolled_back if node else None,
            "rollback_reason": node.rollback_reason if node else "",
            "evidence": json.dumps(_without_test(one.evidence), ensure_ascii=False, default=str),
            "created": one.created,
            "updated": one.updated,
        }


def _adopted(lab: Lab, launch: LaunchRecord) -> BaselineRecord | None:
    if launch.adopted is None:
        return None
    return next((one for one in lab.baselines(launch.workload) if one.id == launch.adopted), None)


def _without_test(value: Any) -> Any:
    if isinstance(value, Mapping):
        kept = {k: v for k, v in value.items() if str(k) != TEST and not is_hidden(str(k))}
        return {key: _without_test(item) for key, item in kept.items()}
    if isinstance(value, list | tuple):
        return [_without_test(item) for item in value]
    return value


def launch_text(lab: Lab, launch: LaunchRecord) -> str:
    """Write a launch in a line: ``adopted digits/17 as baseline 3, rolled back``."""
    about = f" {launch.trial}" if launch.trial else ""
    if launch.verdict != "adopt":
        return {"reject": f"rejected{about}"}.get(launch.verdict, f"undecided{about}")
    node = _adopted(lab, launch)
    gone = ", rolled back" if node is not None and node.rolled_back else ""
    place = "" if launch.adopted is None else f" as baseline {launch.adopted}"
    return f"adopted{about}{place}{gone}"
