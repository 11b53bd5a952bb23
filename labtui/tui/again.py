"""What of a study can be trained again (P28, P29), what came of it so far, and having it done."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labtui.store.lab import Lab
from labtui.verdicts import rerun_plans, reruns
from labtui.verdicts.answer import answer_of, replica_answer, rerun_words
from labtui.verdicts.evidence import evidence_of, reruns_of
from labtui.verdicts.reruns import read_reruns

if TYPE_CHECKING:
    from labtui.store.paths import LabPaths
    from labtui.store.records import StudyRecord, TrialRecord
    from labtui.verdicts.rerun_plans import Again

TRIAL, ARMS, SEARCH = "trial", "arms", "search"
Plan = Callable[[Lab, int], "list[Again]"]


@dataclass(frozen=True)
class Wish:
    """Something that can be trained again.

    Attributes:
        kind: ``trial``, ``arms`` or ``search``.
        title: What it is, in a few words.
        command: The command that does the same.
        times: How often, unless asked otherwise.
        plan: Plans so many more.
        planned: What `times` would add; None where it cannot be.
        cannot: Why it cannot be.
        evidence: The studies that trained it again, in their order.
        found: What came of them, in words; empty for nothing.
    """

    kind: str
    title: str
    command: str
    times: int
    plan: Plan
    planned: Again | None
    cannot: str
    evidence: tuple[StudyRecord, ...]
    found: str

    @property
    def waiting(self) -> list[StudyRecord]:
        """Studies whose trials have not all ended."""
        return [one for one in self.evidence if one.ended < one.total]

    @property
    def training(self) -> bool:
        """Whether a runner is at it."""
        return any(one.state in ("queued", "running") for one in self.waiting)


def wishes(lab: Lab, study: str, trial: str | None) -> list[Wish]:
    """Say what can be trained again: a trial, the best of each arm, the whole search.

    Args:
        lab: The lab.
        study: The study.
        trial: A trial of it; None for none.
    """
    record = lab.study(study)
    found = [] if trial is None else [_of_trial(lab, lab.trial(trial))]
    return [*found, _of_arms(lab, record), _of_search(lab, record)]


def _of_trial(lab: Lab, trial: TrialRecord) -> Wish:
    before = reruns_of(lab, trial)
    return _wish(
        lab,
        TRIAL,
        f"trial {trial.number}",
        f"labtui rerun {shlex.quote(trial.name)}",
        rerun_plans.RERUNS,
        lambda lab, n: [rerun_plans.rerun_trial(lab, trial, n)],
        before,
        rerun_words(read_reruns(lab, before[-1])) if before else "",
    )


def _of_arms(lab: Lab, record: StudyRecord) -> Wish:
    before = evidence_of(lab, record.name, "arms")
    said = answer_of(lab, record, lab.trials(record.name)).sentence if before else ""
    return _wish(
        lab,
        ARMS,
        "best of each arm",
        f"labtui rerun {shlex.quote(record.name)} --arms",
        rerun_plans.ARM_RERUNS,
        lambda lab, n: [rerun_plans.rerun_arms(lab, record, n)],
        before,
        said,
    )


def _of_search(lab: Lab, record: StudyRecord) -> Wish:
    before = evidence_of(lab, record.name, "replica")
    said = replica_answer(lab, record, lab.trials(record.name)).sentence if before else ""
    return _wish(
        lab,
        SEARCH,
        "the whole search",
        f"labtui rerun {shlex.quote(record.name)}",
        1,
        lambda lab, n: rerun_plans.replicas(lab, record, n),
        before,
        said,
    )


def _wish(
    lab: Lab,
    kind: str,
    title: str,
    command: str,
    times: int,
    plan: Plan,
    before: Sequence[StudyRecord],
    found: str,
) -> Wish:
    planned, cannot = None, ""
    try:
        planned = plan(lab, times)[0]
    except Exception as error:
        if not hasattr(error, "exit_code"):
            raise
        cannot = str(error)
    return Wish(kind, title, command, times, plan, planned, cannot, tuple(before), found)


# -- having it done -------------------------------------------------------------------------


def train(paths: LabPaths, wish: Wish, times: int) -> None:
    """Hand the runner what waits, else so many more."""
    from labtui.engine import client
    from labtui.engine.derived import submit_derived

    for waiting in wish.waiting:
        client.resume(paths, waiting.name)
    if wish.waiting:
        return
    command = [*shlex.split(wish.command), "-n", str(times)]
    with Lab(paths) as lab:
        planned = wish.plan(lab, times)
    for one in planned:
        submit_derived(paths, one.parent, one.study, one.text, command=command, mode=one.mode)


def keep_deviation(paths: LabPaths, wish: Wish, *, trained: bool) -> str:
    """Put the retrain deviation of a trial's reruns on its workload's card.

    Args:
        paths: The lab.
        wish: Reruns of a trial, all of which have ended.
        trained: Whether they were trained just before.

    Returns:
        The workload whose card has it; empty where it is not kept.
    """
    with Lab(paths) as lab:
        return reruns.keep_deviation(lab, wish.evidence[-1], trained=trained)
