"""Follow-ups as pure functions: study and numbers in, study and commented text out."""

from itertools import pairwise

import pytest

from labtui.study.followup import Change, Draft, Impossible, child_name, question
from labtui.study.followup_length import Schedule, full_length, relength
from labtui.study.followup_space import extend, fits, fix, redraw, regularize, split
from labtui.study.followup_stability import (
    Knob,
    Start,
    clip,
    rate_grid,
    warmup,
    warmup_lengths,
    warmup_schedule,
)
from labtui.study.followup_text import commented_study
from labtui.study.plan import assign_columns, plan
from labtui.study.spec import extends, load_study, parse_study
from tests.docs.pages import ROOT

SAMPLES = sorted((ROOT / "sample_studies").glob("*.yaml"))
OPTIMIZERS = load_study(ROOT / "sample_studies" / "digits_optimizers.yaml")
PARAMS = {"optimizer": "adam", "learning_rate": 0.01, "width": 64, "schedule": "linear"}


def one(**more):
    """A study of one rate, at 10,000 steps."""
    lines = [
        "study: s",
        "goal: Which rate?",
        "workload: w",
        "trainer: {python: train.py:train}",
        "objective: {metric: validation/error_rate, goal: minimize}",
        "budget: {trials: 12, max_train_steps: 10000, eval_every: 100}",
        "hyperparameters:",
        "  learning_rate: {role: nuisance, scale: log, range: [1e-4, 1e-1]}",
        *(f"  {name}: {text}" for name, text in more.items()),
    ]
    return parse_study("\n".join(lines))


def draft(study, kind):
    return Draft(study, kind, f"{study.study}-{kind}")


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: file.stem)
def test_what_is_written_is_read_again_whatever_is_said_about_it(file):
    study = load_study(file)
    text = commented_study(study, {("budget",): "why: # [not] {yaml}\n  x: 1"}, ["a\u2028head"])
    assert parse_study(text) == study
    assert text.startswith("# a")
    assert len(text.splitlines()) < 60


def test_names_count_on_and_do_not_pile_up():
    assert child_name("s", "widen", set()) == "s-widen"
    assert child_name("s-widen", "widen", {"s-widen"}) == "s-widen-2"
    assert child_name("s-widen-2", "widen", {"s-widen", "s-widen-2"}) == "s-widen-3"
    assert child_name("s-widen", "narrow", {"s-widen"}) == "s-widen-narrow"


def test_a_question_names_its_last_change_of_a_sort():
    once = question("Which?", "wider a")
    assert question(once, "wider b") == "Which? (wider b)"
    assert question(once, "a fixed") == "Which? (wider a) (a fixed)"


def test_a_follow_up_names_its_parent_and_draws_other_points():
    changes = [Change("learning_rate", 0, "it ended at 0.1", (1e-4, 1.0))]
    found = redraw(draft(one(), "widen"), changes, "Which?", ["search-boundary learning_rate high"])
    follows = found.study.follows
    assert (follows.study, follows.kind) == ("s", "widen")
    assert follows.answers == ["search-boundary learning_rate high"]
    assert found.study.hyperparameters["learning_rate"][0].range == (1e-4, 1.0)
    assert "# it ended at 0.1" in found.text
    rates = [
        {trial.params["learning_rate"] for trial in plan(study, assign_columns(study))}
        for study in (one(), found.study)
    ]
    assert not rates[0] & rates[1]


def test_an_extended_study_is_the_same_with_more_points():
    found = extend(OPTIMIZERS, None, "")
    assert found.extends
    assert found.study.budget.trials == 40
    assert extends(OPTIMIZERS, found.study)
    assert found.study.follows is None
    with pytest.raises(Impossible, match="20 trials already"):
        extend(OPTIMIZERS, 20, "")


def test_fixing_a_parent_drops_what_hangs_on_its_other_values():
    best = {"optimizer": "adam"}
    found = split(draft(OPTIMIZERS, "split"), "weight_decay", best, "digits/3", [])
    (rate,) = found.study.hyperparameters["learning_rate"]
    assert rate.range == (1e-5, 0.1)
    assert "momentum" not in found.study.hyperparameters
    assert "beta1" in found.study.hyperparameters


def test_only_the_definition_that_makes_no_difference_is_fixed():
    found = fix(draft(OPTIMIZERS, "fix"), {("learning_rate", 1): 0.003}, "digits/3", [])
    first, second = found.study.hyperparameters["learning_rate"]
    assert (first.role, second.role, second.value) == ("nuisance", "fixed", 0.003)
    assert second.when == {"optimizer": ["adam"]}


def test_a_regularizer_brings_the_trials_that_its_dimension_needs():
    study = one(a="{role: nuisance, range: [0, 1]}", b="{role: nuisance, range: [0, 1]}")
    study = study.model_copy(update={"budget": study.budget.model_copy(update={"trials": 9})})
    added = {"dropout": {"role": "nuisance", "range": [0.0, 0.5]}}
    found = regularize(draft(study, "regularize"), added, "", ["overfitting validation/loss"])
    assert found.study.hyperparameters["dropout"][0].range == (0.0, 0.5)
    assert found.study.budget.trials == 12
    with pytest.raises(Impossible):
        regularize(draft(study, "regularize"), {}, "", [])


# -- which trials count again -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "counts"),
    [
        ({"learning_rate": 0.01}, True),
        ({"learning_rate": 1.0}, False),
        ({"learning_rate": 0.01, "dropout": 0.0}, True),
        ({"learning_rate": 0.01, "dropout": 0.5}, False),
        ({"learning_rate": 0.01, "width": 64}, False),
        ({}, False),
    ],
)
def test_a_trial_counts_where_all_its_values_lie_in_the_space(params, counts):
    """What the study does not name is at the trainer's default; what nobody knows does not fit."""
    assert fits(one(), params, {"dropout": 0.0}) is counts


def test_a_default_of_the_parent_counts_where_the_follow_up_names_it():
    study = one(dropout="{role: nuisance, range: [0, 0.5]}")
    assert fits(study, {"learning_rate": 0.01}, {"dropout": 0.0})
    assert not fits(study, {"learning_rate": 0.01}, {})


# -- length -------------------------------------------------------------------------------------


def test_a_longer_study_tunes_the_decay_again_and_holds_its_length():
    study = one(
        schedule="{role: fixed, value: linear}",
        decay_fraction="{role: fixed, value: 0.4}",
        decay_steps="{role: fixed, value: 500}",
    )
    tuned = {"final_factor": {"role": "nuisance", "range": [0, 1]}}
    found = relength(
        draft(study, "longer"), 20000, Schedule("schedule", "linear", tuned), "P33", []
    )
    held = found.study.hyperparameters
    assert found.study.budget.max_train_steps == 20000
    assert found.study.budget.eval_every == 200
    assert held["final_factor"][0].role == "nuisance"
    assert held["decay_fraction"][0].value == 0.2
    assert held["decay_steps"][0].value == 500
    assert "keeps its length in steps" in found.text


def test_a_constant_rate_has_no_decay_to_tune():
    tuned = {"final_factor": {"role": "nuisance", "range": [0, 1]}}
    schedule = Schedule("schedule", "constant", tuned)
    found = relength(draft(one(), "longer"), 20000, schedule, "P33", [])
    assert "final_factor" not in found.study.hyperparameters
    with pytest.raises(Impossible, match="what it has"):
        relength(draft(one(), "longer"), 10000, schedule, "P33", [])


def test_the_second_round_trains_the_best_few_and_says_what_transfers():
    rows = [
        {**PARAMS, "warmup_steps": 100, "decay_fraction": 0.5},
        {**PARAMS, "warmup_steps": 100, "decay_fraction": 0.5, "learning_rate": 0.03},
        {**PARAMS, "warmup_steps": 100, "decay_fraction": 0.5},
    ]
    kinds = {"warmup_steps": "warmup", "width": "architecture", "schedule": "schedule"}
    sources = ["s/1, 0.1", "s/2, 0.2", "s/3, 0.3"]
    found = full_length(draft(one(), "full-length"), rows, sources, 100_000, kinds, "linear")
    assert found.study.configurations == [{"learning_rate": 0.01}, {"learning_rate": 0.03}]
    assert found.study.hyperparameters["decay_fraction"][0].value == 0.05
    assert found.study.budget.max_train_steps == 100_000
    assert "# very likely to transfer\n  warmup_steps" in found.text
    assert "# unlikely to transfer: compare another one at this length\n  schedule" in found.text
    cosine = full_length(draft(one(), "full-length"), rows, sources, 100_000, kinds, "cosine")
    assert cosine.study.hyperparameters["decay_fraction"][0].value == 0.5


# -- stability ----------------------------------------------------------------------------------


def test_warmups_are_orders_of_magnitude_up_to_a_tenth_of_training():
    assert warmup_lengths(10_000) == [0, 10, 100, 1000]
    assert warmup_lengths(5_000) == [0, 10, 100, 500]
    assert warmup_lengths(1_500) == [0, 10, 100]
    assert warmup_lengths(2_000_000) == [0, 10, 1000, 10_000, 100_000, 200_000]
    assert warmup_lengths(50) == [0, 5]
    with pytest.raises(Impossible):
        warmup_lengths(9)


def test_a_warmup_sweep_is_at_ten_times_the_rate_and_three_times_the_longest():
    start = Start(PARAMS, "s/4", "learning_rate", {"schedule": "constant"})
    found = warmup(
        draft(one(), "warmup"), start, Knob("warmup_steps"), unstable=0.02, found_by="s/7"
    )
    study = found.study
    assert study.hyperparameters["learning_rate"][0].value == 0.2
    assert study.hyperparameters["schedule"][0].value == "constant"
    assert study.configurations == [{"warmup_steps": n} for n in (0, 10, 100, 1000)]
    assert study.budget.max_train_steps == 3000
    assert found.trials == 4 * study.budget.repetitions
    assert "10 times 0.02" in found.text


def test_a_warmup_that_is_a_share_of_the_run_is_written_as_one():
    start = Start(PARAMS, "s/4", "learning_rate")
    knob = Knob("warmup_factor", 'the script must read trial.params["warmup_factor"]')
    found = warmup(draft(one(), "warmup"), start, knob, unstable=0.02, found_by="s/7")
    shares = [row["warmup_factor"] for row in found.study.configurations]
    assert shares == pytest.approx([0, 10 / 3000, 100 / 3000, 1000 / 3000], rel=1e-4)
    assert "must read" in found.text


def test_a_warmup_is_prepended_to_the_schedule():
    """The playbook's example: 10,000 steps and 1,000 of warmup are 11,000."""
    rate = [Change("learning_rate", 0, "higher", (1e-3, 0.2))]
    found = warmup_schedule(
        draft(one(), "warmup-schedule"), Knob("warmup_steps"), 1000, rate=rate, base=0.2
    )
    assert found.study.budget.max_train_steps == 11_000
    assert found.study.hyperparameters["warmup_steps"][0].value == 1000
    assert found.study.hyperparameters["learning_rate"][0].range == (1e-3, 0.2)
    assert "over 5%" in found.text
    short = warmup_schedule(
        draft(one(), "warmup-schedule"), Knob("warmup_steps"), 100, rate=rate, base=0.2
    )
    assert "over 5%" not in short.text


def test_clipping_is_fixed_at_the_percentile_and_says_what_a_script_must_read():
    knob = Knob("clip_norm", "the script must clip")
    found = clip(draft(one(), "clip"), knob, 1.23456, source="s/3")
    assert found.study.hyperparameters["clip_norm"][0].value == 1.23
    assert "the script must clip" in found.text


def test_rates_are_even_on_a_log_scale_with_both_ends():
    grid = rate_grid(1e-4, 1e-1)
    assert (grid[0], grid[-1], len(grid)) == (1e-4, 0.1, 12)
    assert all(1.8 < b / a < 1.95 for a, b in pairwise(grid))
