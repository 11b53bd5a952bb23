"""Workloads, launches, tags and notes in every format of export, and in the view of the lab."""

import csv
import io
import json
import sqlite3
from contextlib import closing

import openpyxl
import pytest

from labtui.engine import asking
from labtui.engine.client import add_note
from labtui.interop.csv_export import export
from labtui.interop.decision_tables import (
    LAUNCH_COLUMNS,
    WORKLOAD_COLUMNS,
    launch_rows,
    lineage_text,
    workload_rows,
)
from labtui.interop.markdown_export import write_markdown
from labtui.interop.sqlite_export import export_sqlite
from labtui.interop.xlsx_export import export_xlsx
from labtui.store.changes import NewStudy, add_study
from labtui.store.lab import Lab
from labtui.store.writer import Writer
from tests.interop.exporting import as_they_are
from tests.support.labs import make_lab

CARD = {
    "retrain": {
        "deviation": 0.0125,
        "reruns": 5,
        "trial": "first/3",
        "date": "2026-01-02T03:04:05Z",
    }
}
OTHER = NewStudy(
    name="other",
    workload="elsewhere",
    trainer="numpy",
    goal="g",
    metric="loss",
    direction="minimize",
    selection="best",
    seed=1,
    sequence="halton-1",
    total=0,
    spec={},
    folder="/nowhere",
    interpreter="python",
)


def decide(verdict, trial, baseline, **more):
    return asking.Launch("digits-mlp", "first", trial, baseline, verdict, {}, "because", **more)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A workload with two launches, the adopted one rolled back, notes and tags on everything."""
    paths = make_lab(tmp_path_factory.mktemp("lab"), name="first", points=2)
    with Writer(paths) as writer:
        add_study(writer, OTHER, [])
        writer.execute(
            "UPDATE studies SET kind = 'rerun', parent = 'first', baseline = 2, "
            """inherited = '{"width": 64}' WHERE name = 'other'"""
        )
    asking.set_baseline(paths, "digits-mlp", {"params": {"a": 1}}, reason="to begin with")
    adopted = decide(
        "adopt",
        "first/3",
        1,
        adopt={"params": {"a": 2, "b": "x"}},
        card=CARD,
        data={},
    )
    asking.record_launch(paths, adopted)
    asking.roll_back(paths, "digits-mlp", 2, "worse on Mondays")
    asking.record_launch(paths, decide("reject", "first/1", 1))
    asking.note_workload(paths, "digits-mlp", "the set of 1998")
    add_note(paths, "first/2", "spikes")
    for about in ({"workload": "digits-mlp"}, {"subject": "first"}):
        asking.change_tags(paths, **about, add=["paper", "=1+1"])
    with Lab(paths) as opened:
        yield opened


LINEAGE = (
    "1: to begin with\n2 after 1, by launch 1: first/3; because; rolled back: worse on Mondays"
)


def test_a_workload_is_its_card(lab):
    (row,) = workload_rows(lab, {"first"})
    assert tuple(row) == WORKLOAD_COLUMNS
    assert (row["baseline"], row["baseline_configuration"], row["lineage"]) == (1, "a=1", LINEAGE)
    assert (row["retrain_deviation"], row["retrain_reruns"]) == (0.0125, 5)
    assert (row["adopted"], row["rejected"], row["undecided"]) == (1, 1, 0)
    assert (row["notes"], row["tags"], row["studies"]) == ("the set of 1998", "=1+1, paper", 1)


def test_a_launch_says_what_became_of_it(lab):
    first, second = launch_rows(lab, {"first"})
    assert tuple(first) == LAUNCH_COLUMNS
    assert (first["verdict"], first["adopted"], first["rollback_reason"]) == (
        *("adopt", 2),
        "worse on Mondays",
    )
    assert (second["verdict"], second["adopted"], second["rolled_back"]) == ("reject", None, None)


def test_only_what_belongs_to_the_studies_is_there_unless_all_are(lab):
    assert [row["workload"] for row in workload_rows(lab, {"other"})] == ["elsewhere"]
    assert list(launch_rows(lab, {"other"})) == []
    assert len(list(workload_rows(lab, {"first", "other"}))) == 2


def test_a_lineage_names_only_what_there_is(lab):
    first, second = lab.baselines("digits-mlp")
    assert lineage_text(first) == "1: to begin with"
    assert lineage_text(second).endswith("rolled back: worse on Mondays")


ROW = {
    "kind": "",
    "launches": "adopted first/3 as baseline 2, rolled back\nrejected first/1",
    "notes": "#2: spikes",
    "tags": "=1+1, paper",
}
CHILD = {"kind": "rerun", "parent": "first", "inherited": "width=64"}


def test_csv(lab):
    def read(what, **options):
        stream = io.StringIO()
        export(lab, what, list(as_they_are(lab, ["first", "other"])), stream, **options)
        return list(csv.DictReader(io.StringIO(stream.getvalue(), newline="")))

    first, other = read("studies", raw=True)
    assert first.items() >= ROW.items()
    assert other.items() >= {**CHILD, "baseline": "2"}.items()
    assert read("studies")[0]["tags"] == "'=1+1, paper"
    assert read("workloads")[0]["lineage"] == LINEAGE
    assert [row["verdict"] for row in read("launches")] == ["adopt", "reject"]


def test_sqlite(lab, tmp_path):
    export_sqlite(lab, as_they_are(lab, ["first", "other"]), tmp_path / "a.sqlite")
    with closing(sqlite3.connect(tmp_path / "a.sqlite")) as connection:
        connection.row_factory = sqlite3.Row
        first, other = map(dict, connection.execute("SELECT * FROM studies ORDER BY study"))
        workloads = [dict(row) for row in connection.execute("SELECT * FROM workloads")]
        launches = connection.execute("SELECT launch, adopted, evidence FROM launches").fetchall()
    assert first.items() >= ROW.items()
    assert other.items() >= {**CHILD, "baseline": 2}.items()
    assert workloads[0]["retrain_deviation"] == 0.0125
    assert [tuple(row) for row in launches] == [(1, 2, "{}"), (2, None, "{}")]


def test_xlsx(lab, tmp_path):
    export_xlsx(lab, as_they_are(lab, ["first", "other"]), tmp_path / "a.xlsx")
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    header, workload, _ = book["workloads"].iter_rows(values_only=True)
    row = dict(zip(header, workload, strict=True))
    assert row["lineage"] == LINEAGE
    assert row["retrain_date"].year == 2026
    assert [cell.value for cell in book["launches"]["E"]] == ["verdict", "adopt", "reject"]
    header, first, _ = book["experiment log"].iter_rows(values_only=True)
    assert dict(zip(header, first, strict=True)).items() >= {**ROW, "kind": None}.items()


def test_markdown(lab):
    stream = io.StringIO()
    write_markdown(lab, as_they_are(lab, ["first", "other"]), stream)
    page = stream.getvalue()
    assert "\n# Workloads\n" in page
    assert "- baseline 2 after 1, by launch 1: first/3; because; rolled back" in page
    assert "- tags: =1+1, paper" in page
    assert "- notes: the set of 1998" in page
    assert "\n# Launches\n" in page
    assert "- kind: rerun\n- parent: first\n" in page


def test_the_view_of_the_lab_says_the_same(lab):
    with closing(sqlite3.connect(lab.paths.db)) as connection:
        connection.row_factory = sqlite3.Row
        rows = {
            row["study"]: dict(row) for row in connection.execute("SELECT * FROM experiment_log")
        }
    assert rows["first"]["launches"] == "adopt first/3\nreject first/1"
    assert (rows["first"]["tags"], rows["first"]["notes"]) == ("=1+1, paper", "spikes")
    assert (rows["other"]["kind"], rows["other"]["parent"]) == ("rerun", "first")
    for name, row in rows.items():
        study = lab.study(name)
        assert row["best_value"] == study.best_value
        assert row["trials"] == len(lab.trials(name))
        assert row["infeasible"] == study.counts.get("infeasible", 0)
    assert json.dumps(rows)
