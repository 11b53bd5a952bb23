"""What a trainer plugin declares: its entry point and the workloads it knows.

A plugin module (entry point group ``labtui.trainers``) holds one `Plugin` and imports no framework:
the declarations are read by commands that must start fast; ``entry`` is imported by the worker.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping, Optional, Tuple


@dataclass(frozen=True)
class Hyperparameter:
    """A hyperparameter that a workload understands.

    Attributes:
        kind: One of ``optimizer``, ``schedule``, ``regularization``, ``architecture``, ``batch``,
            ``data``: the playbook's rules of thumb for roles follow from it (P06).
        default: The simple initial configuration (P04).
        low: Sensible range to search, in the hyperparameter's own unit; None for categories.
        high: The other end of it.
        values: The categories, when it has no range: all that there are, a study with another is
            refused.
        scale: ``log`` or ``linear``; ``one_minus`` says that 1 - x is what varies on that scale.
        shape: Whether another value changes the shape of the model, so that trials cannot stack.
    """

    kind: str
    default: Any
    low: Optional[float] = None
    high: Optional[float] = None
    values: Tuple[Any, ...] = ()
    scale: str = "linear"
    one_minus: bool = False
    integer: bool = False
    shape: bool = False
    description: str = ""


@dataclass(frozen=True)
class Metric:
    """A metric that a workload reports.

    Attributes:
        goal: ``minimize`` or ``maximize``.
        chance: Its value for a model that knows nothing (P01), if there is one.
        examples: How many examples one evaluation of it sees.
    """

    goal: str
    chance: Optional[float] = None
    examples: Optional[int] = None
    description: str = ""


@dataclass(frozen=True)
class Workload:
    """Data and model family, with the hyperparameters and metrics they come with."""

    description: str
    hyperparameters: Mapping[str, Hyperparameter]
    metrics: Mapping[str, Metric]


@dataclass(frozen=True)
class Plugin:
    """A trainer.

    Attributes:
        name: The word that a study file's ``trainer:`` uses.
        entry: ``module:function`` of ``train(trial)``, imported in the worker only.
        packages: Top-level packages that the worker must be able to import beside the SDK; they
            are made visible to a foreign interpreter, so they may need only their framework.
        frameworks: Import names whose versions are recorded with each trial.
        workloads: By name; empty when the user's own script decides what it trains.
        devices: Kinds it can use (``cuda``, ``mps``, ``cpu``), the preferred one first.
        stack_entry: ``module:function`` of ``train_stack(stack)``, for trials that differ in
            nothing that declares `Hyperparameter.shape`; empty when it trains them one by one.
        stack_size: How many of them train fastest together.
        exact_stacking: Whether stacked trials equal single ones bit for bit; others stack only
            when the study says ``stack: K``.
    """

    name: str
    entry: str
    description: str
    packages: Tuple[str, ...] = ()
    frameworks: Tuple[str, ...] = ()
    workloads: Mapping[str, Workload] = field(default_factory=dict)
    devices: Tuple[str, ...] = ("cpu",)
    stack_entry: str = ""
    stack_size: int = 1
    exact_stacking: bool = False
