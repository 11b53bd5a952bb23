"""Trains one trial of the numpy workloads.

Everything random is a function of the trial's seed and of the epoch or step, so a trial that
resumes from a checkpoint continues bit for bit. All state is one array, a row of parameters above
the optimizer's rows; a checkpoint is that array in numpy's own file format.
"""

from __future__ import annotations

import io
import math
import time
from typing import Any, Dict

import numpy as np
from numpy.typing import NDArray

from labtui.trainer.schedule import learning_rate
from labtui.trainer.trial import Trial
from labtui_numpy import plugin
from labtui_numpy.data import Batches, Dataset, load
from labtui_numpy.model import Mlp, cross_entropy, mean_squared_error, parameter_count, smooth
from labtui_numpy.optimizers import OPTIMIZERS, create
from labtui_numpy.settings import nearest, read

DATA = {"digits-mlp": "digits", "diabetes-mlp": "diabetes"}
DENSE_STEPS = 100  # steps that are all logged, for early instability (P38)
LOG_EVERY = 10

# First word of a random stream's key; 1 is the order of the data.
_INITIAL, _DROPOUT = 2, 3


def train(trial: Trial) -> None:
    """Train `trial` on its workload's data.

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
    data = load(DATA[trial.workload])
    settings = read(trial.params, plugin.workloads[trial.workload])
    # A diverging trial computes with infinities; that is a result, not something to warn about.
    with np.errstate(all="ignore"):
        _Run(trial, settings, data).run()


class _Run:
    """Model, optimizer and data of one trial."""

    def __init__(self, trial: Trial, settings: Dict[str, Any], data: Dataset) -> None:
        self._trial, self._settings, self._data = trial, settings, data
        rows = data.splits["train"]
        inputs, targets = data.inputs[rows], data.targets[rows]
        if settings["batch_size"] > len(inputs):
            found = settings["batch_size"]
            raise ValueError(f"batch_size: found {found}; expected at most {len(inputs)}")
        if data.classes and settings["label_smoothing"]:
            targets = smooth(targets, settings["label_smoothing"])
        self._batches = Batches(inputs, targets, settings["batch_size"], trial.seed)
        hidden = [settings["width"]] * settings["depth"]
        sizes = [inputs.shape[1], *hidden, targets.shape[1]]
        slots = OPTIMIZERS[settings["optimizer"]].SLOTS
        self._state = np.zeros((1 + slots, parameter_count(sizes)), np.float32)
        self._model = Mlp(
            sizes,
            self._state[0],
            batch=settings["batch_size"],
            activation=settings["activation"],
            classify=data.classes > 0,
            dropout=settings["dropout"],
        )
        self._optimizer = create(settings["optimizer"], self._state[1:], settings)
        saved = trial.restore(_load)
        if saved is None:
            self._model.initialize(self._random(_INITIAL, 0), settings["init_scale"])
        elif saved.shape != self._state.shape or saved.dtype != self._state.dtype:
            found, expected = saved.shape, self._state.shape
            raise ValueError(f"checkpoint: found an array of {found}; expected {expected}")
        else:
            self._state[:] = saved

    def run(self) -> None:
        """Make the trial's updates."""
        trial, clock = self._trial, time.perf_counter
        finite, waited, since, start = True, 0.0, trial.start_step, clock()
        for step in trial.steps():
            asked = clock()
            inputs, targets = self._batches.at(step)
            waited += clock() - asked
            logged = self._update(step, inputs, targets)
            evaluating = trial.should_evaluate(step)
            # The step after a loss that was not finite is logged too: it may have recovered.
            recovering, finite = not finite, math.isfinite(logged["train/loss"])
            dense = step <= DENSE_STEPS or step % LOG_EVERY == 0
            if dense or evaluating or recovering or not finite:
                trial.log(step, logged)
            if evaluating:
                updates = step - since
                times = {"step_time": (clock() - start) / updates, "data_wait": waited / updates}
                trial.log(step, {**self._evaluate(), **times})
                trial.checkpoint(step, _bytes(self._state))
                waited, since, start = 0.0, step, clock()

    def _update(
        self, step: int, inputs: NDArray[np.float32], targets: NDArray[np.float32]
    ) -> Dict[str, float]:
        """Make one update; give what there is to log about it."""
        settings, model = self._settings, self._model
        random = self._random(_DROPOUT, step) if settings["dropout"] else None
        loss = model.loss_and_gradient(inputs, targets, random)
        norm = _norm(model.gradient)
        rate = learning_rate(
            step,
            settings["learning_rate"],
            settings["schedule"],
            max_steps=self._trial.max_steps,
            warmup_steps=settings["warmup_steps"],
            final_factor=settings["final_factor"],
        )
        logged = {"train/loss": loss, "grad_norm": norm, "learning_rate": rate}
        limit = settings["clip_norm"]
        if limit:
            clipped = norm > limit
            if clipped:
                model.gradient *= limit / norm
            logged["clipped"] = float(clipped)
        self._optimizer.update(model.parameters, model.gradient, rate, step)
        return logged

    def _evaluate(self) -> Dict[str, float]:
        """Evaluate every split whole, so that there are no batches to weight (P43).

        ``train/loss`` stays the batch's: it is what is minimised, and is logged at every step.
        """
        data = self._data
        outputs = self._model.predict(data.inputs)
        measured: Dict[str, float] = {}
        for split, rows in data.splits.items():
            ours, right = outputs[rows], data.targets[rows]
            if data.classes:
                wrong = ours.argmax(axis=1) != right.argmax(axis=1)
                loss, error, kind = cross_entropy(ours, right), float(wrong.mean()), "error_rate"
            else:
                loss = mean_squared_error(ours, right)
                error, kind = math.sqrt(loss) * data.target_scale, "rmse"
            if split != "train":
                measured[f"{split}/loss"] = loss
            measured[f"{split}/{kind}"] = error
        return measured

    def _random(self, stream: int, number: int) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64([self._trial.seed, stream, number]))


def _norm(gradient: NDArray[np.float32]) -> float:
    """Compute the L2 norm; squares that overflow are added up in float64."""
    squares = float(np.vdot(gradient, gradient))
    if not math.isfinite(squares):
        return float(np.linalg.norm(gradient.astype(np.float64)))
    return math.sqrt(squares)


def _bytes(state: NDArray[np.float32]) -> bytes:
    file = io.BytesIO()
    np.save(file, state, allow_pickle=False)
    return file.getvalue()


def _load(path: str) -> NDArray[np.float32]:
    with open(path, "rb") as file:
        state: NDArray[np.float32] = np.load(file, allow_pickle=False)
    return state
