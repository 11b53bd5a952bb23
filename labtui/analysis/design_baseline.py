"""What another batch size, model or optimizer than the baseline's asks to tune again (P02, P03)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from labtui.analysis.design_ranges import Candidate, is_off
from labtui.analysis.design_words import listing
from labtui.analysis.designed import Designed
from labtui.analysis.findings import Finding, finding
from labtui.analysis.kinds import BETA2, EPSILON, Kind, Meaning
from labtui.analysis.optimizers import takes
from labtui.study.fields import Scalar, same, short_text

Reason = Literal["batch size", "model", "optimizer"]

REASONS: Mapping[Kind, Reason] = {
    "batch": "batch size",
    "architecture": "model",
    "choice of optimizer": "optimizer",
}
"""Kinds whose change makes the tuning of others void. The playbook says so of the batch size: most
of what interacts with it are the optimizer's and the regularization's hyperparameters (P03); of
model and optimizer, that the feasible batch sizes are to be probed again (P02)."""

_RARE = (EPSILON, BETA2)
"""Never asked to be tuned again: only studies of many trials tune them at all (P10)."""


@dataclass(frozen=True)
class Change:
    """A hyperparameter that has another value than before.

    Attributes:
        name: Its name.
        reason: What kind of thing it is.
        before: Its value then; None also where it had none.
        after: Its value now.
    """

    name: str
    reason: Reason
    before: Scalar
    after: Scalar

    def __str__(self) -> str:
        """Say what changed: ``batch_size 64 → 256``."""
        return f"{self.name} {short_text(self.before)} → {short_text(self.after)}"


@dataclass(frozen=True)
class Retune:
    """A hyperparameter whose value was tuned under others: `because` of what changed since."""

    name: str
    value: Scalar
    because: tuple[Change, ...]

    @property
    def text(self) -> str:
        """Say it: ``learning_rate (0.1): batch_size 64 → 256``."""
        return f"{self.name} ({short_text(self.value)}): {listing(map(str, self.because))}"


def changes(
    before: Mapping[str, Scalar], after: Mapping[str, Scalar], meanings: Mapping[str, Meaning]
) -> list[Change]:
    """Compare two configurations in batch size, model and optimizer.

    Args:
        before: Name → value, the trainer's defaults included.
        after: The same of the other configuration; names that only one has are left out.
        meanings: What the names are.
    """
    found = []
    for name, value in after.items():
        reason = REASONS.get(meanings[name].kind) if name in meanings else None
        if reason is not None and name in before and not same(before[name], value):
            found.append(Change(name, reason, before[name], value))
    return found


def to_retune(
    changed: Sequence[Change],
    params: Mapping[str, Scalar],
    meanings: Mapping[str, Meaning],
    tuned: Collection[str] = (),
) -> list[Retune]:
    """List what is to be tuned again after changes.

    Args:
        changed: What changed since it was tuned.
        params: The configuration as it is.
        meanings: What its names are.
        tuned: What has been tuned since.

    Returns:
        Parameters of the optimizer that it takes, and strengths of regularization that are used.
    """
    if not changed:
        return []
    rules = [v for n, v in params.items() if meanings[n].kind == "choice of optimizer"]
    return [
        Retune(name, value, tuple(changed))
        for name, value in params.items()
        if name not in tuned
        and not is_off(value)
        and _is_tuned(Candidate(name, meanings[name], value), [str(rule) for rule in rules])
    ]


def _is_tuned(one: Candidate, rules: Sequence[str]) -> bool:
    if one.meaning.kind == "regularization":
        return True
    if one.meaning.kind != "optimizer" or one.meaning.part in _RARE:
        return False
    return not rules or any(takes(one, rule, rules) for rule in rules)


@dataclass(frozen=True)
class Step:
    """A baseline that took the place of another.

    Attributes:
        before: The configuration that was given up.
        after: That of the new baseline.
        tuned: What completed studies tuned since, under each of its changed values: names.
    """

    before: Mapping[str, Scalar]
    after: Mapping[str, Scalar]
    tuned: frozenset[str] = frozenset()


def pending(steps: Iterable[Step], meanings: Mapping[str, Meaning]) -> list[Retune]:
    """List what a workload's baseline has to be re-tuned in, over all of its lineage.

    Args:
        steps: From the first baseline to the current one, oldest first. What one of them made
            necessary stays so until a study tuned it, or the change was taken back: an earlier
            baseline had both values together.
        meanings: What the hyperparameters are.
    """
    line = list(steps)
    if not line:
        return []
    params = line[-1].after
    found: dict[str, list[Change]] = {}
    for place, step in enumerate(line):
        kept = [c for c in changes(step.before, step.after, meanings) if _lasts(c, params)]
        for one in to_retune(kept, params, meanings, step.tuned):
            new = [c for c in one.because if not _were_together(line[:place], c, one)]
            if new:
                found.setdefault(one.name, []).extend(new)
    return [Retune(name, params[name], tuple(because)) for name, because in found.items()]


def _lasts(change: Change, params: Mapping[str, Scalar]) -> bool:
    return change.name in params and same(params[change.name], change.after)


def _were_together(line: Sequence[Step], change: Change, one: Retune) -> bool:
    wanted = {change.name: change.after, one.name: one.value}
    return any(
        all(n in step.before and same(step.before[n], v) for n, v in wanted.items())
        for step in line
    )


# -- a study against the baseline ---------------------------------------------------------------


def judge_against_baseline(design: Designed, baseline: Mapping[str, Scalar]) -> Iterator[Finding]:
    """Say what a study leaves as the baseline has it, though batch size, model or optimizer differ.

    Args:
        design: The study, with what it takes from the baseline.
        baseline: The baseline's configuration, the trainer's defaults included.
    """
    fixed = {
        name: definitions[0].value
        for name, definitions in design.study.hyperparameters.items()
        if len(definitions) == 1 and definitions[0].role == "fixed"
    }
    changed = changes(baseline, fixed, design.meanings)
    varied = [name for name in design.study.hyperparameters if design.varied(name)]
    whole = {n: v for n, v in {**baseline, **fixed}.items() if n in design.meanings}
    kept = to_retune(changed, whole, design.meanings, varied)
    if not kept:
        return
    names = [one.name for one in kept]
    told = ", ".join(f"{one.name}={short_text(one.value)}" for one in kept)
    evidence: dict[str, Any] = {
        "changed": [{"name": c.name, "baseline": c.before, "study": c.after} for c in changed],
        "to_retune": {one.name: one.value for one in kept},
    }
    probe = ""
    if any(change.reason != "batch size" for change in changed):
        probe = " Probe the batch sizes again (`labtui probe batch-size`)."
    yield finding(
        "retune",
        "warning",
        f"{listing(map(str, changed))} against the baseline, and {told} "
        f"{'stays' if len(names) == 1 else 'stay'} as tuned before that.",
        f"Make {listing(names)} nuisance.{probe}",
        subject={"hyperparameter": changed[0].name} if len(changed) == 1 else {},
        evidence=evidence,
    )
