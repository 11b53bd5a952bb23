"""The experiment log (P45) as it is read in a terminal or by a program: one row a study."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from labtui.interop.decision_tables import launch_text
from labtui.interop.experiment_log import log_row
from labtui.store.errors import UnknownName
from labtui.store.lab import Lab
from labtui.store.records import StudyRecord
from labtui.study.kinds import REPEATED
from labtui.verdicts.documents import jsonable
from labtui.verdicts.exports import Tell, logged
from labtui.verdicts.tagged import tagged
from labtui.verdicts.text import clean, number, percent

MOST_TEXT = 400
"""Characters of a note or goal that a log shows: four lines; `labtui note NAME --list` has all."""


@dataclass(frozen=True)
class Wanted:
    """Which studies a log is of; None for any.

    Attributes:
        workload: What they tune.
        tag: What they, or a trial of theirs, are tagged with.
        kind: As what they go on from another study, such as ``widen`` or ``rerun``.
    """

    workload: str | None = None
    tag: str | None = None
    kind: str | None = None


def chosen(lab: Lab, wanted: Wanted) -> list[StudyRecord]:
    """Give the studies that a log is of, the newest first.

    Raises:
        UnknownName: There is no such workload, or nothing has that tag or is of that kind.
    """
    studies = sorted(lab.studies(), key=lambda one: (one.created, one.id), reverse=True)
    if wanted.workload is not None:
        lab.workload(wanted.workload)
        studies = [one for one in studies if one.workload == wanted.workload]
    if wanted.tag is not None:
        names = tagged(lab, wanted.tag)
        studies = [one for one in studies if one.name in names]
    if wanted.kind is not None:
        kinds = sorted({one.kind for one in lab.studies() if one.kind})
        if wanted.kind not in kinds:
            hint = f"kinds are {', '.join(kinds)}" if kinds else "no study follows another"
            raise UnknownName("kind of study", wanted.kind, kinds, hint)
        studies = [one for one in studies if one.kind == wanted.kind]
    return studies


def log_document(
    lab: Lab, studies: Sequence[StudyRecord], *, judged: bool = True, tell: Tell | None = None
) -> Mapping[str, Any]:
    """Describe studies as rows of the experiment log; `judged` and `tell` as in `logged`.

    Returns:
        ``{"studies": [row]}``: the columns of the log, save that ``tags`` is a list, ``notes`` are
        ``[{"subject", "created", "text", "trial"}]`` and ``launches`` are ``[{"launch", "trial",
        "verdict", "adopted", "reason", "text"}]``.
    """
    tags = lab.tags()
    rows = []
    for one in logged(lab, studies, judged=judged, tell=tell):
        name = one.study.name
        row = log_row(lab, one)
        row["tags"] = tags.get(name, [])
        row["notes"] = [asdict(note) for note in lab.all_notes(name)]
        row["launches"] = [
            {
                "launch": launch.id,
                "trial": launch.trial,
                "verdict": launch.verdict,
                "adopted": launch.adopted,
                "reason": launch.reason,
                "text": launch_text(lab, launch),
            }
            for launch in lab.launches(study=name)
        ]
        rows.append(row)
    return dict(jsonable({"studies": rows}))


def best_text(row: Mapping[str, Any]) -> str:
    """Write the best value of a row with what training it again changes: ``0.014 ± 0.002``.

    Nothing for reruns, whose best is mere luck: their answer has the means.
    """
    if row["kind"] in REPEATED:
        return ""
    spread = row["retrain_deviation"]
    best = number(row["best_value"])
    return best if spread is None or row["best_value"] is None else f"{best} ± {number(spread)}"


def changes_text(row: Mapping[str, Any]) -> str:
    """Say whether the code differed from its commit; empty where none is known."""
    if row["uncommitted_changes"] is None:
        return ""
    commit = str(row["git_commit"])[:12]
    return f"{commit} and uncommitted changes" if row["uncommitted_changes"] else commit


def infeasible_text(row: Mapping[str, Any]) -> str:
    """Write the share of infeasible trials of a row, to a tenth of a percent."""
    share = row["infeasible_share"]
    return percent(None if share is None else round(share, 3))


def details(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give what has no column: (name, text), clean; nothing that is empty, long texts cut.

    ``again``, the command that reproduces it, is there to be copied: always whole.
    """
    for name, text in (
        ("follows", row["parent"]),
        ("goal", row["goal"]),
        ("answer", row["answer"]),
        ("verdict", row["verdict"]),
        ("launches", row["launches"].replace("\n", "; ")),
        ("notes", row["notes"].replace("\n", "; ")),
        ("tags", row["tags"]),
        ("commit", changes_text(row)),
        ("again", row["command"]),
    ):
        if text:
            whole = name == "again" or len(text) <= MOST_TEXT
            cut = text if whole else f"{text[:MOST_TEXT]}… ({len(text):,} characters)"
            yield name, clean(cut)
