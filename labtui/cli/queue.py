"""`labtui queue`: what the runner does now and next, and the order of what waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from labtui.cli.common import JsonOption, LabOption, Misuse, lab_paths
from labtui.cli.exit_codes import ExitCode
from labtui.cli.output import print_json, print_table, say, write

if TYPE_CHECKING:
    from labtui.store.lab import Lab
    from labtui.store.paths import LabPaths


def queue(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="A study that waits or trains: move it.")
    ] = None,
    first: Annotated[
        bool, typer.Option("--first", help="Its trials are the next to begin.")
    ] = False,
    last: Annotated[bool, typer.Option("--last", help="Behind all others.")] = False,
    place: Annotated[
        int | None, typer.Option("--place", metavar="N", help="At this place; 1 is the next.")
    ] = None,
    lab: LabOption = None,
    json: JsonOption = False,
) -> int:
    """Show the runner's slots and the queue of studies, or move a study in the queue.

    Trials that train go on to their ends; the next ones come from the first study that has any.
    """
    paths = lab_paths(lab)
    where = _place(name, first=first, last=last, place=place)
    if name is not None and where is not None:
        _move(paths, name, where)
    from labtui.store.lab import Lab

    with Lab(paths) as opened:
        if json:
            from labtui.verdicts.queue import queue_document

            print_json(queue_document(opened))
        else:
            _print(opened)
    return ExitCode.DONE


def _place(name: str | None, *, first: bool, last: bool, place: int | None) -> int | None:
    """Give the place that was asked for, from 0, -1 for the last; None where none was.

    Raises:
        Misuse: The options do not say one place of one study.
    """
    given = first + last + (place is not None)
    if name is None and not given:
        return None
    if name is None:
        raise Misuse("--first, --last and --place move a study: name it, as `labtui queue NAME`")
    if given != 1:
        raise Misuse(
            f"where is {name!r} to be moved? give one of --first, --last and --place N; "
            "`labtui queue` alone shows the queue"
        )
    if place is not None and place < 1:
        raise Misuse(f"--place: found {place}; places begin with 1, the next")
    return 0 if first else -1 if last else (place or 1) - 1


def _move(paths: LabPaths, name: str, place: int) -> None:
    from labtui.engine import client

    found = client.move(paths, name, place)
    say(f"{name}: place {found['place'] + 1} of {len(found['queue'])} in the queue")


def _print(lab: Lab) -> None:
    from labtui.verdicts import queue as words

    runner, slots = lab.runner_record(), lab.slots()
    rows = words.queue_cells(lab)
    write(words.runner_text(runner, slots))
    if slots:
        write()
        cells = [words.slot_cells(slot) for slot in slots]
        print_table(words.SLOT_HEADERS, cells, right=words.SLOT_NUMBERS)
    if rows:
        write()
        print_table(words.QUEUE_HEADERS, rows, right=words.QUEUE_NUMBERS)
    else:
        say("no study waits; `labtui run STUDY.yaml` adds one")
    if rows and runner is None:
        say(f"`labtui run {rows[0][1]}` starts a runner, which trains all of them in this order")
