"""The trial under the cursor, told below the table of trials where there are rows to spare."""

from dataclasses import replace

import pytest

from labtui.store.lab import Lab
from labtui.tui.app import LabApp
from labtui.tui.feeds import StudyFeed
from labtui.tui.panes import trials
from labtui.tui.reader import Pulse
from labtui.tui.trial_words import best_of, trial_words
from labtui.tui.widgets.table import Table
from tests.support.labs import make_lab
from tests.tui.driving import open_study, screen_text, until

NAME = "digits-optimizer"


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return make_lab(tmp_path_factory.mktemp("lab"), points=10, ended=19)


@pytest.fixture(scope="module")
def view(paths):
    with Lab(paths) as lab:
        return StudyFeed(NAME).read(lab, Pulse(1, 1, None))


def told(view, trial, width=200):
    return trial_words(trial, view, width).plain.split("\n")


def test_it_says_state_reason_arm_values_and_what_differs_from_the_best(view):
    best = next(one for one in view.trials if one.number == view.study.best_trial)
    infeasible = next(one for one in view.trials if one.state == "infeasible")
    first, second = told(view, infeasible)
    for part in ("✗ infeasible: diverged at step", infeasible.arm, "last 0.9 at"):
        assert part in first
    left, right = infeasible.params["learning_rate"], best.params["learning_rate"]
    assert f"learning_rate {left:.4g} ≠ {right:.4g}" in second
    assert second.startswith(f"best is {best.number}: ")
    assert "batch_size" not in second  # it is the same
    assert told(view, best)[1] == "the best of 19 that ended"
    assert told(view, replace(best, number=99))[1].endswith("only the seed differs")


def test_what_is_not_there_yet_is_not_made_up(view):
    queued = next(one for one in view.trials if one.state == "queued")
    without = replace(view, study=replace(view.study, best_trial=None))
    first, second = told(without, queued)
    assert (first, second) == (f"19 ◌ queued  {queued.arm}", "no trial has completed")


def test_it_fits_and_says_nothing_to_the_terminal(view):
    hostile = replace(view.trials[0], reason="\x1b[2J[red]" * 30, state="failed")
    for row in told(view, hostile, 40):
        assert len(row) == 40
        assert row.endswith("…")
        assert row.isprintable()


def test_the_best_is_found_among_some_of_the_trials_too(view):
    number = view.study.best_trial
    assert best_of(view).number == number
    assert best_of(replace(view, trials=view.trials[::-1])).number == number
    assert best_of(replace(view, trials=())) is None


async def test_it_follows_the_cursor_only_and_only_where_there_is_room(paths, monkeypatch):
    written = []

    def write(trial, view, width):
        written.append(trial.number)
        return trial_words(trial, view, width)

    monkeypatch.setattr(trials, "trial_words", write)
    app = LabApp(paths, study=NAME)
    async with app.run_test(size=(120, 35)) as pilot:
        await open_study(pilot, app)
        table = app.screen.trials.table
        await until(pilot, lambda: written and "best is" not in screen_text(app))
        await pilot.press("j")
        await until(pilot, lambda: "best is" in screen_text(app))
        assert written == [app.screen.view.study.best_trial, table.current.number]
        table.post_message(Table.Arranged(table))  # as after every commit of a study that runs
        await pilot.pause()
        assert len(written) == 2
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: "best is" not in screen_text(app))
        await pilot.press("j")
        await pilot.pause()
        assert len(written) == 2
