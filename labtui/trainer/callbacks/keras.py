"""A study's trial from Keras: ``model.fit(…, callbacks=[LabtuiCallback()])``."""

from __future__ import annotations

import os
from typing import Any, Dict, Mapping, Optional

import keras

from labtui.trainer.callbacks.report import Names, OfTrial
from labtui.trainer.trial import Trial

FILE = "model.keras"


class LabtuiCallback(OfTrial, keras.callbacks.Callback):  # type: ignore[misc]
    """Reports a Keras `Model.fit` as a trial, step by step.

    A step is an update of the weights: a batch, or `gradient_accumulation_steps` of the optimizer.
    Training metrics are Keras' own, the mean since the epoch began or since the last evaluation.
    The training ends with the study's last step, however many epochs `fit` was given.
    """

    def __init__(
        self,
        trial: Optional[Trial] = None,
        *,
        names: Optional[Names] = None,
        checkpoint: bool = True,
        validation: Any = None,
    ) -> None:
        """Report to the current trial.

        Args:
            trial: Another trial.
            names: Keras' name of a metric → labtui's name, None to leave it out; ``loss`` is
                ``train/loss`` and ``val_loss`` is ``validation/loss``.
            checkpoint: Whether evaluations offer the model and its optimizer.
            validation: What `Model.evaluate` takes, (x, y) or a dataset, to evaluate at the
                study's steps. Without it evaluations are those of `fit`, at the ends of epochs.
        """
        super().__init__(trial, names, checkpoint)
        self._validation = validation
        self._batches = self._first = 0
        if self.resume_path is not None:
            self.resume_path = os.path.join(self.resume_path, FILE)

    @property
    def step(self) -> int:
        """Updates completed."""
        return self.trial.start_step + self._batches // self._per_update

    @property
    def _per_update(self) -> int:
        return getattr(self.model.optimizer, "gradient_accumulation_steps", None) or 1

    def on_train_begin(self, logs: Optional[Mapping[str, Any]] = None) -> None:
        """See whether the model is the one to go on with."""
        if int(self.model.optimizer.iterations) == 0:
            self._report.begin(1)

    def on_epoch_begin(self, epoch: int, logs: Optional[Mapping[str, Any]] = None) -> None:
        """See which batch is the epoch's first."""
        self._first = self._batches

    def on_train_batch_begin(self, batch: int, logs: Optional[Mapping[str, Any]] = None) -> None:
        """Begin an update, or go on with it."""
        self._report.begin(self.step + 1)

    def on_train_batch_end(self, batch: int, logs: Optional[Mapping[str, Any]] = None) -> None:
        """Log an update when its last batch is done, and evaluate if the study wants it."""
        before = self.step
        self._batches = self._first + batch + 1
        step = self.step
        if step == before:
            return
        self._report.log(step, {self._named(name): float(v) for name, v in (logs or {}).items()})
        if self._validation is not None and self._is_due(before, step):
            self._evaluate(step)
        if self._report.finished(step):
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: Optional[Mapping[str, Any]] = None) -> None:
        """Log the evaluation that `fit` made."""
        found = {name: v for name, v in (logs or {}).items() if name.startswith("val_")}
        if found and self._validation is None:
            self._take(self.step, found)

    def on_train_end(self, logs: Optional[Mapping[str, Any]] = None) -> None:
        """End the trial with the training."""
        self._report.close(self.step)

    def _named(self, name: str) -> str:
        """Tell Keras' training metrics, which have no prefix, from others; `names` come first."""
        known = self._report.ours(name) != name or name in self.trial._aliases
        return name if known else f"train_{name}"

    def _is_due(self, before: int, step: int) -> bool:
        """Say whether the study wants an evaluation after one of the updates just made."""
        return any(self.trial.should_evaluate(update) for update in range(before + 1, step + 1))

    def _evaluate(self, step: int) -> None:
        """Evaluate between two batches, and leave the model as the loop of `fit` had it."""
        data = self._validation if isinstance(self._validation, tuple) else (self._validation,)
        found = self.model.evaluate(*data, verbose=0, return_dict=True)
        self.model.reset_metrics()
        if keras.backend.backend() == "torch":
            self.model.train()
        self._take(step, {f"val_{name}": value for name, value in found.items()})

    def _take(self, step: int, metrics: Mapping[str, Any]) -> None:
        found: Dict[str, Any] = {name: float(value) for name, value in metrics.items()}
        rate = getattr(self.model.optimizer, "learning_rate", None)
        if rate is not None:
            found["learning_rate"] = float(rate)
        self._report.evaluated(step, found)
        if self._checkpoint:
            self._report.keep(step, self._save)

    def _save(self, path: str) -> None:
        os.makedirs(path)
        self.model.save(os.path.join(path, FILE))
