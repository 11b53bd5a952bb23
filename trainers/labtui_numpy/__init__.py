"""The embedded default trainer: multi-layer perceptrons by hand in numpy, on two small data sets.

This module only declares; it must not import numpy, because `labtui trainers` and the design check
of a study read it and must start fast.
"""

from __future__ import annotations

from typing import Any, Dict

from labtui.trainer.plugin import Hyperparameter, Metric, Plugin, Workload

OPTIMIZERS = ("sgd", "momentum", "nesterov", "rmsprop", "adam", "nadam")
SCHEDULES = ("constant", "linear", "cosine")
ACTIVATIONS = ("relu", "tanh")


def _rate(kind: str, default: float, low: float, high: float, text: str) -> Hyperparameter:
    return Hyperparameter(kind, default, low, high, scale="log", description=text)


def _memory(default: float, low: float, high: float, text: str) -> Hyperparameter:
    """Declare a share of the past that is kept; what matters is how far it is from 1."""
    return Hyperparameter(
        "optimizer", default, low, high, scale="log", one_minus=True, description=text
    )


def _shape(kind: str, default: int, low: int, high: int, scale: str, text: str) -> Hyperparameter:
    return Hyperparameter(
        kind, default, low, high, scale=scale, integer=True, shape=True, description=text
    )


def _optimizer_parameters(learning_rate: float) -> Dict[str, Hyperparameter]:
    return {
        "optimizer": Hyperparameter(
            "optimizer", "nesterov", values=OPTIMIZERS, shape=True, description="update rule (P46)"
        ),
        "learning_rate": _rate("optimizer", learning_rate, 1e-4, 10.0, "base learning rate"),
        "momentum": _memory(0.9, 0.5, 0.999, "γ of momentum, nesterov and rmsprop"),
        "beta1": _memory(0.9, 0.5, 0.999, "β₁ of adam and nadam"),
        "beta2": _memory(0.999, 0.9, 0.9999, "β₂ of adam and nadam"),
        "epsilon": _rate("optimizer", 1e-8, 1e-10, 1.0, "ε of rmsprop, adam and nadam"),
        "rho": _memory(0.9, 0.5, 0.999, "ρ of rmsprop"),
        "clip_norm": _rate(
            "optimizer", 0.0, 1e-2, 1e2, "largest gradient norm; 0 or null: no clipping (P41)"
        ),
    }


def _schedule_parameters() -> Dict[str, Hyperparameter]:
    return {
        "schedule": Hyperparameter(
            "schedule", "constant", values=SCHEDULES, description="of the learning rate"
        ),
        "warmup_steps": Hyperparameter(
            "schedule", 0, 0, 1000, integer=True, description="linear ramp from 0 (P40)"
        ),
        "final_factor": Hyperparameter(
            "schedule", 0.0, 0.0, 1.0, description="share of the base rate that decay ends at"
        ),
    }


def _hyperparameters(learning_rate: float, batch_size: int, width: int) -> Dict[str, Any]:
    return {
        **_optimizer_parameters(learning_rate),
        **_schedule_parameters(),
        "weight_decay": _rate(
            "regularization", 0.0, 1e-6, 1e-1, "L2: this times the parameters joins the gradient"
        ),
        "dropout": Hyperparameter(
            "regularization", 0.0, 0.0, 0.8, description="share of hidden units dropped"
        ),
        "depth": _shape("architecture", 1, 0, 4, "linear", "hidden layers"),
        "width": _shape("architecture", width, 8, 512, "log", "units of a hidden layer"),
        "activation": Hyperparameter(
            "architecture", "relu", values=ACTIVATIONS, shape=True, description="of hidden units"
        ),
        "init_scale": _rate("architecture", 1.0, 0.1, 10.0, "times the usual initial spread"),
        "batch_size": _shape("batch", batch_size, 8, 256, "log", "examples of an update"),
    }


DIGITS = Workload(
    description="8x8 images of handwritten digits, 10 classes: 1,077 training examples",
    hyperparameters={
        **_hyperparameters(learning_rate=0.05, batch_size=64, width=128),
        "label_smoothing": Hyperparameter(
            "regularization", 0.0, 0.0, 0.3, description="share of the target spread evenly"
        ),
    },
    metrics={
        "validation/error_rate": Metric("minimize", chance=0.9, examples=360),
        "validation/loss": Metric("minimize", chance=2.302585, examples=360),
        "train/error_rate": Metric("minimize", chance=0.9, examples=1077),
        "train/loss": Metric("minimize", chance=2.302585, description="of one batch, smoothed"),
        "test/error_rate": Metric("minimize", chance=0.9, examples=360),
        "test/loss": Metric("minimize", chance=2.302585, examples=360),
    },
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
    packages=("labtui_numpy",),
    frameworks=("numpy",),
    workloads={"digits-mlp": DIGITS, "diabetes-mlp": DIABETES},
)
