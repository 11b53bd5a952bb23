"""The files between labtui and a program: one folder an attempt, removed when it ends."""

from __future__ import annotations

import json
import os
import shutil
from typing import Any, Mapping

import labtui
from labtui.trainer.remote import describe, scratch_folder
from labtui.trainer.trial import Trial


class Workspace:
    """The folder of one attempt, on the disk that holds its checkpoints.

    Attributes:
        checkpoints: Where the program saves; what it reports is moved away from there.
        params: JSON file of all hyperparameters.
        trial: JSON file of all there is to know, for the SDK.
        stop: Exists once the trial is to end after its next evaluation.
        python: Holds nothing but a link to the SDK's package.
    """

    def __init__(self, trial: Trial) -> None:
        """Make the folder for `trial` and write its files."""
        self._root = scratch_folder(trial)
        self.checkpoints = os.path.join(self._root, "checkpoints")
        self.params = os.path.join(self._root, "params.json")
        self.trial = os.path.join(self._root, "trial.json")
        self.stop = os.path.join(self._root, "stop")
        self.python = os.path.join(self._root, "python")
        self._taken = 0
        for folder in (self.checkpoints, self.python):
            os.makedirs(folder, mode=0o700)
        os.symlink(os.path.dirname(labtui.__file__), os.path.join(self.python, "labtui"))
        _write(self.params, trial.params)
        _write(self.trial, describe(trial, checkpoint_dir=self.checkpoints, stop_file=self.stop))

    def ask_to_stop(self) -> None:
        """Make the stop file."""
        with open(self.stop, "w"):
            pass

    def place(self) -> str:
        """Give a path for a checkpoint that is taken from the program."""
        self._taken += 1
        return os.path.join(self._root, f"taken-{self._taken}")

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._root, ignore_errors=True)


def _write(path: str, content: Mapping[str, Any]) -> None:
    with open(path, "w", encoding="ascii") as file:
        json.dump(content, file)
