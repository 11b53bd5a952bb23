"""Reruns of one configuration (P28): their spread, on the card of a workload, and while it holds.

The card's entry ``retrain`` is what a workload knows of chance: the deviation of the objective over
fresh seeds, of which configuration, when, and with which code and versions. It holds for studies
that train alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labtui.analysis.sample import sample_error
from labtui.store.errors import LabError
from labtui.store.lab import Lab
from labtui.store.records import ENDED, StudyRecord, TrialRecord
from labtui.verdicts.text import clean, value_text

if TYPE_CHECKING:
    from labtui.analysis.luck import Known
    from labtui.analysis.spread import Spread

ENTRY = "retrain"
"""Key of the workload's card."""

TRAINED_OTHERWISE = frozenset({"dense-probe", "first-length"})
"""Kinds of follow-up that train with another length on purpose: they make nothing stale."""

FEWEST = 2
"""Fewest feasible reruns of which a deviation is stored: of one there is none."""


@dataclass(frozen=True)
class Reruns:
    """What the reruns of one trial came to.

    Attributes:
        study: The study that they are the trials of.
        trial: Name of the trial that they repeat; empty where the lab does not have it.
        spread: Their mean and deviation, in the direction of the study.
        selected: The objective of that trial itself, which was selected for being good.
        flattered: By how much that is better than the mean of its reruns: the winner's curse;
            negative where it is worse.
        sample: Standard error of the mean's value over another validation sample as large; None
            where the metric is no share of examples, or their number is unknown.
        waiting: Reruns that have not ended.
        left_out: Reruns by other code or versions than the newest: they are not counted.
        changed: What of code and versions is other than when the trial itself was trained.
        entry: What the card is to keep; None where there is no deviation.
    """

    study: StudyRecord
    trial: str
    spread: Spread
    selected: float | None
    flattered: float | None
    sample: float | None
    waiting: int
    left_out: int
    changed: str
    entry: dict[str, Any] | None


def retrain_entry(
    study: StudyRecord, reruns: Sequence[TrialRecord], trial: str
) -> dict[str, Any] | None:
    """Make the card's entry of reruns of one configuration.

    Args:
        study: The study that trained them: a rerun, or a launch.
        reruns: Its trials of that one configuration; those that have not ended are left out, and
            those that other code trained than the newest.
        trial: Name of the trial that they repeat, ``study/17``.

    Returns:
        None for fewer than two feasible ones.
    """
    ended = trained_alike(reruns)
    measured = spread_of(ended)
    if measured.feasible < FEWEST:
        return None
    last = max(ended, key=lambda one: one.finished or "")
    return {
        "deviation": measured.deviation,
        "low": measured.low,
        "high": measured.high,
        "mean": measured.mean,
        "reruns": measured.feasible,
        "infeasible": measured.infeasible,
        "trial": trial,
        "params": last.params,
        "metric": study.metric,
        "select": study.selection,
        "goal": study.direction,
        "steps": last.max_steps,
        "trainer": study.spec.get("trainer"),
        "date": (last.finished or study.activity)[:10],
        "code": last.code,
        "versions": last.versions,
        "study": study.name,
    }


def keep_deviation(lab: Lab, study: StudyRecord, *, trained: bool) -> str:
    """Put the retrain deviation of a study of reruns on its workload's card.

    What was trained last is kept; what is only looked at takes no other's place.

    Args:
        lab: Where they are.
        study: The study of reruns.
        trained: Whether they were trained just before.

    Returns:
        The workload whose card has it; empty where it is not kept.

    Raises:
        LabError: The lab cannot be written.
    """
    from labtui.engine import client

    entry = read_reruns(lab, study).entry
    known = lab.card(study.workload).get(ENTRY) or {}
    if entry is None or (not trained and known and known.get("study") != study.name):
        return ""
    if known != entry:
        client.put_card(
            lab.paths,
            study.workload,
            {ENTRY: entry},
            trainer=str((study.spec.get("trainer") or {}).get("name", "")),
            metric=study.metric,
            goal=study.direction,
        )
    return study.workload


def has_ended(trial: TrialRecord) -> bool:
    """Say whether a rerun ended by itself: what a person stopped says nothing."""
    return trial.state in ENDED and trial.state != "stopped"


def trained_alike(reruns: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Give the reruns that ended, those by the same code and versions as the newest of them.

    One study may hold both: reruns asked for later are trained by what the files say then.
    """
    ended = [one for one in reruns if has_ended(one)]
    started = [one for one in ended if one.versions]
    if not started:
        return ended
    newest = max(started, key=lambda one: (one.started or "", one.number))
    return [one for one in ended if not _other_program(_program(one), newest)]


def _since(original: TrialRecord, reruns: Sequence[TrialRecord]) -> list[str]:
    started = [one for one in reruns if one.versions]
    return _other_program(_program(original), started[-1]) if started else []


def _program(trial: TrialRecord) -> dict[str, Any]:
    return {"code": trial.code, "versions": trial.versions}


def spread_of(reruns: Sequence[TrialRecord]) -> Spread:
    """Measure the spread of trials that ended; those without a value could not be trained."""
    import numpy as np

    from labtui.analysis.spread import spread

    found = [one.value if one.state == "completed" else None for one in reruns]
    return spread(np.array([np.nan if one is None else one for one in found], dtype=np.float64))


def read_reruns(lab: Lab, study: StudyRecord) -> Reruns:
    """Read a study of kind ``rerun``.

    Args:
        lab: Where it is.
        study: The study; what it repeats is found by its configuration in its parent.
    """
    from labtui.verdicts.loading import Declared, declared_metrics

    trials = lab.trials(study.name)
    ended = trained_alike(trials)
    measured = spread_of(ended)
    original = repeated_trial(lab, study, trials)
    selected = original.value if original is not None else None
    flattered = None
    if selected is not None and measured.mean is not None:
        away = measured.mean - selected
        flattered = away if study.minimize else -away
    examples = declared_metrics(lab, study).get(study.metric, Declared()).examples
    name = original.name if original is not None else ""
    return Reruns(
        study=study,
        trial=name,
        spread=measured,
        selected=selected,
        flattered=flattered,
        sample=sample_error(study.metric, measured.mean, examples),
        waiting=sum(one.state not in ENDED for one in trials),
        left_out=sum(has_ended(one) for one in trials) - len(ended),
        changed="" if original is None else "; ".join(_since(original, ended)),
        entry=retrain_entry(study, trials, name),
    )


def repeated_trial(
    lab: Lab, study: StudyRecord, trials: Sequence[TrialRecord]
) -> TrialRecord | None:
    """Find the trial of the parent that a study of reruns repeats; None where it is gone."""
    try:
        parents = lab.trials(study.parent) if study.parent and trials else []
    except LabError:
        return None
    alike = [one for one in parents if one.params == trials[0].params]
    named = [one for one in alike if _is_named_for(study, one)]
    return next(iter([*named, *alike]), None)


def _is_named_for(study: StudyRecord, trial: TrialRecord) -> bool:
    """Say whether reruns have the name that `labtui rerun` gives to those of a trial."""
    base = f"{study.parent}-rerun-{trial.number}"
    return study.name == base or study.name.startswith(f"{base}-")


# -- while it holds -------------------------------------------------------------------------


def stale(lab: Lab, workload: str, entry: Mapping[str, Any]) -> str:
    """Say why a workload's retrain deviation holds no longer; empty while it does.

    It is compared with the trial of the workload that ended last.

    Args:
        lab: Where its studies are.
        workload: Its name.
        entry: What `retrain_entry` made.
    """
    for study in lab.studies():
        if study.workload != workload or study.kind in TRAINED_OTHERWISE:
            continue
        ended = [one for one in lab.trials(study.name) if one.finished and one.versions]
        if ended and "import" not in study.provenance:
            return changed(entry, study, max(ended, key=lambda one: one.finished or ""))
    return ""


def changed(entry: Mapping[str, Any], study: StudyRecord, trial: TrialRecord) -> str:
    """Say what differs between the reruns of an entry and how a study trains; empty for nothing.

    Args:
        entry: What `retrain_entry` made.
        study: The study.
        trial: A trial of it.
    """
    found = []
    for what, before, now in (
        ("the objective is", entry.get("metric"), study.metric),
        ("the value selected is", entry.get("select", study.selection), study.selection),
        ("it trains steps:", entry.get("steps"), trial.max_steps),
    ):
        if before != now:
            found.append(f"{what} {clean(str(now))}, it was {clean(str(before))}")
    if entry.get("trainer") not in (None, study.spec.get("trainer")):
        found.append("the trainer or its options changed")
    return "; ".join([*found, *_other_program(entry, trial)])


def _other_program(entry: Mapping[str, Any], trial: TrialRecord) -> list[str]:
    """Name the files and versions that a trial was trained with and that were others before."""
    before = entry.get("versions") or {}
    return other_code(entry.get("code") or {}, trial.code) + [
        f"{clean(name)} is {value_text(version)}, it was {value_text(before[name])}"
        for name, version in trial.versions.items()
        if name in before and before[name] != version
    ]


def other_code(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Name the files that changed, path → SHA-256; one that only some trials import is none."""
    files = [clean(path) for path in now if path in before and before[path] != now[path]]
    if files:
        return [f"{', '.join(files[:3])}{' and others' if len(files) > 3 else ''} changed"]
    if before and now and not before.keys() & now.keys():
        return ["other files train"]
    return []


def known_deviation(
    lab: Lab, study: StudyRecord, trials: Sequence[TrialRecord]
) -> tuple[Known | None, str]:
    """Give the retrain deviation of a study's workload where it holds for the study.

    Args:
        lab: Where the card is.
        study: The study, under the objective that is judged.
        trials: Its trials.

    Returns:
        The deviation, None without one that holds; and why one that is there does not hold.
    """
    from labtui.analysis.luck import Known

    try:
        entry = lab.card(study.workload).get(ENTRY)
    except LabError:
        return None, ""
    started = [one for one in trials if one.versions]
    if not isinstance(entry, Mapping) or entry.get("deviation") is None or not started:
        return None, ""
    why = changed(entry, study, max(started, key=lambda one: one.finished or ""))
    if why:
        return None, why
    return (
        Known(
            deviation=float(entry["deviation"]),
            reruns=int(entry["reruns"]),
            trial=str(entry.get("trial", "")),
            date=str(entry.get("date", "")),
            mean=float(entry["mean"]),
        ),
        "",
    )


__all__ = [
    "ENTRY",
    "Reruns",
    "changed",
    "keep_deviation",
    "known_deviation",
    "other_code",
    "read_reruns",
    "retrain_entry",
    "spread_of",
    "stale",
]
