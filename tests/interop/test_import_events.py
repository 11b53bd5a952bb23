"""TensorBoard folders: curves, configurations, torn files."""

import math
import shutil
import struct

import pytest

from labtui.interop.importing.tensorboard import metric_name
from labtui.trainer.eventfile import FOOTER, HEADER, masked_crc
from tests.interop.importing import DATA, content, importer, opened

RUNS = DATA / "tensorboard_hparams"
SAMPLE = DATA / "tensorboard" / "events.out.tfevents.sample"


@pytest.fixture
def call(tmp_path, capsys):
    return importer(tmp_path, capsys)


@pytest.fixture
def runs(tmp_path):
    return shutil.copytree(RUNS, tmp_path / "runs")


def events(run):
    return next(run.glob("events.out.tfevents.*"))


def scalar(step, tag, value):
    """One record: an event with a step and a simple value."""
    name = tag.encode()
    inner = b"\x0a" + bytes([len(name)]) + name + b"\x15" + struct.pack("<f", value)
    summary = b"\x0a" + bytes([len(inner)]) + inner
    data = b"\x10" + bytes([step]) + b"\x2a" + bytes([len(summary)]) + summary
    length = struct.pack("<Q", len(data))
    head = HEADER.pack(len(data), masked_crc(length))
    return head + data + FOOTER.pack(masked_crc(data))


def test_curves_and_configurations_become_trials(tmp_path, call, runs):
    found = call(runs, "--metric", "val_loss").studies["runs"]
    assert found["trials_added"] == 3
    loss = [2 * 0.8**i for i in range(1, 6)]
    with opened(tmp_path) as lab:
        first, second, third = lab.trials("runs")
        assert first.params == {"lr": 0.1, "batch_size": 32, "opt": "sgd", "nesterov": True}
        assert type(first.params["batch_size"]) is int
        assert [t.source for t in (first, second, third)] == ["run_0", "run_1", "run_2"]
        assert first.best_value == pytest.approx(1.1 * loss[-1])
        assert first.best_step == 40
        assert (third.state, third.reason) == ("infeasible", "diverged at step 30")
        curve = lab.curves([third.id], "train/loss")[0]
        assert curve.steps == (0, 10, 20, 30, 40)
        assert [math.isnan(v) for v in curve.values] == [False] * 3 + [True] * 2
        values = {h["name"]: h.get("values") for h in lab.hyperparameters("runs")}
        assert values["lr"] == [0.01, 0.1, 3]
        assert values["opt"] == ["adam", "sgd"]
        assert lab.study("runs").direction == "minimize"
    before = content(tmp_path)
    assert call(runs, "--metric", "val_loss").studies["runs"]["trials_present"] == 3
    assert content(tmp_path) == before


def test_the_objective_must_be_said_and_be_there(call, runs):
    told = call(runs)
    assert told.code == 2
    assert "needs --metric" in told.err
    assert "validation/loss" in told.err
    assert "has no metric 'nothing'" in call(runs, "--metric", "nothing").err
    shutil.rmtree(runs)
    runs.mkdir()
    (runs / "events.out.tfevents.1").write_bytes(scalar(1, "speed", 3.0))
    assert "add --goal" in call(runs, "--metric", "speed").err
    found = call(runs, "--metric", "speed", "--goal", "maximize", "--study", "fast")
    assert found.studies["fast"]["points"] == 1


@pytest.mark.parametrize("cut", [1, 20])
def test_a_torn_file_keeps_what_is_before_it(tmp_path, call, runs, cut):
    path = events(runs / "run_0")
    data = path.read_bytes()
    path.write_bytes(data[:-cut])
    found = call(runs, "--metric", "val_loss")
    assert found.code == 0
    assert "stopped at byte" in found.err
    assert "its last record is cut off; what is before it was kept" in found.err
    path.write_bytes(data)
    assert call(runs, "--metric", "val_loss").studies["runs"]["trials_updated"] == 1
    with opened(tmp_path) as lab:
        assert lab.trials("runs")[0].best_step == 40


def test_a_wrong_checksum_stops_the_reading(call, runs):
    path = events(runs / "run_1")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    found = call(runs, "--metric", "val_loss")
    assert "the checksum of a" in found.err
    assert 0 < found.studies["runs"]["points"] < 48


def test_files_of_one_run_are_merged_and_the_newest_value_counts(tmp_path, call):
    run = tmp_path / "logs" / "a"
    run.mkdir(parents=True)
    parts = [[(1, 5.0), (2, 4.0), (3, 0.1)], [(2, 3.0), (3, 2.0), (4, 1.0)]]
    for number, part in enumerate(parts):
        records = b"".join(scalar(step, "loss/val", value) for step, value in part)
        (run / f"events.out.tfevents.{number}").write_bytes(records)
    call(tmp_path / "logs", "--metric", "validation/loss")
    with opened(tmp_path) as lab:
        (trial,) = lab.trials("logs")
        curve = lab.curves([trial.id], "validation/loss")[0]
        assert dict(zip(curve.steps, curve.values, strict=True)) == {1: 5.0, 2: 3.0, 3: 2.0, 4: 1.0}


def test_folders_of_splits_belong_to_the_run_above(tmp_path, call):
    for split, value in (("train", 1.0), ("validation", 2.0)):
        folder = tmp_path / "logs" / "run_7" / split
        folder.mkdir(parents=True)
        (folder / "events.out.tfevents.1").write_bytes(scalar(3, "epoch_loss", value))
    call(tmp_path / "logs", "--metric", "validation/epoch_loss")
    with opened(tmp_path) as lab:
        (trial,) = lab.trials("logs")
        assert trial.source == "run_7"
        assert trial.best_value == 2.0
        assert lab.metrics("logs") == ["train/loss", "validation/loss"]


def test_one_file_is_a_study_of_one_trial(tmp_path, call):
    found = call(SAMPLE, "--metric", "validation/loss", "--study", "sample")
    assert found.studies["sample"]["trials_added"] == 1


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("val_loss", "validation/loss"),
        ("Loss/train", "train/loss"),
        ("validation/epoch_accuracy", "validation/accuracy"),
        ("train/loss", "train/loss"),
        ("test_acc", "test/acc"),
        ("lr", "lr"),
        ("value", "value"),
        ("eval/loss", "eval/loss"),
    ],
)
def test_tags_get_labtuis_names(tag, name):
    assert metric_name(tag) == name
