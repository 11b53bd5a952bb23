"""The workloads of the frameworks' trainers (torch, MLX): three model families, two data sets."""

from __future__ import annotations

import math
from typing import Dict, Sequence

from labtui.trainer.plugin import Metric, Workload
from labtui_workloads import declare
from labtui_workloads.corpus import CONTEXT, VOCABULARY, WINDOWS
from labtui_workloads.declare import OPTIMIZERS, Declarations

_CHARACTERS = len(VOCABULARY)
_TRANSFORMER_ACTIVATIONS = ("gelu", "relu")


def digits_metrics() -> Dict[str, Metric]:
    """Declare what every trainer reports of the digits."""
    return declare.class_metrics(0.9, 2.302585, validation=360, train=1077, test=360)


def workloads(optimizers: Sequence[str] = OPTIMIZERS) -> Dict[str, Workload]:
    """Declare the three workloads for a framework that has these update rules."""
    return {
        "digits-mlp": _digits_mlp(optimizers),
        "digits-cnn": _digits_cnn(optimizers),
        "source-transformer": _source_transformer(optimizers),
    }


def _digits_mlp(optimizers: Sequence[str]) -> Workload:
    return Workload(
        description="8x8 images of handwritten digits, 10 classes: 1,077 training examples",
        hyperparameters={
            **_training(0.05, "nesterov", optimizers),
            **declare.perceptron_parameters(width=128),
            **declare.batch_size(64),
            **declare.label_smoothing(),
            **_normalized("none"),
            **declare.residual_switch(False),
            **declare.averaging_parameters(),
        },
        metrics=digits_metrics(),
    )


def _digits_cnn(optimizers: Sequence[str]) -> Workload:
    return Workload(
        description="the same images, for small residual convolutional networks",
        hyperparameters={
            **_training(0.05, "nesterov", optimizers),
            "depth": declare.size("architecture", 1, 0, 4, "linear", "blocks of each of 2 stages"),
            "width": declare.size(
                "architecture", 16, 4, 64, "log", "channels of the first stage; twice in the second"
            ),
            **declare.unit_parameters(declare.ACTIVATIONS),
            **declare.batch_size(64),
            **declare.label_smoothing(),
            **_normalized("batch"),
            **declare.residual_switch(True),
            **declare.averaging_parameters(),
        },
        metrics=digits_metrics(),
    )


def _source_transformer(optimizers: Sequence[str]) -> Workload:
    predicted = WINDOWS * CONTEXT
    return Workload(
        description=f"Python's own source code, character by character ({_CHARACTERS} of them), "
        f"for decoder-only transformers that see {CONTEXT}",
        hyperparameters={
            **_training(3e-3, "adam", optimizers),
            "depth": declare.size("architecture", 2, 0, 8, "linear", "blocks"),
            "width": declare.size("architecture", 64, 16, 256, "log", "numbers of a position"),
            "heads": declare.size("architecture", 4, 1, 8, "log", "of attention; divide the width"),
            **declare.unit_parameters(_TRANSFORMER_ACTIVATIONS),
            **declare.batch_size(16, 4, 128),
            **declare.label_smoothing(),
            **declare.residual_parameters(("none", "layer"), "layer"),
            **declare.averaging_parameters(),
        },
        metrics=declare.class_metrics(
            1.0 - 1.0 / _CHARACTERS,
            round(math.log(_CHARACTERS), 6),
            validation=predicted,
            train=predicted,
            test=predicted,
        ),
    )


def _training(learning_rate: float, optimizer: str, optimizers: Sequence[str]) -> Declarations:
    return {
        **declare.optimizer_parameters(learning_rate, optimizer=optimizer, optimizers=optimizers),
        **declare.schedule_parameters(),
        **declare.regularization_parameters(),
    }


def _normalized(normalization: str) -> Declarations:
    """Declare normalization for families whose examples are independent, so by batch too."""
    return {
        **declare.residual_parameters(("none", "batch", "layer"), normalization),
        **declare.batch_norm_parameters(),
    }
