"""The images of digits without numpy: a small reader of the file that numpy wrote (DATA.md)."""

from __future__ import annotations

import ast
import os
import zipfile
from array import array
from dataclasses import dataclass
from functools import cache
from typing import Dict, Tuple

from labtui_workloads.splits import split_order, split_rows

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "digits.npz")
NAME, HELD_OUT = "digits", 360
SIDE, CLASSES, LEVELS = 8, 10, 17
PIXELS = SIDE * SIDE


@dataclass(frozen=True)
class Digits:
    """1,797 images in the order training (1,077), validation (360), test (360).

    Attributes:
        pixels: 64 bytes an image, row by row, each 0 … 16.
        labels: A byte an image, 0 … 9.
        splits: Split name → its images.
        levels: Pixel value → standardised value, by mean and spread of all training pixels.
    """

    pixels: bytes
    labels: bytes
    splits: Dict[str, slice]
    levels: Tuple[float, ...]

    def inputs(self) -> array[float]:
        """Give the standardised pixels, float32, 64 an image."""
        return array("f", map(self.levels.__getitem__, self.pixels))


@cache
def load() -> Digits:
    """Read the images, once per process."""
    with zipfile.ZipFile(PATH) as file:
        shape, images = read_bytes(file.read("inputs.npy"))
        _, targets = read_bytes(file.read("targets.npy"))
    order = split_order(NAME, shape[0])
    pixels = b"".join(images[PIXELS * i : PIXELS * (i + 1)] for i in order)
    splits = split_rows(shape[0], HELD_OUT)
    levels = _levels(pixels[: PIXELS * splits["train"].stop])
    return Digits(pixels, bytes(targets[i] for i in order), splits, levels)


def _levels(training: bytes) -> Tuple[float, ...]:
    """Standardise each possible pixel value by all pixels of the training images."""
    counts = [training.count(level) for level in range(LEVELS)]
    mean = sum(level * count for level, count in enumerate(counts)) / len(training)
    squares = sum((level - mean) ** 2 * count for level, count in enumerate(counts))
    spread = (squares / len(training)) ** 0.5
    return tuple((level - mean) / spread for level in range(LEVELS))


def read_bytes(data: bytes) -> Tuple[Tuple[int, ...], bytes]:
    """Give shape and values of an array of bytes in numpy's file format (.npy, version 1.0).

    Raises:
        ValueError: For anything else.
    """
    if data[:8] != b"\x93NUMPY\x01\x00":
        raise ValueError(f"npy: found {data[:8]!r}; expected format 1.0; reinstall labtui")
    start = 10 + int.from_bytes(data[8:10], "little")
    header = ast.literal_eval(data[10:start].decode("latin-1"))
    if header["descr"] != "|u1" or header["fortran_order"]:
        raise ValueError(f"npy: found {header}; expected rows of uint8; reinstall labtui")
    return header["shape"], data[start:]
