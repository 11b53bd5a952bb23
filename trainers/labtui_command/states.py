"""The states of a program's trial: checkpoints that it saved, and where a stop ends it."""

from __future__ import annotations

import json
import os
import shutil
import time
from typing import Any, Optional, Tuple

from labtui.trainer.trial import Stopped, Trial
from labtui_command.errors import CommandError, nearest
from labtui_command.workspace import Workspace

OFFER_SECONDS = 1.0  # how often a checkpoint that was not due is offered again


class Stopping:
    """Ends a trial that was asked to stop: after its next evaluation, with its state (P36)."""

    def __init__(self, trial: Trial, workspace: Workspace) -> None:
        """Watch over `trial`."""
        self._trial = trial
        self._workspace = workspace
        self._due: Optional[int] = None  # the evaluation that it is to end after
        self._saves = trial.start_step > 0  # whether it is a program that keeps checkpoints

    def look(self, step: int) -> None:
        """Tell the program as soon as a stop is asked for; `step` is where it is."""
        if self._due is None and self._trial.stop_requested:
            self._workspace.ask_to_stop()
            every = self._trial.eval_every
            self._due = min(self._trial.max_steps, (step // every + 1) * every if step else 1)

    def saved(self, step: int) -> None:
        """End the trial if the checkpoint at `step` is one to go on from."""
        self._saves = True
        self._end(step)

    def evaluated(self, step: int) -> None:
        """End the trial after a report if there is no checkpoint to wait for."""
        if not self._saves:
            self._end(step)

    def judge(self, step: int) -> None:
        """Say what the regular end of the program at `step` means."""
        if self._due is not None and step < self._trial.max_steps:
            raise Stopped(step)

    def _end(self, step: int) -> None:
        if self._due is not None and self._due <= step < self._trial.max_steps:
            raise Stopped(step)


class States:
    """Takes checkpoints from the program and offers them to the trial."""

    def __init__(self, trial: Trial, workspace: Workspace) -> None:
        """Watch over `trial`."""
        self._trial = trial
        self._workspace = workspace
        self._held: Optional[Tuple[int, str]] = None  # the newest, while the trial has no need
        self._offered = 0.0

    def take(self, step: int, name: str, predictions: Optional[str]) -> None:
        """Move the file or folder `name` away from the program's folder, and offer it."""
        path = self._take(name)
        examples = None if predictions is None else self._take(predictions)
        self.forget()
        self._held = (step, path)
        self._offer(examples)
        if examples is not None:
            _remove(examples)

    def offer(self) -> None:
        """Offer the newest again: it may be due now."""
        if self._held is not None and time.monotonic() - self._offered > OFFER_SECONDS:
            self._offer(None)

    def forget(self) -> None:
        """Remove the newest if the trial had no need of it."""
        if self._held is not None:
            _remove(self._held[1])
            self._held = None

    def _offer(self, examples: Optional[str]) -> None:
        if self._held is None:
            return
        step, path = self._held
        self._offered = time.monotonic()

        def save(target: str) -> None:
            shutil.move(path, target)
            self._held = None

        def predictions() -> Any:
            with open(str(examples), encoding="utf-8") as file:
                return json.load(file)

        self._trial.checkpoint(step, save, None if examples is None else predictions)

    def _take(self, name: str) -> str:
        root = os.path.realpath(self._workspace.checkpoints)
        path = os.path.realpath(os.path.join(root, name))
        if not path.startswith(root + os.sep):
            raise CommandError(
                f"checkpoint: found {name!r}; expected the name of a file or folder inside "
                "{checkpoint_dir} (LABTUI_CHECKPOINT_DIR)"
            )
        if not os.path.exists(path):
            names = os.listdir(root)
            there = ", ".join(sorted(names)[:10]) or "nothing"
            raise CommandError(
                f"checkpoint: found no {name!r} in LABTUI_CHECKPOINT_DIR, which holds {there}"
                f"{nearest(name, names)}"
            )
        place = self._workspace.place()
        os.rename(path, place)
        return place


def _remove(path: str) -> None:
    if os.path.isdir(path):
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.exists(path):
        os.unlink(path)
