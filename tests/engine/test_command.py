"""Programs as trainers, with a real runner: they end with their trial, whatever ends it."""

from __future__ import annotations

import json
import os
import signal

import pytest

from labtui.engine import client
from labtui.store.lab import Lab
from tests.support.engine import (
    fixed,
    points,
    processes,
    run,
    runner_pid,
    study_text,
    submit,
    wait_for_state,
    wait_until,
    write_study,
)

# Its state is one number; it can be resumed, and can go wrong at step 15 in every way.
PROGRAM = """
mode=$1 pause=$2 lab=$3
x=0
if test -n "$LABTUI_RESUME_PATH"; then read x < "$LABTUI_RESUME_PATH"; fi
step=$LABTUI_START_STEP
while test $step -lt $LABTUI_MAX_STEPS; do
    step=$((step + 1)) x=$((x + LABTUI_SEED % 97 + step))
    if test $step = 15; then
        case $mode in
            hang) sleep 654 ;;
            stray) setsid sleep 654 & echo stray ;;
            hang-stray) setsid sh -c 'trap "" TERM; sleep 654' & sleep 654 ;;
            die) kill -9 $$ ;;
            fail) echo the data are broken >&2; exit 3 ;;
            silent) exit 0 ;;
        esac
    fi
    test $mode = silent || echo "{\\"step\\": $step, \\"train/loss\\": $x}"
    if test $step = 1 || test $((step % LABTUI_EVAL_EVERY)) = 0; then
        sleep $pause
        test $mode = silent || echo "{\\"step\\": $step, \\"validation/error_rate\\": $x}"
        echo $x > "$LABTUI_CHECKPOINT_DIR/s$step"
        echo "{\\"step\\": $step, \\"checkpoint\\": \\"s$step\\"}"
    fi
done
"""


def command_study(folder, *, name="s", pause=0, mode="fine", trials=2, **options):
    text = study_text(name, trials=trials, mode=fixed(mode), pause=fixed(pause), **options)
    argv = json.dumps(["sh", "train.sh", "{mode}", "{pause}"])
    text = text.replace("{python: train.py:train}", f"{{command: {argv}}}")
    file = write_study(folder, text)
    (folder / "train.sh").write_text(PROGRAM)
    return file


def test_a_study_of_a_program_runs_and_keeps_everything(paths, tmp_path):
    trials = run(paths, command_study(tmp_path, mode="stray"))
    assert [(t.state, t.reason, t.step) for t in trials] == [("completed", "", 40)] * 2
    found = points(paths, "s")
    assert len([p for p in found if p[1] == "train/loss"]) == 80
    assert [p[2] for p in found if p[:2] == (0, "validation/error_rate")] == [1, 10, 20, 30, 40]
    with Lab(paths) as lab:
        kept = lab.checkpoints(trials[0].id)
    assert [c.step for c in kept] == [1, 40]
    state = paths.checkpoint_folder(trials[0].id) / kept[-1].folder / "state"
    assert float(state.read_text()) == next(
        float(p[3]) for p in found if p[:3] == (0, "train/loss", 40)
    )
    assert "stray\n" in paths.trial_log(trials[0].id).read_text()
    folders = {entry.name for entry in paths.checkpoint_folder(trials[0].id).iterdir()}
    assert folders == {c.folder for c in kept}


def test_a_program_that_fails_says_why(paths, tmp_path):
    (trial,) = run(paths, command_study(tmp_path, mode="fail", trials=1))
    assert trial.state == "failed"
    assert trial.reason.startswith("sh ended with exit code 3: the data are broken")
    assert [p[2] for p in points(paths, "s") if p[1] == "validation/error_rate"] == [1, 10]


def test_row_63_a_program_without_a_word_has_failed(paths, tmp_path):
    (trial,) = run(paths, command_study(tmp_path, mode="silent", trials=1))
    assert trial.state == "failed"
    assert trial.reason == "metric 'validation/error_rate' was never reported; saw nothing"


def test_a_program_that_is_killed_is_tried_three_times(paths, tmp_path):
    (trial,) = run(paths, command_study(tmp_path, mode="die", trials=1))
    # Four: the first attempt saved its beginning, and three more came no further.
    assert (trial.state, trial.attempt) == ("failed", 4)
    assert "killed by SIGKILL" in trial.reason
    assert "3 times after step" in trial.reason


@pytest.mark.parametrize("mode", ["hang", "hang-stray"])
def test_nothing_of_a_program_outlives_its_time(paths, tmp_path, mode):
    file = command_study(tmp_path, mode=mode, trials=1, more=", timeout: 2")
    (trial,) = run(paths, file)
    assert trial.state == "infeasible"
    assert not processes(paths)


@pytest.mark.parametrize("victim", ["bootstrap", "service", "guard"])
def test_nothing_of_a_program_outlives_its_worker(paths, tmp_path, victim):
    submit(paths, command_study(tmp_path, mode="hang-stray", trials=1))
    runner_pid(paths)
    wait_until(lambda: len(processes(paths, "sleep 654")) >= 2)
    first = set(processes(paths, "sleep 654"))
    (pid,) = processes(paths, victim)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not first & set(processes(paths, "sleep 654")))
    if victim != "service":
        client.stop(paths, "s/0", now=True)
        wait_for_state(paths, "s", "completed", "stopped")
    wait_until(lambda: not processes(paths))


def test_a_worker_that_is_killed_costs_no_result(paths, tmp_path):
    reference = run(paths, command_study(tmp_path / "r", name="r", trials=1))
    file = command_study(tmp_path, pause=0.2, trials=1)
    submit(paths, file)
    with Lab(paths) as lab:
        wait_until(lambda: lab.study("s") and lab.trial("s/0").step >= 10)
    (pid,) = processes(paths, "bootstrap")
    os.kill(pid, signal.SIGKILL)
    (trial,) = wait_for_state(paths, "s", "completed")
    wait_until(lambda: not processes(paths))
    assert (trial.state, trial.attempt) == ("completed", 2)
    assert reference[0].seed == trial.seed
    assert points(paths, "s") == points(paths, "r")


def test_a_stopped_program_goes_on_where_it_was(paths, tmp_path):
    reference = run(paths, command_study(tmp_path / "r", name="r", trials=1))
    submit(paths, command_study(tmp_path, pause=0.3, trials=1))
    with Lab(paths) as lab:
        wait_until(lambda: lab.study("s") and lab.trial("s/0").step >= 10)
    client.stop(paths, "s")
    (trial,) = wait_for_state(paths, "s", "stopped")
    wait_until(lambda: not processes(paths))
    assert (trial.state, reference[0].state) == ("queued", "completed")
    assert 10 <= trial.step < 40
    client.resume(paths, "s")
    (trial,) = wait_for_state(paths, "s", "completed")
    wait_until(lambda: not processes(paths))
    assert points(paths, "s") == points(paths, "r")
