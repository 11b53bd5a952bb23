"""`labtui list`: what is in the lab."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from labtui.cli.common import JsonOption, LabOption, open_lab
from labtui.cli.output import print_json, print_table, say
from labtui.verdicts.text import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labtui.store.records import StudyRecord

INDENT = "  "
HEADERS = (
    "study",
    "state",
    "done",
    "infeasible",
    "best",
    "trial",
    "active",
    "workload",
    "tags",
    "goal",
)


def list_studies(
    tag: Annotated[
        str | None,
        typer.Option(metavar="T", help="Only studies with a tag, or with a trial that has it."),
    ] = None,
    lab: LabOption = None,
    json: JsonOption = False,
) -> None:
    """List the studies of the lab; what trains one again is listed below it."""
    with open_lab(lab) as opened:
        studies = opened.studies()
        paused = opened.paused()
        if paused:
            say(f"the runner waits: {clean(paused)}; nothing is lost")
        if tag is not None:
            from labtui.verdicts.tagged import tagged

            names = tagged(opened, tag)
            studies = [one for one in studies if one.name in names]
        if json:
            from labtui.verdicts.documents import list_document

            print_json(list_document(opened, studies))
            return
        tags = opened.tags()
        if tag is not None and not studies:
            say(f"no study, and no trial, has the tag {tag}: a workload has it")
            return
        if not studies:
            say(f"{opened.paths.db} holds no study yet; `labtui run STUDY.yaml` adds one")
            return
    rows = [_row(study, depth, tags.get(study.name, ())) for study, depth in nested(studies)]
    print_table(HEADERS, rows, right="done infeasible best trial")


def nested(studies: Sequence[StudyRecord]) -> list[tuple[StudyRecord, int]]:
    """Order studies so that evidence comes below what it is about: a rerun, a launch, a replica.

    Returns:
        Each study with its depth; those that go on with a search of their own have depth 0.
    """
    from labtui.study.kinds import COMPLETE

    names = {study.name for study in studies}
    below: dict[str, list[StudyRecord]] = {}
    first = []
    for study in studies:
        if study.kind in COMPLETE and study.parent in names:
            below.setdefault(study.parent, []).append(study)
        else:
            first.append(study)
    found: list[tuple[StudyRecord, int]] = []

    def add(study: StudyRecord, depth: int) -> None:
        found.append((study, depth))
        for one in below.pop(study.name, ()):
            add(one, depth + 1)

    for study in first:
        add(study, 0)
    # Evidence is about a study that was there before it: what still is below none names itself.
    return [*found, *((study, 0) for listed in below.values() for study in listed)]


def _row(study: StudyRecord, depth: int = 0, tags: Sequence[str] = ()) -> tuple[str, ...]:
    from labtui.verdicts.arm_names import shown_best
    from labtui.verdicts.text import ago, number

    best = shown_best(study)

    return (
        f"{INDENT * depth}{study.name}",
        study.state,
        f"{study.ended}/{study.total}",
        str(study.counts.get("infeasible", 0)),
        number(best),
        number(None if best is None else study.best_trial),
        ago(study.activity),
        study.workload,
        ", ".join(tags),
        f"{study.kind} of {study.parent}: {study.goal}" if study.kind else study.goal,
    )
