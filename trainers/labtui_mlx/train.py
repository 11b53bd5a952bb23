"""Trains one trial of the MLX workloads.

Everything random is a function of the trial's seed and of the epoch or step, so a trial that
resumes from a checkpoint continues bit for bit (on the CPU; a GPU may add in no fixed order). A
checkpoint is the state in safetensors.
"""

from __future__ import annotations

import io
import math
import time
from typing import Any, Dict, Iterator, List, Tuple

import mlx.core as mx

from labtui.trainer.loop import weighted_mean
from labtui.trainer.trial import Trial
from labtui_mlx import plugin
from labtui_mlx.data import DATA, Batch, Batches
from labtui_mlx.devices import choose, memory_share, out_of_memory
from labtui_mlx.learner import Learner, State
from labtui_mlx.models import MODELS
from labtui_workloads.settings import nearest, read, refuse_impossible

DENSE_STEPS = 100  # steps that are all logged, for early instability (P38)
LOG_EVERY = 10
READ_SECONDS = 0.1  # how long what is to be logged may wait for the device, about
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
    missing = _attempt(trial, settings)
    if missing:
        mx.clear_cache()
        trial.infeasible(f"out of memory: {missing}")


def _attempt(trial: Trial, settings: Dict[str, Any]) -> str:
    """Train; say what memory was missing. The error, which holds every array, is gone by then."""
    try:
        _Run(trial, settings).run()
    except (RuntimeError, MemoryError) as error:
        missing = out_of_memory(error)
        if not missing:
            raise
        return missing
    return ""


class _Run:
    """Model, state and data of one trial."""

    def __init__(self, trial: Trial, settings: Dict[str, Any]) -> None:
        self._trial, self._size = trial, settings["batch_size"]
        # For the CPU, MLX compiles with g++ into a folder that all processes share without a lock.
        self._gpu = gpu = choose(trial)
        self._data = DATA[trial.workload]()
        if self._size > len(self._data):
            raise ValueError(f"batch_size: found {self._size}; expected at most {len(self._data)}")
        self._batches = Batches(self._data, self._size, trial.seed)
        self._learner = Learner(MODELS[trial.workload](settings), settings, compiled=gpu)
        self._state = self._learner.initial(trial.seed)
        saved = trial.restore(_load)
        if saved is not None:
            self._state = _checked(saved, self._state)
        mx.eval(self._state)

    def run(self) -> None:
        """Make the trial's updates."""
        trial, clock = self._trial, time.perf_counter
        curve = _Curve(trial)
        waited, since, start = 0.0, trial.start_step, clock()
        for step in trial.steps():
            asked = clock()
            batch = self._batches.at(step)
            waited += clock() - asked
            self._state, measured = self._learner.update(
                self._state, batch, step=step, max_steps=trial.max_steps, seed=trial.seed
            )
            mx.async_eval(self._state, measured)
            curve.add(step, measured)
            if trial.should_evaluate(step):
                curve.read()
                mx.eval(self._state)
                updates = step - since
                times = {"step_time": (clock() - start) / updates, "data_wait": waited / updates}
                trial.log(step, {**self._evaluate(), **times, **memory_share(self._gpu)})
                trial.checkpoint(step, _bytes(self._state), self._predictions)
                waited, since, start = 0.0, step, clock()

    def _evaluate(self) -> Dict[str, float]:
        """Evaluate every split in batches, a partial one weighed by what it holds (P43).

        ``train/loss`` stays the batch's: it is what is minimised, and is logged at every step.
        """
        measured: Dict[str, float] = {}
        for split in self._data.splits:
            loss, error = self._measure(split)
            if split != "train":
                measured[f"{split}/loss"] = loss
            measured[f"{split}/error_rate"] = error
        return measured

    def _measure(self, split: str) -> Tuple[float, float]:
        """Give the mean loss and the error rate of a split."""
        found, counts = [], []
        for batch in self._in_batches(split):
            found.append(self._learner.outcome(self._state, batch))
            counts.append(batch[1].size)
        mx.eval(found)
        loss = weighted_mean((loss.item(), count) for (loss, _), count in zip(found, counts))
        return loss, sum(wrong.item() for _, wrong in found) / sum(counts)

    def _in_batches(self, split: str) -> Iterator[Batch]:
        inputs, targets = self._data.splits[split]
        size = max(self._data.evaluation_batch, self._size)
        for start in range(0, len(targets), size):
            yield inputs[start : start + size], targets[start : start + size]

    def _predictions(self) -> List[Dict[str, Any]]:
        inputs, targets = (values[:SHOWN] for values in self._data.splits["validation"])
        return self._data.predictions(self._learner.logits(self._state, inputs), targets)


class _Curve:
    """What is logged about updates: computed along with them, and read some updates later.

    To read a number is to wait for the device; several are read together.
    """

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self._waiting: List[Tuple[int, Dict[str, Any]]] = []
        self._finite = True
        self._last_read = time.monotonic()

    def add(self, step: int, measured: Dict[str, Any]) -> None:
        """Take the numbers of update `step`; logs them, and those before, if it is time to."""
        self._waiting.append((step, measured))
        late = time.monotonic() - self._last_read > READ_SECONDS
        if late or len(self._waiting) >= LOG_EVERY:
            self.read()

    def read(self) -> None:
        """Log what waits."""
        trial, waiting = self._trial, self._waiting
        self._waiting = []
        for step, measured in waiting:
            # The step after a loss that was not finite is logged too: it may have recovered.
            recovering = not self._finite
            self._finite = math.isfinite(measured["train/loss"].item())
            dense = step <= DENSE_STEPS or step % LOG_EVERY == 0 or trial.should_evaluate(step)
            if dense or recovering or not self._finite:
                trial.log(step, {name: _number(value) for name, value in measured.items()})
        self._last_read = time.monotonic()


def _number(value: Any) -> float:
    return value if isinstance(value, float) else float(value.item())


def _bytes(state: State) -> bytes:
    file = io.BytesIO()
    mx.save_safetensors(file, state)
    return file.getvalue()


def _load(path: str) -> State:
    with open(path, "rb") as file:
        state: State = mx.load(file, format="safetensors")
    return state


def _checked(saved: State, expected: State) -> State:
    """Give what was saved if it has the shapes that the trial's model has."""
    for name, array in expected.items():
        found = saved.get(name)
        if found is None or found.shape != array.shape or found.dtype != array.dtype:
            shape = None if found is None else found.shape
            raise ValueError(
                f"checkpoint: {name}: found {shape}; expected {array.shape}: "
                "it belongs to another configuration"
            )
    return {name: saved[name] for name in expected}
