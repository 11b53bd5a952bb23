"""The data sets as arrays, and the batches of each update.

Everything random is a function of the seed and the epoch, drawn on the CPU, so that a resumed trial
sees what the first would have seen, and every device the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Callable, Dict, List, Tuple, Union

import mlx.core as mx

from labtui_workloads import corpus, digits
from labtui_workloads.seeds import derive

Batch = Tuple[mx.array, mx.array]
_SPAN = corpus.CONTEXT + 1


@dataclass(frozen=True)
class Digits:
    """Images of digits.

    Attributes:
        splits: Split name → its standardised pixels (n, 64) and labels (n).
        evaluation_batch: Examples that are evaluated at once, at least.
    """

    splits: Dict[str, Batch]
    evaluation_batch: int = 256

    def __len__(self) -> int:
        """Count the examples of an epoch."""
        return len(self.splits["train"][1])

    def epoch(self, order: mx.array, seed: int, epoch: int) -> Batch:
        """Gather the training examples in a new order."""
        inputs, labels = self.splits["train"]
        return inputs[order], labels[order]

    def predictions(self, logits: mx.array, labels: mx.array) -> List[Dict[str, Any]]:
        """Describe the model's answer to each of n images, (n, 10)."""
        shares = mx.softmax(logits, axis=1)
        rows = (labels.tolist(), shares.argmax(axis=1).tolist(), shares.max(axis=1).tolist())
        return [
            {"index": i, "expected": label, "predicted": guess, "probability": share}
            for i, (label, guess, share) in enumerate(zip(*rows))
        ]


@dataclass(frozen=True)
class Source:
    """Source code as characters.

    Attributes:
        text: Token numbers of the training text.
        splits: Split name → what is evaluated of it, (251, 64) tokens and the ones after each.
        evaluation_batch: Windows that are evaluated at once, at least.
    """

    text: mx.array
    splits: Dict[str, Batch]
    evaluation_batch: int = 64

    def __len__(self) -> int:
        """Count the windows of an epoch."""
        return int((len(self.text) - _SPAN) // corpus.CONTEXT)

    def epoch(self, order: mx.array, seed: int, epoch: int) -> Batch:
        """Cut the text into windows at a new offset, and gather them in a new order."""
        start = derive(seed, "offset", epoch) % corpus.CONTEXT
        stop = start + len(self) * corpus.CONTEXT
        inputs, targets = (
            self.text[start + ahead : stop + ahead].reshape(-1, corpus.CONTEXT)[order]
            for ahead in (0, 1)
        )
        return inputs.astype(mx.int32), targets.astype(mx.int32)

    def predictions(self, logits: mx.array, labels: mx.array) -> List[Dict[str, Any]]:
        """Describe the likeliest next characters of each of n windows, (n, t, 98)."""
        rows = zip(labels.tolist(), logits.argmax(axis=-1).tolist())
        return [
            {"index": i, "expected": _text(label), "predicted": _text(guess)}
            for i, (label, guess) in enumerate(rows)
        ]


def _text(tokens: List[int]) -> str:
    return corpus.decode(bytes(tokens))


@cache
def load_digits() -> Digits:
    """Make arrays of the digits, once per process."""
    found = digits.load()
    inputs = mx.array(memoryview(found.inputs())).reshape(-1, digits.PIXELS)
    labels = mx.array(memoryview(found.labels)).astype(mx.int32)
    splits = {name: (inputs[rows], labels[rows]) for name, rows in found.splits.items()}
    mx.eval(splits)
    return Digits(splits)


@cache
def load_source() -> Source:
    """Make arrays of the corpus, once per process."""
    found = corpus.load()
    splits = {}
    for name, tokens in found.windows.items():
        windows = mx.array(memoryview(tokens)).reshape(-1, _SPAN).astype(mx.int32)
        splits[name] = (windows[:, :-1], windows[:, 1:])
    text = mx.array(memoryview(found.text["train"]))
    mx.eval(text, splits)
    return Source(text, splits)


Data = Union[Digits, Source]
DATA: Dict[str, Callable[[], Data]] = {
    "digits-mlp": load_digits,
    "source-transformer": load_source,
}


class Batches:
    """Training batches by step: every epoch is a new order without replacement.

    What is left of an epoch after the last whole batch is dropped: all updates average the same
    number of examples, and another order leaves out others.
    """

    def __init__(self, data: Data, size: int, seed: int) -> None:
        """Cut the epochs of `data` into batches of `size` ≤ len(data)."""
        self._data, self._size, self._seed = data, size, seed
        self.per_epoch = len(data) // size
        self._epoch = -1
        self._shuffled: Tuple[mx.array, ...] = ()

    def at(self, step: int) -> Batch:
        """Give the (size, …) inputs and targets of update number `step`, from 1."""
        epoch, position = divmod(step - 1, self.per_epoch)
        if epoch != self._epoch:
            key = mx.random.key(derive(self._seed, "order", epoch))
            order = mx.random.permutation(len(self._data), key=key, stream=mx.cpu)
            self._shuffled = self._data.epoch(order, self._seed, epoch)
            self._epoch = epoch
        rows = slice(position * self._size, (position + 1) * self._size)
        inputs, targets = self._shuffled
        return inputs[rows], targets[rows]
