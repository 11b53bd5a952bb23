"""The update rules against a transcription of the playbook's formulas in plain floats (P46)."""

import math

import numpy as np
import pytest

from labtui_numpy.optimizers import OPTIMIZERS, PARAMETERS, create

VALUES = {
    "momentum": 0.9,
    "rho": 0.8,
    "beta1": 0.7,
    "beta2": 0.95,
    "epsilon": 1e-2,
    "weight_decay": 0.0,
}
RATES = (0.1, 0.2, 0.05, 0.1)


def slope(theta):
    """The gradient of a made-up loss, so that later updates depend on earlier ones."""
    return 3.0 * theta - 1.0 + math.sin(5.0 * theta)


def transcribed(rule, theta, decay=0.0):
    """Follow one parameter through the playbook's formulas, letter by letter."""
    gamma, rho, epsilon = VALUES["momentum"], VALUES["rho"], VALUES["epsilon"]
    beta1, beta2 = VALUES["beta1"], VALUES["beta2"]
    m, v = 0.0, 1.0 if rule == "rmsprop" else 0.0
    path = []
    for t, eta in enumerate(RATES):
        g = slope(theta) + decay * theta
        b = math.sqrt(1 - beta2 ** (t + 1)) / (1 - beta1 ** (t + 1))
        if rule == "sgd":
            theta = theta - eta * g
        elif rule == "momentum":
            v = gamma * v + g
            theta = theta - eta * v
        elif rule == "nesterov":
            v = gamma * v + g
            theta = theta - eta * (gamma * v + g)
        elif rule == "rmsprop":
            v = rho * v + (1 - rho) * g**2
            m = gamma * m + eta / math.sqrt(v + epsilon) * g
            theta = theta - m
        else:
            m = beta1 * m + (1 - beta1) * g
            v = beta2 * v + (1 - beta2) * g**2
            top = m if rule == "adam" else beta1 * m + (1 - beta1) * g
            theta = theta - eta * top / (math.sqrt(v) + epsilon) * b
        path.append(theta)
    return path


def followed(rule, starts, decay=0.0, dtype=np.float64):
    theta = np.array(starts, dtype)
    state = np.full((OPTIMIZERS[rule].SLOTS, len(theta)), 7.0, dtype)
    optimizer = create(rule, state, {**VALUES, "weight_decay": decay})
    path = []
    for step, eta in enumerate(RATES, 1):
        gradient = np.array([slope(float(x)) for x in theta], dtype)
        optimizer.update(theta, gradient, eta, step)
        path.append(theta.copy())
    assert theta.dtype == state.dtype == dtype
    return np.array(path)


@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_follows_the_playbook(rule, decay):
    starts = [0.5, -2.0, 0.0]
    expected = np.array([transcribed(rule, start, decay) for start in starts]).T
    np.testing.assert_allclose(followed(rule, starts, decay), expected, rtol=1e-12)


GOLDEN = {
    "sgd": 0.13927263369913773,
    "momentum": 0.02804111446286512,
    "nesterov": 0.28570517060409145,
    "rmsprop": -0.23579496022144333,
    "adam": 0.09518660511753761,
    "nadam": 0.08874341500953285,
}


@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_golden_values(rule):
    assert followed(rule, [0.5])[-1, 0] == pytest.approx(GOLDEN[rule], rel=1e-10)


@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_float32_agrees_with_float64(rule):
    np.testing.assert_allclose(
        followed(rule, [0.5, -2.0], dtype=np.float32), followed(rule, [0.5, -2.0]), rtol=1e-4
    )


def test_first_updates_by_hand():
    theta, state = np.zeros(1), np.zeros((2, 1))
    adam = create("adam", state, {**VALUES, "epsilon": 0.0})
    adam.update(theta, np.array([-4.0]), 0.1, 1)
    assert theta[0] == pytest.approx(0.1)  # the first update is the rate, whatever the slope
    theta = np.zeros(1)
    values = {**VALUES, "epsilon": 0.0, "rho": 0.75}
    create("rmsprop", state, values).update(theta, np.array([1.0]), 0.1, 1)
    assert theta[0] == pytest.approx(-0.1)  # v₀ = 1 keeps v at 1 for a slope of 1


def test_every_rule_names_its_hyperparameters():
    assert set(PARAMETERS) == set(OPTIMIZERS)
    assert set().union(*PARAMETERS.values()) <= set(VALUES)
