"""Periods in validation curves: found where they are, not where a curve merely wanders."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from labtui.analysis.course import Course, course_of
from labtui.analysis.curves import judge_curves
from labtui.analysis.periods import autocorrelation, period
from labtui.analysis.runs import Curve
from labtui_workloads import digits
from tests.analysis.test_curves import OGBG, PRODIGY, VIT, real, run_of


def course(values):
    return Course(np.arange(1, len(values) + 1) * 100, np.asarray(values, dtype=np.float64))


def periodic(run):
    return next((one for one in judge_curves(run) if one.code == "periodic-validation"), None)


@pytest.mark.parametrize("lag", [4, 7, 15])
@pytest.mark.parametrize("name", [OGBG + "1", VIT + "4"])
def test_a_sinusoid_added_to_a_real_curve(name, lag):  # OGBG's training loss has 9.5 of its own
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


def moving_slice(ordered):
    """A fault of shuffling: each evaluation sees the next sixth of the validation images.

    Args:
        ordered: Whether these lie in the order of their classes; else they are shuffled.

    Returns:
        Steps, validation error, training loss of softmax regression on the digits.
    """
    known = digits.load()
    images = np.frombuffer(known.inputs(), dtype=np.float32).reshape(-1, 64).astype(np.float64)
    images, labels = np.c_[images, np.ones(len(images))], np.frombuffer(known.labels, np.uint8)
    train, held = known.splits["train"], known.splits["validation"]
    rng = np.random.default_rng(0)
    order = np.argsort(labels[held], kind="stable") if ordered else rng.permutation(360)
    weights, rows = np.zeros((65, 10)), []

    def chances(inputs):
        scores = inputs @ weights
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    for step in range(1201):
        if step % 20 == 0:
            seen = order[(step // 20 % 6) * 60 :][:60]
            error = np.mean(chances(images[held][seen]).argmax(axis=1) != labels[held][seen])
            odds = chances(images[train])[np.arange(1077), labels[train]]
            rows.append((step, error, -np.mean(np.log(odds))))
        batch = rng.integers(0, 1077, 16)
        slopes = chances(images[train][batch])
        slopes[np.arange(16), labels[train][batch]] -= 1
        weights -= 0.01 * images[train][batch].T @ slopes / 16
    return tuple(np.array(column) for column in zip(*rows, strict=True))


KEPT = Path(__file__).parents[1] / "data" / "curves" / "digits_moving_slice" / "trial_0.json"


def test_a_validation_slice_that_moves_through_sorted_images():
    steps, errors, losses = moving_slice(ordered=True)
    told = periodic(run_of(errors, train=losses, steps=steps, name="validation/error_rate"))
    assert told is not None
    assert told.severity == "warning"
    assert told.evidence["lag_evaluations"] == 6
    assert told.evidence["lag_steps"] == 120
    assert told.evidence["explained"] > 0.6
    kept = json.loads(KEPT.read_text())["curves"]  # what docs/pictures.py draws
    np.testing.assert_allclose(kept["validation/error_rate"]["values"], errors, atol=0.04)
    np.testing.assert_allclose(kept["train/loss"]["values"], losses, rtol=1e-3)
    steps, errors, losses = moving_slice(ordered=False)
    assert periodic(run_of(errors, train=losses, steps=steps)) is None


def test_a_period_that_training_has_too_is_not_of_validation():
    steps, errors, losses = moving_slice(ordered=True)
    wave = 0.1 * np.sin(2 * np.pi * np.arange(61) / 6)
    assert periodic(run_of(errors, train=losses + wave, steps=steps)) is None
    run = run_of(errors, train=losses, steps=steps)
    rate = Curve(steps, 0.1 * (1.5 + np.sin(2 * np.pi * np.arange(61) / 6)))
    cyclic = dataclasses.replace(run, curves={**run.curves, "learning_rate": rate})
    assert periodic(cyclic) is None
    falling = dataclasses.replace(
        run, curves={**run.curves, "learning_rate": Curve(steps, np.linspace(0.1, 0, 61))}
    )
    assert periodic(falling) is not None
    relapses = real(PRODIGY + "study_1/ogbg_pytorch/trial_2")  # its training loss relapses too
    assert period(course_of(relapses, relapses.objective)) is not None
    assert periodic(relapses) is None


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
