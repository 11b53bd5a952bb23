"""Periods in validation curves: found where they are, not where a curve merely wanders."""

import numpy as np
import pytest

from labtui.analysis.course import Course
from labtui.analysis.curves import judge_curves
from labtui.analysis.periods import autocorrelation, period
from labtui.analysis.runs import Curve
from tests.analysis.test_curves import OGBG, VIT, real, run_of


def course(values):
    return Course(np.arange(1, len(values) + 1) * 100, np.asarray(values, dtype=np.float64))


def periodic(run):
    return next((one for one in judge_curves(run) if one.code == "periodic-validation"), None)


@pytest.mark.parametrize("lag", [4, 9, 15])
@pytest.mark.parametrize("name", [OGBG + "1", VIT + "4"])
def test_a_sinusoid_added_to_a_real_curve(name, lag):
    run = real(name)
    curve = run.curves[run.objective]
    wave = np.sin(2 * np.pi * np.arange(len(curve)) / lag)
    values = curve.values + 0.08 * np.ptp(curve.values) * wave
    run.curves[run.objective]  # the real one stays as it is
    other = type(run)(
        **{
            **{k: getattr(run, k) for k in run.__dataclass_fields__},
            "curves": {**run.curves, run.objective: Curve(curve.steps, values)},
        }
    )
    assert periodic(run) is None
    told = periodic(other)
    assert told is not None
    assert abs(told.evidence["lag_evaluations"] - lag) <= 1
    expected = lag * np.median(np.diff(curve.steps))
    assert told.evidence["lag_steps"] == pytest.approx(expected, rel=0.2)


def trained_on(order, seed):
    """Validation error of logistic regression on three classes, evaluated six times an epoch."""
    rng = np.random.default_rng(seed)
    centres = np.array([[2.0, 0.0], [-1.0, 1.7], [-1.0, -1.7]])
    labels = np.repeat([0, 1, 2], 200)
    data = centres[labels] + rng.normal(size=(600, 2)) * 1.5
    wanted = rng.integers(0, 3, 600)
    held = centres[wanted] + rng.normal(size=(600, 2)) * 1.5
    weights, errors = np.zeros((3, 3)), []
    extended = np.c_[data, np.ones(600)]
    for step in range(1200):
        at = order(rng, step % 60)
        scores = extended[at] @ weights
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        odds /= odds.sum(axis=1, keepdims=True)
        odds[np.arange(10), labels[at]] -= 1
        weights -= 0.05 * extended[at].T @ odds / 10
        if step % 10 == 0:
            errors.append(np.mean((np.c_[held, np.ones(600)] @ weights).argmax(axis=1) != wanted))
    return np.array(errors)


def test_a_model_trained_on_sorted_data_has_the_period_of_an_epoch():
    told = periodic(run_of(trained_on(lambda _, step: np.arange(step * 10, step * 10 + 10), 0)))
    assert told is not None
    assert told.evidence["lag_evaluations"] == 6
    shuffled = trained_on(lambda rng, _: rng.integers(0, 600, 10), 0)
    assert periodic(run_of(shuffled)) is None


def test_a_validation_set_that_cycles():
    rng = np.random.default_rng(2)
    offsets = np.array([0.0, 2.0, -1.0, 1.0, -2.0])
    t = np.arange(80)
    values = 30 * np.exp(-t / 10) + 3 * offsets[t % 5] + rng.normal(size=80)
    assert periodic(run_of(values)).evidence["lag_evaluations"] == 5


@pytest.mark.parametrize("carried", [0.0, 0.6, 0.9, 1.0])
@pytest.mark.parametrize("size", [50, 120])
def test_wandering_curves_are_rarely_periodic(carried, size):
    rng = np.random.default_rng(7)
    fresh = rng.normal(size=(100, size))
    walks = np.zeros_like(fresh)
    for t in range(1, size):
        walks[:, t] = carried * walks[:, t - 1] + fresh[:, t]
    descent = 30 * np.exp(-np.arange(size) / size * 8)
    assert sum(period(course(walk + descent)) is not None for walk in walks) <= 2


def test_smooth_curves_are_not_periodic():
    x = np.linspace(0, 1, 80)
    for values in (np.exp(-4 * x), 1 / (1 + 20 * x), (x - 0.5) ** 2, np.cos(3 * x), np.ones(80)):
        assert period(course(values)) is None


def test_the_same_answer_every_time():
    t = np.arange(60)
    values = np.sin(t / 7 * 2 * np.pi) + np.random.default_rng(0).normal(size=60) * 0.3
    assert period(course(values)) == period(course(values)) is not None


def test_autocorrelation_is_that_of_the_sums():
    row = np.random.default_rng(0).normal(size=30)
    row -= row.mean()
    expected = [row[k:] @ row[: 30 - k] / (row @ row) for k in range(10)]
    np.testing.assert_allclose(autocorrelation(row[None], 9)[0], expected)
