"""The console script: the commands, and how their ends become exit codes."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from labtui import __version__
from labtui.cli import (
    check,
    common,
    compare,
    doctor,
    export,
    importing,
    init,
    launch,
    listing,
    log,
    next,
    page,
    plan,
    plot,
    probe,
    queue,
    remarks,
    rerun,
    run,
    show,
    tour,
    trainers,
    workload,
)
from labtui.cli.common import LabOption, lab_paths
from labtui.cli.exit_codes import ExitCode
from labtui.cli.output import is_terminal, prepare_streams, say

if TYPE_CHECKING:
    from labtui.store.paths import LabPaths

NEEDS_TERMINAL = (
    "labtui needs a terminal; use `labtui run`, `labtui list`, `labtui show` … "
    "(`labtui --help` lists the commands)"
)
TRACEBACK = "LABTUI_TRACEBACK"
"""Set it to see where an error comes from."""


class PipeClosed(Exception):
    """The reader of stdout went away."""


@contextmanager
def _noticing_pipe() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise PipeClosed from error


class Commands(TyperGroup):
    """The commands; a closed pipe is told from a command's failure, in their help as well."""

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        """Read the command line."""
        with _noticing_pipe():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: Any) -> Any:
        """Carry out the command."""
        with _noticing_pipe():
            return super().invoke(ctx)


app = typer.Typer(
    cls=Commands,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("init")(init.init)
app.command("plan")(plan.plan)
app.command("run")(run.run)
app.command("stop")(run.stop)
app.command("queue")(queue.queue)
app.command("list")(listing.list_studies)
app.command("show")(show.show)
app.command("check")(check.check)
app.command("compare")(compare.compare)
app.command("next")(next.next_study)
app.command("launch")(launch.launch)
app.command("lineage")(launch.lineage)
app.command("rerun")(rerun.rerun)
app.command("plot")(plot.plot)
app.command("report")(page.report)
app.command("log")(log.log)
app.command("note")(remarks.note)
app.command("export")(export.export)
app.command("import")(importing.import_runs)
app.add_typer(probe.probe, name="probe")
app.command("workload")(workload.workload)
app.command("trainers")(trainers.trainers)
app.command("tour")(tour.tour)
app.command("schema")(trainers.schema)
app.command("doctor")(doctor.doctor)


@app.callback()
def labtui(
    context: typer.Context,
    lab: LabOption = None,
    theme: Annotated[
        str | None,
        typer.Option("--theme", metavar="NAME", help="Colours of the screen, this time."),
    ] = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> int:
    """A laboratory for tuning neural networks.

    Without a command it opens on the screen.
    """
    if version:
        typer.echo(f"labtui {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is not None:
        given = {"lab": lab and str(lab), "theme": theme}
        given = {name: value for name, value in given.items() if value is not None}
        context.default_map = {context.invoked_subcommand: given}
        return ExitCode.DONE
    return start_screen(lab, theme=theme)


def start_screen(lab: Path | None, *, theme: str | None = None) -> int:
    """Start the TUI; without a terminal, say what to use instead."""
    if not (sys.stdin.isatty() and is_terminal(sys.stdout) and is_terminal(sys.stderr)):
        dumb = os.environ.get("TERM") == "dumb"
        say(f"{'TERM=dumb cannot show a screen: ' if dumb else ''}{NEEDS_TERMINAL}")
        return ExitCode.USAGE
    for name in ("COLUMNS", "LINES"):  # as a shell exported them once; the terminal knows better
        os.environ.pop(name, None)
    from labtui.tui.launcher import show

    return show(lab_paths(lab), theme=theme)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and give its exit code: what the command returned, or what ended it.

    Args:
        arguments: Without the program's name; those of the process by default.
    """
    prepare_streams()
    common.opened = None
    try:
        result = get_command(app).main(
            args=list(sys.argv[1:] if arguments is None else arguments),
            prog_name="labtui",
            standalone_mode=False,
        )
        sys.stdout.flush()
    except (PipeClosed, BrokenPipeError):
        _silence_stdout()
        return ExitCode.PIPE
    except (KeyboardInterrupt, typer.Abort):
        return ExitCode.STOPPED
    except Exception as error:
        if os.environ.get(TRACEBACK):
            raise
        code, message = explain(error)
        try:
            sys.stdout.flush()
        except OSError:
            _silence_stdout()  # or the interpreter tries again at its end, and complains
        with contextlib.suppress(OSError):
            say(message)
        return code
    return int(result) if isinstance(result, int) else ExitCode.DONE


def explain(error: Exception) -> tuple[int, str]:
    """Give the exit code of an error, and the line that a person reads."""
    from labtui.study.errors import StudyError

    if hasattr(error, "format_message"):
        return ExitCode.USAGE, f"labtui: {_usage(error)} (`labtui --help` shows the usage)"
    if isinstance(error, StudyError):
        return ExitCode.USAGE, str(error)
    code = getattr(error, "exit_code", None)
    if isinstance(code, int):
        return code, f"labtui: {error}"
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return ExitCode.DISK, f"labtui: {place}{error.strerror or error}{_limit(error)}"
    if type(error).__name__ == "JSONDecodeError":  # every JSON text of a lab was written whole
        from labtui.store.connection import ADVICE

        return ExitCode.DISK, f"labtui: a text in the lab is damaged ({error}); {ADVICE}"
    if isinstance(error, RuntimeError) and _NO_THREAD in str(error):
        return ExitCode.DISK, f"labtui: {error}; {_LIMITS[errno.EAGAIN]}"
    fault = f"{type(error).__name__}: {error}"
    if _is_damaged(common.opened):  # what is left of the lab may hold anything
        from labtui.store.connection import ADVICE

        return ExitCode.DISK, f"labtui: too damaged to answer this ({fault}); {ADVICE}"
    return ExitCode.FAILED, f"labtui: a fault of labtui: {fault}; {TRACEBACK}=1 shows where"


def _is_damaged(lab: LabPaths | None) -> bool:
    """Look at all of a lab: a fault may be its damage, and none of ours."""
    if lab is None:
        return False
    from labtui.store.health import read_lab

    return any(reading.level == "wrong" for reading in read_lab(lab))


def _usage(error: Any) -> str:
    """Say what is wrong with a command line: what was found, what was expected."""
    possible = getattr(error, "possibilities", None)
    if possible:
        return f"no option {error.option_name} — did you mean {possible[0]}?"
    said = str(error.format_message())
    return _NO_NUMBER.sub(lambda m: f"{m[1]}: found {m[2]}; expected {_NUMBERS[m[3]]}", said)


_NO_NUMBER = re.compile(
    r"Invalid value for '?([^':]+)'?: ('.*') is not a valid (int|float)\.", re.DOTALL
)
_NUMBERS = {"int": "a whole number", "float": "a number"}
_NO_THREAD = "can't start new thread"
"""What Python says where the system refuses a thread, instead of an OSError."""
_LIMITS = {
    errno.EMFILE: "too many files are open for the limit of this shell: `ulimit -n` shows it",
    errno.EAGAIN: "too many processes for the limit of this user: `ulimit -u` shows it",
    errno.ENOMEM: "too little memory, or for the limit of this shell: `ulimit -v` shows it",
}


def _limit(error: OSError) -> str:
    """Name the limit that an error of the system comes from."""
    found = _LIMITS.get(error.errno or 0)
    return f"; {found}" if found else ""


def _silence_stdout() -> None:
    """Keep the interpreter from complaining when it flushes what nobody reads."""
    with contextlib.suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)


if __name__ == "__main__":
    sys.exit(main())
