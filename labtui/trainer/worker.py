"""The worker: a warm process that trains one trial after another for the runner."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import platform
import queue
import random
import signal
import socket
import sys
import threading
import time
import traceback
from array import array
from typing import Any, Callable, Dict, List, NoReturn, Optional, Set, Tuple

from labtui.trainer.channel import CUT_OFF, WORN_OUT, Channel, pack_message, pack_points
from labtui.trainer.checkpoints import Keeper
from labtui.trainer.current import set_current
from labtui.trainer.offspring import Offspring
from labtui.trainer.patience import open_stream
from labtui.trainer.sources import sources, watch_imports
from labtui.trainer.stack import Stack
from labtui.trainer.surroundings import Surroundings
from labtui.trainer.trial import (
    FLUSH_SECONDS,
    Failed,
    Killed,
    Objective,
    Sink,
    Stopped,
    Trial,
    TrialEnd,
)

TRACEBACK_LINES = 20  # kept with the trial, the line of the cut included
TRACEBACK_CHARACTERS = 500  # of a line: a path, a statement; what an error says may be all its data
OUTCOME = Tuple[str, str, str]


class ChannelSink(Sink):
    """Sends the results of one lane's trial to the runner."""

    def __init__(self, channel: Channel, lane: int) -> None:
        """Send on `channel`."""
        super().__init__()
        self._channel = channel
        self._lane = lane
        self._open = True
        self._turn = threading.RLock()  # nothing may come between the last word and the close

    def name(self, index: int, name: str) -> None:
        """Announce a metric."""
        self.message({"kind": "metric", "index": index, "name": name})

    def points(self, metrics: array[int], steps: array[int], values: array[float]) -> None:
        """Send a block of points."""
        with self._turn:
            if self._open:
                self._channel.send(pack_points(self._lane, metrics, steps, values))

    def message(self, message: Dict[str, Any]) -> None:
        """Send a message."""
        with self._turn:
            if self._open:
                self._channel.send(pack_message({**message, "lane": self._lane}))

    def close(self, message: Dict[str, Any]) -> None:
        """Send the last message; what a thread says later is nobody's."""
        with self._turn:
            self.message(message)
            self._open = False


class Worker:
    """Receives assignments on one thread and trains on the main one.

    The main thread trains because signals, and some frameworks' device streams, belong to it.
    """

    def __init__(self, channel: Channel) -> None:
        """Serve the runner at the other end of `channel`."""
        self._channel = channel
        self._assignments: queue.SimpleQueue[List[Dict[str, Any]]] = queue.SimpleQueue()
        self._training: Dict[Tuple[int, int], Trial] = {}  # by trial and attempt
        self._stops: Set[Tuple[int, int]] = set()  # may be asked for before they began
        self._entries: Dict[str, Callable[..., object]] = {}
        self._surroundings = Surroundings()
        self._offspring = Offspring()
        self._is_worn = False

    def run(self) -> None:
        """Train until the runner closes its end or kills this process."""
        threading.Thread(target=self._listen, name="labtui-listen", daemon=True).start()
        threading.Thread(target=self._flush, name="labtui-flush", daemon=True).start()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._sever)
        self._channel.send(pack_message({"kind": "ready", "pid": os.getpid()}))
        while True:
            self._serve(self._assignments.get())
            # A limit was lowered that cannot be raised, or what this process holds of others that
            # it started is dead: the next trial is for another worker.
            if not self._surroundings.put_back() or self._is_worn:
                os._exit(WORN_OUT)

    def _sever(self) -> None:
        """Make a copy that the trainer forks harmless: results come from the original alone."""
        self._channel.sever()
        for trial in self._training.values():
            trial.disown()

    def _listen(self) -> None:
        for message in self._channel.receive():
            if message["kind"] == "run":
                self._assignments.put(message["lanes"])
            elif message["kind"] == "stop":
                attempt = (message["trial"], message["attempt"])
                self._stops.add(attempt)
                trial = self._training.get(attempt)
                if trial is not None:
                    trial.request_stop()
        # The runner is gone: nobody would keep what is trained from here on. Or the trainer cut off
        # this process alone.
        os._exit(0 if self._channel.is_held else CUT_OFF)

    def _flush(self) -> None:
        """Send what was logged shortly before a long silence, e.g. an evaluation."""
        while True:
            time.sleep(FLUSH_SECONDS)
            for trial in list(self._training.values()):
                trial.flush()

    def _serve(self, jobs: List[Dict[str, Any]]) -> None:
        """Train the trials of one assignment: one, or a stack of them."""
        lanes = [_Lane(job, self._channel, lane) for lane, job in enumerate(jobs)]
        with _Output(jobs[0].get("log")):
            _reset_seeds(jobs[0]["seed"])
            for lane in lanes:
                self._training[lane.attempt] = lane.trial
                if lane.attempt in self._stops:
                    lane.trial.request_stop()
            try:
                self._train(lanes)
            finally:
                for lane in lanes:
                    self._training.pop(lane.attempt, None)
                    self._stops.discard(lane.attempt)

    def _train(self, lanes: List[_Lane]) -> None:
        job = lanes[0].job
        try:
            train = self._load(job["entry"])
            versions, found = _versions(job.get("frameworks", [])), sources(job["folder"])
            started = {"kind": "started", "versions": versions, "sources": found}
            for lane in lanes:
                lane.trial.sink.message(started)
            if job.get("stacked"):
                by_trial = {id(lane.trial): lane for lane in lanes}
                train(
                    Stack(
                        [lane.trial for lane in lanes],
                        lambda trial, end: by_trial[id(trial)].end(end),
                    )
                )
            else:
                set_current(lanes[0].trial)
                train(lanes[0].trial)
            error: Optional[BaseException] = None
        except BaseException as caught:
            error = caught
        finally:
            set_current(None)
        if self._channel.severed:
            _leave_copy(error)
        self._is_worn = self._offspring.sweep()  # the end gives the device to the next trial
        for lane in lanes:
            lane.end(error)
        if error is not None:  # its frames hold the model, and a GPU's memory with it
            error.__traceback__ = None
            gc.collect()

    def _load(self, entry: str) -> Callable[..., object]:
        if entry not in self._entries:
            module, _, function = entry.partition(":")
            self._entries[entry] = getattr(importlib.import_module(module), function)
        return self._entries[entry]


class _Lane:
    """One attempt at a trial, from its assignment to the report of its end."""

    def __init__(self, job: Dict[str, Any], channel: Channel, number: int) -> None:
        self.job = job
        self.attempt = (job["trial"], job["attempt"])
        self._sink = ChannelSink(channel, number)
        self.trial = _trial(job, self._sink)
        self._ended = False

    def end(self, error: Optional[BaseException]) -> None:
        """Report the outcome, once: what raised `error` ended it, None is its regular end."""
        if self._ended:
            return
        self._ended = True
        if isinstance(error, Killed):
            with contextlib.suppress(BaseException):
                self.trial.finish()  # only the program died: the states it saved are whole
            _die_of(error.number)
        state, reason, detail = self._outcome(error)
        self.trial.close()
        done = {
            "kind": "done",
            "state": state,
            "reason": reason,
            "detail": detail,
            "step": self.trial.step,
            "sources": sources(self.job["folder"]),
        }
        try:
            self._sink.close(done)
        except (
            OSError
        ):  # of a socket: the runner is gone, or the trainer closed what is not its own
            os._exit(CUT_OFF)

    def _outcome(self, error: Optional[BaseException]) -> OUTCOME:
        """Name the outcome, (state, reason, traceback), with its points and states handed over."""
        if error is None or isinstance(error, Stopped):
            try:
                self.trial.finish()
            except BaseException as late:  # numbers read at the very end, a disk's error
                return self._outcome(late)
            return ("completed", "", "") if error is None else ("stopped", str(error), "")
        self.trial.abandon()
        if isinstance(error, TrialEnd):
            return "infeasible", _storable(_text(error)[:500]), ""
        detail = _shortened(_text(error)) if isinstance(error, Failed) else _traceback(error)
        if self.job.get("stacked"):  # one of them broke it: each has to show that it is not it
            return "alone", _one_line(error), detail
        if isinstance(error, MemoryError):
            reason = " ".join(f"out of memory: {_text(error)}"[:500].split())
            return "infeasible", _storable(reason.rstrip(": ") + _memory_limit()), detail
        return "failed", _one_line(error), detail


def _leave_copy(error: Optional[BaseException]) -> NoReturn:
    """End a copy of this process that the trainer forked and that came back from training."""
    with contextlib.suppress(BaseException):
        if error is not None and not isinstance(error, SystemExit):
            traceback.print_exception(type(error), error, error.__traceback__)
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(0 if error is None else 1)


def _die_of(number: int) -> None:
    """End this process as what it drove ended, so that the runner treats both alike."""
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _trial(job: Dict[str, Any], sink: Sink) -> Trial:
    goal = job["objective"]["goal"]
    keeper = Keeper(
        job["directory"],
        job["attempt"],
        keep=job["keep"],
        minimize=goal == "minimize",
        announce=sink.message,
        kept=job["kept"],
    )
    return Trial(
        job["params"],
        max_steps=job["max_steps"],
        eval_every=job["eval_every"],
        seed=job["seed"],
        workload=job["workload"],
        options=job["options"],
        objective=Objective(job["objective"]["metric"], goal),
        name=job["name"],
        device=job["device"],
        steps_per_epoch=job["steps_per_epoch"],
        start_step=job["start_step"],
        resume_path=job["resume_path"],
        aliases=job["aliases"],
        sink=sink,
        keeper=keeper,
    )


class _Output:
    """Sends what a trial prints to a file of its own, and removes the file if it stays empty."""

    def __init__(self, path: Optional[str]) -> None:
        self._path = path

    def __enter__(self) -> None:
        if self._path is not None:
            try:
                handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            except OSError as error:  # no room or no right: it is printed where the last was
                with contextlib.suppress(Exception):
                    print(f"{self._path}: {error.strerror}", file=sys.stderr, flush=True)
                return
            os.dup2(handle, 1)
            os.dup2(handle, 2)
            os.close(handle)

    def __exit__(self, kind: object, error: Optional[BaseException], _: object) -> None:
        if error is not None:  # a fault of the worker itself: it dies of it, and this is kept
            traceback.print_exception(type(error), error, error.__traceback__)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):  # a full disk; the trainer closed or replaced it
                stream.flush()
        if self._path is not None:
            with contextlib.suppress(OSError):
                if os.stat(self._path).st_size == 0:
                    os.unlink(self._path)


def _reset_seeds(seed: int) -> None:
    """Leave nothing of the last trial's random state, in the frameworks that are loaded."""
    random.seed(seed)
    for name, attribute in (("numpy", "random.seed"), ("torch", "manual_seed")):
        module: Any = sys.modules.get(name)
        if module is not None:
            for part in attribute.split("."):
                module = getattr(module, part)
            module(seed)


def _versions(frameworks: List[str]) -> Dict[str, str]:
    found = {"python": platform.python_version()}
    for name in frameworks:
        module = sys.modules.get(name)
        if module is not None:
            core = sys.modules.get(f"{name}.core")  # MLX has its version there
            version = getattr(module, "__version__", None) or getattr(
                core, "__version__", "unknown"
            )
            found[name] = str(version)
    return found


def _one_line(error: BaseException) -> str:
    """Say what broke a trial; a trainer's own words say it in their first line."""
    if isinstance(error, Failed):
        return _storable(_text(error).partition("\n")[0][:500])
    text = " ".join(_text(error)[:5000].split())
    return _storable(f"{type(error).__name__}: {text}"[:500].rstrip(": "))


def _memory_limit() -> str:
    """Name the limit of this process's memory, if there is one."""
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return ""
    found = resource.getrlimit(resource.RLIMIT_AS)[0]
    return "" if found == resource.RLIM_INFINITY else f" (`ulimit -v` is {found >> 10} kB)"


def _text(error: BaseException) -> str:
    """Give what an error says of itself, even one that cannot."""
    try:
        return str(error)
    except Exception:
        return "an error that cannot be written as text"


def _storable(text: str) -> str:
    """Make what cannot be written as UTF-8 (a file name, say) visible."""
    return text.encode("utf-8", "backslashreplace").decode()


def _traceback(error: BaseException) -> str:
    """Give the traceback that is kept with the trial; a longer one is whole in its log."""
    whole = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    short = _shortened(whole)
    if short.count("\n") != whole.rstrip("\n").count("\n"):
        with contextlib.suppress(Exception):  # the trainer closed or replaced it
            print(whole, end="", file=sys.stderr, flush=True)
    return short


def _shortened(text: str) -> str:
    """Leave out the middle of a traceback with many lines, and the ends of long ones."""
    lines = text.splitlines()
    if len(lines) > TRACEBACK_LINES:
        cut = len(lines) - TRACEBACK_LINES + 1
        lines = [lines[0], f"  … {cut} lines cut …", *lines[1 + cut :]]
    most = TRACEBACK_CHARACTERS
    return _storable("\n".join(s if len(s) <= most else f"{s[:most]} …" for s in lines))


def serve(handle: int) -> None:
    """Be a worker on the socket with file descriptor `handle`."""
    os.set_inheritable(handle, False)
    watch_imports(os.getcwd())
    sys.stdout, sys.stderr = open_stream(1), open_stream(2)
    Worker(Channel(socket.socket(fileno=handle))).run()
