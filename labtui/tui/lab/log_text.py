"""The experiment log in words: an entry a study."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from labtui.tui.states import state_text
from labtui.tui.widgets.textpane import Line
from labtui.verdicts.text import MISSING, clean

if TYPE_CHECKING:
    from labtui.tui.lab.journal import Journal

STYLES = {"answer": "bold", "again": "$faded", "commit": "$faded"}
MARGIN = 2
NAMES = 10
"""Columns of the names of fields, ``launches`` being the longest."""


def title(journal: Journal, waiting: int) -> str:
    """Say how many studies there are, and how many are judged for the first time."""
    many = f"{journal.total} {'study' if journal.total == 1 else 'studies'}"
    judging = f", judging {waiting} of them…" if waiting else ""
    return f"The experiment log: {many}, the newest first{judging}"


def lines(journal: Journal) -> Iterator[Line]:
    """Write the log."""
    for name, row in journal.rows.items():
        yield from _entry(row, judged=journal.is_judged(name))
        yield Line()
    if not journal.rows:
        yield Line("No study yet; `labtui run STUDY.yaml` adds one.")
    elif journal.total > len(journal.rows):
        yield Line(f"… and {journal.total - len(journal.rows)} older ones", "$faded")
    yield Line("= labtui log", "$faded")


def _entry(row: Mapping[str, Any], *, judged: bool) -> Iterator[Line]:
    from labtui.verdicts.experiment_log import details

    kind = f"  {clean(row['kind'])} of {clean(row['parent'])}" if row["kind"] else ""
    yield Line(
        f"{clean(row['study'])}{kind}  {state_text(row['state'])}  {clean(row['created'])[:10]}",
        "$text-primary bold",
    )
    yield Line(_numbers(row), "", MARGIN, "  ")
    verdict = row["verdict"] or ("" if judged else "judging…")
    # What it follows stands beside its name.
    for name, text in details({**row, "verdict": verdict, "parent": None}):
        yield Line(f"{name:<{NAMES}}{text}", STYLES.get(name, ""), MARGIN, " " * NAMES)


def _numbers(row: Mapping[str, Any]) -> str:
    from labtui.verdicts.experiment_log import best_text, infeasible_text

    best = best_text(row)
    infeasible = f", {infeasible_text(row)} infeasible" if row["infeasible"] else ""
    trials = f"{row['trials']} trial{'' if row['trials'] == 1 else 's'}{infeasible}"
    shown = f"best {best}, " if best and best != MISSING else ""
    return f"{shown}{trials}, workload {clean(row['workload'])}"
