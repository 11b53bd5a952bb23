"""What is measured when a model is evaluated, and what it says on a few examples."""

from __future__ import annotations

import math
from typing import Any, Callable, Dict, List

import numpy as np
from numpy.typing import NDArray

from labtui_numpy.data import Dataset

Array = NDArray[Any]
EXAMPLES = 8  # validation examples whose predictions are kept with a checkpoint (P43)


def cross_entropies(outputs: Array, labels: NDArray[np.intp]) -> Array:
    """Compute -log softmax(output) of each row's label, (n,), from (n, classes)."""
    shifted: Array = outputs.T.copy()  # what follows runs along the rows
    shifted -= shifted.max(axis=0)
    right = shifted[labels, np.arange(len(labels))]
    losses: Array = np.log(np.exp(shifted, out=shifted).sum(axis=0))
    losses -= right
    return losses


def squared_errors(outputs: Array, targets: Array) -> Array:
    """Square the differences of two (n, 1) arrays, (n,)."""
    errors: Array = np.square(outputs - targets)[:, 0]
    return errors


class Evaluation:
    """Compares outputs with one data set's targets."""

    def __init__(self, data: Dataset) -> None:
        """Evaluate on `data`."""
        self._data = data
        self._labels: NDArray[np.intp] = data.targets.argmax(axis=1)

    def measure(self, outputs: Array) -> Dict[str, float]:
        """Measure every split whole, so that there are no batches to weight (P43).

        ``train/loss`` is not among it: that is the batch's, what is minimised.

        Args:
            outputs: (n, outputs) of all examples of the data set.
        """
        data = self._data
        if data.classes:
            losses, wrong = cross_entropies(outputs, self._labels), outputs.argmax(axis=1)
            wrong = wrong != self._labels
        else:
            losses = squared_errors(outputs, data.targets)
        measured: Dict[str, float] = {}
        for split, rows in data.splits.items():
            loss = float(losses[rows].mean())
            if split != "train":
                measured[f"{split}/loss"] = loss
            if data.classes:
                measured[f"{split}/error_rate"] = float(wrong[rows].mean())
            else:
                measured[f"{split}/rmse"] = math.sqrt(loss) * data.target_scale
        return measured

    def examples(self, outputs: Array) -> Callable[[], List[Dict[str, Any]]]:
        """Prepare what the model says on the first validation examples, to be asked for later.

        Each has its ``index`` in the validation split, what is ``expected`` and ``predicted``: a
        class, with its ``probability``, or a standardised value.
        """
        start = self._data.splits["validation"].start
        rows = slice(start, start + EXAMPLES)
        ours, targets, labels = outputs[rows].copy(), self._data.targets[rows], self._labels[rows]
        return lambda: _classes(ours, labels) if self._data.classes else _values(ours, targets)


def _classes(outputs: Array, labels: NDArray[np.intp]) -> List[Dict[str, Any]]:
    shares = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return [
        {
            "index": i,
            "expected": int(labels[i]),
            "predicted": int(share.argmax()),
            "probability": float(share.max()),
        }
        for i, share in enumerate(shares)
    ]


def _values(outputs: Array, targets: Array) -> List[Dict[str, Any]]:
    pairs = zip(targets[:, 0].tolist(), outputs[:, 0].tolist())
    return [
        {"index": i, "expected": right, "predicted": ours} for i, (right, ours) in enumerate(pairs)
    ]
