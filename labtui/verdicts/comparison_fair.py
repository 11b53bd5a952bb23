"""What makes a comparison unfair, each thing in a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from labtui.store.records import StudyRecord
from labtui.study.kinds import COMPLETE
from labtui.verdicts.answer_words import listed
from labtui.verdicts.comparison import Caution, Kind, Side
from labtui.verdicts.reruns import other_code
from labtui.verdicts.text import clean, value_text

MOST_NAMED = 3
"""Files, packages or hyperparameters that a sentence names: `labtui show` lists them all."""

MORE_OFTEN = 2
"""So many times more evaluations are said: the best of 50 is 0.28 deviations of their noise better
than that of 25 (the expected largest of as many normal numbers), below that it is little."""


def cautions(sides: Sequence[Side], kind: Kind) -> Iterator[Caution]:
    """Say why values of these cannot simply be set beside each other.

    Args:
        sides: Two or more.
        kind: What they are compared as.
    """
    yield from _values(sides)
    yield from _training(sides)
    yield from _programs(sides)
    yield from _ends(sides)
    if kind == "studies":
        yield from _searches(sides)


# -- what the values measure, and how they were trained -------------------------------------


def _values(sides: Sequence[Side]) -> Iterator[Caution]:
    if found := _apart(sides, lambda side: clean(side.study.workload)):
        yield Caution("workload", f"they train other workloads, {found}: these are different "
                      "tasks, whatever the metric is called")  # fmt: skip
    for side in sides:
        if side.apart:
            yield Caution("objective", f"{side.label} cannot be compared: {side.apart}")


def _training(sides: Sequence[Side]) -> Iterator[Caution]:
    if found := _apart(sides, _steps):
        yield Caution("steps", f"they train {found} steps: what more training does is no merit of "
                      "a configuration (P33)")  # fmt: skip
    select_best = all(side.study.selection == "best" for side in sides)
    if select_best and _more_often(sides) and (found := _apart(sides, _eval_every)):
        yield Caution("evaluations", f"they are evaluated every {found} steps: the best of more "
                      "evaluations is better by luck")  # fmt: skip
    if found := _apart(sides, _batch_size):
        yield Caution("batch-size", f"their batch sizes are {found}: a step is not the same amount "
                      "of data, nor of time")  # fmt: skip
    if found := _apart(sides, _trainer):
        yield Caution("trainer", f"the trainer or its options differ: {found}")


def _more_often(sides: Sequence[Side]) -> bool:
    every = [_budget(side.study).get("eval_every") for side in sides]
    known = [one for one in every if isinstance(one, int)]
    return bool(known) and max(known) >= MORE_OFTEN * min(known)


def _steps(side: Side) -> str:
    planned = side.trial.max_steps if side.trial else _budget(side.study).get("max_train_steps")
    return f"{planned:,}" if isinstance(planned, int) else ""


def _eval_every(side: Side) -> str:
    every = _budget(side.study).get("eval_every")
    return f"{every:,}" if isinstance(every, int) else ""


def _batch_size(side: Side) -> str:
    from labtui.analysis.kinds import meaning

    if side.trial is None:
        return ""
    named = [name for name in side.trial.params if meaning(name, {}).kind == "batch"]
    return ", ".join(value_text(side.trial.params[name]) for name in named)


def _budget(study: StudyRecord) -> Mapping[str, Any]:
    found = study.spec.get("budget")
    return found if isinstance(found, Mapping) else {}


def _trainer(side: Side) -> str:
    trainer = side.study.spec.get("trainer") or {}
    if not isinstance(trainer, Mapping):
        return clean(str(trainer))
    options = trainer.get("options") or {}
    told = f" {json.dumps(options, sort_keys=True, default=str)}" if options else ""
    return clean(f"{trainer.get('name', '')}{told}".strip())


# -- what trained them ----------------------------------------------------------------------


def _programs(sides: Sequence[Side]) -> Iterator[Caution]:
    able = [side for side in sides if side.trial is not None]
    known = [side for side in able if code_of(side)]
    for side in known[1:]:
        if files := other_code(code_of(known[0]), code_of(side)):
            between = f"{known[0].label} and {side.label}"
            yield Caution("code", f"other code: {'; '.join(files)} between {between}")
    versions = [dict(side.trial.versions) if side.trial else {} for side in able]
    packages = dict.fromkeys(name for one in versions for name in one)
    told = [
        f"{clean(name)} {apart}"
        for name in packages
        if (apart := _apart(able, partial(_version, name)))
    ]
    if told:
        yield Caution("versions", f"other versions trained them: {_few(told)}")
    if found := _apart(able, lambda side: clean(side.trial.device) if side.trial else ""):
        yield Caution("device", f"they were trained on {found}: the same seed gives other numbers "
                      "there")  # fmt: skip


def code_of(side: Side) -> Mapping[str, str]:
    """Give the files that trained a side's trial; of an imported one they are only its logs."""
    if side.trial is None or "import" in side.study.provenance:
        return {}
    return side.trial.code


def _version(name: str, side: Side) -> str:
    return (
        value_text(side.trial.versions[name]) if side.trial and name in side.trial.versions else ""
    )


# -- how they ended -------------------------------------------------------------------------


def _ends(sides: Sequence[Side]) -> Iterator[Caution]:
    for side in sides:
        name = side.label
        if side.is_study:
            left = side.study.total - side.study.ended
            if side.trial is None:
                yield Caution("state", f"no trial of {name} has completed with a value")
            elif left > 0:
                yield Caution(
                    "state",
                    f"so far: {side.study.ended} of {side.study.total} trials of {name} ended",
                )
        elif side.trial is not None and side.trial.state != "completed":
            why = f" ({clean(side.trial.reason)})" if side.trial.reason else ""
            partly = side.trial.state == "running" and side.trial.value is not None
            end = "its value is that so far" if partly else "it has no value to compare"
            yield Caution("state", f"{name} is {side.trial.state}{why}: {end}")


# -- searches -------------------------------------------------------------------------------


def _searches(sides: Sequence[Side]) -> Iterator[Caution]:
    for side in sides:
        if side.study.kind in COMPLETE:
            yield Caution(
                "evidence",
                f"{side.label} ({side.study.kind} of {clean(side.study.parent)}) trains "
                "given configurations again: its best is no result of a search",
            )
    if found := _apart(sides, lambda side: str(side.study.total)):
        yield Caution("trials", f"they are the best of {found} trials: more trials find better "
                      "ones by luck alone (P31)")  # fmt: skip
    tuned = [text for name in _varied(sides) if (text := _tuned(sides, name))]
    if tuned:
        yield Caution("tuned", f"not tuned alike: {_few(tuned)}: what is tuned has the advantage "
                      "(P06)")  # fmt: skip
    for side in sides:
        alerts = _alerts(side)
        if alerts:
            them = "it" if len(alerts) == 1 else "them"
            yield Caution(
                "alerts",
                f"{side.label} has an open alert of {_few(alerts)}: settle {them} first",
            )


def _varied(sides: Sequence[Side]) -> list[str]:
    """Name the nuisance hyperparameters of any of the searches."""
    return list(
        dict.fromkeys(
            str(one["name"])
            for side in sides
            for one in side.definitions
            if one["role"] == "nuisance"
        )
    )


def _tuned(sides: Sequence[Side], name: str) -> str:
    """Say who tunes a hyperparameter, and who has it fixed; empty where all tune it."""
    roles = [{one["role"] for one in side.definitions if one["name"] == name} for side in sides]
    named = [(side.label, own) for side, own in zip(sides, roles, strict=True)]
    tuned = [one for one, own in named if "nuisance" in own]
    fixed = [one for one, own in named if own == {"fixed"}]
    return f"{clean(name)} in {listed(tuned)}, fixed in {listed(fixed)}" if tuned and fixed else ""


def _alerts(side: Side) -> list[str]:
    from labtui.verdicts.followups_grounds import answer_text, weight

    found = side.check.verdict.findings if side.check is not None else ()
    return list(dict.fromkeys(clean(answer_text(one)) for one in found if weight(one) == "alert"))


# -- words ----------------------------------------------------------------------------------


def _apart(sides: Sequence[Side], what: Callable[[Side], str]) -> str:
    """Write who has what, where not all have the same: ``64 (a) and 128 (b)``; empty otherwise.

    What is not known of one is left out.
    """
    groups: dict[str, list[str]] = {}
    for side in sides:
        if said := what(side):
            groups.setdefault(said, []).append(side.label)
    if len(groups) < 2:
        return ""
    return listed([f"{said} ({', '.join(names)})" for said, names in groups.items()])


def _few(words: Sequence[str]) -> str:
    if len(words) <= MOST_NAMED:
        return listed(words)
    return f"{', '.join(words[:MOST_NAMED])} and {len(words) - MOST_NAMED} more"
