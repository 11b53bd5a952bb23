"""Reads a trial's hyperparameters: defaults filled in, names and values checked."""

from __future__ import annotations

import difflib
import math
from typing import Any, Dict, Iterable, Mapping, Tuple

from labtui.trainer.plugin import Hyperparameter, Workload
from labtui.trainer.trial import Trial

# What makes sense at all, in contrast to the sensible range that a search would cover:
# name → (smallest, largest, whether the largest itself is allowed).
LIMITS: Dict[str, Tuple[float, float, bool]] = {
    "learning_rate": (0.0, math.inf, False),
    "momentum": (0.0, 1.0, False),
    "beta1": (0.0, 1.0, False),
    "beta2": (0.0, 1.0, False),
    "epsilon": (0.0, math.inf, False),
    "rho": (0.0, 1.0, False),
    "clip_norm": (0.0, math.inf, True),
    "warmup_steps": (0, math.inf, False),
    "final_factor": (0.0, 1.0, True),
    "weight_decay": (0.0, math.inf, False),
    "label_smoothing": (0.0, 1.0, False),
    "dropout": (0.0, 1.0, False),
    "depth": (0, math.inf, False),
    "width": (1, math.inf, False),
    "heads": (1, math.inf, False),
    "init_scale": (0.0, math.inf, False),
    "batch_size": (1, math.inf, False),
    "virtual_batch_size": (0, math.inf, False),
    "polyak_decay": (0.0, 1.0, False),
}


def nearest(found: str, known: Iterable[Any]) -> str:
    """Say what was probably meant, and what there is: ``did you mean 'a'? known: a, b``."""
    names = sorted(map(str, known))
    close = difflib.get_close_matches(found, names, 1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}known: {', '.join(names)}"


def read(params: Mapping[str, Any], workload: Workload) -> Dict[str, Any]:
    """Complete `params` with the workload's defaults.

    A hyperparameter that the chosen optimizer or schedule has no use for is accepted and ignored:
    a baseline may bring it along.

    Raises:
        ValueError: For a name that the workload does not have, or a value that cannot be.
    """
    declared = workload.hyperparameters
    for name in params:
        if name not in declared:
            raise ValueError(f"hyperparameter: found {name!r}; {nearest(name, declared)}")
    defaults = {name: hyperparameter.default for name, hyperparameter in declared.items()}
    merged = {**defaults, **params}
    if merged["clip_norm"] is None:
        merged["clip_norm"] = 0.0
    return {name: _checked(name, value, declared[name]) for name, value in merged.items()}


def _checked(name: str, value: Any, declared: Hyperparameter) -> Any:
    if declared.values:
        if value not in declared.values:
            raise ValueError(f"{name}: found {value!r}; {nearest(str(value), declared.values)}")
        return value
    low, high, closed = LIMITS[name]
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if number and low <= value and (value < high or (closed and value == high)):
        if not declared.integer:
            return float(value)
        if value == int(value):
            return int(value)
    kind = "a whole number" if declared.integer else "a number"
    below = "" if high == math.inf else f" and {'≤' if closed else '<'} {high:g}"
    raise ValueError(f"{name}: found {value!r}; expected {kind} ≥ {low:g}{below}")


def refuse_impossible(trial: Trial, settings: Mapping[str, Any]) -> None:
    """End a trial whose settings, each of them possible, cannot go together; warn of odd ones.

    Raises:
        Infeasible: Heads that do not divide the width; batch statistics of one example (P47).
    """
    width, heads = settings["width"], settings.get("heads", 1)
    if width % heads:
        trial.infeasible(f"width {width} does not divide by {heads} heads")
    if settings["normalization"] != "batch":
        return
    batch, virtual = settings["batch_size"], settings["virtual_batch_size"]
    counted = min(batch, virtual or batch)
    if counted < 2:
        trial.infeasible("batch normalization over 1 example: found no variance to divide by")
    if counted < virtual:
        trial.warn(
            f"batch normalization takes its statistics over {batch} examples, the batch, and not "
            f"over virtual_batch_size {virtual}"
        )
