import json

import numpy as np
import pytest

from labtui.analysis.luck import retrained
from labtui.analysis.sampling import judge_sampling
from tests.analysis.tables import RATE, halton, made, nuisance, reasons

AXES = {f"h{i}": nuisance(**RATE) for i in range(3)}


def sampled(values, d=3, **changes):
    axes = {f"h{i}": nuisance(**RATE) for i in range(d)}
    return made(axes, halton(1, len(values), d), values, **changes)


def with_reruns(values, spread):
    """The best configuration is trained four times more, `spread` apart."""
    best = int(np.argmin(values))
    again = values[best] + spread * np.array([-1.0, 1.0, -1.0, 1.0])
    units = np.concatenate(
        [halton(1, len(values), 3), np.tile(halton(1, len(values), 3)[best], (4, 1))]
    )
    numbers = (*range(len(values)), *[best] * 4)
    return made(AXES, units, np.concatenate([values, again]), configurations=numbers)


def test_a_lonely_best_point_is_sparse():
    values = np.append(np.linspace(0.5, 0.9, 29), 0.1)
    (one,) = judge_sampling(with_reruns(values, 0.02))
    assert one.severity == "warning"
    assert one.evidence["good_points"] == 1
    assert one.evidence["usable_points"] == 30
    assert one.evidence["varied_dimensions"] == 3
    assert one.evidence["retrain_deviation"] == pytest.approx(0.02)
    assert one.evidence["objective_limit"] == pytest.approx(0.12)
    low, high = one.evidence["good_region"]["h0"]
    assert low == high
    assert json.loads(json.dumps(dict(one.evidence))) == one.evidence


def test_reruns_are_one_point():
    values = np.append(np.linspace(0.5, 0.9, 29), [0.1])
    assert judge_sampling(with_reruns(values, 0.02))[0].evidence["good_points"] == 1


def test_a_well_sampled_region_is_not():
    values = np.concatenate([np.linspace(0.5, 0.9, 24), [0.10, 0.105, 0.11, 0.112]])
    assert judge_sampling(with_reruns(values, 0.02)) == []


def test_without_reruns_the_best_tenth_is_counted():
    (one,) = judge_sampling(sampled(np.linspace(0.1, 0.9, 16)))
    assert one.severity == "info"
    assert one.evidence["good_points"] == 2
    assert one.evidence["retrain_deviation"] is None
    assert judge_sampling(sampled(np.linspace(0.1, 0.9, 40))) == []


def test_two_dimensions_are_never_sparse():
    assert judge_sampling(sampled(np.linspace(0.1, 0.9, 16), d=2)) == []


def test_infeasible_and_poor_trials_are_no_points():
    values = np.concatenate([np.linspace(0.1, 0.3, 16), np.full(10, np.nan), np.full(12, 5.0)])
    (one,) = judge_sampling(sampled(values))
    assert one.evidence["usable_points"] == 16


def test_few_trials_are_not_judged():
    assert reasons(judge_sampling(sampled(np.linspace(0.1, 0.9, 6)))) == [
        "6 usable configurations, fewer than 8"
    ]
    assert reasons(judge_sampling(sampled(np.full(20, np.nan)))) == [
        "0 usable configurations, fewer than 8"
    ]


def test_the_limit_is_shown_in_the_studys_direction():
    values = -np.append(np.linspace(0.1, 0.5, 15), 0.9)
    (one,) = judge_sampling(sampled(values, minimize=False))
    assert 0.4 < one.evidence["objective_limit"] <= 0.9


def test_the_retrain_deviation_needs_reruns():
    values = np.array([1.0, 3.0, 5.0, 5.0, 7.0, 2.0])
    numbers = (0, 0, 1, 1, 1, 2)
    study = made(AXES, halton(1, 6, 3), values, configurations=numbers)
    found = retrained(study)
    assert found.freedom == 3
    assert found.pooled == pytest.approx(np.sqrt((2.0 + 8 / 3) / 3))
    assert retrained(sampled(values)) is None
