"""Trials that train together: packed by the runner, and told apart in everything else."""

import json
import os
import signal
from datetime import datetime

import pytest

from labtui.engine import client
from labtui.engine.jobs import Lane, QueuedTrial, can_stack
from labtui.store.lab import Lab
from tests.support.engine import (
    points,
    processes,
    run,
    submit,
    wait_for_state,
    wait_until,
)

STUDY = """
study: {name}
goal: Do stacked trials come out as alone?
workload: digits-mlp
trainer: numpy
objective: {{metric: validation/error_rate, goal: minimize}}
budget: {{trials: {trials}, max_train_steps: {steps}, eval_every: 20, stack: {stack}}}
hyperparameters:
  optimizer: {{role: scientific, values: [nesterov, adam]}}
  learning_rate: {{role: nuisance, scale: log, range: [1e-3, 30]}}
  dropout: {{role: nuisance, range: [0, 0.5]}}
  weight_decay: {{role: nuisance, scale: log, range: [1e-6, 1e3]}}
  width: {{role: fixed, value: 16}}
"""


def write(folder, stack, *, trials=8, steps=60, name="s"):
    file = folder / f"{name}-{stack}.yaml"
    file.write_text(STUDY.format(stack=stack, trials=trials, steps=steps, name=name))
    return file


def lab_in(folder):
    from labtui.store.paths import LabPaths

    folder.mkdir()
    return LabPaths(folder / "lab.db")


def ends(trials):
    return [(t.number, t.state, t.reason, t.best_value, t.best_step, t.step) for t in trials]


def test_stacked_trials_are_bit_equal_to_single_ones(tmp_path):
    found = {}
    for stack in ("off", "auto", "3"):
        paths = lab_in(tmp_path / stack)
        trials = run(paths, write(tmp_path, stack))
        found[stack] = (ends(trials), points(paths, "s"))
    assert found["auto"] == found["off"]
    assert found["3"] == found["off"]
    states = [end[1] for end in found["off"][0]]
    assert 0 < states.count("infeasible") < len(states)  # some lanes died on the way


def starts(events):
    """Give the trials that were claimed by one commit, as their lines stand together."""
    lines = [json.loads(line) for line in events.read_text().splitlines()]
    groups, last = [], None
    for line in lines:
        started = line["event"] == "trial" and line["state"] == "running"
        if started and last:
            groups[-1].append(line["trial"])
        elif started:
            groups.append([line["trial"]])
        last = started
    return groups


def test_only_trials_of_one_shape_share_a_stack(paths, tmp_path):
    events = tmp_path / "events"
    run(paths, write(tmp_path, "auto"), slots=1, events=events)
    first = [int(name.rpartition("/")[2]) for name in starts(events)[0]]
    assert first == [0, 2, 4, 6, 8, 10, 12, 14]  # nesterov; adam keeps other state


def test_stacks_leave_work_for_every_slot(paths, tmp_path):
    events = tmp_path / "events"
    run(paths, write(tmp_path, "auto", trials=4), slots=2, events=events)
    assert len(starts(events)[0]) == 8  # two stacks of four, begun together
    with Lab(paths) as lab:
        assert {trial.state for trial in lab.trials("s")} <= {"completed", "infeasible"}


def queued(**params):
    return Lane(QueuedTrial(1, 1, params, 0, 10, 0), [])


class Plan:
    def __init__(self):
        self.shape = {"width": 128}


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ({"learning_rate": 1}, {"learning_rate": 2}, True),
        ({"width": 64}, {"width": 32}, False),
        ({}, {"width": 128}, True),  # the default, said or not
        ({"width": 64}, {}, False),
    ],
)
def test_what_changes_the_shape_keeps_trials_apart(one, other, together):
    assert can_stack(Plan(), queued(**one), queued(**other)) is together


def test_trials_at_different_steps_keep_apart():
    resumed = Lane(QueuedTrial(2, 2, {}, 0, 10, 1), [{"step": 5}])
    assert not can_stack(Plan(), queued(), resumed)
    assert can_stack(Plan(), resumed, resumed)


def test_one_trial_of_a_stack_is_stopped_and_the_others_complete(paths, tmp_path):
    file = write(tmp_path, "8", trials=4, steps=20_000)
    mild = file.read_text().replace("30]", "0.1]").replace("1e3]", "1e-2]")  # no lane diverges
    file.write_text(mild)
    submit(paths, file, slots=1)
    with Lab(paths) as lab:
        wait_until(lambda: len([t for t in lab.trials("s") if t.step and t.state == "running"]) > 2)
        running = [t for t in lab.trials("s") if t.state == "running"]
        client.stop(paths, running[1].name)
        wait_until(lambda: lab.trial(running[1].name).state == "stopped")
        assert lab.trial(running[0].name).state == "running"
        client.stop(paths, running[2].name, now=True)  # kills the worker: the others go on again
        wait_until(lambda: lab.trial(running[2].name).state == "stopped")
        wait_until(lambda: lab.trial(running[0].name).state == "running")
        assert "failed" not in {t.state for t in lab.trials("s")}
        client.stop(paths, "s", now=True)
    wait_for_state(paths, "s", "stopped")
    wait_until(lambda: not processes(paths))


def test_a_killed_worker_loses_no_lane(tmp_path):
    reference, paths = lab_in(tmp_path / "reference"), lab_in(tmp_path / "killed")
    file = write(tmp_path, "auto", trials=6, steps=400)
    expected = ends(run(reference, file))
    submit(paths, file)
    with Lab(paths) as lab:
        wait_until(lambda: any(t.step >= 40 for t in lab.trials("s")))
        for pid in processes(paths, "bootstrap"):
            os.kill(pid, signal.SIGKILL)
    assert ends(wait_for_state(paths, "s", "completed")) == expected
    assert points(paths, "s") == points(reference, "s")
    wait_until(lambda: not processes(paths))


def test_an_error_in_a_stack_ends_only_the_trial_that_made_it(paths, tmp_path):
    file = tmp_path / "bad.yaml"
    text = STUDY.format(stack="auto", trials=6, steps=40, name="s")
    file.write_text(text.replace("range: [0, 0.5]", "range: [0.5, 1.6]"))
    trials = run(paths, file)
    bad = [t for t in trials if t.params["dropout"] >= 1.0]
    assert bad
    assert {t.state for t in bad} == {"failed"}
    assert all("dropout" in t.reason for t in bad)
    assert {t.state for t in trials if t not in bad} <= {"completed", "infeasible"}


def test_the_time_of_a_stack_is_shared_by_its_trials(paths, tmp_path):
    trials = run(paths, write(tmp_path, "auto", trials=8, steps=400), slots=1)
    begun = min(datetime.fromisoformat(trial.started) for trial in trials)
    ended = max(datetime.fromisoformat(trial.finished) for trial in trials)
    assert 0 < sum(trial.seconds for trial in trials) < (ended - begun).total_seconds() * 1.1


def test_a_timeout_keeps_trials_apart_unless_told(paths, tmp_path):
    file = tmp_path / "timed.yaml"
    text = STUDY.format(stack="auto", trials=2, steps=40, name="s")
    file.write_text(text.replace("stack: auto", "timeout: 60"))
    events = tmp_path / "events"
    run(paths, file, slots=1, events=events)
    assert all(len(group) == 1 for group in starts(events))


def test_a_trainer_that_cannot_stack_refuses_a_number(paths, tmp_path):
    from labtui.engine.plugins import TrainerError
    from tests.support.engine import study_text, write_study

    file = write_study(tmp_path, study_text(more=", stack: 4"))
    with pytest.raises(TrainerError, match=r"budget.stack: found 4; trainer 'python' trains its"):
        submit(paths, file)
