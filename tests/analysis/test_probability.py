"""Tail probabilities against tables, and against counting every possibility."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from labtui.analysis.probability import (
    failures_tail,
    rank_tail,
    student_quantile,
    student_tail,
)


@pytest.mark.parametrize(
    ("level", "freedom", "quantile"),
    [
        (0.05, 1, 6.313751515),
        (0.025, 10, 2.228138852),
        (0.005, 3, 5.840909310),
        (0.001, 38, 3.319030291),
        (0.05, 1e6, 1.644855),
    ],
)
def test_students_quantiles_are_those_of_the_tables(level, freedom, quantile):
    assert student_quantile(level, freedom) == pytest.approx(quantile, rel=1e-6)
    assert student_tail(quantile, freedom) == pytest.approx(level, rel=1e-5)


def test_students_tail_has_no_steps_and_no_end():
    tails = [student_tail(t, 7.3) for t in np.linspace(-30, 30, 601)]
    assert all(a > b for a, b in itertools.pairwise(tails[50:]))
    assert student_tail(1.5, 4) + student_tail(-1.5, 4) == pytest.approx(1, abs=1e-14)
    assert student_tail(0, 5) == 0.5
    assert (student_tail(math.inf, 3), student_tail(-math.inf, 3)) == (0.0, 1.0)
    assert 0 < student_tail(1e5, 9) < 1e-30


@pytest.mark.parametrize("freedom", [1, 1.3, 2, 3.7, 10, 38, 1e4])
@pytest.mark.parametrize("t", [0.0, 0.1, 1.0, 1.7, 1.8, 3.0, 10.0, 1e3])
def test_students_tail_is_that_of_another_library(t, freedom):
    assert student_tail(t, freedom) == pytest.approx(stats.t.sf(t, freedom), rel=1e-9)


def test_rank_sums_with_ties_are_counted_exactly():
    rng = np.random.default_rng(5)
    for _ in range(40):
        better = rng.integers(0, 4, rng.integers(2, 5)).astype(float)
        worse = rng.integers(0, 5, rng.integers(2, 6)).astype(float)
        better[0] = rng.choice([better[0], math.inf])
        assert rank_tail(better, worse) == pytest.approx(_by_enumeration(better, worse), abs=1e-12)


def _by_enumeration(better, worse):
    values = np.concatenate([worse, better])
    ranks = np.array([(values < v).sum() + ((values == v).sum() + 1) / 2 for v in values])
    observed = ranks[: worse.size].sum()
    chosen = itertools.combinations(range(values.size), worse.size)
    return np.mean([ranks[list(rows)].sum() >= observed - 1e-9 for rows in chosen])


def test_failures_are_compared_as_fisher_did():
    assert failures_tail(5, 5, 0, 5) == pytest.approx(1 / 252)
    assert failures_tail(4, 5, 0, 5) == pytest.approx(5 / 210)
    assert failures_tail(0, 5, 3, 5) == 1
    assert failures_tail(3, 4, 1, 4) == pytest.approx(17 / 70)  # the lady tasting tea
