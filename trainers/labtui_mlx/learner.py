"""A model, its loss and its update rule as two functions of arrays: an update, an evaluation.

Both are pure, so that MLX may compile them: whatever changes from step to step or from trial to
trial of one shape is an argument, and so nothing is compiled twice.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Tuple

import mlx.core as mx

from labtui.trainer.schedule import learning_rate
from labtui_mlx.data import Batch
from labtui_mlx.layers import Pass
from labtui_mlx.layout import Layout, Views
from labtui_mlx.models import Model
from labtui_mlx.optimizers import RULES, Numbers
from labtui_workloads.seeds import derive

State = Dict[str, mx.array]


class Learner:
    """What a trial computes.

    A state is ``values`` (all parameters, then the running statistics), ``slots`` of the rule, and
    where averaging is on (``polyak_decay``), ``average`` of the values.
    """

    def __init__(self, model: Model, settings: Mapping[str, Any], *, compiled: bool) -> None:
        """Learn by the hyperparameters `settings`."""
        self._model, self._settings = model, settings
        self._rule = RULES[settings["optimizer"]]
        self._parameters = Layout(model.parameters)
        self._statistics = Layout(model.statistics)
        self._constants = {name: mx.array(x) for name, x in self._numbers().items()}
        wrap = mx.compile if compiled else lambda function: function
        self._compute_update, self._compute_outcome = wrap(self._updated), wrap(self._outcome)

    def initial(self, seed: int) -> State:
        """Give the state before the first update."""
        values = self._parameters.initial(seed, self._settings["init_scale"])
        if self._statistics.size:
            values = mx.concatenate([values, self._statistics.initial(seed)])
        state = {"values": values, "slots": self._rule.initial(self._parameters.size)}
        if self._settings["polyak_decay"]:
            state["average"] = mx.zeros_like(values)
        return state

    def update(
        self, state: State, batch: Batch, *, step: int, max_steps: int, seed: int
    ) -> Tuple[State, Dict[str, Any]]:
        """Make update number `step`, from 1; give the state and what there is to log about it.

        That is ``train/loss`` (before the update), ``grad_norm``, ``learning_rate`` and, where
        clipping is on, ``clipped``; all but the rate are arrays, not evaluated yet.
        """
        settings = self._settings
        base = learning_rate(
            step,
            settings["learning_rate"],
            settings["schedule"],
            max_steps=max_steps,
            warmup_steps=settings["warmup_steps"],
            final_factor=settings["final_factor"],
        )
        numbers = dict(self._constants)
        numbers["rate"] = mx.array(self._rule.rate(base, step, settings))
        decay = settings["polyak_decay"]
        if decay:
            numbers["newest"] = mx.array((1.0 - decay) / (1.0 - decay**step))
        if settings["dropout"]:
            numbers["key"] = mx.random.key(derive(seed, "dropout", step))
        state, measured = self._compute_update(state, *batch, numbers)
        return state, {**measured, "learning_rate": base}

    def outcome(self, state: State, batch: Batch) -> Tuple[mx.array, mx.array]:
        """Give the mean loss of a batch and how many of its predictions are wrong.

        Evaluated are the averaged values where averaging is on, without dropout or smoothing.
        """
        loss, wrong = self._compute_outcome(self._evaluated(state), *batch)
        return loss, wrong

    def logits(self, state: State, inputs: mx.array) -> mx.array:
        """Compute the outputs for (n, …) inputs, as they are evaluated."""
        return self._outputs(self._evaluated(state), inputs)

    def _numbers(self) -> Dict[str, float]:
        """Choose the hyperparameters that the update computes with; what is off is not there."""
        settings = self._settings
        found = self._rule.numbers(settings)
        for name in ("clip_norm", "label_smoothing"):
            if settings[name]:
                found[name] = settings[name]
        if settings["dropout"]:
            found["keep"] = 1.0 - settings["dropout"]
        return found

    def _evaluated(self, state: State) -> mx.array:
        return state["average"] if "average" in state else state["values"]

    def _updated(
        self, state: State, inputs: mx.array, targets: mx.array, numbers: Numbers
    ) -> Tuple[State, Dict[str, mx.array]]:
        parameters, statistics = self._split(state["values"])
        moving = self._statistics.views(statistics)

        def loss_of(views: Views) -> Tuple[mx.array, Views]:
            way = Pass(training=True, key=numbers.get("key"), keep=numbers.get("keep"))
            outputs = self._model({**views, **moving}, inputs, way)
            return _cross_entropy(outputs, targets, numbers.get("label_smoothing")), way.moved

        (loss, moved), views = mx.value_and_grad(loss_of)(self._parameters.views(parameters))
        gradient = self._parameters.join(views)
        norm = mx.sqrt(mx.sum(mx.square(gradient)))
        measured = {"train/loss": loss, "grad_norm": norm}
        if "clip_norm" in numbers:
            clipped = norm > numbers["clip_norm"]
            gradient = gradient * mx.where(clipped, numbers["clip_norm"] / norm, 1.0)
            measured["clipped"] = clipped
        values, slots = self._rule.update(parameters, gradient, state["slots"], numbers)
        if self._statistics.size:
            values = mx.concatenate([values, self._statistics.join(moved)])
        state = {**state, "values": values, "slots": slots}
        if "newest" in numbers:
            average = state["average"]
            state["average"] = average + (values - average) * numbers["newest"]
        return state, measured

    def _split(self, values: mx.array) -> Tuple[mx.array, mx.array]:
        count = self._parameters.size
        return values[:count], values[count:]

    def _outputs(self, values: mx.array, inputs: mx.array) -> mx.array:
        parameters, statistics = self._split(values)
        views = {**self._parameters.views(parameters), **self._statistics.views(statistics)}
        return self._model(views, inputs, Pass())

    def _outcome(
        self, values: mx.array, inputs: mx.array, targets: mx.array
    ) -> Tuple[mx.array, mx.array]:
        outputs = self._outputs(values, inputs)
        wrong = mx.sum(mx.argmax(outputs, axis=-1) != targets)
        return _cross_entropy(outputs, targets), wrong


def _cross_entropy(outputs: mx.array, targets: mx.array, smoothing: Any = None) -> mx.array:
    """Average -Σ target · log softmax(output) over all positions; outputs are (…, classes).

    Smoothing spreads a share of each target evenly over all classes (arXiv 1512.00567).
    """
    right = mx.take_along_axis(outputs, targets[..., None], axis=-1)[..., 0]
    if smoothing is not None:
        right = right * (1.0 - smoothing) + mx.mean(outputs, axis=-1) * smoothing
    return mx.mean(mx.logsumexp(outputs, axis=-1) - right)
