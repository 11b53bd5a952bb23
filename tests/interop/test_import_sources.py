"""What `labtui import` says of sources it cannot read, and of labs it cannot write."""

import tarfile
import zipfile

import pytest

from labtui.cli.app import main
from labtui.store.lock import WriterLock
from labtui.store.paths import LabPaths
from tests.interop.importing import DATA, importer

ROOT = DATA / "algoperf"


@pytest.fixture
def call(tmp_path, capsys):
    return importer(tmp_path, capsys)


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_archives_are_refused(tmp_path, call, kind):
    path = tmp_path / f"runs.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("../../evil/measurements.csv", "global_step\n1\n")
    else:
        with tarfile.open(path, "w") as archive:
            archive.add(ROOT / "README.md", "../evil")
    found = call(path)
    assert found.code == 2
    assert "unpack it and import the folder" in found.err
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name]


def test_sources_that_are_nothing_are_named(tmp_path, call):
    assert "no such file" in call(tmp_path / "nothing").err
    (tmp_path / "empty").mkdir()
    assert "neither measurements.csv (AlgoPerf) nor event files" in call(tmp_path / "empty").err
    (tmp_path / "x.bin").write_bytes(b"what")
    assert "expected --format" in call(tmp_path / "x.bin").err
    assert "expected one of algoperf" in call(ROOT, "--format", "wandb").err
    assert "found 'up'; expected minimize" in call(ROOT, "--goal", "up").err
    assert "--metric: is for tensorboard and optuna" in call(ROOT, "--metric", "loss").err
    assert "--study names one" in call(ROOT, "--study", "x").err
    (tmp_path / "x.jsonl").write_text("[1]\n")
    assert "no line that is a JSON object" in call(tmp_path / "x.jsonl").err
    assert not (tmp_path / "lab.db").exists()


def test_a_lab_that_another_process_writes_is_left_alone(tmp_path, call):
    paths = LabPaths(tmp_path / "lab.db")
    call(ROOT / "algoperf_v05/logs/self_tuning")
    with WriterLock(paths.lock, "runner"):
        found = call(ROOT)
    assert found.code == 75
    assert "a runner trains here" in found.err
    with WriterLock(paths.lock, "command"):
        found = call(ROOT)
    assert found.code == 75
    assert "--lab" in found.err


def test_an_imported_study_is_not_trained_but_read_like_any_other(tmp_path, call, capsys):
    (name,) = call(ROOT / "algoperf_v05/logs/external_tuning/amos/study_0/fastmri_jax").studies
    lab = ["--lab", str(tmp_path / "lab.db")]
    assert main(["run", name, *lab]) == 2
    assert "was imported: there is nothing to train" in capsys.readouterr().err
    for command in (["list"], ["show", name], ["show", f"{name}/0"], ["plot", name, "curves"]):
        assert main([*command, *lab]) == 0, command
        assert capsys.readouterr().out
    assert not list((tmp_path / "lab.files" / "logs").glob("runner.log"))
