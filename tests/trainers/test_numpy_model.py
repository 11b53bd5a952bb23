import numpy as np
import pytest

from labtui_numpy.model import Mlp, cross_entropy, mean_squared_error, parameter_count, smooth

ROWS, FEATURES, CLASSES = 7, 5, 4


def network(depth, activation="relu", classify=True, dropout=0.0, seed=3):
    sizes = [FEATURES, *([6] * depth), CLASSES if classify else 1]
    model = Mlp(
        sizes,
        np.zeros(parameter_count(sizes)),
        batch=ROWS,
        activation=activation,
        classify=classify,
        dropout=dropout,
    )
    random = np.random.default_rng(seed)
    model.initialize(random)
    model.parameters += 0.1 * random.normal(size=model.parameters.shape)  # biases too
    return model


def batch(classify=True, smoothing=0.0):
    random = np.random.default_rng(8)
    inputs = random.normal(size=(ROWS, FEATURES))
    if not classify:
        return inputs, random.normal(size=(ROWS, 1))
    return inputs, smooth(np.eye(CLASSES)[random.integers(CLASSES, size=ROWS)], smoothing)


def masks(dropout):
    return np.random.default_rng(5) if dropout else None


def differences(model, inputs, targets, dropout, step=1e-6):
    """Central finite differences of the loss, parameter by parameter."""
    estimate = np.empty_like(model.parameters)
    for i in range(len(estimate)):
        losses = []
        for sign in (1, -1):
            model.parameters[i] += sign * step
            losses.append(model.loss_and_gradient(inputs, targets, masks(dropout)))
            model.parameters[i] -= sign * step
        estimate[i] = (losses[0] - losses[1]) / (2 * step)
    return estimate


@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("classify", [True, False])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_gradient_equals_finite_differences(depth, activation, classify, dropout):
    model = network(depth, activation, classify, dropout)
    inputs, targets = batch(classify, smoothing=0.15)
    expected = differences(model, inputs, targets, dropout)
    model.loss_and_gradient(inputs, targets, masks(dropout))
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(model.gradient, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("classify", [True, False])
def test_batch_loss_equals_the_evaluation_of_its_predictions(classify):
    model, (inputs, targets) = network(2, classify=classify), batch(classify, smoothing=0.1)
    evaluate = cross_entropy if classify else mean_squared_error
    expected = evaluate(model.predict(inputs), targets)
    assert model.loss_and_gradient(inputs, targets) == pytest.approx(expected, rel=1e-12)


def test_loss_of_known_outputs():
    outputs = np.array([[0.0, np.log(3.0)], [1000.0, 0.0]])
    targets = np.array([[0.0, 1.0], [1.0, 0.0]])
    assert cross_entropy(outputs, targets) == pytest.approx(np.log(4 / 3) / 2)
    assert mean_squared_error(np.array([[1.0], [3.0]]), np.array([[0.0], [0.0]])) == 5.0


def test_smoothing_spreads_a_share_evenly():
    np.testing.assert_allclose(smooth(np.eye(4)[[2]], 0.2), [[0.05, 0.05, 0.85, 0.05]])


def test_dropout_is_scaled_and_off_without_a_stream():
    model, (inputs, targets) = network(1, "tanh", dropout=0.5), batch()
    plain = network(1, "tanh")
    assert model.loss_and_gradient(inputs, targets) == plain.loss_and_gradient(inputs, targets)
    random = np.random.default_rng(0)
    hidden = [model._forward(inputs, random).copy() for _ in range(2000)]
    np.testing.assert_allclose(np.mean(hidden, axis=0), plain._forward(inputs, None), atol=0.15)
    assert np.mean(np.array(hidden) == 0.0) == pytest.approx(0.5, abs=0.01)


def test_initial_spread_follows_inputs_and_scale():
    sizes = [400, 300, 200]
    model = Mlp(sizes, np.zeros(parameter_count(sizes), np.float32), batch=2)
    model.initialize(np.random.default_rng(0), 0.5)
    hidden = model.parameters[: 400 * 300]
    output = model.parameters[401 * 300 :][: 300 * 200]
    assert hidden.std() == pytest.approx(0.5 * (2 / 400) ** 0.5, rel=0.02)
    assert output.std() == pytest.approx(0.5 * (1 / 300) ** 0.5, rel=0.02)
    assert not model.parameters[400 * 300 : 401 * 300].any()


def test_float32_stays_float32():
    sizes = [FEATURES, 6, CLASSES]
    model = Mlp(sizes, np.zeros(parameter_count(sizes), np.float32), batch=ROWS, dropout=0.2)
    model.initialize(np.random.default_rng(0))
    inputs, targets = (a.astype(np.float32) for a in batch())
    model.loss_and_gradient(inputs, targets, np.random.default_rng(0))
    assert model.gradient.dtype == model.predict(inputs).dtype == np.float32
