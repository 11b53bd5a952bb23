"""`labtui list`: what is in the lab."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labtui.cli.common import JsonOption, LabOption, open_lab
from labtui.cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from labtui.store.records import StudyRecord

HEADERS = ("study", "state", "done", "infeasible", "best", "trial", "active", "workload", "goal")


def list_studies(lab: LabOption = None, json: JsonOption = False) -> None:
    """List the studies of the lab."""
    with open_lab(lab) as opened:
        if json:
            from labtui.verdicts.documents import list_document

            print_json(list_document(opened))
            return
        studies = opened.studies()
        if not studies:
            say(f"{opened.paths.db} holds no study yet; `labtui run STUDY.yaml` adds one")
            return
    rows = [_row(study) for study in studies]
    print_table(HEADERS, rows, right="done infeasible best trial")


def _row(study: StudyRecord) -> tuple[str, ...]:
    from labtui.verdicts.text import ago, number

    return (
        study.name,
        study.state,
        f"{study.ended}/{study.total}",
        str(study.counts.get("infeasible", 0)),
        number(study.best_value),
        number(study.best_trial),
        ago(study.activity),
        study.workload,
        study.goal,
    )
