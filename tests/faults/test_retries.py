"""Second tries: deaths that may be the machine's are tried again, and never without end (R12)."""

from __future__ import annotations

import os
import sys

import pytest

from labtui.store.lab import Lab
from tests.support.engine import arms, fixed, run, study_text, write_study

TRAINER = """
import json, os, resource, signal, sys, time
from labtui.trainer.trial import Stopped

def train(trial):
    mode = trial.params["mode"]
    begun = trial.restore(lambda path: json.load(open(path)))
    trial._keeper._interval = 0.0  # every checkpoint is written at once, not each 30 seconds
    for step in trial.steps():
        if mode == "dies at 7" and step == 7:
            os.kill(os.getpid(), signal.SIGKILL)
        if mode == "dies later each time" and step == (begun or 0) + 15:
            os.kill(os.getpid(), signal.SIGKILL)
        if mode == "kills the guard" and step == 7:
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(60)
        if mode == "stops itself" and step == 7:
            raise Stopped(step)
        if mode == "wants memory" and step == 7:
            hard = resource.getrlimit(resource.RLIMIT_AS)[1]
            resource.setrlimit(resource.RLIMIT_AS, (400_000_000, hard))
            bytearray(10**9)
        if mode == "raises" and step == 7:
            raise RuntimeError("the data are broken")
        trial.log(step, {"validation/error_rate": 1 / step})
        if trial.should_evaluate(step):
            trial.checkpoint(step, json.dumps(step).encode())
"""
AT_ONCE = """
import os, signal
def train(trial):
    if trial.params["mode"] == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    raise RuntimeError("the data are broken")
"""
KILLED = "its worker was killed by SIGKILL, by hand or for want of memory"


def trial_ends(paths, folder, text, script=TRAINER, **options):
    """Run a study; give state, reason and attempts of each trial by its mode."""
    trials = run(paths, write_study(folder, text, script), **options)
    return {t.params["mode"]: (t.state, t.reason, t.attempt) for t in trials}


def test_a_trial_that_dies_at_the_same_step_ends_after_three_deaths(paths, tmp_path, tally):
    modes = ("fine", "dies at 7", "dies later each time", "wants memory", "raises", "last")
    text = study_text(trials=1, steps=60, every=10, mode=arms(*modes))
    found = trial_ends(paths, tmp_path, text)
    tally(crash_loops=1)
    assert {mode: state for mode, (state, _, _) in found.items()} == {
        "fine": "completed",
        "dies at 7": "failed",
        "dies later each time": "completed",  # each attempt got further than the one before
        "wants memory": "infeasible",
        "raises": "failed",
        "last": "completed",
    }
    _, reason, attempts = found["dies at 7"]
    # The checkpoint of step 1 is progress: three more attempts came no further than that.
    assert (reason, attempts) == (f"{KILLED}, 3 times after step 1", 4)
    assert found["dies later each time"][2] >= 4
    assert found["wants memory"][1].startswith("out of memory")
    assert found["raises"] == ("failed", "RuntimeError: the data are broken", 1)


def test_a_limit_on_memory_ends_the_trial_that_needs_more(paths, tmp_path):
    """As a person sets it: `ulimit -v` before `labtui run`; workers inherit it."""
    script = TRAINER.replace("400_000_000, hard", "hard, hard")
    text = study_text(trials=1, steps=20, mode=arms("wants memory", "fine"))
    file = write_study(tmp_path, text, script)
    code = os.system(
        f"ulimit -v 900000; cd {tmp_path} && {sys.executable} -m labtui run {file} "
        f"--lab {paths.db} >/dev/null 2>&1"
    )
    assert os.waitstatus_to_exitcode(code) == 0
    with Lab(paths) as lab:
        ends = [(t.state, t.reason[:13]) for t in lab.trials("s")]
    assert ends == [("infeasible", "out of memory"), ("completed", "")]


@pytest.mark.parametrize(("mode", "halted"), [("raises", True), ("dies", False)])
def test_only_errors_of_the_trainer_halt_a_study(paths, tmp_path, mode, halted):
    file = write_study(tmp_path, study_text(trials=5, mode=fixed(mode)), AT_ONCE)
    trials = run(paths, file, slots=1)
    with Lab(paths) as lab:
        study = lab.study("s")
    waiting = [t for t in trials if t.state == "queued"]
    assert study.state == ("stopped" if halted else "completed")
    # A quick worker may have been given the fourth before the end of the third was heard.
    assert len(waiting) in ((1, 2) if halted else (0,))
    assert ("3 trials in a row failed at once" in study.reason) == halted


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("kills the guard", "its worker was lost with the guard, 10 times after step 1"),
        ("stops itself", "stopped at step 7, and nobody asked for it, 10 times after step 1"),
    ],
)
def test_what_may_be_anothers_fault_is_tried_ten_times(paths, tmp_path, full, mode, reason):
    if not full:
        pytest.skip("ten guards: part of the full form")
    text = study_text(trials=1, steps=20, mode=arms(mode, "fine"))
    found = trial_ends(paths, tmp_path, text, slots=1)
    assert found[mode][:2] == ("failed", reason)
    assert found["fine"][0] == "completed"
