"""The model families: perceptron, residual convolutional network, decoder-only transformer.

Blocks are ``x + f(norm(x))`` or ``norm(x + f(x))`` (P42). They are built without memory, on the
device ``meta``; `Flat` gives them theirs and `initialize` their values.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from labtui_torch.normalization import EPSILON, GhostBatchNorm, normalization
from labtui_workloads.corpus import CONTEXT, VOCABULARY
from labtui_workloads.digits import CLASSES, PIXELS, SIDE

Settings = Mapping[str, Any]
_ACTIVATIONS: Dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "gelu": F.gelu,
}
# Variance of an activation's inputs over that of its outputs (arXiv 1502.01852).
_GAINS = {"relu": 2.0, "tanh": 1.0, "gelu": 2.0}


class Linear(nn.Linear):
    """A linear layer whose initial weights have the variance gain / inputs."""

    gain: float

    def __init__(self, inputs: int, outputs: int, gain: float = 1.0) -> None:
        """Map (…, `inputs`) to (…, `outputs`)."""
        super().__init__(inputs, outputs)
        self.gain = gain


class Conv(nn.Conv2d):
    """A convolution whose initial weights have the variance gain / inputs; keeps the places."""

    gain: float

    def __init__(
        self, inputs: int, outputs: int, size: int = 3, stride: int = 1, gain: float = 1.0
    ) -> None:
        """Map (n, `inputs`, h, w) to (n, `outputs`, h / stride, w / stride)."""
        super().__init__(inputs, outputs, size, stride, padding=size // 2)
        self.gain = gain


def initialize(model: nn.Module, random: torch.Generator, scale: float = 1.0) -> None:
    """Draw normal weights of variance scale² · gain / inputs; biases are 0, norms the identity.

    Drawn on the CPU, so that a seed means the same model on every device.
    """
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, (Linear, Conv, nn.Embedding)):
                gain = 1.0 if isinstance(module, nn.Embedding) else module.gain
                spread = scale * (gain / module.weight[0].numel()) ** 0.5
                weight = module.weight
                drawn = torch.empty(weight.shape, dtype=weight.dtype)
                weight.copy_(drawn.normal_(0.0, spread, generator=random))
            elif isinstance(module, (nn.GroupNorm, nn.LayerNorm, GhostBatchNorm)):
                module.reset_parameters()


class _Style:
    """What the blocks of a model have in common."""

    def __init__(self, settings: Settings) -> None:
        self.activate = _ACTIVATIONS[settings["activation"]]
        self.hidden_gain = _GAINS[settings["activation"]]
        self.branch_gain = 0.0 if settings["zero_init_residual"] else 1.0
        self.dropout: float = settings["dropout"]
        self.inside = settings["norm_position"] == "inside"
        self.residual = settings.get("residual", True)
        self._normalization = settings["normalization"]
        self._virtual = settings.get("virtual_batch_size", 0)

    def norm(self, channels: int) -> nn.Module:
        """Normalize (n, channels, …)."""
        return normalization(self._normalization, channels, self._virtual)

    def position_norm(self, width: int) -> nn.Module:
        """Normalize (n, t, width), each position by itself: others may be the future."""
        layer = self._normalization == "layer"
        return nn.LayerNorm(width, EPSILON) if layer else nn.Identity()

    def drop(self, values: Tensor, training: bool) -> Tensor:
        return F.dropout(values, self.dropout, training) if self.dropout else values


class Mlp(nn.Module):
    """A perceptron: without residuals, hidden layers are dropout(φ(norm(linear(x)))).

    With residuals the first layer is linear, each other a block around linear(φ(·)).
    """

    def __init__(self, settings: Settings) -> None:
        """Lay it out from the hyperparameters of ``digits-mlp``."""
        super().__init__()
        self._style = style = _Style(settings)
        depth, width = settings["depth"], settings["width"]
        branch = style.branch_gain if style.residual else style.hidden_gain
        hidden = [Linear(PIXELS if i == 0 else width, width, branch) for i in range(depth)]
        for layer in hidden[:1]:
            layer.gain = 1.0 if style.residual else style.hidden_gain
        self.hidden = nn.ModuleList(hidden)
        self.norms = nn.ModuleList(style.norm(width) for _ in range(depth))
        self.output = Linear(width if depth else PIXELS, CLASSES)

    def forward(self, values: Tensor) -> Tensor:
        """Map (n, 64) pixels to (n, 10) logits."""
        if self._style.residual and len(self.hidden):
            values = self._residual(values)
        else:
            for layer, norm in zip(self.hidden, self.norms):
                values = self._unit(norm(layer(values)))
        outputs: Tensor = self.output(values)
        return outputs

    def _unit(self, values: Tensor) -> Tensor:
        return self._style.drop(self._style.activate(values), self.training)

    def _residual(self, values: Tensor) -> Tensor:
        style = self._style
        values = self.hidden[0](values)
        if not style.inside:
            values = self.norms[0](values)
        for i in range(1, len(self.hidden)):
            values = self.block(i, values)
        return self._unit(self.norms[-1](values) if style.inside else values)

    def block(self, i: int, values: Tensor) -> Tensor:
        """Apply residual block `i`, from 1, to (n, width)."""
        style = self._style
        before = self.norms[i - 1](values) if style.inside else values
        branch = self.hidden[i](self._unit(before))
        added: Tensor = values + branch if style.inside else self.norms[i](values + branch)
        return added


class ConvBlock(nn.Module):
    """Two 3x3 convolutions around which the input is added (arXiv 1603.05027 if norms are inside).

    With norms outside it is φ(norm(x + f(x))), and f has one norm inside as well.
    """

    def __init__(self, style: _Style, inputs: int, outputs: int) -> None:
        """Map (n, `inputs`, h, w) to (n, `outputs`, …), at half the places if they differ."""
        super().__init__()
        self._style = style
        stride = 1 if inputs == outputs else 2
        self.first = Conv(inputs, outputs, stride=stride, gain=style.hidden_gain)
        last_gain = style.branch_gain if style.residual else style.hidden_gain
        self.second = Conv(outputs, outputs, gain=last_gain)
        self.norm1 = style.norm(inputs if style.inside else outputs)
        self.norm2 = style.norm(outputs)
        needed = style.residual and stride > 1
        self.shortcut = Conv(inputs, outputs, 1, stride) if needed else nn.Identity()

    def forward(self, values: Tensor) -> Tensor:
        """Apply the block."""
        style = self._style
        if style.inside:
            branch = self.first(style.activate(self.norm1(values)))
            branch = self.second(style.drop(style.activate(self.norm2(branch)), self.training))
            added: Tensor = self.shortcut(values) + branch if style.residual else branch
            return added
        branch = style.activate(self.norm1(self.first(values)))
        branch = self.second(style.drop(branch, self.training))
        added = self.shortcut(values) + branch if style.residual else branch
        return style.activate(self.norm2(added))


class ResNet(nn.Module):
    """A stem, two stages of blocks, the mean over all places, and a linear output."""

    def __init__(self, settings: Settings) -> None:
        """Lay it out from the hyperparameters of ``digits-cnn``."""
        super().__init__()
        self._style = style = _Style(settings)
        depth, width = settings["depth"], settings["width"]
        channels = [width] * (1 + depth) + [2 * width] * depth
        self.stem = Conv(1, width, gain=1.0 if style.inside else style.hidden_gain)
        self.blocks = nn.ModuleList(
            ConvBlock(style, channels[i], channels[i + 1]) for i in range(2 * depth)
        )
        self.norm = style.norm(channels[-1] if style.inside else width)
        self.output = Linear(channels[-1], CLASSES)

    def forward(self, values: Tensor) -> Tensor:
        """Map (n, 64) pixels to (n, 10) logits."""
        style = self._style
        values = self.stem(values.view(-1, 1, SIDE, SIDE))
        if not style.inside:
            values = style.activate(self.norm(values))
        for block in self.blocks:
            values = block(values)
        if style.inside:
            values = style.activate(self.norm(values))
        outputs: Tensor = self.output(values.mean((2, 3)))
        return outputs


class Attention(nn.Module):
    """Causal self-attention of several heads."""

    def __init__(self, width: int, heads: int, branch_gain: float) -> None:
        """Map (n, t, `width`) to the same shape."""
        super().__init__()
        self._heads = heads
        self.queries_keys_values = Linear(width, 3 * width)
        self.output = Linear(width, width, branch_gain)

    def forward(self, values: Tensor) -> Tensor:
        """Let each position look at itself and those before it."""
        split = self.queries_keys_values(values).unflatten(-1, (3, self._heads, -1))
        queries, keys, seen = split.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(queries, keys, seen, is_causal=True)
        outputs: Tensor = self.output(mixed.transpose(1, 2).flatten(2))
        return outputs


class TransformerBlock(nn.Module):
    """Attention and a perceptron of four times the width, each a residual branch."""

    def __init__(self, style: _Style, width: int, heads: int) -> None:
        """Map (n, t, `width`) to the same shape."""
        super().__init__()
        self._style = style
        self.attention = Attention(width, heads, style.branch_gain)
        self.wide = Linear(width, 4 * width, style.hidden_gain)
        self.narrow = Linear(4 * width, width, style.branch_gain)
        self.norm1 = style.position_norm(width)
        self.norm2 = style.position_norm(width)

    def forward(self, values: Tensor) -> Tensor:
        """Apply the block."""
        style, training = self._style, self.training
        if style.inside:
            values = values + style.drop(self.attention(self.norm1(values)), training)
            return values + style.drop(self._perceptron(self.norm2(values)), training)
        values = self.norm1(values + style.drop(self.attention(values), training))
        values = self.norm2(values + style.drop(self._perceptron(values), training))
        return values

    def _perceptron(self, values: Tensor) -> Tensor:
        outputs: Tensor = self.narrow(self._style.activate(self.wide(values)))
        return outputs


class Transformer(nn.Module):
    """A decoder-only language model over characters, with learned positions."""

    def __init__(self, settings: Settings) -> None:
        """Lay it out from the hyperparameters of ``source-transformer``."""
        super().__init__()
        self._style = style = _Style(settings)
        width = settings["width"]
        self.tokens = nn.Embedding(len(VOCABULARY), width)
        self.positions = nn.Embedding(CONTEXT, width)
        self.blocks = nn.ModuleList(
            TransformerBlock(style, width, settings["heads"]) for _ in range(settings["depth"])
        )
        self.norm = style.position_norm(width) if style.inside else nn.Identity()
        self.output = Linear(width, len(VOCABULARY))

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (n, t) tokens to (n, t, 98) logits of the next ones; t is at most `CONTEXT`."""
        values = self.tokens(tokens) + self.positions.weight[: tokens.shape[1]]
        values = self._style.drop(values, self.training)
        for block in self.blocks:
            values = block(values)
        outputs: Tensor = self.output(self.norm(values))
        return outputs


MODELS: Dict[str, Callable[[Settings], nn.Module]] = {
    "digits-mlp": Mlp,
    "digits-cnn": ResNet,
    "source-transformer": Transformer,
}


def build(workload: str, settings: Settings) -> nn.Module:
    """Lay out the model of a workload, without memory (device ``meta``)."""
    with torch.device("meta"):
        return MODELS[workload](settings)
