"""Trains the numpy workloads: trials of one shape side by side, or one alone by the same code.

Everything random is a function of a trial's seed and of the epoch or step, so a trial that resumes
from a checkpoint continues bit for bit, and so does one whose neighbours leave. All state is one
array a trial, a row of parameters above the optimizer's rows.
"""

from __future__ import annotations

import contextlib
import math
import time
from typing import Iterator, List, Mapping, Optional

import numpy as np

from labtui.trainer.checkpoints import Predictions
from labtui.trainer.stack import Stack, alone
from labtui.trainer.trial import Trial
from labtui_numpy import plugin
from labtui_numpy.batches import StackedBatches
from labtui_numpy.data import Dataset, load
from labtui_numpy.evaluation import Evaluation
from labtui_numpy.lane import Array, Lane, Settings
from labtui_numpy.model import Mlp, parameter_count, smooth
from labtui_numpy.optimizers import OPTIMIZERS
from labtui_workloads.settings import nearest, read

DATA = {"digits-mlp": "digits", "diabetes-mlp": "diabetes"}
DENSE_STEPS = 100  # steps that are all logged, for early instability (P38)
LOG_EVERY = 10


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
    alone(train_stack)(trial)


def train_stack(stack: Stack) -> None:
    """Train trials side by side, each bit for bit as `train` does it alone.

    They must agree in the hyperparameters that declare ``shape``. ``step_time`` and ``data_wait``
    are a trial's share of the stack's.

    Raises:
        ValueError: Before anything is trained, for a trial that cannot be, by its name.
    """
    if stack.workload not in DATA:
        raise ValueError(f"workload: found {stack.workload!r}; {nearest(stack.workload, DATA)}")
    data = load(DATA[stack.workload])
    # A diverging trial computes with infinities; that is a result, not something to warn about.
    with np.errstate(all="ignore"):
        _Run(stack, _settings(stack, data), data).run()


@contextlib.contextmanager
def _named(trial: Trial, stack: Stack) -> Iterator[None]:
    """Say which trial of several an error is about."""
    try:
        yield
    except ValueError as error:
        if len(stack.trials) == 1:
            raise
        raise ValueError(f"{trial.name}: {error}") from error


def _settings(stack: Stack, data: Dataset) -> List[Settings]:
    """Read and check what the trials ask for, in their order."""
    found: List[Settings] = []
    for trial in stack.trials:
        with _named(trial, stack):
            found.append(read(trial.params, plugin.workloads[stack.workload]))
            _check(found[-1], found[0], stack.workload, data.splits["train"].stop)
    return found


def _check(settings: Settings, first: Settings, workload: str, examples: int) -> None:
    """Check that a batch can be filled, and that a trial has the shape of the stack's first."""
    size = settings["batch_size"]
    if size > examples:
        raise ValueError(f"batch_size: found {size}; expected at most {examples}")
    for name, declared in plugin.workloads[workload].hyperparameters.items():
        ours, theirs = settings[name], first[name]
        if declared.shape and ours != theirs:
            raise ValueError(f"{name}: found {ours!r}; expected {theirs!r}, as its stack has")


class _Run:
    """Models, optimizers and data of the trials of a stack, one a lane."""

    def __init__(self, stack: Stack, settings: List[Settings], data: Dataset) -> None:
        self._stack, self._data = stack, data
        self._evaluation = Evaluation(data)
        first = settings[0]
        hidden = [first["width"]] * first["depth"]
        self._sizes = [data.inputs.shape[1], *hidden, data.targets.shape[1]]
        slots = OPTIMIZERS[first["optimizer"]].SLOTS
        shape = (len(settings), 1 + slots, parameter_count(self._sizes))
        self._state: Array = np.zeros(shape, np.float32)
        scratch: Array = np.empty(shape[2], np.float32)
        self._lanes = [
            Lane(trial, own, state, scratch)
            for trial, own, state in zip(stack.trials, settings, self._state)
        ]
        self._pack()
        for position, lane in enumerate(self._lanes):
            with _named(lane.trial, stack):
                if not lane.restore():
                    scale = lane.settings["init_scale"]
                    self._model.initialize(position, lane.initial_numbers(), scale)

    def _pack(self) -> None:
        """Make the model and the batches for the lanes there are."""
        settings = [lane.settings for lane in self._lanes]
        first, data = settings[0], self._data
        rows = data.splits["train"]
        targets = data.targets[rows]
        if data.classes:
            smoothed = [smooth(targets, own["label_smoothing"]) for own in settings]
        else:
            smoothed = [targets] * len(settings)
        seeds = [lane.trial.seed for lane in self._lanes]
        self._batches = StackedBatches(data.inputs[rows], smoothed, first["batch_size"], seeds)
        self._model = Mlp(
            self._sizes,
            self._state[:, 0],
            batch=first["batch_size"],
            activation=first["activation"],
            classify=data.classes > 0,
            dropout=[own["dropout"] for own in settings],
        )

    def _compact(self, gone: List[int]) -> None:
        """Close the gaps that the lanes at the positions `gone` left."""
        kept = [position for position in range(len(self._lanes)) if position not in gone]
        self._state = self._state[kept]
        self._lanes = [self._lanes[position] for position in kept]
        for lane, state in zip(self._lanes, self._state):
            lane.move(state)
        self._pack()

    def run(self) -> None:
        """Make the trials' updates."""
        stack, clock = self._stack, time.perf_counter
        waited, updates, start = 0.0, 0, clock()
        for step, gone in stack.steps():
            if gone:
                self._compact(gone)
            asked = clock()
            inputs, targets = self._batches.at(step)
            waited += clock() - asked
            self._update(step, inputs, targets)
            updates += len(self._lanes)
            if stack.should_evaluate(step):
                times = {"step_time": (clock() - start) / updates, "data_wait": waited / updates}
                self._evaluate(step, times)
                waited, updates, start = 0.0, 0, clock()

    def _update(self, step: int, inputs: Array, targets: Array) -> None:
        """Make one update of every lane."""
        randoms = [lane.dropout_numbers(step) for lane in self._lanes]
        losses = self._model.losses_and_gradient(inputs, targets, randoms)
        dense = step <= DENSE_STEPS or step % LOG_EVERY == 0 or self._stack.should_evaluate(step)
        for position, (lane, loss) in enumerate(zip(self._lanes, losses)):
            logged = lane.update(step, self._model.gradient[position], loss, dense)
            if logged:
                self._log(position, step, logged)

    def _evaluate(self, step: int, times: Mapping[str, float]) -> None:
        """Evaluate lane by lane, and offer the states that are still sound."""
        states: List[bytes] = [b""] * len(self._lanes)
        shown: List[Optional[Predictions]] = [None] * len(self._lanes)
        for position, lane in enumerate(self._lanes):
            if not self._stack.is_ended(position):
                outputs = self._model.predict(position, self._data.inputs)
                self._log(position, step, {**self._evaluation.measure(outputs), **times})
                states[position] = lane.saved()
                shown[position] = self._evaluation.examples(outputs)
        self._stack.checkpoint(step, states, shown)

    def _log(self, position: int, step: int, values: Mapping[str, float]) -> None:
        # One NaN for all: the sign of a computed one says nothing, and depends on the packing.
        same = {name: value if value == value else math.nan for name, value in values.items()}
        self._stack.log_lane(position, step, same)
