"""Which studies train a study's configurations again: of one trial, of every arm's best, replicas.

Each is an ordinary study (`labtui.study.repeat`) that names its parent; asked for again, it gets
more repetitions, so that n and then m more are n + m.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labtui.analysis.ranking import ranked
from labtui.engine.plugins import TrainerError
from labtui.store.lab import Lab
from labtui.store.records import ENDED, StudyRecord, TrialRecord
from labtui.study.followup import Draft, child_name
from labtui.study.followup_space import replica
from labtui.study.inheritance import inherit
from labtui.study.kinds import COMPLETE
from labtui.study.plan import arms, total_trials
from labtui.study.repeat import repeat
from labtui.study.spec import Study

RERUNS = 5
"""Reruns of a trial unless asked otherwise: the 90 % interval of their deviation reaches from 0.65
to 2.4 times what was measured; of three it reaches from 0.58 to 4.4 times."""

ARM_RERUNS = 3
"""Reruns of each configuration when arms are compared: an interval then reaches 2.8 standard
errors; with two reruns it reaches 4.3 (Student's t, two arms)."""

BEST = 3
"""Configurations of each arm that are trained again: the single best is mostly luck."""

_SAME = ("follows", "hyperparameters", "configurations")


class NotAgain(Exception):
    """A study or trial cannot be trained again as asked; says what was found and what to do."""

    exit_code = 2


@dataclass(frozen=True)
class Again:
    """A study that is to be handed to the runner.

    Attributes:
        parent: The study it goes on from.
        study: What is asked for.
        text: Its file.
        mode: ``extend`` where the lab has a part of it; None for a first one.
        configurations: How many it repeats.
        more: Trials that are added.
    """

    parent: StudyRecord
    study: Study
    text: str
    mode: str | None
    configurations: int
    more: int

    @property
    def name(self) -> str:
        """Its name."""
        return self.study.study


def rerun_trial(lab: Lab, trial: TrialRecord, reruns: int) -> Again:
    """Plan so many reruns more of a trial's configuration (P28).

    Raises:
        NotAgain: It is a rerun itself, or was never trained; or its study was imported.
    """
    record = lab.study(trial.study)
    _trains_here(record, trial.name)
    if record.kind in ("rerun", "arms"):
        raise NotAgain(
            f"{trial.name} is a rerun itself, of a trial of {record.parent}: rerun that one again, "
            "and its reruns are counted together"
        )
    if trial.state not in ENDED:
        raise NotAgain(f"{trial.name} is {trial.state}; a trial is rerun once it has ended")
    params = [trial.params]
    base = f"{record.name}-rerun-{trial.number}"
    return _again(
        lab,
        record,
        params,
        base=base,
        kind="rerun",
        goal=f"How much does {trial.name} vary when it is trained again?",
        reruns=reruns,
        answers=["search-luck"],
    )


def rerun_arms(lab: Lab, record: StudyRecord, reruns: int) -> Again:
    """Plan so many reruns more of the three best configurations of every arm.

    Raises:
        NotAgain: There are no two arms with a result, or the study was imported or is not over.
    """
    _trains_here(record, record.name)
    trials = lab.trials(record.name)
    if record.kind:
        _is_search(record)
    chosen = best_of_arms(record, trials)
    if len({trial.arm for trial in trials}) < 2:
        raise NotAgain(
            f"study {record.name!r} has one arm: there is no order to support; "
            f"{_rerun_best(record)}"
        )
    if len(chosen) < 2:
        found = "no arm" if not chosen else f"only {next(iter(chosen))}"
        raise NotAgain(f"study {record.name!r}: {found} has a feasible trial, nothing to compare")
    if any(trial.state not in ENDED for trial in trials):
        raise NotAgain(
            f"study {record.name!r} is not over: its bests may change; `labtui run {record.name}` "
            "finishes it"
        )
    params = [trial.params for best in chosen.values() for trial in best]
    return _again(
        lab,
        record,
        params,
        base=f"{record.name}-arms",
        kind="arms",
        goal=f"Does the order of the arms of {record.name} hold when their best are trained again?",
        reruns=reruns,
        answers=["search-luck"],
    )


def best_of_arms(
    record: StudyRecord, trials: Sequence[TrialRecord], most: int = BEST
) -> dict[str, list[TrialRecord]]:
    """Give the best trials of every arm that has a feasible one, no configuration twice."""
    found: dict[str, list[TrialRecord]] = {}
    feasible = [one for one in trials if one.state == "completed" and one.value is not None]
    for arm in dict.fromkeys(one.arm for one in feasible):
        own = [one for one in feasible if one.arm == arm]
        best: list[TrialRecord] = []
        for place in ranked([one.value for one in own], record.minimize):
            if len(best) < most and all(own[place].params != one.params for one in best):
                best.append(own[place])
        found[arm] = best
    return found


def replicas(lab: Lab, record: StudyRecord, count: int = 1) -> list[Again]:
    """Plan the same study under so many other search seeds (P29).

    Raises:
        NotAgain: It is no search of its own, or was imported.
    """
    _trains_here(record, record.name)
    _is_search(record)
    if record.spec.get("sampler") == "bayesian":
        raise NotAgain(
            f"study {record.name!r} exploits the trials of {record.parent}: another seed of it "
            f"would begin with the same trials; replicate {record.parent}"
        )
    whole = inherit(Study.from_json(record.spec), record.inherited)
    taken = {one.name for one in lab.studies()}
    found = []
    for _ in range(count):
        name = child_name(record.name, "replica", taken)
        taken.add(name)
        made = replica(Draft(whole, "replica", name), ["search-luck"])
        found.append(Again(record, made.study, made.text, None, len(arms(whole)), made.trials))
    return found


def _again(
    lab: Lab,
    record: StudyRecord,
    params: Sequence[dict[str, object]],
    *,
    base: str,
    kind: str,
    goal: str,
    reruns: int,
    answers: Sequence[str],
) -> Again:
    """Plan a study of given configurations, or more repetitions of the one that the lab has."""
    whole = inherit(Study.from_json(record.spec), record.inherited)
    given = {"kind": kind, "goal": goal, "answers": answers}
    name, known = base, {one.name: one for one in lab.studies()}
    number, done = 2, 0
    while name in known:
        study, _ = repeat(whole, params, name=name, repetitions=1, **given)  # type: ignore[arg-type]
        old = Study.from_json(known[name].spec)
        if all(getattr(old, part) == getattr(study, part) for part in _SAME):
            done = old.budget.repetitions
            break
        name, number = f"{base}-{number}", number + 1
    study, text = repeat(whole, params, name=name, repetitions=done + reruns, **given)  # type: ignore[arg-type]
    mode = "extend" if done else None
    return Again(record, study, text, mode, len(params), total_trials(study) - done * len(params))


def _trains_here(record: StudyRecord, what: str) -> None:
    if "import" in record.provenance:
        raise TrainerError(
            f"{what} was imported: there is no trainer here that could train it again; rerun it "
            "where it is from, and import that"
        )


def _is_search(record: StudyRecord) -> None:
    if record.kind in COMPLETE:
        raise NotAgain(
            f"study {record.name!r} is evidence about {record.parent}, no search of its own; name "
            f"{record.parent}"
        )


def _rerun_best(record: StudyRecord) -> str:
    if record.best_trial is None:
        return "none of its trials has a result either"
    return f"`labtui rerun {record.name}/{record.best_trial}` trains its best trial again"
