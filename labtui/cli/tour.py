"""`labtui tour`: a lab of real studies to look around in."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labtui.cli.common import JsonOption
from labtui.cli.exit_codes import ExitCode
from labtui.cli.output import is_terminal, print_json, print_table, say, write

if TYPE_CHECKING:
    from labtui.store.paths import LabPaths


def tour(
    lab: Annotated[
        Path | None,
        typer.Option(
            "--lab", metavar="PATH", help="Where it stays (else $LABTUI_TOUR, else your state)."
        ),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin again: throw away what was done in it.")
    ] = False,
    path: Annotated[
        bool, typer.Option("--path", help="Print where it is; do not open it.")
    ] = False,
    theme: Annotated[
        str | None,
        typer.Option("--theme", metavar="NAME", help="Colours of the screen, this time."),
    ] = None,
    json: JsonOption = False,
) -> int:
    """Open a lab of studies that were run, to look around and to try everything.

    It is a copy of your own: widen, rerun, launch, roll back. It stays as you left it. Without a
    terminal it prints what there is to try.
    """
    from labtui.tour import open_tour, tour_paths

    there = tour_paths(lab).db.exists()
    paths = open_tour(lab, fresh=fresh)
    copied = fresh or not there
    if json:
        print_json(_document(paths, copied=copied))
        return ExitCode.DONE
    if path:
        write(str(paths.db))
        return ExitCode.DONE
    if not (sys.stdin.isatty() and is_terminal(sys.stdout) and is_terminal(sys.stderr)):
        _print(paths)
        return ExitCode.DONE
    from labtui.tui.launcher import show

    code = show(paths, theme=theme, welcome=copied)
    say(f"the tour stays in {paths.db}; `labtui tour` goes on with it, --fresh begins again")
    return code


def _commands(paths: LabPaths) -> list[tuple[str, str]]:
    from labtui.tour.tasks import TASKS

    named = f" --lab {shlex.quote(str(paths.db))}"
    return [(task.what, f"{task.command}{named}") for task in TASKS]


def _document(paths: LabPaths, *, copied: bool) -> dict[str, Any]:
    tasks = [{"task": what, "command": command} for what, command in _commands(paths)]
    return {"lab": str(paths.db), "copied": copied, "tasks": tasks}


def _print(paths: LabPaths) -> None:
    """Print where it is, and what there is to try, with a command each."""
    write(str(paths.db))
    say("in a terminal this opens on the screen; without one there is to try:")
    print_table(("task", "command"), _commands(paths))
