"""CSV files: exact numbers, safe text, targets that appear whole or not at all."""

import csv
import io
import math
import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labtui.interop import csv_export
from labtui.interop.csv_export import export, export_files, targets
from labtui.interop.files import TargetRefused
from labtui.store.changes import NewStudy, NewTrial, add_study
from labtui.store.decisions import add_note
from labtui.store.errors import LabBroken
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.store.writer import Writer
from tests.interop.exporting import as_they_are
from tests.support.labs import make_lab

LARGEST = sys.float_info.max
NUMBERS = [math.nan, math.inf, -math.inf, -0.0, 1e-320, float(2**63), 0.1 + 0.2, 5e-324, LARGEST]
EXECUTABLE = ["=1+1", "+1", "-cmd", "@SUM(1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠x"]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    make_lab(folder)
    paths = make_lab(folder, name="second", points=4, ended=5, state="running")
    with Lab(paths) as opened:
        yield opened


def odd_lab(folder, *, name="odd", values=NUMBERS, params=None, points=True) -> LabPaths:
    """A lab of one trial, with awkward text or numbers."""
    paths = LabPaths(folder / "lab.db")
    study = NewStudy(
        name=name,
        workload="w",
        trainer="numpy",
        goal="=HYPERLINK(1)",
        metric="loss",
        direction="minimize",
        selection="best",
        seed=1,
        sequence="halton-1",
        total=1,
        spec={},
        folder="/nowhere",
        interpreter="python",
        provenance={"git_commit": "abc", "git_diff_sha256": "def"},
    )
    trial = NewTrial(0, 0, "", params or {}, {}, 1, 10, state="queued")
    with Writer(paths) as writer:
        number = add_study(writer, study, [trial])
        add_note(writer, "-rm", study=number, trial=None)
        if points:
            writer.watch(1, "loss", minimize=True)
            writer.add_points(1, [("loss", step, value) for step, value in enumerate(values)])
        writer.commit()
    return paths


def chosen(lab, *names):
    return list(as_they_are(lab, names))


def read(lab, what, studies, **options):
    stream = io.StringIO()
    count = export(lab, what, chosen(lab, *studies), stream, **options)
    rows = list(csv.DictReader(io.StringIO(stream.getvalue(), newline="")))
    assert len(rows) == count
    return rows


def test_trials_have_a_column_for_each_parameter(lab):
    rows = read(lab, "trials", ["digits-optimizer", "second"])
    assert len(rows) == 48
    trials = [t for name in ("digits-optimizer", "second") for t in lab.trials(name)]
    for row, trial in zip(rows, trials, strict=True):
        assert row["trial"] == trial.name
        assert row["state"] == trial.state
        assert float(row["param.learning_rate"]) == trial.params["learning_rate"]
        assert row["param.optimizer"] == trial.params["optimizer"]
        assert row["best_value"] == ("" if trial.best_value is None else repr(trial.best_value))
        assert row["seed"] == str(trial.seed)


def test_metrics_are_in_long_form(lab):
    rows = read(lab, "metrics", ["second"])
    assert list(rows[0]) == ["trial", "metric", "step", "value"]
    assert len(rows) == sum(1 for _ in lab.points("second"))
    assert {row["trial"] for row in rows} == {f"second/{n}" for n in range(5)}
    assert any(row["value"] == "nan" for row in rows)


def test_studies_are_the_experiment_log(lab):
    rows = read(lab, "studies", ["second", "digits-optimizer"])
    assert {row["study"] for row in rows} == {"second", "digits-optimizer"}
    assert read(lab, "studies", ["second"])[0]["state"] == "interrupted"
    row = read(lab, "studies", ["digits-optimizer"])[0]
    assert (row["trials"], row["workload"]) == ("40", "digits-mlp")
    assert row["command"] == "labtui run digits-optimizer.yaml"
    assert float(row["best_value"]) == lab.study("digits-optimizer").best_value
    assert row["best_trial"].startswith("digits-optimizer/")


def test_numbers_are_exact(tmp_path):
    with Lab(odd_lab(tmp_path)) as lab:
        texts = [row["value"] for row in read(lab, "metrics", ["odd"])]
        assert texts[:3] == ["nan", "inf", "-inf"]
        for text, value in zip(texts[1:], NUMBERS[1:], strict=True):
            kept = value + 0.0  # SQLite keeps the zeros as one
            assert float(text).hex() == kept.hex()


@given(st.floats())
def test_every_number_round_trips(value):
    text = csv_export._cell(value, raw=False)
    assert repr(float(text)) == repr(value)


def test_a_last_value_that_is_no_number_is_not_an_empty_cell(tmp_path):
    with Lab(odd_lab(tmp_path, values=[0.5, math.nan])) as lab:
        (row,) = read(lab, "trials", ["odd"])
    assert (row["best_value"], row["last_value"], row["last_step"]) == ("0.5", "nan", "1")


@pytest.mark.parametrize("payload", EXECUTABLE)
def test_no_text_is_executed_by_a_spreadsheet(tmp_path, payload):
    params = {"text": payload, "number": -1, "plain": "adam", "nothing": None, "flag": True}
    with Lab(odd_lab(tmp_path, params=params)) as lab:
        (row,) = read(lab, "trials", ["odd"])
        (raw,) = read(lab, "trials", ["odd"], raw=True)
    assert row["param.text"] == f"'{payload}"
    assert raw["param.text"] == payload
    shown = [row[f"param.{name}"] for name in ("number", "plain", "nothing", "flag")]
    assert shown == ["-1", "adam", "null", "true"]


def test_names_goals_and_notes_are_guarded_as_well(tmp_path):
    with Lab(odd_lab(tmp_path, name="=evil")) as lab:
        (row,) = read(lab, "studies", ["=evil"])
    assert (row["study"], row["goal"], row["notes"]) == ("'=evil", "'=HYPERLINK(1)", "'-rm")
    assert (row["git_commit"], row["git_diff_sha256"]) == ("abc", "def")


def test_a_lab_without_studies_has_headers_alone(tmp_path):
    paths = LabPaths(tmp_path / "lab.db")
    with Writer(paths):
        pass
    with Lab(paths) as lab:
        assert [read(lab, what, []) for what in csv_export.WHAT] == [[]] * len(csv_export.WHAT)


def test_files_appear_whole(lab, tmp_path):
    folder = tmp_path / "new" / "folder"
    written = export_files(lab, targets(csv_export.WHAT, folder), chosen(lab, "second"))
    assert [(path.name, count) for path, count in written] == [
        ("trials.csv", 8),
        ("metrics.csv", sum(1 for _ in lab.points("second"))),
        ("studies.csv", 1),
        ("workloads.csv", 1),
        ("launches.csv", 0),
    ]
    assert sorted(os.listdir(folder)) == sorted(path.name for path, _ in written)
    umask = os.umask(0)
    os.umask(umask)
    assert (folder / "trials.csv").stat().st_mode & 0o777 == 0o666 & ~umask


def test_what_exists_is_left_as_it_is(lab, tmp_path):
    (tmp_path / "metrics.csv").write_text("mine")
    with pytest.raises(TargetRefused, match="--force"):
        export_files(lab, targets(csv_export.WHAT, tmp_path), chosen(lab, "second"))
    assert os.listdir(tmp_path) == ["metrics.csv"]
    export_files(lab, targets(csv_export.WHAT, tmp_path), chosen(lab, "second"), force=True)
    assert (tmp_path / "metrics.csv").read_text().startswith("trial,metric,step,value\n")


def test_a_directory_is_no_target(lab, tmp_path):
    with pytest.raises(TargetRefused, match="is a directory"):
        export_files(lab, [("trials", tmp_path)], chosen(lab, "second"), force=True)


@pytest.mark.parametrize("force", [False, True])
def test_the_lab_itself_is_never_replaced(lab, tmp_path, force):
    link = tmp_path / "trials.csv"
    link.symlink_to(lab.paths.db)
    with pytest.raises(TargetRefused, match="is what is exported"):
        export_files(lab, [("trials", link)], chosen(lab, "second"), force=force)


def test_a_failed_export_leaves_the_old_file(lab, tmp_path, monkeypatch):
    target = tmp_path / "trials.csv"
    target.write_text("old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(csv_export, "trial_cells", fail)
    with pytest.raises(LabBroken, match="No space left"):
        export_files(lab, [("trials", target)], chosen(lab, "second"), force=True)
    assert (target.read_text(), os.listdir(tmp_path)) == ("old", ["trials.csv"])


def test_a_place_that_cannot_be_made_is_said(lab, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TargetRefused, match="is a file; expected a folder"):
        export_files(lab, [("trials", tmp_path / "file" / "trials.csv")], chosen(lab, "second"))
    deeper = tmp_path / "file" / "folder" / "trials.csv"
    with pytest.raises(TargetRefused, match="file is a file; expected a folder"):
        export_files(lab, [("trials", deeper)], chosen(lab, "second"))
