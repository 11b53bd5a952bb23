"""The numpy trainer's model and optimizers against torch's."""

import numpy as np
import pytest
import torch

from labtui_numpy.model import Mlp, parameter_count, smooth
from labtui_numpy.optimizers import create

pytestmark = pytest.mark.backend

SIZES, ROWS, STEPS = [12, 9, 8, 5], 16, 40
VALUES = {"momentum": 0.9, "beta1": 0.9, "beta2": 0.99, "epsilon": 1e-12, "weight_decay": 1e-2}


def ours_and_theirs(activation):
    """The same network twice, in float64."""
    ours = Mlp(SIZES, np.zeros(parameter_count(SIZES)), batch=ROWS, activation=activation)
    ours.initialize(np.random.default_rng(0))
    layers = []
    for layer in (*ours._hidden, ours._last):
        linear = torch.nn.Linear(*layer.weights.shape, dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(layer.weights.T.copy()))
            linear.bias.copy_(torch.tensor(layer.bias))
        layers += [linear, torch.nn.ReLU() if activation == "relu" else torch.nn.Tanh()]
    return ours, torch.nn.Sequential(*layers[:-1])


def optimizer_of(rule, model):
    values = {"lr": 0.05, "weight_decay": VALUES["weight_decay"]}
    if rule == "adam":
        return torch.optim.Adam(model.parameters(), **values, betas=(0.9, 0.99), eps=1e-12)
    momentum = 0.0 if rule == "sgd" else 0.9
    nesterov = rule == "nesterov"
    return torch.optim.SGD(model.parameters(), **values, momentum=momentum, nesterov=nesterov)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("rule", ["sgd", "momentum", "nesterov", "adam"])
def test_training_equals_torch(rule, activation):
    ours, theirs = ours_and_theirs(activation)
    slots = np.zeros(({"sgd": 0, "adam": 2}.get(rule, 1), len(ours.parameters)))
    optimizer, reference = create(rule, slots, VALUES), optimizer_of(rule, theirs)
    criterion = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
    random = np.random.default_rng(1)
    for step in range(1, STEPS + 1):
        inputs, labels = random.normal(size=(ROWS, 12)), random.integers(5, size=ROWS)
        loss = ours.loss_and_gradient(inputs, smooth(np.eye(5)[labels], 0.1))
        reference.zero_grad()
        expected = criterion(theirs(torch.tensor(inputs)), torch.tensor(labels))
        expected.backward()
        assert loss == pytest.approx(expected.item(), rel=1e-9)
        norm = torch.nn.utils.get_total_norm([p.grad for p in theirs.parameters()])
        assert np.linalg.norm(ours.gradient) == pytest.approx(norm.item(), rel=1e-9)
        optimizer.update(ours.parameters, ours.gradient, 0.05, step)
        reference.step()


def test_dropout_free_regression_equals_torch():
    sizes = [12, 9, 1]
    ours = Mlp(sizes, np.zeros(parameter_count(sizes)), batch=ROWS, classify=False)
    ours.initialize(np.random.default_rng(0))
    random = np.random.default_rng(1)
    inputs, targets = random.normal(size=(ROWS, 12)), random.normal(size=(ROWS, 1))
    loss = ours.loss_and_gradient(inputs, targets)
    expected = torch.nn.functional.mse_loss(
        torch.tensor(ours.predict(inputs)), torch.tensor(targets)
    )
    assert loss == pytest.approx(expected.item(), rel=1e-12)
