"""One training run, as the trainer sees it: what to train, and where its results go."""

from __future__ import annotations

import contextlib
import math
import operator
import threading
import time
from array import array
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    NoReturn,
    Optional,
    Set,
    TypeVar,
)

from labtui.trainer.checkpoints import Keeper, Predictions, Save
from labtui.trainer.loop import StepClock, epochs_to_steps, is_evaluation
from labtui.trainer.scalars import Held, is_held

T = TypeVar("T")

FLUSH_SECONDS = 0.05  # half of the longest delay (100 ms) promised from a point to its commit
FLUSH_POINTS = 4096  # a burst never holds more than 80 kB
HELD_SECONDS = 0.25  # how long a number may stay on its device; each reading waits for it
MOST_STEPS = 2**63 - 1  # what the lab can hold
MOST_METRICS = 1000  # names; a lab-wide table holds them, and screens list them
NAME_CHARACTERS = 300  # of a metric; a path through a deep model has 100
MOST_WARNINGS, WARNING_CHARACTERS = 100, 20_000  # of one trial
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


class Killed(TrialEnd):
    """The program that a trainer drives was killed by a signal: the trial is to be tried again."""

    def __init__(self, number: int) -> None:
        """Remember the signal."""
        super().__init__(f"killed by signal {number}")
        self.number = number


class Failed(Exception):
    """The trial failed, in the trainer's own words: they are kept in the place of a traceback."""


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
        device: Where to train: ``cpu``, ``cuda``, ``mps``. A trial sees only the GPUs that are its
            own, so ``cuda`` is the first of them.
        steps_per_epoch: Updates of one pass over the data, if the study says so.
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
        steps_per_epoch: Optional[int] = None,
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
        self.steps_per_epoch = steps_per_epoch
        self.evaluated_value: Optional[float] = None
        self.step = start_step
        self.sink = sink or Sink()
        self._objective = objective or Objective("validation/loss")
        self._aliases = {theirs: ours for ours, theirs in (aliases or {}).items()}
        self._keeper = keeper
        self._index: Dict[str, int] = {}  # by the name that the trainer uses
        self._named: Dict[str, int] = {}  # by labtui's
        self._lock = threading.Lock()
        self._metrics: array[int] = array("i")
        self._steps: array[int] = array("q")
        self._values: array[float] = array("d")
        self._flushed = 0.0
        self._thread = threading.get_ident()
        self._held = Held()
        self._warned: Set[str] = set()
        self._clock = StepClock()
        self._timed: Set[str] = set()  # what the clock logs because the trainer does not
        self._streak = 0
        self._streak_start = 0
        self._stop = False
        self._closed = False
        self._copied = False
        self._ending = False
        self._value_step = -1
        self._spoiled_step = -1

    # -- the loop ---------------------------------------------------------------------------

    def steps(self) -> Iterator[int]:
        """Yield the number of each update still to make, `start_step` + 1 … `max_steps`."""
        self._thread = threading.get_ident()  # the one that may wait for a device
        self._clock.start()
        for step in range(self.start_step + 1, self.max_steps + 1):
            # Decided before the step, so that `checkpoint` knows that this state must be written.
            self._ending = self._stop and step < self.max_steps and self.should_evaluate(step)
            yield step
            self.step = step
            if self._clock.tick(self.should_evaluate(step)):
                self._log_times(step)
            if self._ending:
                self._settle()
                raise Stopped(step)
        self._settle()

    def batches(self, batches: Iterable[T]) -> Iterator[T]:
        """Yield from `batches`, and log how long each step waits for them (P44)."""
        iterator = iter(batches)
        while True:
            asked = time.perf_counter()
            try:
                batch = next(iterator)
            except StopIteration:
                return
            self._clock.waited(time.perf_counter() - asked)
            yield batch

    def epoch_step(self, epochs: float) -> int:
        """Give the updates completed after so many passes over the data, rounded up.

        Raises:
            ValueError: The study does not say how many steps an epoch has.
        """
        if not self.steps_per_epoch:
            raise ValueError(
                "epoch: found no steps_per_epoch; add `steps_per_epoch: N` to the study file"
            )
        return epochs_to_steps(epochs, self.steps_per_epoch)

    def should_evaluate(self, step: int) -> bool:
        """Say whether to evaluate after update `step`: step 1, every `eval_every`, the last."""
        return is_evaluation(step, self.eval_every, self.max_steps)

    def log(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Record metric values after update `step`; returns at once.

        Args:
            step: Updates done, 0 for the untrained model.
            metrics: Name → a number, or anything but text that `float` takes. A scalar on a device
                is not waited for: it is read with others at the next evaluation, or within
                `HELD_SECONDS` of further calls.

        Raises:
            Diverged: When a loss that matters is not finite; held ones are judged when read.
            TypeError: For a value that is no number.
        """
        if step < 0:
            raise ValueError(f"log: found step {step}; expected the updates done, 0 or more")
        waits = bool(self._held)
        for value in metrics.values():
            waits = waits or (type(value) is not float and is_held(value))
        (self._hold if waits else self._record)(step, metrics)

    def checkpoint(self, step: int, save: Save, predictions: Optional[Predictions] = None) -> None:
        """Offer the state after update `step` to be kept; call it after logging the evaluation.

        Args:
            step: Updates done, i.e. what the state holds.
            save: Its bytes, or a function that saves it to the path it is given (a file or a
                folder of that name).
            predictions: What the model says on a few fixed examples, a JSON object each, or a
                function that gives them; kept beside the state if it is among the best (P43).
        """
        if self._keeper is None:
            self._refuse_copy("checkpoint")
            return
        if not hasattr(step, "__index__") or not 0 <= operator.index(step) <= MOST_STEPS:
            raise ValueError(f"checkpoint: found step {step!r}; expected the updates done")
        step = operator.index(step)
        final = self._ending or self._stop or step >= self.max_steps
        self._settle()
        value = self.evaluated_value if self._value_step == step else None
        self.flush()  # points reach the lab before the checkpoint that rests on them
        self._keeper.offer(step, save, value, final=final, predictions=predictions)
        self.step = step

    def restore(self, load: Callable[[str], T]) -> Optional[T]:
        """Load the checkpoint this trial resumes from: `load(path)`, or None for a fresh start."""
        return None if self.resume_path is None else load(self.resume_path)

    def infeasible(self, reason: str) -> NoReturn:
        """End the trial: this configuration cannot be trained, for `reason`."""
        raise Infeasible(reason)

    def warn(self, text: str) -> None:
        """Tell the person something about this trial that does not end it; each text once."""
        text = str(text)[:WARNING_CHARACTERS]
        if text in self._warned or len(self._warned) > MOST_WARNINGS:
            return
        if len(self._warned) == MOST_WARNINGS:
            text = f"more than {MOST_WARNINGS} different warnings; the others are not kept"
        self._warned.add(text)
        self.sink.message({"kind": "warning", "text": text})

    def fall_back(self, device: str, reason: str) -> None:
        """Train on `device` instead of the one that was asked for, and say so."""
        self.sink.message({"kind": "device", "device": device})
        self.warn(f"trains on {device}, not {self.device}: {reason}")
        self.device = device

    @property
    def stop_requested(self) -> bool:
        """Whether the trial is to end after its next evaluation; `steps` sees to it."""
        return self._stop

    # -- for the worker ---------------------------------------------------------------------

    def request_stop(self) -> None:
        """Ask the trial to end after its next evaluation; any thread may call this."""
        self._stop = True

    def flush(self) -> None:
        """Hand what was logged to the sink; any thread may call this.

        Only the trainer's own thread waits for a device.
        """
        try:
            if self._held and threading.get_ident() == self._thread:
                self._settle()
        finally:
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
            self._held = Held()
            self._keeper = None

    def disown(self) -> None:
        """Take no reports in a forked copy of this process: the trial is the original's."""
        self._lock = threading.Lock()  # a thread of the original may have held it
        self._closed = self._copied = True
        self._held, self._keeper, self.sink = Held(), None, Sink()
        del self._metrics[:], self._steps[:], self._values[:]

    def _refuse_copy(self, call: str) -> None:
        if self._copied:
            raise RuntimeError(
                f"{call}: called in a process that the trainer forked; report from the process "
                "that it was started in, or use `trainer: {command: …}`, whose processes may all"
            )

    def abandon(self) -> None:
        """Hand over what was logged and drop the states that were never written."""
        with contextlib.suppress(Exception, TrialEnd):  # it has ended already, and says why
            self.flush()
        if self._keeper is not None:
            self._keeper.discard()

    def _hold(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Keep a call of `log` until its numbers are read, and those after it: order matters."""
        now = time.monotonic()
        with self._lock:
            if self._closed:
                self._refuse_copy("log")
                return
            self._held.add(step, metrics)
            since = self._held.since
        due = now - since > HELD_SECONDS or self._objective.metric in map(self._ours, metrics)
        if due and threading.get_ident() == self._thread:
            self._settle()

    def _settle(self) -> None:
        """Read what still lies on a device, and take it as if it were logged now."""
        if not self._held:
            return
        with self._lock:
            held, self._held = self._held, Held()
        for step, metrics in held.read():
            self._record(step, metrics)

    def _record(self, step: int, metrics: Mapping[str, Any]) -> None:
        bad = False
        with self._lock:
            if self._closed:  # a thread that outlived its trial: its points are nobody's
                self._refuse_copy("log")
                return
            for name, value in metrics.items():
                number = value if type(value) is float else _number(name, value)
                index = self._index.get(name)
                if index is None:
                    index = self._register(name)
                if index < 0:
                    continue
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

    def _log_times(self, step: int) -> None:
        """Log what the clock has seen since the last evaluation, unless the trainer did."""
        for name, value in self._clock.read().items():
            if name not in self._named:
                self._timed.add(name)
            if name in self._timed:
                Trial.log(self, step, {name: value})

    def _ours(self, name: str) -> str:
        return self._aliases.get(name, name)

    def _flush(self, now: float) -> None:
        if self._steps:
            self.sink.points(self._metrics, self._steps, self._values)
            self._metrics, self._steps, self._values = array("i"), array("q"), array("d")
        self._flushed = now

    def _register(self, name: str) -> int:
        if not isinstance(name, str) or not name:
            raise TypeError(f"log: found metric name {name!r}; expected text")
        if len(name) > NAME_CHARACTERS:
            raise ValueError(
                f"log: found a metric name of {len(name):,} characters, {name[:40]!r}…; expected "
                f"at most {NAME_CHARACTERS}"
            )
        ours = self._ours(name)
        index = self._named.get(ours)
        wanted = ours in (self._objective.metric, self._objective.loss)
        if index is None and len(self._named) >= MOST_METRICS and not wanted:
            self.warn(f"more than {MOST_METRICS:,} metrics; the further ones are not kept")
            return -1
        if index is None:
            index = self._named[ours] = len(self._named)
            self.sink.name(index, ours)
        self._index[name] = index
        return index

    def _judge(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Apply the definition of "diverged" and note the objective where it counts."""
        ours = {self._ours(name): _number(name, value) for name, value in metrics.items()}
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
        if hasattr(value, "detach"):  # torch warns of reading a loss that still has its graph
            value = value.detach()
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        found = f"{type(value).__name__} {str(value)[:40]!r}"
        raise TypeError(f"metric {name!r}: found {found}; expected a number") from error
