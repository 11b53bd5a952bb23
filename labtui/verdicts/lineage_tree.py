"""The baselines of a workload, and the launches that came to nothing, as one tree (P30)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from labtui.store.errors import LabError
from labtui.store.lab import Lab
from labtui.store.records import BaselineRecord, LaunchRecord
from labtui.study.fields import same
from labtui.verdicts.text import MISSING, clean, value_text

State = Literal["current", "before", "rolled back", "left", "reject", "undecided"]

SIGNS: Mapping[State, str] = {
    "current": "●",
    "before": "○",
    "rolled back": "↩",
    "left": "◌",
    "reject": "✗",
    "undecided": "?",
}
"""`left` is a baseline that a roll-back of one before it left behind."""


@dataclass(frozen=True)
class Node:
    """A baseline, or a launch that was not adopted.

    Attributes:
        key: ``baseline 3`` or ``launch 7``.
        branch: What the tree draws before it.
        state: What became of it; `sign` draws that.
        baseline: Its id; None for a launch that was not adopted.
        launch: Id of the launch; None for a baseline that was set by hand.
        trial: Where it is from, empty for none; `study` likewise.
        created: When, ISO.
        mean: Of its fresh reruns, else the value that its trial was selected for (`selected`).
        deviation: Of its fresh reruns; None without any.
        gain: On what it was compared with, above 0 is better; None where that is unknown.
        changes: What it changes of its parent, ``rate 0.1 → 0.3``.
        reason: Why, clean; of one that was rolled back, `left_because` as well.
    """

    key: str
    branch: str
    state: State
    baseline: int | None
    launch: int | None
    trial: str
    study: str
    created: str
    mean: float | None
    selected: bool
    deviation: float | None
    gain: float | None
    changes: tuple[str, ...]
    reason: str
    left_because: str = ""

    @property
    def sign(self) -> str:
        """The glyph of its state."""
        return SIGNS[self.state]


def lineage_tree(lab: Lab, workload: str) -> list[Node]:
    """Give the baselines of a workload in the order of their tree, launches as leaves.

    Raises:
        UnknownName: There is no such workload.
    """
    current = lab.workload(workload).baseline
    known = {one.id: one for one in lab.baselines(workload)}
    launches = lab.launches(workload=workload)
    line: set[int] = set()
    place = current
    while place is not None and place in known:
        line.add(place)
        place = known[place].parent
    grown = _Grown(lab, known, {one.id: one for one in launches}, current, frozenset(line))
    return list(grown.below(None, ""))


@dataclass(frozen=True)
class _Grown:
    lab: Lab
    known: Mapping[int, BaselineRecord]
    launches: Mapping[int, LaunchRecord]
    current: int | None
    line: frozenset[int]

    def below(self, parent: int | None, indent: str) -> Iterator[Node]:
        """Give what follows a baseline, in the order of time."""
        children: list[BaselineRecord | LaunchRecord] = [
            one for one in self.known.values() if one.parent == parent
        ]
        children += [
            one for one in self.launches.values() if one.adopted is None and one.baseline == parent
        ]
        children.sort(key=lambda one: one.created)
        for place, one in enumerate(children):
            last = place == len(children) - 1
            branch, inner = ("", "") if parent is None else (("└ " if last else "├ "), "  ")
            if parent is not None and not last:
                inner = "│ "
            if isinstance(one, LaunchRecord):
                yield self.leaf(one, indent + branch)
            else:
                yield self.baseline(one, indent + branch)
                yield from self.below(one.id, indent + inner)

    def baseline(self, one: BaselineRecord, branch: str) -> Node:
        """Describe a baseline."""
        made = self.launches.get(one.launch) if one.launch is not None else None
        side = (made.evidence.get("candidate") or {}) if made is not None else {}
        value, deviation = side.get("mean"), side.get("deviation")
        parent = self.known.get(one.parent) if one.parent is not None else None
        return Node(
            key=f"baseline {one.id}",
            branch=branch,
            state=self.state(one),
            baseline=one.id,
            launch=one.launch,
            trial=one.trial,
            study=one.study,
            created=one.created,
            mean=self.selected(one) if value is None else value,
            selected=value is None,
            deviation=deviation,
            gain=_gain(made),
            changes=() if parent is None else changes(parent.params, one.params),
            reason=clean(one.reason),
            left_because=clean(one.rollback_reason),
        )

    def leaf(self, one: LaunchRecord, branch: str) -> Node:
        """Describe a launch that was not adopted."""
        side = one.evidence.get("candidate") or {}
        parent = self.known.get(one.baseline) if one.baseline is not None else None
        params = side.get("params") or {}
        return Node(
            key=f"launch {one.id}",
            branch=branch,
            state="reject" if one.verdict == "reject" else "undecided",
            baseline=None,
            launch=one.id,
            trial=one.trial,
            study=one.study,
            created=one.created,
            mean=side.get("mean"),
            selected=False,
            deviation=side.get("deviation"),
            gain=_gain(one),
            changes=changes(parent.params, params) if parent is not None and params else (),
            reason=clean(one.reason),
        )

    def state(self, one: BaselineRecord) -> State:
        """Say what became of a baseline."""
        if one.id == self.current:
            return "current"
        if one.rolled_back:
            return "rolled back"
        return "before" if one.id in self.line else "left"

    def selected(self, one: BaselineRecord) -> float | None:
        """Give the value that a baseline's trial was selected for."""
        try:
            return self.lab.trial(one.trial).value if one.trial else None
        except LabError:
            return None


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """Write what changes from one configuration to another, a text a hyperparameter."""
    found = []
    for name in dict.fromkeys((*before, *after)):
        if name in before and name in after and same(before[name], after[name]):
            continue
        old, new = (
            value_text(params[name]) if name in params else MISSING for params in (before, after)
        )
        found.append(f"{clean(name)} {old} → {new}")
    return tuple(found)


def counts(nodes: Sequence[Node]) -> str:
    """Count them in words: ``3 baselines, 2 launches not adopted``."""
    made = sum(one.baseline is not None for one in nodes)
    rest = len(nodes) - made
    told = [f"{made} baseline{'s' * (made != 1)}"]
    told += [f"{rest} launch{'es' * (rest != 1)} not adopted"] if rest else []
    return ", ".join(told)


def _gain(made: LaunchRecord | None) -> float | None:
    gain = made.evidence.get("gain") if made is not None and made.baseline is not None else None
    return gain if isinstance(gain, (int, float)) else None
