"""One training run, as the trainer sees it: what to train, and where its results go."""

from __future__ import annotations

import math
import threading
import time
from array import array
from typing import Any, Callable, Dict, Iterator, List, Mapping, NoReturn, Optional, TypeVar

from labtui.trainer.checkpoints import Keeper, Save
from labtui.trainer.loop import is_evaluation

T = TypeVar("T")

FLUSH_SECONDS = 0.05  # half of the longest delay (100 ms) promised from a point to its commit
FLUSH_POINTS = 4096  # a burst never holds more than 80 kB
MOST_STEPS = 2**63 - 1  # what the lab can hold
STREAK = 10  # logged steps in a row without a finite training loss that mean "diverged"


class TrialEnd(BaseException):
    """Ends a trial from inside `train`; not an `Exception`, so that no script swallows it."""


class Diverged(TrialEnd):
    """The training loss, or the loss behind the objective, is not finite."""

    def __init__(self, step: int) -> None:
        """Remember the first step without a finite loss."""
        super().__init__(f"diverged at step {step}")
        self.step = step


class Infeasible(TrialEnd):
    """The trainer declares that this configuration cannot be trained."""


class Stopped(TrialEnd):
    """A stop was asked for; raised after the evaluation and checkpoint of `step`."""

    def __init__(self, step: int) -> None:
        """Remember how many updates were done."""
        super().__init__(f"stopped at step {step}")
        self.step = step


class Objective:
    """What the study optimizes: a metric, its direction, and the loss that vouches for it."""

    def __init__(self, metric: str, goal: str = "minimize") -> None:
        """Derive the loss behind `metric`: ``validation/error_rate`` → ``validation/loss``."""
        self.metric = metric
        self.minimize = goal == "minimize"
        self.loss = loss_behind(metric)


def loss_behind(metric: str) -> str:
    """Name the loss of the split that `metric` belongs to, e.g. ``validation/loss``."""
    split, _, _ = metric.rpartition("/")
    return f"{split}/loss" if split else "loss"


class Sink:
    """Where a trial's results go; this one keeps them in memory, for tests and lone scripts."""

    def __init__(self) -> None:
        """Start empty."""
        self.names: List[str] = []
        self.rows: List[Any] = []
        self.messages: List[Dict[str, Any]] = []

    def name(self, index: int, name: str) -> None:
        """Learn that metric `index` (0, 1, …) is called `name`."""
        self.names.append(name)

    def points(self, metrics: array[int], steps: array[int], values: array[float]) -> None:
        """Take logged points: parallel arrays of metric index, step and value."""
        self.rows += [(self.names[m], s, v) for m, s, v in zip(metrics, steps, values)]

    def message(self, message: Dict[str, Any]) -> None:
        """Take a message: a checkpoint written, or the list of those kept."""
        self.messages.append(message)


class Trial:
    """One training run of one configuration with one seed.

    Attributes:
        params: Hyperparameter name → value, everything active in this trial.
        seed: For initialization and data order, 0 ≤ seed < 2**31.
        workload: Name of what is tuned.
        options: What the study file gave the trainer, e.g. ``{"file": "train.py"}``.
        max_steps: Updates to make; evaluations come every `eval_every`.
        start_step: Updates already done in the checkpoint at `resume_path`; 0 without one.
        device: ``cpu``, ``cuda:0``, ``mps``.
        evaluated_value: The objective at the last evaluation that counts, or None.
    """

    def __init__(
        self,
        params: Mapping[str, Any],
        *,
        max_steps: int,
        eval_every: int = 1,
        seed: int = 0,
        workload: str = "",
        options: Optional[Mapping[str, Any]] = None,
        objective: Optional[Objective] = None,
        name: str = "trial",
        device: str = "cpu",
        start_step: int = 0,
        resume_path: Optional[str] = None,
        aliases: Optional[Mapping[str, str]] = None,
        sink: Optional[Sink] = None,
        keeper: Optional[Keeper] = None,
    ) -> None:
        """Describe the run; a script of its own needs only `params` and `max_steps`."""
        self.params = dict(params)
        self.seed = seed
        self.workload = workload
        self.options = dict(options or {})
        self.max_steps = max_steps
        self.eval_every = eval_every
        self.name = name
        self.device = device
        self.start_step = start_step
        self.resume_path = resume_path
        self.evaluated_value: Optional[float] = None
        self.step = start_step
        self.sink = sink or Sink()
        self._objective = objective or Objective("validation/loss")
        self._aliases = {theirs: ours for ours, theirs in (aliases or {}).items()}
        self._keeper = keeper
        self._index: Dict[str, int] = {}  # aliases too, so it is longer than `_named`
        self._named = 0
        self._lock = threading.Lock()
        self._metrics: array[int] = array("i")
        self._steps: array[int] = array("q")
        self._values: array[float] = array("d")
        self._flushed = 0.0
        self._streak = 0
        self._streak_start = 0
        self._stop = False
        self._closed = False
        self._ending = False
        self._value_step = -1
        self._spoiled_step = -1

    # -- the loop ---------------------------------------------------------------------------

    def steps(self) -> Iterator[int]:
        """Yield the number of each update still to make, `start_step` + 1 … `max_steps`."""
        for step in range(self.start_step + 1, self.max_steps + 1):
            # Decided before the step, so that `checkpoint` knows that this state must be written.
            self._ending = self._stop and step < self.max_steps and self.should_evaluate(step)
            yield step
            self.step = step
            if self._ending:
                raise Stopped(step)

    def should_evaluate(self, step: int) -> bool:
        """Say whether to evaluate after update `step`: step 1, every `eval_every`, the last."""
        return is_evaluation(step, self.eval_every, self.max_steps)

    def log(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Record metric values after update `step`; returns at once.

        Args:
            step: Updates done, 0 for the untrained model.
            metrics: Name → a number, or anything but text that `float` takes.

        Raises:
            Diverged: When a loss that matters is not finite.
            TypeError: For a value that is no number.
        """
        bad = False
        if step < 0:
            raise ValueError(f"log: found step {step}; expected the updates done, 0 or more")
        with self._lock:
            if self._closed:  # a thread that outlived its trial: its points are nobody's
                return
            for name, value in metrics.items():
                number = value if type(value) is float else _number(name, value)
                index = self._index.get(name)
                if index is None:
                    index = self._register(name)
                self._steps.append(step)
                self._metrics.append(index)
                self._values.append(number)
                if number - number != 0.0:
                    bad = True
            now = time.monotonic()
            if now - self._flushed > FLUSH_SECONDS or len(self._steps) > FLUSH_POINTS:
                self._flush(now)
        if bad or self._streak or self._objective.metric in metrics or self._aliases:
            self._judge(step, metrics)

    def checkpoint(self, step: int, save: Save) -> None:
        """Offer the state after update `step` to be kept; call it after logging the evaluation.

        Args:
            step: Updates done, i.e. what the state holds.
            save: Its bytes, or a function that saves it to the path it is given (a file or a
                folder of that name).
        """
        if self._keeper is None:
            return
        if not isinstance(step, int) or not 0 <= step <= MOST_STEPS:
            raise ValueError(f"checkpoint: found step {step!r}; expected the updates done")
        final = self._ending or step >= self.max_steps
        value = self.evaluated_value if self._value_step == step else None
        self.flush()  # points reach the lab before the checkpoint that rests on them
        self._keeper.offer(step, save, value, final=final)
        self.step = step

    def restore(self, load: Callable[[str], T]) -> Optional[T]:
        """Load the checkpoint this trial resumes from: `load(path)`, or None for a fresh start."""
        return None if self.resume_path is None else load(self.resume_path)

    def infeasible(self, reason: str) -> NoReturn:
        """End the trial: this configuration cannot be trained, for `reason`."""
        raise Infeasible(reason)

    # -- for the worker ---------------------------------------------------------------------

    def request_stop(self) -> None:
        """Ask the trial to end after its next evaluation; any thread may call this."""
        self._stop = True

    def flush(self) -> None:
        """Hand what was logged to the sink; any thread may call this."""
        with self._lock:
            self._flush(time.monotonic())

    def finish(self) -> None:
        """Hand over everything, best and last checkpoints included."""
        self.flush()
        if self._keeper is not None:
            self._keeper.write()

    def close(self) -> None:
        """Take nothing more: the trial has ended, and another may use the same worker."""
        with self._lock:
            self._closed = True
            self._keeper = None

    def abandon(self) -> None:
        """Hand over what was logged and drop the states that were never written."""
        self.flush()
        if self._keeper is not None:
            self._keeper.discard()

    def _flush(self, now: float) -> None:
        if self._steps:
            self.sink.points(self._metrics, self._steps, self._values)
            self._metrics, self._steps, self._values = array("i"), array("q"), array("d")
        self._flushed = now

    def _register(self, name: str) -> int:
        if not isinstance(name, str) or not name:
            raise TypeError(f"log: found metric name {name!r}; expected text")
        ours = self._aliases.get(name, name)
        index = self._index.get(ours)
        if index is None:
            index = self._named
            self._named += 1
            self.sink.name(index, ours)
            self._index[ours] = index
        self._index[name] = index
        return index

    def _judge(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Apply the definition of "diverged" and note the objective where it counts."""
        ours = {self._aliases.get(name, name): float(value) for name, value in metrics.items()}
        objective = ours.get(self._objective.metric)
        loss = ours.get(self._objective.loss)
        training = ours.get("train/loss")
        if training is not None:
            if not self._streak:
                self._streak_start = step
            self._streak = 0 if math.isfinite(training) else self._streak + 1
        spoiled = loss is not None and not math.isfinite(loss)
        unfit = objective is not None and not math.isfinite(objective)
        if spoiled or unfit:
            self._spoiled_step = step
        if objective is not None and self._spoiled_step != step:
            self.evaluated_value, self._value_step = objective, step
        ended = spoiled or unfit or (self._streak and self.should_evaluate(step))
        if ended or self._streak >= STREAK:
            self._diverge(self._streak_start if self._streak else step)

    def _diverge(self, step: int) -> NoReturn:
        self.flush()
        raise Diverged(step)


def _number(name: str, value: Any) -> float:
    try:
        if isinstance(value, (str, bytes, bytearray)):  # `float` would read them
            raise TypeError("text")
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        found = f"{type(value).__name__} {str(value)[:40]!r}"
        raise TypeError(f"metric {name!r}: found {found}; expected a number") from error
