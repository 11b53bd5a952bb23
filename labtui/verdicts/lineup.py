"""A follow-up beside its parent: what became of each finding it answers, and what is new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from labtui.analysis.findings import Finding
from labtui.store.lab import Lab
from labtui.store.records import ENDED, StudyRecord, TrialRecord
from labtui.study.fields import Scalar
from labtui.study.followup_space import fits
from labtui.study.kinds import REPEATED
from labtui.study.model import Study
from labtui.verdicts.check import StudyCheck
from labtui.verdicts.documents import Document, jsonable
from labtui.verdicts.followups_grounds import Grounds, answer_text, weight
from labtui.verdicts.lineup_readings import DenseReading, Reading, WarmupReading, read_special
from labtui.verdicts.summary import sentence
from labtui.verdicts.text import number

Status: TypeAlias = Literal["answered", "still there", "cannot judge"]


@dataclass(frozen=True)
class Answer:
    """One finding that the follow-up answers.

    Attributes:
        finding: As `follows.answers` names it.
        status: What became of it.
        before: The parent's findings of that name, the gravest first; empty when its trials do not
            show it any more.
        after: The follow-up's.
        reason: Why it is answered, or cannot be judged, where no finding of the follow-up says it.
    """

    finding: str
    status: Status
    before: tuple[Finding, ...]
    after: tuple[Finding, ...]
    reason: str


@dataclass(frozen=True)
class Shared:
    """The parent's trials that lie in the follow-up's space, at the same length.

    Attributes:
        trials: How many they are, `of` how many that ended.
        best: The best trial of both studies; None without any.
    """

    trials: int
    of: int
    best: TrialRecord | None


@dataclass(frozen=True)
class Lineup:
    """A follow-up beside its parent.

    Attributes:
        parent: The study before.
        kind: What kind of follow-up it is.
        answers: What became of the findings it answers.
        new: Alerts and warnings that the parent has not.
        shared: Trials of the parent that count here; None where the two cannot be compared.
        reading: What it came to, for kinds with an answer of their own.
        complete: Whether all its trials have ended.
    """

    parent: StudyRecord
    kind: str
    answers: tuple[Answer, ...]
    new: tuple[Finding, ...]
    shared: Shared | None
    reading: Reading | None
    complete: bool


def line_up(lab: Lab, record: StudyRecord, checked: StudyCheck | None = None) -> Lineup | None:
    """Set a study beside the one it follows; None where it follows none of this lab.

    Args:
        lab: Where both are.
        record: The study.
        checked: What was found in it by its own objective, where it is at hand.
    """
    if not record.parent or record.parent not in {one.name for one in lab.studies()}:
        return None
    parent = lab.study(record.parent)
    if record.kind in REPEATED:
        return Lineup(parent, record.kind, (), (), None, None, record.ended >= record.total)
    before, after = Grounds.of(lab, parent), Grounds.of(lab, record, checked=checked)
    reading = read_special(lab, record, after.trials)
    asked = after.study.follows.answers if after.study.follows else []
    answers = [_answer(name, before, after, reading) for name in asked]
    new = _new(before, after) if reading is None else []
    complete = after.ended >= record.total
    shared = shared_trials(before, after.study, after)
    return Lineup(parent, record.kind, tuple(answers), tuple(new), shared, reading, complete)


def _answer(name: str, before: Grounds, after: Grounds, reading: Reading | None) -> Answer:
    was, now = _named(before, name), _named(after, name)
    if reading is not None:
        status, reason = _by_reading(reading)
    elif now:
        status, reason = "still there", ""
    elif not after.ended:
        status, reason = "cannot judge", "no trial has ended"
    else:
        status, reason = _absent(name, after)
    return Answer(name, status, tuple(was), tuple(now), reason)


def _named(grounds: Grounds, name: str) -> list[Finding]:
    """Give the findings of a name; about trials, only those that weigh most."""
    found = [one for one in grounds.findings if answer_text(one) == name]
    best = [one for one in found if one.evidence.get("best_of_arm")]
    return best or found


def _by_reading(reading: Reading) -> tuple[Status, str]:
    if isinstance(reading, WarmupReading):
        return ("still there" if reading.shortest is None else "answered"), reading.text
    if isinstance(reading, DenseReading):
        told: dict[bool | None, Status] = {True: "still there", False: "answered"}
        return told.get(reading.unstable, "cannot judge"), reading.text
    return "answered", reading.text


def _absent(name: str, after: Grounds) -> tuple[Status, str]:
    """Say why a finding is not there: it cannot be judged, or it has been answered."""
    code, _, rest = name.partition(" ")
    about = rest.split(" ")[0]
    for one in after.checked.verdict.not_judged:
        subject = str(one.subject.get("hyperparameter") or one.subject.get("metric") or "")
        if one.code == code and "trial" not in one.subject and subject in ("", about):
            return "cannot judge", one.reason
    definitions = after.study.hyperparameters.get(about, [])
    if definitions and all(one.role == "fixed" for one in definitions):
        return "answered", f"{about} is fixed here"
    if all(trial.state not in ("completed", "infeasible") for trial in after.trials):
        return "cannot judge", "no trial has been trained to its end"
    return "answered", "no such finding here"


def _new(before: Grounds, after: Grounds) -> list[Finding]:
    """Give the alerts and warnings that the parent has not, one of each name."""
    known = {answer_text(one) for one in before.findings}
    found: dict[str, Finding] = {}
    for one in after.findings:
        if weight(one) != "info" and answer_text(one) not in known:
            found.setdefault(answer_text(one), one)
    return list(found.values())


# -- trials that count in both ------------------------------------------------------------------


def shared_trials(before: Grounds, study: Study, after: Grounds | None = None) -> Shared | None:
    """Find the parent's trials that lie in a follow-up's space, and the best of both.

    Args:
        before: The parent.
        study: The follow-up.
        after: The follow-up in the lab, where it is there.

    Returns:
        None where they cannot be compared: another length, objective or trainer, or listed
        configurations.
    """
    parent = before.study
    same = (
        parent.objective == study.objective
        and parent.trainer == study.trainer
        and parent.workload == study.workload
        and parent.budget.max_train_steps == study.budget.max_train_steps
    )
    if not same or study.design == "configurations" or study.study == parent.study:
        return None
    defaults: dict[str, Scalar] = {n: d.default for n, d in before.declared.items()}
    ended = [trial for trial in before.trials if trial.state in ENDED]
    inside = [trial for trial in ended if fits(study, trial.params, defaults)]
    pool = [*inside, *(after.trials if after is not None else ())]
    done = [trial for trial in pool if trial.state == "completed" and trial.value is not None]
    sign = 1.0 if before.record.minimize else -1.0
    best = min(done, key=lambda trial: sign * (trial.value or 0.0), default=None)
    return Shared(len(inside), len(ended), best)


# -- words and the document ---------------------------------------------------------------------


def shared_text(lineup: Lineup) -> str:
    """Say how many of the parent's trials count, and which is the best of both."""
    shared = lineup.shared
    if shared is None or not shared.of:
        return ""
    text = f"{shared.trials} of the {shared.of} trials of {lineup.parent.name} lie in this space"
    if shared.trials and shared.best is not None:
        text += f"; best of both: {number(shared.best.value)} in {shared.best.name}"
    return text


def answer_lines(one: Answer) -> list[str]:
    """Write what was, and what is, a line each."""
    was = _side(one.before) or "not found among its trials of today"
    if one.after:
        now = _side(one.after)
    elif one.reason:
        now = sentence(one.reason)
    else:
        now = "no such finding"
    return [f"before  {was}", f"after   {now}"]


def _side(found: Sequence[Finding]) -> str:
    if not found:
        return ""
    first = found[0]
    trials = len({one.subject.get("trial") for one in found if "trial" in one.subject})
    count = f" ({trials} trials)" if trials > 1 else ""
    return f"{first.severity}{count}: {sentence(first.message)}"


def lineup_document(lineup: Lineup | None) -> Document | None:
    """Describe a follow-up beside its parent; None for none.

    Returns:
        ``study`` (the parent), ``kind``, ``complete``, ``answers`` (``[{"finding", "status",
        "reason", "before", "after"}]``, each side ``{"severity", "trials", "message", "evidence"}``
        or null), ``new`` (``[{"finding", "severity", "message"}]``), ``shared`` (``trials``,
        ``of``, ``best_trial``, ``best_value``; null where the two cannot be compared) and
        ``reading`` (``kind``, ``text``, ``rows``, ``evidence``; null for kinds without one).
    """
    if lineup is None:
        return None
    shared, reading = lineup.shared, lineup.reading
    document: Mapping[str, Any] = {
        "study": lineup.parent.name,
        "kind": lineup.kind,
        "complete": lineup.complete,
        "answers": [_described(one) for one in lineup.answers],
        "new": [
            {"finding": answer_text(one), "severity": one.severity, "message": one.message}
            for one in lineup.new
        ],
        "shared": shared
        and {
            "trials": shared.trials,
            "of": shared.of,
            "best_trial": shared.best.name if shared.best else None,
            "best_value": shared.best.value if shared.best else None,
        },
        "reading": reading
        and {
            "kind": reading.kind,
            "text": reading.text,
            "rows": list(reading.rows),
            "evidence": reading.evidence,
        },
    }
    return dict(jsonable(document))


def _described(one: Answer) -> Document:
    return {
        "finding": one.finding,
        "status": one.status,
        "reason": one.reason,
        "before": _summed(one.before),
        "after": _summed(one.after),
    }


def _summed(found: Sequence[Finding]) -> Document | None:
    if not found:
        return None
    first = found[0]
    return {
        "severity": first.severity,
        "trials": len({one.subject.get("trial") for one in found if "trial" in one.subject}),
        "message": first.message,
        "evidence": dict(first.evidence),
    }
