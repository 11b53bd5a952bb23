"""`labtui rerun`: train a trial, the best of every arm, or a whole study again (P28, P29)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from labtui.cli.common import JsonOption, LabOption, Misuse, Reference, lab_paths
from labtui.cli.exit_codes import ExitCode
from labtui.cli.output import print_fields, print_json, print_table, say, write, write_sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labtui.store.lab import Lab
    from labtui.store.paths import LabPaths
    from labtui.store.records import StudyRecord, TrialRecord
    from labtui.verdicts.rerun_plans import Again

ARM_HEADERS = ("arm", "configurations", "reruns", "infeasible", "mean", "in the search", "luck")


def rerun(
    name: Reference,
    lab: LabOption = None,
    n: Annotated[
        int | None,
        typer.Option("-n", metavar="N", help="How many more; left out, those that still wait."),
    ] = None,
    arms: Annotated[
        bool, typer.Option("--arms", help="Each arm's best three: does their order hold?")
    ] = False,
    slots: Annotated[
        int | None, typer.Option(metavar="N", help="Trials at a time (else one a core).")
    ] = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Do not follow; asked again, it says what was found.")
    ] = False,
    json: JsonOption = False,
) -> int:
    """Train again with fresh seeds, to tell what is luck, and say what was found.

    A trial: its configuration, 5 times at first; its deviation is kept for the workload. A study
    with --arms: the best three configurations of each arm, 3 times. A study: its whole search under
    another seed. With -n, N times more; without, what waits is finished.
    """
    from labtui.engine.devices import check_slots
    from labtui.store.lab import Lab
    from labtui.store.records import StudyRecord

    if n is not None and n < 1:
        raise Misuse(f"found -n {n}; expected 1 or more")
    check_slots(slots)
    paths = lab_paths(lab)
    with Lab(paths) as opened:
        subject = opened.find(name)
        if arms and not isinstance(subject, StudyRecord):
            raise Misuse(f"--arms is for a study, and {name} is a trial: name {subject.study}")
        waiting, planned = _wanted(opened, subject, n, arms=arms)
    command = [
        "labtui",
        "rerun",
        name,
        *(["--arms"] if arms else []),
        *(["-n", str(n)] if n else []),
    ]
    code = _train(paths, waiting, planned, command, slots=slots, detach=detach)
    if detach and (waiting or planned):
        again = f"labtui rerun {name}{' --arms' if arms else ''}"
        say(f"`{again}` says what was found, once they are over")
        return code
    with Lab(paths) as opened:
        subject = opened.find(name)
        if not isinstance(subject, StudyRecord):
            _end_trial(opened, subject, trained=bool(waiting or planned), json=json)
        elif arms:
            _end_arms(opened, subject, json=json)
        else:
            _end_replicas(opened, subject, json=json)
    return code


def _wanted(
    lab: Lab, subject: StudyRecord | TrialRecord, n: int | None, *, arms: bool
) -> tuple[list[str], list[Again]]:
    """Give the names of studies that wait to be finished, or what is to be trained beside."""
    from labtui.store.records import StudyRecord
    from labtui.verdicts import rerun_plans as plans
    from labtui.verdicts.evidence import evidence_of, reruns_of

    if not isinstance(subject, StudyRecord):
        before = reruns_of(lab, subject)
    else:
        before = evidence_of(lab, subject.name, "arms" if arms else "replica")
    if n is None and before:
        return [one.name for one in before if one.ended < one.total], []
    if not isinstance(subject, StudyRecord):
        return [], [plans.rerun_trial(lab, subject, n or plans.RERUNS)]
    if arms:
        return [], [plans.rerun_arms(lab, subject, n or plans.ARM_RERUNS)]
    return [], plans.replicas(lab, subject, n or 1)


def _train(
    paths: LabPaths,
    waiting: Sequence[str],
    planned: Sequence[Again],
    command: Sequence[str],
    *,
    slots: int | None,
    detach: bool,
) -> int:
    """Hand over what is to be trained, and follow it unless it is to be left alone."""
    from labtui.cli.follow import follow, look
    from labtui.engine import client
    from labtui.engine.derived import submit_derived
    from labtui.store.lab import Lab

    names = [*waiting, *(one.name for one in planned)]
    before = {name: look(paths, name) for name in names}
    for name in waiting:
        client.resume(paths, name, slots=slots)
    for one in planned:
        say(_what(one))
        submit_derived(
            paths, one.parent, one.study, one.text, command=command, mode=one.mode, slots=slots
        )
    code = int(ExitCode.DONE)
    if detach:
        if names:
            say(f"{', '.join(names)} in the background; `labtui list` tells how it goes")
        return code
    with Lab(paths) as lab:
        for name in names:
            end = follow(lab, name, before=before[name])
            code = code or end.exit_code
            if not end.finished:
                return code
    return code


def _what(one: Again) -> str:
    times = one.study.budget.repetitions
    if one.study.follows is not None and one.study.follows.kind == "replica":
        return f"{one.name}: {one.more} trials, the search of {one.parent.name} under another seed"
    count = "1 configuration" if one.configurations == 1 else f"{one.configurations} configurations"
    more = f", {times} in all" if one.mode == "extend" else ""
    return f"{one.name}: {one.more} trials of {count} with fresh seeds{more}"


# -- what was found -------------------------------------------------------------------------


def _end_trial(lab: Lab, trial: TrialRecord, *, trained: bool, json: bool) -> None:
    from labtui.verdicts.answer_words import rerun_numbers, rerun_words
    from labtui.verdicts.documents import jsonable
    from labtui.verdicts.evidence import reruns_of
    from labtui.verdicts.reruns import keep_deviation, read_reruns
    from labtui.verdicts.text import number

    study = reruns_of(lab, trial)[-1]
    found = read_reruns(lab, study)
    kept = keep_deviation(lab, study, trained=trained) or None
    if json:
        document = {"study": study.name, **rerun_numbers(found), "answer": rerun_words(found)}
        values = [
            {"trial": one.name, "state": one.state, "value": one.value, "seed": one.seed}
            for one in lab.trials(study.name)
        ]
        print_json(jsonable({**document, "kept_for": kept, "trials": values}))
        return
    spread = found.spread
    write_sentence(_sentence(rerun_words(found)))
    write()
    print_fields(
        [
            ("study", study.name),
            ("objective", f"{study.direction} {study.metric} ({study.selection})"),
            ("reruns", f"{spread.feasible} of {study.total}"),
            ("infeasible", str(spread.infeasible) if spread.infeasible else ""),
            ("waiting", str(found.waiting) if found.waiting else ""),
            ("mean", number(spread.mean)),
            ("deviation", _deviation(found)),
            ("min, max", f"{number(spread.least)}, {number(spread.most)}"),
            (trial.name, "" if found.selected is None else number(found.selected)),
            ("flattered by", _flattered(found)),
            ("sample error", "" if found.sample is None else f"{found.sample:.2g}"),
            ("kept for", kept or ""),
        ]
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _deviation(found: Any) -> str:
    spread = found.spread
    if spread.deviation is None:
        return "unknown: it takes two reruns that could be trained"
    if spread.deviation == 0:
        return "0: all reruns are equal, training leaves nothing to chance"
    return f"{spread.deviation:.2g} (90 % interval {spread.low:.2g} to {spread.high:.2g})"


def _flattered(found: Any) -> str:
    if found.flattered is None:
        return ""
    if found.flattered <= 0:
        return "nothing: its reruns are as good"
    return f"{found.flattered:.2g}, which it owes to being selected"


def _end_arms(lab: Lab, study: StudyRecord, *, json: bool) -> None:
    from labtui.verdicts.answer import answer_of
    from labtui.verdicts.answer_words import short_arm
    from labtui.verdicts.text import number

    answer = answer_of(lab, study, lab.trials(study.name))
    if json:
        from labtui.verdicts.documents import jsonable

        print_json(jsonable({"study": study.name, "answer": answer.document()}))
        return
    write_sentence(answer.sentence)
    rows = answer.numbers.get("arms", [])
    if rows:
        write()
        names = [row["arm"] for row in rows]
        cells = [
            (
                short_arm(row["arm"], names),
                str(row["configurations"]),
                str(row["reruns"]),
                str(row["infeasible"]),
                number(row["mean"]),
                number(row["selected"]),
                "" if row["flattered"] is None else f"{row['flattered']:.2g}",
            )
            for row in rows
        ]
        print_table(ARM_HEADERS, cells, right=" ".join(ARM_HEADERS[1:4]))
    if answer.command:
        write()
        write_sentence(f"surer: {answer.command}")


def _end_replicas(lab: Lab, study: StudyRecord, *, json: bool) -> None:
    from labtui.verdicts.answer import replica_answer
    from labtui.verdicts.text import number

    answer = replica_answer(lab, study, lab.trials(study.name))
    if json:
        from labtui.verdicts.documents import jsonable

        print_json(jsonable({"study": study.name, "answer": answer.document()}))
        return
    write_sentence(answer.sentence)
    write()
    rows = [(one["study"], number(one["best"])) for one in answer.numbers.get("searches", [])]
    print_table(("search", "best"), rows, right="best")
