import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labtui.study.halton import unit
from labtui.study.plan import arm_label, arms, assign_columns, plan, plan_trial, total_trials
from labtui.study.roles import by_role, caveats, nuisance_dimensions, varied
from labtui.study.spec import extends, parse_study
from tests.study.samples import DIGITS, study_text

STUDY = parse_study(DIGITS)
COLUMNS = assign_columns(STUDY)
TRIALS = list(plan(STUDY, COLUMNS))


def test_every_arm_has_the_budget():
    assert len(TRIALS) == total_trials(STUDY) == 40
    assert [trial.arm for trial in TRIALS[:3]] == [
        "optimizer=nesterov",
        "optimizer=adam",
        "optimizer=nesterov",
    ]
    assert [trial.number for trial in TRIALS] == list(range(40))
    assert [trial.point for trial in TRIALS] == [n // 2 for n in range(40)]


def test_arms_are_paired():
    for nesterov, adam in zip(TRIALS[::2], TRIALS[1::2], strict=True):
        assert nesterov.point == adam.point
        assert nesterov.seed == adam.seed
        shared = nesterov.unit.keys() & adam.unit.keys()
        assert shared == {"learning_rate", "weight_decay"}
        assert all(nesterov.unit[name] == adam.unit[name] for name in shared)
        assert nesterov.params["weight_decay"] == adam.params["weight_decay"]
        assert nesterov.params["learning_rate"] == pytest.approx(100 * adam.params["learning_rate"])


def test_only_what_exists_is_given():
    nesterov, adam = TRIALS[:2]
    common = {"optimizer", "learning_rate", "weight_decay", "batch_size"}
    assert nesterov.params.keys() == common | {"momentum"}
    assert adam.params.keys() == common | {"beta1"}
    assert nesterov.params["batch_size"] == 64


def test_coordinates_are_those_of_the_sequence():
    for trial in TRIALS:
        for name, u in trial.unit.items():
            assert u == unit(STUDY.seed, COLUMNS[name], trial.point)


def test_random_access_and_late_starts_equal_the_plan():
    numbers = list(range(40))
    random.Random(0).shuffle(numbers)
    assert all(plan_trial(STUDY, COLUMNS, number) == TRIALS[number] for number in numbers)
    assert list(plan(STUDY, COLUMNS, start=33)) == TRIALS[33:]


def test_a_larger_budget_begins_with_the_same_trials():
    larger = parse_study(DIGITS.replace("trials: 20", "trials: 31"))
    assert list(itertools.islice(plan(larger, COLUMNS), 40)) == TRIALS
    assert plan_trial(STUDY, COLUMNS, 45) == plan_trial(larger, COLUMNS, 45)


def test_seeds_fit_and_differ_between_points():
    seeds = [trial.seed for trial in TRIALS[::2]]
    assert len(set(seeds)) == 20
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert seeds[:4] == [626481196, 152493394, 283682563, 1609925960]


def test_negative_numbers_are_no_trials():
    with pytest.raises(IndexError):
        plan_trial(STUDY, COLUMNS, -1)


LINES = DIGITS.splitlines(keepends=True)
BLOCKS = [LINES[8:9], LINES[9:12], *([line] for line in LINES[12:16])]


@settings(max_examples=40, deadline=None)
@given(st.permutations(BLOCKS))
def test_reordering_the_file_moves_nothing(blocks):
    text = "".join([*LINES[:8], *itertools.chain(*blocks), *LINES[16:]])
    study = parse_study(text)
    columns = assign_columns(study, COLUMNS)
    assert columns == COLUMNS
    assert [plan_trial(study, columns, n) for n in range(4)] == TRIALS[:4]


def test_columns_are_appended_and_never_given_again():
    assert COLUMNS == {"learning_rate": 0, "momentum": 1, "beta1": 2, "weight_decay": 3}
    without = "".join(line for line in LINES if not line.startswith("  beta1"))
    wider = without.replace("role: fixed, value: 64", "role: nuisance, values: [32, 64]")
    assert assign_columns(parse_study(wider), COLUMNS) == {**COLUMNS, "batch_size": 4}


JOINT = parse_study(DIGITS + "design: joint\n")


def test_joint_draws_the_scientific_values_too():
    columns = assign_columns(JOINT)
    assert columns["optimizer"] == 0
    trials = list(plan(JOINT, columns))
    assert len(trials) == total_trials(JOINT) == 20
    assert arms(JOINT) == [{}]
    assert {trial.arm for trial in trials} == {""}
    counts = [sum(t.params["optimizer"] == name for t in trials) for name in ("nesterov", "adam")]
    assert counts == [10, 10]
    assert all(("beta1" in t.params) == (t.params["optimizer"] == "adam") for t in trials)


def test_joint_takes_continuous_scientific_values():
    study = parse_study(study_text("a: {role: scientific, range: [0, 1]}", extra="design: joint\n"))
    assert plan_trial(study, assign_columns(study), 0).unit.keys() == {"a"}


def test_several_scientific_hyperparameters_multiply_where_they_exist():
    study = parse_study(
        study_text(
            "{optimizer: {role: scientific, values: [sgd, adam]}, "
            "nesterov: {role: scientific, values: [true, false], when: {optimizer: sgd}}, "
            "depth: {role: scientific, range: [1, 2], integer: true}}"
        )
    )
    labels = [arm_label(arm) for arm in arms(study)]
    assert labels == [
        "depth=1, optimizer=sgd, nesterov=true",
        "depth=1, optimizer=sgd, nesterov=false",
        "depth=1, optimizer=adam",
        "depth=2, optimizer=sgd, nesterov=true",
        "depth=2, optimizer=sgd, nesterov=false",
        "depth=2, optimizer=adam",
    ]
    assert total_trials(study) == 24


def test_a_fixed_parent_carries_conditions():
    study = parse_study(
        study_text(
            "{o: {role: fixed, value: sgd}, n: {role: scientific, values: [1, 2], when: {o: sgd}}}"
        )
    )
    assert arms(study) == [{"n": 1}, {"n": 2}]


def test_labels_quote_awkward_text():
    assert (
        arm_label({"a": "x, b=y", "c": None, "d": 0.1, "e": ""})
        == 'a="x, b=y", c=null, d=0.1, e=""'
    )
    assert arm_label({}) == ""


def test_without_scientific_hyperparameters_there_is_one_arm():
    study = parse_study(study_text("lr: {role: nuisance, range: [0, 1]}"))
    assert arms(study) == [{}]
    assert plan_trial(study, assign_columns(study), 3).arm == ""


LISTED = parse_study(
    study_text(
        "batch_size: {role: fixed, value: 64}",
        trials="",
        extra="design: configurations\n"
        "configurations:\n- {optimizer: adam, lr: 1e-3}\n"
        "- {optimizer: sgd, lr: 0.1, momentum: 0.9}\n",
    )
)


def test_listed_configurations_are_the_budget():
    assert LISTED.budget.trials == total_trials(LISTED) == 2
    trials = list(plan(LISTED, assign_columns(LISTED)))
    assert [trial.params for trial in trials] == [
        {"batch_size": 64, "optimizer": "adam", "lr": 1e-3},
        {"batch_size": 64, "optimizer": "sgd", "lr": 0.1, "momentum": 0.9},
    ]
    assert [trial.arm for trial in trials] == [
        "optimizer=adam, lr=0.001",
        "optimizer=sgd, lr=0.1, momentum=0.9",
    ]
    assert trials[0].seed == trials[1].seed
    assert by_role(LISTED)["scientific"] == ["optimizer", "lr", "momentum"]


def test_repetitions_of_configurations_have_their_own_seeds_and_can_be_added():
    budget = LISTED.budget.model_copy(update={"repetitions": 3})
    thrice = LISTED.model_copy(update={"budget": budget})
    trials = list(plan(thrice, {}))
    assert total_trials(thrice) == len(trials) == 6
    assert [trial.point for trial in trials] == [0, 0, 1, 1, 2, 2]
    assert len({trial.seed for trial in trials}) == 3
    assert trials[0].seed == trials[1].seed
    assert trials[2].params == trials[0].params
    assert list(plan(LISTED, {})) == trials[:2]
    assert extends(LISTED, thrice)
    assert not extends(thrice, LISTED)


def test_a_grid_is_the_product_of_what_is_listed():
    study = parse_study(
        study_text(
            "{lr: {role: scientific, range: [0.1, 0.3], step: 0.1}, "
            "width: {role: scientific, values: [8, 16]}}",
            trials="",
            extra="design: configurations\n",
        )
    )
    assert [tuple(arm.values()) for arm in arms(study)] == [
        (0.1, 8), (0.1, 16), (0.2, 8), (0.2, 16), (0.3, 8), (0.3, 16),
    ]  # fmt: skip
    assert study.budget.trials == 6


def test_views_of_the_roles():
    assert by_role(STUDY) == {
        "scientific": ["optimizer"],
        "nuisance": ["learning_rate", "momentum", "beta1", "weight_decay"],
        "fixed": ["batch_size"],
    }
    assert varied(STUDY) == [
        "optimizer", "learning_rate", "momentum", "beta1", "weight_decay",
    ]  # fmt: skip
    assert caveats(STUDY) == [("batch_size", 64)]
    assert [nuisance_dimensions(STUDY, arm) for arm in arms(STUDY)] == [3, 3]
    assert nuisance_dimensions(JOINT, {}) == 4


def test_nuisance_dimensions_below_other_nuisances_count():
    study = parse_study(
        study_text(
            "{o: {role: scientific, values: [x, y]}, "
            "d: {role: nuisance, values: [true, false], when: {o: x}}, "
            "r: {role: nuisance, range: [0, 1], when: {d: true}}, "
            "one: {role: nuisance, values: [5]}}"
        )
    )
    assert [nuisance_dimensions(study, arm) for arm in arms(study)] == [2, 0]
    assert varied(study) == ["o", "d", "r"]
