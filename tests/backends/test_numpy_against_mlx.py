"""The numpy trainer's losses and gradients against those that MLX derives by itself."""

import mlx.core as mx
import numpy as np
import pytest

from labtui_numpy.batches import StackedBatches
from labtui_numpy.data import load
from labtui_numpy.model import Mlp, parameter_count, smooth

pytestmark = pytest.mark.backend

ROWS, WIDTH, SMOOTHING, STEPS, RATE = 64, 32, 0.1, 50, 0.05
SEEDS = [1, 2]  # a lane each
ACTIVATIONS = {"relu": lambda values: mx.maximum(values, 0.0), "tanh": mx.tanh}
SETS = ["digits", "diabetes"]


def outputs_of(parameters, inputs, sizes, activation):
    """The same perceptron over the same flat array, from MLX's operations alone."""
    values, start = inputs, 0
    for layer in range(len(sizes) - 1):
        fan_in, fan_out = sizes[layer], sizes[layer + 1]
        split, end = start + fan_in * fan_out, start + (fan_in + 1) * fan_out
        values = values @ parameters[start:split].reshape(fan_in, fan_out) + parameters[split:end]
        start = end
        if layer < len(sizes) - 2:
            values = ACTIVATIONS[activation](values)
    return values


def theirs(classify, sizes, activation):
    def loss(parameters, inputs, targets):
        outputs = outputs_of(parameters, inputs, sizes, activation)
        if not classify:
            return mx.mean(mx.square(outputs - targets))
        log_shares = outputs - mx.logsumexp(outputs, axis=1, keepdims=True)
        return -mx.mean(mx.sum(targets * log_shares, axis=1))

    return mx.value_and_grad(loss)


def built(name, activation, depth):
    """Our stack and theirs on the data that comes along, at the trainer's own precision."""
    data = load(name)
    inputs, targets = (values[data.splits["train"]] for values in (data.inputs, data.targets))
    classify = data.classes > 0
    targets = smooth(targets, SMOOTHING) if classify else targets
    sizes = [inputs.shape[1], *[WIDTH] * depth, targets.shape[1]]
    parameters = np.zeros((len(SEEDS), parameter_count(sizes)), np.float32)
    ours = Mlp(sizes, parameters, batch=ROWS, activation=activation, classify=classify)
    for lane, seed in enumerate(SEEDS):
        ours.initialize(lane, np.random.default_rng(seed))
    batches = StackedBatches(inputs, [targets] * len(SEEDS), ROWS, SEEDS)
    return ours, theirs(classify, sizes, activation), batches


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("depth", [0, 1, 3])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_losses_and_gradient_equal_mlx(name, activation, depth):
    ours, reference, batches = built(name, activation, depth)
    inputs, targets = batches.at(1)
    losses = ours.losses_and_gradient(inputs, targets)
    for lane, loss in enumerate(losses):
        own = (ours.parameters[lane], inputs[lane], targets[lane])
        expected, gradient = reference(*map(mx.array, own))
        assert loss == pytest.approx(expected.item(), rel=1e-5)
        found, right = ours.gradient[lane], np.array(gradient)
        assert np.linalg.norm(found - right) <= 1e-5 * np.linalg.norm(right)
        assert np.linalg.norm(right) > 0.01


@pytest.mark.parametrize("name", SETS)
def test_descending_stays_together(name):
    """Each goes its own way from the same start; only rounding drives them apart."""
    ours, reference, batches = built(name, "tanh", 2)
    parameters = [mx.array(own) for own in ours.parameters]
    first = None
    for step in range(1, STEPS + 1):
        inputs, targets = batches.at(step)
        losses = ours.losses_and_gradient(inputs, targets)
        for lane, loss in enumerate(losses):
            batch = mx.array(inputs[lane]), mx.array(targets[lane])
            expected, gradient = reference(parameters[lane], *batch)
            assert loss == pytest.approx(expected.item(), rel=1e-4)
            parameters[lane] = parameters[lane] - RATE * gradient
        ours.parameters -= RATE * ours.gradient
        mx.eval(parameters)
        first = losses if first is None else first
    assert all(loss < 0.8 * start for loss, start in zip(losses, first, strict=True))
    assert np.allclose(ours.parameters, np.array(parameters), atol=1e-4)
