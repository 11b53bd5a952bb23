"""Metrics of the test set (P32): kept by the writer, left out by every reader that people see."""

import contextlib
import sqlite3

import pytest

from labtui.store.hidden import HiddenMetric, is_hidden, refuse_hidden
from labtui.store.lab import Lab
from tests.support.hidden import NAMES, SECRET, add_test_metrics
from tests.support.labs import make_lab

STUDY = "digits-optimizer"


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    made = make_lab(tmp_path_factory.mktemp("lab"), points=2)
    add_test_metrics(made, STUDY)
    return made


def ask(paths, query):
    with contextlib.closing(sqlite3.connect(paths.db)) as connection:
        return connection.execute(query).fetchall()


def read(lab):
    """Name the metrics that each reader gives."""
    trial = lab.trials(STUDY)[0].id
    names = lab.metric_names()
    return {
        "metrics": set(lab.metrics(STUDY)),
        "summaries": {one.metric for one in lab.summaries(STUDY)},
        "points": {metric for _, metric, _, _ in lab.points(STUDY)},
        "trial": {names[number] for number, _, _ in lab.trial_points(trial)},
        "curves": {name for name in names.values() if lab.curves([trial], name)},
    }


def test_no_reader_gives_them_and_all_are_there(paths):
    with Lab(paths) as lab, Lab(paths, everything=True) as whole:
        shown, kept = read(lab), read(whole)
        assert lab.hidden_metrics(STUDY) == whole.hidden_metrics(STUDY) == sorted(NAMES)
        assert lab.summaries(STUDY, "test/loss") == []
        trial = lab.trials(STUDY)[0].id
        assert {value for _, _, value in lab.test_points(trial)} == {SECRET}
        assert len(lab.test_points(trial)) == 2 * len(NAMES)
    for reader, names in kept.items():
        assert names - shown[reader] == set(NAMES)
        assert shown[reader] >= {"validation/error_rate", "train/loss"}


def test_the_view_leaves_them_out_and_the_table_has_them(paths):
    keys = {key for (key,) in ask(paths, "SELECT DISTINCT key FROM v_metrics")}
    assert keys.isdisjoint(NAMES)
    assert "validation/loss" in keys
    kept = ask(paths, "SELECT m.name FROM points p JOIN metrics m ON m.id = p.metric GROUP BY 1")
    assert set(NAMES) < {name for (name,) in kept}


def test_a_study_that_chose_by_one_shows_that_one(tmp_path):
    paths = make_lab(tmp_path, points=2)
    add_test_metrics(paths, STUDY)
    with contextlib.closing(sqlite3.connect(paths.db)) as connection:
        connection.execute("UPDATE studies SET metric = 'test/error_rate'")
        connection.commit()
    with Lab(paths) as lab:
        for names in read(lab).values():
            assert names & set(NAMES) == {"test/error_rate"}


@pytest.mark.parametrize("name", ["test/loss", "TEST/x", "Test/a/b", "test/"])
def test_a_hidden_metric_is_refused_unless_it_is_the_objective(name):
    assert is_hidden(name)
    with pytest.raises(HiddenMetric, match=r"P32.*expected one of validation/loss$"):
        refuse_hidden(name, "validation/loss", ["test/a", "validation/loss"])
    refuse_hidden(name, name, [])


@pytest.mark.parametrize("name", ["tests/loss", "validation/test/loss", "test", "latest/loss"])
def test_other_metrics_are_not_hidden(name):
    assert not is_hidden(name)
    refuse_hidden(name, "validation/loss", [])
