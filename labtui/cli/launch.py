"""`labtui launch` and `labtui lineage`: decide about a candidate, and walk the baselines (P30)."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from labtui.cli.common import JsonOption, LabOption, Misuse, Reference, lab_paths, open_lab
from labtui.cli.exit_codes import ExitCode
from labtui.cli.output import (
    print_fields,
    print_json,
    print_table,
    say,
    write,
    write_sentence,
)

if TYPE_CHECKING:
    from labtui.store.paths import LabPaths
    from labtui.store.records import LaunchRecord
    from labtui.verdicts.launch_plan import Planned

CHART_HEIGHT = 16
"""Lines of the figure of reruns: with what is said before it, it fits into 24."""

NO_LOOK = (
    "--show and --detach take no look that would keep it; give it to the call that looks, or "
    "--overrule or --reject beside it"
)
"""What is said of a reason that belongs to no decision."""

ReasonOption = Annotated[
    str | None, typer.Option("--reason", metavar="TEXT", help="Why, for who reads it later.")
]


def launch(
    name: Reference,
    lab: LabOption = None,
    trial: Annotated[
        str | None,
        typer.Option("--trial", metavar="T", help="The candidate (else the study's best trial)."),
    ] = None,
    least_gain: Annotated[
        float | None,
        typer.Option("--least-gain", metavar="X", help="Gain that pays, in the objective's unit."),
    ] = None,
    groups: Annotated[
        int, typer.Option("--groups", min=1, metavar="N", help="Groups of reruns to train.")
    ] = 1,
    until_decided: Annotated[
        bool, typer.Option("--until-decided", help="Train groups until it is decided.")
    ] = False,
    overrule: Annotated[
        bool,
        typer.Option("--overrule", help="Set aside what holds it back: findings, --reject."),
    ] = False,
    reject: Annotated[
        bool, typer.Option("--reject", help="Reject what is undecided; trains nothing.")
    ] = False,
    reason: ReasonOption = None,
    show: Annotated[
        bool, typer.Option("--show", help="Print the newest launch; train nothing.")
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Do not follow; the same command looks later.")
    ] = False,
    slots: Annotated[
        int | None, typer.Option("--slots", metavar="N", help="Trials at a time (else one a core).")
    ] = None,
    json: JsonOption = False,
) -> int:
    """Compare a candidate with the baseline by fresh reruns; adopt, reject or ask for more.

    Each call trains the next planned group of both and looks once; what was decided is recorded.
    """
    from labtui.engine.devices import check_slots
    from labtui.verdicts.launch_plan import latest_launch, plan_launch, standing_launch

    if overrule and reject:
        raise Misuse("--overrule and --reject: expected one of them")
    option = "--reject" if reject else "--overrule"
    _check_reason(option, overrule or reject, reason, NO_LOOK if show or detach else "")
    if least_gain is not None and not 0 <= least_gain < float("inf"):
        raise Misuse(f"--least-gain {least_gain}: expected a finite number, 0 or more")
    check_slots(slots)
    paths = lab_paths(lab)
    if show:
        if least_gain is not None:
            raise Misuse("--show decides nothing: leave out --least-gain")
        with open_lab(lab) as opened:
            _print(latest_launch(opened, name, trial), json=json)
        return ExitCode.DONE
    with open_lab(lab) as opened:
        standing = standing_launch(opened, name, trial)
        if standing is not None:
            _check_least(standing, least_gain)
            _check_remark(standing, "" if overrule or reject else reason or "")
            _print(standing, json=json)
            return ExitCode.DONE
        planned = plan_launch(opened, name, trial, least_gain, again=overrule)
    if planned.rejected and reason and not (overrule or reject):
        raise Misuse(
            f"--reason: {planned.candidate.name} was rejected, and nothing is looked at: expected "
            "--overrule beside it"
        )
    if reject:
        _print(_reject(paths, planned, reason or ""), json=json)
        return ExitCode.DONE
    many = len(planned.groups) if until_decided else groups
    code, planned = _carry_on(
        paths, planned, many, why=(reason or "", overrule), detach=detach, slots=slots
    )
    waits = detach and code == ExitCode.DONE and planned.open_group is not None
    if planned.record is not None and (json or not waits):
        _print(planned.record, json=json)
    return code


def _carry_on(
    paths: LabPaths,
    planned: Planned,
    groups: int,
    *,
    why: tuple[str, bool],
    detach: bool,
    slots: int | None,
) -> tuple[int, Planned]:
    """Train and look, group by group, until it is decided, stopped, or so many were trained."""
    from labtui.verdicts.launching import begin_launch, take_look

    words, overrules = why
    said = {"overruled" if overrules else "remark": words.strip()}
    planned = begin_launch(paths, planned)
    if planned.open_group is None:
        return ExitCode.DONE, take_look(paths, planned, **said)
    for _ in range(groups):
        group = planned.open_group
        if group is None:
            break
        code, ended = _train(paths, planned, detach=detach, slots=slots)
        if not ended:
            return code, planned
        planned = take_look(paths, planned, **said)
        if planned.open_group == group:
            return _unfinished(paths, planned, code), planned
    return ExitCode.DONE, planned


def _reject(paths: LabPaths, planned: Planned, why: str) -> LaunchRecord:
    """Reject it, and say how to end reruns that nothing waits for."""
    from labtui.store.lab import Lab
    from labtui.verdicts.launch_reruns import rerun_record
    from labtui.verdicts.launching import reject_launch

    rejected = reject_launch(paths, planned, why.strip())
    with Lab(paths) as lab:
        reruns = rerun_record(lab, rejected)
    if reruns is not None and reruns.state in ("queued", "running"):
        say(f"its reruns go on; `labtui stop {shlex.quote(reruns.name)}` ends them")
    assert rejected.record is not None
    return rejected.record


def _train(
    paths: LabPaths, planned: Planned, *, detach: bool, slots: int | None
) -> tuple[int, bool]:
    """Have the reruns of the next look trained; says whether they need not be waited for."""
    from labtui.cli.follow import follow, look
    from labtui.store.lab import Lab
    from labtui.verdicts.launching import submit_group

    before = look(paths, planned.reruns)
    if not submit_group(paths, planned, slots=slots):
        return ExitCode.DONE, True
    sides = "" if planned.baseline is None else " a side"
    say(f"{planned.reruns}: {planned.open_group} reruns{sides}, with fresh seeds")
    if detach:
        again = f"labtui launch {shlex.quote(planned.candidate.name)}"
        say(f"it runs in the background; `{again}` looks at it")
        return ExitCode.DONE, False
    with Lab(paths) as lab:
        end = follow(lab, planned.reruns, before=before)
    return end.exit_code, end.finished


def _unfinished(paths: LabPaths, planned: Planned, code: int) -> int:
    """Say what keeps a look from being taken although its study has ended."""
    reruns, again = shlex.quote(planned.reruns), shlex.quote(planned.candidate.name)
    say(
        f"{planned.reruns} ended before its reruns did; `labtui show {reruns}` says why, "
        f"`labtui launch {again}` goes on"
    )
    return code or ExitCode.FAILED


def _check_least(standing: LaunchRecord, least_gain: float | None) -> None:
    if least_gain is not None:
        raise Misuse(
            f"--least-gain: {standing.trial} is baseline {standing.adopted} by now, decided by "
            f"launch {standing.id}; a least gain that is chosen afterwards decides nothing. "
            "Leave it out"
        )


def _check_remark(standing: LaunchRecord, remark: str) -> None:
    if remark:
        raise Misuse(
            f"--reason: {standing.trial} is baseline {standing.adopted} by now, decided by launch "
            f"{standing.id} with its reason; `labtui note` adds to it"
        )


def _check_reason(option: str, given: bool, reason: str | None, lost: str) -> None:
    """Refuse a reason that is missing, or that nothing would keep.

    Args:
        option: What has to have one.
        given: Whether that was given.
        reason: The reason.
        lost: What to say of a reason without the option; empty where a look keeps it.
    """
    words = (reason or "").strip()
    if given and not words:
        raise Misuse(f'{option} needs --reason "…": it is kept with the decision')
    if given or reason is None:
        return
    if lost:
        raise Misuse(f"--reason: {lost}")
    if not words:
        raise Misuse('--reason "…": found no words; expected why, or no --reason')


def _print(record: LaunchRecord, *, json: bool) -> None:
    from labtui.verdicts.launch_words import (
        HEADERS,
        caveats,
        fields,
        headline,
        launch_document,
        rows,
    )

    if json:
        print_json(launch_document(record))
        return
    from labtui.cli.plot import draw
    from labtui.verdicts.figures_launch import launch_plot

    write_sentence(headline(record))
    write_sentence(record.reason, indent="    ")
    write()
    print_table(HEADERS, rows(record), right="reruns infeasible mean deviation selected")
    write()
    if record.data.get("looks"):
        draw([launch_plot(record)], height=CHART_HEIGHT)
        write()
    print_fields(fields(record))
    told = caveats(record)
    if told:
        write()
    for text in told:
        write_sentence(text)


def lineage(
    workload: Annotated[str, typer.Argument(metavar="WORKLOAD", help="The workload.")],
    lab: LabOption = None,
    roll_back: Annotated[
        int | None,
        typer.Option("--roll-back", metavar="BASELINE", help="Give a baseline up, by its number."),
    ] = None,
    reason: ReasonOption = None,
    json: JsonOption = False,
) -> int:
    """Print the baselines of a workload as a tree, or roll one back to the one before it."""
    from labtui.verdicts.launch_lineage import lineage_document, lineage_lines

    _check_reason("--roll-back", roll_back is not None, reason, "expected --roll-back beside it")
    if roll_back is not None:
        from labtui.engine.asking import roll_back as ask

        current = ask(lab_paths(lab), workload, roll_back, reason or "")
        say(f"{workload}: baseline {roll_back} was rolled back; {current} is the baseline")
    with open_lab(lab) as opened:
        if json:
            print_json(lineage_document(opened, workload))
            return ExitCode.DONE
        for line in lineage_lines(opened, workload):
            write(line)
    return ExitCode.DONE
