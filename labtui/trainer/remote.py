"""A trial as a program sees it that the command trainer started, here or in a rank of torchrun.

`describe` writes down what there is to know about a trial, on the trainer's side;
`trial_from_environment` reads it in the program. Results go to standard output as JSON lines, where
the trainer reads them; docs/commands-as-trainers.md has their form.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import shutil
import tempfile
import threading
import time
from array import array
from typing import Any, Dict, Iterator, Mapping, NoReturn, Optional

from labtui.trainer.checkpoints import Checkpoint, Keeper, Predictions, Save, _shown
from labtui.trainer.current import ENVIRONMENT
from labtui.trainer.loop import StepClock
from labtui.trainer.trial import (
    FLUSH_SECONDS,
    Diverged,
    Infeasible,
    Objective,
    Sink,
    Stopped,
    Trial,
)

LONGEST = min(4096, select.PIPE_BUF)  # bytes of a line that no other writer can cut into
RANKS = ("RANK", "OMPI_COMM_WORLD_RANK", "SLURM_PROCID", "PMI_RANK")
WORLDS = ("WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "SLURM_NTASKS", "PMI_SIZE")


def scratch_folder(trial: Trial) -> str:
    """Make a folder for one attempt at `trial`, on the disk that holds its checkpoints."""
    keeper = trial._keeper
    if keeper is None:
        return tempfile.mkdtemp(prefix="labtui-")
    folder = os.path.join(keeper._root, f"tmp-{keeper._attempt}-files")  # cleared like any tmp-*
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder, mode=0o700)
    return folder


def follow(trial: Trial) -> Iterator[int]:
    """Go through a trial's steps as reports of them arrive; nobody can time them here."""
    trial._clock = _Untimed()
    return trial.steps()


class _Untimed(StepClock):
    """Measures nothing: the program itself knows how long its steps take."""

    def tick(self, evaluated: bool) -> bool:
        return False


def describe(trial: Trial, *, checkpoint_dir: str, stop_file: str) -> Dict[str, Any]:
    """Write down a trial for a program: what `trial_from_environment` reads."""
    objective = trial._objective
    return {
        "format": 1,
        "name": trial.name,
        "params": trial.params,
        "seed": trial.seed,
        "workload": trial.workload,
        "max_steps": trial.max_steps,
        "eval_every": trial.eval_every,
        "steps_per_epoch": trial.steps_per_epoch,
        "start_step": trial.start_step,
        "resume_path": trial.resume_path,
        "device": trial.device,
        "objective": {
            "metric": objective.metric,
            "goal": "minimize" if objective.minimize else "maximize",
        },
        "metrics": {ours: theirs for theirs, ours in trial._aliases.items()},
        "keep_checkpoints": 1 if trial._keeper is None else trial._keeper._keep,
        "checkpoint_dir": checkpoint_dir,
        "stop_file": stop_file,
    }


def trial_from_environment() -> Trial:
    """Give the trial that this program was started for; of several ranks only the first reports.

    Raises:
        RuntimeError: What the environment names is no description of a trial.
    """
    path = os.environ.get(ENVIRONMENT, "")
    try:
        with open(path, encoding="ascii") as file:
            told = json.load(file)
    except (OSError, ValueError) as error:
        raise RuntimeError(
            f"{ENVIRONMENT}: found {path!r}; expected a trial's file: {error}"
        ) from error
    if told.get("format") != 1:
        raise RuntimeError(f"{ENVIRONMENT}: {path} was written by another version of labtui")
    rank, world = _number(RANKS, 0), _number(WORLDS, 1)
    trial = RemoteTrial(told, rank, world)
    threading.Thread(target=trial.keep_flushing, name="labtui-flush", daemon=True).start()
    atexit.register(trial.leave)
    return trial


def _number(names: Any, default: int) -> int:
    found = [os.environ[name] for name in names if os.environ.get(name, "").isdecimal()]
    return int(found[0]) if found else default


# An end that nothing catches must not look like a failure: these are a SystemExit too.


class _StoppedHere(Stopped, SystemExit):
    """The trial was stopped; the program ends with exit code 0."""

    code = 0


class _DivergedHere(Diverged, SystemExit):
    """The trial diverged; the program ends with exit code 0, and the trainer judges."""

    code = 0


class _InfeasibleHere(Infeasible, SystemExit):
    """The trial is infeasible; the program ends with exit code 0."""

    code = 0


@contextlib.contextmanager
def _leaving_well() -> Iterator[None]:
    try:
        yield
    except Stopped as end:
        raise _StoppedHere(end.step) from None
    except Diverged as end:
        raise _DivergedHere(end.step) from None


class RemoteTrial(Trial):
    """A trial whose results go to the command trainer by standard output."""

    def __init__(self, told: Mapping[str, Any], rank: int = 0, world: int = 1) -> None:
        """Be the trial that was `told`; of `world` processes, the one of rank 0 reports."""
        self._rank = rank
        self._alone = world <= 1
        self._stop_file: str = told["stop_file"]
        self._owner = os.getpid()
        self._lines = Lines(told["metrics"])
        goal = told["objective"]["goal"]
        keeper = _Reporter(
            told["checkpoint_dir"],
            self._lines,
            keep=told["keep_checkpoints"],
            minimize=goal == "minimize",
        )
        super().__init__(
            told["params"],
            max_steps=told["max_steps"],
            eval_every=told["eval_every"],
            seed=told["seed"],
            workload=told["workload"],
            objective=Objective(told["objective"]["metric"], goal),
            name=told["name"],
            device=told["device"],
            start_step=told["start_step"],
            resume_path=told["resume_path"],
            steps_per_epoch=told["steps_per_epoch"],
            aliases=told["metrics"],
            sink=self._lines if rank == 0 else _Silent(),
            keeper=keeper if rank == 0 else None,
        )

    def steps(self) -> Iterator[int]:
        """Yield the number of each update still to make; look for a stop before evaluations."""
        self._look(self.start_step + 1)
        steps = super().steps()
        while True:
            with _leaving_well():
                step = next(steps, None)
            if step is None:
                return
            yield step
            self._look(step + 1)

    def log(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Report metric values after update `step`; ranks above 0 are not heard."""
        if self._rank:
            return
        with _leaving_well():
            super().log(step, metrics)

    def checkpoint(self, step: int, save: Save, predictions: Optional[Predictions] = None) -> None:
        """Save the state if it is wanted, and report it; ranks above 0 save nothing."""
        with _leaving_well():
            super().checkpoint(step, save, predictions)

    def infeasible(self, reason: str) -> NoReturn:
        """End the trial: this configuration cannot be trained; any rank may find that out."""
        self.flush()
        self._lines.write({"infeasible": reason})
        raise _InfeasibleHere(reason)

    def keep_flushing(self) -> None:
        """Report what was logged shortly before a long silence, e.g. an evaluation."""
        while True:
            time.sleep(FLUSH_SECONDS)
            with contextlib.suppress(OSError):
                self.flush()

    def leave(self) -> None:
        """Report the last points, in the process that logged them."""
        if os.getpid() == self._owner:
            with contextlib.suppress(OSError, Diverged):
                self.finish()

    def _look(self, step: int) -> None:
        """Notice a stop before an evaluation, in all ranks before the same one.

        They do not see the file at the same time: the first says which evaluation is the last, one
        that none of them can have reached.
        """
        if self.stop_requested or not self.should_evaluate(step):
            return
        if self._alone:
            if os.path.exists(self._stop_file):
                self.request_stop()
            return
        agreed = self._stop_file + "-at"
        if self._rank == 0 and os.path.exists(self._stop_file) and not os.path.exists(agreed):
            with open(agreed + "-new", "w") as file:
                file.write(str((step // self.eval_every + 1) * self.eval_every))
            os.replace(agreed + "-new", agreed)
        with contextlib.suppress(OSError), open(agreed) as file:
            if int(file.read()) <= step:
                self.request_stop()


class Lines(Sink):
    """Writes results to standard output, a JSON object a line and a system call."""

    def __init__(self, theirs: Mapping[str, str]) -> None:
        """Translate labtui's names of metrics into `theirs` again: the trainer does it once."""
        super().__init__()
        self._theirs = dict(theirs)
        self._handle = os.dup(1)  # whatever the program makes of its standard output
        self._writing = threading.Lock()

    def name(self, index: int, name: str) -> None:
        """Learn the name of a metric."""
        self.names.append(self._theirs.get(name, name))

    def points(self, metrics: array[int], steps: array[int], values: array[float]) -> None:
        """Write points, those of a step together."""
        names, step, found = self.names, -1, {}  # type: ignore[var-annotated]
        for metric, at, value in zip(metrics, steps, values):
            if at != step or names[metric] in found:
                self._report(step, found)
                step, found = at, {}
            found[names[metric]] = value
        self._report(step, found)

    def message(self, message: Dict[str, Any]) -> None:
        """Write a warning; the trainer knows the rest itself."""
        if message["kind"] == "warning":
            self.write({"warning": message["text"]})

    def write(self, report: Mapping[str, Any]) -> None:
        """Write one line, behind a line break: something else may have begun that line."""
        data = b"\n" + json.dumps(report).encode() + b"\n"
        with self._writing:
            while data:
                try:
                    data = data[os.write(self._handle, data) :]
                except BlockingIOError:
                    select.select([], [self._handle], [])

    def _report(self, step: int, found: Mapping[str, float]) -> None:
        if not found:
            return
        part: Dict[str, Any] = {"step": step}
        size = 40
        for name, value in found.items():
            longest = 6 * len(name) + 32  # escaped, with the number
            if size + longest > LONGEST and len(part) > 1:
                self.write(part)
                part, size = {"step": step}, 40
            part[name] = value
            size += longest
        self.write(part)


class _Silent(Sink):
    """Of the ranks that do not report."""

    def points(self, *_: Any) -> None:
        """Forget points."""

    def message(self, message: Dict[str, Any]) -> None:
        """Forget messages."""


class _Reporter(Keeper):
    """Saves the states that the trainer may want into its folder, and reports them."""

    def __init__(self, root: str, lines: Lines, *, keep: int, minimize: bool) -> None:
        super().__init__(root, 1, keep=keep, minimize=minimize, announce=lines.message)
        self._lines = lines

    def offer(
        self,
        step: int,
        save: Save,
        value: Optional[float],
        *,
        final: bool,
        predictions: Optional[Predictions] = None,
    ) -> None:
        """Save a state under a name of its own, unless it would neither be best nor be due."""
        best = self._among_best(value)
        due = final or time.monotonic() - self._last_write >= self._interval
        is_bytes = isinstance(save, (bytes, bytearray, memoryview))
        if not (best or due or is_bytes):
            return
        name = f"step-{step}"
        report = {"step": step, "checkpoint": name}
        path = os.path.join(self._root, name)
        if callable(save):
            save(path)
        else:
            _write(path, save)
        if best and predictions is not None:
            report["predictions"] = examples = f"predictions-{step}.json"
            _write(os.path.join(self._root, examples), _shown(predictions))
        if best:
            self._best.append(Checkpoint(step, value, None, None))
            self._trim()
        if due:
            self._last_write = time.monotonic()
        self._lines.write(report)

    def write(self) -> None:
        """Leave writing to the trainer: what was saved was reported at once."""


def _write(path: str, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)
