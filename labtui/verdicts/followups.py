"""Which studies should follow a study, and why: the findings that call for each, by importance."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from labtui.analysis.findings import SEVERITIES, Finding, Severity
from labtui.store.lab import Lab
from labtui.store.records import ENDED, StudyRecord
from labtui.study.followup import KINDS, FollowUp, Impossible
from labtui.study.kinds import REPEATED
from labtui.study.spec import Study
from labtui.verdicts.documents import Document, jsonable
from labtui.verdicts.followups_grounds import Asked, Grounds, answer_text, weight
from labtui.verdicts.followups_make import make
from labtui.verdicts.followups_space import is_nuisance, scientific
from labtui.verdicts.lineup_readings import WarmupReading, read_special
from labtui.verdicts.text import clean

__all__ = ["Asked", "Call", "Calls", "calls", "calls_document", "existing_text"]

CALLED_BY: dict[str, tuple[str, ...]] = {
    "widen": ("search-boundary", "below-chance"),
    "warmup": ("stability-edge", "early-instability"),
    "clip": ("over-clipped", "mid-training-instability", "gradient-outliers"),
    "regularize": ("overfitting",),
    "longer": ("still-improving", "steps-too-few"),
    "shorter": ("steps-too-many", "saturated-early"),
    "narrow": ("infeasible-region",),
    "extend": ("sparse-sampling", "search-luck", "thin-budget"),
    "split": ("many-scientific",),
    "fix": ("insensitive",),
}
"""Which findings call for which kind; the others are there for the asking."""

ANYWHERE = ("overfitting", "early-instability")
"""Findings that count in other trials than the best: selection hides overfitting (P18), and
instability shows at rates above the best one (P37). See `_tells`."""

NEAR = 10.0
"""Instability counts up to so many times the best rate: P37 confirms it at 5 and at 10 times.
Farther above, every network breaks."""

BROKEN = ("below-chance", "training-loss-rising", "periodic-validation")
"""Findings that no further study answers: the pipeline comes first."""

OWN_ANSWER = {"warmup": "warmup-schedule", "first-length": "length", "dense-probe": ""}
"""Kinds of studies that have an answer of their own, and what follows it. A warmup sweep of which
none trains calls for clipping (P41); after a dense probe its parent says what to do."""

UNCALLED = "nothing calls for it"

MANY = ("extend", "replica")
"""Kinds of which each adds to those before: more trials, another search; none is asked for twice in
vain."""


@dataclass(frozen=True)
class Call:
    """A follow-up that can be asked for.

    Attributes:
        kind: One of `labtui.study.followup.KINDS`.
        about: The hyperparameter that it is about, where a kind has several.
        why: The finding that calls for it, with its numbers, or that nothing does.
        answers: The findings, as `follows.answers` names them.
        severity: The weight of the gravest of them; None where nothing calls for it.
        made: The study; None where it cannot be made, or was not asked for.
        cannot: Why it cannot be made; empty if it can.
        command: What prints it.
        existing: The studies that answer the same already, the newest last.
    """

    kind: str
    about: str
    why: str
    answers: tuple[str, ...]
    severity: Severity | None
    made: FollowUp | None
    cannot: str
    command: str
    existing: tuple[StudyRecord, ...] = ()

    @property
    def called(self) -> bool:
        """Whether a finding calls for it."""
        return self.severity is not None


@dataclass(frozen=True)
class Calls:
    """All follow-ups of a study.

    Attributes:
        study: The study.
        every: Those that findings call for, the most important first, then the others; also
            those that cannot be made.
        broken: Findings about the pipeline, which come before any further study.
        ended: How many trials have ended.
        answer: What a sweep or a probe came to; empty for other kinds.
    """

    study: StudyRecord
    every: tuple[Call, ...]
    broken: tuple[Finding, ...]
    ended: int
    answer: str = ""

    @property
    def calls(self) -> tuple[Call, ...]:
        """Those worth listing: called for, or at hand."""
        return tuple(one for one in self.every if one.called or one.made is not None)

    @property
    def first(self) -> Call | None:
        """The most important follow-up that can be made; None where no finding calls for one."""
        return next((one for one in self.every if one.called and one.made is not None), None)

    @property
    def by_hand(self) -> str:
        """What a person has to do to run any of them; empty where ``--run`` does it."""
        if "import" not in self.study.provenance:
            return ""
        return (
            f"{self.study.name} was imported, so that --run cannot train what follows: put a "
            "trainer into the file and run it yourself"
        )

    def of(self, kind: str, about: str = "") -> Call | None:
        """Give the follow-up of a kind."""
        found = [one for one in self.every if one.kind == kind]
        named = [one for one in found if one.about == about]
        return next(iter(named or found), None)


def calls(
    lab: Lab, record: StudyRecord, asked: Asked | None = None, only: str | None = None
) -> Calls:
    """Say which follow-ups a study calls for, and make them.

    Args:
        lab: Where it is.
        record: The study; its trials so far are judged.
        asked: What a person asks of the follow-up.
        only: The one kind that is made; by default all are.
    """
    grounds = Grounds.of(lab, record, asked)
    found = [
        _call(grounds, kind, about, wanted=only in (None, kind))
        for kind in KINDS
        for about in _abouts(grounds, kind)
    ]
    order = list(KINDS)

    def importance(one: Call) -> tuple[bool, int, int]:
        weighed = SEVERITIES.index(one.severity) if one.severity else 0
        return not one.called, weighed, order.index(one.kind)

    reading = read_special(lab, record, grounds.trials)
    broken = [one for one in grounds.findings if _is_broken(one)]
    if record.kind in OWN_ANSWER:  # a sweep goes where training breaks
        broken = []
    kept = tuple(sorted(found, key=importance))
    answer = reading.text if reading else ""
    if _all_failed(grounds):
        answer = _failure_text(grounds)
    return Calls(record, kept, tuple(broken), grounds.ended, answer)


def _is_broken(one: Finding) -> bool:
    """Say whether a finding is about the pipeline: where other arms learn, an arm's is not."""
    of_arm = "arm" in one.subject and "trial" not in one.subject
    return one.code in BROKEN and weight(one) != "info" and not of_arm


def _abouts(grounds: Grounds, kind: str) -> Sequence[str]:
    if kind != "split":
        return [""]
    return scientific(grounds.study) if len(scientific(grounds.study)) > 1 else []


def _call(grounds: Grounds, kind: str, about: str, *, wanted: bool) -> Call:
    special = grounds.record.kind in {*OWN_ANSWER, *REPEATED}
    found = [] if special else _calling(grounds, kind)
    made, cannot = _made(grounds, kind, about) if wanted else (None, "")
    name = grounds.record.name
    command = f"labtui next {shlex.quote(name)} --kind {kind}"
    if kind == "split":
        command += f" --about {shlex.quote(about)}"
    why, severity = _why(found)
    if special:
        why, severity = _own_call(grounds, kind)
    answers = () if made is None or made.study.follows is None else made.study.follows.answers
    told = tuple(dict.fromkeys(answer_text(one) for one in found)) or tuple(answers)
    existing = _existing(grounds, kind, made)
    return Call(kind, about, why, told, severity, made, cannot, command, existing)


def _existing(grounds: Grounds, kind: str, made: FollowUp | None) -> tuple[StudyRecord, ...]:
    """Find the studies of a kind that answer the same of this one; for a split: compare the same.

    Where nothing was made, all of the kind.
    """
    if kind in MANY:
        return ()
    found = sorted(
        (
            one
            for one in grounds.lab.studies()
            if one.parent == grounds.record.name and one.kind == kind
        ),
        key=lambda one: one.id,
    )
    if made is None:
        return tuple(found) if kind != "split" else ()
    return tuple(one for one in found if _asks_the_same(Study.from_json(one.spec), made.study))


def _asks_the_same(one: Study, other: Study) -> bool:
    if one.follows is None or other.follows is None:
        return False
    answers = set(one.follows.answers) == set(other.follows.answers)
    return answers and scientific(one) == scientific(other)


def existing_text(one: Call) -> str:
    """Name the study that answers the same already, and its state; empty where there is none."""
    if not one.existing:
        return ""
    newest = one.existing[-1]
    return f"{clean(newest.name)} ({newest.state}, {newest.ended} of {newest.total} trials)"


def _own_call(grounds: Grounds, kind: str) -> tuple[str, Severity | None]:
    """Say what a sweep or a probe calls for: what follows its own answer, and nothing else."""
    reading = read_special(grounds.lab, grounds.record, grounds.trials)
    if reading is None:  # not ended yet, or evidence for a decision
        return UNCALLED, None
    lost = isinstance(reading, WarmupReading) and reading.shortest is None
    wanted = "clip" if lost else OWN_ANSWER[grounds.record.kind]
    return (reading.text, "alert") if kind == wanted else (UNCALLED, None)


def _calling(grounds: Grounds, kind: str) -> list[Finding]:
    """Give the findings that call for a kind, the gravest first.

    Of findings about trials those about the best of an arm count; others only where selection hides
    what matters (`ANYWHERE`).
    """
    if _all_failed(grounds):
        return []
    found = [one for one in grounds.found(*CALLED_BY.get(kind, ())) if _tells(grounds, one)]
    if kind == "widen":  # an end that cannot be widened asks for nothing
        return [one for one in found if one.evidence.get("definition") and one.severity != "info"]
    if kind in ("extend", "split"):
        return [one for one in found if one.severity != "info"]
    if kind == "fix":
        return [one for one in found if is_nuisance(grounds, one)]
    # What all runs say outweighs what one says.
    overall = {"longer": "steps-too-many", "shorter": "steps-too-few"}.get(kind)
    return [] if overall and grounds.found(overall) else found


def _all_failed(grounds: Grounds) -> bool:
    """Say whether the program broke in every trial that has ended: no study answers that."""
    states = {one.state for one in grounds.trials if one.state in ENDED}
    return "failed" in states and states <= {"failed", "stopped"}


def _failure_text(grounds: Grounds) -> str:
    first = next(one for one in grounds.trials if one.state == "failed")
    return (
        f"every trial that ended has failed ({first.reason}): repair the program first; "
        f"`labtui show {shlex.quote(first.name)}` has the traceback"
    )


def _tells(grounds: Grounds, one: Finding) -> bool:
    """Say whether a finding says something of the study: one about a bad trial does not."""
    if "trial" not in one.subject or one.evidence.get("best_of_arm"):
        return True
    trial = next((t for t in grounds.trials if t.name == one.subject["trial"]), None)
    if trial is None or one.code not in ANYWHERE:
        return False
    better = grounds.ranked(len(grounds.trials))
    if one.code == "overfitting":  # of the better half: one that never learned has nothing to lose
        return trial in better[: (len(better) + 1) // 2]
    try:
        name, index = grounds.rate()
        best = grounds.best_of(name, index).params[name]
    except Impossible:
        return True
    rates = trial.params.get(name), best
    return not all(isinstance(rate, float) for rate in rates) or rates[0] <= NEAR * rates[1]


def _made(grounds: Grounds, kind: str, about: str) -> tuple[FollowUp | None, str]:
    asked = grounds.asked
    if about:
        asked = Asked(asked.trials, asked.steps, about)
    try:
        return make(grounds.asking(asked), kind), ""
    except Impossible as error:
        return None, str(error)


def _why(found: Sequence[Finding]) -> tuple[str, Severity | None]:
    if not found:
        return UNCALLED, None
    first = found[0]
    more = len({answer_text(one) for one in found}) - 1
    others = f" (and {more} more finding{'s' * (more > 1)})" if more > 0 else ""
    return f"{answer_text(first)}: {first.message.rstrip('.')}{others}", weight(first)


# -- the document -------------------------------------------------------------------------------


def calls_document(found: Calls, chosen: Call | None) -> Document:
    """Describe what can follow a study.

    Returns:
        ``study``, ``ended`` and ``total`` (trials), ``answer`` (what a sweep or a probe came to;
        empty for other kinds), ``broken`` (findings that come before any
        further study: ``code``, ``message``, ``advice``), ``follow_ups`` (``[{"kind", "about",
        "changes", "why", "answers", "severity" (null: nothing calls for it), "study" (its name),
        "trials", "max_train_steps", "extends", "command", "cannot", "existing" (those that answer
        the same already: ``[{"study", "state"}]``)}]``, the most important first)
        and ``chosen`` (``kind``, ``study`` as its file has it in full, ``text``; null for none).
    """
    document = {
        "study": found.study.name,
        "ended": found.ended,
        "total": found.study.total,
        "answer": found.answer,
        "broken": [
            {"code": one.code, "message": one.message, "advice": one.advice} for one in found.broken
        ],
        "follow_ups": [_described(one) for one in found.calls],
        "chosen": None,
    }
    if chosen is not None and chosen.made is not None:
        made = chosen.made
        document["chosen"] = {
            "kind": chosen.kind,
            "study": made.study.to_json(),
            "text": made.text,
        }
    return dict(jsonable(document))


def _described(one: Call) -> Document:
    made = one.made
    return {
        "kind": one.kind,
        "about": one.about,
        "changes": KINDS[one.kind],
        "why": one.why,
        "answers": list(one.answers),
        "severity": one.severity,
        "study": made.study.study if made else None,
        "trials": made.trials if made else None,
        "max_train_steps": made.study.budget.max_train_steps if made else None,
        "extends": made.extends if made else False,
        "command": one.command,
        "cannot": one.cannot,
        "existing": [{"study": child.name, "state": child.state} for child in one.existing],
    }
