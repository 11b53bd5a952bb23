"""`labtui export`: studies as files that other programs read."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labtui.cli.common import LabOption, Misuse, open_lab
from labtui.cli.output import say

if TYPE_CHECKING:
    from labtui.interop.csv_export import What
    from labtui.store.lab import Lab

FORMATS = ("csv",)
STDOUT = Path("-")


def export(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="The study.")] = None,
    all_studies: Annotated[bool, typer.Option("--all", help="Every study of the lab.")] = False,
    to: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER|FILE", help="Where to (a file with --what; - is stdout)."),
    ] = None,
    what: Annotated[
        str | None, typer.Option(metavar="WHAT", help="Only trials, metrics or studies.")
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Leave text as it is, also where a spreadsheet runs it.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    file_format: Annotated[str, typer.Option("--format", help="csv.")] = "csv",
    lab: LabOption = None,
) -> None:
    """Write studies as files for other programs.

    By default trials.csv, metrics.csv and studies.csv in a folder; one table (--what) goes to
    stdout. NaN is written nan; text that a spreadsheet would execute gets a leading apostrophe.
    """
    if file_format not in FORMATS:
        raise Misuse(f"found the format {file_format!r}; expected {FORMATS[0]}")
    if (name is None) != all_studies:
        raise Misuse("expected either the NAME of a study or --all")
    with open_lab(lab) as opened:
        names = [study.name for study in opened.studies()][::-1]
        studies = names if name is None else [opened.study(name).name]
        _export(opened, studies, name or opened.paths.db.stem, to, what, raw=raw, force=force)


def _export(
    lab: Lab,
    studies: list[str],
    title: str,
    to: Path | None,
    asked: str | None,
    *,
    raw: bool,
    force: bool,
) -> None:
    from labtui.interop import csv_export

    what = _tables(asked)
    if to == STDOUT or (to is None and asked):
        if len(what) > 1:
            raise Misuse("stdout takes one table; choose it with --what")
        sink: csv_export.Sink = _Screen() if sys.stdout.isatty() else sys.stdout
        csv_export.export(lab, what[0], studies, sink, raw=raw)
        return
    if asked and to is not None and to.suffix:
        targets = [(what[0], to)]
    else:
        from labtui.study.spec import slug

        targets = csv_export.targets(what, to or Path(f"{slug(title)}.export"))
    for path, rows in csv_export.export_files(lab, targets, studies, raw=raw, force=force):
        say(f"wrote {path} ({rows} rows)")


class _Screen:
    """Stdout as a terminal: nothing that was exported reaches it but text."""

    def write(self, text: str) -> object:
        """Show some text."""
        from labtui.verdicts.text import clean

        return sys.stdout.write(clean(text, multiline=True))


def _tables(asked: str | None) -> tuple[What, ...]:
    from labtui.interop.csv_export import WHAT

    chosen = tuple(one for one in WHAT if asked in (None, one))
    if not chosen:
        raise Misuse(f"found --what {asked!r}; expected {', '.join(WHAT)}")
    return chosen
