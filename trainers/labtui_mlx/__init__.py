"""The MLX trainer: perceptrons and transformers, on Apple's GPU or the CPU.

This module only declares; it must not import MLX, because `labtui trainers` and the design check of
a study read it and must start fast.
"""

from labtui.trainer.plugin import Plugin
from labtui_workloads.workloads import workloads

FAMILIES = ("digits-mlp", "source-transformer")

plugin = Plugin(
    name="mlx",
    entry="labtui_mlx.train:train",
    description="perceptrons and transformers in MLX, on Apple's GPU (mps) or the CPU",
    packages=("labtui_mlx", "labtui_workloads"),
    frameworks=("mlx",),
    workloads={name: declared for name, declared in workloads().items() if name in FAMILIES},
    devices=("mps", "cpu"),
)
