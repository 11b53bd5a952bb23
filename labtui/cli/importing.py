"""`labtui import`: what other programs recorded, as studies of the lab."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labtui.cli.common import JsonOption, LabOption, lab_paths, open_lab
from labtui.cli.exit_codes import ExitCode
from labtui.cli.output import print_json, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labtui.interop.importing.study_import import Outcome
    from labtui.store.paths import LabPaths

SHOWN_SKIPPED = 5
"""Skipped parts that are named in the narration of a study; `--json` has all of them."""


def import_runs(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="A folder or file of another program.")
    ],
    file_format: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="algoperf, jsonl, csv, tensorboard or optuna (else recognized).",
        ),
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What the fields of a JSON-lines or CSV file mean."),
    ] = None,
    study: Annotated[
        str | None, typer.Option(metavar="NAME", help="What the lab calls the study.")
    ] = None,
    metric: Annotated[
        str | None, typer.Option(metavar="METRIC", help="The objective, where the source has none.")
    ] = None,
    goal: Annotated[
        str | None, typer.Option(metavar="GOAL", help="minimize or maximize, where nobody says.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Write nothing unless all of it can be read.")
    ] = False,
    json: JsonOption = False,
    lab: LabOption = None,
) -> int:
    """Import training runs of other programs; what is in the lab already is left alone.

    The lab is made if it is not there. Importing a source again adds what is new in it.
    """
    from labtui.interop.importing.reading import Asked, read_source
    from labtui.interop.importing.writing import import_studies

    paths = lab_paths(lab)
    asked = Asked(file_format, mapping, study, metric, goal)
    studies = read_source(source, asked)
    outcomes = import_studies(paths, studies, strict=strict, tell=_narrate)
    hidden = _hidden(paths, outcomes)
    if json:
        print_json({"studies": [_document(one, hidden[one.name]) for one in outcomes]})
    return ExitCode.DONE


def _hidden(paths: LabPaths, outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Count the metrics of the test set, which are kept and not shown (P32), and say so."""
    with open_lab(paths.db) as opened:
        found = {one.name: len(opened.hidden_metrics(one.name)) for one in outcomes}
    for name, count in found.items():
        if count:
            metrics = "1 metric" if count == 1 else f"{count} metrics"
            say(f"{name}: {metrics} of the test set kept, and hidden until a launch (P32)")
    return found


def _narrate(outcome: Outcome) -> None:
    say(f"{outcome.name}: {_counts(outcome)}")
    for note, count in sorted(outcome.notes.items()):
        say(f"  {note}" if count == 1 else f"  {note} ({count} trials)")
    for skipped in outcome.skipped[:SHOWN_SKIPPED]:
        say(f"  skipped {skipped.where}: {skipped.reason}")
    if len(outcome.skipped) > SHOWN_SKIPPED:
        say(f"  and {len(outcome.skipped) - SHOWN_SKIPPED} more skipped (--json names them)")


def _counts(outcome: Outcome) -> str:
    parts = [_number(outcome.added + outcome.updated, "trial")]
    parts += [f"{n:,} {_state(state, outcome)}" for state, n in sorted(outcome.states.items())]
    parts.append(_number(outcome.points, "point"))
    told = f"; {outcome.present:,} already there"
    if outcome.updated:
        told += f", {outcome.updated:,} of the {parts[0]} replaced"
    return ", ".join(parts) + told


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _state(state: str, outcome: Outcome) -> str:
    if state != "infeasible":
        return state
    return f"infeasible ({', '.join(reason for reason, _ in outcome.reasons.most_common(3))})"


def _document(outcome: Outcome, hidden: int) -> dict[str, Any]:
    return {
        "name": outcome.name,
        "trials_added": outcome.added,
        "trials_present": outcome.present,
        "trials_updated": outcome.updated,
        "points": outcome.points,
        "metrics_hidden": hidden,
        "skipped": [{"where": one.where, "reason": one.reason} for one in outcome.skipped],
    }
