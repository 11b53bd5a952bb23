"""A verdict as a screen shows it: no longer than people read, however many trials it is about.

As a program (``python -m labtui.verdicts.brief LAB STUDY``) it writes one pickled `Brief` to its
output: a large study is judged by a process of its own, which keeps nobody's screen waiting.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labtui.analysis.arms import ArmOrder
from labtui.analysis.findings import Finding, NotJudged, Severity
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.verdicts.check import check_study
from labtui.verdicts.lineup import Lineup, line_up
from labtui.verdicts.summary import Entry, Unjudged, counts_text, entries, reasons

if TYPE_CHECKING:
    from labtui.store.records import StudyRecord, TrialRecord

MOST_TOLD = 3
"""Findings of one code that are told; the command names all."""

NICE = 10
"""Training goes before judging."""


@dataclass(frozen=True)
class Told:
    """Findings of one code that are told together.

    Attributes:
        code: Their code.
        severity: The gravest of theirs.
        headline: What they are about; may be empty.
        findings: At most `MOST_TOLD` of them, the gravest first.
        count: How many there are.
    """

    code: str
    severity: Severity
    headline: str
    findings: tuple[Finding, ...]
    count: int

    @classmethod
    def of(cls, entry: Entry) -> Told:
        """Shorten an entry."""
        found = entry.findings
        return cls(entry.code, entry.severity, entry.headline, found[:MOST_TOLD], len(found))


@dataclass(frozen=True)
class Brief:
    """What is told of a study.

    Attributes:
        answer: The answer to its question; empty where none can be given.
        trials: How many have ended.
        complete: Whether that is all of them.
        counts: How many findings there are, in words.
        severities: The same, as numbers.
        told: The findings, the gravest first.
        unknown: What could not be judged.
        findings: Those that are not about a single trial.
        lineup: The study beside the one it follows; None where it follows none.
        not_judged: What could not be judged that is not about a single trial.
        order: What may be said about the order of the arms; None for a single one.
        evidence: Whether it trains given configurations again, and is not judged as a search.
    """

    answer: str
    trials: int
    complete: bool
    counts: str
    severities: Mapping[Severity, int]
    told: tuple[Told, ...]
    unknown: tuple[Unjudged, ...]
    findings: tuple[Finding, ...]
    lineup: Lineup | None
    not_judged: tuple[NotJudged, ...] = ()
    order: ArmOrder | None = None
    evidence: bool = False


def brief(lab: Lab, study: StudyRecord, trials: Sequence[TrialRecord]) -> Brief:
    """Judge a study, and say it briefly.

    Args:
        lab: Where the points are.
        study: The study.
        trials: All its trials.
    """
    check = check_study(lab, study, trials)
    found = entries(check.verdict, len(check.table))
    return Brief(
        answer=check.answer.sentence if check.answer.text else "",
        trials=len(check.table),
        complete=check.complete,
        counts=counts_text(check.verdict),
        severities=Counter(one.severity for one in found),
        told=tuple(Told.of(one) for one in found),
        unknown=tuple(reasons(check.verdict.not_judged)),
        findings=tuple(one for one in check.verdict.findings if "trial" not in one.subject),
        lineup=line_up(lab, study, check) if study.parent else None,
        not_judged=tuple(one for one in check.verdict.not_judged if "trial" not in one.subject),
        order=check.order,
        evidence=check.evidence,
    )


def main() -> None:
    """Judge the study that is named, and write what is told of it."""
    if hasattr(os, "nice"):
        os.nice(NICE)
    with Lab(LabPaths(Path(sys.argv[1]))) as lab:
        study = lab.study(sys.argv[2])
        found = brief(lab, study, lab.trials(study.name))
    sys.stdout.buffer.write(pickle.dumps(found))


if __name__ == "__main__":
    from labtui.verdicts import brief as named  # its classes must be found under their own name

    named.main()
