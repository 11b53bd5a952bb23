"""What a judgement gives: findings, and what could not be judged and why.

Every check of this room is a pure function that yields `Outcome`s. A finding is made by `finding`,
which takes procedure and group from the catalogue, so that neither is written twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from labtui.analysis.catalogue import CATALOGUE

Severity: TypeAlias = Literal["info", "warning", "alert"]
SEVERITIES: tuple[Severity, ...] = ("alert", "warning", "info")
"""The gravest first."""

Subject: TypeAlias = Mapping[str, Any]
"""What a finding is about: some of ``trial``, ``arm``, ``hyperparameter``, ``condition``, ``side``,
``metric``; empty for the whole study."""


@dataclass(frozen=True)
class Finding:
    """A diagnosis.

    Attributes:
        code: Its name in the catalogue, such as ``search-boundary``.
        severity: ``alert`` puts a conclusion in doubt, ``warning`` deserves a look, ``info`` is
            worth knowing.
        subject: What it is about; see `Subject`.
        evidence: Numbers (and lists of them) by name, with the units in the name where there are
            any; thresholds that decided are among them.
        message: What was seen, in one sentence with its numbers.
        advice: What to do next, in one line.
        procedure: The procedure of the playbook it comes from, such as ``P14``.
    """

    code: str
    severity: Severity
    subject: Subject
    evidence: Mapping[str, Any]
    message: str
    advice: str
    procedure: str


@dataclass(frozen=True)
class NotJudged:
    """A diagnosis that the data do not allow: no finding is better than a wrong one."""

    code: str
    subject: Subject
    reason: str


Outcome: TypeAlias = Finding | NotJudged


def finding(
    code: str,
    severity: Severity,
    message: str,
    advice: str,
    *,
    subject: Subject | None = None,
    evidence: Mapping[str, Any] | None = None,
    procedure: str = "",
) -> Finding:
    """Make a finding; its procedure is the catalogue's, unless this one comes from another.

    Raises:
        KeyError: The catalogue has no such code.
    """
    entry = CATALOGUE[code]
    return Finding(
        code,
        severity,
        dict(subject or {}),
        dict(evidence or {}),
        message,
        advice,
        procedure or entry.procedure,
    )


def cannot_judge(code: str, reason: str, **subject: Any) -> NotJudged:
    """Say that a diagnosis cannot be made of a subject, and why.

    Raises:
        KeyError: The catalogue has no such code.
    """
    if code not in CATALOGUE:
        raise KeyError(code)
    return NotJudged(code, subject, reason)


@dataclass(frozen=True)
class Verdict:
    """All that was judged about a study or a trial: findings by severity, then by code."""

    findings: Sequence[Finding] = field(default=())
    not_judged: Sequence[NotJudged] = field(default=())

    @property
    def worst(self) -> Severity | None:
        """The gravest severity among the findings; None without any."""
        present = {one.severity for one in self.findings}
        return next((severity for severity in SEVERITIES if severity in present), None)


def gather(outcomes: Iterable[Outcome]) -> Verdict:
    """Sort outcomes into a verdict; findings of equal severity stay in the order they came."""
    found: list[Finding] = []
    unknown: list[NotJudged] = []
    for outcome in outcomes:
        if isinstance(outcome, Finding):
            found.append(outcome)
        else:
            unknown.append(outcome)
    found.sort(key=lambda one: SEVERITIES.index(one.severity))
    return Verdict(tuple(found), tuple(unknown))
