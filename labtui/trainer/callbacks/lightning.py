"""A study's trial from Lightning: ``L.Trainer(callbacks=[LabtuiCallback()], …)``."""

from __future__ import annotations

import sys
from typing import Any, Dict, Mapping, Optional

import torch

from labtui.trainer.callbacks.report import Names, OfTrial
from labtui.trainer.trial import Trial

if "pytorch_lightning" in sys.modules and "lightning.pytorch" not in sys.modules:
    from pytorch_lightning import Callback  # the script uses the package under its old name
else:
    from lightning.pytorch import Callback

NEVER, NOW = 2**62, 1  # batches between evaluations, as Lightning counts them


class LabtuiCallback(OfTrial, Callback):  # type: ignore[misc]
    """Reports a `lightning.Trainer.fit` as a trial, step by step.

    A step is an update of the weights, Lightning's ``global_step``: with accumulated gradients it
    takes several batches. ``train/loss`` is the mean of what `training_step` returned for them.
    Everything the module logs is reported too, by labtui's names.
    """

    def __init__(
        self,
        trial: Optional[Trial] = None,
        *,
        names: Optional[Names] = None,
        checkpoint: bool = True,
        evaluate: bool = True,
        grad_norm: bool = True,
    ) -> None:
        """Report to the current trial.

        Args:
            trial: Another trial.
            names: Name in the module → labtui's name, None to leave it out; ``val_loss`` and its
                like are known.
            checkpoint: Whether evaluations offer a checkpoint of Lightning.
            evaluate: Whether to evaluate at the study's steps; else Lightning does when it is told
                to, e.g. by `val_check_interval`.
            grad_norm: Whether to compute the norm of the gradient before clipping, on the device.
        """
        super().__init__(trial, names, checkpoint)
        self._evaluate = evaluate
        self._grad_norm = grad_norm
        self._step = self.trial.start_step
        self._losses: Any = 0.0
        self._batches = 0
        self._returned = False  # whether `training_step` gives its loss
        self._update: Dict[str, Any] = {}
        self._seen: Dict[str, Any] = {}

    def trainer_options(self) -> Dict[str, Any]:
        """Give what a `Trainer` needs to train as the study says: length and device."""
        return {
            "max_steps": self.trial.max_steps,
            "max_epochs": -1,
            "num_sanity_val_steps": 0,
            "accelerator": self.trial.device,
            "devices": 1,
        }

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """See where the training begins."""
        self._step = trainer.global_step

    def on_train_batch_start(
        self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int
    ) -> None:
        """Begin an update, or go on with it."""
        if batch_idx == 0:
            self._fresh(trainer)  # Lightning computes those of the last epoch once more
        self._report.begin(trainer.global_step + 1)

    def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
        """Note what belongs to this update alone; waits for no device."""
        self._update = {"learning_rate": optimizer.param_groups[0]["lr"]}
        gradients = [p.grad for p in pl_module.parameters() if p.grad is not None]
        if self._grad_norm and gradients:
            self._update["grad_norm"] = _norm(gradients)

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Log an update when its last batch is done."""
        loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        if loss is not None:
            # Lightning has divided it by the batches of an update, which the last one may lack.
            self._losses = self._losses + loss.detach() * trainer.accumulate_grad_batches
            self._batches += 1
            self._returned = True
        if self._evaluate:
            trainer.val_check_batch = NEVER
        if trainer.global_step == self._step:
            return
        self._step = trainer.global_step
        metrics = {**self._logged(trainer), **self._update}
        if self._batches:
            metrics["train/loss"] = self._losses / self._batches
        self._losses, self._batches, self._update = 0.0, 0, {}
        self._report.log(self._step, metrics)
        if self._evaluate and self.trial.should_evaluate(self._step):
            trainer.val_check_batch = NOW
        if self._report.finished(self._step):
            trainer.should_stop = True

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Log what the module logs once an epoch."""
        found = self._logged(trainer)
        means = {name for name in found if f"{name}_epoch" in found}  # by both names
        self._report.log(
            trainer.global_step, {name: v for name, v in found.items() if name not in means}
        )

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        """Remember what was known before the evaluation."""
        self._fresh(trainer)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Log the evaluation, and offer the state it was made with."""
        if trainer.sanity_checking or trainer.state.fn != "fit":
            return
        self._report.evaluated(trainer.global_step, self._fresh(trainer))
        if self._checkpoint:
            self._report.keep(trainer.global_step, trainer.save_checkpoint)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """End the trial with the training."""
        self._report.close(trainer.global_step)

    def _logged(self, trainer: Any) -> Dict[str, Any]:
        """Give the module's new training metrics, but for what is reported by another name."""
        found = self._fresh(trainer)
        return {
            name: value
            for name, value in found.items()
            if not (self._returned and self._report.ours(name) == "train/loss")
            and not (name.endswith("_step") and name[: -len("_step")] in found)
        }

    def _fresh(self, trainer: Any) -> Dict[str, Any]:
        """Give the module's metrics that were logged since the last call; they stay in place."""
        found = dict(trainer.callback_metrics)
        fresh = {name: v for name, v in found.items() if self._seen.get(name) is not v}
        self._seen = found
        return fresh


def _norm(gradients: Any) -> Any:
    """Give the Euclidean norm of all gradients, a scalar on their device."""
    if hasattr(torch.nn.utils, "get_total_norm"):
        return torch.nn.utils.get_total_norm(gradients)
    norms = [torch.linalg.vector_norm(gradient) for gradient in gradients]
    return torch.linalg.vector_norm(torch.stack(norms))
