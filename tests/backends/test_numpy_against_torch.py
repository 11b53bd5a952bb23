"""The numpy trainer's model and optimizers against torch's."""

import numpy as np
import pytest
import torch

from labtui_numpy.model import Mlp, parameter_count, smooth
from labtui_numpy.optimizers import create

pytestmark = pytest.mark.backend

SIZES, ROWS, STEPS = [12, 9, 8, 5], 16, 40
LANES = 2
VALUES = {"momentum": 0.9, "beta1": 0.9, "beta2": 0.99, "epsilon": 1e-15, "weight_decay": 1e-2}


def ours_and_theirs(activation):
    """The same networks twice, in float64: a stack, and modules."""
    parameters = np.zeros((LANES, parameter_count(SIZES)))
    ours = Mlp(SIZES, parameters, batch=ROWS, activation=activation)
    for lane in range(LANES):
        ours.initialize(lane, np.random.default_rng(lane))
    return ours, [module(ours, lane, activation) for lane in range(LANES)]


def module(ours, lane, activation):
    layers = []
    for layer in (*ours._hidden, ours._last):
        weights, bias = layer.weights[lane], layer.bias[lane, 0]
        linear = torch.nn.Linear(*weights.shape, dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(weights.T.copy()))
            linear.bias.copy_(torch.tensor(bias))
        layers += [linear, torch.nn.ReLU() if activation == "relu" else torch.nn.Tanh()]
    return torch.nn.Sequential(*layers[:-1])


def optimizer_of(rule, model):
    values = {"lr": 0.05, "weight_decay": VALUES["weight_decay"]}
    if rule == "adam":
        return torch.optim.Adam(model.parameters(), **values, betas=(0.9, 0.99), eps=1e-15)
    momentum = 0.0 if rule == "sgd" else 0.9
    nesterov = rule == "nesterov"
    return torch.optim.SGD(model.parameters(), **values, momentum=momentum, nesterov=nesterov)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("rule", ["sgd", "momentum", "nesterov", "adam"])
def test_training_equals_torch(rule, activation):
    ours, theirs = ours_and_theirs(activation)
    slots = np.zeros((LANES, {"sgd": 0, "adam": 2}.get(rule, 1), ours.parameters.shape[1]))
    optimizers = [create(rule, own, VALUES) for own in slots]
    references = [optimizer_of(rule, model) for model in theirs]
    criterion = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
    random = np.random.default_rng(1)
    for step in range(1, STEPS + 1):
        inputs = random.normal(size=(LANES, ROWS, 12))
        labels = random.integers(5, size=(LANES, ROWS))
        targets = np.array([smooth(np.eye(5)[own], 0.1) for own in labels])
        losses = ours.losses_and_gradient(inputs, targets)
        for lane, (model, reference) in enumerate(zip(theirs, references, strict=True)):
            reference.zero_grad()
            outputs = model(torch.tensor(inputs[lane]))
            expected = criterion(outputs, torch.tensor(labels[lane]))
            expected.backward()
            assert losses[lane] == pytest.approx(expected.item(), rel=1e-9)
            norm = torch.nn.utils.get_total_norm([p.grad for p in model.parameters()])
            assert np.linalg.norm(ours.gradient[lane]) == pytest.approx(norm.item(), rel=1e-9)
            optimizers[lane].update(ours.parameters[lane], ours.gradient[lane], 0.05, step)
            reference.step()


def test_dropout_free_regression_equals_torch():
    sizes = [12, 9, 1]
    ours = Mlp(sizes, np.zeros((1, parameter_count(sizes))), batch=ROWS, classify=False)
    ours.initialize(0, np.random.default_rng(0))
    random = np.random.default_rng(1)
    inputs, targets = random.normal(size=(1, ROWS, 12)), random.normal(size=(1, ROWS, 1))
    [loss] = ours.losses_and_gradient(inputs, targets)
    expected = torch.nn.functional.mse_loss(
        torch.tensor(ours.predict(0, inputs[0])), torch.tensor(targets[0])
    )
    assert loss == pytest.approx(expected.item(), rel=1e-12)
