"""A workload's card in words: what is known, what is to be done, and how its baselines came."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from labtui.tui.widgets.columns import Column
from labtui.tui.widgets.textpane import Line
from labtui.verdicts.arm_names import shown_best
from labtui.verdicts.card import task_sentences
from labtui.verdicts.card_words import card_fields
from labtui.verdicts.lineage_tree import Node, counts
from labtui.verdicts.summary import sentence
from labtui.verdicts.text import MISSING, ago, clean, number

if TYPE_CHECKING:
    from labtui.store.records import StudyRecord
    from labtui.verdicts.card import Card
MOST_STUDIES = 20
"""Studies that are listed, those with the latest activity; the list of studies has all."""


def title(card: Card, nodes: Sequence[Node]) -> str:
    """Name it, and count what its tree has."""
    return f"Workload  {clean(card.workload.name)}  {counts(nodes) if nodes else 'no baseline yet'}"


def to_do(card: Card) -> list[str]:
    """Write what is to be done about it, a sentence each."""
    return [clean(sentence(task)) for task in task_sentences(card)]


def columns() -> list[Column[Node]]:
    """Give the columns of the tree; at 80 columns all but the last two are on screen."""
    return [
        Column("node", "lineage", 18, _name),
        Column("gain", "gain", 9, lambda one: (_signed(one.gain), _quiet(one)), right=True),
        Column("mean", "reruns' mean", 18, lambda one: (value_words(one), _quiet(one)), right=True),
        Column("changes", "changes", 25, lambda one: (", ".join(one.changes), "dim"), grows=True),
        Column("trial", "trial", 14, lambda one: (clean(one.trial) or MISSING, _quiet(one))),
        Column("date", "date", 10, lambda one: (one.created[:10], "dim")),
    ]


def _name(one: Node) -> tuple[str, str]:
    return f"{one.branch}{one.sign} {one.key}", _role(one)


_ROLES = {"current": "completed", "reject": "infeasible", "undecided": "stopped"}


def _role(one: Node) -> str:
    return _ROLES.get(one.state, _quiet(one))


def _quiet(one: Node) -> str:
    return "" if one.state in ("current", "before") else "dim"


def _signed(value: float | None) -> str:
    return "" if value is None else f"+{number(value)}" if value > 0 else number(value)


def value_words(one: Node) -> str:
    """Write what it reached: the mean of fresh reruns, or in brackets what it was selected for."""
    if one.mean is None:
        return ""
    if one.selected:
        return f"({number(one.mean)})"
    return number(one.mean) + ("" if one.deviation is None else f" ± {number(one.deviation)}")


STATES = {
    "current": "the baseline now",
    "before": "a baseline before",
    "rolled back": "rolled back",
    "left": "left behind by a roll-back",
    "reject": "rejected",
    "undecided": "undecided",
}


def node_lines(one: Node) -> list[Line]:
    """Write all of a node of the tree: what became of it, what it changed, why."""
    how = f"launch {one.launch}" if one.launch is not None else "set by hand"
    where = clean(one.trial) or "no trial"
    value = value_words(one)
    reached = f", {'selected for' if one.selected else 'reruns'} {value}" if value else ""
    head = f"{one.sign} {one.key}: {STATES[one.state]}. {where}, {how}, {one.created[:10]}{reached}"
    found = [Line(head, "bold", 0, "  ")]
    if one.changes:
        found.append(Line(f"changes  {', '.join(one.changes)}", "", 2, " " * 9))
    if one.left_because:
        found.append(Line(f"given up because  {one.left_because}", "$text-warning", 2, " " * 9))
    if one.reason:
        found.append(Line(f"because  {one.reason}", "", 2, " " * 9))
    return found


def lines(card: Card) -> Iterator[Line]:
    """Write what is known of a workload, apart from its tree and from what is to be done."""
    told = [(name, _short(card, name, clean(value))) for name, value in card_fields(card) if value]
    width = max(len(name) for name, _ in told)
    for name, value in told:
        yield Line(f"{name.ljust(width)}  {value}", "", 0, " " * (width + 2))
    yield from _heading("Studies") if card.studies else ()
    for study in card.studies[:MOST_STUDIES]:
        kind = f"{study.kind} of {study.parent}, " if study.kind else ""
        yield Line(
            f"{clean(study.name)}: {clean(kind)}{study.state} {study.ended}/{study.total}, "
            f"{_best(study)}{ago(study.activity)}",
            "",
            2,
            "  ",
        )
    if len(card.studies) > MOST_STUDIES:
        yield Line(f"… and {len(card.studies) - MOST_STUDIES} more", "$faded", 2)
    yield from _heading("Notes") if card.notes else ()
    for when, text in card.notes:
        yield Line(f"{clean(when)[:10]}  {clean(text)}", "", 2, " " * 12)


def _short(card: Card, name: str, value: str) -> str:
    """Leave out why the baseline was taken: the tree says it."""
    reason = clean(card.baseline.reason) if card.baseline is not None else ""
    if name == "baseline" and reason and value.endswith(f": {reason}"):
        return value.removesuffix(f": {reason}")
    return value


def _best(study: StudyRecord) -> str:
    best = shown_best(study)
    return "" if best is None else f"best {number(best)}, "


def _heading(text: str) -> Iterator[Line]:
    yield Line()
    yield Line(text, "$text-primary bold")
