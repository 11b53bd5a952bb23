"""The trainer for any program: ``trainer: {command: [./train.sh, "--lr={learning_rate}"]}``.

This module only declares; the program is started by the worker, for each trial anew.
"""

from __future__ import annotations

from labtui.trainer.plugin import Plugin

plugin = Plugin(
    name="command",
    entry="labtui_command.train:train",
    description="any program: it gets arguments and variables, and prints JSON lines",
    packages=("labtui_command",),
    devices=("cuda", "cpu"),  # a GPU each: what the code does with it cannot be known
)
