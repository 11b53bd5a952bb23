"""A workload's card in words: what is known, what is to be done, and how its baselines came."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from labtui.tui.widgets.textpane import Line
from labtui.verdicts.card import baseline_text, params_line, rerun_command, task_sentences
from labtui.verdicts.probes import seconds
from labtui.verdicts.summary import sentence
from labtui.verdicts.text import MISSING, ago, clean, number

if TYPE_CHECKING:
    from labtui.verdicts.card import Card

_BRANCH = re.compile(r"[│├└─ ]*")
MOST_STUDIES = 20
"""Studies that are listed, those with the latest activity; the list of studies has all."""


def lines(card: Card, lineage: Sequence[str]) -> Iterator[Line]:
    """Write what is known of a workload.

    Args:
        card: Its card.
        lineage: Its baselines as a tree, `labtui.verdicts.launch_lineage.lineage_lines`.
    """
    told = [(name, clean(value)) for name, value in _fields(card) if value]
    width = max(len(name) for name, _ in told)
    for name, value in told:
        yield Line(f"{name.ljust(width)}  {value}", "", 0, " " * (width + 2))
    tasks = task_sentences(card)
    yield from _heading("To do") if tasks else ()
    for task in tasks:
        yield Line(f"→ {clean(sentence(task))}", "$text-accent", 2, "  ")
    yield from _heading("Lineage")
    for row in lineage:
        yield _tree(row)
    yield from _heading("Studies")
    for study in card.studies[:MOST_STUDIES]:
        kind = f"{study.kind} of {study.parent}, " if study.kind else ""
        yield Line(
            f"{clean(study.name)}: {clean(kind)}{study.state} {study.ended}/{study.total}, best "
            f"{number(study.best_value)}, {ago(study.activity)}",
            "",
            2,
            "  ",
        )
    if len(card.studies) > MOST_STUDIES:
        yield Line(f"… and {len(card.studies) - MOST_STUDIES} more", "$text-muted", 2)
    yield from _heading("Notes") if card.notes else ()
    for when, text in card.notes:
        yield Line(f"{clean(when)[:10]}  {clean(text)}", "", 2, " " * 12)
    yield Line()
    name = clean(card.workload.name)
    yield Line(f"= labtui workload {name}   = labtui lineage {name}", "$text-muted")


def _heading(text: str) -> Iterator[Line]:
    yield Line()
    yield Line(text, "$text-primary bold")


def _tree(row: str) -> Line:
    """Keep the branches of the tree where a row is broken."""
    found = _BRANCH.match(row)
    branch = found.group() if found else ""
    hang = branch.replace("├─", "│ ").replace("└─", "  ")
    return Line(row, "", 2, hang)


def _fields(card: Card) -> list[tuple[str, str]]:
    workload = card.workload
    how = "best over training" if card.select == "best" else "final value"
    described = card.declared.description if card.declared is not None else ""
    return [
        ("workload", workload.name),
        ("data", described or "your own"),
        ("trainer", workload.trainer),
        ("objective", f"{workload.goal} {workload.metric} ({how})"),
        ("chance", _chance(card)),
        ("step", _step(card)),
        ("batch", _batch(card)),
        ("retrain", _retrain(card)),
        ("baseline", baseline_text(card)),
        ("values", params_line(card)),
        ("tags", ", ".join(card.tags)),
    ]


def _chance(card: Card) -> str:
    if card.metric.chance is None:
        return "unknown"
    many = f"; {card.metric.examples} validation examples" if card.metric.examples else ""
    return f"{number(card.metric.chance)}{many}"


def _step(card: Card) -> str:
    if card.step_time is None:
        return "unknown: no trials of it yet"
    return f"{seconds(card.step_time)} a step (median of {card.timed})"


def _batch(card: Card) -> str:
    if not card.feasible:
        return f"not probed; labtui probe batch-size {card.workload.name}"
    best = card.probe.get("largest_that_pays") or MISSING
    return f"{card.feasible[0]} … {card.feasible[-1]} feasible, {best} is the largest that pays"


def _retrain(card: Card) -> str:
    entry = card.retrain
    if not entry:
        return f"not measured; {rerun_command(card)}"
    stale = f"; stale: {card.retrain_stale}" if card.retrain_stale else ""
    return (
        f"deviation {number(entry.get('deviation'))}, mean {number(entry.get('mean'))} over "
        f"{entry.get('reruns')} reruns of {entry.get('trial')} ({entry.get('date')}){stale}"
    )
