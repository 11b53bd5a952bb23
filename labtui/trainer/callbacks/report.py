"""What the callbacks share: a framework's loop drives a trial, and its metrics get labtui's names.

The framework calls; the trial's own loop, `Trial.steps`, waits in a generator that is advanced at
the beginning of each update. Its end, a stop included, is thus the one that every trial has.
"""

from __future__ import annotations

import math
from typing import Any, Dict, Mapping, Optional

from labtui.trainer.checkpoints import Save
from labtui.trainer.current import current_trial
from labtui.trainer.trial import Trial

Names = Mapping[str, Optional[str]]
SPLITS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "eval": "validation",
    "test": "test",
}


class Report:
    """One training run of a framework, as a trial."""

    def __init__(self, trial: Trial, names: Optional[Names] = None) -> None:
        """Report to `trial`; `names` maps the framework's metrics to labtui's, or to None."""
        self.trial = trial
        self._names = dict(names or {})
        self._steps = trial.steps()
        self._at = trial.start_step

    def begin(self, step: int) -> None:
        """Say that update `step` (1, 2, …) begins; again and again for one update is fine.

        Raises:
            Stopped: A stop was asked for, and an evaluation has been reported since.
            RuntimeError: The training starts afresh, and the trial goes on from a checkpoint.
        """
        if step <= self.trial.start_step:
            raise RuntimeError(
                f"the trial goes on after step {self.trial.start_step}, and the training began at "
                f"step {step}; give the callback's resume_path to what loads checkpoints"
            )
        while self._at < step:
            self._at = next(self._steps, step)
            self.trial._ending = False  # an end comes where the framework evaluates: `evaluated`

    def log(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Log what are numbers among `metrics` after update `step`, by labtui's names."""
        found: Dict[str, Any] = {}
        for name, value in metrics.items():
            ours = self.ours(name)
            if ours is not None and _is_number(value):
                found[ours] = value
        if found:
            self.trial.log(step, found)

    def evaluated(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Log an evaluation after update `step`; if a stop was asked for, the trial ends by it."""
        self.log(step, metrics)
        if self.trial.stop_requested and step < self.trial.max_steps:
            self.trial._ending = True

    def keep(self, step: int, save: Save) -> None:
        """Offer the state after update `step`, once its evaluation is reported."""
        self.trial.checkpoint(step, save)

    def finished(self, step: int) -> bool:
        """Say whether the trial has all its updates."""
        return step >= self.trial.max_steps

    def close(self, step: int) -> None:
        """Say that the framework's loop is over after update `step`.

        Raises:
            Stopped: As `begin`.
        """
        if self.finished(step) or self.trial._ending:
            next(self._steps, None)
        else:
            self.trial.warn(
                f"the script trained for {step} of {self.trial.max_steps} steps: its epochs or "
                "steps are fewer than the study's max_train_steps"
            )

    def ours(self, name: str) -> Optional[str]:
        """Give labtui's name of a metric: ``val_loss`` → ``validation/loss``; None to drop it."""
        if name in self._names:
            return self._names[name]
        if name in self.trial._aliases:  # the study file says what it is
            return name
        for separator in ("_", "/"):
            split, found, rest = name.partition(separator)
            if found and rest and split in SPLITS:
                return f"{SPLITS[split]}/{rest}"
        return name


class OfTrial:
    """What every callback offers to the script that makes it.

    Attributes:
        trial: The trial that is trained.
        resume_path: The checkpoint to go on from, None for a fresh start.
    """

    def __init__(self, trial: Optional[Trial], names: Optional[Names], checkpoint: bool) -> None:
        """Take the current trial unless one is given."""
        super().__init__()
        self.trial = trial or current_trial()
        self.resume_path = self.trial.resume_path
        self._checkpoint = checkpoint
        self._report = Report(self.trial, names)

    def max_epochs(self, steps_per_epoch: Optional[int] = None) -> int:
        """Give the epochs that hold all updates of the trial, rounded up.

        Args:
            steps_per_epoch: Updates of one pass over the data; the study file may say it instead.

        Raises:
            ValueError: Nobody says it.
        """
        steps = steps_per_epoch or self.trial.steps_per_epoch
        if not steps:
            raise ValueError(
                "max_epochs: found no steps_per_epoch; give it, or add `steps_per_epoch: N` to the "
                "study file"
            )
        return math.ceil(self.trial.max_steps / steps)


def _is_number(value: Any) -> bool:
    """Say whether `value` is a number or an array of one; text, lists and images are not."""
    if isinstance(value, (int, float)):
        return True
    shape = getattr(value, "shape", None)
    return shape is not None and math.prod(shape) == 1
