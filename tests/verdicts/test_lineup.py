"""A follow-up beside its parent: what became of each finding that it answers."""

import contextlib
import json
import sqlite3

import pytest

from labtui.store.lab import Lab
from labtui.verdicts.lineup import line_up, lineup_document, shared_text
from tests.support.labs import make_lab

ANSWERS = ["diverged", "insensitive weight_decay", "search-boundary weight_decay high"]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A made study, and a second one of the same space that says it follows the first."""
    folder = tmp_path_factory.mktemp("lineup")
    make_lab(folder)
    paths = make_lab(folder, name="child", points=4, ended=5, state="running")
    with contextlib.closing(sqlite3.connect(paths.db)) as connection, connection:
        (text,) = connection.execute("SELECT spec FROM studies WHERE name = 'child'").fetchone()
        follows = {"study": "digits-optimizer", "kind": "narrow", "answers": ANSWERS}
        spec = json.dumps({**json.loads(text), "follows": follows})
        connection.execute(
            "UPDATE studies SET spec = ?, parent = 'digits-optimizer', kind = 'narrow' "
            "WHERE name = 'child'",
            (spec,),
        )
    with Lab(paths) as opened:
        yield opened


@pytest.fixture(scope="module")
def found(lab):
    return line_up(lab, lab.study("child"))


def test_a_study_without_a_parent_has_nothing_beside_it(lab):
    assert line_up(lab, lab.study("digits-optimizer")) is None


def test_every_answered_finding_has_a_status_with_both_sides(found):
    status = {one.finding: one.status for one in found.answers}
    assert status == {
        "diverged": "still there",
        "insensitive weight_decay": "cannot judge",
        "search-boundary weight_decay high": "cannot judge",
    }
    diverged, insensitive, _ = found.answers
    assert diverged.before
    assert diverged.after
    assert insensitive.before
    assert insensitive.reason == "5 trials with it, 8 are needed"


def test_trials_that_lie_in_both_spaces_are_counted_and_the_best_is_named(lab, found):
    best = lab.study("digits-optimizer")
    assert (found.shared.trials, found.shared.of) == (40, 40)
    assert found.shared.best.name == f"digits-optimizer/{best.best_trial}"
    assert shared_text(found).startswith(
        "40 of the 40 trials of digits-optimizer lie in this space"
    )
    assert not found.complete


def test_the_document_is_strict_and_has_what_it_says(found):
    document = lineup_document(found)
    json.dumps(document, allow_nan=False)
    assert lineup_document(None) is None
    described = lineup_document.__doc__
    for key in [*document, *document["answers"][0], *document["shared"]]:
        assert f'"{key}"' in described or f"``{key}``" in described, key
