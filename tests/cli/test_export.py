"""`labtui export`: formats, targets, and another objective."""

import csv
import io
import sqlite3

import openpyxl
import pytest

from labtui.store.lab import Lab
from labtui.store.paths import LabPaths


@pytest.fixture(scope="module")
def lab(lab_file):
    with Lab(LabPaths(lab_file)) as opened:
        yield opened


def test_every_format_has_a_name_of_its_own(labtui, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for file_format in ("csv", "xlsx", "markdown", "sqlite"):
        found = labtui("export", "second", "--format", file_format)
        assert (found.code, found.out) == (0, "")
        assert "wrote second" in found.err
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["second.export", "second.md", "second.sqlite", "second.xlsx"]
    again = labtui("export", "second", "--format", "xlsx")
    assert again.code == 2
    assert "--force" in again.err
    assert labtui("export", "second", "--format", "xlsx", "--force").code == 0


def test_a_workbook_of_the_whole_lab_has_its_verdicts(labtui, tmp_path, lab):
    labtui("export", "--all", "--format", "xlsx", "--to", tmp_path / "a.xlsx")
    book = openpyxl.load_workbook(tmp_path / "a.xlsx", read_only=True)
    last = ["workloads", "launches", "findings"]
    assert book.sheetnames == ["experiment log", "digits-optimizer", "second", *last]
    header, *rows = book["experiment log"].iter_rows(values_only=True)
    verdicts = {row[0]: row[header.index("verdict")] for row in rows}
    assert "diverged" in verdicts["digits-optimizer"]
    codes = {row[2] for row in book["findings"].iter_rows(min_row=2, values_only=True)}
    assert "diverged" in codes
    header = next(book["second"].iter_rows(values_only=True))
    assert "best.train/loss" in header  # its goal is known by its name
    assert "max.grad_norm" in header
    book.close()


def test_markdown_goes_to_stdout_where_it_is_asked_for(labtui, tmp_path):
    found = labtui("export", "--all", "--format", "markdown", "--to", "-")
    assert found.out.startswith("# Experiment log\n")
    labtui("export", "--all", "--format", "markdown", "--to", tmp_path / "a.md")
    assert (tmp_path / "a.md").read_text() == found.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["second", "--format", "xls"], "expected csv, xlsx, markdown, sqlite"),
        (["second", "--format", "xlsx", "--to", "-"], "not stdout"),
        (["second", "--format", "sqlite", "--what", "trials"], "--what chooses a table of csv"),
        (["second", "--all"], "NAME of a study or --all"),
        (["secnd", "--format", "xlsx"], "second"),
        (["second", "--metric", "loss"], "validation/loss"),
        (["second", "--metric", "grad_norm"], "--goal"),
    ],
)
def test_what_cannot_be_exported_is_said(labtui, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    found = labtui("export", *arguments)
    assert (found.code, found.out) == (2, "")
    assert said in found.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file_format", ["csv", "xlsx", "markdown", "sqlite"])
def test_the_lab_is_never_exported_over_itself(labtui, lab_file, file_format):
    before = lab_file.read_bytes()
    what = ["--what", "trials"] if file_format == "csv" else []
    found = labtui(
        *("export", "second", "--format", file_format, "--to", lab_file, "--force"), *what
    )
    assert found.code == 2
    assert lab_file.read_bytes() == before


def test_another_objective_changes_what_is_best_and_nothing_else(labtui, tmp_path, lab):
    arguments = ["export", "digits-optimizer", "--metric", "validation/loss", "--select", "final"]
    text = labtui(*arguments, "--what", "trials").out
    last = {one.trial: one.last for one in lab.summaries("digits-optimizer", "validation/loss")}
    trials = lab.trials("digits-optimizer")
    rows = list(csv.DictReader(io.StringIO(text)))
    for row, trial in zip(rows, trials, strict=True):
        shown = "nan" if last[trial.id] is None else repr(last[trial.id])
        assert row["last_value"] == shown
        assert row["param.learning_rate"] == repr(trial.params["learning_rate"])
    best = min(last[trial.id] for trial in trials if trial.state == "completed")
    (row,) = csv.DictReader(io.StringIO(labtui(*arguments, "--what", "studies").out))
    assert float(row["best_value"]) == best

    labtui(*arguments, "--format", "sqlite", "--to", tmp_path / "a.db")
    connection = sqlite3.connect(tmp_path / "a.db")
    found = connection.execute("SELECT objective, best_value FROM studies").fetchall()
    connection.close()
    assert found == [("minimize validation/loss (final)", best)]
