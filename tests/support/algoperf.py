"""Trials of the AlgoPerf logs in tests/data, as their judges see them."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np

from labtui.analysis.runs import Curve, Run

ROOT = Path(__file__).parents[1] / "data" / "algoperf"
METRICS = {
    "criteo1tb": ("loss", True),
    "fastmri": ("ssim", False),
    "imagenet_resnet": ("accuracy", False),
    "imagenet_vit": ("accuracy", False),
    "librispeech_conformer": ("wer", True),
    "librispeech_deepspeech": ("wer", True),
    "ogbg": ("mean_average_precision", False),
    "wmt": ("bleu", False),
}
NAMES = {"lr": "learning_rate"}


def read_run(folder: Path) -> Run:
    """Read one trial folder; an empty cell is NaN only on a row of its own kind."""
    workload = folder.parent.name.rpartition("_")[0]
    leaf, minimize = METRICS[workload]
    points: dict[str, tuple[list[int], list[float]]] = {}
    with (folder / "measurements.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    header = rows[0].keys()
    for row in rows:
        step = int(float(row["global_step"]))
        if row.get("validation/num_examples"):
            names = [n for n in header if n.startswith(("train/", "validation/", "test/"))]
        elif row.get("score"):
            continue  # the trailing row
        else:
            names = [n for n in ("loss", "grad_norm", "lr") if n in header]
        for name in names:
            if name.endswith("num_examples"):
                continue
            known = NAMES.get(name, name.replace("ctc_loss", "loss"))
            steps, values = points.setdefault(known, ([], []))
            if steps and steps[-1] == step:
                continue
            steps.append(step)
            values.append(float(row[name]) if row[name] else math.nan)
    meta = json.loads((folder / "meta_data_0.json").read_text())
    hparams = folder / "hparams.json"
    return Run(
        trial="/".join(folder.parts[-5:]),
        arm="",
        state="completed",
        reason="",
        params=json.loads(hparams.read_text()) if hparams.exists() else {},
        objective=f"validation/{leaf}",
        minimize=minimize,
        planned=int(meta["workload.step_hint"]),
        curves={
            name: Curve(np.array(steps, dtype=np.int64), np.array(values))
            for name, (steps, values) in points.items()
        },
    )


def folders(root: Path = ROOT) -> list[Path]:
    """Give all trial folders under a root, in order."""
    return sorted(path.parent for path in root.rglob("measurements.csv"))
