"""Trials on GPUs that are not there: the driver's tool is a script that claims two of them.

Everything else is real: the runner shares them out, and workers see the variable that hides all but
their own. What a framework then does with a GPU cannot be tested here.
"""

from collections import Counter

import pytest

from labtui.engine import devices
from labtui.store.lab import Lab
from tests.support.engine import run, study_text, submit, wait_for_state, write_study

SCRIPT = """
import os, time

def train(trial):
    seen = os.environ["CUDA_VISIBLE_DEVICES"]
    began = time.time()
    time.sleep(0.3)
    for gpu in seen.split(","):
        trial.log(1, {f"gpu/{gpu}": 1.0})
    trial.log(1, {"began": began, "ended": time.time()})
    trial.log(1, {"on_cuda": float(trial.device == "cuda"), "validation/error_rate": 0.5})
"""


@pytest.fixture(autouse=True)
def two_gpus(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("driver")
    tool = folder / "nvidia-smi"
    tool.write_text("#!/bin/sh\nprintf '0\\n1\\n'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    devices.devices.cache_clear()
    yield
    devices.devices.cache_clear()


def values(paths):
    """Give every metric of every trial: number → name → value."""
    found = {}
    with Lab(paths) as lab:
        for number, metric, _, value in lab.points("s"):
            found.setdefault(number, {})[metric] = value
    return found


def most_at_once(trials, gpu):
    moments = []
    for metrics in trials.values():
        if f"gpu/{gpu}" in metrics:
            moments += [(metrics["began"], 1), (metrics["ended"], -1)]
    held = most = 0
    for _, change in sorted(moments):
        held += change
        most = max(most, held)
    return most


def test_each_gpu_has_as_many_trials_as_it_may_and_each_trial_sees_its_own(paths, tmp_path):
    text = study_text(trials=8) + "trials_per_gpu: 2\n"
    trials = run(paths, write_study(tmp_path, text, SCRIPT), slots=1)
    assert {trial.state for trial in trials} == {"completed"}
    assert Counter(trial.device for trial in trials) == {"cuda:0": 4, "cuda:1": 4}
    found = values(paths)
    for trial in trials:
        metrics = found[trial.number]
        assert metrics["on_cuda"] == 1.0
        assert [m for m in metrics if m.startswith("gpu/")] == [f"gpu/{trial.device[-1]}"]
    assert most_at_once(found, 0) == most_at_once(found, 1) == 2


def test_a_trial_of_two_gpus_has_both_to_itself(paths, tmp_path):
    text = study_text(trials=3) + "gpus_per_trial: 2\n"
    trials = run(paths, write_study(tmp_path, text, SCRIPT))
    assert {trial.device for trial in trials} == {"cuda:0,cuda:1"}
    found = values(paths)
    assert most_at_once(found, 0) == most_at_once(found, 1) == 1


def test_the_persons_variable_narrows_the_choice(paths, tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    trials = run(paths, write_study(tmp_path, study_text(trials=2), SCRIPT))
    assert {trial.device for trial in trials} == {"cuda:1"}


def test_studies_on_cpu_and_gpu_train_side_by_side(paths, tmp_path):
    slow = SCRIPT.replace("0.3", "3").replace("CUDA_VISIBLE_DEVICES", "HOME").replace("gpu/", "at")
    slow = slow.replace('for gpu in seen.split(","):', "for gpu in ():")
    first = write_study(tmp_path / "cpu", study_text("c", trials=2) + "device: cpu\n", slow)
    submit(paths, first, slots=1)
    wait_for_state(paths, "c", "running")
    submit(paths, write_study(tmp_path / "gpu", study_text(trials=2), SCRIPT))
    wait_for_state(paths, "s", "completed")
    with Lab(paths) as lab:
        assert lab.study("c").state == "running"
        assert {trial.device for trial in lab.trials("s")} == {"cuda:0", "cuda:1"}
    assert {trial.device for trial in wait_for_state(paths, "c", "completed")} == {"cpu"}
