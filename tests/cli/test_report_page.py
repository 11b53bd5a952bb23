"""`labtui report`: the file it writes, and where it refuses to."""

import os
import stat
import subprocess

import pytest


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_writes_one_file_named_after_the_study(labtui, folder):
    found = labtui("report", "digits-optimizer")
    written = folder / "digits-optimizer.html"
    assert (found.code, found.out) == (0, "")
    assert "wrote digits-optimizer.html" in found.err
    assert written.read_text("utf-8").startswith("<!DOCTYPE html>")
    assert list(folder.iterdir()) == [written]
    assert stat.S_IMODE(written.stat().st_mode) & 0o444


def test_it_leaves_an_existing_file_unless_forced(labtui, folder):
    target = folder / "page.html"
    target.write_text("mine")
    refused = labtui("report", "second", "--to", target)
    assert refused.code == 2
    assert "--force" in refused.err
    assert target.read_text() == "mine"
    assert labtui("report", "second", "--to", target, "--force").code == 0
    assert "<!DOCTYPE html>" in target.read_text("utf-8")


def test_a_folder_is_no_target(labtui, folder):
    found = labtui("report", "second", "--to", folder, "--force")
    assert found.code == 2
    assert "is a directory" in found.err


def test_a_dash_is_stdout(labtui, folder):
    found = labtui("report", "second", "--to", "-")
    assert (found.code, found.err) == (0, "")
    assert found.out.startswith("<!DOCTYPE html>")
    assert found.out.rstrip().endswith("</html>")
    assert list(folder.iterdir()) == []


def test_an_unknown_study_writes_nothing(labtui, folder):
    assert labtui("report", "digits-optimiser").code == 2
    assert list(folder.iterdir()) == []


def test_another_objective_is_named_with_what_it_changes(labtui, folder):
    found = labtui("report", "digits-optimizer", "--metric", "validation/loss", "--to", "-")
    assert found.code == 0
    assert "minimize validation/loss (best over training)" in found.out
    assert "Kendall" in found.out


def test_neither_the_lab_nor_a_device_is_ever_replaced(labtui, lab_file, tmp_path):
    before = lab_file.read_bytes()
    refused = labtui("report", "second", "--to", lab_file, "--force")
    assert (refused.code, lab_file.read_bytes()) == (2, before)
    pipe = tmp_path / "page.html"
    os.mkfifo(pipe)
    refused = labtui("report", "second", "--to", pipe, "--force")
    assert refused.code == 2
    assert "no ordinary file" in refused.err
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_file_where_a_folder_is_expected_is_said(labtui, tmp_path):
    file = tmp_path / "taken"
    file.write_text("theirs")
    refused = labtui("export", "second", "--to", file, "--force")
    assert refused.code == 2
    assert "is a file; expected a folder" in refused.err
    assert file.read_text() == "theirs"


def test_a_full_disk_behind_stdout_is_said_in_one_line(process):
    with open("/dev/full", "w") as full:
        done = process("check", "second", stdout=full, stderr=subprocess.PIPE, capture_output=False)
    assert done.returncode == 74
    assert done.stderr.count("\n") == 1
