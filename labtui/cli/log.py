"""`labtui log`: the experiment log of a lab, or what a trial printed."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labtui.cli.common import JsonOption, LabOption, Misuse, open_lab
from labtui.cli.output import (
    fit,
    is_terminal,
    line_width,
    print_json,
    print_table,
    say,
    table,
    write,
)

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.store.records import StudyRecord

NARROW = ("study", "kind", "trials", "infeasible", "best", "verdict")
WIDE = ("study", "kind", "workload", "state", "trials", "infeasible", "best")
WIDE_FROM = 120
"""Columns of a terminal from which everything is shown: those of `WIDE` with names of 25 letters,
and lines of text that can be read below them."""

MOST_NAME = 24
"""Columns that a name takes on a narrow terminal: 80 leave the others, and words of the verdict."""

INDENT = "    "


def log(
    trial: Annotated[
        str | None,
        typer.Argument(metavar="[TRIAL]", help="What this trial printed: STUDY/17, or its id."),
    ] = None,
    workload: Annotated[
        str | None, typer.Option(metavar="W", help="Only the studies of a workload.")
    ] = None,
    tag: Annotated[str | None, typer.Option(metavar="T", help="Only studies with a tag.")] = None,
    kind: Annotated[
        str | None, typer.Option(metavar="KIND", help="Only a kind of follow-up, such as widen.")
    ] = None,
    no_verdict: Annotated[
        bool, typer.Option("--no-verdict", help="Judge nothing: quicker the first time.")
    ] = False,
    json: JsonOption = False,
    lab: LabOption = None,
) -> None:
    """Print the experiment log: one row a study, newest first. With TRIAL, what that printed.

    On a narrow terminal a line a study; from 120 columns on, and where stdout is no terminal,
    goals, verdicts, launches, notes and the commands that reproduce it as well.
    """
    if trial is not None:
        if json or no_verdict or any((workload, tag, kind)):
            raise Misuse("the experiment log has these options, what a trial printed has none")
        _print_trial(trial, lab)
        return
    from labtui.verdicts.experiment_log import Wanted, chosen

    with open_lab(lab) as opened:
        studies = chosen(opened, Wanted(workload, tag, kind))
        if json:
            from labtui.verdicts.experiment_log import log_document

            print_json(log_document(opened, studies, judged=not no_verdict, tell=_tell))
        elif studies:
            _print_log(opened, studies, judged=not no_verdict)
        elif any((workload, tag, kind)):
            say("no study is like that")
        else:
            say(f"{opened.paths.db} holds no study yet; `labtui run STUDY.yaml` adds one")


# -- the experiment log -------------------------------------------------------------------------


def _print_log(lab: Lab, studies: Sequence[StudyRecord], *, judged: bool) -> None:
    from labtui.interop.experiment_log import log_row
    from labtui.verdicts.exports import logged

    rows = [log_row(lab, one) for one in logged(lab, studies, judged=judged, tell=_tell)]
    width = line_width()
    if width is not None and width < WIDE_FROM:
        cells = [_narrow(row) for row in rows]
        print_table(NARROW, cells, right="trials infeasible")
        return
    header, *lines = table(WIDE, [_wide(row) for row in rows], right="trials infeasible")
    write(header)
    for row, line in zip(rows, lines, strict=True):
        write(line)
        for below in _below(row, width):
            write(below)


def _tell(study: str) -> None:
    """Say what takes a moment, to a person who waits; the next time it is kept."""
    if is_terminal(sys.stderr):
        say(f"judging {study} …")


def _narrow(row: Mapping[str, Any]) -> tuple[str, ...]:
    from labtui.verdicts.experiment_log import best_text, infeasible_text
    from labtui.verdicts.text import clean

    name = fit(clean(row["study"]), MOST_NAME)
    return (
        name,
        row["kind"],
        str(row["trials"]),
        infeasible_text(row),
        best_text(row),
        row["verdict"],
    )


def _wide(row: Mapping[str, Any]) -> tuple[str, ...]:
    from labtui.verdicts.experiment_log import best_text, infeasible_text

    return (
        row["study"],
        row["kind"],
        row["workload"],
        row["state"],
        str(row["trials"]),
        infeasible_text(row),
        best_text(row),
    )


def _below(row: Mapping[str, Any], width: int | None) -> Iterator[str]:
    """Write what has no column: under its row, broken between words where a terminal ends."""
    from labtui.verdicts.experiment_log import details

    for name, shown in details(row):
        head = f"{INDENT}{name:<10}"
        if width is None or name == "again":  # a command is there to be copied: never broken
            yield f"{head}{shown}"
            continue
        yield from textwrap.wrap(
            shown,
            width,
            initial_indent=head,
            subsequent_indent=" " * len(head),
            break_on_hyphens=False,
        )


# -- what a trial printed -----------------------------------------------------------------------


def _print_trial(trial: str, lab: Path | None) -> None:
    """Print what a trial printed; a progress bar is shown as it was at the end.

    Raises:
        Misuse: A study was named.
    """
    from labtui.store.records import StudyRecord
    from labtui.study.secrets import redactor
    from labtui.verdicts.printed import last_overwrite
    from labtui.verdicts.text import clean

    with open_lab(lab) as opened:
        found = opened.find(trial)
        if isinstance(found, StudyRecord):
            raise Misuse(
                f"{clean(trial)} is a study, and this prints what a trial printed: name one, as "
                f"{clean(trial)}/0; `labtui show {clean(trial)}` shows the study, `labtui log` "
                "without a name the experiment log"
            )
        path = opened.paths.trial_log(found.id)
    if not path.exists():
        say(f"{found.name} printed nothing ({path} does not exist)")
        return
    # newline="\n": a carriage return is a progress bar's way to overwrite its line.
    hide = redactor()
    with path.open(encoding="utf-8", errors="replace", newline="\n") as lines:
        for line in lines:
            write(clean(hide(last_overwrite(line.rstrip("\r\n")).expandtabs())))
