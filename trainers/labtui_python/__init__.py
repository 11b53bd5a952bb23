"""The trainer for people's own scripts: ``{python: train.py:train}`` and ``{script: train.py}``.

This module only declares; the script is loaded by the worker, in the user's own environment.
"""

from __future__ import annotations

from labtui.trainer.plugin import Plugin

plugin = Plugin(
    name="python",
    entry="labtui_python.train:train",
    description="a Python file of your own: a function train(trial), or a whole script",
    packages=("labtui_python",),
    devices=("cuda", "cpu"),  # a GPU each: what the code does with it cannot be known
)
