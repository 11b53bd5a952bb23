"""Which code trained a trial: edited scripts, other folders, other interpreters."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import subprocess
import sys
import sysconfig
from pathlib import Path

from labtui.store.lab import Lab
from tests.support.engine import (
    fixed,
    points,
    run,
    study_text,
    submit,
    wait_for_state,
    wait_until,
    write_study,
)

VERSIONED = """
import time
import helper

def train(trial):
    for step in trial.steps():
        time.sleep(0.01)
    trial.log(step, {"validation/error_rate": VALUE + helper.OFFSET, "validation/loss": 1.0})
"""


def sha(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_versioned(folder, name, value, offset, trials=12):
    file = write_study(
        folder, study_text(name, trials=trials, steps=10), VERSIONED.replace("VALUE", str(value))
    )
    (folder / "helper.py").write_text(f"OFFSET = {offset}\n")
    return file


def test_a_script_edited_in_mid_study_is_recorded_as_what_it_was(paths, tmp_path):
    file = write_versioned(tmp_path, "s", 1.0, 0.0, trials=50)
    script, helper = file.with_name("train.py"), file.with_name("helper.py")
    versions = {(sha(script), sha(helper)): 1.0}
    submit(paths, file)
    with Lab(paths) as lab:

        def completed(n):
            return lambda: lab.study("s").counts.get("completed", 0) >= n

        wait_until(completed(2))
        script.write_text(VERSIONED.replace("VALUE", "2.0"))
        versions[sha(script), sha(helper)] = 2.0
        wait_until(completed(20))
        helper.write_text("OFFSET = 0.5\n")
        versions[sha(script), sha(helper)] = 2.5
        trials = wait_for_state(paths, "s", "completed")
    seen = set()
    for trial in trials:
        key = trial.code["train.py"], trial.code["helper.py"]
        assert trial.value == versions[key], trial
        seen.add(trial.value)
    assert seen == {1.0, 2.0, 2.5}
    connection = sqlite3.connect(paths.db)
    kept = dict(connection.execute("SELECT sha256, content FROM code").fetchall())
    connection.close()
    for script_hash, helper_hash in versions:
        assert hashlib.sha256(kept[script_hash].encode()).hexdigest() == script_hash
        assert helper_hash in kept


def test_a_second_study_from_another_folder_never_mixes_with_the_first(paths, tmp_path):
    first = write_versioned(tmp_path / "one", "one", 1.0, 0.25)
    second = write_versioned(tmp_path / "two", "two", 3.0, 0.5)
    submit(paths, first)
    submit(paths, second)
    one = wait_for_state(paths, "one", "completed")
    two = wait_for_state(paths, "two", "completed")
    assert {t.value for t in one} == {1.25}
    assert {t.value for t in two} == {3.5}
    assert {t.code["train.py"] for t in one} == {sha(first.with_name("train.py"))}
    with Lab(paths) as lab:
        assert lab.study("one").folder == str(tmp_path / "one")
        assert lab.study("two").folder == str(tmp_path / "two")


def environment_with_numpy_alone(folder: Path) -> Path:
    """Make a virtual environment that holds numpy and nothing else, without any download."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    target = folder / "lib" / version / "site-packages"
    for source in Path(sysconfig.get_path("platlib")).glob("numpy*"):
        if source.is_dir():
            shutil.copytree(source, target / source.name, ignore=shutil.ignore_patterns("tests"))
    return folder / "bin" / "python"


NUMPY_STUDY = """
study: elsewhere
goal: Does the digits network train in an environment that holds numpy alone?
workload: digits-mlp
trainer: numpy
objective: {metric: validation/error_rate, goal: minimize}
budget: {trials: 2, max_train_steps: 60, eval_every: 20}
hyperparameters:
  learning_rate: {role: nuisance, scale: log, range: [1e-2, 1e-1]}
"""


def test_another_environment_trains_with_numpy_alone(paths, tmp_path):
    python = environment_with_numpy_alone(tmp_path / "theirs")
    listing = subprocess.run(
        [python, "-c", "import numpy, importlib.util as u; print(u.find_spec('labtui'))"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert listing.stdout.strip() == "None"
    file = tmp_path / "elsewhere.yaml"
    file.write_text(NUMPY_STUDY + f"interpreter: {python}\n")
    trials = run(paths, file)
    assert [(t.state, t.detail) for t in trials] == [("completed", "")] * 2
    assert trials[0].versions["numpy"]
    with Lab(paths) as lab:
        assert lab.study("elsewhere").interpreter == str(python)
    here = tmp_path / "here.yaml"
    here.write_text(NUMPY_STUDY.replace("elsewhere", "here"))
    run(paths, here)
    assert points(paths, "here") == points(paths, "elsewhere")


def test_the_sdk_is_all_that_a_foreign_worker_sees(paths, tmp_path):
    script = (
        "import importlib.util, sys\n"
        "def train(trial):\n"
        "    import labtui.trainer\n"
        "    assert importlib.util.find_spec('textual') is None, 'the runner leaks'\n"
        "    assert importlib.util.find_spec('numpy') is None\n"
        "    trial.log(1, {'validation/error_rate': 0.5})\n"
    )
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "e")], check=True)
    text = study_text(trials=1, steps=1, x=fixed(1)) + "interpreter: e/bin/python\n"
    (trial,) = run(paths, write_study(tmp_path, text, script))
    assert (trial.state, trial.detail) == ("completed", "")
