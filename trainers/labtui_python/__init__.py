"""The trainer for people's own scripts: ``trainer: {python: train.py:train}``.

This module only declares; the script is imported by the worker, in the user's own environment.
"""

from __future__ import annotations

from labtui.trainer.plugin import Plugin

plugin = Plugin(
    name="python",
    entry="labtui_python.train:train",
    description="a function train(trial) in a Python file of your own",
    packages=("labtui_python",),
)
