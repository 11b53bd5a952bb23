import json
import math

import pytest

from labtui.store.changes import NewStudy, NewTrial, add_study, set_study
from labtui.store.decisions import NewBaseline, set_baseline
from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from labtui.store.writer import Writer
from labtui.verdicts.beside import UNSET, beside
from labtui.verdicts.figures_trial import trial_figures
from labtui.verdicts.reproduction import reproduction
from labtui.verdicts.trial_facts import facts_document
from tests.support.labs import make_lab

NAME = "digits-optimizer"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    paths = make_lab(tmp_path_factory.mktemp("a lab"), points=10)
    with Lab(paths) as opened:
        yield opened


def trials(lab, state):
    return [one for one in lab.trials(NAME) if one.state == state]


def test_a_trial_beside_the_best_of_its_study(lab):
    study = lab.study(NAME)
    best = lab.trial(f"{NAME}/{study.best_trial}")
    other = next(one for one in trials(lab, "completed") if one.arm != best.arm)
    found = beside(lab, study, other)
    assert [one.label for one in found.others] == ["best"]
    assert found.remarks[0].startswith("no baseline yet: workload digits-mlp has none")
    differ = {row.name for row in found.rows if any(row.differs)}
    assert differ == {name for name in best.params if best.params[name] != other.params[name]}
    assert "optimizer" in differ
    assert "batch_size" not in differ
    rate = next(row for row in found.rows if row.name == "learning_rate")
    low = "0.00001" if other.arm.endswith("adam") else "0.001"
    assert rate.role.startswith(f"nuisance: log {low} …")  # the range of its own arm
    assert "this trial is the best of its study" in beside(lab, study, best).remarks


def test_a_trial_beside_its_baseline(tmp_path):
    paths = make_lab(tmp_path, points=4)
    with Lab(paths) as lab:
        workload = lab.workload("digits-mlp").id
    params = {"optimizer": "adam", "batch_size": 64.0, "label_smoothing": 0.1}
    with Writer(paths) as writer:
        set_baseline(
            writer,
            NewBaseline(workload=workload, configuration={"params": params}, reason="by hand"),
        )
    with Lab(paths) as lab:
        study = lab.study(NAME)
        trial = lab.trial(f"{NAME}/{1 if study.best_trial != 1 else 3}")
        found = beside(lab, study, trial)
    assert [one.label for one in found.others] == ["baseline", "best"]
    rows = {row.name: row for row in found.rows}
    assert not rows["batch_size"].differs[0]  # 64 is 64.0
    assert rows["label_smoothing"].value is UNSET
    assert rows["label_smoothing"].differs == (True, False)
    assert "label_smoothing" in found.document()["others"][0]["differs"]


def test_everything_that_a_trial_logged_is_drawn(lab):
    trial = trials(lab, "completed")[0]
    found = trial_figures(lab, lab.study(NAME), trial)
    assert found.blowup is None
    assert [spec.title for spec in found.specs] == ["validation/error_rate", "loss", "grad_norm"]
    assert [one.label for one in found.specs[1].series] == ["train", "validation"]
    assert [mark.kind for mark in found.specs[0].marks] == ["best"]
    assert not found.specs[1].marks


def test_a_trial_that_blew_up_shows_where_first(lab):
    trial = trials(lab, "infeasible")[0]
    found = trial_figures(lab, lab.study(NAME), trial)
    assert found.blowup is not None
    assert trial.reason == f"diverged at step {found.blowup.step}"
    assert [spec.title for spec in found.specs][:2] == ["loss", "grad_norm"]
    for spec in found.specs:
        (mark,) = spec.marks
        assert (mark.value, mark.label) == (found.blowup.step, trial.reason)
    assert found.blowup.words[0] == f"train/loss was not finite at step {found.blowup.step}"
    assert any(word.startswith("grad_norm was ") for word in found.blowup.words)
    assert any(math.isnan(y) for y in found.specs[0].series[0].y)


def test_what_trains_a_trial_again(lab):
    study, trial = lab.study(NAME), trials(lab, "completed")[0]
    found = reproduction(lab.paths, study, trial)
    assert found.command == f"labtui rerun {trial.name} -n 1 --lab '{lab.paths.db}'"
    assert found.study == f"cd /nowhere && labtui run {NAME}.yaml"


def test_what_cannot_be_trained_here_has_no_command(tmp_path):
    paths = LabPaths(tmp_path / "lab.db")
    new = NewStudy(
        name="theirs",
        workload="w",
        trainer="imported",
        goal="",
        metric="loss",
        direction="minimize",
        selection="final",
        seed=0,
        sequence="",
        total=1,
        spec={},
        folder="",
        interpreter="",
        provenance={"import": {}},
    )
    with Writer(paths) as writer:
        study = add_study(writer, new, [NewTrial(0, 0, "", {}, {}, 1, 1)])
        set_study(writer, study, "completed")
    with Lab(paths) as lab:
        found = reproduction(paths, lab.study("theirs"), lab.trial("theirs/0"))
    assert (found.command, found.study) == ("", "")
    assert found.does.startswith("imported")


def test_the_document_is_json_and_has_the_last_lines_of_the_output(lab):
    trial = trials(lab, "infeasible")[0]
    file = lab.paths.trial_log(trial.id)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("one\ntwo\nthree\n")
    found = json.loads(json.dumps(facts_document(lab, lab.study(NAME), trial, 2)))
    file.unlink()
    assert found["output"] == ["two", "three"]
    assert found["blowup"]["step"] == int(trial.reason.split()[-1])
    assert found["reproduce"]["command"].startswith("labtui rerun")
    assert facts_document(lab, lab.study(NAME), trials(lab, "completed")[0])["blowup"] is None
