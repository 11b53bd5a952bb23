"""What a trial has of its own in a stack, and the part of an update that is made lane by lane."""

from __future__ import annotations

import io
import math
from typing import Any, Dict, Optional

import numpy as np
from numpy.typing import NDArray

from labtui.trainer.schedule import learning_rate
from labtui.trainer.trial import Trial
from labtui_numpy.optimizers import create

Array = NDArray[np.float32]
Settings = Dict[str, Any]

# First word of a random stream's key; 1 is the order of the data.
_INITIAL, _DROPOUT = 2, 3


class Lane:
    """Settings, state, optimizer and random numbers of one trial of a stack.

    Attributes:
        state: (1 + slots, n): the parameters above the optimizer's rows.
    """

    def __init__(self, trial: Trial, settings: Settings, state: Array, scratch: Array) -> None:
        """Lay the optimizer over `state`, (1 + slots, n); lanes may share their `scratch`, (n,)."""
        self.trial = trial
        self.settings = settings
        self.state = state
        self._optimizer = create(settings["optimizer"], state[1:], settings)
        self._optimizer.scratch = scratch
        self._finite = True  # the last loss

    def move(self, state: Array) -> None:
        """Go on with the same numbers in another place."""
        self.state, self._optimizer.state = state, state[1:]

    def initial_numbers(self) -> np.random.Generator:
        """Give what the trial's first parameters are drawn from."""
        return self._random(_INITIAL, 0)

    def dropout_numbers(self, step: int) -> Optional[np.random.Generator]:
        """Give what the masks of a step are drawn from; None if the trial has none."""
        return self._random(_DROPOUT, step) if self.settings["dropout"] else None

    def _random(self, stream: int, number: int) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64([self.trial.seed, stream, number]))

    def saved(self) -> bytes:
        """Give the state as a checkpoint holds it: an array in numpy's own file format."""
        file = io.BytesIO()
        np.save(file, self.state, allow_pickle=False)
        return file.getvalue()

    def restore(self) -> bool:
        """Load the checkpoint to resume from; say whether there is one.

        Raises:
            ValueError: It is of another shape.
        """
        saved = self.trial.restore(_load)
        if saved is None:
            return False
        if saved.shape != self.state.shape or saved.dtype != self.state.dtype:
            found, expected = saved.shape, self.state.shape
            raise ValueError(f"checkpoint: found an array of {found}; expected {expected}")
        self.state[:] = saved
        return True

    def update(self, step: int, gradient: Array, loss: float, dense: bool) -> Dict[str, float]:
        """Make one update, which uses up `gradient`; give what there is to log about it."""
        # The step after a loss that was not finite is logged too: it may have recovered.
        recovering, self._finite = not self._finite, math.isfinite(loss)
        logging = dense or recovering or not self._finite
        rate, limit = self._rate(step), self.settings["clip_norm"]
        logged: Dict[str, float] = {}
        if logging or limit:
            size = norm(gradient)
            logged = {"train/loss": loss, "grad_norm": size, "learning_rate": rate}
            if limit:
                clipped = size > limit
                if clipped:
                    gradient *= limit / size
                logged["clipped"] = float(clipped)
        self._optimizer.update(self.state[0], gradient, rate, step)
        return logged if logging else {}

    def _rate(self, step: int) -> float:
        settings = self.settings
        return learning_rate(
            step,
            settings["learning_rate"],
            settings["schedule"],
            max_steps=self.trial.max_steps,
            warmup_steps=settings["warmup_steps"],
            final_factor=settings["final_factor"],
        )


def norm(gradient: Array) -> float:
    """Compute the L2 norm; squares that overflow are added up in float64."""
    squares = float(np.vdot(gradient, gradient))
    if not math.isfinite(squares):
        return float(np.linalg.norm(gradient.astype(np.float64)))
    return math.sqrt(squares)


def _load(path: str) -> Array:
    with open(path, "rb") as file:
        state: Array = np.load(file, allow_pickle=False)
    return state
