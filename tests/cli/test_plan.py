"""`labtui plan`: what a study's design lets it conclude, and what it takes."""

import json
import shutil

import pytest

from labtui.store.changes import add_checkpoint
from labtui.store.decisions import put_card
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.store.writer import Writer
from tests.docs.pages import ROOT
from tests.support.labs import make_lab

SAMPLES = sorted((ROOT / "sample_studies").glob("*.yaml"))
STUDY = """\
study: s
goal: Does Adam beat momentum?
workload: {workload}
trainer: {{command: [env]}}
objective: {{metric: validation/loss, goal: minimize}}
budget: {{trials: 5, max_train_steps: 1000, eval_every: 100}}
hyperparameters:
  optimizer: {{role: scientific, values: [momentum, adam]}}
  learning_rate: {{role: fixed, value: 0.1}}
  batch_size: {{role: fixed, value: 64}}
  weight_decay: {{role: nuisance, range: [0, 1]}}
"""


@pytest.fixture
def study(tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text(STUDY.format(workload="new"))
    return file


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_every_sample_study_can_be_planned_without_a_lab(labtui, tmp_path, path):
    found = labtui("plan", path, "--lab", tmp_path / "none.db", "--fail-on", "warning")
    assert found.code == 0
    assert "unknown: the lab has no trials of this workload" in found.out
    assert list(tmp_path.iterdir()) == []


def test_what_is_printed(labtui, study):
    out = labtui("plan", study).out
    assert "goal       Does Adam beat momentum?" in out
    assert "trials     10: 2 arms of 5" in out
    assert "nuisance   1 dimension an arm, 5 trials a dimension" in out
    assert "optimizer, by its name" in out
    order = [out.index(text) for text in ("▲ optimizer-fixed", "! thin-budget", "i caveat")]
    assert order == sorted(order)
    assert "→ Make learning_rate a nuisance hyperparameter" in out
    assert "the conclusion holds for learning_rate=0.1, batch_size=64." in out


def test_what_is_counted_is_what_is_printed(labtui, study):
    out = labtui("plan", study).out
    (counted,) = [line for line in out.splitlines() if line.startswith("found ")]
    glyphs = {"alert": "▲ ", "warning": "! ", "note": "i "}
    for name, glyph in glyphs.items():
        printed = sum(line.startswith(glyph) for line in out.splitlines())
        assert f"{printed} {name}" in counted


@pytest.mark.parametrize(
    ("options", "code"), [([], 0), (["--fail-on", "alert"], 3), (["--fail-on", "warning"], 3)]
)
def test_a_script_can_fail_on_findings(labtui, study, options, code):
    assert labtui("plan", study, *options).code == code


def test_only_warnings_do_not_fail_on_alerts(labtui, study):
    study.write_text(
        study.read_text().replace("role: fixed, value: 0.1", "role: nuisance, range: [0, 1]")
    )
    assert labtui("plan", study, "--fail-on", "alert").code == 0
    assert labtui("plan", study, "--fail-on", "warning").code == 3


def test_the_document(labtui, study):
    document = json.loads(labtui("plan", study, "--json").out)
    assert (document["study"], document["trials"], document["trials_per_arm"]) == ("s", 10, 5)
    assert document["nuisance_dimensions"] == 1
    assert document["arms"][1] == {
        "arm": "optimizer=adam",
        "trials": 5,
        "nuisance_dimensions": 1,
        "points_per_dimension": 5.0,
    }
    first = document["findings"][0]
    assert set(first) == {
        *("code", "severity", "subject", "evidence", "message", "advice", "procedure")
    }
    assert (first["code"], first["severity"]) == ("optimizer-fixed", "alert")
    assert document["not_judged"] == []
    assert document["cost"]["seconds"] is None
    roles = {one["name"]: (one["role"], one["kind"]) for one in document["hyperparameters"]}
    assert roles["weight_decay"] == ("nuisance", "regularization")


def test_what_the_trainer_leaves_at_its_defaults_is_listed_when_asked(labtui):
    sample = ROOT / "sample_studies" / "digits_optimizers.yaml"
    assert "by default" not in labtui("plan", sample).out
    assert "0.999" in labtui("plan", sample, "--workload-defaults").out


def test_earlier_trials_tell_the_time(labtui, tmp_path):
    lab_file = make_lab(tmp_path, points=4).db
    sample = ROOT / "sample_studies" / "digits_optimizers.yaml"
    document = json.loads(labtui("plan", sample, "--lab", lab_file, "--json").out)
    # Each trial of that lab took 0.4 s for 1,000 steps; this study trains 40 of 1,000 steps.
    assert document["cost"]["step_time"] == pytest.approx(0.4e-3)
    assert document["cost"]["seconds"] == pytest.approx(16)
    assert "digits-optimizer" in document["cost"]["timed"]
    assert "about 16s on one slot (400 µs a step" in labtui("plan", sample, "--lab", lab_file).out


def test_a_probe_tells_the_time_at_the_studys_batch_size(labtui, tmp_path):
    lab_file = make_lab(tmp_path, points=1, ended=0).db
    rows = [{"batch_size": size, "step_time": size / 1e4} for size in (32, 64)]
    card = {"batch_size_probe": {"trainer": "numpy", "name": "batch_size", "table": rows}}
    with Writer(LabPaths(lab_file)) as writer:
        put_card(
            writer,
            "digits-mlp",
            card,
            trainer="numpy",
            metric="validation/error_rate",
            goal="minimize",
        )
    sample = ROOT / "sample_studies" / "digits_optimizers.yaml"
    document = json.loads(labtui("plan", sample, "--lab", lab_file, "--json").out)
    assert document["cost"]["step_time"] == 0.0064
    assert "probe batch-size" in document["cost"]["timed"]


def test_earlier_checkpoints_tell_the_disk(labtui, tmp_path):
    lab_file = make_lab(tmp_path, points=2).db
    with Writer(LabPaths(lab_file)) as writer:
        for trial in (1, 2, 3):
            kept = {"value": 0.1, "folder": "a1", "size": trial * 1_000_000, "sha256": ""}
            add_checkpoint(writer, trial, step=1000, **kept)
    sample = ROOT / "sample_studies" / "digits_optimizers.yaml"
    document = json.loads(labtui("plan", sample, "--lab", lab_file, "--json").out)
    assert document["cost"]["bytes"] == 2_000_000 * 2 * 40  # the best and the newest of each trial
    assert "at most 160 MB of checkpoints" in labtui("plan", sample, "--lab", lab_file).out


def test_a_study_of_the_lab_is_planned_by_its_name(labtui, lab_file):
    document = json.loads(labtui("plan", "second", "--json").out)
    with Lab(LabPaths(lab_file)) as lab:
        assert document["goal"] == lab.study("second").goal
    assert document["nuisance_dimensions"] == 2
    assert labtui("plan", "secnd").code == 2


def test_a_study_file_is_refused_as_by_run(labtui, study, tmp_path):
    study.write_text(study.read_text().replace("batch_size:", "max_steps:"))
    found = labtui("plan", study)
    assert (found.code, found.out) == (2, "")
    assert "P11" in found.err
    assert labtui("plan", tmp_path / "none.yaml").code == 2
    assert labtui("plan", study, "--fail-on", "info").code == 2
    sample = tmp_path / "sample.yaml"
    shutil.copy(ROOT / "sample_studies" / "digits_optimizers.yaml", sample)
    sample.write_text(sample.read_text().replace("depth:", "deph:"))
    found = labtui("plan", sample)
    assert found.code == 2
    assert "did you mean 'depth'" in found.err
    sample.write_text(sample.read_text().replace("deph:", "depth:").replace("adam", "adm"))
    for command in ("plan", "run"):
        found = labtui(command, sample, "--lab", tmp_path / "other.db")
        assert found.code == 2
        assert "did you mean 'adam'" in found.err
