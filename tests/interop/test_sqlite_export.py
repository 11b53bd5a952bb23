"""A flat SQLite file: everything of the lab under plain names, whole or not there."""

import contextlib
import os
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labtui.interop import sqlite_export
from labtui.interop.experiment_log import LOG_COLUMNS
from labtui.interop.files import TargetRefused
from labtui.interop.sqlite_export import Columns, affinity, export_sqlite
from labtui.store.errors import LabBroken
from labtui.store.lab import Lab
from tests.interop.exporting import HOSTILE, as_they_are, hostile_lab, judged
from tests.interop.test_csv_export import NUMBERS, odd_lab
from tests.support.labs import make_lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    make_lab(folder)
    with Lab(make_lab(folder, name="second", points=4, ended=5, state="running")) as opened:
        yield opened


def written(lab, path, *names, **options):
    export_sqlite(lab, as_they_are(lab, names), path, **options)
    return path


def ask(path, query):
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def flat(lab, tmp_path_factory):
    return written(lab, tmp_path_factory.mktemp("out") / "a.sqlite", "digits-optimizer", "second")


def test_studies_are_the_experiment_log(flat, lab):
    columns = [row[1] for row in ask(flat, "PRAGMA table_info(studies)")]
    assert tuple(columns) == LOG_COLUMNS
    best = ask(flat, "SELECT study, best_value FROM studies ORDER BY study")
    assert best == [(n, lab.study(n).best_value) for n in ("digits-optimizer", "second")]


def test_trials_have_a_column_for_each_parameter_and_metric(flat, lab):
    query = 'SELECT trial, param_learning_rate, "last_train_loss", seed FROM trials ORDER BY rowid'
    last = {
        one.trial: one.last
        for n in ("digits-optimizer", "second")
        for one in lab.summaries(n, "train/loss")
    }
    trials = [*lab.trials("digits-optimizer"), *lab.trials("second")]
    assert ask(flat, query) == [
        (t.name, t.params["learning_rate"], last.get(t.id), t.seed) for t in trials
    ]
    types = {row[1]: row[2] for row in ask(flat, "PRAGMA table_info(trials)")}
    assert (types["param_learning_rate"], types["param_optimizer"]) == ("REAL", "TEXT")
    assert (types["best_step"], types["param_batch_size"]) == ("INTEGER", "INTEGER")
    stands_for = dict(ask(flat, "SELECT \"column\", name FROM columns WHERE kind = 'max'"))
    assert stands_for["max_validation_error_rate"] == "validation/error_rate"


def test_every_point_is_a_row(flat, lab):
    points = [
        (f"{name}/{number}", metric, step, value)
        for name in ("digits-optimizer", "second")
        for number, metric, step, value in lab.points(name)
    ]
    assert ask(flat, "SELECT * FROM metrics ORDER BY rowid") == points
    assert any(value is None for *_, value in points)


def test_the_tables_are_joined_and_sound(flat):
    assert ask(flat, "PRAGMA integrity_check") == [("ok",)]
    assert ask(flat, "PRAGMA foreign_key_check") == []
    assert {row[2] for row in ask(flat, "PRAGMA foreign_key_list(metrics)")} == {"trials"}
    assert ask(flat, "PRAGMA journal_mode") == [("delete",)]
    assert os.listdir(flat.parent) == ["a.sqlite"]


def test_names_that_differ_in_case_alone_have_columns_of_their_own(tmp_path):
    params = {"lr": 1, "LR": 2, "l r": 3, "l.r": 4, "é": 5, "è": 6}
    with Lab(odd_lab(tmp_path, params=params)) as lab:
        path = written(lab, tmp_path / "a.sqlite", "odd")
    named = ask(path, "SELECT name, \"column\" FROM columns WHERE kind = 'param'")
    assert [name for name, _ in named] == list(params)
    for name, column in named:
        assert ask(path, f'SELECT "{column}" FROM trials') == [(params[name],)]


@given(st.lists(st.tuples(st.sampled_from(["param", "best", "best_step"]), st.text()), max_size=9))
def test_columns_are_plain_and_apart(wanted):
    columns = Columns(["best_step", "trial"])
    found = {(kind, name): columns.take(kind, name)[0] for kind, name in wanted}
    assert (
        len({column.lower() for column in found.values()} | {"best_step", "trial"})
        == len(found) + 2
    )
    assert all(column.isascii() and column.isidentifier() for column in found.values())


def test_a_table_that_is_full_says_what_it_left_out(lab, tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite_export, "MOST_COLUMNS", 22)
    path = written(lab, tmp_path / "a.sqlite", "second")
    assert len(ask(path, "PRAGMA table_info(trials)")) == 22
    assert ("grad_norm",) in ask(path, "SELECT name FROM columns WHERE kind = 'left out'")
    assert ask(path, "SELECT count(*) FROM trials") == [(8,)]


def test_values_come_back_as_they_were(tmp_path):
    params = {"text": "01", "flag": True, "whole": 2**62, "huge": 2**63, "nothing": None}
    with Lab(odd_lab(tmp_path, params=params)) as lab:
        path = written(lab, tmp_path / "a.sqlite", "odd")
        assert ask(path, "SELECT value FROM metrics ORDER BY step") == [
            (None if value != value else value,) for value in NUMBERS
        ]
    columns = ", ".join(f"param_{name}" for name in params)
    assert ask(path, f"SELECT {columns} FROM trials") == [("01", 1, 2**62, str(2**63), "null")]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, True], int),
        ([1, 0.5], float),
        (["a", "1"], str),
        (["a", 1], bytes),
        (["a", None], bytes),
        ([True, 0.5], bytes),
        ([2**63], bytes),
        ([2**53 + 1, 0.5], bytes),
    ],
)
def test_no_column_turns_a_value_into_another(values, expected):
    assert affinity(values) is expected


def test_hostile_names_are_only_names(tmp_path):
    with Lab(hostile_lab(tmp_path)) as lab:
        names = [study.name for study in lab.studies()]
        studies = (judged(one, one.study.name) for one in as_they_are(lab, names))
        export_sqlite(lab, studies, tmp_path / "a.sqlite")
    found = ask(tmp_path / "a.sqlite", "SELECT study, goal, notes FROM studies")
    assert {name for name, *_ in found} == set(names)
    assert all(name == goal == notes for name, goal, notes in found)
    told = ask(tmp_path / "a.sqlite", "SELECT study, message, subject FROM findings")
    assert len(told) == len(HOSTILE)
    assert all(name == message == subject for name, message, subject in told)


def test_what_exists_is_left_as_it_is(lab, tmp_path):
    target = tmp_path / "a.sqlite"
    target.write_text("mine")
    with pytest.raises(TargetRefused, match="--force"):
        written(lab, target, "second")
    assert ask(written(lab, target, "second", force=True), "SELECT count(*) FROM trials") == [(8,)]


@pytest.mark.parametrize("ending", ["-wal", "-journal"])
def test_a_file_that_is_open_elsewhere_is_left_alone(lab, tmp_path, ending):
    target = tmp_path / "a.sqlite"
    target.write_text("old")
    (tmp_path / f"a.sqlite{ending}").write_text("half")
    with pytest.raises(TargetRefused, match="close the program"):
        written(lab, target, "second", force=True)
    assert target.read_text() == "old"


def test_a_full_disk_leaves_the_old_file(lab, tmp_path, monkeypatch):
    target = tmp_path / "a.sqlite"
    target.write_text("old")
    monkeypatch.setattr(sqlite_export, "PRAGMAS", ("PRAGMA max_page_count = 12",))
    with pytest.raises(LabBroken, match="full"):
        written(lab, target, "second", force=True)
    assert (target.read_text(), os.listdir(tmp_path)) == ("old", ["a.sqlite"])
