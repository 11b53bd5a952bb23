"""Where the best checkpoints lie, and whether a baseline beats chance."""

import numpy as np
import pytest

from labtui.analysis.findings import Finding, NotJudged, finding
from labtui.analysis.lengths import agreeing, below_chance, judge_lengths
from tests.analysis.made_tables import LOG, scientific, table, under


def lengths(best, last=100.0, planned=100.0, **more):
    best = np.asarray(best, dtype=np.float64)
    full = np.ones(best.size)
    return judge_lengths(
        table(full, best_steps=best, last_steps=last * full, planned=planned * full, **more)
    )


def test_best_checkpoints_that_come_last():
    (found,) = lengths([76, 80, 90, 95, 100])
    assert (found.code, found.severity) == ("steps-too-few", "info")
    assert found.evidence["best_step_share_quartiles"] == pytest.approx([0.8, 0.9, 0.95])
    assert found.evidence["runs_in_part"] == found.evidence["runs"] == 5
    assert found.message.startswith("5 of 5 runs reach their best in the last 25 %")


@pytest.mark.parametrize(("flat", "left"), [(2, ["steps-too-few"]), (3, [])])
def test_more_steps_are_not_advised_where_most_runs_are_flat(flat, left):
    found = lengths([76, 80, 90, 95, 100])
    for number in range(flat):
        subject = {"trial": f"s/{number}"}
        found.append(finding("saturated-early", "info", "flat.", "Fewer.", subject=subject))
    assert [one.code for one in agreeing(found) if one.code != "saturated-early"] == left


def test_best_checkpoints_that_come_first():
    (found,) = lengths([1, 2, 5, 9, 40])
    assert (found.code, found.severity) == ("steps-too-many", "warning")
    assert found.evidence["runs_in_part"] == 4


def test_a_best_of_one_evaluation_says_nothing_about_the_length():
    outcomes = lengths([100, 100, 100, 100, 100], evaluations=(1, 1, 1, 2, 2))
    assert [type(one) for one in outcomes] == [NotJudged, NotJudged]
    assert outcomes[0].reason == "at most 2 evaluations a trial, 8 are needed"
    assert lengths([100, 100, 100, 100, 100], evaluations=(20,) * 5)[0].code == "steps-too-few"


def test_best_checkpoints_in_between_say_nothing():
    assert lengths([5, 30, 50, 70, 100]) == []
    assert lengths([5, 8, 10, 11, 11]) == []
    assert lengths([74, 74, 74, 99, 99]) == []


def test_runs_that_stopped_early_are_left_out_and_named():
    best = np.r_[np.full(5, 10.0), np.full(5, 50.0)]
    last = np.r_[np.full(5, 10.0), np.full(5, 100.0)]
    made = table(np.ones(10), best_steps=best, last_steps=last, planned=np.full(10, 100.0))
    assert judge_lengths(made) == []  # with them half the runs would be at their very end
    best[5:] = 99
    made = table(np.ones(10), best_steps=best, last_steps=last, planned=np.full(10, 100.0))
    (found,) = judge_lengths(made)
    assert (found.evidence["runs"], found.evidence["stopped_early"]) == (5, 5)
    assert "5 runs that stopped early are left out" in found.message


def test_unknown_plans_are_taken_as_done():
    (found,) = lengths([99] * 5, planned=np.nan)
    assert found.evidence["stopped_early"] == 0


def test_too_few_runs_cannot_be_judged():
    outcomes = lengths([99] * 4)
    assert [type(one) for one in outcomes] == [NotJudged, NotJudged]
    assert {one.code for one in outcomes} == {"steps-too-few", "steps-too-many"}
    outcomes = lengths([50] * 9, last=50.0)
    assert "9 stopped before it" in outcomes[0].reason
    infeasible = judge_lengths(table([np.nan] * 9))
    assert all(isinstance(one, NotJudged) for one in infeasible)


def test_a_baseline_at_chance():
    # 360 examples of ten classes: chance is an error of 0.9 with a standard error of 0.0158
    def judged(best, **more):
        return below_chance(table([best, 0.99], chance=0.9, **{"examples": 360, **more}))

    (found,) = judged(0.86)  # 2.5 standard errors
    assert (found.code, found.severity, found.procedure) == ("below-chance", "alert", "P01")
    assert found.evidence["chance_error"] == pytest.approx((0.9 * 0.1 / 360) ** 0.5)
    assert "only 2.5 standard errors better than chance" in found.message
    assert judged(0.85) == []  # 3.2
    (found,) = judged(0.9)
    assert "no better than chance" in found.message


def test_chance_of_a_metric_to_maximize():
    made = table([-0.12], chance=-0.1, examples=360, metric="validation/accuracy", minimize=False)
    (found,) = below_chance(made)
    assert (found.evidence["best"], found.evidence["chance"]) == (0.12, 0.1)


@pytest.mark.parametrize(
    "made",
    [
        table([0.5]),
        table([np.nan], chance=0.9, examples=10),
        table([0.5], chance=0.9),
        table([1.0], chance=2.3, examples=100, metric="validation/loss"),
    ],
)
def test_chance_that_cannot_be_judged(made):
    (unknown,) = below_chance(made)
    assert isinstance(unknown, NotJudged)


def test_a_loss_above_chance_needs_no_error():
    (found,) = below_chance(table([2.4], chance=2.3026, metric="validation/loss"))
    assert isinstance(found, Finding)
    assert "chance_error" not in found.evidence


OPTIMIZERS = ("optimizer", scientific("sgd", "adam"))
AT_CHANCE = [0.87, 0.88, 0.89, 0.9, 0.9, 0.91, 0.92, 0.93, 0.94]


def two_arms(adam, rates, chance=0.9, **more):
    """SGD learns; of Adam these values at these rates, in a range from 1e-5 to 1e-1."""
    params = [{"optimizer": "sgd"} for _ in range(9)]
    params += [{"optimizer": "adam", "learning_rate": rate} for rate in rates]
    return table(
        [*np.linspace(0.1, 0.5, 9), *adam],
        params,
        [OPTIMIZERS, ("learning_rate", under(LOG, optimizer="adam"))],
        arms=tuple(f"optimizer={one['optimizer']}" for one in params),
        chance=chance,
        **{"examples": 360, **more},
    )


def test_an_arm_that_learned_nothing_while_another_did_has_a_range_that_is_off():
    rates = np.logspace(-5, -1, 10)
    (found,) = below_chance(two_arms([*AT_CHANCE, 0.7], rates))
    assert (found.code, found.severity) == ("below-chance", "alert")
    assert found.message.startswith("9 of 10 trials of optimizer=adam are no better than chance")
    assert (found.subject["arm"], found.subject["side"]) == ("optimizer=adam", "high")
    assert "widen the range. learning_rate: {" in found.advice
    assert found.evidence["proposed_range"] == [1e-5, 1.0]
    (low,) = below_chance(two_arms([0.7, *AT_CHANCE], rates))
    assert low.subject["side"] == "low"
    (middle,) = below_chance(two_arms([*AT_CHANCE[:5], 0.7, *AT_CHANCE[5:]], rates))
    assert (middle.subject, middle.evidence["definition"]) == ({"arm": "optimizer=adam"}, "")
    assert "move it by decades, either way" in middle.advice


def test_an_arm_is_judged_by_what_beats_chance_clearly_and_only_with_trials_enough():
    rates = np.logspace(-5, -1, 10)
    assert below_chance(two_arms([*AT_CHANCE[:7], 0.7, 0.7, 0.7], rates)) == []
    assert below_chance(two_arms([*AT_CHANCE[:6], 0.7], rates[:7])) == []
    # a loss has no known error there: 2 % of the way from chance, 2.3, to the best of SGD, 0.1
    loss = {"chance": 2.3, "examples": None, "metric": "validation/loss"}
    made = two_arms([2.28, 2.29, 2.29, 2.3, 2.3, 2.31, 2.32, 2.33, 2.33, 1.0], rates, **loss)
    unknown, found = below_chance(made)
    assert isinstance(unknown, NotJudged)
    assert found.evidence["trials_at_chance"] == 9
