"""The data sets as tensors on a device, and the batches of each update.

Everything random is a function of the seed and the epoch, drawn on the CPU, so that a resumed trial
sees what the first would have seen, and every device the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Callable, Dict, List, Tuple, Union

import torch
from torch import Tensor

from labtui_workloads import corpus, digits
from labtui_workloads.seeds import derive

Batch = Tuple[Tensor, Tensor]
_SPAN = corpus.CONTEXT + 1


@dataclass(frozen=True)
class Digits:
    """Images of digits.

    Attributes:
        training: Standardised pixels (1077, 64) and labels (1077).
        splits: Split name → what is evaluated of it, inputs and labels.
        evaluation_batch: Examples that are evaluated at once, at least.
    """

    training: Batch
    splits: Dict[str, Batch]
    evaluation_batch: int = 256

    def __len__(self) -> int:
        """Count the examples of an epoch."""
        return len(self.training[1])

    def epoch(self, order: Tensor, offset: int) -> Batch:
        """Gather the training examples in a new order."""
        inputs, labels = self.training
        rows = order.to(inputs.device)
        return inputs[rows], labels[rows]

    def predictions(self, logits: Tensor, labels: Tensor) -> List[Dict[str, Any]]:
        """Describe the model's answer to each of n images, (n, 10)."""
        sure, predicted = logits.softmax(1).max(1)
        rows = zip(labels.tolist(), predicted.tolist(), sure.tolist())
        return [
            {"index": i, "expected": label, "predicted": guess, "probability": round(share, 6)}
            for i, (label, guess, share) in enumerate(rows)
        ]


@dataclass(frozen=True)
class Source:
    """Source code as characters.

    Attributes:
        text: Token numbers of the training text, bytes.
        splits: Split name → what is evaluated of it, (251, 64) tokens and the ones after each.
        evaluation_batch: Windows that are evaluated at once, at least.
    """

    text: Tensor
    splits: Dict[str, Batch]
    evaluation_batch: int = 64

    def __len__(self) -> int:
        """Count the windows of an epoch."""
        return (len(self.text) - _SPAN) // corpus.CONTEXT

    def epoch(self, order: Tensor, offset: int) -> Batch:
        """Cut the text into windows at a new offset, and gather them in a new order."""
        windows = self.text[offset % corpus.CONTEXT :].unfold(0, _SPAN, corpus.CONTEXT)
        windows = windows[order.to(windows.device)].long()
        return windows[:, :-1], windows[:, 1:]

    def predictions(self, logits: Tensor, labels: Tensor) -> List[Dict[str, Any]]:
        """Describe the likeliest next characters of each of n windows, (n, t, 98)."""
        rows = zip(labels.tolist(), logits.argmax(-1).tolist())
        return [
            {"index": i, "expected": corpus.decode(label), "predicted": corpus.decode(guess)}
            for i, (label, guess) in enumerate(rows)
        ]


@cache
def load_digits(device: str) -> Digits:
    """Put the digits onto a device, once per process."""
    found = digits.load()
    inputs = torch.frombuffer(found.inputs(), dtype=torch.float32).view(-1, digits.PIXELS)
    labels = torch.frombuffer(bytearray(found.labels), dtype=torch.uint8).long()
    inputs, labels = inputs.to(device), labels.to(device)
    splits = {name: (inputs[rows], labels[rows]) for name, rows in found.splits.items()}
    return Digits(splits["train"], splits)


@cache
def load_source(device: str) -> Source:
    """Put the corpus onto a device, once per process."""
    found = corpus.load()
    splits = {}
    for name, tokens in found.windows.items():
        windows = _tokens(tokens, device).view(-1, _SPAN).long()
        splits[name] = (windows[:, :-1], windows[:, 1:])
    return Source(_tokens(found.text["train"], device), splits)


def _tokens(tokens: bytes, device: str) -> Tensor:
    return torch.frombuffer(bytearray(tokens), dtype=torch.uint8).to(device)


Data = Union[Digits, Source]

DATA: Dict[str, Callable[[str], Data]] = {
    "digits-mlp": load_digits,
    "digits-cnn": load_digits,
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
        self._inputs: Tuple[Tensor, ...] = ()
        self._targets: Tuple[Tensor, ...] = ()

    def at(self, step: int) -> Batch:
        """Give the (size, …) inputs and targets of update number `step`, from 1."""
        epoch, position = divmod(step - 1, self.per_epoch)
        if epoch != self._epoch:
            random = torch.Generator().manual_seed(derive(self._seed, "order", epoch))
            order = torch.randperm(len(self._data), generator=random)
            offset = derive(self._seed, "offset", epoch)
            inputs, targets = self._data.epoch(order, offset)
            self._inputs = torch.split(inputs, self._size)
            self._targets = torch.split(targets, self._size)
            self._epoch = epoch
        return self._inputs[position], self._targets[position]
