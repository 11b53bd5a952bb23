"""The playbook's update rules (P46) as in-place operations on flat arrays.

θ are the parameters, g the gradient, η the rate, t + 1 the number of the update. Three of them
differ from torch's optimizers of the same name, on purpose:

- RMSProp starts from v = 1 instead of 0, has ε inside the root, and puts the rate into the
  momentum buffer, so that a change of rate reaches it gradually.
- Adam multiplies by the bias correction after ε was added; torch adds ε to the corrected root. The
  same ε counts 1 / √(1 - β₂ᵗ) times as much here, which matters in the first updates.
- NAdam has no momentum decay: its correction is Adam's. Torch follows Dozat's schedule
  μₜ = β₁ (1 - 0.96^(0.004 t) / 2), and its ε is placed as in its Adam.
"""

from __future__ import annotations

import math
from typing import Any, Dict, Mapping, Tuple, Type

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Optimizer:
    """An update rule over flat arrays.

    Attributes:
        SLOTS: Arrays of state it keeps, each as long as the parameters.
        state: They, (slots, n); a lane that moves within its stack gets them anew.
        scratch: (n,) to compute in; rules that take turns may share it.
    """

    SLOTS = 0

    def __init__(self, state: Array, *, weight_decay: float = 0.0) -> None:
        """Keep the state in `state`, (slots, n).

        Args:
            state: Overwritten with the rule's initial values.
            weight_decay: λ of the L2 regulariser λ/2 |θ|²: λθ is added to the gradient, biases
                included, before the rule is applied and after the norm is taken and clipped.
        """
        self.state = state
        self.scratch: Array = np.empty(state.shape[1], state.dtype)
        self._weight_decay = weight_decay
        self.reset()

    def reset(self) -> None:
        """Set the state to what it is before the first update."""
        self.state[:] = 0.0

    def update(self, parameters: Array, gradient: Array, rate: float, step: int) -> None:
        """Make update number `step` (from 1) in place; `gradient` is used up."""
        if self._weight_decay:
            gradient += np.multiply(parameters, self._weight_decay, out=self.scratch)
        self._apply(parameters, gradient, rate, step)

    def _apply(self, parameters: Array, gradient: Array, rate: float, step: int) -> None:
        raise NotImplementedError


class Sgd(Optimizer):
    """θ ← θ - η g."""

    def _apply(self, parameters: Array, gradient: Array, rate: float, step: int) -> None:
        gradient *= rate
        parameters -= gradient


class Momentum(Optimizer):
    """v ← γ v + g; θ ← θ - η v (heavy ball)."""

    SLOTS = 1

    def __init__(self, state: Array, *, momentum: float = 0.9, weight_decay: float = 0.0) -> None:
        """Take γ as `momentum`."""
        super().__init__(state, weight_decay=weight_decay)
        self._momentum = momentum

    def _apply(self, parameters: Array, gradient: Array, rate: float, step: int) -> None:
        velocity = self.state[0]
        velocity *= self._momentum
        velocity += gradient
        parameters -= np.multiply(velocity, rate, out=self.scratch)


class Nesterov(Momentum):
    """v ← γ v + g; θ ← θ - η (γ v + g)."""

    def _apply(self, parameters: Array, gradient: Array, rate: float, step: int) -> None:
        ahead = self.state[0]  # γ v, which both formulas need: one operation fewer
        ahead += gradient
        ahead *= self._momentum
        gradient += ahead
        gradient *= rate
        parameters -= gradient


class RmsProp(Optimizer):
    """v ← ρ v + (1 - ρ) g²; m ← γ m + η g / √(v + ε); θ ← θ - m, from v = 1."""

    SLOTS = 2

    def __init__(
        self,
        state: Array,
        *,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        """Take ρ, γ as `momentum`, and ε, which is inside the root."""
        self._rho, self._momentum, self._epsilon = rho, momentum, epsilon
        super().__init__(state, weight_decay=weight_decay)

    def reset(self) -> None:
        """Start from a mean square of 1, as the playbook does."""
        self.state[0], self.state[1] = 1.0, 0.0

    def _apply(self, parameters: Array, gradient: Array, rate: float, step: int) -> None:
        mean_square, velocity = self.state
        scratch = np.square(gradient, out=self.scratch)
        scratch *= 1.0 - self._rho
        mean_square *= self._rho
        mean_square += scratch
        np.sqrt(np.add(mean_square, self._epsilon, out=scratch), out=scratch)
        gradient *= rate
        gradient /= scratch
        velocity *= self._momentum
        velocity += gradient
        parameters -= velocity


class Adam(Optimizer):
    """m ← β₁ m + (1 - β₁) g; v ← β₂ v + (1 - β₂) g²; θ ← θ - η b m / (√v + ε).

    b = √(1 - β₂ᵗ⁺¹) / (1 - β₁ᵗ⁺¹) corrects both means for their start at 0. What is kept are
    m / (1 - β₁) and v / (1 - β₂), whose updates take an operation less each.
    """

    SLOTS = 2

    def __init__(
        self,
        state: Array,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        """Take β₁, β₂, and ε, which is outside the root."""
        super().__init__(state, weight_decay=weight_decay)
        self._beta1, self._beta2 = beta1, beta2
        root = math.sqrt(1.0 - beta2)
        self._epsilon, self._scale = epsilon / root, (1.0 - beta1) / root

    def _apply(self, parameters: Array, gradient: Array, rate: float, step: int) -> None:
        mean, mean_square = self.state
        scratch = np.square(gradient, out=self.scratch)
        mean_square *= self._beta2
        mean_square += scratch
        mean *= self._beta1
        mean += gradient
        direction = self._direction(mean, gradient)
        np.sqrt(mean_square, out=scratch)
        scratch += self._epsilon
        np.divide(direction, scratch, out=scratch)
        scratch *= rate * self._scale * self._correction(step)
        parameters -= scratch

    def _correction(self, step: int) -> float:
        return math.sqrt(1.0 - self._beta2**step) / (1.0 - self._beta1**step)

    def _direction(self, mean: Array, gradient: Array) -> Array:
        """Give what is scaled into the update; `gradient` may be overwritten."""
        return mean


class NAdam(Adam):
    """Adam with β₁ m + (1 - β₁) g in the place of m."""

    def _direction(self, mean: Array, gradient: Array) -> Array:
        gradient += np.multiply(mean, self._beta1, out=self.scratch)
        return gradient


OPTIMIZERS: Dict[str, Type[Optimizer]] = {
    "sgd": Sgd,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "rmsprop": RmsProp,
    "adam": Adam,
    "nadam": NAdam,
}

# The hyperparameters of each rule beside the learning rate and the weight decay.
PARAMETERS: Dict[str, Tuple[str, ...]] = {
    "sgd": (),
    "momentum": ("momentum",),
    "nesterov": ("momentum",),
    "rmsprop": ("rho", "momentum", "epsilon"),
    "adam": ("beta1", "beta2", "epsilon"),
    "nadam": ("beta1", "beta2", "epsilon"),
}


def create(name: str, state: Array, values: Mapping[str, Any]) -> Optimizer:
    """Make the rule `name` over `state` from what concerns it in `values`."""
    own = {key: float(values[key]) for key in (*PARAMETERS[name], "weight_decay")}
    return OPTIMIZERS[name](state, **own)
