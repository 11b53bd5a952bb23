"""The two data sets that come along, split once and for all (DATA.md says where they are from)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import Dict, Tuple

import numpy as np
from numpy.typing import NDArray

import labtui_workloads.digits
from labtui_workloads.splits import split_order, split_rows

__all__ = ["SETS", "Dataset", "load", "split_order"]

Array = NDArray[np.float32]

# Data set → (classes, 0 for regression; examples held out for validation; as many for the test).
SETS: Dict[str, Tuple[int, int]] = {"digits": (10, 360), "diabetes": (0, 88)}
_FILES = {
    "digits": labtui_workloads.digits.PATH,
    "diabetes": os.path.join(os.path.dirname(os.path.abspath(__file__)), "diabetes.npz"),
}


@dataclass(frozen=True)
class Dataset:
    """Examples in the order training, validation, test.

    Attributes:
        inputs: (n, features), standardised by the training examples.
        targets: (n, classes) one-hot, or (n, 1) standardised by the training examples.
        splits: Split name → its rows.
        classes: 0 for regression.
        target_scale: What one unit of a standardised target is in the target's own unit.
    """

    inputs: Array
    targets: Array
    splits: Dict[str, slice]
    classes: int
    target_scale: float


@cache
def load(name: str) -> Dataset:
    """Read a data set of `SETS`, once per process; its arrays are read-only."""
    classes, held_out = SETS[name]
    with np.load(_FILES[name], allow_pickle=False) as file:
        inputs, targets = file["inputs"].astype(np.float64), file["targets"]
    order = np.array(split_order(name, len(inputs)))
    inputs, targets = inputs[order], targets[order]
    splits = split_rows(len(inputs), held_out)
    training = splits["train"].stop
    # Pixels share one spread: a pixel that is hardly ever lit has none of its own to speak of.
    axis = None if classes else 0
    inputs, _ = _standardise(inputs, training, axis)
    scale = 1.0
    if classes:
        targets = np.eye(classes)[targets]
    else:
        targets, spread = _standardise(targets[:, None], training, axis)
        scale = float(spread[0])
    return Dataset(_frozen(inputs), _frozen(targets), splits, classes, scale)


def _standardise(
    values: NDArray[np.float64], training: int, axis: object
) -> Tuple[NDArray[np.float64], NDArray[np.float64]]:
    known = values[:training]
    spread: NDArray[np.float64] = np.std(known, axis=axis)  # type: ignore[call-overload]
    mean: NDArray[np.float64] = np.mean(known, axis=axis)  # type: ignore[call-overload]
    return (values - mean) / spread, spread


def _frozen(values: NDArray[np.float64]) -> Array:
    frozen = np.ascontiguousarray(values, dtype=np.float32)
    frozen.flags.writeable = False
    return frozen
