"""Luck of the search, of training and of the validation sample."""

import json
import math
import statistics
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from labtui.analysis.findings import Finding, NotJudged
from labtui.analysis.luck import (
    judge_luck,
    retrained,
    search_deviation,
    search_words,
    study_bests,
)
from labtui.analysis.sample import judge_sample
from tests.analysis.made_tables import table

PROTEIN = Path(__file__).parents[1] / "data" / "hpolib" / "protein_structure_60.jsonl"


def protein():
    """60 real configurations of four runs; the seed is the repetition of the study."""
    rows = [json.loads(line) for line in PROTEIN.read_text().splitlines()]
    values = [loss for row in rows for loss in row["val_loss"]]
    return rows, table(
        values,
        configurations=tuple(i for i in range(len(rows)) for _ in range(4)),
        repetitions=(0, 1, 2, 3) * len(rows),
        metric="validation/loss",
    )


def only(outcomes, code):
    (found,) = [one for one in outcomes if one.code == code]
    return found


def test_the_spreads_of_real_reruns_are_those_of_the_textbook():
    rows, made = protein()
    losses = [row["val_loss"] for row in rows]
    best = min(losses, key=statistics.mean)
    found = only(judge_luck(made), "search-luck")
    evidence = found.evidence
    assert evidence["retrain_deviation"] == pytest.approx(statistics.stdev(best), rel=1e-9)
    pooled = math.sqrt(statistics.mean(statistics.variance(four) for four in losses))
    assert evidence["retrain_deviation_pooled"] == pytest.approx(pooled, rel=1e-9)
    relative = statistics.stdev(best) / statistics.mean(best)
    assert evidence["retrain_deviation_relative"] == pytest.approx(relative, rel=1e-9)
    bests = [min(four[seed] for four in losses) for seed in range(4)]
    assert evidence["study_deviation"] == pytest.approx(statistics.stdev(bests), rel=1e-9)
    assert study_bests(made).tolist() == bests
    assert statistics.stdev(bests) == statistics.stdev(best)  # one configuration always won
    assert "ratio" not in evidence
    assert "All 4 repetitions found the same configuration best" in found.message
    assert (evidence["reruns"], evidence["study_repetitions"]) == (4, 4)
    assert evidence["rerun_configurations"] == evidence["trials"] == 60
    assert all(type(value) in (int, float) for value in evidence.values())
    assert found.severity == "info"


def test_unequal_and_infeasible_reruns():
    values = [1.0, 3.0, 2.0, np.nan, 0.5, np.nan, 10.0, 20.0, 30.0]
    found = retrained(table(values, configurations=(0, 0, 1, 1, 2, 2, 3, 3, 3)))
    assert (found.best, found.mean, found.reruns) == (math.sqrt(2), 2.0, 2)
    assert found.pooled == pytest.approx(math.sqrt((2 + 200) / 3))
    assert found.configurations == 2
    assert retrained(table([1.0, 2.0])) is None
    assert retrained(table([np.nan, np.nan], configurations=(0, 0))) is None


def test_the_search_alone_where_nothing_was_rerun():
    found = only(judge_luck(table(np.linspace(0.1, 0.9, 20))), "search-luck")
    assert found.severity == "info"
    assert "retrain_deviation" not in found.evidence
    assert "ratio" not in found.evidence
    assert "the deviation of retraining is unknown" in found.message
    assert "Rerun the best configuration" in found.advice


@pytest.mark.parametrize("values", [[3, 1, 2, 9, 4, 4], [3, 1, 2, 9, 4, 4, 7, np.inf]])
def test_the_best_of_halves_is_exact(values):
    half = (len(values) + 1) // 2
    bests = [min(subset) for subset in combinations(values, half)]
    found = search_deviation(np.array(values, dtype=np.float64))
    assert found == pytest.approx(statistics.pstdev(bests))


def test_the_best_of_halves_stands_for_searches_as_large():
    random = np.random.default_rng(0)
    searches = [((random.random((20, 4)) - 0.4) ** 2).sum(axis=1) for _ in range(400)]
    truth = statistics.stdev(search.min() for search in searches)
    guessed = [search_deviation(search) for search in searches]
    assert 0.7 < statistics.median(guessed) / truth < 1.3


def test_few_and_mostly_infeasible_trials_are_not_resampled():
    assert search_deviation(np.arange(5.0)) is None
    assert search_deviation(np.r_[np.arange(5.0), np.full(5, np.nan)]) is None
    assert search_deviation(np.ones(10)) == 0.0
    outcome = only(judge_luck(table([np.nan] * 20)), "search-luck")
    assert isinstance(outcome, NotJudged)
    assert "0 of them feasible" in outcome.reason


def test_equal_reruns_have_no_ratio():
    values = [*np.linspace(0.1, 2.0, 20), 0.1, 0.1]
    found = only(judge_luck(table(values, configurations=(*range(20), 0, 0))), "search-luck")
    assert found.evidence["retrain_deviation"] == 0.0
    assert "ratio" not in found.evidence


def test_a_search_that_varies_more_than_retraining_is_a_warning():
    values = [*np.linspace(0.1, 2.0, 20), 0.11]
    made = table(values, configurations=(*range(20), 0))
    found = only(judge_luck(made), "search-luck")
    assert found.evidence["ratio"] > 1
    assert found.severity == "warning"


# -- the validation sample -----------------------------------------------------------------------


def sample(errors, arms=(), examples=360, **more):
    values = [error / 360 for error in errors]
    fields = {"arms": arms or ("",) * len(errors), "examples": examples, **more}
    return only_or_none(judge_sample(table(values, **fields)))


def only_or_none(outcomes):
    found = [one for one in outcomes if one.code == "validation-too-small"]
    return found[0] if found else None


def test_two_images_of_360_are_not_a_gain():
    found = sample([11, 13], arms=("adam", "nesterov"))
    assert found.severity == "warning"
    assert found.evidence["binomial_error"] == pytest.approx(0.0091, abs=5e-5)
    assert found.evidence["gain"] == pytest.approx(2 / 360)
    assert found.evidence["gain_examples"] == 2
    assert "adam is 0.0056 better than nesterov: 2 of 360 validation examples" in found.message


def test_a_gain_of_many_errors_is_one_and_one_in_between_takes_predictions():
    assert sample([11, 40], arms=("adam", "nesterov")) is None
    unknown = sample([11, 18], arms=("adam", "nesterov"))
    assert isinstance(unknown, NotJudged)
    assert "predictions" in unknown.reason


def test_arms_are_compared_by_their_bests():
    found = sample([11, 12, 12, 30], arms=("a", "a", "b", "b"))
    assert found.evidence["compared_trial"] == "made/2"
    assert sample([11, 12, 40, 60], arms=("a", "a", "b", "b")) is None


def test_one_arm_is_worth_knowing_only_and_reruns_are_no_runner_up():
    found = sample([11, 12], arms=())
    assert found.severity == "info"
    found = sample([11, 12, 13], configurations=(0, 0, 1))
    assert found.evidence["compared_trial"] == "made/2"


def test_ties_are_named():
    found = sample([11, 11, 11, 20])
    assert found.evidence["gain"] == 0
    assert found.evidence["tied_trials"] == ["made/1", "made/2"]
    assert "made/0 ties with made/1" in found.message
    assert "2 more trials reach the same best" in found.message


def test_no_error_at_all_has_a_standard_error():
    found = sample([0, 1])
    assert isinstance(found, Finding)
    assert found.evidence["binomial_error"] > 0


@pytest.mark.parametrize(
    "fields",
    [
        {"examples": None},
        {"metric": "validation/loss"},
        {"metric": "validation/wer"},
        {"states": ("infeasible",) * 2},
    ],
)
def test_what_is_no_share_of_known_examples_cannot_be_judged(fields):
    assert isinstance(sample([11, 12], **fields), NotJudged)


def test_a_metric_beyond_1_is_no_share():
    assert isinstance(sample([500, 700]), NotJudged)


def test_a_diverged_run_that_is_finite_breaks_nothing():
    made = table([1e308] * 4 + [*np.linspace(0.1, 1, 8), 0.2], configurations=(0, 0, *range(10), 2))
    found = only(judge_luck(made), "search-luck")
    assert all(math.isfinite(value) for value in found.evidence.values())


def test_what_is_said_of_the_search_leaves_reruns_out():
    found = only(judge_luck(table(np.linspace(0.1, 0.9, 20))), "search-luck")
    said = search_words(found.evidence)
    assert found.message == f"{said}; nothing was rerun, so the deviation of retraining is unknown."
