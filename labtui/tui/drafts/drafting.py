"""A study while it is designed: the mapping of its file, and the edits that make another of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from labtui.analysis.design_ranges import (
    Candidate,
    is_number,
    search_range,
    values_to_compare,
)
from labtui.analysis.design_roles import CHOICE, propose_roles
from labtui.analysis.kinds import Meaning, meaning
from labtui.analysis.optimizers import is_adaptive
from labtui.study.fields import Scalar, same
from labtui.study.followup_text import Path

Definition = Mapping[str, Any]

ROLES = {"s": "scientific", "n": "nuisance", "f": "fixed"}
"""The roles by their keys (P06)."""

BY_HAND = {
    "scientific": "Scientific: what the study compares.",
    "nuisance": "Nuisance, as chosen: tuned for each arm (P06).",
    "fixed": "Fixed, as chosen: a caveat of the conclusion (P06).",
}
"""What the file says of roles that a person chose."""

_PREFERRED = ("adam", "nesterov", "momentum")
"""Which optimizer of another kind is proposed beside the present one, as `labtui init` does."""


@dataclass(frozen=True)
class Row:
    """A hyperparameter on the screen.

    Attributes:
        name: Its name.
        index: Which of its definitions; -1 for one that the study does not name.
        definition: As the file has it; empty where the study does not name it.
        candidate: What is known of it; None for a name that only the person knows.
    """

    name: str
    index: int
    definition: Definition
    candidate: Candidate | None

    @property
    def role(self) -> str:
        """Its role; empty where the study does not name it."""
        return str(self.definition.get("role", ""))

    @property
    def meaning(self) -> Meaning:
        """What kind of thing it is."""
        return self.candidate.meaning if self.candidate is not None else meaning(self.name, {})


@dataclass(frozen=True)
class Draft:
    """A study being designed.

    Attributes:
        document: As its file has it; every hyperparameter has a list of definitions.
        candidates: What is known of the workload's hyperparameters, by name.
        reasons: Why each hyperparameter has its role, where roles were proposed.
        comments: What its file says above its parts, where it follows another study.
        head: What its file says first, a line each.
        left_out: Names that nothing here that trains has a use for.
        source: Where the values are from, for people.
        by_hand: Names that the person has set.
        remembered: What a definition was in each role that it had.
        extends: Whether it is a study of the lab with a larger budget.
        suggested: Which of ``study`` and ``goal`` nobody has written yet.
    """

    document: Mapping[str, Any]
    candidates: Mapping[str, Candidate] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    comments: Mapping[Path, str] = field(default_factory=dict)
    head: Sequence[str] = ()
    left_out: Sequence[str] = ()
    source: str = ""
    by_hand: frozenset[str] = frozenset()
    remembered: Mapping[tuple[str, int, str], Definition] = field(default_factory=dict)
    extends: bool = False
    suggested: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """Of the study."""
        return str(self.document.get("study", ""))

    @property
    def definitions(self) -> Mapping[str, Sequence[Definition]]:
        """The definitions of every hyperparameter."""
        found: Mapping[str, Sequence[Definition]] = self.document.get("hyperparameters") or {}
        return found

    def rows(self) -> list[Row]:
        """Give its hyperparameters in their order, then those that it leaves at their defaults."""
        named = [
            Row(name, index, one, self.candidates.get(name))
            for name, listed in self.definitions.items()
            for index, one in enumerate(listed)
        ]
        configured = {name for one in self.document.get("configurations") or () for name in one}
        rest = [
            Row(name, -1, {}, one)
            for name, one in self.candidates.items()
            if name not in self.definitions and name not in configured
        ]
        return named + rest

    def get(self, path: Sequence[str]) -> Any:
        """Give a field, ``("budget", "trials")``; None where it is left out."""
        found: Any = self.document
        for key in path:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found


def listed(document: Mapping[str, Any]) -> dict[str, Any]:
    """Give every hyperparameter of a file a list of definitions."""
    found = document.get("hyperparameters") or {}
    each = {name: list(one) if isinstance(one, list) else [one] for name, one in found.items()}
    return {**document, "hyperparameters": each}


# -- fields -------------------------------------------------------------------------------------


def put(draft: Draft, path: Sequence[str], value: Any) -> Draft:
    """Set a field; what the file said above it no longer holds."""
    comments = {where: text for where, text in draft.comments.items() if where != (path[0],)}
    return replace(
        draft,
        document=_put(draft.document, path, value),
        comments=comments,
        suggested=draft.suggested - {path[0]},
    )


def _put(document: Mapping[str, Any], path: Sequence[str], value: Any) -> dict[str, Any]:
    first, *rest = path
    if not rest:
        return {**document, first: value}
    below = document.get(first)
    return {**document, first: _put(below if isinstance(below, Mapping) else {}, rest, value)}


# -- hyperparameters ----------------------------------------------------------------------------


def define(draft: Draft, row: Row, definition: Definition) -> Draft:
    """Give a row another definition, set by hand."""
    present = list(draft.definitions.get(row.name, ()))
    if row.index < 0:
        present = [definition]
    else:
        present[row.index] = definition
    remembered = dict(draft.remembered)
    if row.role:
        remembered[row.name, row.index, row.role] = row.definition
    role_kept = row.role == definition.get("role")
    changed = replace(
        _with(draft, row.name, present),
        remembered=remembered,
        by_hand=draft.by_hand | {row.name},
    )
    if not role_kept and draft.reasons:
        reasons = {**draft.reasons, row.name: BY_HAND[str(definition["role"])]}
        changed = replace(changed, reasons=reasons)
    return propose(changed) if _rules_others(draft, row) else changed


def set_role(draft: Draft, row: Row, role: str) -> Draft:
    """Give a row a role: with the values it had in that role, else with sensible ones (P06)."""
    if row.role == role:
        return draft
    before = draft.remembered.get((row.name, row.index, role))
    made = dict(before) if before is not None else turned(row, role)
    made.pop("when", None)
    when = {"when": row.definition["when"]} if row.definition.get("when") else {}
    return define(draft, row, {**made, **when})


def set_condition(draft: Draft, row: Row, when: Mapping[str, Any]) -> Draft:
    """Say when a row exists; nothing is always (P07)."""
    plain = {key: value for key, value in row.definition.items() if key != "when"}
    return define(draft, row, {**plain, **({"when": dict(when)} if when else {})})


def leave_out(draft: Draft, row: Row) -> Draft:
    """Take a row out: what the study does not name has its default, or the baseline's value."""
    if row.index < 0:
        return draft
    present = [one for index, one in enumerate(draft.definitions[row.name]) if index != row.index]
    changed = replace(_with(draft, row.name, present), by_hand=draft.by_hand | {row.name})
    return propose(changed) if _rules_others(draft, row) else changed


def add_definition(draft: Draft, row: Row) -> Draft:
    """Give a name one more definition, for another condition."""
    if row.index < 0:
        return draft
    present = list(draft.definitions[row.name])
    present.insert(row.index + 1, dict(row.definition))
    return replace(_with(draft, row.name, present), by_hand=draft.by_hand | {row.name})


def add_name(draft: Draft, name: str, value: Scalar) -> Draft:
    """Add a hyperparameter that only the person's script knows, fixed at a value."""
    changed = _with(draft, name, [{"role": "fixed", "value": value}])
    reasons = {**draft.reasons, name: BY_HAND["fixed"]} if draft.reasons else draft.reasons
    known = {**draft.candidates, name: Candidate(name, meaning(name, {}), value)}
    by_hand = draft.by_hand | {name}
    return replace(changed, reasons=reasons, candidates=known, by_hand=by_hand)


def _with(draft: Draft, name: str, present: Sequence[Definition]) -> Draft:
    """Replace the definitions of a name; what the file said above them no longer holds."""
    every = {**draft.definitions, name: list(present)}
    if not present:
        del every[name]
    comments = {
        where: text
        for where, text in draft.comments.items()
        if where[:2] != ("hyperparameters", name)
    }
    document = {**draft.document, "hyperparameters": every}
    return replace(draft, document=document, comments=comments)


# -- what a role makes of a definition ----------------------------------------------------------


def turned(row: Row, role: str) -> dict[str, Any]:
    """Give the definition of a row in another role, without its condition."""
    if role == "fixed":
        return {"role": role, "value": _one_value(row)}
    if row.definition.get("values") is not None:
        return {"role": role, "values": list(row.definition["values"])}
    one = _present(row)
    if role == "scientific":
        return {"role": role, "values": _compared(one)}
    if is_number(one.value) or (one.declared is not None and one.declared.low is not None):
        found = search_range(one)
        low, high = found["range"]
        if low < high:
            return {"role": role, **found}
    return {"role": role, "values": _compared(one)}


def _present(row: Row) -> Candidate:
    """Give what is known of a row, at the value that it has."""
    value = _one_value(row)
    if row.candidate is None:
        return Candidate(row.name, row.meaning, value)
    return replace(row.candidate, value=value)


def _one_value(row: Row) -> Scalar:
    """Give the value that a row is fixed at: the workload's own if it may have it."""
    from labtui.study.model import Hyperparameter
    from labtui.study.space import Dimension

    own: Scalar = row.candidate.value if row.candidate is not None else None
    if not row.definition:
        return own
    if row.role == "fixed":
        found: Scalar = row.definition.get("value")
        return found
    values = row.definition.get("values")
    if values is not None:
        return own if any(same(own, value) for value in values) else values[0]
    dimension = Dimension(Hyperparameter.model_validate(dict(row.definition)))
    if is_number(own) and dimension.holds(own):
        return own
    middle = dimension.value(0.5)
    return float(f"{middle:.2g}") if isinstance(middle, float) else middle


def _compared(one: Candidate) -> list[Scalar]:
    others: list[str] = []
    if one.meaning.kind == CHOICE and one.declared is not None:
        own = is_adaptive(str(one.value))
        known = sorted(map(str, one.declared.values), key=lambda v: v not in _PREFERRED)
        others = [value for value in known if is_adaptive(value) != own][:1]
    return values_to_compare(one, others) or [one.value]


# -- proposed roles -----------------------------------------------------------------------------


def _rules_others(draft: Draft, row: Row) -> bool:
    """Tell whether other hyperparameters exist only for some values of a row (P07)."""
    if not draft.reasons:
        return False
    categories = row.candidate is not None and isinstance(row.candidate.value, str)
    return row.meaning.kind == CHOICE or (row.meaning.kind == "schedule" and categories)


def propose(draft: Draft) -> Draft:
    """Propose the roles of all that no person has set, by what is compared and the budget."""
    if not draft.reasons:
        return draft
    known = list(_candidates(draft))
    trials = draft.get(("budget", "trials"))
    roles = propose_roles(known, compared(draft), trials if isinstance(trials, int) else 1)
    made = {name: listed for group in roles.groups for name, listed in group.definitions.items()}
    why = {name: group.why for group in roles.groups for name in group.definitions}
    every: dict[str, Any] = {}
    for name in [*made, *(n for n in draft.definitions if n not in made)]:
        if name not in draft.by_hand:
            every |= {name: made[name]} if name in made else {}
        elif name in draft.definitions:
            every[name] = draft.definitions[name]
            why[name] = draft.reasons.get(name, why.get(name, ""))
    return replace(
        draft,
        document={**draft.document, "hyperparameters": every},
        reasons={name: why[name] for name in every if name in why},
        left_out=[name for name in roles.left_out if name not in every],
    )


def _candidates(draft: Draft) -> Iterator[Candidate]:
    """Give all that is known, at the values that the person has fixed."""
    for name, one in draft.candidates.items():
        present = draft.definitions.get(name, ())
        by_hand = name in draft.by_hand and len(present) == 1 and present[0]["role"] == "fixed"
        yield replace(one, value=present[0]["value"]) if by_hand else one


def compared(draft: Draft) -> dict[str, Sequence[Scalar]]:
    """Give what is scientific, name → values."""
    return {
        name: present[0]["values"]
        for name, present in draft.definitions.items()
        if present[0]["role"] == "scientific" and present[0].get("values") is not None
    }
