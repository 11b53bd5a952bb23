"""Studies that labtui writes itself: which interpreter trains them, and where their text is."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from labtui.engine.client import RequestRefused
from labtui.engine.derived import submit_derived
from labtui.store.lab import Lab
from labtui.study.repeat import repeat
from labtui.study.spec import Study
from tests.support.engine import run, study_text, wait_for_state, write_study


def again(parent, trial, repetitions, u=None):
    params = {**trial.params, **({} if u is None else {"u": u})}
    return repeat(
        Study.from_json(parent.spec),
        [params],
        name="again",
        kind="launch",
        goal="Again?",
        repetitions=repetitions,
    )


def test_further_reruns_are_trained_by_the_interpreter_of_the_parent(paths, tmp_path):
    trial = run(paths, write_study(tmp_path, study_text(trials=1, steps=2, every=1)))[0]
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    with Lab(paths) as lab:
        parent = replace(lab.study("s"), interpreter=str(python))
    for repetitions in (1, 2):
        submit_derived(paths, parent, *again(parent, trial, repetitions), command=[], mode="extend")
        trials = wait_for_state(paths, "again", "completed")
        assert [one.state for one in trials] == ["completed"] * repetitions
    with Lab(paths) as lab:
        assert lab.study("again").interpreter == str(python)


def test_a_refused_study_leaves_the_text_of_the_one_that_has_its_name(paths, tmp_path):
    trial = run(paths, write_study(tmp_path, study_text(trials=1, steps=2, every=1)))[0]
    with Lab(paths) as lab:
        parent = lab.study("s")
    study, text = again(parent, trial, 1)
    submit_derived(paths, parent, study, text, command=[])
    wait_for_state(paths, "again", "completed")
    with pytest.raises(RequestRefused, match="asked for differently"):
        submit_derived(paths, parent, *again(parent, trial, 1, u=0.5), command=[])
    assert (paths.files / "studies" / "again.yaml").read_text() == text
