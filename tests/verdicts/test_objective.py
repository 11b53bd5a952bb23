"""Another objective afterwards (P27), on a lab written by the real writer."""

import pytest

from labtui.store.errors import UnknownName
from labtui.store.lab import Lab
from labtui.verdicts.objective import Asked, GoalUnknown, compare, ranking_text, reselect
from tests.support.labs import make_lab

NAME = "digits-optimizer"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with Lab(make_lab(tmp_path_factory.mktemp("objective"), points=10)) as opened:
        yield opened


def by_hand(lab, metric, choose):
    """Give the value of every completed trial, from its points."""
    found = {}
    for trial in lab.trials(NAME):
        if trial.state == "completed":
            (curve,) = lab.curves([trial.id], metric)
            found[trial.name] = choose(curve.values)
    return found


def test_nothing_asked_changes_nothing(lab):
    study = lab.study(NAME)
    assert reselect(lab, study, Asked()) == (study, lab.trials(NAME))


@pytest.mark.parametrize(
    ("asked", "metric", "choose"),
    [
        (Asked(metric="validation/loss"), "validation/loss", min),
        (Asked(select="final"), "validation/error_rate", lambda values: values[-1]),
        (Asked(goal="maximize"), "validation/error_rate", max),
        (Asked("train/loss", "final", "maximize"), "train/loss", lambda values: values[-1]),
    ],
)
def test_trials_are_valued_as_if_the_study_had_asked_for_it(lab, asked, metric, choose):
    study, trials = reselect(lab, lab.study(NAME), asked)
    expected = by_hand(lab, metric, choose)
    assert {t.name: t.value for t in trials if t.state == "completed"} == expected
    best = (min if study.minimize else max)(expected, key=lambda name: expected[name])
    assert f"{NAME}/{study.best_trial}" == best
    assert study.best_value == expected[best]


def test_the_direction_follows_from_the_name_of_the_metric(lab):
    study, _ = reselect(lab, lab.study(NAME), Asked(metric="train/loss"))
    assert study.direction == "minimize"


def test_a_metric_of_unknown_direction_asks_for_the_goal(lab):
    with pytest.raises(GoalUnknown, match="grad_norm: nobody said"):
        reselect(lab, lab.study(NAME), Asked(metric="grad_norm"))


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (Asked(metric="validation/eror_rate"), "validation/error_rate"),
        (Asked(select="last"), "best or final"),
        (Asked(goal="minimise"), "minimize"),
    ],
)
def test_what_is_not_known_is_refused_with_what_is(lab, asked, found):
    with pytest.raises(UnknownName) as error:
        reselect(lab, lab.study(NAME), asked)
    assert found in str(error.value)


def test_the_change_of_the_ranking_is_told(lab):
    study = lab.study(NAME)
    turned, trials = reselect(lab, study, Asked(goal="maximize"))
    change = compare(study, lab.trials(NAME), turned, trials)
    values = by_hand(lab, "validation/error_rate", min)
    assert change.before == tuple(sorted(values, key=lambda name: values[name])[:5])
    assert change.after[0] == f"{NAME}/{turned.best_trial}"
    assert change.trials == len(values)
    assert f"{change.after[0]} comes first instead of {change.before[0]}" in ranking_text(change)


def test_the_same_objective_ranks_the_same(lab):
    study = lab.study(NAME)
    same, trials = reselect(lab, study, Asked(metric="validation/error_rate"))
    change = compare(study, lab.trials(NAME), same, trials)
    assert change.before == change.after
    assert change.agreement == 1
