"""The embedded default trainer: multi-layer perceptrons by hand in numpy, on two small data sets.

This module only declares; it must not import numpy, because `labtui trainers` and the design check
of a study read it and must start fast.
"""

from __future__ import annotations

from typing import Any, Dict

from labtui.trainer.plugin import Metric, Plugin, Workload
from labtui_workloads import declare
from labtui_workloads.workloads import digits_metrics


def _hyperparameters(learning_rate: float, batch_size: int, width: int) -> Dict[str, Any]:
    return {
        **declare.optimizer_parameters(learning_rate),
        **declare.schedule_parameters(),
        **declare.regularization_parameters(),
        **declare.perceptron_parameters(width),
        **declare.batch_size(batch_size),
    }


DIGITS = Workload(
    description="8x8 images of handwritten digits, 10 classes: 1,077 training examples",
    hyperparameters={
        **_hyperparameters(learning_rate=0.05, batch_size=64, width=128),
        **declare.label_smoothing(),
    },
    metrics=digits_metrics(),
)

DIABETES = Workload(
    description="disease progression after a year from 10 measurements: 266 training examples",
    hyperparameters=_hyperparameters(learning_rate=0.01, batch_size=32, width=32),
    metrics={
        "validation/rmse": Metric("minimize", examples=88, description="in the target's own unit"),
        "validation/loss": Metric("minimize", chance=1.0, examples=88),
        "train/rmse": Metric("minimize", examples=266),
        "train/loss": Metric("minimize", chance=1.0, description="of one batch"),
        "test/rmse": Metric("minimize", examples=88),
        "test/loss": Metric("minimize", chance=1.0, examples=88),
    },
)

plugin = Plugin(
    name="numpy",
    entry="labtui_numpy.train:train",
    description="multi-layer perceptrons in numpy, with data that comes along",
    packages=("labtui_numpy", "labtui_workloads"),
    frameworks=("numpy",),
    workloads={"digits-mlp": DIGITS, "diabetes-mlp": DIABETES},
    stack_entry="labtui_numpy.train:train_stack",
    stack_size=8,
    exact_stacking=True,
)
