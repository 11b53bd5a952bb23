"""What a spreadsheet would run, through files that one opens, and back (S4)."""

from __future__ import annotations

import csv
import json
import zipfile

import openpyxl
import pytest

from labtui.cli.app import main
from labtui.interop.xlsx_export import sheet_text
from labtui.store.changes import NewHyperparameter, NewStudy, NewTrial, add_study
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.store.writer import Writer

SIGNS = "=+-@\t\r\n＝＋－＠"
BODIES = (
    *("1+1", "cmd|'/C x'!A0", "A1", "", 'HYPERLINK("http://x","y")'),
    *("DDE(server;topic)", '"\n=1', "1,2;3"),
)
PAYLOADS = [f"{sign}{body}" for sign in SIGNS for body in BODIES]
MAPPING = """\
study: payloads
workload: w
objective: {metric: x, goal: minimize}
trial: trial
hyperparameters:
  text: {role: nuisance, from: param.text, values: %s}
values: {x: last_value}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Export a lab with a trial a payload, in which it is a value and the arm, in four files."""
    folder = tmp_path_factory.mktemp("payloads")
    study = NewStudy(
        name="=s",
        workload="w",
        trainer="numpy",
        goal="g",
        metric="x",
        direction="minimize",
        selection="final",
        seed=1,
        sequence="halton-1",
        total=len(PAYLOADS),
        spec={},
        folder="/nowhere",
        interpreter="python",
        hyperparameters=[NewHyperparameter("text", "fixed", None, {"role": "fixed", "value": "="})],
    )
    with Writer(LabPaths(folder / "lab.db")) as writer:
        trials = [
            NewTrial(n, n, text, {"text": text}, {}, 1, 10, state="queued")
            for n, text in enumerate(PAYLOADS)
        ]
        add_study(writer, study, trials)
        for n in range(len(PAYLOADS)):
            writer.watch(n + 1, "x", minimize=True)
            writer.add_points(n + 1, [("x", 1, 0.5)])
        writer.execute("UPDATE trials SET state = 'completed'")
        writer.commit()
    for kind in ("csv", "xlsx"):
        for target, raw in ((f"guarded.{kind}", []), (f"raw.{kind}", ["--raw"])):
            words = ["--to", str(folder / target), "--lab", str(folder / "lab.db"), *raw, "=s"]
            assert main(["export", "--format", kind, *words]) == 0
    return folder


def cells(file, column):
    with file.open(newline="") as stream:
        return [row[column] for row in csv.DictReader(stream)]


def test_there_are_sixty_payloads():
    assert len(set(PAYLOADS)) == len(PAYLOADS) >= 60


@pytest.mark.parametrize("column", ["param.text", "arm"])
def test_no_cell_of_a_csv_file_is_run(folder, column):
    assert cells(folder / "guarded.csv" / "trials.csv", column) == [f"'{text}" for text in PAYLOADS]
    assert set(cells(folder / "guarded.csv" / "trials.csv", "study")) == {"'=s"}


@pytest.mark.parametrize("file", ["guarded.xlsx", "raw.xlsx"])
def test_no_cell_of_a_workbook_is_run(folder, file):
    book = openpyxl.load_workbook(folder / file)
    header, *rows = book["=s"].iter_rows()
    place = [cell.value for cell in header].index("param.text")
    found = [row[place] for row in rows]
    assert {cell.data_type for cell in found} == {"s"}
    assert [cell.value.strip() for cell in found] == [sheet_text(t).strip() for t in PAYLOADS]
    assert {cell.quotePrefix for cell in found} == {file == "guarded.xlsx"}
    with zipfile.ZipFile(folder / file) as packed:
        sheets = [packed.read(name) for name in packed.namelist()]
        assert not [name for name in packed.namelist() if "external" in name.lower()]
    assert not any(b"<f>" in sheet or b"<hyperlink" in sheet for sheet in sheets)


def test_with_raw_an_import_gives_back_what_was(folder):
    (folder / "m.yaml").write_text(MAPPING % json.dumps(PAYLOADS))
    source = folder / "raw.csv" / "trials.csv"
    words = ["import", str(source), "--mapping", str(folder / "m.yaml"), "--strict"]
    assert main([*words, "--lab", str(folder / "back.db")]) == 0
    with Lab(LabPaths(folder / "back.db")) as lab:
        found = {trial.source: trial.params["text"] for trial in lab.trials("payloads")}
    assert found == {f"=s/{n}": text for n, text in enumerate(PAYLOADS)}
