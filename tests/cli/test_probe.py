"""`labtui probe` as a person calls it, with real trials."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from labtui.store.lab import Lab
from labtui.store.paths import LabPaths

SMALL = ["--param", "width=8"]
QUICK = [*SMALL, "--steps", "40", "--dense-steps", "30", "--rates", "4"]


@pytest.fixture
def probe(tmp_path):
    """Call the command in a process of its own, as a pool makes its process a reaper."""

    def call(*arguments, lab=tmp_path / "lab.db"):
        command = [sys.executable, "-m", "labtui.cli.app", "--lab", str(lab), "probe", *arguments]
        environment = {**os.environ, "COLUMNS": "150", "TMPDIR": str(tmp_path)}
        found = subprocess.run(
            command,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=100,
        )
        assert "Traceback" not in found.stderr
        return found

    return call


def card(folder, workload="digits-mlp"):
    with Lab(LabPaths(folder / "lab.db")) as lab:
        return lab.card(workload)


def test_batch_sizes_as_a_table_a_figure_sentences_and_on_the_card(probe, tmp_path):
    found = probe("batch-size", "digits-mlp", "--steps", "8", "--from", "512", *SMALL)
    assert found.returncode == 0, found.stderr
    lines = found.stdout.splitlines()
    assert lines[0].startswith("numpy on cpu, the defaults of trainer numpy: optimizer=nesterov")
    header = lines[2].split()
    assert header[:4] == ["batch_size", "examples/s", "step_time", "gain"]
    assert [line.split()[0] for line in lines[3:6]] == ["512", "1024", "2048"]
    assert "expected at most 1077" in lines[5]
    assert "digits-mlp: examples per second" in found.stdout
    assert "largest that pays: " in found.stdout
    for words in ("step budget", "accumulating gradients", "tune learning rate", "(P03)"):
        assert words in found.stdout
    assert "batch_size 512: " in found.stderr
    kept = card(tmp_path)["batch_size_probe"]
    assert kept["largest_that_pays"] in (512, 1024)
    assert [row["batch_size"] for row in kept["table"]] == [512, 1024, 2048]
    assert not list(tmp_path.glob("labtui-probe-*"))


def test_a_later_probe_replaces_the_one_on_the_card_and_prints_it_as_json(probe, tmp_path):
    options = ["--steps", "4", "--from", "1024", "--json", *SMALL]
    first = json.loads(probe("batch-size", "digits-mlp", *options).stdout)
    assert card(tmp_path) == first
    second = json.loads(
        probe("batch-size", "digits-mlp", *options, "--param", "optimizer=adam").stdout
    )
    assert card(tmp_path) == second
    assert second["batch_size_probe"]["params"]["optimizer"] == "adam"


def test_a_probe_of_stability_and_the_same_again(probe, tmp_path):
    found = probe("stability", "digits-mlp", *QUICK)
    assert found.returncode == 0, found.stderr
    assert "digits-mlp-stability: learning_rate" in found.stdout
    assert "digits-mlp-stability-dense: loss" in found.stdout
    assert "best rate (lr*): " in found.stdout
    assert "verdict: " in found.stdout
    kept = card(tmp_path)["stability_probe"]
    assert (kept["sweep"], kept["metric"]) == ("digits-mlp-stability", "validation/loss")
    with Lab(LabPaths(tmp_path / "lab.db")) as lab:
        studies = {study.name: study for study in lab.studies()}
        assert set(studies) == {"digits-mlp-stability", "digits-mlp-stability-dense"}
        assert studies["digits-mlp-stability"].total == 4
        assert "probe stability digits-mlp" in studies["digits-mlp-stability"].command
        attempts = [t.attempt for name in studies for t in lab.trials(name)]
    again = json.loads(probe("stability", "digits-mlp", *QUICK, "--json").stdout)
    kept.pop("date"), again["stability_probe"].pop("date")
    assert again["stability_probe"] == kept
    with Lab(LabPaths(tmp_path / "lab.db")) as lab:
        assert [t.attempt for name in studies for t in lab.trials(name)] == attempts
    other = probe("stability", "digits-mlp", *QUICK, "--around", "0.1")
    assert other.returncode == 2
    assert "--new" in other.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["batch-size", "nothing"], "no workload 'nothing'; there are diabetes-mlp"),
        (["batch-size", "nothing.yaml"], "nothing.yaml: no such file"),
        (["batch-size", "digits-mlp", "--param", "x"], "expected name=value"),
        (["batch-size", "digits-mlp", "--batch-size-name", "b"], "no hyperparameter 'b'"),
        (["batch-size", "digits-mlp", "--device", "cuda:7"], "this machine has"),
        (["batch-size", "digits-mlp", "--from", "0"], "--from"),
        (["stability", "digits-mlp", "--around", "0"], "name a rate to sweep --around"),
        (["stability", "digits-mlp", "--range", "2", "1"], "0 < low < high"),
        (["stability", "digits-mlp", "--around", "1", "--range", "1", "2"], "exclude each other"),
        (["stability", "digits-mlp", "--learning-rate-name", "lr"], "no hyperparameter 'lr'"),
        ([], "Missing command"),
    ],
)
def test_bad_input_says_what_was_expected_and_makes_no_lab(labtui, tmp_path, arguments, words):
    found = labtui("--lab", tmp_path / "lab.db", "probe", *arguments)
    assert (found.code, found.out) == (2, "")
    assert words in found.err
    assert not (tmp_path / "lab.db").exists()


def test_help_names_both_probes(labtui):
    out = labtui("probe", "--help").out
    assert "batch-size" in out
    assert "stability" in out
