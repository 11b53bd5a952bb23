"""Arms whose ranges are cut off: they are widened before anybody compares them (P14)."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from labtui.store.records import StudyRecord
from labtui.verdicts.answer_words import listed, short_arm

if TYPE_CHECKING:
    from labtui.analysis.findings import Finding, Outcome
    from labtui.analysis.table import StudyTable


def ranges_to_widen(table: StudyTable, outcomes: Sequence[Outcome] | None = None) -> list[Finding]:
    """Give the alerts about ranges that a follow-up would widen.

    Args:
        table: The study.
        outcomes: What was found in it, where it was judged.
    """
    from labtui.analysis.boundaries import judge_boundaries
    from labtui.analysis.findings import Finding
    from labtui.analysis.lengths import below_chance

    if outcomes is None:
        outcomes = [*judge_boundaries(table), *below_chance(table)]
    return [
        one
        for one in outcomes
        if isinstance(one, Finding)
        and one.code in ("search-boundary", "below-chance")
        and one.severity == "alert"
        and one.evidence.get("definition")
    ]


def widen_command(study: StudyRecord) -> str:
    """Write the command that widens the ranges of a study."""
    return f"labtui next {shlex.quote(study.name)} --kind widen"


def cut_off_words(table: StudyTable, found: Sequence[Finding], command: str) -> str:
    """Say which ranges are to be widened first: ``the ranges of nesterov and adam are …``.

    Args:
        table: The study.
        found: Its `ranges_to_widen`, one at least.
        command: What widens them.
    """
    arms = dict.fromkeys(
        short_arm(str(one.subject["condition"]), table.arm_names)
        if one.subject.get("condition") in table.arm_names
        else _hyperparameter(one)
        for one in found
    )
    plural = len(arms) > 1
    ranges = f"the range{'s' * plural} of {listed(list(arms))} {'are' if plural else 'is'}"
    return f"{ranges} cut off: widen {'them' if plural else 'it'} first, `{command}`"


def _hyperparameter(one: Finding) -> str:
    condition = one.subject.get("condition")
    return f"{one.subject['hyperparameter']}{f' ({condition})' if condition else ''}"
