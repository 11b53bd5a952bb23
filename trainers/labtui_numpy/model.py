"""A multi-layer perceptron with its own backpropagation; parameters are one flat array.

One array makes the gradient norm one dot product and an optimizer a handful of vector operations.
All buffers of a training batch are allocated once.
"""

from __future__ import annotations

from typing import Any, List, Optional, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def _shapes(sizes: Sequence[int]) -> List[Tuple[int, int]]:
    return [(sizes[i], sizes[i + 1]) for i in range(len(sizes) - 1)]


def parameter_count(sizes: Sequence[int]) -> int:
    """Count weights and biases of a perceptron; its input and output are the ends of `sizes`."""
    return sum((fan_in + 1) * fan_out for fan_in, fan_out in _shapes(sizes))


def smooth(targets: Array, amount: float) -> Array:
    """Spread `amount` of each one-hot target evenly over all classes (arXiv 1512.00567)."""
    smoothed: Array = targets * (1.0 - amount) + amount / targets.shape[1]
    return smoothed


def cross_entropy(outputs: Array, targets: Array) -> float:
    """Average -Σ target · log softmax(output) over the rows; both are (n, classes)."""
    shifted = outputs - outputs.max(axis=1, keepdims=True)
    log_sums = np.log(np.exp(shifted).sum(axis=1))
    return float(np.mean(log_sums - (targets * shifted).sum(axis=1)))


def mean_squared_error(outputs: Array, targets: Array) -> float:
    """Average the squared differences of two (n, 1) arrays."""
    return float(np.mean(np.square(outputs - targets)))


class _Layer:
    """One layer's views of the flat arrays, and its buffers for a training batch."""

    def __init__(self, parameters: Array, gradient: Array, fan_in: int, batch: int) -> None:
        """Split flat arrays of (fan_in + 1) · fan_out numbers into weights and bias."""
        fan_out = len(parameters) // (fan_in + 1)
        split = fan_in * fan_out
        self.weights: Array = parameters[:split].reshape(fan_in, fan_out)
        self.bias: Array = parameters[split:]
        self.weights_gradient: Array = gradient[:split].reshape(fan_in, fan_out)
        self.bias_gradient: Array = gradient[split:]
        buffers: Array = np.empty((5, batch, fan_out), parameters.dtype)
        self.activated, self.mask, self.dropped, self.slope, self.delta = buffers


class Mlp:
    """A perceptron of any depth: hidden layers of one activation φ, linear outputs.

    Attributes:
        parameters: All weights and biases, flat.
        gradient: Of the batch's loss, in the same order; filled by `loss_and_gradient`.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        parameters: Array,
        *,
        batch: int,
        activation: str = "relu",
        classify: bool = True,
        dropout: float = 0.0,
    ) -> None:
        """Lay the network over `parameters`, an array of `parameter_count(sizes)` numbers.

        Args:
            sizes: Layer sizes, input and output included.
            parameters: Where the parameters live; its dtype is the network's.
            batch: Examples of one training batch.
            activation: ``relu`` or ``tanh``.
            classify: Softmax cross-entropy, or else the mean squared error.
            dropout: Share of hidden units set to 0 in training, the others scaled up.
        """
        self.parameters = parameters
        self.gradient: Array = np.zeros_like(parameters)
        self._relu = activation == "relu"
        self._classify = classify
        self._dropout = dropout
        self._row_sums: Array = np.empty((batch, 1), parameters.dtype)
        self._ones: Array = np.ones(batch, parameters.dtype)
        layers: List[_Layer] = []
        start = 0
        for fan_in, fan_out in _shapes(sizes):
            rows = slice(start, start + (fan_in + 1) * fan_out)
            layers.append(_Layer(parameters[rows], self.gradient[rows], fan_in, batch))
            start = rows.stop
        self._hidden, self._last = layers[:-1], layers[-1]

    def initialize(self, random: np.random.Generator, scale: float = 1.0) -> None:
        """Draw normal weights of variance scale² · gain / inputs, and zero the biases.

        The gain is 2 into a relu (arXiv 1502.01852), 1 into a tanh or an output.
        """
        for layer in (*self._hidden, self._last):
            gain = 2.0 if self._relu and layer is not self._last else 1.0
            spread = scale * (gain / len(layer.weights)) ** 0.5
            layer.weights[:] = random.normal(0.0, spread, layer.weights.shape)
            layer.bias[:] = 0.0

    def predict(self, inputs: Array) -> Array:
        """Compute the (n, outputs) of (n, features), without dropout."""
        values = inputs
        for layer in self._hidden:
            values = values @ layer.weights
            values += layer.bias
            self._activate(values)
        outputs: Array = values @ self._last.weights
        outputs += self._last.bias
        return outputs

    def loss_and_gradient(
        self, inputs: Array, targets: Array, random: Optional[np.random.Generator] = None
    ) -> float:
        """Compute the mean loss of a batch, and fill `gradient`.

        Args:
            inputs: (batch, features).
            targets: (batch, outputs): shares that add up to 1, or values.
            random: Where dropout's masks are drawn from; None keeps all units.
        """
        values = self._forward(inputs, random if self._dropout else None)
        outputs = self._last.activated
        np.dot(values, self._last.weights, out=outputs)
        outputs += self._last.bias
        loss = self._entropy(targets) if self._classify else self._squares(targets)
        self._backward(inputs, dropped=random is not None and self._dropout > 0.0)
        return loss

    def _activate(self, values: Array) -> None:
        if self._relu:
            np.maximum(values, 0.0, out=values)
        else:
            np.tanh(values, out=values)

    def _forward(self, inputs: Array, random: Optional[np.random.Generator]) -> Array:
        """Fill the hidden layers' buffers; give the last one's values."""
        values = inputs
        keep = 1.0 - self._dropout
        for layer in self._hidden:
            np.dot(values, layer.weights, out=layer.activated)
            layer.activated += layer.bias
            self._activate(layer.activated)
            values = layer.activated
            if random is not None:
                random.random(out=layer.mask, dtype=layer.mask.dtype.type)
                np.less(layer.mask, keep, out=layer.mask)
                layer.mask *= 1.0 / keep
                values = np.multiply(layer.activated, layer.mask, out=layer.dropped)
        return values

    def _entropy(self, targets: Array) -> float:
        """Turn the last layer's outputs into its delta; give the cross-entropy."""
        outputs, delta, sums = self._last.activated, self._last.delta, self._row_sums
        np.maximum.reduce(outputs, axis=1, keepdims=True, out=sums)
        outputs -= sums
        np.exp(outputs, out=delta)
        np.add.reduce(delta, axis=1, keepdims=True, out=sums)
        delta /= sums
        delta -= targets
        delta *= 1.0 / len(targets)
        total = np.add.reduce(np.log(sums, out=sums), axis=None) - np.vdot(targets, outputs)
        return float(total) / len(targets)

    def _squares(self, targets: Array) -> float:
        delta = self._last.delta
        np.subtract(self._last.activated, targets, out=delta)
        loss = float(np.vdot(delta, delta)) / len(targets)
        delta *= 2.0 / len(targets)
        return loss

    def _backward(self, inputs: Array, dropped: bool) -> None:
        """Fill `gradient` from the last layer's delta, layer by layer."""
        above = self._last
        for layer in reversed(self._hidden):
            values = layer.dropped if dropped else layer.activated
            np.dot(values.T, above.delta, out=above.weights_gradient)
            np.dot(self._ones, above.delta, out=above.bias_gradient)
            np.dot(above.delta, above.weights.T, out=layer.delta)
            if dropped:
                layer.delta *= layer.mask
            layer.delta *= self._slope(layer)
            above = layer
        np.dot(inputs.T, above.delta, out=above.weights_gradient)
        np.dot(self._ones, above.delta, out=above.bias_gradient)

    def _slope(self, layer: _Layer) -> Array:
        """Compute φ' from φ: 1 where a relu is positive, 1 - tanh²."""
        slope: Array = layer.slope
        if self._relu:
            np.greater(layer.activated, 0.0, out=slope)
        else:
            np.square(layer.activated, out=slope)
            np.subtract(1.0, slope, out=slope)
        return slope
