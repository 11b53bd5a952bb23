"""What models are made of: linear maps, activations, dropout, normalization (P47).

A layer declares its arrays as leaves and is a function of their values: nothing is changed in
place. What training moves beside the parameters is collected by the `Pass`.
"""

from __future__ import annotations

import math
from typing import Callable, Dict, List, Optional

import mlx.core as mx

from labtui_mlx.layout import Leaf, Views

EPSILON = 1e-5
MOMENTUM = 0.1  # share of a new batch in the running statistics

# Variance of an activation's inputs over that of its outputs (arXiv 1502.01852).
GAINS = {"relu": 2.0, "tanh": 1.0, "gelu": 2.0}


def gelu(values: mx.array) -> mx.array:
    """Compute x Φ(x) (arXiv 1606.08415), not one of its approximations."""
    return values * 0.5 * (1.0 + mx.erf(values * math.sqrt(0.5)))


ACTIVATIONS: Dict[str, Callable[[mx.array], mx.array]] = {
    "relu": lambda values: mx.maximum(values, 0.0),
    "tanh": mx.tanh,
    "gelu": gelu,
}


class Pass:
    """One way through a model: for training, or else for its outputs alone.

    Attributes:
        training: Whether units drop out and normalization uses the statistics of the batch.
        moved: Running statistics as this batch leaves them.
    """

    def __init__(
        self,
        *,
        training: bool = False,
        key: Optional[mx.array] = None,
        keep: Optional[mx.array] = None,
    ) -> None:
        """Drop units by random `key`, each kept with probability `keep`; None drops none."""
        self.training = training
        self.moved: Views = {}
        self._key, self._keep = key, keep

    def drop(self, values: mx.array) -> mx.array:
        """Set some of the values to 0 and scale the others up; each call drops others."""
        if self._key is None or self._keep is None:
            return values
        self._key, own = mx.random.split(self._key)
        kept = mx.random.bernoulli(self._keep, values.shape, own)
        return values * (kept / self._keep)


class Linear:
    """A linear map; its initial weights have the variance gain / inputs, its biases are 0."""

    def __init__(self, name: str, inputs: int, outputs: int, gain: float = 1.0) -> None:
        """Map (…, `inputs`) to (…, `outputs`)."""
        self._weight, self._bias = f"{name}.weight", f"{name}.bias"
        spread = (gain / inputs) ** 0.5
        self.parameters = [
            Leaf(self._weight, (inputs, outputs), spread),
            Leaf(self._bias, (outputs,)),
        ]

    def __call__(self, views: Views, values: mx.array) -> mx.array:
        """Apply it."""
        return mx.addmm(views[self._bias], values, views[self._weight])


class Norm:
    """No normalization, and what all of them share."""

    def __init__(self, name: str, width: int) -> None:
        """Normalize (…, `width`)."""
        self._weight, self._bias = f"{name}.weight", f"{name}.bias"
        self._mean, self._variance = f"{name}.mean", f"{name}.variance"
        self.parameters: List[Leaf] = []
        self.statistics: List[Leaf] = []

    def __call__(self, views: Views, values: mx.array, way: Pass) -> mx.array:
        """Apply it."""
        return values

    def _identity(self, width: int) -> List[Leaf]:
        return [Leaf(self._weight, (width,), value=1.0), Leaf(self._bias, (width,))]


class LayerNorm(Norm):
    """Layer normalization (arXiv 1607.06450), each position by itself."""

    def __init__(self, name: str, width: int) -> None:
        """Normalize (…, `width`)."""
        super().__init__(name, width)
        self.parameters = self._identity(width)

    def __call__(self, views: Views, values: mx.array, way: Pass) -> mx.array:
        """Apply it."""
        return mx.fast.layer_norm(values, views[self._weight], views[self._bias], EPSILON)


class GhostBatchNorm(Norm):
    """Batch normalization over virtual batches (arXiv 1705.08741).

    A batch larger than the virtual one is cut into groups of exactly that many examples, each
    normalized by its own statistics. If some are left over, the last group is the batch's last
    examples, of which only those left over are used. The running statistics follow the mean over
    the groups; their variance is the unbiased one.
    """

    def __init__(self, name: str, width: int, virtual: int = 0) -> None:
        """Normalize (n, `width`) over `virtual` examples; 0 takes the batch as it is."""
        super().__init__(name, width)
        self.parameters = self._identity(width)
        self.statistics = [Leaf(self._mean, (width,)), Leaf(self._variance, (width,), value=1.0)]
        self._virtual = virtual

    def __call__(self, views: Views, values: mx.array, way: Pass) -> mx.array:
        """Normalize by the batch's statistics in training, by the running ones otherwise."""
        if way.training:
            normal = self._in_groups(views, values, way)
        else:
            scale = mx.rsqrt(views[self._variance] + EPSILON)
            normal = (values - views[self._mean]) * scale
        return normal * views[self._weight] + views[self._bias]

    def _in_groups(self, views: Views, values: mx.array, way: Pass) -> mx.array:
        count, width = values.shape
        size = min(self._virtual or count, count)
        left = count % size
        groups = mx.concatenate([values[: count - left], values[-size:]]) if left else values
        groups = groups.reshape(-1, size, width)
        mean = groups.mean(axis=1, keepdims=True)
        variance = groups.var(axis=1, keepdims=True)
        normal = ((groups - mean) * mx.rsqrt(variance + EPSILON)).reshape(-1, width)
        if left:
            normal = mx.concatenate([normal[: count - left], normal[-left:]])
        unbiased = size / max(1, size - 1)
        for name, found in ((self._mean, mean), (self._variance, variance * unbiased)):
            seen = mx.stop_gradient(found.mean(axis=(0, 1)))
            way.moved[name] = views[name] + MOMENTUM * (seen - views[name])
        return normal


def normalization(kind: str, name: str, width: int, virtual: int = 0) -> Norm:
    """Make the normalization `kind` of (…, `width`): ``none``, ``batch`` or ``layer``."""
    if kind == "batch":
        return GhostBatchNorm(name, width, virtual)
    return LayerNorm(name, width) if kind == "layer" else Norm(name, width)
