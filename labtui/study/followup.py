"""The next study, made from the one before it: what changes, each change with its reason."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from labtui.study.checks import study_issues
from labtui.study.followup_text import Path, commented_study
from labtui.study.model import Study
from labtui.study.plan import arms, total_trials
from labtui.study.repeat import fresh_seed
from labtui.study.space import Dimension

KINDS: dict[str, str] = {
    "widen": "the range whose end the best trials crowd at is extended (P14)",
    "warmup": "a sweep of warmup lengths at 10 times the rate that became unstable (P40)",
    "warmup-schedule": "the shortest warmup that trains is prepended to the schedule (P40)",
    "clip": "gradients are clipped at the 90th percentile of their norms (P41)",
    "regularize": "a regularizer is tuned beside the rest (P18)",
    "longer": "twice the steps, the decay tuned again (P33, P35)",
    "shorter": "as many steps as the best checkpoints needed, with a margin (P33)",
    "narrow": "the ranges are cut to the good region; new points only (P15, P16)",
    "extend": "more points of the same sequence, in the same study (P12)",
    "split": "one scientific hyperparameter a study, one question each (P05)",
    "fix": "what makes no difference is fixed at the best trial's value (P26)",
    "replica": "the same study under another search seed (P29)",
    "dense-probe": "a short run at twice the best rate, evaluated after every step (P39)",
    "exploit": "Bayesian optimization in the good region, from the parent's trials (P13)",
    "full-length": "the best configurations at ten times the length, schedules extended (P35)",
    "first-length": "rates swept without decay and regularization: how long a fit takes (P34)",
    "length": "the study before a first-length sweep, at the length that this found (P34)",
}
"""Every kind of follow-up and what it changes, the most important first among equal findings."""


class Impossible(Exception):
    """A follow-up of that kind cannot be made of this study; the message says why."""

    exit_code = 2


@dataclass(frozen=True)
class FollowUp:
    """A study that goes on from another one.

    Attributes:
        kind: One of `KINDS`.
        study: The study, checked.
        text: Its file, with a comment for every change.
        extends: Whether it is the parent itself with a larger budget.
    """

    kind: str
    study: Study
    text: str
    extends: bool = False

    @property
    def trials(self) -> int:
        """Trials in all."""
        return total_trials(self.study)


@dataclass(frozen=True)
class Change:
    """Another range or list of values for one definition of a hyperparameter.

    Attributes:
        name: The hyperparameter.
        index: Which of its definitions.
        why: The comment.
        range: The range from now on; None for a list.
        values: The list; None for a range.
    """

    name: str
    index: int
    why: str
    range: tuple[float, float] | None = None
    values: Sequence[Any] | None = None


def question(goal: str, change: str) -> str:
    """Write the parent's question with what changes, in place of the last change of that sort.

    Args:
        goal: The parent's.
        change: Without brackets, as ``wider learning_rate``; its first word is the sort.
    """
    before = re.fullmatch(r"(.*) \(([^()]*)\)", goal, re.DOTALL)
    same = before is not None and before[2].split(" ")[0] == change.split(" ")[0]
    return f"{before[1] if before is not None and same else goal} ({change})"


def child_name(parent: str, suffix: str, taken: Collection[str]) -> str:
    """Name a follow-up: ``digits-widen``, then ``digits-widen-2``, also after ``digits-widen``."""
    stem = re.sub(rf"-{re.escape(suffix)}(-\d+)?$", "", parent)
    base, number = f"{stem}-{suffix}", 2
    name = base
    while name in taken:
        name, number = f"{base}-{number}", number + 1
    return name


class Draft:
    """A study being changed: its document, and why each part of it is as it is."""

    def __init__(self, parent: Study, kind: str, name: str, *, seed: int | None = None) -> None:
        """Begin with the parent, under another name and seed.

        Args:
            parent: The study it goes on from.
            kind: One of `KINDS`.
            name: Its own name.
            seed: Its seed; by default derived, so that its points are not the parent's again.
        """
        self.parent, self.kind = parent, kind
        self.document: dict[str, Any] = {**parent.to_json(), "study": name, "notes": ""}
        self.comments: dict[Path, str] = {}
        self.head: list[str] = []
        self.document["seed"] = fresh_seed(parent.seed, f"{kind} {name}") if seed is None else seed
        self.document["sampler"] = "halton"
        if seed is None:
            self.say("seed", text=f"derived from the parent's {parent.seed}: no point comes twice")

    @property
    def definitions(self) -> dict[str, list[dict[str, Any]]]:
        """The definitions of every hyperparameter, as JSON has them."""
        found: dict[str, list[dict[str, Any]]] = self.document["hyperparameters"]
        return found

    def say(self, *path: str | int, text: str) -> None:
        """Comment on a part."""
        known = self.comments.get(path)
        self.comments[path] = f"{known}; {text}" if known else text

    def put(self, key: str, value: Any, why: str = "") -> None:
        """Set a field of the study."""
        self.document[key] = value
        if why:
            self.say(key, text=why)

    def budget(self, why: str = "", **values: Any) -> None:
        """Set fields of the budget."""
        self.document["budget"] = {**self.document["budget"], **values}
        if why:
            self.say("budget", text=why)

    def define(self, name: str, definition: Mapping[str, Any], why: str = "") -> None:
        """Give a hyperparameter one definition, in place of all that it has."""
        self.definitions[name] = [dict(definition)]
        if why:
            self.say("hyperparameters", name, text=why)

    def fix(self, name: str, value: Any, why: str = "") -> None:
        """Fix a hyperparameter."""
        self.define(name, {"role": "fixed", "value": value}, why)

    def change(self, one: Change) -> None:
        """Give one definition of a hyperparameter another range or list."""
        definition = self.definitions[one.name][one.index]
        if one.range is not None:
            definition["range"] = _whole(one.range, definition)
        else:
            definition["values"] = list(one.values or ())
        self.say("hyperparameters", one.name, one.index, text=one.why)

    def fix_all(self, params: Mapping[str, Any]) -> None:
        """Fix everything at one configuration; what that configuration lacks is dropped."""
        self.put("hyperparameters", {})
        for name, value in params.items():
            self.fix(name, value)
        self.comments.pop(("seed",), None)
        self.put("design", "configurations")
        self.put("configurations", [{}])
        kept = {k: v for k, v in self.document["budget"].items() if k != "trials"}
        self.document["budget"] = {**kept, "repetitions": 1}

    def finish(self, goal: str, answers: Sequence[str] = ()) -> FollowUp:
        """Write the study down and check it.

        Args:
            goal: Its question, in words.
            answers: The parent's findings that it answers.

        Raises:
            Impossible: It is no study that can be used.
        """
        self.document["goal"] = goal
        self.document["follows"] = {
            "study": self.parent.study,
            "kind": self.kind,
            "answers": list(answers),
        }
        self.drop_dead()
        try:
            study = Study.from_json(self.document)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise Impossible(f"{place}: {first['msg']}") from None
        text = commented_study(study, self.comments, self.head)
        return FollowUp(self.kind, checked(study), text)

    def drop_dead(self) -> None:
        """Drop definitions whose conditions cannot hold any more, and what depends on them."""
        while True:
            alive = {
                name: [one for one in listed if self._can_hold(one)]
                for name, listed in self.definitions.items()
            }
            alive = {name: listed for name, listed in alive.items() if listed}
            if alive == self.definitions:
                return
            self.put("hyperparameters", alive)

    def _can_hold(self, definition: Mapping[str, Any]) -> bool:
        return all(
            any(_holds(one, value) for one in self.definitions.get(parent, ()) for value in allowed)
            for parent, allowed in (definition.get("when") or {}).items()
        )


def checked(study: Study) -> Study:
    """Check a study, and count its configurations, as reading its file does.

    Raises:
        Impossible: It is no study that can be used; says what is wrong first.
    """
    for issue in study_issues(study, yes=True):
        place = ".".join(map(str, issue.location))
        found = f"found {issue.found}; " if issue.found else ""
        raise Impossible(f"{place}: {found}expected {issue.expected}")
    trials = len(arms(study)) if study.design == "configurations" else study.budget.trials
    budget = study.budget.model_copy(update={"trials": trials})
    return study.model_copy(update={"budget": budget})


def _holds(definition: Mapping[str, Any], value: Any) -> bool:
    from labtui.study.model import Hyperparameter

    return Dimension(Hyperparameter.model_validate(definition)).holds(value)


def _whole(bounds: tuple[float, float], definition: Mapping[str, Any]) -> list[float]:
    return [round(b) if definition.get("integer") else b for b in bounds]
