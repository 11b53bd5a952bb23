"""What kind of thing a hyperparameter is: as its trainer declares it, else by its name (P06)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from labtui.trainer.plugin import Hyperparameter

Declared: TypeAlias = Hyperparameter
"""What a trainer says of a hyperparameter of its workload."""

Kind: TypeAlias = Literal[
    "choice of optimizer",
    "optimizer",
    "schedule",
    "regularization",
    "architecture",
    "batch",
    "data",
    "length",
    "unknown",
]
"""The kinds that trainers declare; what chooses the optimizer, and what is the length of training,
are told apart from the rest."""

LEARNING_RATE, MOMENTUM, BETA1, BETA2, EPSILON = (
    "learning rate",
    "momentum",
    "beta1",
    "beta2",
    "epsilon",
)

_PARTS = {
    LEARNING_RATE: "learning_rate lr base_lr peak_lr max_lr init_lr initial_lr base_learning_rate "
    "peak_learning_rate initial_learning_rate lr_init step_size eta",
    MOMENTUM: "momentum",
    BETA1: "beta1 beta_1 b1 adam_beta1",
    BETA2: "beta2 beta_2 b2 adam_beta2",
    EPSILON: "epsilon eps adam_epsilon adam_eps",
}

_KINDS: dict[Kind, str] = {
    "choice of optimizer": "optimizer optim opt optimizer_name optimizer_type update_rule",
    "optimizer": "rho clip_norm grad_clip gradient_clip gradient_clipping max_grad_norm clip_grad "
    "grad_norm_clip clip_threshold polyak_decay ema_decay nesterov dampening",
    "schedule": "schedule scheduler lr_schedule lr_scheduler warmup warmup_steps warmup_factor "
    "warmup_ratio warmup_fraction warmup_steps_fraction num_warmup_steps decay_steps "
    "decay_fraction cosine_decay_fraction decay_factor decay_steps_factor decay_rate "
    "lr_decay final_factor end_factor end_lr gamma power",
    "regularization": "weight_decay wd l1 l2 l2_reg l1_reg l2_regularization dropout dropout_rate "
    "dropout_prob label_smoothing mixup mixup_alpha cutmix cutmix_alpha drop_path "
    "stochastic_depth attention_dropout attention_dropout_rate residual_dropout "
    "residual_dropout_rate input_dropout input_dropout_rate aux_dropout aux_dropout_rate",
    "architecture": "depth width layers num_layers n_layers hidden hidden_size hidden_units "
    "hidden_dim n_hidden units n_units channels filters num_filters kernel_size heads num_heads "
    "n_heads d_model embedding_dim embed_dim activation normalization norm init_scale residual "
    "model architecture",
    "batch": "batch_size batchsize bs train_batch_size global_batch_size minibatch_size "
    "mini_batch_size per_device_train_batch_size per_device_batch_size",
    "data": "augmentation augment data_augmentation crop crop_size image_size flip randaugment",
}

_LENGTH = frozenset({"epochs", "epoch", "steps", "iterations", "iters", "iter", "updates"})
_BESIDE_LENGTH = frozenset({"n", "num", "number", "max", "total", "train", "training", "optimizer"})


@dataclass(frozen=True)
class Meaning:
    """What a hyperparameter is.

    Attributes:
        kind: Its kind.
        part: ``learning rate``, ``momentum``, ``beta1``, ``beta2`` or ``epsilon`` where it is one
            of them, also written as ``one_minus_beta1``; else empty.
        guessed: Whether nobody declared it, so that its name decided.
    """

    kind: Kind
    part: str = ""
    guessed: bool = False


def meaning(name: str, declared: Mapping[str, Declared]) -> Meaning:
    """Say what a hyperparameter is, by its trainer's declaration or else by its name.

    Args:
        name: As the study has it.
        declared: What the trainer says of its workload's hyperparameters; empty for a person's
            own script.
    """
    plain = re.sub(r"[^a-z0-9]+", "_", name.rpartition("/")[2].rpartition(".")[2].lower()).strip(
        "_"
    )
    own = plain.removeprefix("one_minus_")
    part = next((part for part, names in _PARTS.items() if own in names.split()), "")
    if name in declared:
        return Meaning(_declared_kind(declared[name]), part)
    if part:
        return Meaning("optimizer", part, guessed=True)
    words = set(plain.split("_"))
    if words & _LENGTH and words <= _LENGTH | _BESIDE_LENGTH:
        return Meaning("length", guessed=True)
    kind = next((kind for kind, names in _KINDS.items() if own in names.split()), None)
    return Meaning("unknown") if kind is None else Meaning(kind, guessed=True)


def _declared_kind(declared: Declared) -> Kind:
    kinds: dict[str, Kind] = {
        "optimizer": "optimizer",
        "schedule": "schedule",
        "regularization": "regularization",
        "architecture": "architecture",
        "batch": "batch",
        "data": "data",
    }
    kind = kinds.get(declared.kind, "unknown")
    categories = any(isinstance(value, str) for value in declared.values)
    return "choice of optimizer" if kind == "optimizer" and categories else kind
