"""Arms and progress of a study."""

import dataclasses
import json
import math
from datetime import datetime, timedelta

import pytest

from labtui.store.records import STATES
from labtui.verdicts.tables import arms, best_trial, progress
from labtui.verdicts.text import moment


def changed(trial, **changes):
    return dataclasses.replace(trial, **changes)


def test_arms_of_a_finished_study(lab):
    study, trials = lab.study("digits-optimizer"), lab.trials("digits-optimizer")
    rows = arms(study, trials)
    assert [row.arm for row in rows] == ["optimizer=nesterov", "optimizer=adam"]
    for row in rows:
        done = [t for t in trials if t.arm == row.arm and t.state == "completed"]
        assert (row.trials, row.completed) == (20, len(done))
        assert row.completed + row.infeasible == 20
        best = min(done, key=lambda trial: trial.value)
        assert (row.best_value, row.best_step) == (best.best_value, best.best_step)
        assert row.best_trial == best.number
        assert min(t.value for t in done) <= row.median_value <= max(t.value for t in done)


def test_arms_count_every_state_and_only_completed_trials_compete(lab):
    study, (first, *_) = lab.study("second"), lab.trials("second")
    states = [*STATES, "interrupted", "completed"]
    trials = [
        changed(first, number=n, state=state, best_value=1.0 - n / 10, arm="a")
        for n, state in enumerate(states)
    ]
    (row,) = arms(study, trials)
    assert (row.trials, row.completed, row.infeasible, row.failed) == (8, 2, 1, 1)
    assert (row.running, row.queued) == (1, 2)
    assert (row.best_trial, row.best_value) == (7, pytest.approx(0.3))
    assert row.median_value == pytest.approx((0.8 + 0.3) / 2)


def test_arms_without_results(lab):
    study = lab.study("second")
    assert arms(study, []) == []
    (row,) = arms(study, [changed(lab.trials("second")[0], best_value=None)])
    assert (row.completed, row.best_value, row.best_trial, row.median_value) == (
        1,
        None,
        None,
        None,
    )


def test_final_selection_reads_the_last_value(lab):
    study, (first, *_) = lab.study("second"), lab.trials("second")
    trial = changed(first, selection="final", last_value=0.7, last_step=900)
    (row,) = arms(study, [trial, changed(trial, number=9, last_value=math.inf)])
    assert (row.best_value, row.best_step, row.best_trial) == (0.7, 900, trial.number)


def test_equal_values_go_to_the_earlier_trial(lab):
    study, (first, *_) = lab.study("second"), lab.trials("second")
    twins = [changed(first, number=4), changed(first, number=5)]
    assert best_trial(study, twins).number == 4


def test_progress_of_a_finished_study(lab):
    study, trials = lab.study("digits-optimizer"), lab.trials("digits-optimizer")
    far = progress(study, trials)
    assert (far.done, far.total, far.running, far.failed) == (40, 40, 0, 0)
    assert (far.best_value, far.best_trial) == (study.best_value, study.best_trial)
    assert far.infeasible == study.counts["infeasible"]
    assert far.elapsed is not None
    assert far.eta is None


def test_progress_estimates_what_is_left(lab):
    study, trials = lab.study("second"), lab.trials("second")
    study = dataclasses.replace(study, state="running")
    start = min(moment(t.started) for t in trials if t.started)
    now = start + timedelta(seconds=20)
    ended = [changed(t, seconds=10.0) for t in trials[:5]]
    running = changed(trials[5], state="running", step=500, max_steps=1000, started=iso(start))
    far = progress(study, [*ended, running, *trials[6:]], now=now)
    assert (far.done, far.total, far.running) == (5, 8, 1)
    assert far.elapsed == pytest.approx(20)
    assert far.eta == pytest.approx(5 + 2 * 10)


def test_progress_uses_the_clock_where_no_step_was_logged(lab):
    study, trials = lab.study("second"), lab.trials("second")
    start = moment(trials[0].started)
    ended = changed(trials[0], seconds=10.0)
    pair = [changed(t, state="running", step=0, started=iso(start)) for t in trials[1:3]]
    far = progress(study, [ended, *pair], now=start + timedelta(seconds=4))
    assert far.eta == pytest.approx(6)


def test_progress_counts_trials_that_are_still_to_be_suggested(lab):
    study, trials = lab.study("second"), lab.trials("second")
    spec = json.dumps({**study.spec, "sampler": "bayesian"})
    study = dataclasses.replace(study, spec_json=spec)
    running = changed(trials[1], state="running", step=500, max_steps=1000)
    far = progress(study, [changed(trials[0], seconds=10.0), running])
    assert (far.done, far.total) == (1, 8)
    assert far.eta == pytest.approx(5 + 6 * 10)


def test_progress_before_anything_started(lab):
    study, trials = lab.study("second"), lab.trials("second")
    far = progress(study, trials[6:])
    assert (far.done, far.elapsed, far.eta, far.best_trial) == (0, None, None, None)


def iso(when: datetime) -> str:
    return when.isoformat()
