"""The torch trainer: perceptrons, residual convolutional networks and transformers.

This module only declares; it must not import torch, because `labtui trainers` and the design check
of a study read it and must start fast.
"""

from labtui.trainer.plugin import Plugin
from labtui_workloads.declare import OPTIMIZERS
from labtui_workloads.workloads import workloads

# The playbook's rules, and torch's own where they differ from them (optimizers.py says in what).
RULES = (*OPTIMIZERS, "torch_rmsprop", "torch_adam", "torch_adamw", "torch_nadam")

plugin = Plugin(
    name="torch",
    entry="labtui_torch.train:train",
    description="three model families in PyTorch, on CPU, CUDA or MPS",
    packages=("labtui_torch", "labtui_workloads"),
    frameworks=("torch",),
    devices=("cuda", "mps", "cpu"),
    workloads=workloads(RULES),
)
