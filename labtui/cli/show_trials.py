"""`labtui show NAME --filter …`: the trials of a study as the table of the screen has them."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from labtui.cli.common import Misuse
from labtui.cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.store.records import StudyRecord, TrialRecord
    from labtui.verdicts.objective import Asked
    from labtui.verdicts.trial_choice import ChosenTrials

TRIAL_HEADERS = ("trial", "state", "best", "step", "last", "arm", "nuisance", "reason")

FilterOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--filter",
        metavar="TERMS",
        help="Of a study: trials that satisfy every term, as 'lr<1e-3 state:completed -tag:slow'.",
    ),
]
TrialsOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--trials", metavar="N,N…", help="Of a study: trials by their numbers."),
]
SortOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--sort", metavar="COLUMN", help="Of a study: its trials by best, state, lr, …"),
]
ReverseOption: TypeAlias = Annotated[
    bool, typer.Option("--reverse", help="Of a study: its trials the other way round.")
]
ColumnsOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="C,C…",
        help="Of a study: what is shown of its trials, as best,lr,seed.",
    ),
]


@dataclass(frozen=True)
class TableAsked:
    """What was asked of the table of trials, as it was typed."""

    terms: str = ""
    trials: str | None = None
    sort: str = ""
    reverse: bool = False
    columns: str | None = None

    def __bool__(self) -> bool:
        """Whether anything was asked."""
        return bool(self.named)

    @property
    def named(self) -> str:
        """The first of the options that were given; empty without any."""
        given = {
            "--filter": self.terms.strip(),
            "--trials": self.trials is not None,
            "--sort": self.sort,
            "--reverse": self.reverse,
            "--columns": self.columns is not None,
        }
        return next((name for name, value in given.items() if value), "")


def show_trials(
    lab: Lab, study: StudyRecord, asked: Asked, table: TableAsked, *, json: bool
) -> None:
    """Print the trials that were asked for, in the order that was asked for.

    Raises:
        Misuse: A term, a field or a number of the table cannot be used.
        LabError: The lab cannot be read, or has no such trial.
    """
    from labtui.cli.plot import choose_by_number
    from labtui.verdicts.arm_names import named
    from labtui.verdicts.documents import study_document
    from labtui.verdicts.filters import BadFilter
    from labtui.verdicts.objective import reselect
    from labtui.verdicts.trial_choice import TableChoice, choose_trials

    chosen, trials = reselect(lab, study, asked)
    every = trials
    if table.trials is not None:
        trials = choose_by_number(chosen, trials, table.trials)
    shown = trials if json else named(lab, chosen, trials)[0]
    columns = [one.strip() for one in (table.columns or "").split(",") if one.strip()]
    if table.columns is not None and not columns:
        raise Misuse("--columns: found no name; expected names of columns, as number,best,lr")
    choice = TableChoice(table.terms, table.sort, table.reverse, columns)
    try:
        found = choose_trials(lab, chosen, shown, choice)
    except BadFilter as error:
        raise Misuse(f"{_blamed(table, str(error))}: {error}") from error
    if json:
        document = study_document(lab, chosen, every)
        by_id = {one["id"]: one for one in document["trials"]}
        print_json({**document, "trials": [by_id[trial.id] for trial in found.trials]})
        return
    _print(lab, chosen, found)
    say(f"{len(found.trials)} of {len(every)} trials")


def _blamed(table: TableAsked, said: str) -> str:
    """Name the option that an error is about."""
    options = {"--sort": [table.sort], "--columns": (table.columns or "").split(",")}
    for name, words in options.items():
        if any(word.strip() and f"field {word.strip()!r}" in said for word in words):
            return name
    return "--filter"


def _print(lab: Lab, study: StudyRecord, found: ChosenTrials) -> None:
    if not found.columns:
        definitions = lab.hyperparameters(study.name)
        print_trials(found.trials, {d["name"] for d in definitions if d["role"] == "nuisance"})
        return
    right = [name for name, one in zip(found.columns, found.numeric, strict=True) if one]
    # names with a space cannot be listed: these stand on the left
    print_table(found.columns, found.cells, right=" ".join(n for n in right if len(n.split()) == 1))


def print_trials(trials: Iterable[TrialRecord], nuisance: Container[str]) -> None:
    """Print the usual table of trials.

    Args:
        trials: Its rows.
        nuisance: Names of the hyperparameters that each row shows.
    """
    rows = [_trial_row(trial, nuisance) for trial in trials]
    print_table(TRIAL_HEADERS, rows, right="trial best step last")


def _trial_row(trial: TrialRecord, names: Container[str]) -> tuple[str, ...]:
    from labtui.verdicts.documents import last_value
    from labtui.verdicts.text import number, params_text

    return (
        str(trial.number),
        trial.state,
        number(trial.best_value),
        number(trial.best_step),
        number(last_value(trial)),
        trial.arm,
        params_text({name: value for name, value in trial.params.items() if name in names}),
        trial.reason,
    )
