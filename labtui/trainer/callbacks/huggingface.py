"""A study's trial from transformers: ``Trainer(…, callbacks=[LabtuiCallback()])``."""

from __future__ import annotations

import contextlib
import os
import shutil
import weakref
from typing import Any, Dict, Mapping, Optional

from transformers import TrainerCallback

from labtui.trainer.callbacks.report import Names, OfTrial
from labtui.trainer.remote import scratch_folder
from labtui.trainer.trial import Trial

HOUSEKEEPING = (
    "epoch",
    "total_flos",
    "num_input_tokens_seen",
    "train_tokens_per_second",
    "eval_runtime",
    "eval_samples_per_second",
    "eval_steps_per_second",
    "eval_model_preparation_time",
)
NAMES = {"loss": "train/loss", **dict.fromkeys(HOUSEKEEPING)}


class LabtuiCallback(OfTrial, TrainerCallback):  # type: ignore[misc]
    """Reports a `transformers.Trainer.train` as a trial, step by step.

    A step is an update of the weights, the trainer's ``global_step``. Training metrics come at its
    ``logging_steps`` and before evaluations: its ``loss`` is the mean since it last logged.
    Evaluations come at the study's steps; `eval_strategy` may add others.
    """

    def __init__(
        self,
        trial: Optional[Trial] = None,
        *,
        names: Optional[Names] = None,
        checkpoint: bool = False,
        evaluate: bool = True,
    ) -> None:
        """Report to the current trial.

        Args:
            trial: Another trial.
            names: The trainer's name of a metric → labtui's name, None to leave it out;
                ``eval_loss`` and its like are known.
            checkpoint: Whether the trainer saves a checkpoint at each evaluation; costs the time.
            evaluate: Whether to have the trainer evaluate at the study's steps.
        """
        super().__init__(trial, {**NAMES, **(names or {})}, checkpoint)
        self._evaluate = evaluate
        self._folder: Optional[str] = None
        self._training = False
        self._save_at = -1

    @property
    def output_dir(self) -> str:
        """A folder of this trial alone, for ``TrainingArguments(output_dir=…)``; goes with it."""
        if self._folder is None:
            self._folder = scratch_folder(self.trial)
            weakref.finalize(self, shutil.rmtree, self._folder, True)
        return self._folder

    def training_options(self) -> Dict[str, Any]:
        """Give what `TrainingArguments` needs to train as the study says: length, seed, device."""
        return {
            "output_dir": self.output_dir,
            "max_steps": self.trial.max_steps,
            "seed": self.trial.seed,
            "use_cpu": self.trial.device == "cpu",
            "eval_strategy": "no",
            "save_strategy": "no",
        }

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Have losses that are not finite shown: else the trainer shows others in their place."""
        self._training = True
        args.logging_nan_inf_filter = False
        if self._checkpoint and os.path.abspath(args.output_dir) != os.path.abspath(
            self.output_dir
        ):
            raise ValueError(
                f"checkpoint=True: found output_dir {args.output_dir!r}, which trials share; "
                "expected TrainingArguments(output_dir=callback.output_dir)"
            )

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Begin an update."""
        self._report.begin(state.global_step + 1)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Ask for what the study wants after this update."""
        if self._evaluate and self.trial.should_evaluate(state.global_step):
            control.should_log = control.should_evaluate = True
        if self._report.finished(state.global_step):
            control.should_training_stop = True

    def on_log(
        self,
        args: Any,
        state: Any,
        control: Any,
        logs: Optional[Mapping[str, Any]] = None,
        **_: Any,
    ) -> None:
        """Log training metrics; those of evaluations come by `on_evaluate`."""
        if self._training and logs and "train_runtime" not in logs:
            found = {name: v for name, v in logs.items() if not name.startswith("eval_")}
            self._report.log(state.global_step, found)

    def on_evaluate(
        self,
        args: Any,
        state: Any,
        control: Any,
        metrics: Optional[Mapping[str, Any]] = None,
        **_: Any,
    ) -> None:
        """Log an evaluation, and have its state saved."""
        if self._training:
            self._report.evaluated(state.global_step, metrics or {})
            if self._checkpoint:
                control.should_save = True
                self._save_at = state.global_step

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Offer the checkpoint that the trainer wrote; it is moved, or removed if not kept."""
        step = state.global_step
        if step == self._save_at:
            saved = os.path.join(args.output_dir, f"checkpoint-{step}")
            self._report.keep(step, lambda path: _move(saved, path))
            shutil.rmtree(saved, ignore_errors=True)
            with contextlib.suppress(OSError):  # others may save there too; it is made when needed
                os.rmdir(args.output_dir)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """End the trial with the training."""
        self._training = False
        self._report.close(state.global_step)


def _move(folder: str, path: str) -> None:
    shutil.move(folder, path)
