"""Where the best checkpoints lie, and whether a baseline beats chance."""

import numpy as np
import pytest

from labtui.analysis.findings import Finding, NotJudged
from labtui.analysis.lengths import below_chance, judge_lengths
from tests.analysis.made_tables import table


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
