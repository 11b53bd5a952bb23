"""Some of a study's trials in an order: what the table of the screen shows, for a command."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from labtui.store.lab import Lab
from labtui.store.records import StudyRecord, TrialRecord
from labtui.verdicts.exports import metric_goals
from labtui.verdicts.filters import in_order
from labtui.verdicts.trial_fields import (
    PARAMETER,
    Known,
    fields,
    language,
    metric_of,
    parameters,
    read_metric,
    written,
)


@dataclass(frozen=True)
class TableChoice:
    """What of a table of trials was asked for.

    Attributes:
        text: Terms of the filter; see `labtui.verdicts.filters.Language`.
        sort: The field to sort by, the best or smallest first; empty for the order of the numbers.
        reverse: The other way round; trials without a value come last either way.
        columns: The fields to show; empty for the usual ones.
    """

    text: str = ""
    sort: str = ""
    reverse: bool = False
    columns: Sequence[str] = ()

    def __bool__(self) -> bool:
        """Whether anything was asked."""
        return bool(self.text.strip() or self.sort or self.reverse or self.columns)


@dataclass(frozen=True)
class ChosenTrials:
    """What came of it.

    Attributes:
        trials: Those that the filter keeps, in their order.
        columns: The names of the fields that were asked for.
        cells: What they say of each trial, for people; empty where none were asked for.
        numeric: Whether a field holds numbers.
    """

    trials: list[TrialRecord]
    columns: list[str]
    cells: list[list[str]]
    numeric: list[bool]


def choose_trials(
    lab: Lab, study: StudyRecord, trials: Sequence[TrialRecord], asked: TableChoice
) -> ChosenTrials:
    """Filter and sort the trials of a study by what the screen's table shows of them.

    Args:
        lab: Where its metrics and tags are.
        study: The study.
        trials: Its trials.
        asked: What is to be shown.

    Raises:
        BadFilter: A field that there is not, or a bound that is not a number.
        LabError: The lab cannot be read.
    """
    names = [name for name in lab.metrics(study.name) if name != study.metric]
    known = Known(lab.tags(), names, metric_goals(lab, study), marked=None)
    found = fields(study, parameters(lab.hyperparameters(study.name), study), known)
    spoken, more = language(found, known)
    # as in the language, a field goes before a hyperparameter of its name
    keys = {key.removeprefix(PARAMETER): key for key in found} | {key: key for key in spoken.fields}
    columns = [spoken.name(name, more) for name in asked.columns]
    order = spoken.name(asked.sort, more) if asked.sort else ""
    wanted = spoken.asked(asked.text, more) | {*columns, order}
    for metric in {metric_of(name) for name in wanted} - {""}:
        known.metrics[metric] = read_metric(lab, study.name, metric, known.goals.get(metric))
    kept = list(filter(spoken.parse(asked.text, more), trials))
    if order:
        kept = in_order(kept, found[keys[order]].order, reverse=asked.reverse)
    elif asked.reverse:
        kept.reverse()
    values = [[found[keys[name]].value(trial) for name in columns] for trial in kept]
    return ChosenTrials(
        kept,
        columns,
        [
            [written(keys[name], one) for name, one in zip(columns, row, strict=True)]
            for row in values
        ],
        [_is_numeric(row[place] for row in values) for place in range(len(columns))],
    )


def _is_numeric(values: Iterable[object]) -> bool:
    return all(one is None or isinstance(one, (int, float)) for one in values)
