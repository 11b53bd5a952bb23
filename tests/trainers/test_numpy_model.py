import tracemalloc

import numpy as np
import pytest

from labtui_numpy.evaluation import cross_entropies, squared_errors
from labtui_numpy.model import PREDICTED_ROWS, Mlp, parameter_count, smooth

ROWS, FEATURES, CLASSES = 7, 5, 4
LANES = 2


def network(depth, activation="relu", classify=True, dropout=0.0, seed=3, lanes=LANES):
    sizes = [FEATURES, *([6] * depth), CLASSES if classify else 1]
    model = Mlp(
        sizes,
        np.zeros((lanes, parameter_count(sizes))),
        batch=ROWS,
        activation=activation,
        classify=classify,
        dropout=[dropout] * lanes,
    )
    random = np.random.default_rng(seed)
    for lane in range(lanes):
        model.initialize(lane, random)
    model.parameters += 0.1 * random.normal(size=model.parameters.shape)  # biases too
    return model


def batch(classify=True, smoothing=0.0, lanes=LANES):
    """Another batch for every lane."""
    random = np.random.default_rng(8)
    inputs = random.normal(size=(lanes, ROWS, FEATURES))
    if not classify:
        return inputs, random.normal(size=(lanes, ROWS, 1))
    labels = random.integers(CLASSES, size=(lanes, ROWS))
    return inputs, np.array([smooth(np.eye(CLASSES)[own], smoothing) for own in labels])


def masks(dropout):
    return [np.random.default_rng(5 + lane) if dropout else None for lane in range(LANES)]


def differences(model, inputs, targets, dropout, step=1e-6):
    """Central finite differences of each lane's loss, parameter by parameter."""
    estimate = np.empty_like(model.parameters)
    for i in range(estimate.shape[1]):
        losses = []
        for sign in (1, -1):
            model.parameters[:, i] += sign * step
            losses.append(model.losses_and_gradient(inputs, targets, masks(dropout)))
            model.parameters[:, i] -= sign * step
        estimate[:, i] = np.subtract(*losses) / (2 * step)
    return estimate


@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("classify", [True, False])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_gradient_equals_finite_differences(depth, activation, classify, dropout):
    model = network(depth, activation, classify, dropout)
    inputs, targets = batch(classify, smoothing=0.15)
    expected = differences(model, inputs, targets, dropout)
    model.losses_and_gradient(inputs, targets, masks(dropout))
    assert np.abs(expected).max(axis=1).min() > 0.01
    np.testing.assert_allclose(model.gradient, expected, rtol=1e-6, atol=1e-8)


def test_lanes_do_not_touch_each_other():
    model, (inputs, targets) = network(2), batch()
    losses = model.losses_and_gradient(inputs, targets)
    gradient = model.gradient.copy()
    model.parameters[1] *= 2.0
    inputs[1] += 1.0
    again = model.losses_and_gradient(inputs, targets)
    assert again[0] == losses[0]
    assert again[1] != losses[1]
    np.testing.assert_array_equal(model.gradient[0], gradient[0])


@pytest.mark.parametrize("classify", [True, False])
def test_batch_loss_equals_the_evaluation_of_its_predictions(classify):
    model, (inputs, targets) = network(2, classify=classify), batch(classify)
    for lane, loss in enumerate(model.losses_and_gradient(inputs, targets)):
        outputs, right = model.predict(lane, inputs[lane]), targets[lane]
        if classify:
            losses = cross_entropies(outputs, right.argmax(axis=1))
        else:
            losses = squared_errors(outputs, right)
        assert loss == pytest.approx(losses.mean(), rel=1e-12)


def test_predictions_of_many_rows_are_those_of_each():
    model = network(2, lanes=1)
    inputs = np.random.default_rng(0).normal(size=(2 * PREDICTED_ROWS + 3, FEATURES))
    outputs = model.predict(0, inputs)
    parts = [model.predict(0, inputs[i : i + 50]) for i in range(0, len(inputs), 50)]
    np.testing.assert_allclose(outputs, np.concatenate(parts), rtol=1e-12)


def test_loss_of_known_outputs():
    outputs = np.array([[0.0, np.log(3.0)], [1000.0, 0.0]])
    found = cross_entropies(outputs, np.array([1, 0]))
    assert found == pytest.approx([np.log(4 / 3), 0.0])
    assert outputs[1, 0] == 1000.0
    assert squared_errors(np.array([[1.0], [3.0]]), np.array([[0.0], [0.0]])).tolist() == [1.0, 9.0]


def test_smoothing_spreads_a_share_evenly():
    np.testing.assert_allclose(smooth(np.eye(4)[[2]], 0.2), [[0.05, 0.05, 0.85, 0.05]])
    loss = network(0, lanes=1).losses_and_gradient(*batch(smoothing=0.3, lanes=1))[0]
    hard = network(0, lanes=1).losses_and_gradient(*batch(lanes=1))[0]
    inputs, _ = batch(lanes=1)
    outputs = network(0, lanes=1).predict(0, inputs[0])
    even = np.mean([cross_entropies(outputs, np.full(ROWS, c)) for c in range(CLASSES)])
    assert loss == pytest.approx(0.7 * hard + 0.3 * even, rel=1e-12)


def test_dropout_is_scaled_and_only_where_it_is_asked_for():
    sizes = [FEATURES, 6, CLASSES]
    parameters = np.repeat(network(1, lanes=1).parameters, 2, axis=0)
    model = Mlp(sizes, parameters, batch=ROWS, dropout=[0.5, 0.0])
    inputs, targets = (np.repeat(a, 2, axis=0) for a in batch(lanes=1))
    plain = Mlp(sizes, parameters, batch=ROWS).losses_and_gradient(inputs, targets)
    random = np.random.default_rng(0)
    hidden = []
    for _ in range(2000):
        losses = model.losses_and_gradient(inputs, targets, [random, None])
        assert losses[1] == plain[1]
        hidden.append(model._hidden[0].values[0].copy())
    unmasked = model._hidden[0].values[1]
    np.testing.assert_allclose(np.mean(hidden, axis=0), unmasked, atol=0.15)
    kept = np.array(hidden)[:, unmasked > 0.0]
    assert np.mean(kept == 0.0) == pytest.approx(0.5, abs=0.01)


def test_initial_spread_follows_inputs_and_scale():
    sizes = [400, 300, 200]
    model = Mlp(sizes, np.full((2, parameter_count(sizes)), 7.0, np.float32), batch=2)
    model.initialize(1, np.random.default_rng(0), 0.5)
    own = model.parameters[1]
    hidden, output = own[: 400 * 300], own[401 * 300 :][: 300 * 200]
    assert hidden.std() == pytest.approx(0.5 * (2 / 400) ** 0.5, rel=0.02)
    assert output.std() == pytest.approx(0.5 * (1 / 300) ** 0.5, rel=0.02)
    assert not own[400 * 300 : 401 * 300].any()
    assert (model.parameters[0] == 7.0).all()


def test_float32_stays_float32():
    sizes = [FEATURES, 6, CLASSES]
    parameters = np.zeros((1, parameter_count(sizes)), np.float32)
    model = Mlp(sizes, parameters, batch=ROWS, dropout=[0.2])
    model.initialize(0, np.random.default_rng(0))
    inputs, targets = (a.astype(np.float32) for a in batch(lanes=1))
    model.losses_and_gradient(inputs, targets, [np.random.default_rng(0)])
    assert model.gradient.dtype == model.predict(0, inputs[0]).dtype == np.float32


def test_a_step_allocates_nothing_that_lasts():
    """Buffers are made once: hundreds of steps leave no trace in the memory in use."""
    model = Mlp([64, 128, 10], np.zeros((8, parameter_count([64, 128, 10])), np.float32), batch=64)
    inputs, targets = np.zeros((8, 64, 64), np.float32), np.zeros((8, 64, 10), np.float32)
    model.losses_and_gradient(inputs, targets)
    tracemalloc.start()
    try:
        for _ in range(20):
            model.losses_and_gradient(inputs, targets)
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    activations = 8 * 64 * 128 * 4
    assert held < 10_000
    assert peak < activations / 2  # not even one hidden layer's at a time
