"""Optuna's databases, made by Optuna itself."""

import contextlib
import math
import sqlite3

import optuna
import pytest
from sqlalchemy import event

from labtui.interop.importing.optuna_db import definition_of
from labtui.study.spec import Study
from tests.interop.importing import content, importer, opened

optuna.logging.set_verbosity(optuna.logging.ERROR)


def objective(trial):
    lr = trial.suggest_float("lr", 1e-5, 1e-1, log=True)
    layers = trial.suggest_int("layers", 1, 4)
    trial.suggest_float("dropout", 0, 0.5, step=0.1)
    trial.suggest_int("units", 16, 512, log=True)
    trial.suggest_categorical("opt", ["sgd", "adam", None])
    if trial.number == 4:
        trial.report(math.nan, 1)
        return math.nan
    loss = math.inf
    for step in range(1, 4):
        loss = (math.log10(lr) + 3) ** 2 + layers / step
        trial.report(loss, step)
        if trial.should_prune():
            raise optuna.TrialPruned
    return loss


def unsynced(connection, _):
    connection.execute("PRAGMA synchronous = OFF").close()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A database with a pruned study, one without reports and one of two objectives."""
    path = tmp_path_factory.mktemp("optuna") / "o.db"
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    storage.engine.dispose()
    event.listen(storage.engine, "connect", unsynced)
    sampler = optuna.samplers.RandomSampler(seed=1)
    study = optuna.create_study(
        storage=storage,
        study_name="pruned",
        sampler=sampler,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=3),
    )
    study.optimize(objective, n_trials=8)
    plain = optuna.create_study(
        storage=storage, study_name="plain", direction="maximize", sampler=sampler
    )
    plain.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=4)
    plain.ask()
    both = optuna.create_study(
        storage=storage, study_name="both", directions=["minimize", "maximize"]
    )
    both.optimize(lambda trial: (trial.suggest_float("x", 0, 1), 1.0), n_trials=1)
    return path, study, plain


@pytest.fixture
def call(tmp_path, capsys):
    return importer(tmp_path, capsys)


def test_every_trial_is_as_in_optuna(tmp_path, call, made):
    path, study, plain = made
    before = path.read_bytes()
    found = call(path)
    assert path.read_bytes() == before
    assert set(found.studies) == {"pruned", "plain"}
    assert "'both' was left out: it has 2 objectives" in found.err
    states = {"COMPLETE": "completed", "PRUNED": "stopped", "FAIL": "infeasible"}
    with opened(tmp_path) as lab:
        for theirs, ours in zip(study.trials, lab.trials("pruned"), strict=True):
            assert ours.params == theirs.params
            assert ours.state == states[theirs.state.name]
            curve = lab.curves([ours.id], "objective")[0]
            points = dict(zip(curve.steps, curve.values, strict=True))
            if theirs.number != 4:
                assert points == theirs.intermediate_values
            if theirs.state.name == "COMPLETE":
                assert ours.value == theirs.value
        assert lab.trials("pruned")[4].reason == "diverged at step 1"
        assert lab.study("pruned").best_value == study.best_value
        assert lab.study("pruned").best_trial == study.best_trial.number
        assert [t.value for t in lab.trials("plain")] == [t.value for t in plain.trials[:4]]
        assert lab.study("plain").direction == "maximize"
        space = Study.from_json(lab.study("pruned").spec).hyperparameters
        assert (space["lr"][0].scale, space["lr"][0].range) == ("log", (1e-5, 1e-1))
        assert (space["layers"][0].integer, space["layers"][0].range) == (True, (1, 4))
        assert space["dropout"][0].step == 0.1
        assert (space["units"][0].integer, space["units"][0].scale) == (True, "log")
        assert space["opt"][0].values == ["sgd", "adam", None]
    assert "is running" in found.studies["plain"]["skipped"][0]["reason"]


def test_importing_again_adds_nothing(tmp_path, call, made):
    call(made[0])
    before = content(tmp_path)
    again = call(made[0])
    assert {s["trials_added"] + s["trials_updated"] for s in again.studies.values()} == {0}
    assert content(tmp_path) == before


def test_one_study_of_several_and_a_name_for_its_objective(tmp_path, call, made):
    found = call(made[0], "--study", "plain", "--metric", "validation/accuracy")
    assert set(found.studies) == {"plain"}
    with opened(tmp_path) as lab:
        assert lab.study("plain").metric == "validation/accuracy"


def test_several_objectives_and_unknown_studies_are_refused(call, made):
    found = call(made[0], "--study", "both")
    assert found.code == 2
    assert "has 2 objectives" in found.err
    found = call(made[0], "--study", "nothing")
    assert found.code == 2
    assert "it has 'pruned', 'plain', 'both'" in found.err


def test_a_database_that_is_being_written_is_read_as_it_was(tmp_path, call, made):
    path = tmp_path / "live.db"
    path.write_bytes(made[0].read_bytes())
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as busy:
        busy.execute("PRAGMA journal_mode = WAL")
        busy.execute("BEGIN IMMEDIATE")
        busy.execute("DELETE FROM trials")
        assert call(path).studies["pruned"]["trials_added"] == 8
        busy.execute("ROLLBACK")


def test_another_schema_is_named(tmp_path, call, made):
    path = tmp_path / "old.db"
    path.write_bytes(made[0].read_bytes())
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE version_info SET schema_version = 11, library_version = '2.9'")
    found = call(path)
    assert found.code == 2
    assert "found version 11 of Optuna's tables (Optuna 2.9); expected 12" in found.err
    other = tmp_path / "other.db"
    with contextlib.closing(sqlite3.connect(other)) as database, database:
        database.execute("CREATE TABLE runs (x)")
    found = call(other)
    assert found.code == 2
    assert "no database of Optuna" in found.err
    assert "found runs" in found.err


@pytest.mark.parametrize(
    ("distribution", "definition"),
    [
        (
            {"name": "LogUniformDistribution", "attributes": {"low": 1e-3, "high": 1}},
            {"role": "nuisance", "range": [1e-3, 1], "scale": "log"},
        ),
        (
            {"name": "DiscreteUniformDistribution", "attributes": {"low": 0, "high": 1, "q": 0.25}},
            {"role": "nuisance", "range": [0, 1], "step": 0.25},
        ),
        (
            {"name": "IntUniformDistribution", "attributes": {"low": 1, "high": 9, "step": 2}},
            {"role": "nuisance", "range": [1, 9], "integer": True, "step": 2},
        ),
        (
            {"name": "FloatDistribution", "attributes": {"low": 2.0, "high": 2.0, "log": False}},
            {"role": "fixed", "value": 2.0},
        ),
        (
            {"name": "CategoricalDistribution", "attributes": {"choices": ["a"]}},
            {"role": "fixed", "value": "a"},
        ),
    ],
)
def test_distributions_become_definitions(distribution, definition):
    assert definition_of(distribution) == definition
