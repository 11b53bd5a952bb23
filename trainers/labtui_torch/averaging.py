"""Polyak averaging: the mean of the parameters over the updates, weighted towards the latest."""

from __future__ import annotations

import contextlib
from typing import Iterator

from torch import Tensor


class Average:
    """The exponential average of a model's values, its running statistics included.

    After update t it is Σᵢ (1 - d) dᵗ⁻ⁱ θᵢ / (1 - dᵗ) over i = 1 … t, for the decay d: the
    untrained model has no part in it.
    """

    def __init__(self, values: Tensor, decay: float) -> None:
        """Average `values`, the vector that the model lives in; decay 0 keeps no average."""
        self._values, self._decay = values, decay
        self.average = values.new_zeros(len(values) if decay else 0)

    def update(self, step: int) -> None:
        """Take the values after update number `step`, from 1."""
        if self._decay:
            self.average.lerp_(self._values, (1.0 - self._decay) / (1.0 - self._decay**step))

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the model be the average for a while."""
        if not self._decay:
            yield
            return
        own = self._values.clone()
        self._values.copy_(self.average)
        try:
            yield
        finally:
            self._values.copy_(own)
