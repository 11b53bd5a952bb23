"""`labtui next`: the study that should follow a study, as YAML, or launched."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labtui.cli.common import JsonOption, LabOption, Misuse, StudyName, lab_paths, open_lab
from labtui.cli.exit_codes import ExitCode
from labtui.cli.output import print_json, print_table, say, write, write_sentence
from labtui.verdicts.text import cut

if TYPE_CHECKING:
    from labtui.store.paths import LabPaths
    from labtui.store.records import StudyRecord
    from labtui.study.followup import FollowUp
    from labtui.verdicts.followups import Call, Calls

LIST_HEADERS = ("kind", "for", "trials", "steps", "why", "command")
SAID = 100
"""Characters of a reason on stderr: a line of the terminal."""


def next_study(
    name: StudyName,
    lab: LabOption = None,
    kind: Annotated[
        str | None, typer.Option("--kind", metavar="KIND", help="Another than the first.")
    ] = None,
    about: Annotated[
        str, typer.Option("--about", metavar="NAME", help="With --kind split: the one compared.")
    ] = "",
    trials: Annotated[
        int | None,
        typer.Option("--trials", min=1, metavar="N", help="Trials an arm, or a configuration."),
    ] = None,
    steps: Annotated[
        int | None, typer.Option("--steps", min=1, metavar="N", help="Steps of every trial.")
    ] = None,
    listed: Annotated[
        bool, typer.Option("--list", help="List what can follow, and why; print no study.")
    ] = False,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Write the study to a file.")
    ] = None,
    run: Annotated[bool, typer.Option("--run", help="Launch it, and follow it.")] = False,
    new: Annotated[
        bool, typer.Option("--new", help="With --run: although a study answers the same already.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="With --run: in spite of alerts about its design.")
    ] = False,
    detach: Annotated[bool, typer.Option("--detach", help="With --run: do not follow.")] = False,
    json: JsonOption = False,
) -> int:
    """Write the study that should come next.

    YAML on stdout, each change with its reason; on stderr what else could follow. Without --kind it
    answers the gravest finding.
    """
    _check(kind, listed=listed, to=to, run=run, more=detach or force or new)
    from labtui.cli.run import refuse_alerts
    from labtui.verdicts.followups import Asked, calls, calls_document

    paths = lab_paths(lab)
    with open_lab(lab) as opened:
        record = opened.study(name)
        found = calls(opened, record, Asked(trials, steps, about), kind)
    if listed:
        print_json(calls_document(found, None)) if json else _print_list(found)
        return ExitCode.DONE
    chosen = _chosen(found, kind, about)
    _narrate(found, chosen)
    if chosen is None or chosen.made is None:
        if json:
            print_json(calls_document(found, None))
        return ExitCode.DONE
    if to is not None:
        _write(to, chosen.made, record)
    if run and chosen.existing and not new:
        _point_to(chosen)
        if json:
            print_json(calls_document(found, chosen))
        return ExitCode.DONE
    if run:
        refuse_alerts(paths, chosen.made.study, force=force, anew=False)
        return _run(paths, record, chosen.made, detach=detach, json=json)
    if json:
        print_json(calls_document(found, chosen))
    elif to is None:
        write(chosen.made.text.rstrip("\n"))
    return ExitCode.DONE


def _check(kind: str | None, *, listed: bool, to: Path | None, run: bool, more: bool) -> None:
    """Refuse what cannot be meant.

    Raises:
        Misuse: It says what was expected.
    """
    from labtui.study.errors import nearest_name
    from labtui.study.followup import KINDS

    if kind is not None and kind not in KINDS:
        near = nearest_name(kind, KINDS)
        guess = f" — did you mean {near!r}?" if near else ""
        raise Misuse(f"found --kind {kind!r}; expected one of {', '.join(KINDS)}{guess}")
    if listed and (run or to is not None or kind is not None):
        raise Misuse("--list only lists: leave out --kind, --to and --run")
    if more and not run:
        raise Misuse("--detach, --force and --new are for --run")


def _chosen(found: Calls, kind: str | None, about: str) -> Call | None:
    """Choose what was asked for, or what is most important.

    Raises:
        Misuse: What was asked for cannot be made.
    """
    if kind is None:
        return found.first
    chosen = found.of(kind, about)
    reason = "it compares one thing already" if chosen is None else chosen.cannot
    if chosen is not None and about and chosen.about != about:
        there = ", ".join(one.about for one in found.every if one.kind == kind and one.about)
        reason = f"--about is {about!r}; expected {there or 'to be left out'}"
    if chosen is None or reason:
        raise Misuse(f"{found.study.name}: --kind {kind}: {reason}")
    return chosen


# -- telling ------------------------------------------------------------------------------------


def _point_to(chosen: Call) -> None:
    """Say what there is already, and how to have another all the same."""
    newest = chosen.existing[-1]
    name = shlex.quote(newest.name)
    if newest.ended < newest.total:
        say(f"nothing was started: `labtui run {name}` goes on with it; --new trains another")
    else:
        say(
            f"nothing was started: `labtui show {name}` has its answer, `labtui next {name}` what "
            "follows it; --new trains another"
        )


def _narrate(found: Calls, chosen: Call | None) -> None:
    """Say on stderr what is printed and why, and what else could follow."""
    from labtui.verdicts.followups import existing_text

    name = found.study.name
    if found.ended < found.study.total:
        say(f"{name}: {found.ended} of {found.study.total} trials have ended; judged so far")
    if found.answer:
        say(f"{name}: {found.answer}")
    for bug in found.broken:
        say(f"{name}: {bug.code} comes first, no study answers it: {bug.message} {bug.advice}")
    if chosen is None:
        say(f"{name}: no finding calls for another study; `labtui next {name} --list` has them all")
        return
    say(f"{chosen.kind}: {_because(chosen)}")
    if chosen.existing:
        say(f"{existing_text(chosen)} answers the same already")
    if found.by_hand:
        say(found.by_hand)
    others = [one for one in found.calls if one is not chosen and one.called]
    if others:
        say("also called for:")
    for one in others:
        told = f"{one.why}; cannot be made: {one.cannot}" if one.cannot else one.why
        say(f"  {_label(one)}: {cut(_there(one) + told, SAID)}")
    rest = [_label(one) for one in found.calls if not one.called and one is not chosen]
    if rest:  # nothing else was made where a kind was asked for
        say(f"possible: {', '.join(rest)} (--kind)")


def _because(chosen: Call) -> str:
    from labtui.study.followup import KINDS

    return f"{KINDS[chosen.kind]}; {chosen.why}"


def _label(one: Call) -> str:
    return f"{one.kind} {one.about}".strip()


def _there(one: Call) -> str:
    """Write which study answers the same already, before the reason."""
    from labtui.verdicts.followups import existing_text

    return f"there is {existing_text(one)}; " if one.existing else ""


def _print_list(found: Calls) -> None:
    rows = [
        (
            _label(one),
            one.severity or "",
            str(one.made.trials) if one.made else "",
            str(one.made.study.budget.max_train_steps) if one.made else "",
            cut(_there(one) + (one.why if one.made else f"cannot be made: {one.cannot}"), SAID),
            one.command,
        )
        for one in found.calls
    ]
    print_table(LIST_HEADERS, rows, right="trials steps")
    if found.by_hand:
        write_sentence(f"{found.by_hand}.")


# -- writing and running ------------------------------------------------------------------------


def _write(file: Path, made: FollowUp, record: StudyRecord) -> None:
    """Write the study file.

    Raises:
        Misuse: There is a file already.
    """
    if file.exists():
        raise Misuse(f"--to: {file} is there already; name another file, or remove it")
    file.write_text(made.text, "utf-8")
    more = " --extend" if made.extends else ""
    say(f"{file}: written; `labtui run {file}{more}` launches it")
    folder = file.absolute().parent
    relative = made.study.trainer.name in ("python", "command")
    if relative and record.folder and folder != Path(record.folder):
        say(f"its trainer's files are named relative to {record.folder}: put it there to run it")


def _run(
    paths: LabPaths,
    record: StudyRecord,
    made: FollowUp,
    *,
    detach: bool,
    json: bool,
) -> int:
    from labtui.cli.follow import look
    from labtui.cli.run import follow_study
    from labtui.engine.derived import submit_derived

    before = look(paths, made.study.study)
    mode = "extend" if made.extends else None
    command = ["labtui", *sys.argv[1:]]
    found = submit_derived(paths, record, made.study, made.text, command=command, mode=mode)
    if detach:
        say(f"{found.study} runs in the background; `labtui list` tells how it goes")
        return ExitCode.DONE
    code = follow_study(paths, found.study, before, json=json)
    if not made.extends and not json:
        say(f"`labtui check {found.study}` sets its findings beside those of {record.name}")
    return code
