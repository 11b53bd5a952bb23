"""`labtui doctor`: whether all is well with this installation, this machine and this lab."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labtui.cli.common import JsonOption, LabOption, Misuse, lab_paths
from labtui.cli.exit_codes import ExitCode
from labtui.cli.output import print_json, say, use_ascii, write
from labtui.verdicts.text import clean


def doctor(
    recover: Annotated[
        bool,
        typer.Option("--recover", help="Write what a damaged lab still holds to a new one."),
    ] = False,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FILE", help="The new lab (else lab.recovered.db beside)."),
    ] = None,
    lab: LabOption = None,
    json: JsonOption = False,
) -> int:
    """Look for what is wrong: this installation, this machine's devices, the lab and its disk.

    Nothing is changed; a damaged lab is left as it is, also by --recover. Exits with 1 when
    something is wrong, or when a recovery had to leave something out.
    """
    if to is not None and not recover:
        raise Misuse("found --to without --recover; it names the file that a recovery writes")
    from labtui.verdicts import doctor as words

    paths = lab_paths(lab)
    if not recover:
        sections = words.examine(paths)
        if json:
            print_json(words.document(sections, paths, None))
        else:
            for line in words.lines(sections, ascii_only=use_ascii()):
                write(clean(line))
            say(words.conclusion(sections))
        return ExitCode.FAILED if words.is_wrong(sections) else ExitCode.DONE
    from labtui.store.recovery import recover as write_recovered

    found = write_recovered(paths, words.target_of(to, paths))
    if json:
        print_json({"lab": str(paths.db), "recovered": words.recovered_document(found)})
    else:
        for line in words.recovered_lines(found):
            write(clean(line))
    missing = "" if found.complete else "; some of it is missing"
    say(
        f"wrote {found.target}{missing}; {paths.db} was left as it was: look at the new lab with "
        "--lab before you put it in its place"
    )
    return ExitCode.DONE if found.complete else ExitCode.FAILED
