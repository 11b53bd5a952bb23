"""All numbers of a model as one vector.

An update, the gradient's norm, an average and a checkpoint are then a few operations each, however
many layers there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from math import prod
from typing import Dict, Sequence, Tuple

import mlx.core as mx

from labtui_workloads.seeds import derive

Views = Dict[str, mx.array]


@dataclass(frozen=True)
class Leaf:
    """One array of a model.

    Attributes:
        spread: Standard deviation of its initial values; 0 for a constant.
        value: Their mean.
    """

    name: str
    shape: Tuple[int, ...]
    spread: float = 0.0
    value: float = 0.0


class Layout:
    """Where each array lies in the vector.

    Attributes:
        size: Length of the vector.
    """

    def __init__(self, leaves: Sequence[Leaf]) -> None:
        """Lay the arrays out one after another."""
        self._leaves = tuple(leaves)
        self._ends = list(accumulate(prod(leaf.shape) for leaf in self._leaves))
        self.size = self._ends[-1] if self._ends else 0

    def views(self, vector: mx.array) -> Views:
        """Cut a vector of `size` into its arrays by name."""
        parts = mx.split(vector, self._ends[:-1]) if self._leaves else []
        return {leaf.name: part.reshape(leaf.shape) for leaf, part in zip(self._leaves, parts)}

    def join(self, views: Views) -> mx.array:
        """Make a vector of its arrays again."""
        if not self._leaves:
            return mx.zeros((0,))
        return mx.concatenate([views[leaf.name].reshape(-1) for leaf in self._leaves])

    def initial(self, seed: int, scale: float = 1.0) -> mx.array:
        """Draw the initial vector, spreads times `scale`; on the CPU, the same for every device."""
        views: Views = {}
        for number, leaf in enumerate(self._leaves):
            values = mx.full(leaf.shape, leaf.value)
            if leaf.spread:
                key = mx.random.key(derive(seed, "initial", number))
                drawn = mx.random.normal(leaf.shape, key=key, stream=mx.cpu)
                values = values + drawn * (scale * leaf.spread)
            views[leaf.name] = values
        return self.join(views)
