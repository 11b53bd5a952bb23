"""`labtui show NAME --filter …`: the table of trials as the screen has it."""

import json

import pytest

NAME = "digits-optimizer"


def rows(outcome):
    assert outcome.code == 0, outcome.err
    return [line.split() for line in outcome.out.splitlines()[1:]]


def test_the_trials_that_satisfy_every_term_in_the_order_asked_for(labtui):
    columns = ["--columns", "number,best,lr,state"]
    outcome = labtui("show", NAME, "--filter", "lr<1e-2 state:completed", "--sort", "lr", *columns)
    found = rows(outcome)
    assert outcome.out.split()[:4] == ["number", "best", "learning_rate", "state"]
    rates = [float(row[2]) for row in found]
    assert 0 < len(found) < 40
    assert rates == sorted(rates)
    assert rates[-1] < 1e-2
    assert {row[3] for row in found} == {"completed"}
    assert outcome.err.strip() == f"{len(found)} of 40 trials"
    turned = labtui("show", NAME, "--sort", "best", "--reverse", *columns)
    by_best = rows(turned)
    worth = [float(row[1]) for row in by_best if row[3] == "completed"]
    assert worth == sorted(worth, reverse=True)
    assert {row[3] for row in by_best[-4:]} == {"infeasible"}  # last either way
    listed = rows(labtui("show", NAME, "--trials", "9,3", "--columns", "number"))
    assert listed == [["9"], ["3"]]


def test_metrics_can_be_asked_for_and_as_json(labtui):
    asked = ["--filter", "last/train/loss<1 -optimizer:adam", "--sort", "last/train/loss"]
    document = json.loads(labtui("show", NAME, *asked, "--json").out)
    shown = rows(labtui("show", NAME, *asked, "--columns", "number,last/train/loss"))
    assert [str(one["number"]) for one in document["trials"]] == [row[0] for row in shown]
    losses = [float(row[1]) for row in shown]
    assert losses == sorted(losses)
    assert len(losses) > 1
    assert document["counts"]["completed"] > len(losses)  # the study is described whole


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--filter", "lr<x"], "--filter: found 'x' in 'lr<x'; expected a number"),
        (["--filter", "rat:1"], "--filter: no field 'rat'; there are arm, number"),
        (["--sort", "bst"], "--sort: no field 'bst'; there are arm"),
        (["--columns", "best,wat"], "--columns: no field 'wat'"),
        (["--columns", ","], "--columns: found no name"),
        (["--filter", "marked:yes"], "no field 'marked'"),
        (["--trials", "99"], "no trial"),
    ],
)
def test_what_cannot_be_asked_is_said_with_what_can(labtui, arguments, said):
    outcome = labtui("show", NAME, *arguments)
    assert outcome.code == 2
    assert said in outcome.err
    assert not outcome.out


def test_a_trial_has_no_table(labtui):
    outcome = labtui("show", f"{NAME}/3", "--sort", "best")
    assert outcome.code == 2
    assert "--sort is for a study" in outcome.err


def test_marked_trials_stand_out_in_axis_plots(labtui):
    plain = labtui("plot", NAME, "axis", "--hyperparameter", "learning_rate")
    marked = labtui("plot", NAME, "axis", "--hyperparameter", "learning_rate", "--mark", "3,7")
    assert "◆" in marked.out
    assert "◆" not in plain.out
    assert labtui("plot", NAME, "axis", "--mark", "99").code == 2
