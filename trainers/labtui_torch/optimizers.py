"""Update rules as in-place operations on vectors: the playbook's (P46), and torch's own.

The rules without a prefix are those of `labtui_numpy.optimizers`, operation by operation. Those
called ``torch_…`` are what `torch.optim` computes by the same name:

- ``torch_rmsprop`` starts from v = 0, adds ε outside the root, and multiplies by the rate after the
  momentum buffer.
- ``torch_adam`` adds ε to the corrected root.
- ``torch_adamw`` is the same with decoupled weight decay (arXiv 1711.05101).
- ``torch_nadam`` has Dozat's momentum schedule.
"""

from __future__ import annotations

import math
from typing import Any, Dict, Mapping, Tuple, Type

from torch import Tensor

_NADAM_DECAY = 4e-3  # of torch's momentum schedule


class Optimizer:
    """An update rule over vectors.

    Attributes:
        SLOTS: Vectors of state it keeps, each as long as the parameters.
        TAKES: Its hyperparameters beside the learning rate and the weight decay.
    """

    SLOTS = 0
    TAKES: Tuple[str, ...] = ()

    def __init__(self, state: Tensor, values: Mapping[str, float]) -> None:
        """Keep the state in `state`, (slots, n), and overwrite it with what it starts from.

        Args:
            state: Where the state lives.
            values: What `TAKES` names, and ``weight_decay``, the λ of the L2 regulariser λ/2 |θ|²:
                λθ joins the gradient, biases included, after its norm was taken and clipped.
        """
        self.state = state
        self.values = values
        self.weight_decay = values["weight_decay"]
        self.reset()

    def reset(self) -> None:
        """Set the state to what it is before the first update."""
        self.state.zero_()

    def update(self, parameters: Tensor, gradient: Tensor, rate: float, step: int) -> None:
        """Make update number `step` (from 1) in place; `gradient` is used up."""
        if self.weight_decay:
            gradient.add_(parameters, alpha=self.weight_decay)
        self._apply(parameters, gradient, rate, step)

    def _apply(self, parameters: Tensor, gradient: Tensor, rate: float, step: int) -> None:
        raise NotImplementedError


class Sgd(Optimizer):
    """θ ← θ - η g."""

    def _apply(self, parameters: Tensor, gradient: Tensor, rate: float, step: int) -> None:
        parameters.add_(gradient, alpha=-rate)


class Momentum(Optimizer):
    """v ← γ v + g; θ ← θ - η v (heavy ball)."""

    SLOTS = 1
    TAKES = ("momentum",)

    def _apply(self, parameters: Tensor, gradient: Tensor, rate: float, step: int) -> None:
        velocity = self.state[0].mul_(self.values["momentum"]).add_(gradient)
        parameters.add_(velocity, alpha=-rate)


class Nesterov(Momentum):
    """v ← γ v + g; θ ← θ - η (γ v + g)."""

    def _apply(self, parameters: Tensor, gradient: Tensor, rate: float, step: int) -> None:
        momentum = self.values["momentum"]
        velocity = self.state[0].mul_(momentum).add_(gradient)
        parameters.add_(gradient.add_(velocity, alpha=momentum), alpha=-rate)


class RmsProp(Optimizer):
    """v ← ρ v + (1 - ρ) g²; m ← γ m + η g / √(v + ε); θ ← θ - m, from v = 1."""

    SLOTS = 2
    TAKES = ("rho", "momentum", "epsilon")

    def reset(self) -> None:
        """Start from a mean square of 1, as the playbook does."""
        self.state[0].fill_(1.0)
        self.state[1].zero_()

    def _apply(self, parameters: Tensor, gradient: Tensor, rate: float, step: int) -> None:
        rho, momentum, epsilon = (self.values[name] for name in self.TAKES)
        mean_square = self.state[0].mul_(rho).addcmul_(gradient, gradient, value=1.0 - rho)
        root = mean_square.add(epsilon).sqrt_()
        parameters.sub_(self.state[1].mul_(momentum).addcdiv_(gradient, root, value=rate))


class TorchRmsProp(RmsProp):
    """v ← ρ v + (1 - ρ) g²; m ← γ m + g / (√v + ε); θ ← θ - η m, from v = 0."""

    def reset(self) -> None:
        """Start from 0."""
        self.state.zero_()

    def _apply(self, parameters: Tensor, gradient: Tensor, rate: float, step: int) -> None:
        rho, momentum, epsilon = (self.values[name] for name in self.TAKES)
        mean_square = self.state[0].mul_(rho).addcmul_(gradient, gradient, value=1.0 - rho)
        root = mean_square.sqrt().add_(epsilon)
        velocity = self.state[1].mul_(momentum).addcdiv_(gradient, root)
        parameters.add_(velocity, alpha=-rate)


class Adam(Optimizer):
    """m ← β₁ m + (1 - β₁) g; v ← β₂ v + (1 - β₂) g²; θ ← θ - η b m / (√v + ε).

    b = √(1 - β₂ᵗ⁺¹) / (1 - β₁ᵗ⁺¹) corrects both means for their start at 0.
    """

    SLOTS = 2
    TAKES = ("beta1", "beta2", "epsilon")

    def _apply(self, parameters: Tensor, gradient: Tensor, rate: float, step: int) -> None:
        beta1, beta2 = self.values["beta1"], self.values["beta2"]
        mean, mean_square = self.state
        mean.mul_(beta1).add_(gradient, alpha=1.0 - beta1)
        mean_square.mul_(beta2).addcmul_(gradient, gradient, value=1.0 - beta2)
        self._move(parameters, gradient, rate, step)

    def _move(self, parameters: Tensor, gradient: Tensor, rate: float, step: int) -> None:
        """Change the parameters, once both means are up to date."""
        beta1, beta2, epsilon = (self.values[name] for name in self.TAKES)
        correction = math.sqrt(1.0 - beta2**step) / (1.0 - beta1**step)
        root = self.state[1].sqrt().add_(epsilon)
        parameters.addcdiv_(self._direction(gradient), root, value=-rate * correction)

    def _direction(self, gradient: Tensor) -> Tensor:
        """Give what is scaled into the update; `gradient` may be overwritten."""
        return self.state[0]


class NAdam(Adam):
    """Adam with β₁ m + (1 - β₁) g in the place of m."""

    def _direction(self, gradient: Tensor) -> Tensor:
        beta1 = self.values["beta1"]
        return gradient.mul_(1.0 - beta1).add_(self.state[0], alpha=beta1)


class TorchAdam(Adam):
    """Adam, moving by η m / ((1 - β₁ᵗ⁺¹) (√(v / (1 - β₂ᵗ⁺¹)) + ε))."""

    def _move(self, parameters: Tensor, gradient: Tensor, rate: float, step: int) -> None:
        mean = self.state[0]
        parameters.addcdiv_(
            mean, self._root(step), value=-rate / (1.0 - self.values["beta1"] ** step)
        )

    def _root(self, step: int) -> Tensor:
        corrected = math.sqrt(1.0 - self.values["beta2"] ** step)
        return self.state[1].sqrt().div_(corrected).add_(self.values["epsilon"])


class TorchAdamW(TorchAdam):
    """torch's Adam, with θ ← θ - η λ θ beside it instead of λθ in the gradient."""

    def update(self, parameters: Tensor, gradient: Tensor, rate: float, step: int) -> None:
        """Make update number `step` (from 1) in place; `gradient` is used up."""
        parameters.mul_(1.0 - rate * self.weight_decay)
        self._apply(parameters, gradient, rate, step)


class TorchNAdam(TorchAdam):
    """torch's NAdam: μₜ = β₁ (1 - 0.96^(0.004 t) / 2) in the place of β₁ in the update."""

    def __init__(self, state: Tensor, values: Mapping[str, float]) -> None:
        """As every rule; the product of the μ so far is made up for when it resumes."""
        super().__init__(state, values)
        self._product, self._multiplied = 1.0, 0

    def _move(self, parameters: Tensor, gradient: Tensor, rate: float, step: int) -> None:
        while self._multiplied < step:
            self._multiplied += 1
            self._product *= self._mu(self._multiplied)
        root, following = self._root(step), self._mu(step + 1)
        ours = -rate * (1.0 - self._mu(step)) / (1.0 - self._product)
        parameters.addcdiv_(gradient, root, value=ours)
        ahead = -rate * following / (1.0 - self._product * following)
        parameters.addcdiv_(self.state[0], root, value=ahead)

    def _mu(self, step: int) -> float:
        share: float = 1.0 - 0.5 * 0.96 ** (step * _NADAM_DECAY)
        return self.values["beta1"] * share


OPTIMIZERS: Dict[str, Type[Optimizer]] = {
    "sgd": Sgd,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "rmsprop": RmsProp,
    "adam": Adam,
    "nadam": NAdam,
    "torch_rmsprop": TorchRmsProp,
    "torch_adam": TorchAdam,
    "torch_adamw": TorchAdamW,
    "torch_nadam": TorchNAdam,
}


def create(name: str, state: Tensor, settings: Mapping[str, Any]) -> Optimizer:
    """Make the rule `name` over `state` from what concerns it in `settings`."""
    rule = OPTIMIZERS[name]
    return rule(state, {key: float(settings[key]) for key in (*rule.TAKES, "weight_decay")})
