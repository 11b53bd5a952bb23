"""How a program is stopped, checkpointed and resumed, and that nothing of it is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from labtui.trainer import testing
from labtui.trainer.testing import Case
from labtui.trainer.trial import Diverged, Killed, Stopped
from labtui_command import process
from labtui_command.errors import CommandError
from labtui_command.train import train
from tests.support.commands import attempt, python, shell

SAMPLES = Path(__file__).parents[2] / "sample_studies"

# Every way of reporting in few lines: it evaluates each 10 steps, saves, and may look at the stop.
PROGRAM = """
import json, os, sys, time
out, saves, looks, pause = sys.argv[1:5]
folder = os.environ["LABTUI_CHECKPOINT_DIR"]
def say(**report):
    os.write(1, json.dumps(report).encode() + b"\\n")
for step in range(int(os.environ["LABTUI_START_STEP"]) + 1, 51):
    say(step=step, **{"train/loss": 1 / step})
    if step == 1 or step % 10 == 0:
        say(step=step, **{"validation/loss": 1 / step})
        if saves == "yes":
            with open(folder + "/s%d" % step, "w") as file:
                file.write(str(step))
            say(step=step, checkpoint="s%d" % step)
        if looks == "yes" and os.path.exists(os.environ["LABTUI_STOP_FILE"]):
            open(out, "w").close()
            sys.exit(0)
    time.sleep(float(pause))
time.sleep(600)
"""


def stop_at(step):
    """Ask for a stop while the report of `step` is taken."""

    def prepare(trial):
        log = trial.log

        def listen(at, metrics):
            log(at, metrics)
            if at == step:
                trial.request_stop()

        trial.log = listen

    return prepare


def program(out, *, saves=True, looks=False, pause=0.0):
    words = ["yes" if flag else "no" for flag in (saves, looks)]
    return [*python(PROGRAM), str(out), *words, str(pause)]


def kept(found):
    return sorted(m["step"] for m in found.sink.messages if m["kind"] == "checkpoint")


def test_a_program_that_looks_at_the_stop_file_ends_itself(tmp_path):
    argv = program(tmp_path / "left", looks=True, pause=0.02)
    found = attempt(argv, prepare=stop_at(12), expect=Stopped, folder=tmp_path / "lab")
    assert found.error.step == 20
    assert (tmp_path / "left").exists()
    assert max(kept(found)) == 20


def test_a_program_that_does_not_look_is_ended_after_its_checkpoint(tmp_path):
    begin = time.monotonic()
    found = attempt(program("x"), prepare=stop_at(12), expect=Stopped)
    assert time.monotonic() - begin < process.GRACE
    assert found.error.step == 20
    assert max(kept(found)) == 20
    assert max(step for _, step, _ in found.points) == 20
    assert found.trial.step == 20


def test_a_program_that_never_saves_is_ended_at_its_next_evaluation():
    found = attempt(program("x", saves=False), prepare=stop_at(12), expect=Stopped)
    assert (found.error.step, kept(found)) == (20, [])


def test_a_stop_before_the_first_step():
    found = attempt(program("x"), prepare=lambda trial: trial.request_stop(), expect=Stopped)
    assert found.error.step == 1


def test_a_stop_behind_the_last_evaluation_lets_the_program_end():
    script = 'for n in $(seq 50); do echo "{\\"step\\": $n, \\"a\\": 1}"; done'
    found = attempt(shell(script), prepare=stop_at(45))
    assert found.trial.step == 50


def test_a_program_that_leaves_when_asked_is_stopped_where_it_left():
    script = """
    echo '{"step": 33, "a": 1}'
    until test -e "$LABTUI_STOP_FILE"; do sleep 0.01; done
    """
    found = attempt(shell(script), prepare=stop_at(33), expect=Stopped)
    assert found.error.step == 33


def test_a_program_that_fails_while_it_is_stopped_has_failed():
    script = """
    echo '{"step": 33, "a": 1}'
    until test -e "$LABTUI_STOP_FILE"; do sleep 0.01; done
    exit 5
    """
    error = attempt(shell(script), prepare=stop_at(33), expect=CommandError).error
    assert str(error).startswith("sh ended with exit code 5")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_signal_from_elsewhere_is_not_the_trials_fault(number):
    found = attempt(shell(f"kill -{int(number)} $$"), expect=Killed)
    assert found.error.number == number


def test_training_for_longer_than_it_should_is_said():
    lines = "".join(f'echo \'{{"step": {n}, "a": 1}}\';' for n in (50, 51, 60))
    found = attempt(shell(lines))
    assert found.warnings == [
        "it reported step 51 of 50: train no longer than {max_steps}, or trials cannot be compared "
        "(P11)"
    ]


# -- checkpoints --------------------------------------------------------------------------------


def saving(name, make):
    return shell(
        f"""
        cd "$LABTUI_CHECKPOINT_DIR"
        {make}
        echo '{{"step": 50, "validation/loss": 1, "checkpoint": "{name}"}}'
        """
    )


def test_a_checkpoint_is_moved_away_and_may_be_a_folder(tmp_path):
    script = """
    cd "$LABTUI_CHECKPOINT_DIR"
    mkdir s; echo hello > s/weights
    echo '{"step": 50, "validation/loss": 1, "checkpoint": "s"}'
    while test -e s; do sleep 0.01; done
    """
    found = attempt(shell(script), folder=tmp_path)
    (message,) = [m for m in found.sink.messages if m["kind"] == "checkpoint"]
    assert (message["step"], message["value"]) == (50, 1.0)
    assert (tmp_path / message["folder"] / "state" / "weights").read_text() == "hello\n"
    assert [entry.name for entry in tmp_path.iterdir()] == [message["folder"]]


def test_predictions_come_with_a_checkpoint(tmp_path):
    script = """
    cd "$LABTUI_CHECKPOINT_DIR"
    echo x > s; echo '[{"is": 3, "seen": 5}]' > p.json
    echo '{"step": 50, "validation/loss": 1, "checkpoint": "s", "predictions": "p.json"}'
    """
    attempt(shell(script), folder=tmp_path)
    (file,) = tmp_path.glob("*/predictions.json")
    assert file.read_text() == '[{"is": 3, "seen": 5}]'


@pytest.mark.parametrize(
    ("name", "make", "said"),
    [
        (
            "weights-10",
            "echo > weights-1",
            "found no 'weights-10' in LABTUI_CHECKPOINT_DIR, which holds weights-1; did you mean "
            "'weights-1'?",
        ),
        (
            "../params.json",
            "true",
            "found '../params.json'; expected the name of a file or folder inside {checkpoint_dir} "
            "(LABTUI_CHECKPOINT_DIR)",
        ),
        (
            "/etc/hostname",
            "true",
            "found '/etc/hostname'; expected the name of a file or folder inside {checkpoint_dir} "
            "(LABTUI_CHECKPOINT_DIR)",
        ),
        (
            "link",
            "ln -s /etc/hostname link",
            "found 'link'; expected the name of a file or folder inside {checkpoint_dir} "
            "(LABTUI_CHECKPOINT_DIR)",
        ),
        (
            ".",
            "true",
            "found '.'; expected the name of a file or folder inside {checkpoint_dir} "
            "(LABTUI_CHECKPOINT_DIR)",
        ),
    ],
)
def test_a_checkpoint_that_cannot_be(name, make, said):
    error = attempt(saving(name, make), expect=CommandError).error
    assert str(error) == f"line 1 of its standard output: checkpoint: {said}"


def test_the_newest_checkpoint_is_offered_again_when_it_is_due(tmp_path, monkeypatch):
    """One that is not the best is wanted only every 30 seconds: it waits for that."""
    monkeypatch.setattr("labtui_command.states.OFFER_SECONDS", 0.0)
    script = """
    cd "$LABTUI_CHECKPOINT_DIR"
    for n in 10 20; do
        echo $n > s$n
        echo "{\\"step\\": $n, \\"validation/loss\\": $n, \\"checkpoint\\": \\"s$n\\"}"
    done
    sleep 1
    """

    def hurry(trial):
        trial._keeper._interval = 0.5

    found = attempt(shell(script), folder=tmp_path, prepare=hurry)
    assert kept(found) == [10, 20]


def test_no_file_is_left_behind(tmp_path):
    before = set(os.listdir("/tmp"))
    attempt(
        shell("echo > $LABTUI_CHECKPOINT_DIR/x; echo hello > $LABTUI_STOP_FILE"), folder=tmp_path
    )
    assert list(tmp_path.iterdir()) == []
    assert {
        name for name in set(os.listdir("/tmp")) - before if name.startswith("labtui-")
    } == set()


# -- conformance --------------------------------------------------------------------------------

TINY = """
import json, os, random, sys, time
told = json.load(open(os.environ["LABTUI_TRIAL"]))
folder, seed, value = told["checkpoint_dir"], told["seed"], 1.0 + told["seed"]
if told["resume_path"]:
    value = float(open(told["resume_path"]).read())
def say(**report):
    os.write(1, json.dumps(report).encode() + b"\\n")
for step in range(told["start_step"] + 1, told["max_steps"] + 1):
    begin = time.perf_counter()
    noise = random.Random(seed * 100003 + step).random()
    value *= told["params"]["factor"] + 0.01 * noise
    say(step=step, **{"train/loss": value})
    if step == 1 or step % told["eval_every"] == 0 or step == told["max_steps"]:
        spent = time.perf_counter() - begin
        say(step=step, **{"validation/loss": value, "step_time": spent, "data_wait": 0.0})
        name = "s%d" % step
        for path, text in ((name, repr(value)), (name + ".json", json.dumps([{"is": value}]))):
            with open(os.path.join(folder, path), "w") as file:
                file.write(text)
        say(step=step, checkpoint=name, predictions=name + ".json")
"""


def test_a_program_conforms():
    testing.conformance(
        Case(train, {"factor": 0.9}, options={"argv": python(TINY)}),
        diverging_params={"factor": 1e200},
    )


def test_the_sample_in_awk_conforms(monkeypatch):
    """It reports no times and no predictions: awk has no clock finer than a second."""
    monkeypatch.chdir(SAMPLES)
    params = {"learning_rate": 0.1, "l2": 1e-3, "batch_size": 4, "init_scale": 0.1}
    argv = ["env", "LC_ALL=C", "awk", "-f", "awk_softmax.awk"]
    case = Case(
        train,
        params,
        metric="validation/error_rate",
        options={"argv": argv},
        max_steps=20,
        eval_every=8,
        examples=300,
    )
    beyond = {testing.check_times_are_reported, testing.check_predictions_are_kept}
    for check in [check for check in testing.CHECKS if check not in beyond]:
        check(case)
    testing.check_partial_batches_weigh_what_they_hold(case)
    diverging = Case(train, {**params, "learning_rate": 1e300}, options={"argv": argv})
    testing.check_divergence_is_infeasible(diverging)


def test_the_sample_in_awk_learns(monkeypatch):
    monkeypatch.chdir(SAMPLES)
    params = {"learning_rate": 0.5, "l2": 1e-4, "batch_size": 16, "init_scale": 0}
    argv = ["env", "LC_ALL=C", "awk", "-f", "awk_softmax.awk"]
    found = attempt(argv, params, max_steps=100, metric="validation/error_rate", seed=5)
    curve = {step: value for name, step, value in found.points if name == "validation/error_rate"}
    assert len(curve) == 11
    assert curve[1] > 0.5 > 0.1 > curve[100]


# -- nothing survives ---------------------------------------------------------------------------


def test_the_watcher_ends_the_program_when_its_starter_is_killed(tmp_path):
    """Where there is no guard that adopts orphans (macOS), a watcher in the group kills it."""
    script = """
    import os, time
    from labtui_command.process import Program
    marks = dict(os.environ, MARK="x")
    program = Program(["sh", "-c", "echo $$ > pid.new; mv pid.new pid; sleep 600"], marks,
                      marker="MARK", watched=True)
    time.sleep(600)
    """
    starter = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], cwd=tmp_path)
    file = tmp_path / "pid"
    _wait(file.exists)
    pid = int(file.read_text())
    starter.kill()
    starter.wait()
    _wait(lambda: not _lives(pid))


def test_a_diverged_program_is_gone_at_once(tmp_path):
    script = f"""
    echo $$ > {tmp_path}/pid
    echo '{{"step": 1, "validation/loss": NaN}}'
    exec sleep 600
    """
    begin = time.monotonic()
    attempt(shell(script), expect=Diverged)
    assert time.monotonic() - begin < 5
    assert not _lives(int((tmp_path / "pid").read_text()))


def _lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _wait(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, condition
        time.sleep(0.01)


def test_a_program_inherits_its_three_streams_and_no_other_file(tmp_path):
    """One held open would hide from the runner that its guard or a worker has died."""
    handle = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(handle, True)
    try:
        script = "import os; print('{\"step\": 1, \"files\": %d}' % len(os.listdir('/dev/fd')))"
        found = attempt(python(script))
    finally:
        os.close(handle)
    assert found.points == [("files", 1, 4.0)]  # the fourth is the listing's own
