"""`labtui.current_trial()` in a program that the command trainer started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from labtui.trainer import testing
from labtui.trainer.remote import LONGEST, RemoteTrial, trial_from_environment
from labtui.trainer.testing import Case
from labtui.trainer.trial import Diverged, Infeasible, Stopped, Trial
from labtui_command.train import train
from labtui_command.workspace import Workspace
from tests.support.commands import attempt, python
from tests.trainers.test_command_stop import kept, stop_at

SCRIPT = """
import random
import labtui

trial = labtui.current_trial()
value = trial.restore(lambda path: float(open(path).read()))
value = 1.0 + trial.seed if value is None else value
for step, _ in zip(trial.steps(), trial.batches(iter(int, 1))):
    noise = random.Random(trial.seed * 100003 + step).random()
    value = value * trial.params["factor"] + 0.01 * noise
    trial.log(step, {"train/loss": value})
    if trial.should_evaluate(step):
        trial.log(step, {"validation/loss": value})
        trial.checkpoint(step, repr(value).encode(), [{"is": value}])
print("done")
"""


def test_a_script_with_the_sdk_conforms(capfd):
    testing.conformance(
        Case(train, {"factor": 0.9}, options={"argv": python(SCRIPT)}),
        diverging_params={"factor": 1e200},
    )
    assert "Traceback" not in capfd.readouterr().err


def test_a_script_is_stopped_by_its_own_steps(capfd):
    slow = SCRIPT.replace("    noise =", "    import time; time.sleep(0.01)\n    noise =")
    found = attempt(python(slow), {"factor": 0.9}, prepare=stop_at(12), expect=Stopped)
    assert found.error.step == 20
    assert max(kept(found)) == 20
    captured = capfd.readouterr()
    assert (captured.out.strip(), captured.err) == ("", "")  # it left by itself, before "done"


@pytest.mark.parametrize(
    ("body", "expect", "said"),
    [
        ("trial.infeasible('7 heads')", Infeasible, "7 heads"),
        ("trial.log(3, {'validation/loss': float('inf')})", Diverged, "diverged at step 3"),
    ],
)
def test_an_end_in_the_middle_is_no_failure(body, expect, said, capfd):
    script = f"import labtui\ntrial = labtui.current_trial()\n{body}\nprint('went on')"
    found = attempt(python(script), expect=expect)
    assert str(found.error) == said
    assert capfd.readouterr() == ("", "")


def test_what_is_printed_in_the_middle_of_a_line_hides_no_report(capfd):
    script = """
    import labtui
    trial = labtui.current_trial()
    for step in trial.steps():
        print("progress", step, end="", flush=True)
        trial.log(step, {"a": step})
        trial.flush()
        print("!", flush=True)
    """
    found = attempt(python(script), max_steps=3, eval_every=3)
    assert [point for point in found.points if point[0] == "a"] == [("a", n, n) for n in (1, 2, 3)]
    assert capfd.readouterr().out == "progress 1\n!\nprogress 2\n!\nprogress 3\n!\n"


def test_many_metrics_of_one_step_stay_within_an_unbreakable_line(capfd):
    script = """
    import labtui
    trial = labtui.current_trial()
    trial.log(1, {"metric %04d é" % n: n / 7 for n in range(900)})
    """
    found = attempt(python(script))
    assert found.points == [(f"metric {n:04d} é", 1, n / 7) for n in range(900)]
    assert capfd.readouterr().out == ""


def test_names_of_the_script_are_translated_once():
    script = "import labtui; labtui.current_trial().log(2, {'val': 1.0, 'other': 5.0})"
    found = attempt(python(script), aliases={"validation/loss": "val"})
    assert found.points == [("validation/loss", 2, 1.0), ("other", 2, 5.0)]
    assert found.trial.evaluated_value == 1.0


def test_a_warning_and_a_fallback_reach_the_person():
    script = "import labtui; labtui.current_trial().fall_back('cpu', 'no kernel')"
    assert attempt(python(script), device="mps").warnings == ["trains on cpu, not mps: no kernel"]


def test_a_child_of_the_script_reports_nothing_again():
    script = """
    import os, sys, labtui
    trial = labtui.current_trial()
    trial.log(1, {"a": 1.0})
    if os.fork() == 0:
        sys.exit()
    os.wait()
    """
    assert attempt(python(script)).points == [("a", 1, 1.0)]


# -- ranks --------------------------------------------------------------------------------------


@pytest.fixture
def told(tmp_path):
    trial = Trial({"x": 1}, max_steps=50, eval_every=10)
    workspace = Workspace(trial)
    yield workspace
    workspace.remove()


@pytest.mark.parametrize("name", ["RANK", "OMPI_COMM_WORLD_RANK", "SLURM_PROCID", "PMI_RANK"])
def test_only_the_first_rank_reports(told, name, monkeypatch):
    script = """
    import labtui
    trial = labtui.current_trial()
    for step in trial.steps():
        trial.log(step, {"validation/loss": float("nan")})
        if trial.should_evaluate(step):
            trial.checkpoint(step, b"x")
    print("all steps")
    """
    environment = {**os.environ, "LABTUI_TRIAL": told.trial, name: "1"}
    argv = [sys.executable, "-c", textwrap.dedent(script)]
    run = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("all steps\n", "")
    assert os.listdir(told.checkpoints) == []


def test_all_ranks_stop_after_the_same_evaluation(told):
    """The file appears between the looks of two ranks; the first says when, a whole interval on."""
    description = json.loads(Path(told.trial).read_text())
    ranks = [RemoteTrial(description, rank, 2) for rank in (0, 1)]
    loops = [trial.steps() for trial in ranks]
    for _ in range(19):
        assert next(loops[1]) == next(loops[0])
    next(loops[1])  # the second rank is in step 20 when the file appears
    told.ask_to_stop()
    ends = []
    for loop in loops:
        with pytest.raises(Stopped) as caught:
            list(loop)
        ends.append(caught.value.step)
    assert ends == [30, 30]


def test_a_description_that_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv("LABTUI_TRIAL", str(tmp_path / "gone"))
    with pytest.raises(
        RuntimeError, match=r"LABTUI_TRIAL: found '.*gone'; expected a trial's file"
    ):
        trial_from_environment()
    (tmp_path / "gone").write_text('{"format": 2}')
    with pytest.raises(RuntimeError, match="was written by another version of labtui"):
        trial_from_environment()


def test_a_line_is_never_longer_than_a_pipe_takes_at_once(told, monkeypatch):
    lines = []
    trial = RemoteTrial(json.loads(Path(told.trial).read_text()))
    monkeypatch.setattr(os, "write", lambda handle, data: lines.append(data) or len(data))
    trial.log(1, {f"metric {n:04d} é": n / 7 for n in range(900)})
    trial.flush()
    assert len(lines) > 9
    assert max(map(len, lines)) <= LONGEST
