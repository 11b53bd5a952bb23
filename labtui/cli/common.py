"""What commands share: the lab they speak of, and the study or trial that a person named."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from labtui.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.store.paths import LabPaths

LabOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--lab", metavar="PATH", help="The lab file (else $LABTUI_LAB, else the nearest)."
    ),
]
JsonOption: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print one JSON document instead.")
]
MetricOption: TypeAlias = Annotated[
    str | None, typer.Option("--metric", metavar="M", help="Another objective; nothing is rerun.")
]
SelectOption: TypeAlias = Annotated[
    str | None, typer.Option("--select", metavar="best|final", help="Best over training, or final.")
]
GoalOption: TypeAlias = Annotated[
    str | None, typer.Option("--goal", metavar="minimize|maximize", help="Which way is better.")
]
Reference: TypeAlias = Annotated[
    str, typer.Argument(metavar="NAME|TRIAL", help="A study, or a trial: STUDY/17, or its id.")
]
StudyName: TypeAlias = Annotated[str, typer.Argument(metavar="NAME", help="The study.")]
TrialName: TypeAlias = Annotated[
    str, typer.Argument(metavar="TRIAL", help="The trial: STUDY/17, or its id.")
]


class Misuse(Exception):
    """A command was called with something it cannot use; says what was expected."""

    exit_code = ExitCode.USAGE


def lab_paths(named: Path | None) -> LabPaths:
    """Find the lab that a command speaks of; it need not exist."""
    from labtui.store.paths import find_lab

    return find_lab(named)


opened: LabPaths | None = None
"""The lab that the command that runs has opened; what goes wrong may lie in it."""


def open_lab(named: Path | None) -> Lab:
    """Open the lab that a command speaks of; damage that a quick look finds is said on stderr.

    Raises:
        LabError: It is not there, is something else, or cannot be read.
    """
    from labtui.store.lab import Lab

    global opened
    opened = paths = lab_paths(named)
    lab = Lab(paths)
    from labtui.cli.output import say
    from labtui.store.connection import ADVICE
    from labtui.store.soundness import damage

    found = damage(paths.db)
    if found:
        say(f"labtui: {found}: what is shown may lack something; {ADVICE}")
    return lab
