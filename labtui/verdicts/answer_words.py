"""The words that answers to a study's question are made of."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from labtui.store.records import StudyRecord, TrialRecord
from labtui.verdicts.text import clean, number

if TYPE_CHECKING:
    from labtui.verdicts.reruns import Reruns


@dataclass(frozen=True)
class Answer:
    """What a study says to its question.

    Attributes:
        text: The sentence.
        supported: Whether reruns support an order of these arms; None where there is none to ask.
        claim: What a supported order is about: ``arms``, where it exceeds the luck of the search
            too, else ``configurations``; empty for none.
        caveats: What it holds for, and what stands against it.
        command: What would make it surer; empty where nothing would.
        numbers: What it was made from.
    """

    text: str
    supported: bool | None = None
    caveats: tuple[str, ...] = ()
    command: str = ""
    numbers: Mapping[str, Any] = field(default_factory=dict)
    claim: str = ""

    @property
    def sentence(self) -> str:
        """The sentence with its caveats."""
        return " ".join([self.text, *(f"{one[:1].upper()}{one[1:]}." for one in self.caveats)])

    def document(self) -> dict[str, Any]:
        """Give it as JSON, by the names of its attributes."""
        return {
            "text": self.text,
            "supported": self.supported,
            "claim": self.claim,
            "caveats": list(self.caveats),
            "command": self.command,
            "numbers": dict(self.numbers),
        }


NO_ANSWER = Answer("")
"""For what has no question."""


def metric_words(metric: str) -> str:
    """Write a metric in words: ``validation/error_rate`` is a validation error rate."""
    return clean(metric.replace("/", " ").replace("_", " "))


def short_arm(arm: str, arms: Sequence[str]) -> str:
    """Name an arm by its value alone, where that is a word: ``nesterov``, but ``depth=2``."""
    name, equals, value = arm.partition("=")
    alike = all(one.startswith(f"{name}=") and ", " not in one for one in arms)
    plain = value[:1].isalpha() and value not in ("true", "false", "null")
    return clean(value if equals and alike and plain else arm)


def rerun_command(
    study: StudyRecord, trial: TrialRecord | None = None, *, arms: bool = False
) -> str:
    """Write the command that reruns a trial, or every arm's best."""
    if trial is not None:
        return f"labtui rerun {shlex.quote(trial.name)}"
    return f"labtui rerun {shlex.quote(study.name)}{' --arms' if arms else ''}"


def deviation_words(deviation: float) -> str:
    """Write a deviation of reruns; that there is none is said."""
    if deviation == 0:
        return "no deviation at all: training leaves nothing to chance"
    return f"deviation {deviation:.2g}"


def listed(words: Sequence[str]) -> str:
    """Write several things in a row: ``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def rerun_words(found: Reruns) -> str:
    """Say in a sentence what reruns of one trial came to."""
    spread = found.spread
    what = f"reruns of {found.trial or 'a configuration'}"
    if spread.mean is None:
        if not spread.reruns:
            return f"no rerun of {found.trial or 'a configuration'} has ended."
        return f"none of {spread.reruns} {what} could be trained."
    parts = [f"{spread.feasible} {what} have mean {number(spread.mean)}"]
    if spread.deviation is None:
        parts[0] += "; one says nothing about their deviation"
    else:
        parts[0] += f" and {deviation_words(spread.deviation)}"
        if spread.low is not None and spread.high is not None:
            parts[0] += f" (90 % interval {spread.low:.2g} to {spread.high:.2g})"
    if found.selected is not None and found.flattered is not None:
        luck = "better than their mean: luck of being selected"
        if found.flattered <= 0:
            luck = "worse than their mean" if found.flattered else "their mean exactly"
        by = f"{abs(found.flattered):.2g} " if found.flattered else ""
        parts.append(f"its own {number(found.selected)} was {by}{luck}")
    if spread.infeasible:
        parts.append(f"{spread.infeasible} of {spread.reruns} reruns could not be trained")
    if found.changed:
        parts.append(f"since that was trained, {found.changed}")
    if found.left_out:
        parts.append(f"{found.left_out} earlier reruns by other code or versions are left out")
    return f"{'; '.join(parts)}."


def rerun_numbers(found: Reruns) -> dict[str, Any]:
    """Give what reruns of one trial came to, by name."""
    spread = found.spread
    return {
        "trial": found.trial,
        "reruns": spread.reruns,
        "infeasible": spread.infeasible,
        "mean": spread.mean,
        "deviation": spread.deviation,
        "deviation_low": spread.low,
        "deviation_high": spread.high,
        "min": spread.least,
        "max": spread.most,
        "selected": found.selected,
        "flattered": found.flattered,
        "sample_error": found.sample,
        "waiting": found.waiting,
        "left_out": found.left_out,
        "changed": found.changed,
    }
