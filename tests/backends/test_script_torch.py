"""A torch script of one's own (sample_studies/torch_script.py), run in all the ways it may be."""

import hashlib
import os
import re
import subprocess
import sys

import pytest

from labtui.engine import client
from labtui.store.lab import Lab
from tests.engine.conftest import paths as paths
from tests.support.engine import (
    points,
    run,
    study_text,
    submit,
    wait_for_state,
    wait_until,
    write_study,
)
from tests.support.environments import environment_without_labtui
from tests.support.samples import change, copy_samples, write_page

pytestmark = pytest.mark.backend

SCRIPT = "torch_script.py"
FEW = ("trials: 10", "trials: 2")


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """A python that has torch and not labtui."""
    return environment_without_labtui(tmp_path_factory.mktemp("theirs") / "environment")


def printed(python, script):
    """Run a script as a person does; gives what it said."""
    environment = {name: v for name, v in os.environ.items() if not name.startswith("PYTHON")}
    ended = subprocess.run(
        [python, "-W", "error", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=script.parent,
        env={**environment, "OMP_NUM_THREADS": "1"},
    )
    return ended.stdout + ended.stderr


def by_hand(python, script):
    """Give the error rates that the sample prints, by step."""
    found = re.findall(
        r"^step (\d+)  validation/error_rate ([\d.]+)", printed(python, script), re.M
    )
    return {int(step): float(value) for step, value in found}


def test_it_trains_alone_with_and_without_labtui(tmp_path, elsewhere):
    script = copy_samples(tmp_path) / SCRIPT
    here, there = by_hand(sys.executable, script), by_hand(elsewhere, script)
    assert list(here) == [1, 50, 100, 150, 200, 250, 300]  # labtui evaluates after step 1, too
    assert list(there) == [50, 100, 150, 200, 250, 300]
    assert there == pytest.approx({step: v for step, v in here.items() if step > 1}, abs=1e-4)
    assert here[300] < 0.05


def test_a_study_trains_it_where_labtui_is_not_installed(paths, tmp_path, elsewhere):
    for name, python in (("here", sys.executable), ("there", elsewhere)):
        samples = copy_samples(tmp_path / name)
        renamed = ("study: torch-script", f"study: {name}")
        file = change(samples / "torch_script.yaml", FEW, renamed, interpreter=python)
        trials = run(paths, file)
        assert [(t.state, t.detail) for t in trials] == [("completed", "")] * 4
        digests = {
            part: hashlib.sha256((samples / part).read_bytes()).hexdigest()
            for part in (SCRIPT, "digits_data.py")
        }
        assert all(trial.code == digests for trial in trials)
        assert min(trial.value for trial in trials) < 0.1
    assert points(paths, "here") == points(paths, "there")


def test_a_stopped_trial_of_it_goes_on_bit_for_bit(paths, tmp_path):
    one = ("trials: 10", "trials: 1")
    narrow = ("values: [16, 64]", "values: [16]")
    whole = copy_samples(tmp_path / "whole") / "torch_script.yaml"
    run(paths, change(whole, one, narrow))
    broken = copy_samples(tmp_path / "broken")
    script = (broken / SCRIPT).read_text().replace("loss.backward()", "loss.backward(); wait()")
    (broken / SCRIPT).write_text("from time import sleep\nwait = lambda: sleep(0.01)\n" + script)
    submit(paths, change(broken / "torch_script.yaml", one, narrow, ("torch-script", "broken")))
    with Lab(paths) as lab:
        wait_until(lambda: lab.trials("broken")[0].step > 0)
    client.stop(paths, "broken")
    (trial,) = wait_for_state(paths, "broken", "stopped")
    assert trial.reason.startswith("stopped at step")
    client.resume(paths, "broken")
    wait_for_state(paths, "broken", "completed")
    assert points(paths, "broken") == points(paths, "torch-script")


DEFAULTS = """
import labtui, torch

trial = labtui.current_trial()
found = [
    torch.tensor(1.0).dtype != torch.float32,
    not torch.is_grad_enabled(),
    torch.tensor(1.0).device.type != "cpu",
    torch.are_deterministic_algorithms_enabled(),
]
torch.set_default_dtype(torch.float64)
torch.set_grad_enabled(False)
torch.set_default_device("meta")
torch.use_deterministic_algorithms(True)
for step in trial.steps():
    trial.log(step, {"validation/error_rate": sum(found)})
"""


def test_torchs_defaults_are_put_back_between_trials(paths, tmp_path):
    text = study_text(trials=6, steps=1).replace("{python: train.py:train}", "{script: train.py}")
    trials = run(paths, write_study(tmp_path, text, DEFAULTS))
    assert [(trial.state, trial.value) for trial in trials] == [("completed", 0.0)] * 6


def test_torch_is_imported_once_a_slot(paths, tmp_path):
    script = (
        "import labtui, os, sys\nwarm = 'torch' in sys.modules\nimport torch\n"
        "trial = labtui.current_trial()\n"
        "for step in trial.steps():\n"
        "    trial.log(step, {'validation/error_rate': warm, 'process': os.getpid()})\n"
    )
    text = study_text(trials=12, steps=1).replace("{python: train.py:train}", "{script: train.py}")
    trials = run(paths, write_study(tmp_path, text, script), slots=1)
    assert [trial.value for trial in trials] == [0.0] + [1.0] * 11


def test_the_script_of_the_page_trains(paths, tmp_path, elsewhere):
    file = write_page(tmp_path, "Three lines in a script")
    assert "\nstep 200  validation/loss" in printed(sys.executable, file.with_name("train.py"))
    trials = run(paths, change(file, ("trials: 8", "trials: 2"), interpreter=elsewhere))
    assert [(t.state, t.detail) for t in trials] == [("completed", "")] * 4
    assert {trial.params["width"] for trial in trials} == {8, 64}
