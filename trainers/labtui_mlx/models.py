"""The model families: perceptron and decoder-only transformer.

Blocks are ``x + f(norm(x))`` or ``norm(x + f(x))`` (P42). A model declares `parameters` and
`statistics`, and is a function of their values.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Sequence, Union

import mlx.core as mx

from labtui_mlx.layers import ACTIVATIONS, GAINS, Linear, Norm, Pass, normalization
from labtui_mlx.layout import Leaf, Views
from labtui_workloads.corpus import CONTEXT, VOCABULARY
from labtui_workloads.digits import CLASSES, PIXELS

Settings = Mapping[str, Any]
Branch = Callable[[Views, mx.array], mx.array]


class Mlp:
    """A perceptron: without residuals, hidden layers are dropout(φ(norm(linear(x)))).

    With residuals the first layer is linear, each other a block around linear(φ(·)).
    """

    def __init__(self, settings: Settings) -> None:
        """Lay it out from the hyperparameters of ``digits-mlp``."""
        depth, width = settings["depth"], settings["width"]
        kind, virtual = settings["normalization"], settings["virtual_batch_size"]
        self._activate = ACTIVATIONS[settings["activation"]]
        self._inside = settings["norm_position"] == "inside"
        self._residual = settings["residual"] and depth > 0
        gain = GAINS[settings["activation"]]
        first, others = (1.0, _branch_gain(settings)) if self._residual else (gain, gain)
        self._hidden = [
            Linear(f"hidden{i}", width if i else PIXELS, width, others if i else first)
            for i in range(depth)
        ]
        self._norms = [normalization(kind, f"norm{i}", width, virtual) for i in range(depth)]
        self._output = Linear("output", width if depth else PIXELS, CLASSES)
        self.parameters = _parameters([*self._hidden, *self._norms, self._output])
        self.statistics = [leaf for norm in self._norms for leaf in norm.statistics]

    def __call__(self, views: Views, values: mx.array, way: Pass) -> mx.array:
        """Map (n, 64) pixels to (n, 10) logits."""
        if self._residual:
            values = self._through_blocks(views, values, way)
        else:
            for layer, norm in zip(self._hidden, self._norms):
                values = self._unit(norm(views, layer(views, values), way), way)
        return self._output(views, values)

    def _unit(self, values: mx.array, way: Pass) -> mx.array:
        return way.drop(self._activate(values))

    def _through_blocks(self, views: Views, values: mx.array, way: Pass) -> mx.array:
        norms, inside = self._norms, self._inside
        values = self._hidden[0](views, values)
        if not inside:
            values = norms[0](views, values, way)
        for i in range(1, len(self._hidden)):
            before = norms[i - 1](views, values, way) if inside else values
            values = values + self._hidden[i](views, self._unit(before, way))
            if not inside:
                values = norms[i](views, values, way)
        return self._unit(norms[-1](views, values, way) if inside else values, way)


class Attention:
    """Causal self-attention of several heads."""

    def __init__(self, name: str, width: int, heads: int, branch_gain: float) -> None:
        """Map (n, t, `width`) to the same shape."""
        self._heads = heads
        self._queries_keys_values = Linear(f"{name}.in", width, 3 * width)
        self._output = Linear(f"{name}.out", width, width, branch_gain)
        self.parameters = _parameters([self._queries_keys_values, self._output])

    def __call__(self, views: Views, values: mx.array) -> mx.array:
        """Let each position look at itself and those before it."""
        count, length, width = values.shape
        share = width // self._heads
        split = self._queries_keys_values(views, values)
        split = split.reshape(count, length, 3, self._heads, share).transpose(2, 0, 3, 1, 4)
        mixed = mx.fast.scaled_dot_product_attention(
            split[0], split[1], split[2], scale=share**-0.5, mask=_not_ahead(length)
        )
        return self._output(views, mixed.transpose(0, 2, 1, 3).reshape(count, length, width))


def _not_ahead(length: int) -> mx.array:
    """Make the (t, t) mask that is added to the scores: -∞ for what is ahead."""
    places = mx.arange(length)
    return mx.where(places[:, None] < places[None, :], -mx.inf, 0.0)


class Block:
    """Attention and a perceptron of four times the width, each a residual branch."""

    def __init__(self, name: str, settings: Settings) -> None:
        """Map (n, t, width) to the same shape."""
        width, kind = settings["width"], settings["normalization"]
        gain, branch_gain = GAINS[settings["activation"]], _branch_gain(settings)
        self._activate = ACTIVATIONS[settings["activation"]]
        self._inside = settings["norm_position"] == "inside"
        self._attention = Attention(f"{name}.attention", width, settings["heads"], branch_gain)
        self._wide = Linear(f"{name}.wide", width, 4 * width, gain)
        self._narrow = Linear(f"{name}.narrow", 4 * width, width, branch_gain)
        self._norms = [normalization(kind, f"{name}.norm{i}", width) for i in range(2)]
        self.parameters = _parameters([self._attention, self._wide, self._narrow, *self._norms])

    def __call__(self, views: Views, values: mx.array, way: Pass) -> mx.array:
        """Apply the block."""
        values = self._around(self._attention, self._norms[0], views, values, way)
        return self._around(self._perceptron, self._norms[1], views, values, way)

    def _around(
        self, branch: Branch, norm: Norm, views: Views, values: mx.array, way: Pass
    ) -> mx.array:
        if self._inside:
            return values + way.drop(branch(views, norm(views, values, way)))
        return norm(views, values + way.drop(branch(views, values)), way)

    def _perceptron(self, views: Views, values: mx.array) -> mx.array:
        return self._narrow(views, self._activate(self._wide(views, values)))


class Transformer:
    """A decoder-only language model over characters, with learned positions."""

    def __init__(self, settings: Settings) -> None:
        """Lay it out from the hyperparameters of ``source-transformer``."""
        width, count = settings["width"], len(VOCABULARY)
        inside = settings["norm_position"] == "inside"
        self._blocks = [Block(f"block{i}", settings) for i in range(settings["depth"])]
        self._norm = normalization(settings["normalization"] if inside else "none", "norm", width)
        self._output = Linear("output", width, count)
        self.parameters = [
            Leaf("tokens", (count, width), width**-0.5),
            Leaf("positions", (CONTEXT, width), width**-0.5),
            *_parameters([*self._blocks, self._norm, self._output]),
        ]
        self.statistics: List[Leaf] = []

    def __call__(self, views: Views, tokens: mx.array, way: Pass) -> mx.array:
        """Map (n, t) tokens to (n, t, 98) logits of the next ones; t is at most `CONTEXT`."""
        values = way.drop(views["tokens"][tokens] + views["positions"][: tokens.shape[1]])
        for block in self._blocks:
            values = block(views, values, way)
        return self._output(views, self._norm(views, values, way))


def _branch_gain(settings: Settings) -> float:
    return 0.0 if settings["zero_init_residual"] else 1.0


def _parameters(layers: Sequence[Union[Linear, Norm, Attention, Block]]) -> List[Leaf]:
    return [leaf for layer in layers for leaf in layer.parameters]


Model = Union[Mlp, Transformer]
MODELS: Dict[str, Callable[[Settings], Model]] = {
    "digits-mlp": Mlp,
    "source-transformer": Transformer,
}
