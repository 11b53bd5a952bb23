"""`labtui export`: studies as files that other programs read."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labtui.cli.common import (
    GoalOption,
    LabOption,
    MetricOption,
    Misuse,
    SelectOption,
    open_lab,
)
from labtui.cli.output import say

if TYPE_CHECKING:
    from labtui.interop.csv_export import What
    from labtui.interop.experiment_log import Exported
    from labtui.store.lab import Lab
    from labtui.verdicts.objective import Asked

ENDINGS = {"csv": ".export", "xlsx": ".xlsx", "markdown": ".md", "sqlite": ".sqlite"}
"""The formats, and how the name of what they write ends where a person gives none."""

PARQUET = "; pandas and DuckDB make Parquet of csv: duckdb -c \"COPY 'in.csv' TO 'out.parquet'\""
"""What to do where a format is asked for that there is not."""

STDOUT = Path("-")


def export(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="The study.")] = None,
    all_studies: Annotated[bool, typer.Option("--all", help="Every study of the lab.")] = False,
    file_format: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="csv, xlsx, markdown or sqlite.")
    ] = "csv",
    to: Annotated[
        Path | None,
        typer.Option(metavar="FILE|FOLDER", help="Where to; a folder for csv; - is stdout."),
    ] = None,
    what: Annotated[
        str | None, typer.Option(metavar="WHAT", help="csv: one of its tables.")
    ] = None,
    metric: MetricOption = None,
    select: SelectOption = None,
    goal: GoalOption = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Leave text as it is, also where a spreadsheet runs it.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    lab: LabOption = None,
) -> None:
    """Write studies as files for other programs.

    csv: trials, metrics, studies, workloads and launches, each a .csv in a folder; one table
    (--what trials) goes to stdout. Metrics of the test set are in no format (P32).
    NaN is written nan; text that a spreadsheet would execute gets a leading apostrophe.

    xlsx: the experiment log, a sheet a study, the findings. markdown: the log and a section a
    study, to read. sqlite: flat tables, to query.
    """
    from labtui.verdicts.objective import Asked

    if file_format not in ENDINGS:
        told = PARQUET if file_format == "parquet" else ""
        raise Misuse(f"found the format {file_format!r}; expected {', '.join(ENDINGS)}{told}")
    if (name is None) != all_studies:
        raise Misuse("expected either the NAME of a study or --all")
    if what is not None and file_format != "csv":
        raise Misuse(f"--what chooses a table of csv; {file_format} has them all")
    with open_lab(lab) as opened:
        names = [study.name for study in opened.studies()][::-1]
        if name is not None:
            names = [opened.study(name).name]
        target = _Target(opened, names, Asked(metric, select, goal), raw=raw, force=force)
        title = name or opened.paths.db.stem
        if file_format == "csv":
            target.csv(to, title, what)
        else:
            target.file(to, title, file_format)


class _Target:
    """What is exported, and how."""

    def __init__(self, lab: Lab, names: list[str], asked: Asked, *, raw: bool, force: bool) -> None:
        self.lab, self.names, self.asked = lab, names, asked
        self.raw, self.force = raw, force

    def studies(self, *, judged: bool) -> Iterator[Exported]:
        from labtui.verdicts.exports import exported

        return exported(self.lab, self.names, self.asked, judged=judged)

    def file(self, to: Path | None, title: str, file_format: str) -> None:
        path = to or _named(title, file_format)
        studies, trials = self.studies(judged=True), 0
        if file_format == "markdown":
            from labtui.interop.markdown_export import export_markdown, write_markdown

            if to == STDOUT:
                write_markdown(self.lab, studies, _stdout())
                return
            trials = export_markdown(self.lab, studies, path, force=self.force)
        elif to == STDOUT:
            raise Misuse(f"{file_format} is not text: it takes the name of a file, not stdout")
        elif file_format == "xlsx":
            from labtui.interop.xlsx_export import export_xlsx

            trials = export_xlsx(self.lab, studies, path, force=self.force, raw=self.raw)
        else:
            from labtui.interop.sqlite_export import export_sqlite

            trials = export_sqlite(self.lab, studies, path, force=self.force)
        studies_text = "1 study" if len(self.names) == 1 else f"{len(self.names)} studies"
        say(f"wrote {path} ({studies_text}, {trials} trials)")

    def csv(self, to: Path | None, title: str, asked: str | None) -> None:
        from labtui.interop import csv_export

        what = _tables(asked)
        studies = list(self.studies(judged=False))
        if to == STDOUT or (to is None and asked):
            if len(what) > 1:
                raise Misuse("stdout takes one table; choose it with --what")
            csv_export.export(self.lab, what[0], studies, _stdout(), raw=self.raw)
            return
        if asked and to is not None and to.suffix:
            targets = [(what[0], to)]
        else:
            targets = csv_export.targets(what, to or _named(title, "csv"))
        written = csv_export.export_files(
            self.lab, targets, studies, raw=self.raw, force=self.force
        )
        for path, rows in written:
            say(f"wrote {path} ({rows} rows)")


def _named(title: str, file_format: str) -> Path:
    """Name what a person did not: after the study, or after the lab."""
    from labtui.study.spec import slug

    return Path(f"{slug(title)}{ENDINGS[file_format]}")


def _stdout() -> _Screen | _Stream:
    return _Screen() if sys.stdout.isatty() else _Stream()


class _Stream:
    """Stdout as it is."""

    def write(self, text: str) -> object:
        """Pass some text on."""
        return sys.stdout.write(text)


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
