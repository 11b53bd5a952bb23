"""Imports in tests: a call as from the command line, and rows of the lab to look at."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from labtui.cli.app import main
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths

DATA = Path(__file__).parents[1] / "data"


@dataclass
class Imported:
    code: int
    out: str
    err: str
    studies: dict = field(default_factory=dict)


def importer(folder, capsys):
    """Make a caller of `labtui import` into the lab of a folder."""

    def call(*arguments, lab="lab.db"):
        options = ["--json", "--lab", str(folder / lab)]
        code = int(main(["import", *map(str, arguments), *options]))
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        assert "a fault of labtui" not in captured.err
        document = json.loads(captured.out) if captured.out else {"studies": []}
        found = {study["name"]: study for study in document["studies"]}
        return Imported(code, captured.out, captured.err, found)

    return call


def opened(folder, lab="lab.db"):
    return Lab(LabPaths(folder / lab), everything=True)


def content(folder, lab="lab.db"):
    """Everything an import writes, without times and revisions."""
    with opened(folder, lab) as found:
        studies = {}
        for study in found.studies():
            trials = [
                (
                    *(t.number, t.point, t.arm, t.state, t.reason, t.params_json, t.seed),
                    *(t.best_value, t.best_step, t.last_value, t.last_step, t.step, t.max_steps),
                    *(t.source, t.repetition, t.seconds, t.code_json),
                )
                for t in found.trials(study.name)
            ]
            points = list(found.points(study.name))
            summaries = [tuple(vars(s).values()) for s in found.summaries(study.name)]
            studies[study.name] = (
                *(study.state, study.total, study.spec_json, study.provenance_json),
                *(study.metric, study.direction, study.selection),
                trials,
                points,
                summaries,
                found.hyperparameters(study.name),
                found.card(study.workload),
            )
        return repr(studies), found.metric_goals()
