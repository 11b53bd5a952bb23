"""A trial's configuration beside the baseline's and the best one's of its study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labtui.store.errors import LabError
from labtui.study.fields import same
from labtui.verdicts.text import MISSING, clean, domain_text, value_text

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.store.records import BaselineRecord, StudyRecord, TrialRecord

UNSET = object()
"""The value of a hyperparameter that a configuration does not have."""

DIFFERS = "≠"
"""Marks a value that is not the trial's."""


@dataclass(frozen=True)
class Other:
    """A configuration that the trial is compared with.

    Attributes:
        label: ``baseline`` or ``best``.
        name: The trial it is of; empty for a baseline that was set by hand.
        params: Every hyperparameter of it.
    """

    label: str
    name: str
    params: Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """One hyperparameter.

    Attributes:
        role: Its role and the values that it can take in the study; empty where unknown.
        value: The trial's; `UNSET` where it has none.
        others: The value in each of the others, in their order.
    """

    name: str
    role: str
    value: Any
    others: tuple[Any, ...]

    @property
    def differs(self) -> tuple[bool, ...]:
        """Whether the value of each of the others is another one."""
        return tuple(not alike(self.value, other) for other in self.others)


@dataclass(frozen=True)
class Beside:
    """A trial's hyperparameters, side by side with the others there are.

    Attributes:
        remarks: Why an other is not there: no baseline, or the trial is it.
    """

    trial: str
    others: tuple[Other, ...]
    rows: tuple[Row, ...]
    remarks: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """Give it as JSON: ``{"others": [{"label", "trial", "params", "differs"}], "remarks"}``."""
        return {
            "others": [
                {
                    "label": one.label,
                    "trial": one.name or None,
                    "params": dict(one.params),
                    "differs": [row.name for row in self.rows if row.differs[place]],
                }
                for place, one in enumerate(self.others)
            ],
            "remarks": list(self.remarks),
        }


def beside(lab: Lab, study: StudyRecord, trial: TrialRecord) -> Beside:
    """Put a trial beside the baseline that its study was planned against, and its study's best.

    Without such a baseline it is the workload's present one.
    """
    others: list[Other] = []
    remarks: list[str] = []
    for found in (_baseline(lab, study, trial), _best(lab, study, trial)):
        if isinstance(found, Other):
            others.append(found)
        else:
            remarks.append(found)
    rows = _rows(trial.params, others, lab.hyperparameters(study.name))
    return Beside(trial.name, tuple(others), tuple(rows), tuple(remarks))


def alike(left: Any, right: Any) -> bool:
    """Tell whether two values, either of which may be unset, are one."""
    if left is UNSET or right is UNSET:
        return left is right
    return same(left, right)


def value_cell(value: Any) -> str:
    """Write a value that may be unset."""
    return MISSING if value is UNSET else value_text(value)


def roles(definitions: Sequence[Mapping[str, Any]], params: Mapping[str, Any]) -> dict[str, str]:
    """Write the role of every hyperparameter, and its values in a configuration's conditions."""
    found: dict[str, str] = {}
    for one in definitions:
        name = str(one["name"])
        if name not in found or in_force(one, params):
            said = f"{one['role']}: {domain_text(one)}" if one["role"] != "fixed" else "fixed"
            found[name] = said
    return found


def in_force(definition: Mapping[str, Any], params: Mapping[str, Any]) -> bool:
    """Tell whether a configuration meets the condition of a definition."""
    conditions = (definition.get("when") or {}).items()
    return all(
        params.get(name) in (allowed if isinstance(allowed, list) else [allowed])
        for name, allowed in conditions
    )


def _rows(
    params: Mapping[str, Any], others: Sequence[Other], definitions: Sequence[Mapping[str, Any]]
) -> list[Row]:
    said = roles(definitions, params)
    everywhere = [params, *(one.params for one in others)]
    # What is compared comes first, as the study file has it; what only the others have comes last.
    names = dict.fromkeys([*(name for name in said if name in params), *params])
    names.update(dict.fromkeys(name for one in everywhere for name in one))
    return [
        Row(
            name,
            said.get(name, ""),
            params.get(name, UNSET),
            tuple(one.params.get(name, UNSET) for one in others),
        )
        for name in names
    ]


def _baseline(lab: Lab, study: StudyRecord, trial: TrialRecord) -> Other | str:
    found = _baseline_of(lab, study)
    if found is None:
        return (
            f"no baseline yet: workload {clean(study.workload)} has none; "
            f"`labtui launch {clean(study.name)}` makes one"
        )
    if found.trial and found.trial == trial.name:
        return "this trial is the baseline"
    from labtui.verdicts.baselines import whole_params

    return Other("baseline", found.trial, whole_params(found))


def _baseline_of(lab: Lab, study: StudyRecord) -> BaselineRecord | None:
    known = lab.baselines(study.workload)
    planned = next((one for one in known if one.id == study.baseline), None)
    return planned or lab.baseline(study.workload)


def _best(lab: Lab, study: StudyRecord, trial: TrialRecord) -> Other | str:
    if study.best_trial is None:
        return "no best yet: no trial of the study has completed"
    if study.best_trial == trial.number:
        return "this trial is the best of its study"
    name = f"{study.name}/{study.best_trial}"
    try:
        return Other("best", name, lab.trial(name).params)
    except LabError:
        return f"the best trial {clean(name)} cannot be read"
