"""Hyperparameters as the trainers that come along declare them, so that a name means one thing.

Nothing here imports a framework: commands read declarations, and must start fast.
"""

from __future__ import annotations

from typing import Any, Dict, Sequence

from labtui.trainer.plugin import Hyperparameter, Metric

Declarations = Dict[str, Hyperparameter]

OPTIMIZERS = ("sgd", "momentum", "nesterov", "rmsprop", "adam", "nadam")
SCHEDULES = ("constant", "linear", "cosine")
ACTIVATIONS = ("relu", "tanh")


def rate(kind: str, default: float, low: float, high: float, text: str) -> Hyperparameter:
    """Declare a positive number that varies on a log scale."""
    return Hyperparameter(kind, default, low, high, scale="log", description=text)


def memory(default: float, low: float, high: float, text: str) -> Hyperparameter:
    """Declare a share of the past that is kept; what matters is how far it is from 1."""
    return Hyperparameter(
        "optimizer", default, low, high, scale="log", one_minus=True, description=text
    )


def size(kind: str, default: int, low: int, high: int, scale: str, text: str) -> Hyperparameter:
    """Declare a whole number that changes the shape of the model or of a batch."""
    return Hyperparameter(
        kind, default, low, high, scale=scale, integer=True, shape=True, description=text
    )


def choice(kind: str, default: Any, values: Sequence[Any], text: str) -> Hyperparameter:
    """Declare a category that changes what is computed."""
    return Hyperparameter(kind, default, values=tuple(values), shape=True, description=text)


def optimizer_parameters(
    learning_rate: float, *, optimizer: str = "nesterov", optimizers: Sequence[str] = OPTIMIZERS
) -> Declarations:
    """Declare the update rule and what the rules take; a rule ignores what it does not take."""
    return {
        "optimizer": choice("optimizer", optimizer, optimizers, "update rule (P46)"),
        "learning_rate": rate("optimizer", learning_rate, 1e-4, 10.0, "base learning rate"),
        "momentum": memory(0.9, 0.5, 0.999, "γ of momentum, nesterov and rmsprop"),
        "beta1": memory(0.9, 0.5, 0.999, "β₁ of adam and nadam"),
        "beta2": memory(0.999, 0.9, 0.9999, "β₂ of adam and nadam"),
        "epsilon": rate("optimizer", 1e-8, 1e-10, 1.0, "ε of rmsprop, adam and nadam"),
        "rho": memory(0.9, 0.5, 0.999, "ρ of rmsprop"),
        "clip_norm": rate(
            "optimizer", 0.0, 1e-2, 1e2, "largest gradient norm; 0 or null: no clipping (P41)"
        ),
    }


def schedule_parameters() -> Declarations:
    """Declare the schedule of the learning rate."""
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


def regularization_parameters() -> Declarations:
    """Declare weight decay and dropout."""
    return {
        "weight_decay": rate(
            "regularization", 0.0, 1e-6, 1e-1, "L2: this times the parameters joins the gradient"
        ),
        "dropout": Hyperparameter(
            "regularization", 0.0, 0.0, 0.8, description="share of hidden units dropped"
        ),
    }


def label_smoothing() -> Declarations:
    """Declare the smoothing of targets, for classes only."""
    return {
        "label_smoothing": Hyperparameter(
            "regularization", 0.0, 0.0, 0.3, description="share of the target spread evenly"
        )
    }


def perceptron_parameters(width: int) -> Declarations:
    """Declare the shape of a multi-layer perceptron."""
    return {
        "depth": size("architecture", 1, 0, 4, "linear", "hidden layers"),
        "width": size("architecture", width, 8, 512, "log", "units of a hidden layer"),
        **unit_parameters(ACTIVATIONS),
    }


def unit_parameters(activations: Sequence[str]) -> Declarations:
    """Declare what hidden units compute and how they start; the first activation is the default."""
    return {
        "activation": choice("architecture", activations[0], activations, "of hidden units"),
        "init_scale": rate("architecture", 1.0, 0.1, 10.0, "times the usual initial spread"),
    }


def batch_size(default: int, low: int = 8, high: int = 256) -> Declarations:
    """Declare the examples of an update."""
    return {"batch_size": size("batch", default, low, high, "log", "examples of an update")}


def averaging_parameters() -> Declarations:
    """Declare the averaging of parameters over the updates."""
    return {
        "polyak_decay": memory(
            0.0, 0.9, 0.9999, "share of the average kept at an update; evaluated with it; 0: off"
        )
    }


def residual_parameters(normalizations: Sequence[str], normalization: str) -> Declarations:
    """Declare how residual blocks are normalized and start (P42)."""
    return {
        "normalization": choice(
            "architecture", normalization, normalizations, "of hidden units (P47)"
        ),
        "norm_position": choice(
            "architecture", "inside", ("inside", "outside"), "x + f(norm(x)), or norm(x + f(x))"
        ),
        "zero_init_residual": choice(
            "architecture", False, (False, True), "blocks start as the identity (P42)"
        ),
    }


def batch_norm_parameters() -> Declarations:
    """Declare over how many examples batch normalization takes its statistics."""
    return {
        "virtual_batch_size": size(
            "architecture", 64, 8, 256, "log", "examples of batch-norm statistics; 0: all (P47)"
        )
    }


def residual_switch(default: bool) -> Declarations:
    """Declare whether blocks add to what they are given."""
    return {
        "residual": choice(
            "architecture", default, (False, True), "add a block's input to its output"
        )
    }


def class_metrics(chance_error: float, chance_loss: float, **examples: int) -> Dict[str, Metric]:
    """Declare error rate and loss of each split that has `examples`, split by split.

    Args:
        chance_error: Error rate of a model that knows nothing (P01).
        chance_loss: Its cross-entropy, in nats.
        **examples: Split name → how many predictions one evaluation makes.
    """
    metrics: Dict[str, Metric] = {}
    for split, count in examples.items():
        metrics[f"{split}/error_rate"] = Metric("minimize", chance=chance_error, examples=count)
        metrics[f"{split}/loss"] = (
            Metric("minimize", chance=chance_loss, description="of one batch, smoothed")
            if split == "train"
            else Metric("minimize", chance=chance_loss, examples=count)
        )
    return metrics
