"""The playbook's update rules (P46) as functions of vectors.

They are those of `labtui_numpy.optimizers`, which says where they differ from others of the same
name. θ are the parameters, g the gradient, η the rate, t + 1 the number of the update.

All numbers come as arrays: whatever their values are, the compiled operations are the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Callable, Dict, Mapping, Sequence, Tuple

import mlx.core as mx

Numbers = Mapping[str, mx.array]
Slots = Sequence[mx.array]
Moved = Tuple[mx.array, Tuple[mx.array, ...]]
_KEPT = ("beta1", "beta2", "rho")  # shares of the past: 1 - x is not exact in single precision


def _sgd(parameters: mx.array, gradient: mx.array, slots: Slots, numbers: Numbers) -> Moved:
    """θ ← θ - η g."""
    return parameters - gradient * numbers["rate"], ()


def _momentum(parameters: mx.array, gradient: mx.array, slots: Slots, numbers: Numbers) -> Moved:
    """v ← γ v + g; θ ← θ - η v (heavy ball)."""
    velocity = slots[0] * numbers["momentum"] + gradient
    return parameters - velocity * numbers["rate"], (velocity,)


def _nesterov(parameters: mx.array, gradient: mx.array, slots: Slots, numbers: Numbers) -> Moved:
    """v ← γ v + g; θ ← θ - η (γ v + g)."""
    velocity = slots[0] * numbers["momentum"] + gradient
    ahead = gradient + velocity * numbers["momentum"]
    return parameters - ahead * numbers["rate"], (velocity,)


def _rmsprop(parameters: mx.array, gradient: mx.array, slots: Slots, numbers: Numbers) -> Moved:
    """v ← ρ v + (1 - ρ) g²; m ← γ m + η g / √(v + ε); θ ← θ - m, from v = 1."""
    mean_square = slots[0] * numbers["rho"] + mx.square(gradient) * numbers["1-rho"]
    share = gradient * numbers["rate"] / mx.sqrt(mean_square + numbers["epsilon"])
    velocity = slots[1] * numbers["momentum"] + share
    return parameters - velocity, (mean_square, velocity)


def _adam(parameters: mx.array, gradient: mx.array, slots: Slots, numbers: Numbers) -> Moved:
    """m ← β₁ m + (1 - β₁) g; v ← β₂ v + (1 - β₂) g²; θ ← θ - η b m / (√v + ε).

    b = √(1 - β₂ᵗ⁺¹) / (1 - β₁ᵗ⁺¹), a part of ``rate``, corrects both means for their start at 0.
    """
    mean, mean_square = _means(gradient, slots, numbers)
    scaled = mean / (mx.sqrt(mean_square) + numbers["epsilon"])
    return parameters - scaled * numbers["rate"], (mean, mean_square)


def _nadam(parameters: mx.array, gradient: mx.array, slots: Slots, numbers: Numbers) -> Moved:
    """Adam with β₁ m + (1 - β₁) g in the place of m."""
    mean, mean_square = _means(gradient, slots, numbers)
    ahead = mean * numbers["beta1"] + gradient * numbers["1-beta1"]
    scaled = ahead / (mx.sqrt(mean_square) + numbers["epsilon"])
    return parameters - scaled * numbers["rate"], (mean, mean_square)


def _means(gradient: mx.array, slots: Slots, numbers: Numbers) -> Tuple[mx.array, mx.array]:
    mean = slots[0] * numbers["beta1"] + gradient * numbers["1-beta1"]
    return mean, slots[1] * numbers["beta2"] + mx.square(gradient) * numbers["1-beta2"]


@dataclass(frozen=True)
class Rule:
    """An update rule.

    Attributes:
        apply: From parameters, gradient, slots and numbers to parameters and slots.
        takes: Its hyperparameters beside the learning rate and the weight decay.
        starts: The value that each of its slots starts from.
        corrects: Whether the rate is multiplied by Adam's bias correction.
    """

    apply: Callable[[mx.array, mx.array, Slots, Numbers], Moved]
    takes: Tuple[str, ...] = ()
    starts: Tuple[float, ...] = ()
    corrects: bool = False

    def initial(self, count: int) -> mx.array:
        """Give the slots, (slots, `count`), before the first update."""
        rows = [mx.full((1, count), value) for value in self.starts]
        return mx.concatenate(rows) if rows else mx.zeros((0, count))

    def numbers(self, settings: Mapping[str, Any]) -> Dict[str, float]:
        """Choose what `update` is to be given of the hyperparameters, beside the rate.

        ``weight_decay`` is among it if it is on.
        """
        found = {name: float(settings[name]) for name in self.takes}
        found.update({f"1-{name}": 1.0 - found[name] for name in self.takes if name in _KEPT})
        if settings["weight_decay"]:
            found["weight_decay"] = float(settings["weight_decay"])
        return found

    def rate(self, learning_rate: float, step: int, settings: Mapping[str, Any]) -> float:
        """Give the ``rate`` of update number `step`, from 1."""
        if not self.corrects:
            return learning_rate
        beta1, beta2 = settings["beta1"], settings["beta2"]
        correction: float = math.sqrt(1.0 - beta2**step) / (1.0 - beta1**step)
        return learning_rate * correction

    def update(
        self, parameters: mx.array, gradient: mx.array, slots: mx.array, numbers: Numbers
    ) -> Tuple[mx.array, mx.array]:
        """Make one update; give parameters and slots.

        The weight decay is the λ of the L2 regulariser λ/2 |θ|²: λθ joins the gradient, biases
        included, after its norm was taken and clipped.
        """
        if "weight_decay" in numbers:
            gradient = gradient + parameters * numbers["weight_decay"]
        rows = [slots[i] for i in range(len(self.starts))]
        parameters, moved = self.apply(parameters, gradient, rows, numbers)
        return parameters, mx.stack(moved) if moved else slots


RULES: Dict[str, Rule] = {
    "sgd": Rule(_sgd),
    "momentum": Rule(_momentum, ("momentum",), (0.0,)),
    "nesterov": Rule(_nesterov, ("momentum",), (0.0,)),
    "rmsprop": Rule(_rmsprop, ("rho", "momentum", "epsilon"), (1.0, 0.0)),
    "adam": Rule(_adam, ("beta1", "beta2", "epsilon"), (0.0, 0.0), corrects=True),
    "nadam": Rule(_nadam, ("beta1", "beta2", "epsilon"), (0.0, 0.0), corrects=True),
}
