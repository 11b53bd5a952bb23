"""Workbooks, read back by another library: what is first, of which type, and that nothing runs."""

import math
import os
import re
import zipfile
from datetime import datetime

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labtui.interop import xlsx_export
from labtui.interop.experiment_log import LOG_COLUMNS
from labtui.interop.files import TargetRefused
from labtui.interop.xlsx_export import SheetNames, export_xlsx, sheet_text
from labtui.store.errors import LabBroken
from labtui.store.lab import Lab
from tests.interop.exporting import HOSTILE, as_they_are, hostile_lab, judged
from tests.interop.test_csv_export import NUMBERS, odd_lab
from tests.support.labs import make_lab

LAST = ("workloads", "launches", "findings")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    make_lab(folder)
    with Lab(make_lab(folder, name="second", points=4, ended=5, state="running")) as opened:
        yield opened


def written(lab, path, *names, **options):
    export_xlsx(lab, as_they_are(lab, names), path, **options)
    return openpyxl.load_workbook(path)


def rows(sheet):
    """Give each row of a sheet by its header."""
    header, *rest = sheet.iter_rows(values_only=True)
    return [dict(zip(header, row, strict=True)) for row in rest]


@pytest.fixture(scope="module")
def book(lab, tmp_path_factory):
    return written(lab, tmp_path_factory.mktemp("out") / "a.xlsx", "digits-optimizer", "second")


def test_the_experiment_log_comes_first_then_a_sheet_a_study(book):
    assert book.sheetnames == ["experiment log", "digits-optimizer", "second", *LAST]
    log = rows(book["experiment log"])
    assert [row["study"] for row in log] == ["digits-optimizer", "second"]
    assert tuple(log[0]) == LOG_COLUMNS


def test_a_row_of_the_log_says_what_the_lab_knows(book, lab):
    row, study = rows(book["experiment log"])[0], lab.study("digits-optimizer")
    assert (row["scientific"], row["nuisance"]) == ("optimizer", "learning_rate, weight_decay")
    assert row["fixed"] == "batch_size=64"
    assert row["objective"] == "minimize validation/error_rate (best)"
    assert (row["trials"], row["infeasible"]) == (40, study.counts["infeasible"])
    assert row["infeasible_share"] == study.counts["infeasible"] / 40
    assert row["best_value"] == study.best_value
    assert row["best_trial"] == f"digits-optimizer/{study.best_trial}"
    assert row["best_step"] == lab.trials(study.name)[study.best_trial].best_step
    assert row["command"] == "cd /nowhere && labtui run digits-optimizer.yaml"
    assert (row["retrain_deviation"], row["uncommitted_changes"]) == (None, None)
    assert isinstance(row["created"], datetime)
    assert row["created"].isoformat(timespec="seconds") == study.created[:19]


def test_every_trial_has_typed_cells(book, lab):
    found = rows(book["digits-optimizer"])
    best = {one.trial: one for one in lab.summaries("digits-optimizer", "validation/error_rate")}
    for row, trial in zip(found, lab.trials("digits-optimizer"), strict=True):
        assert row["trial"] == trial.name
        assert row["best_value"] == trial.best_value
        assert row["param.learning_rate"] == trial.params["learning_rate"]
        assert row["param.optimizer"] == trial.params["optimizer"]
        assert isinstance(row["best_step"], int)
        assert isinstance(row["finished"], datetime)
        assert row["min.validation/error_rate"] == best[trial.id].min
        assert row["max.validation/error_rate"] == best[trial.id].max
    assert "nan" in [row["last.validation/loss"] for row in found]


def test_headers_are_frozen_and_filtered(book):
    for sheet, corner in zip(book, ("B2", "B2", "B2", *("A2",) * 3), strict=True):
        assert sheet.freeze_panes == corner
        assert sheet.auto_filter.ref.startswith("A1:")
        assert sheet["A1"].font.b
    assert book["second"].auto_filter.ref.endswith("9")
    assert book["experiment log"].column_dimensions["A"].width > len("digits-optimizer")


def test_a_metric_whose_goal_is_known_has_its_best(lab, tmp_path):
    (one,) = as_they_are(lab, ["second"])
    goals = {"validation/error_rate": "minimize"}
    export_xlsx(lab, [type(one)(one.study, one.trials, goals)], tmp_path / "a.xlsx")
    found = rows(openpyxl.load_workbook(tmp_path / "a.xlsx")["second"])
    for row, trial in zip(found, one.trials, strict=True):
        shown = [row[f"{kind}.validation/error_rate"] for kind in ("best", "best_step", "last")]
        if trial.state == "completed":
            assert shown == [trial.best_value, trial.best_step, trial.last_value]


def test_the_spread_of_reruns_is_told_beside_the_best(lab, tmp_path):
    (one,) = as_they_are(lab, ["second"])
    again = type(one)(one.study, one.trials, retrain_deviation=0.01)
    export_xlsx(lab, [again], tmp_path / "a.xlsx")
    (row,) = rows(openpyxl.load_workbook(tmp_path / "a.xlsx")["experiment log"])
    assert row["retrain_deviation"] == 0.01


def test_numbers_are_exact(tmp_path):
    values = {f"p{i}": value for i, value in enumerate(NUMBERS)}
    params = {**values, "whole": 2**53, "larger": 2**53 + 1, "flag": True, "nothing": None}
    with Lab(odd_lab(tmp_path, params=params)) as lab:
        (row,) = rows(written(lab, tmp_path / "a.xlsx", "odd")["odd"])
    for name, value in values.items():
        shown = row[f"param.{name}"]
        assert repr(float(shown)) == repr(value)
        assert isinstance(shown, str) != math.isfinite(value)
    assert row["param.whole"] == 2**53
    assert row["param.larger"] == str(2**53 + 1)
    assert (row["param.flag"], row["param.nothing"]) == (True, "null")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_written_with_all_its_digits(value):
    assert float(f"{xlsx_export._Exact(value):.16G}") == value


# -- nothing runs -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    with Lab(hostile_lab(folder)) as lab:
        studies = (judged(one, one.study.name) for one in as_they_are(lab, names(lab)))
        export_xlsx(lab, studies, folder / "a.xlsx")
    return folder / "a.xlsx"


def names(lab):
    return [study.name for study in lab.studies()][::-1]


def test_no_cell_is_a_formula_or_a_link(hostile):
    book = openpyxl.load_workbook(hostile)
    assert len(book.sheetnames) == len(HOSTILE) + 1 + len(LAST)
    texts = set()
    for sheet in book:
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type != "f", (sheet.title, cell.coordinate, cell.value)
                assert cell.hyperlink is None
                if cell.data_type in ("s", "inlineStr"):
                    texts.add(cell.value)
    with zipfile.ZipFile(hostile) as packed:
        for name in packed.namelist():
            assert not re.search(rb"<f[ />]|<hyperlink", packed.read(name)), name
    for text in HOSTILE[:2]:
        assert text in texts


def test_text_that_would_run_stays_text_when_it_is_edited(hostile):
    log = openpyxl.load_workbook(hostile)["experiment log"]
    marked = {row[0].value: row[0].style_id for row in log.iter_rows(min_row=2)}
    plain = marked["http://example.org"]
    assert marked["=HYPERLINK(1)"] != plain
    styles = zipfile.ZipFile(hostile).read("xl/styles.xml")
    assert b'quotePrefix="1"' in styles


def test_raw_text_is_not_marked(tmp_path):
    with Lab(hostile_lab(tmp_path, ["=1"])) as lab:
        written(lab, tmp_path / "a.xlsx", "=1", raw=True)
    assert b"quotePrefix" not in zipfile.ZipFile(tmp_path / "a.xlsx").read("xl/styles.xml")


@given(st.text())
def test_any_text_can_be_held_by_a_cell(text):
    shown = sheet_text(text)
    shown.encode("utf-8")
    assert all(c.isprintable() or c in "\n\t" for c in shown)
    assert not (shown.startswith("<r>") and shown.endswith("</r>"))


@pytest.mark.parametrize("letter", ["x", "𝕏"])
def test_text_that_is_too_long_ends_in_a_note(letter):
    shown = sheet_text(letter * 40_000)
    assert len(shown.encode("utf-16-le")) // 2 in (32_766, 32_767)
    assert shown.endswith("… (cut here: 40,000 characters)")
    assert sheet_text("y" * 32_767) == "y" * 32_767


# -- sheets -------------------------------------------------------------------------------------


@given(st.lists(st.text(min_size=1), max_size=6))
def test_names_of_sheets_are_ones(wanted):
    taken = SheetNames()
    found = [taken.take(name) for name in [*wanted, *wanted]]
    assert len({name.lower() for name in found}) == len(found)
    for name in found:
        assert 1 <= len(name.encode("utf-16-le")) // 2 <= 31
        assert not set(name) & set("[]:*?/\\")
        assert name.strip("'") == name
        assert name.lower() != "history"


def test_studies_that_differ_in_case_or_late_have_sheets_of_their_own(tmp_path):
    asked = ["Findings", "a" * 40, "A" * 39 + "b", "a/b", "a\\b", "History", "experiment log"]
    with Lab(hostile_lab(tmp_path, asked)) as lab:
        book = written(lab, tmp_path / "a.xlsx", *asked)
    assert book.sheetnames == [
        "experiment log",
        "Findings (2)",
        "a" * 30 + "…",
        "A" * 26 + "… (2)",
        "a-b",
        "a-b (2)",
        "History (2)",
        "experiment log (2)",
        *LAST,
    ]


def test_more_rows_than_a_sheet_holds_go_on_the_next(lab, tmp_path, monkeypatch):
    monkeypatch.setattr(xlsx_export, "MAX_ROWS", 17)
    book = written(lab, tmp_path / "a.xlsx", "digits-optimizer")
    pages = [book[f"digits-optimizer{ending}"] for ending in ("", " (2)", " (3)")]
    assert [page.max_row for page in pages] == [17, 17, 9]
    assert [row["trial"] for page in pages for row in rows(page)] == [
        trial.name for trial in lab.trials("digits-optimizer")
    ]


def test_more_columns_than_a_sheet_holds_are_counted(lab, tmp_path, monkeypatch):
    monkeypatch.setattr(xlsx_export, "MAX_COLUMNS", 20)
    header = next(written(lab, tmp_path / "a.xlsx", "second")["second"].iter_rows(values_only=True))
    assert len(header) == 20
    assert header[-1].endswith("further columns are left out")


def test_an_empty_lab_has_its_headers(lab, tmp_path):
    book = written(lab, tmp_path / "a.xlsx")
    assert book.sheetnames == ["experiment log", *LAST]
    assert [sheet.max_row for sheet in book] == [1] * 4


# -- files --------------------------------------------------------------------------------------


def test_what_exists_is_left_as_it_is(lab, tmp_path):
    target = tmp_path / "a.xlsx"
    target.write_text("mine")
    with pytest.raises(TargetRefused, match="--force"):
        written(lab, target, "second")
    assert target.read_text() == "mine"
    assert "second" in written(lab, target, "second", force=True).sheetnames
    assert os.listdir(tmp_path) == ["a.xlsx"]


@pytest.mark.parametrize("place", ["xlsxwriter.worksheet.Worksheet.freeze_panes", "os.fsync"])
def test_a_full_disk_leaves_the_old_file(lab, tmp_path, monkeypatch, place):
    target = tmp_path / "a.xlsx"
    target.write_text("old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(place, fail)
    with pytest.raises(LabBroken, match="No space left"):
        written(lab, target, "second", force=True)
    assert (target.read_text(), os.listdir(tmp_path)) == ("old", ["a.xlsx"])


def test_a_disk_that_is_full_at_the_end_is_said(lab, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("xlsxwriter.workbook.ZipFile", fail)
    with pytest.raises(LabBroken, match="No space left"):
        written(lab, tmp_path / "a.xlsx", "second")
    assert os.listdir(tmp_path) == []


def test_a_file_that_another_program_holds_is_to_be_closed(lab, tmp_path, monkeypatch):
    target = tmp_path / "a.xlsx"
    target.write_text("old")

    def refuse(self, _):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.replace", refuse)
    with pytest.raises(LabBroken, match="close the program that has it open"):
        written(lab, target, "second", force=True)
    assert (target.read_text(), os.listdir(tmp_path)) == ("old", ["a.xlsx"])
