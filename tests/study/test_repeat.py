import pytest

from labtui.study.errors import StudyError
from labtui.study.inheritance import inherit, inherited_values
from labtui.study.plan import assign_columns, plan, total_trials
from labtui.study.repeat import fresh_seed, repeat
from labtui.study.spec import Study, extends, parse_study
from tests.study.samples import DIGITS

PARENT = parse_study(DIGITS)
ONE, OTHER = (trial.params for trial in list(plan(PARENT, assign_columns(PARENT)))[:2])


def again(*configurations, repetitions=3, kind="launch"):
    given = {"name": "again", "kind": kind, "goal": "Is it luck?", "repetitions": repetitions}
    return repeat(PARENT, configurations, **given)


def test_configurations_are_trained_again_with_the_same_fresh_seeds():
    study, text = again(ONE, OTHER)
    trials = list(plan(study, assign_columns(study)))
    assert total_trials(study) == len(trials) == 6
    assert [trial.params for trial in trials[:2]] == [ONE, OTHER]
    assert [trial.params for trial in trials[2:4]] == [ONE, OTHER]
    seeds = {trial.seed for trial in trials}
    assert len(seeds) == 3
    assert not seeds & {trial.seed for trial in plan(PARENT, assign_columns(PARENT))}
    assert study.follows is not None
    assert (study.follows.study, study.follows.kind) == (PARENT.study, "launch")
    assert parse_study(text) == study
    assert study.budget.max_train_steps == PARENT.budget.max_train_steps


def test_more_repetitions_extend_it():
    few, _ = again(ONE, repetitions=2)
    many, _ = again(ONE, repetitions=5)
    assert few.configurations == [{}]
    assert extends(few, many)
    assert list(plan(many, {}))[:2] == list(plan(few, {}))


def test_equal_configurations_are_refused():
    with pytest.raises(StudyError, match="every configuration once"):
        again(ONE, ONE)


def test_seeds_depend_on_the_parent_and_the_name():
    assert len({fresh_seed(seed, name) for seed in (1, 2) for name in "ab"}) == 4


def test_a_baseline_gives_what_a_study_does_not_name_and_moves_no_point():
    baseline = {"learning_rate": 0.5, "label_smoothing": 0.1, "depth": 3}
    values = inherited_values(PARENT, baseline)
    assert values == {"label_smoothing": 0.1, "depth": 3}
    whole = inherit(PARENT, values)
    columns = assign_columns(PARENT)
    assert assign_columns(whole) == columns
    for before, after in zip(plan(PARENT, columns), plan(whole, columns), strict=True):
        assert after.unit == before.unit
        assert after.params == {**before.params, **values}
    repeated, _ = again(ONE)
    assert inherited_values(repeated, baseline) == {}
    assert Study.from_json(whole.to_json()) == whole
