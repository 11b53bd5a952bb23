"""Findings as people read them: those of one code about many trials are one entry."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labtui.analysis.catalogue import CATALOGUE
from labtui.analysis.findings import SEVERITIES, Finding, NotJudged, Severity, Verdict
from labtui.verdicts.text import clean

GLYPHS: dict[Severity, str] = {"alert": "▲", "warning": "!", "info": "i"}
"""How a severity is shown; never by colour alone."""

ARMS_WIDTH = 72
"""Columns that names of arms may take in a headline: two or three arms of two hyperparameters do;
listed configurations, whose names hold every digit of theirs, do not and are counted."""


@dataclass(frozen=True)
class Entry:
    """Findings of one code that are told together.

    Attributes:
        code: Their code.
        severity: The gravest of theirs.
        findings: The gravest first; of equal ones, the best trials of arms.
        of: How many trials were looked at, where the findings are about trials; else 0.
    """

    code: str
    severity: Severity
    findings: tuple[Finding, ...]
    of: int = 0

    @property
    def first(self) -> Finding:
        """The finding that speaks for the others."""
        return self.findings[0]

    @property
    def headline(self) -> str:
        """What it is about: a subject, or how many trials."""
        if len(self.findings) == 1:
            return subject_text(self.first.subject)
        best = [f for f in self.findings if f.evidence.get("best_of_arm")]
        trials = len({f.subject.get("trial") for f in self.findings})
        count = f"{trials} of {self.of} trials" if self.of else f"{trials} trials"
        if not best:
            return f"{count}; in none that is the best of its arm"
        return f"{count}; in the best of {_arms(best)}"


def _arms(best: Sequence[Finding]) -> str:
    names = dict.fromkeys(str(f.subject.get("arm") or f.subject["trial"]) for f in best)
    told = ", ".join(clean(name) for name in names)
    if len(told) <= ARMS_WIDTH:
        return told
    return f"{len(names)} arms" if len(names) > 1 else clean(str(best[0].subject["trial"]))


def sentence(text: str) -> str:
    """Begin a sentence with a capital letter, unless it begins with the name of something."""
    first = text.split(" ", 1)[0]
    return text[:1].upper() + text[1:] if first.isalpha() else text


def told(one: Finding, *, several: bool) -> str:
    """Write what was seen; where several are told together, of which trial."""
    if not several or "trial" not in one.subject:
        return sentence(one.message)
    number = str(one.subject["trial"]).rpartition("/")[2]
    return f"#{number}  {one.message}"


def subject_text(subject: Mapping[str, Any]) -> str:
    """Write what a finding is about: ``learning_rate (optimizer=adam), high``; empty for all."""
    main = subject.get("hyperparameter") or subject.get("trial") or subject.get("arm") or ""
    parts = [clean(str(main))] if main else []
    if subject.get("condition"):
        parts.append(f"({clean(str(subject['condition']))})")
    if subject.get("trial") and subject.get("arm"):
        parts.append(f"({clean(str(subject['arm']))})")
    words = " ".join(parts)
    rest = [clean(str(subject[key])) for key in ("side", "metric", "with") if subject.get(key)]
    return ", ".join([words, *rest] if words else rest)


def entries(verdict: Verdict, trials: int) -> list[Entry]:
    """Bring findings together: one entry a code for those about trials, else one a finding.

    Args:
        verdict: What was found.
        trials: How many trials were looked at.

    Returns:
        The gravest first; of equal ones, in the order of the catalogue.
    """
    grouped: dict[tuple[str, int], list[Finding]] = {}
    for place, one in enumerate(verdict.findings):
        key = (one.code, -1) if "trial" in one.subject else (one.code, place)
        grouped.setdefault(key, []).append(one)
    order = list(CATALOGUE)
    made = [
        _entry(code, found, trials if place < 0 else 0) for (code, place), found in grouped.items()
    ]
    return sorted(made, key=lambda e: (SEVERITIES.index(e.severity), order.index(e.code)))


def _entry(code: str, found: Sequence[Finding], trials: int) -> Entry:
    # The gravest speaks for the others: its advice is the one that is given.
    ordered = sorted(
        found, key=lambda f: (SEVERITIES.index(f.severity), not f.evidence.get("best_of_arm"))
    )
    return Entry(code, ordered[0].severity, tuple(ordered), trials)


@dataclass(frozen=True)
class Unjudged:
    """What could not be judged for one reason, save for its numbers.

    Attributes:
        code: Its code.
        reason: As it was given for the first.
        subject: What it is about, if that is one thing.
        count: How often it was given.
    """

    code: str
    reason: str
    subject: str
    count: int


def reasons(unknown: Sequence[NotJudged]) -> list[Unjudged]:
    """Bring together what could not be judged, in the order of the catalogue."""
    grouped: dict[tuple[str, str], list[NotJudged]] = {}
    for one in unknown:
        kind = re.sub(r"\d[\d.,]*", "#", one.reason) if "trial" in one.subject else one.reason
        grouped.setdefault((one.code, kind), []).append(one)
    order = list(CATALOGUE)
    made = [
        Unjudged(
            code,
            found[0].reason,
            subject_text(found[0].subject) if len(found) == 1 else "",
            len(found),
        )
        for (code, _), found in grouped.items()
    ]
    return sorted(made, key=lambda one: (order.index(one.code), -one.count))


NAMES: dict[Severity, str] = {"alert": "alert", "warning": "warning", "info": "note"}
"""What findings of a severity are called where they are counted."""


def counts_text(verdict: Verdict) -> str:
    """Write how many findings there are, those told together as one: ``2 alerts, 1 note``."""
    told_together = entries(verdict, 0)
    parts = []
    for severity in SEVERITIES:
        n = sum(entry.severity == severity for entry in told_together)
        if n:
            parts.append(f"{n} {NAMES[severity]}{'' if n == 1 else 's'}")
    return ", ".join(parts) or NOTHING


NOTHING = "nothing found"
"""What is said of a verdict without findings."""


def read_counts(text: str) -> dict[Severity, int] | None:
    """Read what `counts_text` wrote, perhaps with more behind a colon; None where it is not that.

    A verdict is kept as a line, so that it need not be made again to be counted.
    """
    counts = text.partition(":")[0]
    if counts == NOTHING:
        return dict.fromkeys(SEVERITIES, 0)
    found = dict.fromkeys(SEVERITIES, 0)
    by_name = {name: severity for severity, name in NAMES.items()}
    for part in counts.split(", "):
        number, _, name = part.partition(" ")
        severity = by_name.get(name.removesuffix("s"))
        if severity is None or not number.isdecimal():
            return None
        found[severity] = int(number)
    return found
