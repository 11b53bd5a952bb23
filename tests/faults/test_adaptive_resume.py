"""An adaptive study that is killed again and again equals one that nobody disturbs, at one slot."""

from __future__ import annotations

import shutil
import time

import pytest

from labtui.store.lab import Lab
from labtui.store.paths import LabPaths
from tests.engine.test_bayesian import CHILD, PARENT, SCRIPT, suggestions
from tests.faults import kit
from tests.support.engine import points, run, submit, wait_for_state, wait_until, write_study

TRIALS = 8
STUDY = CHILD.replace("trials: 16", f"trials: {TRIALS}")
LATER = 3
"""Trials from which on it is killed: by then suggestions rest on trials of the study itself."""


def told(paths):
    """Give what was suggested, from what, and what came of it."""
    with Lab(paths) as lab:
        trials = [(t.number, t.params, t.unit, t.seed, t.state) for t in lab.trials("child")]
        rests = [{k: v for k, v in data.items() if k != "seconds"} for data in suggestions(lab)]
    return trials, rests, points(paths, "child")


@pytest.mark.at_length
def test_suggestions_of_a_killed_study_are_those_of_an_undisturbed_one(paths, tmp_path, rng, tally):
    run(paths, write_study(tmp_path, PARENT, SCRIPT))
    other = LabPaths(tmp_path / "undisturbed" / "lab.db")
    other.db.parent.mkdir()
    shutil.copy(paths.db, other.db)
    run(other, write_study(tmp_path / "undisturbed", STUDY, SCRIPT), slots=1)
    file, events = write_study(tmp_path, STUDY, SCRIPT), tmp_path / "events.jsonl"
    for kills in range(4):
        submit(paths, file, events=events, slots=1)
        with Lab(paths) as lab:
            known = LATER + kills
            wait_until(lambda lab=lab, known=known: len(lab.trials("child")) >= known)
        time.sleep(rng.uniform(0, 0.1))
        assert kit.send(tmp_path, ("runner", "group")[kills % 2])
        assert not kit.wait_for_none(tmp_path)
        assert not kit.lost_points(paths, events)
        tally(kills=1, kills_of_adaptive_studies=1)
    submit(paths, file, events=events, slots=1)
    wait_for_state(paths, "child", "completed")
    for found, expected in zip(told(paths), told(other), strict=True):
        assert found == expected
    assert {data["source"] for data in told(paths)[1]} == {"model"}
