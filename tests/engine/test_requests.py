"""What people ask of a lab: take up, extend, rename, stop, note, with a runner and without."""

from __future__ import annotations

import pytest

from labtui.engine import client
from labtui.engine.client import RequestRefused
from labtui.store.errors import UnknownName
from labtui.store.lab import Lab
from tests.support.engine import (
    arms,
    fixed,
    points,
    run,
    study_text,
    submit,
    wait_for_state,
    wait_until,
    write_study,
)


def test_running_a_completed_study_again_trains_nothing(paths, tmp_path):
    file = write_study(tmp_path, study_text(trials=2))
    first = run(paths, file)
    again = run(paths, file)
    assert [t.attempt for t in again] == [1, 1]
    assert [t.finished for t in again] == [t.finished for t in first]


def test_an_edited_study_is_refused_with_the_difference(paths, tmp_path):
    file = write_study(tmp_path, study_text(trials=2))
    run(paths, file)
    file.write_text(file.read_text().replace("range: [0, 1]", "range: [0, 2]"))
    with pytest.raises(RequestRefused, match="asked for differently") as refused:
        submit(paths, file)
    assert "--new" in str(refused.value)
    assert refused.value.exit_code == 2
    assert submit(paths, file, mode="new") == "s-2"
    assert len(wait_for_state(paths, "s-2", "completed")) == 2


def test_n_then_m_more_are_the_same_as_n_plus_m(paths, tmp_path):
    hyperparameters = {"mode": arms("fine", "stray")}
    file = write_study(tmp_path, study_text(trials=2, **hyperparameters))
    run(paths, file)
    file.write_text(study_text(trials=5, **hyperparameters))
    with pytest.raises(RequestRefused, match="--extend"):
        submit(paths, file)
    extended = run(paths, file, mode="extend")
    file.write_text(study_text("whole", trials=5, **hyperparameters))
    whole = run(paths, file)
    assert [(t.number, t.params, t.seed, t.value) for t in extended] == [
        (t.number, t.params, t.seed, t.value) for t in whole
    ]
    assert points(paths, "s") == points(paths, "whole")


def test_one_trial_is_stopped_and_the_study_goes_on(paths, tmp_path):
    file = write_study(tmp_path, study_text(trials=3, steps=100, pause=fixed(0.02)))
    submit(paths, file, slots=1)
    with Lab(paths) as lab:
        wait_until(lambda: lab.trial("s/0").step > 5)
        client.stop(paths, "s/0")
        client.stop(paths, "s/2")
        trials = wait_for_state(paths, "s", "completed")
    assert [t.state for t in trials] == ["stopped", "completed", "stopped"]
    assert trials[0].reason.startswith("stopped at step")
    assert trials[0].step < 100
    assert [t.attempt for t in trials] == [1, 1, 0]


def test_stopping_now_does_not_wait_for_an_evaluation(paths, tmp_path):
    file = write_study(tmp_path, study_text(trials=1, mode=fixed("hang")))
    submit(paths, file)
    with Lab(paths) as lab:
        wait_until(lambda: lab.trial("s/0").state == "running")
        client.stop(paths, "s", now=True)
        (trial,) = wait_for_state(paths, "s", "stopped")
    assert (trial.state, trial.reason) == ("queued", "stopped by a person")


def test_without_a_runner_a_command_writes_itself(paths, tmp_path):
    file = write_study(tmp_path, study_text(trials=1))
    run(paths, file)
    client.add_note(paths, "s", "looks *good*")
    client.add_note(paths, "s/0", "this one")
    assert client.stop(paths, "s") == {"subject": "s", "was": "completed"}
    with Lab(paths) as lab:
        assert [text for _, text in lab.notes("s")] == ["looks *good*", "this one"]


def test_with_a_runner_a_note_goes_through_the_inbox(paths, tmp_path):
    file = write_study(tmp_path, study_text(trials=2, steps=100, pause=fixed(0.04)))
    submit(paths, file)
    client.add_note(paths, "s", "while it runs")
    with Lab(paths) as lab:
        assert lab.runner() is not None
        assert [text for _, text in lab.notes("s")] == ["while it runs"]
        assert not list(paths.inbox.glob("*"))
    wait_for_state(paths, "s", "completed")


def test_unknown_names_are_refused_with_the_nearest(paths, tmp_path):
    run(paths, write_study(tmp_path, study_text("digits", trials=1)))
    for ask in (
        lambda: client.stop(paths, "digit"),
        lambda: client.add_note(paths, "digit", "x"),
        lambda: client.resume(paths, "digit"),
    ):
        with pytest.raises(UnknownName, match="did you mean 'digits'"):
            ask()


def test_a_budget_of_time_stops_the_study(paths, tmp_path):
    text = study_text(trials=50, steps=50, more=", hours: 0.0003", pause=fixed(0.01))
    submit(paths, write_study(tmp_path, text))
    wait_for_state(paths, "s", "stopped")
    with Lab(paths) as lab:
        assert lab.study("s").reason == "its budget of 0.0003 h is used up"
        assert lab.study("s").counts["queued"] > 0
