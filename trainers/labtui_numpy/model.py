"""Multi-layer perceptrons of one shape side by side, with their own backpropagation.

Every array has a leading axis of lanes, one a network. A lane's parameters are one flat array: its
gradient norm is one dot product and an optimizer a handful of vector operations. All buffers of a
training batch are allocated once.

A lane's numbers are bit for bit those it has alone, whatever trains beside it: its operands have
the same shapes and inner strides, matrix products (and dot products, which are products of a row
with a column) go to BLAS lane by lane, and nothing is summed across lanes.
"""

from __future__ import annotations

from typing import Any, List, Optional, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
PREDICTED_ROWS = 256  # predicted at once: their activations stay in the processor's cache


def _shapes(sizes: Sequence[int]) -> List[Tuple[int, int]]:
    return [(sizes[i], sizes[i + 1]) for i in range(len(sizes) - 1)]


def parameter_count(sizes: Sequence[int]) -> int:
    """Count weights and biases of a perceptron; its input and output are the ends of `sizes`."""
    return sum((fan_in + 1) * fan_out for fan_in, fan_out in _shapes(sizes))


def smooth(targets: Array, amount: float) -> Array:
    """Spread `amount` of each one-hot target evenly over all classes (arXiv 1512.00567)."""
    smoothed: Array = targets * (1.0 - amount) + amount / targets.shape[1]
    return smoothed


class _Layer:
    """One layer's views of the flat arrays, and its buffers for a training batch."""

    def __init__(self, parameters: Array, gradient: Array, fan_in: int, batch: int) -> None:
        """Split (lanes, (fan_in + 1) · fan_out) numbers into weights and biases."""
        lanes, count = parameters.shape
        fan_out = count // (fan_in + 1)
        split, shape = fan_in * fan_out, (lanes, fan_in, fan_out)
        self.weights: Array = parameters[:, :split].reshape(shape)
        self.bias: Array = parameters[:, None, split:]
        self.weights_gradient: Array = gradient[:, :split].reshape(shape)
        self.bias_gradient: Array = gradient[:, None, split:]
        buffers: Array = np.empty((2, lanes, batch, fan_out), parameters.dtype)
        self.values, self.delta = buffers
        self.slope = self.values  # φ' takes the place of φ when that was last used
        self.turned_weights: Array = self.weights.transpose(0, 2, 1)
        self.turned_values: Array = self.values.transpose(0, 2, 1)
        # The maximum of two arrays is vectorised by numpy; that of an array and a number is not.
        self.zeros: Array = np.zeros((max(batch, PREDICTED_ROWS), fan_out), parameters.dtype)
        self.predicted: Array = np.empty((PREDICTED_ROWS, fan_out), parameters.dtype)

    def prepare_dropout(self) -> None:
        """Keep what φ' needs apart, and a mask, of ones: lanes without dropout leave it so."""
        self.slope = np.empty_like(self.values)
        self.mask: Array = np.ones_like(self.values)


class Mlp:
    """Perceptrons of any depth: hidden layers of one activation φ, linear outputs.

    Attributes:
        parameters: (lanes, n): all weights and biases of a network in a row.
        gradient: Of each lane's loss, in the same order; filled by `losses_and_gradient`.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        parameters: Array,
        *,
        batch: int,
        activation: str = "relu",
        classify: bool = True,
        dropout: Optional[Sequence[float]] = None,
    ) -> None:
        """Lay the networks over `parameters`, (lanes, `parameter_count(sizes)`).

        Args:
            sizes: Layer sizes, input and output included.
            parameters: Where the parameters live, each lane's contiguous; its dtype is theirs.
            batch: Examples of one training batch.
            activation: ``relu`` or ``tanh``.
            classify: Softmax cross-entropy, or else the mean squared error.
            dropout: Lane by lane, the share of hidden units set to 0 in training, the others
                scaled up; None for none.
        """
        lanes, dtype = len(parameters), parameters.dtype
        self.parameters = parameters
        self.gradient: Array = np.zeros((lanes, parameter_count(sizes)), dtype)
        self._relu = activation == "relu"
        self._classify = classify
        self._batch = batch
        self._row_sums: Array = np.empty((lanes, batch, 1), dtype)
        self._ones: Array = np.ones((1, batch), dtype)
        layers: List[_Layer] = []
        start = 0
        for fan_in, fan_out in _shapes(sizes):
            own = slice(start, start + (fan_in + 1) * fan_out)
            layers.append(_Layer(parameters[:, own], self.gradient[:, own], fan_in, batch))
            start = own.stop
        self._hidden, self._last = layers[:-1], layers[-1]
        self._rates = list(dropout) if dropout is not None and any(dropout) else []
        for layer in self._hidden if self._rates else ():
            layer.prepare_dropout()

    def initialize(self, lane: int, random: np.random.Generator, scale: float = 1.0) -> None:
        """Draw normal weights of variance scale² · gain / inputs, and zero the biases.

        The gain is 2 into a relu (arXiv 1502.01852), 1 into a tanh or an output.
        """
        for layer in (*self._hidden, self._last):
            gain = 2.0 if self._relu and layer is not self._last else 1.0
            weights = layer.weights[lane]
            weights[:] = random.normal(0.0, scale * (gain / len(weights)) ** 0.5, weights.shape)
            layer.bias[lane] = 0.0

    def predict(self, lane: int, inputs: Array) -> Array:
        """Compute one lane's (n, outputs) of (n, features), without dropout."""
        outputs: Array = np.empty((len(inputs), self._last.bias.shape[2]), inputs.dtype)
        for start in range(0, len(inputs), PREDICTED_ROWS):
            rows = slice(start, start + PREDICTED_ROWS)
            values = inputs[rows]
            for layer in self._hidden:
                predicted = layer.predicted[: len(values)]
                values = np.matmul(values, layer.weights[lane], out=predicted)
                values += layer.bias[lane]
                self._activate(values, layer)
            np.matmul(values, self._last.weights[lane], out=outputs[rows])
        outputs += self._last.bias[lane]
        return outputs

    def losses_and_gradient(
        self,
        inputs: Array,
        targets: Array,
        randoms: Sequence[Optional[np.random.Generator]] = (),
    ) -> List[float]:
        """Compute each lane's mean loss of its batch, and fill `gradient`.

        Args:
            inputs: (lanes, batch, features).
            targets: (lanes, batch, outputs): shares that add up to 1, or values.
            randoms: Lane by lane, where dropout's masks are drawn from; None if it has none.
        """
        if self._rates:
            self._draw_masks(randoms)
        values = inputs
        for layer in self._hidden:
            np.matmul(values, layer.weights, out=layer.values)
            layer.values += layer.bias
            self._activate(layer.values, layer)
            if self._rates:
                self._compute_slope(layer)
                layer.values *= layer.mask
                layer.slope *= layer.mask
            values = layer.values
        np.matmul(values, self._last.weights, out=self._last.values)
        self._last.values += self._last.bias
        totals = self._entropies(targets) if self._classify else self._squares(targets)
        self._backward(inputs)
        return [total / self._batch for total in totals.ravel().tolist()]

    def _activate(self, values: Array, layer: _Layer) -> None:
        """Apply φ in place to (…, rows, units of the layer)."""
        if self._relu:
            np.maximum(values, layer.zeros[: values.shape[-2]], out=values)
        else:
            np.tanh(values, out=values)

    def _compute_slope(self, layer: _Layer) -> None:
        """Compute φ' from φ: 1 where a relu is positive, 1 - tanh²."""
        if self._relu:
            np.greater(layer.values, 0.0, out=layer.slope)
        else:
            np.square(layer.values, out=layer.slope)
            np.subtract(1.0, layer.slope, out=layer.slope)

    def _draw_masks(self, randoms: Sequence[Optional[np.random.Generator]]) -> None:
        """Fill the masks of the lanes that drop units: 0, or 1 / keep."""
        for layer in self._hidden:
            for mask, rate, random in zip(layer.mask, self._rates, randoms):
                if random is not None:
                    random.random(out=mask, dtype=mask.dtype.type)
                    np.less(mask, 1.0 - rate, out=mask)
                    mask *= 1.0 / (1.0 - rate)

    def _entropies(self, targets: Array) -> Array:
        """Turn the outputs into the last layer's delta; give the sums of cross-entropies."""
        outputs, delta, sums = self._last.values, self._last.delta, self._row_sums
        np.maximum.reduce(outputs, axis=2, keepdims=True, out=sums)
        outputs -= sums
        np.exp(outputs, out=delta)
        np.add.reduce(delta, axis=2, keepdims=True, out=sums)
        delta /= sums
        delta -= targets
        delta *= 1.0 / self._batch
        log_sums: Array = np.matmul(self._ones, np.log(sums, out=sums))
        log_sums -= _dots(targets, outputs)
        return log_sums

    def _squares(self, targets: Array) -> Array:
        delta = self._last.delta
        np.subtract(self._last.values, targets, out=delta)
        totals = _dots(delta, delta)
        delta *= 2.0 / self._batch
        return totals

    def _backward(self, inputs: Array) -> None:
        """Fill `gradient` from the last layer's delta, layer by layer."""
        above = self._last
        for layer in reversed(self._hidden):
            np.matmul(layer.turned_values, above.delta, out=above.weights_gradient)
            np.matmul(self._ones, above.delta, out=above.bias_gradient)
            np.matmul(above.delta, above.turned_weights, out=layer.delta)
            if not self._rates:
                self._compute_slope(layer)
            layer.delta *= layer.slope
            above = layer
        np.matmul(inputs.transpose(0, 2, 1), above.delta, out=above.weights_gradient)
        np.matmul(self._ones, above.delta, out=above.bias_gradient)


def _dots(left: Array, right: Array) -> Array:
    """Sum the products of two (lanes, …) arrays over each lane, as (lanes, 1, 1)."""
    lanes = len(left)
    products: Array = np.matmul(left.reshape(lanes, 1, -1), right.reshape(lanes, -1, 1))
    return products
