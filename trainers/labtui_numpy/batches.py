"""Training batches of several trials at once, each in an order of its own."""

from __future__ import annotations

from typing import Any, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_ORDER = 1  # first word of a random stream's key, so that streams of one seed are independent


class StackedBatches:
    """Batches by step, lane by lane: every epoch is a new order without replacement.

    A lane's order is a function of (its seed, epoch), so a resumed trial sees what the first would
    have seen, whatever trains beside it. What is left of an epoch after the last whole batch is
    dropped: all updates average the same number of examples, and another order leaves out others.
    """

    def __init__(
        self, inputs: Array, targets: Sequence[Array], size: int, seeds: Sequence[int]
    ) -> None:
        """Cut examples into batches of `size` ≤ n.

        Args:
            inputs: (n, features), the same for every lane.
            targets: (n, outputs), one a lane.
            size: Examples of one batch.
            seeds: One a lane.
        """
        self.per_epoch = len(inputs) // size
        self._inputs, self._targets, self._seeds = inputs, list(targets), list(seeds)
        self._epoch = -1
        shape = (self.per_epoch, len(seeds), size)
        self._shuffled: Tuple[Array, Array] = (
            np.empty((*shape, inputs.shape[1]), inputs.dtype),
            np.empty((*shape, targets[0].shape[1]), targets[0].dtype),
        )

    def at(self, step: int) -> Tuple[Array, Array]:
        """Give the (lanes, size, …) inputs and targets of update `step`, from 1."""
        epoch, position = divmod(step - 1, self.per_epoch)
        if epoch != self._epoch:
            self._shuffle(epoch)
        return self._shuffled[0][position], self._shuffled[1][position]

    def _shuffle(self, epoch: int) -> None:
        """Gather a whole epoch at once, so that every batch is a view."""
        inputs, targets = self._shuffled
        batches, _, size, _ = inputs.shape
        for lane, (seed, own) in enumerate(zip(self._seeds, self._targets)):
            random = np.random.Generator(np.random.PCG64([seed, _ORDER, epoch]))
            order = random.permutation(len(own))[: batches * size].reshape(batches, size)
            inputs[:, lane] = self._inputs[order]
            targets[:, lane] = own[order]
        self._epoch = epoch
