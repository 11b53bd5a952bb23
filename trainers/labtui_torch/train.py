"""Trains one trial of the torch workloads.

Everything random is a function of the trial's seed and of the epoch or step, so a trial that
resumes from a checkpoint continues bit for bit (on the CPU; a GPU adds in no fixed order).
"""

from __future__ import annotations

import contextlib
import math
import time
from typing import Any, Dict, Iterator, List, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor

from labtui.trainer.loop import weighted_mean
from labtui.trainer.schedule import learning_rate
from labtui.trainer.trial import Trial
from labtui_torch import plugin
from labtui_torch.averaging import Average
from labtui_torch.data import DATA, Batches
from labtui_torch.devices import choose, free_memory, fresh_torch, memory_share, out_of_memory, wait
from labtui_torch.flat import Flat
from labtui_torch.models import build, initialize
from labtui_torch.optimizers import OPTIMIZERS, create
from labtui_workloads.seeds import derive
from labtui_workloads.settings import nearest, read, refuse_impossible

DENSE_STEPS = 100  # steps that are all logged, for early instability (P38)
LOG_EVERY = 10
SHOWN = 8  # validation examples whose predictions are kept (P43)


def train(trial: Trial) -> None:
    """Train `trial` on its workload's data, on its device.

    Logs at the first 100 steps, every 10th and every evaluation: ``train/loss`` (of the batch
    before the update, label smoothing included, weight decay not), ``grad_norm`` (full, unclipped,
    without weight decay), ``learning_rate``, and ``clipped`` (0 or 1) where clipping is on. A loss
    that is not finite is logged at its own step. Evaluations log loss and error of all three
    splits without label smoothing or dropout, and the mean seconds of a step since the last
    evaluation: ``step_time``, and ``data_wait`` of it.

    Raises:
        ValueError: For an unknown workload, or hyperparameters that it cannot have.
    """
    if trial.workload not in DATA:
        raise ValueError(f"workload: found {trial.workload!r}; {nearest(trial.workload, DATA)}")
    settings = read(trial.params, plugin.workloads[trial.workload])
    refuse_impossible(trial, settings)
    with fresh_torch():
        missing = _attempt(trial, settings)
    if missing:
        free_memory()
        trial.infeasible(f"out of memory: {missing}")


def _attempt(trial: Trial, settings: Dict[str, Any]) -> str:
    """Train; say what memory was missing. The error, which holds every tensor, is gone by then."""
    try:
        _Run(trial, settings, choose(trial)).run()
    except RuntimeError as error:
        missing = out_of_memory(error)
        if not missing:
            raise
        return missing
    return ""


class _Run:
    """Model, optimizer and data of one trial."""

    def __init__(self, trial: Trial, settings: Dict[str, Any], device: torch.device) -> None:
        self._trial, self._settings, self._device = trial, settings, device
        self._on_cpu = device.type == "cpu"  # elsewhere, no number is read between evaluations
        self._data = DATA[trial.workload](str(device))
        if settings["batch_size"] > len(self._data):
            found = settings["batch_size"]
            raise ValueError(f"batch_size: found {found}; expected at most {len(self._data)}")
        self._batches = Batches(self._data, settings["batch_size"], trial.seed)
        self._model = build(trial.workload, settings)
        self._flat = Flat(self._model, device)
        slots = OPTIMIZERS[settings["optimizer"]].SLOTS
        state = self._flat.parameters.new_zeros(slots, len(self._flat.parameters))
        self._optimizer = create(settings["optimizer"], state, settings)
        self._average = Average(self._flat.values, settings["polyak_decay"])
        random = torch.Generator().manual_seed(derive(trial.seed, "initial"))
        initialize(self._model, random, settings["init_scale"])
        saved = trial.restore(_load)
        if saved is not None:
            self._restore(saved)

    def run(self) -> None:
        """Make the trial's updates."""
        trial, clock = self._trial, time.perf_counter
        finite, waited, since, start = True, 0.0, trial.start_step, clock()
        for step in trial.steps():
            asked = clock()
            inputs, targets = self._batches.at(step)
            waited += clock() - asked
            evaluating = trial.should_evaluate(step)
            dense = step <= DENSE_STEPS or step % LOG_EVERY == 0 or evaluating
            loss: Any = self._backward(step, inputs, targets)
            if self._on_cpu:
                loss = float(loss)
                # The step after a loss that was not finite is logged too: it may have recovered.
                recovering, finite = not finite, math.isfinite(loss)
                dense = dense or recovering or not finite
            logged = self._update(step, norm=dense)
            if dense:
                trial.log(step, {"train/loss": loss, **logged})
            elif not self._on_cpu:  # to see whether it is finite would be to wait for it
                trial.log(step, {"train/loss": loss})
            if evaluating:
                wait(self._device)
                updates = step - since
                times = {"step_time": (clock() - start) / updates, "data_wait": waited / updates}
                trial.log(step, {**self._evaluate(), **times, **memory_share(self._device)})
                trial.checkpoint(step, self._save, self._predictions)
                waited, since, start = 0.0, step, clock()

    def _backward(self, step: int, inputs: Tensor, targets: Tensor) -> Tensor:
        """Fill the gradient; give the batch's loss."""
        if self._settings["dropout"]:
            torch.manual_seed(derive(self._trial.seed, "dropout", step))
        self._flat.gradient.zero_()
        loss = _cross_entropy(self._model(inputs), targets, self._settings["label_smoothing"])
        loss.backward()  # type: ignore[no-untyped-call, unused-ignore]
        return loss.detach()

    def _update(self, step: int, *, norm: bool) -> Dict[str, Any]:
        """Make one update; give what there is to log about it, if the gradient's `norm` is due."""
        settings, flat = self._settings, self._flat
        rate = learning_rate(
            step,
            settings["learning_rate"],
            settings["schedule"],
            max_steps=self._trial.max_steps,
            warmup_steps=settings["warmup_steps"],
            final_factor=settings["final_factor"],
        )
        logged: Dict[str, Any] = {"learning_rate": rate}
        limit = settings["clip_norm"]
        if norm or limit:
            logged["grad_norm"] = found = _norm(flat.gradient, exact=self._on_cpu)
            if limit:
                # Where nothing is clipped the factor is exactly 1.
                flat.gradient.mul_((limit / found).clamp_(max=1.0))
                logged["clipped"] = found > limit
        with torch.no_grad():
            self._optimizer.update(flat.parameters, flat.gradient, rate, step)
            self._average.update(step)
        return logged

    def _evaluate(self) -> Dict[str, float]:
        """Evaluate every split in batches, a partial one weighed by what it holds (P43).

        ``train/loss`` stays the batch's: it is what is minimised, and is logged at every step.
        """
        measured: Dict[str, float] = {}
        with self._evaluating():
            for split, (inputs, targets) in self._data.splits.items():
                loss, error = self._measure(inputs, targets)
                if split != "train":
                    measured[f"{split}/loss"] = loss
                measured[f"{split}/error_rate"] = error
        return measured

    def _measure(self, inputs: Tensor, targets: Tensor) -> Tuple[float, float]:
        """Give the mean loss and the error rate of n examples."""
        size = max(self._data.evaluation_batch, self._settings["batch_size"])
        losses, wrong, counts = [], [], []
        for batch, right in zip(torch.split(inputs, size), torch.split(targets, size)):
            outputs = self._model(batch)
            losses.append(_cross_entropy(outputs, right))
            wrong.append((outputs.argmax(-1) != right).sum())
            counts.append(right.numel())
        loss = weighted_mean(zip(torch.stack(losses).tolist(), counts))
        return loss, sum(torch.stack(wrong).tolist()) / sum(counts)

    @contextlib.contextmanager
    def _evaluating(self) -> Iterator[None]:
        """Let the model be what is evaluated: averaged, with running statistics, all units."""
        self._model.eval()
        try:
            with torch.inference_mode(), self._average.in_place():
                yield
        finally:
            self._model.train()

    def _predictions(self) -> List[Dict[str, Any]]:
        inputs, targets = (values[:SHOWN] for values in self._data.splits["validation"])
        with self._evaluating():
            shown: List[Dict[str, Any]] = self._data.predictions(self._model(inputs), targets)
        return shown

    def _state(self) -> Dict[str, Tensor]:
        return {
            "values": self._flat.values,
            "optimizer": self._optimizer.state,
            "average": self._average.average,
        }

    def _save(self, path: str) -> None:
        torch.save({name: tensor.cpu() for name, tensor in self._state().items()}, path)

    def _restore(self, saved: Dict[str, Tensor]) -> None:
        for name, tensor in self._state().items():
            found = saved.get(name)
            if found is None or found.shape != tensor.shape or found.dtype != tensor.dtype:
                shape = None if found is None else tuple(found.shape)
                raise ValueError(
                    f"checkpoint: {name}: found {shape}; expected {tuple(tensor.shape)}: "
                    "it belongs to another configuration"
                )
            tensor.copy_(found)


def _load(path: str) -> Dict[str, Tensor]:
    saved: Dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return saved


def _cross_entropy(outputs: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
    """Average -Σ target · log softmax(output) over all positions; outputs are (…, classes)."""
    if outputs.dim() > 2:
        outputs, targets = outputs.flatten(0, -2), targets.flatten()
    return F.cross_entropy(outputs, targets, label_smoothing=smoothing)


def _norm(gradient: Tensor, *, exact: bool) -> Tensor:
    """Compute the L2 norm; if `exact`, squares that overflow are added up in float64."""
    norm: Tensor = torch.linalg.vector_norm(gradient)
    if exact and not math.isfinite(norm):
        norm = torch.linalg.vector_norm(gradient, dtype=torch.float64)
    return norm
