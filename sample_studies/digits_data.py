"""1,797 images of digits, 8 × 8 pixels, for the scripts beside this file; needs numpy alone.

The file comes with labtui; where it is from stands in DATA.md beside it.
"""

from pathlib import Path

import numpy as np

FILE = Path(__file__).resolve().parents[1] / "trainers" / "labtui_workloads" / "digits.npz"


def load():
    """Give (training images, labels), (validation images, labels): float32 (n, 64), int64 (n,)."""
    with np.load(FILE) as file:
        images, labels = file["inputs"].astype("float32") / 16, file["targets"].astype("int64")
    order = np.random.default_rng(0).permutation(len(images))
    training, validation = order[:1400], order[1400:]
    return (images[training], labels[training]), (images[validation], labels[validation])
