"""The workloads of a lab, one row each: what is known, and what is to be done first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labtui.tui.filters import Language

if TYPE_CHECKING:
    from labtui.store.paths import LabPaths
    from labtui.verdicts.card import Card

VERDICTS = ("adopt", "reject", "undecided")
SIGNS = ("✓", "✗", "?")
"""How launches are shown that were adopted, rejected, or are not decided yet."""


@dataclass(frozen=True)
class WorkloadRow:
    """One workload in the list.

    Attributes:
        objective: Metric and direction.
        baseline: The trial that it is from; empty without one.
        value: What its fresh reruns came to, else its trial; empty without one.
        launches: How many were adopted, rejected, and are undecided.
        studies: How many tune it.
        tasks: What is to be done, in a few words each, the first first.
        sentences: The same with reasons.
        standing: What the baseline is, in a sentence.
        notes: How many there are on it.
        written: What they say.
    """

    name: str
    trainer: str
    objective: str
    baseline: str
    value: str
    launches: tuple[int, int, int]
    studies: int
    tasks: tuple[str, ...]
    sentences: tuple[str, ...]
    standing: str
    tags: tuple[str, ...]
    notes: int
    written: tuple[str, ...] = ()

    @property
    def first(self) -> str:
        """What is to be done first; empty for nothing."""
        return self.tasks[0] if self.tasks else ""

    @property
    def launched(self) -> str:
        """The launches, ``✓2 ✗1``; a dash for none."""
        shown = [f"{sign}{n}" for sign, n in zip(SIGNS, self.launches, strict=True) if n]
        return " ".join(shown) or "–"


WORKLOADS: Language[WorkloadRow] = Language(
    {
        "workload": lambda row: row.name,
        "trainer": lambda row: row.trainer,
        "objective": lambda row: row.objective,
        "baseline": lambda row: row.baseline,
        "studies": lambda row: row.studies,
        "launches": lambda row: sum(row.launches),
        "task": lambda row: row.tasks,
        "tag": lambda row: row.tags,
        "notes": lambda row: row.notes,
    },
    lambda row: (
        row.name,
        row.trainer,
        row.objective,
        row.baseline,
        *row.tasks,
        *(f"#{tag}" for tag in row.tags),
        *row.written,
    ),
)
"""What can be asked of workloads on the filter line."""


def read_workloads(paths: LabPaths) -> list[WorkloadRow]:
    """Read the workloads by name, on a thread that may take its time.

    Raises:
        LabError: The lab cannot be read.
    """
    from labtui.store.lab import Lab
    from labtui.verdicts.card import cards

    with Lab(paths) as lab:
        return [_row(card) for card in cards(lab)]


def _row(card: Card) -> WorkloadRow:
    from labtui.tui.lab.about import with_spread
    from labtui.verdicts.card import baseline_text, short_tasks, task_sentences

    workload, baseline, fresh = card.workload, card.baseline, card.fresh
    spread = fresh.get("deviation") if fresh.get("mean") is not None else None
    value = "" if baseline is None or card.value is None else with_spread(card.value, spread)
    verdicts = [one.verdict for one in card.launches]
    adopted, rejected, undecided = (verdicts.count(one) for one in VERDICTS)
    return WorkloadRow(
        workload.name,
        workload.trainer,
        f"{workload.metric} {'↓' if workload.goal == 'minimize' else '↑'}",
        "" if baseline is None else baseline.trial or f"baseline {baseline.id}",
        value,
        (adopted, rejected, undecided),
        len(card.studies),
        tuple(short_tasks(card)),
        tuple(task_sentences(card)),
        baseline_text(card),
        tuple(card.tags),
        len(card.notes),
        tuple(text for _, text in card.notes),
    )
