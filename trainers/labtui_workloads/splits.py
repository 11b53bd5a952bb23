"""How examples are split: for ever, whatever any library's random numbers do."""

from __future__ import annotations

import hashlib
from typing import Dict, List


def split_order(name: str, count: int) -> List[int]:
    """Order the `count` examples of data set `name` by a hash: training, validation, test."""
    return sorted(range(count), key=lambda i: hashlib.sha256(f"{name}:{i}".encode()).digest())


def split_rows(count: int, held_out: int) -> Dict[str, slice]:
    """Give the rows of each split, `held_out` of them in validation and as many in the test."""
    training = count - 2 * held_out
    return {
        "train": slice(0, training),
        "validation": slice(training, training + held_out),
        "test": slice(training + held_out, count),
    }
