"""The worker: a warm process that trains one trial after another for the runner."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import platform
import queue
import random
import socket
import sys
import threading
import time
import traceback
from array import array
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any, Callable, Dict, List, Optional, Sequence, Set, Tuple

from labtui.trainer.channel import Channel, pack_message, pack_points
from labtui.trainer.checkpoints import Keeper
from labtui.trainer.trial import (
    FLUSH_SECONDS,
    Diverged,
    Infeasible,
    Objective,
    Sink,
    Stopped,
    Trial,
)

TRACEBACK_LINES = 40
OUTCOME = Tuple[str, str, str]


class ChannelSink(Sink):
    """Sends a trial's results to the runner."""

    def __init__(self, channel: Channel) -> None:
        """Send on `channel`."""
        super().__init__()
        self._channel = channel

    def name(self, index: int, name: str) -> None:
        """Announce a metric."""
        self._channel.send(pack_message({"kind": "metric", "index": index, "name": name}))

    def points(self, metrics: array[int], steps: array[int], values: array[float]) -> None:
        """Send a block of points."""
        self._channel.send(pack_points(metrics, steps, values))

    def message(self, message: Dict[str, Any]) -> None:
        """Send a message."""
        self._channel.send(pack_message(message))


class Worker:
    """Receives assignments on one thread and trains on the main one.

    The main thread trains because signals, and some frameworks' device streams, belong to it.
    """

    def __init__(self, channel: Channel) -> None:
        """Serve the runner at the other end of `channel`."""
        self._channel = channel
        self._assignments: queue.SimpleQueue[Dict[str, Any]] = queue.SimpleQueue()
        self._trial: Optional[Trial] = None
        self._attempt_id = (0, 0)  # trial and attempt
        self._stops: Set[Tuple[int, int]] = set()  # may be asked for before they began
        self._train: Dict[str, Callable[[Trial], object]] = {}

    def run(self) -> None:
        """Train until the runner closes its end or kills this process."""
        threading.Thread(target=self._listen, name="labtui-listen", daemon=True).start()
        threading.Thread(target=self._flush, name="labtui-flush", daemon=True).start()
        self._channel.send(pack_message({"kind": "ready", "pid": os.getpid()}))
        while True:
            self._serve_one(self._assignments.get())

    def _listen(self) -> None:
        for message in self._channel.receive():
            if message["kind"] == "run":
                self._assignments.put(message)
            elif message["kind"] == "stop":
                attempt = (message["trial"], message["attempt"])
                self._stops.add(attempt)
                if self._trial is not None and self._attempt_id == attempt:
                    self._trial.request_stop()
        os._exit(0)  # the runner is gone: nobody would keep what is trained from here on

    def _flush(self) -> None:
        """Send what was logged shortly before a long silence, e.g. an evaluation."""
        while True:
            time.sleep(FLUSH_SECONDS)
            trial = self._trial
            if trial is not None:
                trial.flush()

    def _serve_one(self, job: Dict[str, Any]) -> None:
        sink = ChannelSink(self._channel)
        trial = _trial(job, sink)
        with _Output(job.get("log")):
            _reset_seeds(trial.seed)
            self._attempt_id, self._trial = (job["trial"], job["attempt"]), trial
            if self._attempt_id in self._stops:
                trial.request_stop()
            try:
                state, reason, detail = self._attempt(job, trial)
            finally:
                trial.close()
                self._trial = None
                self._stops.discard(self._attempt_id)
        sink.message(
            {
                "kind": "done",
                "state": state,
                "reason": reason,
                "detail": detail,
                "step": trial.step,
                "sources": sources(job["folder"]),
            }
        )

    def _attempt(self, job: Dict[str, Any], trial: Trial) -> OUTCOME:
        """Train one trial and name its outcome: (state, reason, traceback)."""
        try:
            train = self._load(job)
            versions = _versions(job.get("frameworks", []))
            found = sources(job["folder"])
            trial.sink.message({"kind": "started", "versions": versions, "sources": found})
            train(trial)
            trial.finish()
            return "completed", "", ""
        except (Diverged, Infeasible) as end:
            trial.abandon()
            return "infeasible", str(end), ""
        except Stopped as end:
            trial.finish()
            return "stopped", str(end), ""
        except MemoryError as error:
            trial.abandon()
            return "infeasible", f"out of memory: {error}".rstrip(": "), _traceback()
        except BaseException as error:
            trial.abandon()
            return "failed", _one_line(error), _traceback()

    def _load(self, job: Dict[str, Any]) -> Callable[[Trial], object]:
        entry = job["entry"]
        if entry not in self._train:
            module, _, function = entry.partition(":")
            self._train[entry] = getattr(importlib.import_module(module), function)
        return self._train[entry]


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
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(handle, 1)
            os.dup2(handle, 2)
            os.close(handle)

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError, ValueError):  # a full disk, a stream the trainer closed
            sys.stdout.flush()
            sys.stderr.flush()
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
            found[name] = str(getattr(module, "__version__", "unknown"))
    return found


_hashes: Dict[str, str] = {}
_scans: Dict[str, Tuple[int, Dict[str, str]]] = {}


def sources(folder: str) -> Dict[str, str]:
    """Hash the user's own modules as imported: path relative to `folder` → SHA-256.

    Only files below `folder` count, and not those of an environment installed there.
    """
    loaded = len(sys.modules)
    if _scans.get(folder, (0, {}))[0] == loaded:
        return _scans[folder][1]
    root = os.path.realpath(folder) + os.sep
    found: Dict[str, str] = {}
    for module in list(sys.modules.values()):
        try:
            path = getattr(module, "__file__", None)
        except Exception:  # a lazy module that cannot be loaded is none of the user's files
            continue
        if not isinstance(path, str) or not path.endswith(".py"):
            continue
        path = os.path.realpath(path)
        if not path.startswith(root) or "site-packages" in path:
            continue
        digest = getattr(module, "__labtui_sha256__", None) or _hash(path)
        if digest:
            found[path[len(root) :].replace(os.sep, "/")] = digest
    _scans[folder] = (loaded, found)
    return found


class _HashingLoader(SourceFileLoader):
    """Compiles the very bytes it hashed: a file edited meanwhile is known as what was trained."""

    def get_code(self, fullname: str) -> Optional[CodeType]:
        path = self.get_filename(fullname)
        data = self.get_data(path)
        _hashes[os.path.realpath(path)] = hashlib.sha256(data).hexdigest()
        return self.source_to_code(data, path)


class _UsersModules(MetaPathFinder):
    """Finds what Python would find, and has the user's own modules loaded by hash."""

    def __init__(self, folder: str) -> None:
        self._root = os.path.realpath(folder) + os.sep

    def find_spec(
        self, name: str, path: Optional[Sequence[str]] = None, target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or type(spec.loader) is not SourceFileLoader:
            return None
        file = os.path.realpath(spec.loader.path)
        if not file.startswith(self._root) or "site-packages" in file:
            return None
        spec.loader = _HashingLoader(spec.loader.name, spec.loader.path)
        return spec


def _hash(path: str) -> str:
    """Hash a file, once: what was imported first is what this process trains with."""
    if path not in _hashes:
        try:
            with open(path, "rb") as file:
                _hashes[path] = hashlib.sha256(file.read()).hexdigest()
        except OSError:
            return ""
    return _hashes[path]


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return _storable(f"{type(error).__name__}: {text}"[:500].rstrip(": "))


def _storable(text: str) -> str:
    """Make what cannot be written as UTF-8 (a file name, say) visible."""
    return text.encode("utf-8", "backslashreplace").decode()


def _traceback() -> str:
    lines = traceback.format_exc().splitlines()
    if len(lines) > TRACEBACK_LINES:
        cut = len(lines) - TRACEBACK_LINES
        lines = [lines[0], f"  … {cut} lines cut …", *lines[-TRACEBACK_LINES:]]
    return _storable("\n".join(lines))


def serve(handle: int) -> None:
    """Be a worker on the socket with file descriptor `handle`."""
    os.set_inheritable(handle, False)
    sys.meta_path.insert(sys.meta_path.index(PathFinder), _UsersModules(os.getcwd()))
    Worker(Channel(socket.socket(fileno=handle))).run()
