"""Normalization of hidden units (P47)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPSILON = 1e-5
MOMENTUM = 0.1  # share of a new batch in the running statistics, as torch's default


class GhostBatchNorm(nn.Module):
    """Batch normalization over virtual batches (arXiv 1705.08741), for (n, c) or (n, c, h, w).

    A batch larger than the virtual one is cut into groups of exactly that many examples, each
    normalized by its own statistics. If some are left over, the last group is the batch's last
    `virtual_batch_size` examples, of which only those left over are used: how many examples are
    behind a statistic never depends on the batch. The running statistics follow the groups' mean.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, virtual_batch_size: int = 0) -> None:
        """Normalize `channels`; a virtual batch size of 0 takes the batch as it is."""
        super().__init__()
        self.virtual = virtual_batch_size
        self.weight = nn.Parameter(torch.empty(channels))
        self.bias = nn.Parameter(torch.empty(channels))
        self.register_buffer("running_mean", torch.empty(channels))
        self.register_buffer("running_var", torch.empty(channels))

    def reset_parameters(self) -> None:
        """Start as the identity of what has mean 0 and variance 1."""
        self.weight.fill_(1.0)
        self.bias.zero_()
        self.running_mean.zero_()
        self.running_var.fill_(1.0)

    def forward(self, values: Tensor) -> Tensor:
        """Normalize by the batch's statistics in training, by the running ones otherwise."""
        if self.training and 0 < self.virtual < len(values):
            return self._in_groups(values)
        return F.batch_norm(
            values,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training,
            MOMENTUM,
            EPSILON,
        )

    def _in_groups(self, values: Tensor) -> Tensor:
        left = len(values) % self.virtual
        groups = [*torch.split(values[: len(values) - left], self.virtual)]
        if left:
            groups.append(values[-self.virtual :])
        means = values.new_zeros(len(groups), len(self.running_mean))
        variances = torch.zeros_like(means)
        normal = [
            F.batch_norm(group, mean, variance, self.weight, self.bias, True, 1.0, EPSILON)
            for group, mean, variance in zip(groups, means, variances)
        ]
        self.running_mean.lerp_(means.mean(0), MOMENTUM)
        self.running_var.lerp_(variances.mean(0), MOMENTUM)
        if left:
            normal[-1] = normal[-1][-left:]
        return torch.cat(normal)


def normalization(kind: str, channels: int, virtual_batch_size: int = 0) -> nn.Module:
    """Make the normalization `kind` of (n, `channels`, …): ``none``, ``batch`` or ``layer``."""
    if kind == "batch":
        return GhostBatchNorm(channels, virtual_batch_size)
    if kind == "layer":  # one group: over channels and places of an example
        return nn.GroupNorm(1, channels, EPSILON)
    return nn.Identity()
