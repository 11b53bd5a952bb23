"""`labtui log` and `labtui note`: what a trial printed, and what people say about it."""

from __future__ import annotations

from typing import Annotated

import typer

from labtui.cli.common import LabOption, Misuse, Reference, TrialName, lab_paths, open_lab
from labtui.cli.output import say, write


def log(trial: TrialName, lab: LabOption = None) -> None:
    """Print what a trial printed.

    A progress bar is shown as it was at the end.
    """
    from labtui.verdicts.text import clean

    with open_lab(lab) as opened:
        found = opened.trial(trial)
        path = opened.paths.trial_log(found.id)
    if not path.exists():
        say(f"{found.name} printed nothing ({path} does not exist)")
        return
    # newline="\n": a carriage return is a progress bar's way to overwrite its line.
    with path.open(encoding="utf-8", errors="replace", newline="\n") as lines:
        for line in lines:
            write(clean(last_overwrite(line.rstrip("\r\n")).expandtabs()))


def last_overwrite(line: str) -> str:
    """Give what is left to see of a line that overwrote itself by carriage returns."""
    return next((part for part in reversed(line.split("\r")) if part), "")


def note(
    name: Reference,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The note.")],
    lab: LabOption = None,
) -> None:
    """Attach a note to a study or to a trial."""
    from labtui.engine.client import add_note

    if not text.strip():
        raise Misuse("found an empty note; expected text")
    with open_lab(lab) as opened:
        found = opened.find(name)
    add_note(lab_paths(lab), found.name, text)
    say(f"noted on {found.name}")
