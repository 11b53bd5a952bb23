"""A workload's card in words: what is known, what is to be done, and how its baselines came."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from labtui.tui.widgets.textpane import Line
from labtui.verdicts.arm_names import shown_best
from labtui.verdicts.card import task_sentences
from labtui.verdicts.card_words import card_fields
from labtui.verdicts.summary import sentence
from labtui.verdicts.text import ago, clean, number

if TYPE_CHECKING:
    from labtui.store.records import StudyRecord
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
    told = [(name, clean(value)) for name, value in card_fields(card) if value]
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
            f"{clean(study.name)}: {clean(kind)}{study.state} {study.ended}/{study.total}, "
            f"{_best(study)}{ago(study.activity)}",
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


def _best(study: StudyRecord) -> str:
    best = shown_best(study)
    return "" if best is None else f"best {number(best)}, "


def _heading(text: str) -> Iterator[Line]:
    yield Line()
    yield Line(text, "$text-primary bold")


def _tree(row: str) -> Line:
    """Keep the branches of the tree where a row is broken."""
    found = _BRANCH.match(row)
    branch = found.group() if found else ""
    hang = branch.replace("├─", "│ ").replace("└─", "  ")
    return Line(row, "", 2, hang)
