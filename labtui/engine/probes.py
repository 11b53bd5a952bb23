"""The batch-size probe: short trials at powers of two until a larger batch does not pay (P02)."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from labtui.analysis.throughput import PATIENCE, PAYS, Size, is_saturated
from labtui.engine import client, guard, provenance, requests
from labtui.engine.devices import CPU, cores, free_place
from labtui.engine.executor import Event, Executor, Logged, Lost
from labtui.engine.jobs import Lane, QueuedTrial, StudyPlan, make_job, queued_trials, study_plan
from labtui.engine.pool import LocalPool
from labtui.engine.probe_memory import WorkerMemory, free_memory
from labtui.engine.probe_subject import ProbeError, Subject
from labtui.store.paths import LabPaths
from labtui.store.writer import Writer, now

WINDOWS = 4  # between evaluations of a trial; the first is left out: caches and clocks warm up
LEAST_STEPS, LEAST_SECONDS = 20, 1.0  # that the others must measure together
MARGIN = 1.1  # the next trial may be faster than the one that its length is taken from
ROUNDS = 2  # the better one counts: whatever else ran can only have slowed a round down
SMALLEST = 8  # where the trainer declares nothing; below, only overhead is measured
LARGEST = 2**24
MEMORY_SHARE = 0.8  # of what is free at the start: beyond it a machine begins to swap or to kill
POLL_SECONDS = 0.1
BUSY = 0.5  # load a core above which times of this machine are not to be trusted

End = Literal["no-gain", "memory", "refused", "largest"]


@dataclass(frozen=True)
class BatchSizes:
    """What a batch-size probe found.

    Attributes:
        date: ISO 8601, UTC.
        device: Where it trained.
        params: The configuration, without the batch size.
        name: What the batch size is called.
        sizes: Ascending; one that could not be measured is the last.
        end: What ended the doubling; `reason` says it for people.
        by_clock: Whether the trainer logs no ``step_time``, so that a clock measured it.
        remarks: What else a person must know about these numbers.
    """

    date: str
    subject: Subject
    device: str
    params: Mapping[str, object]
    name: str
    sizes: tuple[Size, ...]
    end: End
    reason: str
    by_clock: bool
    remarks: tuple[str, ...]


@dataclass
class Attempt:
    """What one short trial said."""

    state: str = ""
    reason: str = ""
    names: dict[int, str] = field(default_factory=dict)
    times: dict[str, dict[int, float]] = field(default_factory=dict)  # metric → step → seconds
    heard: list[tuple[int, float]] = field(default_factory=list)  # newest step, and when
    memory: int | None = None

    @property
    def step_time(self) -> float | None:
        """Median seconds of a step over the windows that count; None without any."""
        return _median(self.times.get("step_time", {})) or self._clocked()

    @property
    def data_wait(self) -> float | None:
        """Median seconds that a step waits for data; None if that is not logged."""
        return _median(self.times.get("data_wait", {}))

    @property
    def by_clock(self) -> bool:
        """Whether the step time is from when points arrived, evaluations included."""
        return not self.times.get("step_time")

    def _clocked(self) -> float | None:
        if not self.heard:
            return None
        last = self.heard[-1]
        first = next(h for h in self.heard if h[0] * WINDOWS >= last[0])
        return (last[1] - first[1]) / (last[0] - first[0]) if last[0] > first[0] else None


def _median(times: dict[int, float]) -> float | None:
    """Take the median over windows, without the first step and the first window behind it."""
    steps = sorted(times)
    later = steps[2:] or steps[-1:]
    found = [times[step] for step in later if math.isfinite(times[step])]
    return statistics.median(found) if found else None


# -- climbing -----------------------------------------------------------------------------------

Measure = Callable[[int], Size]


def climb(measure: Measure, smallest: int) -> list[Size]:
    """Measure powers of two until a larger batch cannot be trained or does not pay.

    Every size is measured in `ROUNDS` rounds with the others between, so that a moment in which
    the machine was busy does not decide; if the better rounds say that it paid after all, the
    climb goes on.

    Args:
        measure: Measures a batch size once.
        smallest: The first.
    """
    sizes: list[Size] = []
    while not _is_over(sizes):
        while not _is_over(sizes):
            sizes.append(measure(2 * sizes[-1].batch_size if sizes else smallest))
        for place, size in enumerate(sizes):
            while sizes[place].measured and len(sizes[place].step_times) < ROUNDS:
                again = measure(size.batch_size)
                if not again.measured:
                    break
                sizes[place] = _better(sizes[place], again)
    return sizes


def _is_over(sizes: list[Size]) -> bool:
    if not sizes:
        return False
    return not sizes[-1].measured or is_saturated(sizes) or sizes[-1].batch_size >= LARGEST


def _better(one: Size, other: Size) -> Size:
    """Join two rounds; waiting is that of the faster one.

    Memory is the lesser: a worker may keep what a larger batch took in between.
    """
    faster = min(one, other, key=lambda size: size.step_time)
    memory = min((m for m in (one.memory, other.memory) if m is not None), default=None)
    times = one.step_times + other.step_times
    return replace(faster, step_times=times, memory=memory)


def _end(sizes: list[Size], memory: bool) -> tuple[End, str]:
    last = sizes[-1]
    if not last.measured:
        return ("memory" if memory else "refused"), f"{last.batch_size}: {last.outcome}"
    if is_saturated(sizes):
        return "no-gain", f"{PATIENCE} doublings in a row brought less than {PAYS:.0%}"
    return "largest", f"{LARGEST} is the largest that is tried"


# -- measuring ----------------------------------------------------------------------------------


class Bench:
    """One warm worker that trains short trials of one configuration."""

    def __init__(
        self,
        plan: StudyPlan,
        params: Mapping[str, object],
        executor: Executor,
        memory: WorkerMemory,
        paths: LabPaths,
    ) -> None:
        """Train by `executor`; `paths` is a lab to be thrown away."""
        self._plan = plan
        self._params = params
        self._executor = executor
        self._memory = memory
        self._paths = paths
        self._place = free_place(plan.request, {}) or CPU
        self._limit = int(MEMORY_SHARE * free_memory())
        self._trials = 0
        self.device = self._place
        self.remarks: list[str] = []

    def train(self, name: str, batch_size: int, steps: int, eval_every: int) -> Attempt:
        """Train once, to its end or until it takes too much memory."""
        self._trials += 1
        params = {**self._params, name: batch_size}
        trial = QueuedTrial(self._trials, self._trials, params, 1, steps, 0)
        plan = replace(self._plan, eval_every=eval_every)
        self._memory.reset()
        self._executor.start(make_job(plan, [Lane(trial, [])], self._paths, self._place))
        attempt = Attempt()
        while not attempt.state:
            for event in self._executor.wait(POLL_SECONDS):
                if event.trial == trial.id:
                    self._take(attempt, event)
            too_much = self._too_much(attempt)
            if too_much and not attempt.reason:
                attempt.reason = f"out of memory: {too_much}"
                attempt.state = attempt.state and "infeasible"  # it may just have ended
                self._executor.kill(trial.id)
        shutil.rmtree(self._paths.checkpoint_folder(trial.id), ignore_errors=True)
        return attempt

    def _too_much(self, attempt: Attempt) -> str:
        """Say whose memory is nearly used up: this machine's, or a GPU's that shares it."""
        if self._memory.sample() > self._limit:
            return f"the worker took more than {MEMORY_SHARE:.0%} of the memory that was free"
        shares = attempt.times.get("memory_share", {})
        if max(shares.values(), default=0.0) > MEMORY_SHARE:
            return f"it took more than {MEMORY_SHARE:.0%} of the memory recommended for the device"
        return ""

    def _take(self, attempt: Attempt, event: Event) -> None:
        if isinstance(event, Logged):
            metrics, steps, values = event.points
            for metric, step, value in zip(metrics, steps, values, strict=True):
                attempt.times.setdefault(attempt.names[metric], {})[step] = value
            attempt.heard.append((max(steps), time.monotonic()))
        elif isinstance(event, Lost):
            attempt.state = "lost"
            attempt.reason = attempt.reason or f"{event.reason}{self._said(event.trial)}"
        elif event.kind == "metric":
            attempt.names[event.data["index"]] = event.data["name"]
        elif event.kind == "warning" and event.data["text"] not in self.remarks:
            self.remarks.append(event.data["text"])
        elif event.kind == "device":
            self.device = event.data["device"]
        elif event.kind == "done":
            attempt.memory = self._memory.peak()
            attempt.reason = attempt.reason or event.data["reason"]
            attempt.state = event.data["state"]

    def _said(self, trial: int) -> str:
        """Quote the last line that a lost trial printed: its log goes with the probe."""
        with contextlib.suppress(OSError):
            text = self._paths.trial_log(trial).read_text("utf-8", "replace").strip()
            return f"; it printed last: {text.splitlines()[-1]}" if text else ""
        return ""


@contextmanager
def open_bench(subject: Subject, name: str) -> Iterator[Bench]:
    """Start a worker for a subject, and leave nothing of it behind.

    Raises:
        TrainerError, DeviceError: What it needs is not here.
    """
    study, _ = subject.study(
        f"{subject.workload}-batch-size",
        "Which batch sizes are feasible, and which pay?",
        max_train_steps=1,
        eval_every=1,
        configurations=[{name: subject.params[name]}],
    )
    request = {
        "study": {**study.to_json(), "keep_checkpoints": 0},
        "folder": str(subject.folder),
        "interpreter": client.find_interpreter(study.interpreter, subject.folder),
        "environment": provenance.allowed_environment(),
    }
    with tempfile.TemporaryDirectory(prefix="labtui-probe-", ignore_cleanup_errors=True) as folder:
        # A lab of its own turns the study into a plan as a runner would; no row of it is kept.
        paths = LabPaths(Path(folder, "lab.db"))
        with Writer(paths) as writer:
            found = requests.submit(writer, request)["id"]
            plan = study_plan(writer.connection, found)
            params = queued_trials(writer.connection, found)[0].params
        before = set(guard.children())
        pool = LocalPool(1, paths.logs)
        try:
            memory = WorkerMemory(set(guard.children()) - before)
            yield Bench(plan, params, pool, memory, paths)
        finally:
            pool.close()


def probe_batch_size(
    subject: Subject,
    *,
    name: str = "batch_size",
    steps: int | None = None,
    smallest: int | None = None,
    tell: Callable[[Size], None] = lambda _: None,
) -> BatchSizes:
    """Measure the throughput of a workload by batch size.

    Args:
        subject: What is trained.
        name: What the batch size is called.
        steps: Updates of every short trial; by default as many as a stable time takes.
        smallest: Where to begin; by default the power of two from which the trainer declares it.
        tell: Is told of each size as it is measured.

    Raises:
        ProbeError: Nothing could be measured.
        TrainerError, DeviceError: What it needs is not here.
    """
    _check_name(subject, name)
    known: dict[int, float] = {}
    out_of_memory, by_clock = [], []
    with open_bench(subject, name) as bench:
        remarks = _remarks()

        def measure(batch_size: int) -> Size:
            attempt = _measure(bench, name, batch_size, steps, known)
            found = _size(batch_size, attempt)
            if not found.measured:
                out_of_memory.append(_is_out_of_memory(attempt))
            by_clock.append(attempt.by_clock)
            tell(found)
            return found

        sizes = climb(measure, smallest or _smallest(subject, name))
    if not sizes[0].measured:
        raise ProbeError(_hopeless(sizes[0], name))
    end, reason = _end(sizes, any(out_of_memory[-1:]))
    params = {k: v for k, v in subject.params.items() if k != name}
    return BatchSizes(
        date=now(),
        subject=subject,
        device=bench.device,
        params=params,
        name=name,
        sizes=tuple(sizes),
        end=end,
        reason=reason,
        by_clock=all(by_clock),
        remarks=(*remarks, *bench.remarks),
    )


def _check_name(subject: Subject, name: str) -> None:
    if name not in subject.params:
        known = ", ".join(subject.params) or "none"
        raise ProbeError(
            f"--batch-size-name: the configuration has no hyperparameter {name!r}; it has {known}. "
            f"If the script reads it, add --param {name}=32; if it calls it differently, say how"
        )


def _smallest(subject: Subject, name: str) -> int:
    low, _ = subject.ranges.get(name, (SMALLEST, SMALLEST))
    return int(2 ** math.ceil(math.log2(max(1.0, low))))


def _measure(
    bench: Bench, name: str, batch_size: int, steps: int | None, known: dict[int, float]
) -> Attempt:
    """Train for long enough: a first, short trial of a size tells how long that is."""
    if steps is not None:
        return bench.train(name, batch_size, steps, max(1, steps // WINDOWS))
    each = math.ceil(LEAST_STEPS / (WINDOWS - 1))
    if batch_size not in known:
        attempt = bench.train(name, batch_size, WINDOWS * each, each)
        found = attempt.step_time
        if attempt.state != "completed" or not found:
            return attempt
        known[batch_size] = found
        if (WINDOWS - 1) * each * found >= LEAST_SECONDS:
            return attempt
    wanted = math.ceil(MARGIN * LEAST_SECONDS / known[batch_size] / (WINDOWS - 1))
    each = max(each, wanted)
    return bench.train(name, batch_size, WINDOWS * each, each)


def _size(batch_size: int, attempt: Attempt) -> Size:
    if attempt.state != "completed":
        return Size(batch_size, outcome=attempt.reason or attempt.state)
    if not attempt.step_time:
        return Size(batch_size, outcome="it logged nothing that could be timed")
    return Size(batch_size, (attempt.step_time,), attempt.data_wait, attempt.memory)


def _is_out_of_memory(attempt: Attempt) -> bool:
    killed = attempt.state == "lost" and "SIGKILL" in attempt.reason
    return killed or attempt.reason.startswith("out of memory")


def _hopeless(first: Size, name: str) -> str:
    hint = ""
    if first.outcome.startswith("diverged"):
        hint = "; give a lower rate, as --param learning_rate=1e-4"
    elif first.outcome.startswith("out of memory") and first.batch_size > 1:
        hint = "; begin with a smaller one: --from 1"
    return f"{name} {first.batch_size}, the first, could not be measured: {first.outcome}{hint}"


def _remarks() -> list[str]:
    load, count = os.getloadavg()[0], cores()
    if load <= BUSY * count:
        return []
    return [
        f"the machine was busy at the start (load {load:.1f} on {count} cores): "
        "look at the spread before you trust the gains"
    ]
