"""A model's parameters, gradient and buffers as vectors.

An update, the gradient's norm and a copy of the model are then a few operations each, however many
layers there are.
"""

from __future__ import annotations

from typing import Callable, Iterator, List, Tuple

import torch
from torch import Tensor, nn


class Flat:
    """The vectors that a model's tensors are views of.

    Attributes:
        values: All parameters, then all buffers (running statistics).
        parameters: The first part of `values`.
        gradient: As long as `parameters`; `backward` adds to it.
    """

    def __init__(
        self, model: nn.Module, device: torch.device, dtype: torch.dtype = torch.float32
    ) -> None:
        """Give `model`, built on the device ``meta``, its memory: zeros on `device`."""
        parameters, buffers = list(_parameters(model)), list(_buffers(model))
        count = sum(tensor.numel() for _, _, tensor in parameters)
        held = sum(tensor.numel() for _, _, tensor in buffers)
        self.values = torch.zeros(count + held, device=device, dtype=dtype)
        self.parameters = self.values[:count]
        self.gradient = torch.zeros(count, device=device, dtype=dtype)
        laid = _lay(parameters, self.parameters, nn.Parameter)
        for parameter, view in zip(laid, _views(parameters, self.gradient)):
            parameter.grad = view
        _lay(buffers, self.values[count:], Tensor.detach)


Place = Tuple[nn.Module, str, Tensor]


def _parameters(model: nn.Module) -> Iterator[Place]:
    for module in model.modules():
        for name, tensor in module.named_parameters(recurse=False):
            yield module, name, tensor


def _buffers(model: nn.Module) -> Iterator[Place]:
    for module in model.modules():
        for name, tensor in module.named_buffers(recurse=False):
            yield module, name, tensor


def _views(places: List[Place], vector: Tensor) -> Iterator[Tensor]:
    start = 0
    for _, _, tensor in places:
        yield vector[start : start + tensor.numel()].view(tensor.shape)
        start += tensor.numel()


def _lay(places: List[Place], vector: Tensor, wrap: Callable[[Tensor], Tensor]) -> List[Tensor]:
    """Replace each tensor by a view of `vector`; give what they were replaced by.

    Each counts its own changes (`data`): running statistics may change between a forward pass and
    its backward pass, which autograd would take for a change of the weights.
    """
    laid = [wrap(view.data) for view in _views(places, vector)]
    for (module, name, _), tensor in zip(places, laid):
        setattr(module, name, tensor)
    return laid
