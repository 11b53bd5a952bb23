"""`labtui run` and `labtui stop`: hand a study to the lab's runner, follow it, end it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labtui.cli.common import JsonOption, LabOption, Misuse, Reference, lab_paths
from labtui.cli.exit_codes import ExitCode
from labtui.cli.output import print_json, say, write, write_sentence
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labtui.cli.follow import Before
    from labtui.engine.client import Submission
    from labtui.store.lab import Lab
    from labtui.store.paths import LabPaths
    from labtui.study.spec import Study

FILE_ENDINGS = (".yaml", ".yml", ".json")
PATH_OPTIONS = ("--lab", "--events")
FEWEST_FILES = 64
"""Fewest files that a process must be able to open: a runner with one worker trains with 64, and
with 12 it cannot even open its lab."""


def run(
    target: Annotated[
        str, typer.Argument(metavar="STUDY.yaml|NAME", help="A study file, or a study in the lab.")
    ],
    lab: LabOption = None,
    slots: Annotated[
        int | None, typer.Option(metavar="N", help="Trials at a time (else one a core).")
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Append a JSON line per committed point and state."),
    ] = None,
    new: Annotated[
        bool, typer.Option("--new", help="Run under another name if this one is taken.")
    ] = False,
    extend: Annotated[
        bool, typer.Option("--extend", help="Add the further trials of a larger budget.")
    ] = False,
    one: Annotated[
        bool, typer.Option("--one", help="Train one trial, showing what it prints, and wait.")
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Do not follow; `labtui list` tells how it goes.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Agree to a very large budget.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Run it in spite of alerts about its design.")
    ] = False,
    json: JsonOption = False,
) -> int:
    """Run a study, or resume it, and follow it: Ctrl-C stops it, twice at once, d detaches."""
    from labtui.engine.devices import check_slots

    if new and extend:
        raise typer.BadParameter("--new and --extend exclude each other; give one of them")
    if one and detach:
        raise typer.BadParameter("--one shows what its trial prints: leave --detach out")
    check_slots(slots)
    _check_files()
    paths = lab_paths(lab)
    _warn_of_slots(paths, slots)
    mode = "new" if new else "extend" if extend else None
    before = _look(paths, target)
    found = _hand_over(
        paths, target, mode=mode, events=events, slots=slots, yes=yes, one=one, force=force
    )
    if detach:
        say(f"{found.study} runs in the background; `labtui list` tells how it goes")
        return ExitCode.DONE
    return follow_study(paths, found.study, before, json=json, one=one)


def _hand_over(
    paths: LabPaths,
    target: str,
    *,
    mode: str | None,
    events: Path | None,
    slots: int | None,
    yes: bool,
    one: bool,
    force: bool,
) -> Submission:
    from labtui.engine import client
    from labtui.study.checks import remarks
    from labtui.study.spec import load_study

    file = Path(target)
    if not (
        target.lower().endswith(FILE_ENDINGS) or file.is_file() or _is_odd(file, paths, target)
    ):
        return client.resume(paths, target, events=events, slots=slots, one=one)
    study = load_study(file, yes=yes)
    for remark in remarks(study):
        say(remark)
    refuse_alerts(paths, study, force=force, anew=mode == "new")
    file = file.resolve()
    return client.submit(
        paths,
        study,
        file=file,
        folder=file.parent,
        command=["labtui", *_again(sys.argv[1:], target, file.name)],
        mode=mode,
        events=events,
        slots=slots,
        one=one,
    )


class Refused(Exception):
    """The design of a study has alerts; says which and what to do."""

    exit_code = ExitCode.ALERT


def refuse_alerts(paths: LabPaths, study: Study, *, force: bool, anew: bool) -> None:
    """See that the design of a new study has no alert, before it costs anything.

    Raises:
        Refused: It has; `force` overrules all but a tuned length of training (P11).
    """
    from labtui.store.errors import LabError
    from labtui.store.lab import Lab
    from labtui.verdicts.design import FORBIDDEN, refusals

    try:
        with Lab(paths) as lab:
            alerts = refusals(study, lab, anew=anew)
    except LabError:  # there is none, another process just makes it, or submitting says what is
        alerts = refusals(study)
    left = [one for one in alerts if one.code == FORBIDDEN or not force]
    if not left:
        return
    said = "\n".join(f"{one.code} [{one.procedure}]: {one.message} {one.advice}" for one in left)
    final = all(one.code == FORBIDDEN for one in left)
    way = "if that is not what it is, give it another name" if final else "or add --force"
    raise Refused(f"{said}\nnothing was started: change the study, {way} (`labtui plan` says more)")


def _again(arguments: Sequence[str], target: str, name: str) -> list[str]:
    """Write the command line as it is given in the folder of the study file."""
    renamed = [name if argument == target else argument for argument in arguments]
    return [
        str(Path(argument).resolve()) if before in PATH_OPTIONS else argument
        for before, argument in zip(["", *renamed], renamed, strict=False)
    ]


def _check_files() -> None:
    """See that a runner and its worker can open what they need, before they fail unseen."""
    if sys.platform == "win32":
        return
    import resource

    found = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if 0 <= found < FEWEST_FILES:
        raise Misuse(
            f"ulimit -n: found {found} open files at most; expected {FEWEST_FILES} or more: "
            "`ulimit -n 1024`"
        )


def _warn_of_slots(paths: LabPaths, slots: int | None) -> None:
    from labtui.store.lock import living_runner

    if slots is not None and living_runner(paths.lock) is not None:
        say("--slots is for a runner that starts: one lives already and keeps the slots it has")


def _is_odd(file: Path, paths: LabPaths, name: str) -> bool:
    """Say whether what lies there is neither file nor study: reading it says what it is."""
    from labtui.store.lab import Lab

    if not file.exists():
        return False
    if not paths.db.is_file():
        return True
    with Lab(paths) as lab:
        return all(study.name != name for study in lab.studies())


def _look(paths: LabPaths, target: str) -> Before:
    """See how the study stands that is asked for; what is wrong with its file is said later."""
    from labtui.cli.follow import look
    from labtui.study.errors import StudyError
    from labtui.study.spec import load_study

    name = target
    if Path(target).is_file():
        try:
            name = load_study(Path(target), yes=True).study
        except StudyError:
            return look(paths, "")
    return look(paths, name)


def follow_study(
    paths: LabPaths, name: str, before: Before, *, json: bool = False, one: bool = False
) -> int:
    """Follow a study that was handed over, to its end, and print what it came to."""
    from labtui.cli.follow import follow
    from labtui.cli.report import print_study
    from labtui.store.lab import Lab
    from labtui.verdicts.documents import study_document

    with Lab(paths) as lab:
        end = follow(lab, name, one=one, before=before)
        if json:
            print_json(study_document(lab, lab.study(name)))
        elif end.finished and one:
            _print_one(lab, name, before)
        elif end.finished:
            print_study(lab, name)
            where = "" if paths.db == lab_paths(None).db else f" --lab {clean(str(paths.db))}"
            write(f"\nOpen it on the screen:  labtui{where}")
    return end.exit_code


def _print_one(lab: Lab, name: str, before: Before) -> None:
    """Show the trial that was trained last, and how long the others would take."""
    from labtui.cli.show import print_trial
    from labtui.engine.devices import cores
    from labtui.verdicts.text import duration

    trials = lab.trials(name)
    done = [trial for trial in trials if trial.finished and trial.id not in before.finished]
    if not done:
        say(f"{name}: nothing was left to train")
        return
    last = max(done, key=lambda trial: trial.finished or "")
    write()
    print_trial(lab, last)
    waiting = sum(1 for trial in trials if trial.state == "queued")
    if waiting:
        seconds = last.seconds * waiting / cores()
        write()
        write_sentence(
            f"{waiting} trials wait, one by one on {cores()} cores about {duration(seconds)}: "
            f"labtui run {name}"
        )


def stop(
    subject: Reference,
    lab: LabOption = None,
    now: Annotated[
        bool, typer.Option("--now", help="At once, not after the next evaluation.")
    ] = False,
) -> int:
    """Stop a study (`labtui run NAME` resumes it) or one trial for good."""
    from labtui.engine import client

    found = client.stop(lab_paths(lab), subject, now=now)
    if found["was"] in ("running", "queued"):
        say(f"{subject}: asked to stop" if found["was"] == "running" else f"{subject}: stopped")
    else:
        say(f"{subject}: nothing to stop, it is {found['was']}")
    return ExitCode.DONE
