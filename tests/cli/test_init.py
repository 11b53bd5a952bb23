"""`labtui init`: a study file by flags; on a terminal, by questions (tests/e2e/test_init.py)."""

import json

import pytest

from labtui.engine.asking import set_baseline
from labtui.engine.client import put_card
from labtui.store.paths import LabPaths
from labtui.study.spec import load_study


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def init(labtui, folder):
    def call(*arguments):
        return labtui("init", *arguments, "--lab", folder / "lab.db")

    return call


def test_what_it_writes_is_planned_and_run_as_it_is(init, labtui, folder):
    found = init("digits-mlp", "--compare", "optimizer", "--trials", "12", "--steps", "500")
    assert found.code == 0
    assert "wrote digits-mlp-optimizer.yaml; too few trials to tune" in found.err
    study = load_study(folder / "digits-mlp-optimizer.yaml")
    assert (study.budget.trials, study.budget.max_train_steps) == (12, 500)
    assert study.goal.startswith("Which optimizer (nesterov, adam) reaches the lowest")
    planned = labtui("plan", "digits-mlp-optimizer.yaml", "--fail-on", "warning")
    assert planned.code == 0
    assert "starved    none of values, search space and density" in planned.out


def test_everything_can_be_said_by_flags(init, folder):
    found = init(
        *("source-transformer", "--trainer", "torch", "--compare", "depth=1,3", "--trials", "9"),
        *("--param", "learning_rate=0.01", "--goal", "Deeper?", "--minimize", "validation/loss"),
        *("--steps", "200", "--eval-every", "50", "--name", "deep", "--out", "other.yaml"),
    )
    assert found.code == 0
    study = load_study(folder / "other.yaml")
    assert (study.study, study.goal, study.trainer.name) == ("deep", "Deeper?", "torch")
    assert (study.objective.metric, study.budget.eval_every) == ("validation/loss", 50)
    assert study.hyperparameters["depth"][0].values == [1, 3]
    assert study.hyperparameters["learning_rate"][0].range == (1e-5, 0.1)


def test_it_overwrites_only_when_told(init, folder):
    (folder / "mine.yaml").write_text("dear")
    found = init("digits-mlp", "--out", "mine.yaml")
    assert (found.code, (folder / "mine.yaml").read_text()) == (2, "dear")
    assert "--force overwrites it" in found.err
    assert init("digits-mlp", "--out", "mine.yaml", "--force").code == 0
    assert load_study(folder / "mine.yaml").workload == "digits-mlp"


def test_what_is_there_outlives_a_full_disk(init, folder, monkeypatch):
    (folder / "mine.yaml").write_text("dear")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    found = init("digits-mlp", "--out", "mine.yaml", "--force")
    assert found.code == 74
    assert "mine.yaml: No space left on device; nothing was written there" in found.err
    assert [path.read_text() for path in folder.iterdir()] == ["dear"]


def test_the_lab_is_never_overwritten(init, folder):
    lab = LabPaths(folder / "lab.db")
    put_card(lab, "w", {}, trainer="numpy", metric="validation/loss", goal="minimize")
    found = init("digits-mlp", "--out", "lab.db", "--force")
    assert found.code == 2
    assert "expected the name of another file" in found.err
    assert lab.db.read_bytes().startswith(b"SQLite")


def test_a_name_that_is_taken_gets_a_number(init, folder):
    for name in ("digits-mlp-search", "digits-mlp-search-2"):
        assert init("digits-mlp").code == 0
        assert load_study(folder / f"{name}.yaml").study == name


def test_stdout_and_the_document(init, folder):
    out = init("digits-mlp", "--compare", "width", "--out", "-").out
    assert out.startswith("# Made by `labtui init`: 3 arms of 20 trials.")
    document = json.loads(init("digits-mlp", "--compare", "width", "--json").out)
    assert document["text"] == out
    assert document["study"]["study"] == "digits-mlp-width"
    roles = {one["name"]: (one["role"], one["why"]) for one in document["roles"]}
    assert roles["width"][0] == "scientific"
    assert "never tuned for quality" in roles["batch_size"][1]
    assert "rho" in document["left_out"]
    assert list(folder.iterdir()) == []


def test_a_script_of_ones_own(init, folder):
    params = ["--param", "lr=0.1", "--param", "width=64", "--param", "epochs=3"]
    found = init("--trainer", "python:train.py:fit", *params, "--compare", "width", "--steps", "50")
    assert found.code == 0
    assert "train.py is not there" in found.err
    study = load_study(folder / "train-width.yaml")
    assert (study.workload, study.hyperparameters["width"][0].values) == ("train", [32, 64, 128])
    assert study.hyperparameters["epochs"][0].role == "fixed"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "found no workload"),
        (["digits-mpl"], "did you mean 'digits-mlp'"),
        (["digits-mlp", "--compare", "widht"], "did you mean 'width'"),
        (["digits-mlp", "--param", "widht=3"], "did you mean 'width'"),
        (["digits-mlp", "--compare", "optimizer=sgd,adm"], "did you mean 'adam'"),
        (["digits-mlp", "--param", "optimizer=adm"], "did you mean 'adam'"),
        (["digits-mlp", "--param", "width"], "expected name=value"),
        (["digits-mlp", "--compare", "width=1,1"], "expected every value once"),
        (["digits-mlp", "--compare", "width=64"], "found one value; expected two or more"),
        (["digits-mlp", "--minimize", "a", "--maximize", "b"], "exclude each other"),
        (["digits-mlp", "--out", "no/where.yaml"], "make the folder"),
        (["--trainer", "python:train.py"], "found no hyperparameters"),
        (["--trainer", "python:"], "expected python:train.py:train"),
        (["--trainer", "python:a.py", "--param", "lr=1"], "found no --steps"),
        (["--trainer", "python:a.py", "--param", "steps=1", "--steps", "9"], "max_train_steps"),
        (["digits-mlp", "--trainer", "troch"], "did you mean 'torch'"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(init, folder, arguments, said):
    found = init(*arguments)
    assert found.code == 2
    assert said in found.err
    assert list(folder.iterdir()) == []


def test_a_baseline_gives_values_trainer_and_length(init, labtui, folder):

    paths = LabPaths(folder / "lab.db")
    put_card(paths, "digits-mlp", {}, trainer="numpy", metric="m", goal="minimize")
    configuration = {
        "params": {"optimizer": "adam", "learning_rate": 0.003, "width": 256, "dropout": 0.2},
        "trainer": {"name": "numpy", "options": {}},
        "objective": {"metric": "validation/loss", "goal": "minimize", "select": "final"},
        "budget": {"max_train_steps": 640, "eval_every": 16},
    }
    set_baseline(paths, "digits-mlp", configuration, reason="a start")
    found = init("digits-mlp", "--compare", "width")
    assert found.code == 0
    text = (folder / "digits-mlp-width.yaml").read_text("utf-8")
    assert "Values are from baseline 1." in text
    study = load_study(folder / "digits-mlp-width.yaml")
    assert (study.objective.metric, study.objective.select) == ("validation/loss", "final")
    assert (study.budget.max_train_steps, study.budget.eval_every) == (640, 16)
    assert study.hyperparameters["width"][0].values == [128, 256, 512]
    assert study.hyperparameters["learning_rate"][0].range == (1e-5, 0.1)
    # What is in use is tuned before what is not.
    tuned = [name for name, (one, *_) in study.hyperparameters.items() if one.role == "nuisance"]
    assert tuned == ["learning_rate", "beta1", "dropout", "weight_decay", "label_smoothing"]
    planned = labtui("plan", "digits-mlp-width.yaml", "--lab", folder / "lab.db")
    assert "retune" not in planned.out
