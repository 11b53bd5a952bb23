"""The baselines that a workload had, as a tree (P30): what came of what, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from labtui.store.lab import Lab
from labtui.store.records import BaselineRecord, LaunchRecord
from labtui.verdicts.documents import Document, jsonable
from labtui.verdicts.text import clean, number


def lineage_document(lab: Lab, workload: str) -> Document:
    """Describe the lineage of a workload.

    Returns:
        ``{"workload", "current", "baselines": [{"baseline", "parent", "launch", "study", "trial",
        "params", "gain", "reason", "created", "current", "rolled_back", "rollback_reason"}],
        "launches": [{"launch", "trial", "baseline", "verdict", "reason", "adopted", "created"}]}``

    Raises:
        UnknownName: There is no such workload.
    """
    current = lab.workload(workload).baseline
    launches = {one.id: one for one in lab.launches(workload=workload)}
    document = {
        "workload": workload,
        "current": current,
        "baselines": [
            {
                "baseline": one.id,
                "parent": one.parent,
                "launch": one.launch,
                "study": one.study,
                "trial": one.trial,
                "params": one.params,
                "gain": _gain(one, launches),
                "reason": one.reason,
                "created": one.created,
                "current": one.id == current,
                "rolled_back": one.rolled_back,
                "rollback_reason": one.rollback_reason,
            }
            for one in lab.baselines(workload)
        ],
        "launches": [
            {
                "launch": one.id,
                "trial": one.trial,
                "baseline": one.baseline,
                "verdict": one.verdict,
                "reason": one.reason,
                "adopted": one.adopted,
                "created": one.created,
            }
            for one in launches.values()
        ],
    }
    return dict(jsonable(document))


def lineage_lines(lab: Lab, workload: str) -> list[str]:
    """Write the lineage of a workload as a tree, a line a fact.

    Raises:
        UnknownName: There is no such workload.
    """
    current = lab.workload(workload).baseline
    baselines = lab.baselines(workload)
    launches = {one.id: one for one in lab.launches(workload=workload)}
    if not baselines:
        lines = [
            f"{clean(workload)} has no baseline yet; `labtui launch STUDY` makes the best trial of "
            "a study the first"
        ]
    else:
        lines = [clean(workload), *_children(None, baselines, launches, current, "")]
    others = [one for one in launches.values() if one.adopted is None]
    lines += ["", "not adopted"] if others else []
    for one in others:
        lines.append(f"  {one.created[:10]}  {one.verdict}: {clean(one.trial)}")
        lines.append(f"    {clean(one.reason)}")
    return lines


def _children(
    parent: int | None,
    baselines: Sequence[BaselineRecord],
    launches: Mapping[int, LaunchRecord],
    current: int | None,
    indent: str,
) -> Iterator[str]:
    own = [one for one in baselines if one.parent == parent]
    for place, one in enumerate(own):
        last = place == len(own) - 1
        yield f"{indent}{'└─' if last else '├─'} {_line(one, launches, current)}"
        inner = indent + ("   " if last else "│  ")
        further = any(other.parent == one.id for other in baselines)
        for fact in _facts(one):
            yield f"{inner}{'│  ' if further else '   '}{fact}"
        yield from _children(one.id, baselines, launches, current, inner)


def _line(one: BaselineRecord, launches: Mapping[int, LaunchRecord], current: int | None) -> str:
    gain = _gain(one, launches)
    parts = [
        f"{one.id}  {one.created[:10]}  {clean(one.trial) or 'set by hand'}",
        "" if gain is None else f"gain {number(gain)}",
        "rolled back" if one.rolled_back else "",
        "← current" if one.id == current else "",
    ]
    return "  ".join(part for part in parts if part)


def _facts(one: BaselineRecord) -> list[str]:
    facts = [clean(one.reason)] if one.reason else []
    if one.rolled_back:
        facts.append(f"rolled back {one.rolled_back[:10]}: {clean(one.rollback_reason)}")
    return facts


def _gain(one: BaselineRecord, launches: Mapping[int, LaunchRecord]) -> float | None:
    """Give what a baseline gained on its parent by its launch; None for a first one."""
    made = launches.get(one.launch) if one.launch is not None else None
    if made is None or made.baseline is None:
        return None
    gain = made.evidence.get("gain")
    return gain if isinstance(gain, (int, float)) else None
